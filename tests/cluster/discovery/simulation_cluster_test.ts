/**
 * Clusters that form themselves, over random lives of simulated nodes: when all faults have healed, every node is
 * connected to every other one, though no code of a program connects them.
 */

import { assertEquals } from "@std/assert";
import {
  Cluster,
  type ClusterAddress,
  type TopologyInfo,
} from "../../../packages/cluster/discovery/cluster.ts";
import { Node } from "../../../node.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { fuzz, type Random, runs } from "../../_seeds.ts";

const NAMES = ["alex", "kate", "moebi", "sophie"];
const STEPS = 15;
const TICK_TIME = 1000;
const MAX_DELAY = 5000;

/** The time after which all must be connected: the silence is noticed, and everything has been dialled again. */
const PATIENCE = 10 * (TICK_TIME + MAX_DELAY);

async function live(
  random: Random,
  seed: number,
  epmd: boolean,
  addresses: (cluster: SimulatedCluster) => ClusterAddress[],
): Promise<void> {
  let nodes: ClusterAddress[] = [];
  await using cluster = await SimulatedCluster.start({
    nodes: NAMES,
    seed,
    epmd,
    tickTime: TICK_TIME,
    limits: { handshakeTimeout: 2000 },
    cluster: {
      own: {
        strategy: () => nodes,
        interval: 2000,
        minDelay: 50,
        maxDelay: MAX_DELAY,
      },
    },
  });
  nodes = addresses(cluster);
  for (let step = 0; step < STEPS; step++) {
    const one = NAMES[random.below(NAMES.length)];
    const other = NAMES[random.below(NAMES.length)];
    switch (random.below(5)) {
      case 0:
      case 1:
        if (one === other) break;
        cluster.partition([one], [other], {
          mode: random.below(2) === 0 ? "cut" : "silent",
          oneWay: random.below(3) === 0,
        });
        break;
      case 2:
        cluster.heal();
        break;
      case 3:
        await cluster.restart(one);
        nodes = addresses(cluster);
        break;
      case 4:
        await cluster.run(one, () => Node.disconnect(`${other}@localhost`));
    }
    await cluster.advance(random.below(2 * MAX_DELAY));
  }
  cluster.heal();
  await cluster.advance(PATIENCE);
  for (const name of NAMES) {
    const [list, { topologies: [own] }] = await cluster.run(
      name,
      async () => [Node.list().sort(), await Cluster.info()] as const,
    );
    const others = NAMES.filter((each) => each !== name)
      .map((each) => `${each}@localhost`);
    assertEquals(list, others, `${name}: ${stateOf(own)}`);
    assertEquals(
      statesOf(own),
      { connected: 3, self: 1 },
      `${name}: ${stateOf(own)}`,
    );
  }
}

function statesOf({ addresses }: TopologyInfo): Record<string, number> {
  const states: Record<string, number> = {};
  for (const { state } of addresses) states[state] = (states[state] ?? 0) + 1;
  return states;
}

function stateOf(own: TopologyInfo): string {
  return JSON.stringify(own, undefined, 2);
}

for (
  const { what, epmd, addresses } of [
    {
      what: "names",
      epmd: true,
      addresses: () => NAMES.map((name) => `${name}@localhost`),
    },
    {
      what: "addresses",
      epmd: false,
      addresses: (cluster: SimulatedCluster) =>
        NAMES.map((name) => cluster.address(name)),
    },
  ]
) {
  test(
    `a cluster of ${what} is whole again after random faults`,
    { timeout: 240_000 },
    () => fuzz(runs(12), (random, seed) => live(random, seed, epmd, addresses)),
  );
}
