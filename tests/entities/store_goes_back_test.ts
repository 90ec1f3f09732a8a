/** Entities whose store loses what it had accepted: a standby that lagged takes over, or a backup is restored. */

import { assert, assertEquals } from "@std/assert";
import {
  Entities,
  Entity,
  type EntityMessage,
  memoryStore,
  type Store,
} from "../../packages/entities/mod.ts";
import { receive } from "../../packages/processes/process.ts";
import { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { StandbyStore } from "../../packages/testing/simulation/standby_store.ts";
import { test } from "../../packages/testing/tags.ts";
import { LEASE, pass, startEntities } from "./_clusters.ts";

const Count = Entity.define("count", {
  state: () => ({ n: 0 }),
  add: (count) => {
    count.broadcast(`${++count.state.n} under ${count.fence}`);
    return count.state.n;
  },
  read: (count) => count.state.n,
});

const AGAIN = { timeout: 10 * LEASE, mayRunTwice: true };

/** Nodes with a store that can go back, and what they log. */
async function start(
  nodes: string[],
  hasTimeline: boolean,
): Promise<
  { cluster: SimulatedCluster; standby: StandbyStore; logs: string[] }
> {
  const logs: string[] = [];
  const cluster = await SimulatedCluster.start({
    nodes,
    log: (event) => logs.push(JSON.stringify(event)),
  });
  const standby = new StandbyStore(
    () => memoryStore({ now: () => cluster.now() }),
    { hasTimeline },
  );
  for (const node of nodes) begin(cluster, node, standby.store);
  await cluster.advance(2 * LEASE);
  return { cluster, standby, logs };
}

function begin(cluster: SimulatedCluster, node: string, store: Store): void {
  const hosts = node !== "sophie";
  startEntities(cluster, node, { types: [Count], shards: 8, store, hosts });
}

function add(cluster: SimulatedCluster, key: string, times: number) {
  return cluster.run("sophie", async () => {
    for (let n = 0; n < times; n++) await Count.get(key, AGAIN).add();
  });
}

function read(cluster: SimulatedCluster, key: string) {
  return cluster.run("sophie", () => Count.get(key, AGAIN).read());
}

/** The number of hosts that have started anew. */
function anew(logs: string[]): number {
  return logs.filter((text) => text.includes("the store has gone back")).length;
}

for (
  const [what, hasTimeline, wait] of [
    ["the timeline, although no renewal is lost", true, 0],
    ["its own beat", false, LEASE],
    ["its own beat, beside the timeline", true, LEASE],
  ] as const
) {
  test(`a node that notices by ${what} that the store has gone back serves what the store has`, async () => {
    const { cluster, standby, logs } = await start(
      ["kate", "sophie"],
      hasTimeline,
    );
    await using _ = cluster;
    await add(cluster, "a", 3);
    const before = standby.changes;
    await add(cluster, "a", 2);
    await cluster.advance(wait);
    await standby.goBackTo(before);
    await cluster.advance(LEASE);
    assertEquals(await read(cluster, "a"), 3);
    await add(cluster, "a", 1);
    assertEquals(await read(cluster, "a"), 4);
    assertEquals(anew(logs), 1, logs.join("\n"));
  });
}

test("a node notices by a refused version that the store has gone back", async () => {
  const { cluster, standby, logs } = await start(["kate", "sophie"], false);
  await using _ = cluster;
  await add(cluster, "a", 1);
  await add(cluster, "b", 1);
  const before = standby.changes;
  await add(cluster, "a", 1);
  await add(cluster, "b", 1);
  await standby.goBackTo(before);
  await cluster.run("sophie", () => Count.get("a").add().catch(() => {}));
  await cluster.advance(LEASE);
  assertEquals([await read(cluster, "a"), await read(cluster, "b")], [1, 1]);
  assertEquals(anew(logs), 1, logs.join("\n"));
});

test("each host that has lost something starts anew, and a frozen one when it goes on", async () => {
  const nodes = ["alex", "kate", "joe"];
  const { cluster, standby, logs } = await start([...nodes, "sophie"], false);
  await using _ = cluster;
  const keys = Array.from({ length: 20 }, (_, n) => `key ${n}`);
  for (const key of keys) await add(cluster, key, 1);
  const before = standby.changes;
  for (const key of keys) await add(cluster, key, 1);
  await cluster.advance(LEASE);
  cluster.pause("alex");
  await standby.goBackTo(before);
  await cluster.advance(LEASE / 2);
  cluster.resume("alex");
  await cluster.advance(3 * LEASE);
  for (const key of keys) assertEquals(await read(cluster, key), 1, key);
  assertEquals(anew(logs), 3, logs.join("\n"));
  for (const name of nodes) {
    const { isServing, shards } = await cluster.run(
      name,
      () => Entities.info(),
    );
    assert(isServing && shards.length > 0, `${name} serves nothing`);
  }
});

test("nodes that had left and are in the store again are removed", async () => {
  const { cluster, standby } = await start(["alex", "kate", "sophie"], false);
  await using _ = cluster;
  await add(cluster, "a", 1);
  const before = standby.changes;
  await cluster.run("kate", () => cluster.node("alex").drain());
  await cluster.advance(2 * LEASE);
  await standby.goBackTo(before);
  await cluster.advance(3 * LEASE);
  const { shards } = await cluster.run("kate", () => Entities.info());
  assertEquals(shards.length, 8);
  assertEquals((await standby.store.view()).nodes.length, 1);
});

test("a node joins a store that has none of its rows any more", async () => {
  const { cluster, standby } = await start(["kate", "sophie"], false);
  await using _ = cluster;
  await add(cluster, "a", 2);
  await standby.goBackTo(0);
  await cluster.advance(2 * LEASE);
  assertEquals(await read(cluster, "a"), 0);
});

test("a subscriber sees by a gap that the store has gone back, although its numbers fit", async () => {
  const { cluster, standby } = await start(["kate", "sophie"], true);
  await using _ = cluster;
  await add(cluster, "a", 1);
  const events: EntityMessage[] = [];
  cluster.spawn("sophie", async () => {
    await Count.get("a").subscribe();
    for (;;) events.push(await receive<EntityMessage>());
  });
  await cluster.advance(100);
  const before = standby.changes;
  await add(cluster, "a", 2);
  await standby.goBackTo(before);
  // The node that adds finds the entity sooner than the relay does, which looks for it again after a pause.
  cluster.spawn("kate", async () => {
    while (await Count.get("a", AGAIN).read() !== 1) await pass(1);
    for (let n = 0; n < 2; n++) await Count.get("a", AGAIN).add();
  });
  await cluster.advance(3 * LEASE);
  const told = events.map(({ event, number, message }) =>
    event === "gap" ? `gap ${number}` : `${number}: ${message}`
  );
  assertEquals(told.slice(0, 2), ["2: 2 under 1", "3: 3 under 1"]);
  assert(told[2]?.startsWith("gap"), told.join("\n"));
});
