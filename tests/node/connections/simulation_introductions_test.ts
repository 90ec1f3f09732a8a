/**
 * Meshes that form through two seeds, over random lives of simulated nodes: when the faults have healed, each node is
 * connected to all others, most of which only introductions have named.
 */

import { assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { fuzz, type Random, runs } from "../../_seeds.ts";

const NAMES = Array.from({ length: 8 }, (_, at) => `n${at}`);
const SEEDS = 2;
const STEPS = 12;
const TICK_TIME = 1000;
const MAX_DELAY = 3000;

/** The time after which all must be connected: the seeds, and the nodes that they introduce. */
const PATIENCE = 60_000;

/**
 * One life. Partitions cut whole groups off, with all connections across them: nothing connects two nodes again that
 * have lost each other only, and are no seeds.
 */
async function live(
  random: Random,
  seed: number,
  epmd: boolean,
): Promise<void> {
  let seeds: string[] = [];
  await using cluster = await SimulatedCluster.start({
    nodes: NAMES,
    seed,
    epmd,
    delay: { min: 1, max: 1 + random.below(200) },
    tickTime: TICK_TIME,
    limits: { handshakeTimeout: 2000 },
    cluster: {
      seeds: {
        strategy: () => seeds,
        interval: 1000,
        minDelay: 50,
        maxDelay: MAX_DELAY,
      },
    },
  });
  const findSeeds = () =>
    seeds = NAMES.slice(0, SEEDS).map((name) =>
      epmd ? `${name}@localhost` : cluster.address(name)
    );
  findSeeds();
  for (let step = 0; step < STEPS; step++) {
    switch (random.below(4)) {
      case 0: {
        cluster.heal();
        const group = NAMES.filter(() => random.below(2) === 0);
        const others = NAMES.filter((name) => !group.includes(name));
        if (group.length > 0 && others.length > 0) {
          cluster.partition(group, others, { mode: "cut" });
        }
        break;
      }
      case 1:
        cluster.heal();
        break;
      default:
        await cluster.restart(NAMES[random.below(NAMES.length)]);
        findSeeds();
    }
    await cluster.advance(random.below(2) === 0 ? random.below(500) : 5000);
  }
  cluster.heal();
  await cluster.advance(PATIENCE);
  for (const name of NAMES) {
    assertEquals(
      await cluster.run(name, () => Node.list().sort()),
      NAMES.filter((each) => each !== name).map((each) => `${each}@localhost`),
      `the nodes that ${name} is connected to`,
    );
  }
}

for (
  const { what, epmd } of [
    { what: "names", epmd: true },
    { what: "addresses", epmd: false },
  ]
) {
  test(
    `a mesh is whole again after random faults, with the ${what} of two seeds`,
    { timeout: 240_000 },
    () => fuzz(runs(20), (random, seed) => live(random, seed, epmd)),
  );
}
