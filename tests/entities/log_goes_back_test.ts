/** Logs in a store that loses what it had accepted: their numbers are given again, for other events. */

import { assertEquals, assertRejects } from "@std/assert";
import {
  Entity,
  EntityError,
  type EntityLogReadOptions,
  memoryStore,
} from "../../packages/entities/mod.ts";
import { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { StandbyStore } from "../../packages/testing/simulation/standby_store.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  failureOf,
  LEASE,
  pass,
  startEntities,
  startNodes,
} from "./_clusters.ts";

const Line = Entity.define("line", {
  state: () => 0,
  log: {},
  add: (line, text: string) => line.log.append(text),
});

const Short = Entity.define("short", {
  state: () => 0,
  log: { keep: { events: 5 } },
  add: (line, text: string) => line.log.append(text),
});

const Late = Entity.define("late", {
  state: () => 0,
  log: {},
  add: (line, text: string) => line.log.append(text),
}, { durability: { every: 100 } });

const AGAIN = { timeout: 10 * LEASE, mayRunTwice: true };

type Place = NonNullable<EntityLogReadOptions["after"]>;

interface World {
  cluster: SimulatedCluster;
  standby: StandbyStore;
  logs: string[];
}

/** Nodes with a store that can go back; sophie hosts nothing. */
async function start(hasTimeline: boolean): Promise<World> {
  const logs: string[] = [];
  const nodes = ["kate", "sophie"];
  const cluster = await SimulatedCluster.start({
    nodes,
    log: (event) => logs.push(JSON.stringify(event)),
  });
  const standby = new StandbyStore(
    () => memoryStore({ now: () => cluster.now() }),
    { hasTimeline },
  );
  for (const node of nodes) {
    const hosts = node !== "sophie";
    const { store } = standby;
    startEntities(cluster, node, { types: [Line], shards: 8, store, hosts });
  }
  await cluster.advance(2 * LEASE);
  return { cluster, standby, logs };
}

/** Appends events to the log of a key. */
function add(cluster: SimulatedCluster, node: string, ...texts: string[]) {
  return cluster.run(node, async () => {
    for (const text of texts) await Line.get("a", AGAIN).add(text);
  });
}

/** Follows the log on sophie; the array gets the events, and the error that ends it. */
function follow(
  cluster: SimulatedCluster,
  after: Place = 0,
): string[] {
  const seen: string[] = [];
  cluster.spawn("sophie", async () => {
    try {
      for await (
        const { number, event } of Line.get("a").log.follow({ after })
      ) {
        seen.push(`${number}: ${event}`);
      }
    } catch (error) {
      const { code, data } = error as EntityError;
      seen.push(`${code} ${JSON.stringify(data)}`);
    }
  });
  return seen;
}

for (const hasTimeline of [true, false]) {
  const how = hasTimeline ? "by the timeline" : "by a refused append";
  test(`a store that has lost events is noticed ${how}, and numbers go on from what it has`, async () => {
    const { cluster, standby, logs } = await start(hasTimeline);
    await using _ = cluster;
    await add(cluster, "sophie", "one", "two", "three");
    const before = standby.changes;
    await add(cluster, "sophie", "four", "five");
    await standby.goBackTo(before);
    if (!hasTimeline) {
      await cluster.run(
        "sophie",
        () => Line.get("a").add("lost").catch(() => {}),
      );
    }
    await cluster.advance(2 * LEASE);
    await add(cluster, "sophie", "other");
    const { events } = await cluster.run(
      "sophie",
      () => Line.get("a").log.read(),
    );
    assertEquals(
      events.map(({ number, event }) => `${number}: ${event}`),
      ["1: one", "2: two", "3: three", "4: other"],
    );
    const said = logs.filter((text) => text.includes("has gone back"));
    assertEquals(said.length, 1, logs.join("\n"));
  });
}

test("who asks for events after one that the store has lost is refused", async () => {
  const { cluster, standby } = await start(true);
  await using _ = cluster;
  await add(cluster, "sophie", "one", "two", "three");
  const before = standby.changes;
  await add(cluster, "sophie", "four", "five");
  const last = await cluster.run(
    "sophie",
    async () => (await Line.get("a").log.read({ after: 4 })).events[0],
  );
  await standby.goBackTo(before);
  await cluster.advance(2 * LEASE);
  const read = (after: Place) =>
    cluster.run("sophie", () => Line.get("a").log.read({ after }));
  const refused = async (after: Place, ends: number) => {
    const { code, data } = await assertRejects(() => read(after), EntityError);
    assertEquals([code, data], ["gap", { first: 1, last: ends }]);
    const seen = follow(cluster, after);
    await cluster.advance(LEASE);
    assertEquals(seen, [`gap {"first":1,"last":${ends}}`]);
  };
  await refused(5, 3);
  await refused(last, 3);
  // The number is given again, for another event: it alone does not say so, but the event does.
  await add(cluster, "sophie", "new four", "new five", "new six");
  await refused(last, 6);
  const { events } = await read(5);
  assertEquals(events.map(({ event }) => event), ["new six"]);
  const [kept] = (await read(4)).events;
  assertEquals((await read(kept)).events.map(({ event }) => event), [
    "new six",
  ]);
});

for (const more of [1, 2, 3]) {
  test(`a follower that has seen lost events gets a gap, although the log has ${more} others before it looks again`, async () => {
    const { cluster, standby } = await start(true);
    await using _ = cluster;
    await add(cluster, "sophie", "one");
    const seen = follow(cluster);
    await cluster.advance(100);
    const before = standby.changes;
    await add(cluster, "sophie", "two", "three");
    await cluster.advance(100);
    assertEquals(seen, ["1: one", "2: two", "3: three"]);
    await standby.goBackTo(before);
    // The node that appends finds the entity sooner than the follower's node does, which looks again after a pause.
    cluster.spawn("kate", async () => {
      for (;;) {
        const { last } = await Line.get("a").log.read();
        if (last === 1) break;
        await pass(1);
      }
      for (let n = 0; n < more; n++) await Line.get("a", AGAIN).add(`new ${n}`);
    });
    await cluster.advance(4 * LEASE);
    assertEquals(seen.slice(3), [`gap {"first":1,"last":${1 + more}}`]);
  });
}

test("a reader whose last event is kept no more goes on, if the next one is kept", async () => {
  const { cluster } = await startNodes({ kate: { types: [Short, Late] } });
  await using _ = cluster;
  await cluster.run("kate", async () => {
    const line = Short.get("a");
    const { log } = line;
    for (let n = 0; n < 20; n++) await line.add(`${n}`);
    const { first, last, events } = await log.read();
    const before = { number: first - 1, at: 1 };
    assertEquals(await log.read({ after: before }), { first, last, events });
    const earlier = { number: first - 2, at: 1 };
    const { code } = await failureOf(log.read({ after: earlier }));
    assertEquals(code, "gap");
  });
});

test("a number that has left before its event was stored is no gap", async () => {
  const { cluster } = await startNodes({ kate: { types: [Short, Late] } });
  await using _ = cluster;
  await cluster.run("kate", async () => {
    const line = Late.get("a");
    const { log } = line;
    assertEquals(await line.add("one"), 1);
    assertEquals(await log.read({ after: 1 }), {
      ...{ first: 1, last: 0 },
      events: [],
    });
    const next = log.follow({ after: 1 }).next();
    await line.add("two");
    const { value } = await next;
    assertEquals([value.number, value.event], [2, "two"]);
  });
});
