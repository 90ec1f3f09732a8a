/** Global names and locks, over random lives of a simulated cluster. */

import { assert, assertEquals } from "@std/assert";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import { receive, spawn } from "../../../packages/processes/process.ts";
import { SimulatedCluster } from "../../../packages/testing/mod.ts";
import { test } from "../../../packages/testing/tags.ts";
import { GLOBAL } from "./_simulated_global.ts";
import { live, livesTest } from "../../_simulated_lives.ts";

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

test("a name server says hello again to a server whose changes it has missed", async () => {
  // Without it, a registration waits for ever.
  const { wrong } = await live({
    seed: 1875751101,
    delay: { min: 1, max: 200 },
    commands: [
      ["slow", 0, 0, 12],
      ["killServer", 12, 3, 10],
      ["heal", 15, 3, 3],
      ["pause", 1, 3, 4],
      ["cutOneWay", 13, 6, 13],
      ["lock", 3, 0, 8],
      ["split", 14, 14, 1],
      ["unlock", 8, 15, 15],
      ["reRegister", 9, 11, 3],
      ["reRegister", 1, 6, 15],
      ["split", 0, 1, 1],
      ["spawn", 3, 0, 8],
      ["reRegister", 11, 3, 0],
      ["register", 15, 10, 0],
      ["split", 2, 7, 2],
      ["register", 0, 2, 14],
      ["lock", 13, 11, 15],
      ["pause", 5, 14, 12],
      ["register", 1, 8, 1],
      ["lock", 12, 9, 2],
      ["pause", 3, 0, 7],
      ["pause", 3, 3, 12],
      ["heal", 3, 0, 6],
      ["unlock", 0, 10, 12],
      ["pause", 9, 0, 3],
      ["unlock", 3, 6, 0],
      ["lock", 1, 12, 7],
      ["lock", 14, 0, 15],
      ["lock", 15, 3, 2],
      ["split", 1, 3, 0],
      ["unlock", 3, 12, 1],
      ["killServer", 4, 11, 8],
      ["lock", 9, 9, 4],
      ["end", 3, 1, 10],
      ["spawn", 6, 12, 6],
      ["part", 6, 1, 14],
      ["lock", 13, 14, 2],
      ["restart", 10, 1, 3],
      ["unlock", 1, 10, 0],
      ["end", 7, 11, 12],
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
