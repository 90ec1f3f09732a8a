/** Global names and locks, over random lives of a simulated cluster. */

import { assert, assertEquals } from "@std/assert";
import { global } from "../global.ts";
import { Node } from "../node.ts";
import { receive, spawn } from "../process.ts";
import { SimulatedCluster } from "../testing/mod.ts";
import { test } from "../testing/tags.ts";
import { GLOBAL } from "./_simulated_global.ts";
import { live, livesTest } from "./_simulated_lives.ts";

livesTest("global", GLOBAL, 60);

test("a name server continues when the only one that granted it the lock of the names is lost", async () => {
  // The connection closes while an attempt waits that another server refuses.
  const { wrong } = await live({
    seed: -1662395324,
    delay: { min: 1, max: 200 },
    commands: [
      ["register", 6, 15, 6],
      ["connect", 15, 9, 4],
      ["spawn", 1, 9, 9],
      ["spawn", 13, 13, 3],
      ["restart", 2, 2, 15],
      ["register", 7, 1, 6],
      ["lock", 0, 5, 14],
      ["pause", 15, 7, 12],
      ["lock", 0, 8, 5],
      ["lock", 11, 1, 15],
      ["end", 15, 12, 9],
      ["split", 10, 3, 1],
      ["lock", 1, 2, 2],
      ["killServer", 14, 3, 1],
    ],
  }, GLOBAL);
  assertEquals(wrong, []);
});

test("registrations of a node share a lock: two round trips at once, and one for each that follows", async () => {
  const nodes = ["alex", "kate", "moebi", "zoe"];
  await using cluster = await SimulatedCluster.start({
    nodes,
    delay: { min: 10, max: 10 },
  });
  for (const name of nodes) {
    await cluster.run(name, async () => {
      for (const other of nodes) await Node.connect(`${other}@localhost`);
      await global.sync();
    });
  }
  await cluster.settle();
  const register = (name: unknown) =>
    global.registerName(name, spawn(() => receive(() => false)));
  const trips = async (fn: () => Promise<unknown>) => {
    const from = cluster.now();
    await cluster.run("alex", async () => void await fn());
    return (cluster.now() - from) / 20;
  };
  const names = Array.from({ length: 50 }, (_, i) => i);
  const atOnce = await trips(() => Promise.all(names.map(register)));
  assert(atOnce < 4, `${atOnce} round trips for 50 names at once`);
  const inTurn = await trips(async () => {
    for (const name of names.slice(0, 20)) await register(`${name}`);
  });
  assert(inTurn < 25, `${inTurn} round trips for 20 names in turn`);
});
