/** Nodes without EPMD, over random lives of a simulated cluster: they find each other by addresses alone. */

import { assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { fuzz, type Random, runs } from "../../_seeds.ts";

const NAMES = ["alex", "kate", "moebi", "sophie"];
const STEPS = 30;
const TICK_TIME = 1000;

/** One life: nodes that are partitioned, disconnected, killed and restarted, and connect by names and addresses. */
async function live(random: Random, seed: number): Promise<string[]> {
  await using cluster = await SimulatedCluster.start({
    nodes: NAMES,
    seed,
    epmd: false,
    tickTime: TICK_TIME,
  });
  const dead = new Set<string>();
  const some = (): string => NAMES[random.below(NAMES.length)];
  const alive = () => NAMES.filter((name) => !dead.has(name));
  const join = (name: string, to: string) => {
    const address = cluster.address(to);
    return cluster.run(name, () => Node.connect({ address }));
  };
  const names = (name: string) => cluster.run(name, () => Node.list());
  for (let i = 0; i < STEPS; i++) {
    const one = some();
    const other = some();
    if (dead.has(one) || dead.has(other) || one === other) {
      if (dead.delete(one)) await cluster.restart(one);
      continue;
    }
    switch (random.below(8)) {
      case 0:
        await cluster.kill(one);
        dead.add(one);
        break;
      case 1:
        cluster.partition([one], [other], {
          mode: random.below(2) === 0 ? "cut" : "silent",
          oneWay: random.below(2) === 0,
        });
        break;
      case 2:
        cluster.heal();
        break;
      case 3:
        await cluster.run(one, () => Node.disconnect(`${other}@localhost`));
        break;
      case 4:
        await cluster.run(one, () => Node.connect(`${other}@localhost`));
        break;
      case 5:
        await cluster.advance(random.below(2 * TICK_TIME));
        break;
      default:
        await join(one, other);
    }
  }
  cluster.heal();
  for (const name of dead) await cluster.restart(name);
  dead.clear();
  const wrong: string[] = [];
  await cluster.advance(20 * TICK_TIME);
  // Introductions are made when a connection comes up, so the mesh forms anew.
  for (const name of NAMES) {
    await cluster.run(name, () => {
      for (const node of Node.list()) Node.disconnect(node);
    });
  }
  await cluster.settle();
  // Everyone knows an address of alex, and gets those of the others from their peers, in this order.
  const [first, ...others] = alive();
  for (const name of others) {
    if (!await join(name, first)) wrong.push(`${name} did not join ${first}`);
    await cluster.settle();
  }
  const full = NAMES.map((name) => `${name}@localhost`);
  for (const name of NAMES) {
    const expected = full.filter((each) => each !== `${name}@localhost`);
    const list = (await names(name)).toSorted();
    if (list.join() !== expected.join()) wrong.push(`${name} has ${list}`);
  }
  // Each connection is lost once, and made again by the name: the nodes know where the others were.
  for (const name of NAMES) {
    for (const other of await names(name)) {
      const found = await cluster.run(name, async () => {
        Node.disconnect(other);
        return await Node.connect(other);
      });
      if (!found) wrong.push(`${name} did not find ${other} again`);
      await cluster.settle();
    }
  }
  return wrong;
}

test("nodes without EPMD find each other by addresses", {
  timeout: 300_000,
}, () =>
  fuzz(runs(30), async (random, seed) => {
    assertEquals(await live(random, seed), []);
  }));
