/** Entities of several nodes, in virtual time: drains and a killed node. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  Entities,
  type EntitiesOptions,
  Entity,
} from "../../packages/entities/mod.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { Process } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  failureOf,
  kill,
  LEASE,
  pass,
  startEntities,
  startNodes,
} from "./_clusters.ts";

const Count = Entity.define("count", {
  state: () => ({ n: 0 }),
  add: (count) => ++count.state.n,
  async addSlowly(count) {
    await pass(500);
    return ++count.state.n;
  },
  async wait(count, ms: number) {
    await pass(ms);
    return count.fence;
  },
});

const KEYS = Array.from({ length: 20 }, (_, n) => `key ${n}`);

/** The options of a node's entities; sophie only calls. */
function optionsOf(node: string): Omit<EntitiesOptions, "store"> {
  return { types: [Count], shards: 16, hosts: node !== "sophie" };
}

/** Starts nodes, whose entities have counted to 1. */
async function startAll(...nodes: string[]): ReturnType<typeof startNodes> {
  const started = await startNodes(
    Object.fromEntries(nodes.map((node) => [node, optionsOf(node)])),
  );
  await started.cluster.run("sophie", () => addAll());
  // Shards are balanced a few at a time.
  await started.cluster.advance(2 * LEASE);
  return started;
}

function addAll(): Promise<number[]> {
  // A call to a machine that is off may have run there.
  const most = { timeout: 10 * LEASE, mayRunTwice: true };
  return Promise.all(KEYS.map((key) => Count.get(key, most).add()));
}

test("a node that drains hands its entities over, and no call fails", async () => {
  const { cluster } = await startAll("alex", "kate", "sophie");
  await using _ = cluster;
  const results: unknown[] = [];
  let rounds = 0;
  let isOver = false;
  for (const key of KEYS) {
    cluster.spawn("sophie", async () => {
      for (let n = 2; !isOver; n++) {
        const count = Count.get(key, { timeout: 10 * LEASE });
        const value = n % 5 === 0 ? count.addSlowly() : count.add();
        const seen = await value.catch(String);
        if (seen !== n) results.push(`${key}: ${seen}, not ${n}`);
        rounds++;
        await pass(20);
      }
    });
  }
  await cluster.advance(500);
  const before = cluster.now();
  const shards = await cluster.run(
    "alex",
    async () => (await Entities.info()).shards.length,
  );
  assert(shards > 0 && shards < 16, `alex has ${shards} shards`);
  const outcome = await cluster.run("kate", () => cluster.node("alex").drain());
  assertEquals(outcome, "drained");
  assert(cluster.now() - before < 2000, `${cluster.now() - before} ms`);
  await cluster.stop("alex");
  await cluster.advance(2000);
  isOver = true;
  await cluster.advance(2000);
  assertEquals(results, []);
  assert(rounds > 200);
});

test("the last node that drains ends its methods, and stores what is not stored yet", async () => {
  const Late = Entity.define("late", {
    state: () => ({ n: 0 }),
    add: (late) => ++late.state.n,
    async addSlowly(late) {
      await pass(500);
      return ++late.state.n;
    },
  }, { durability: { every: 60_000 } });
  const options = { types: [Late], shards: 4 };
  const { cluster, store } = await startNodes({
    alex: options,
    sophie: { ...options, hosts: false },
  });
  await using _ = cluster;
  await cluster.run("sophie", () => Late.get("a").add());
  const slow = cluster.run("sophie", () => Late.get("b").addSlowly());
  await cluster.advance(100);
  const drained = cluster.node("alex").drain();
  assertEquals(await slow, 1);
  await cluster.advance(LEASE);
  assertEquals(await drained, "drained");
  for (const key of ["a", "b"]) {
    assertEquals((await store.load("late", key))?.body, '{"v":1,"s":{"n":1}}');
  }
});

test("the entities of a killed node run elsewhere within a lease, from their stored state", async () => {
  const { cluster } = await startAll("alex", "kate", "sophie");
  await using _ = cluster;
  cluster.partition(["alex"], ["kate", "sophie"]);
  await cluster.kill("alex");
  const before = cluster.now();
  const counts = await cluster.run("sophie", () => addAll());
  assertEquals(counts, KEYS.map(() => 2));
  assert(cluster.now() - before <= LEASE, `${cluster.now() - before} ms`);
});

test("pid() and subscribe() find an entity on another node again after its process has ended", async () => {
  const { cluster } = await startAll("alex", "sophie");
  await using _ = cluster;
  await cluster.run("sophie", async () => {
    const first = await Count.get("key 0").pid();
    await kill(Count.get("key 0"));
    const next = await Count.get("key 0").pid();
    assert(!next.equals(first));
    Process.exit(next, "kill");
    await Count.get("key 0").subscribe();
  });
});

test("a call whose owner is killed says that it may have run, and runs again with an id", async () => {
  const { cluster } = await startAll("alex", "kate", "sophie");
  await using _ = cluster;
  const { error, value } = await cluster.run("sophie", async () => {
    const keys: string[] = [];
    for (const each of KEYS) {
      const { node } = await Count.get(each).pid();
      if (node === "alex@localhost") keys.push(each);
    }
    assert(keys.length >= 2, keys.join());
    const [one, two] = keys;
    const most = { timeout: 10 * LEASE };
    const unknown = failureOf(Count.get(one, most).addSlowly());
    const again = Count.get(two, { ...most, id: "7" }).addSlowly();
    await pass(100);
    await cluster.kill("alex");
    return { error: await unknown, value: await again };
  });
  assertEquals([error.code, error.mayHaveRun], ["unknown", true]);
  assertEquals(value, 2);
});

test("the log does not say of a node that has started again that it is gone", async () => {
  const lines: string[] = [];
  const { cluster, store } = await startNodes(
    { alex: optionsOf("alex"), kate: optionsOf("kate") },
    ({ level, message }) => {
      if (level === "warning" && /^Entities: /.test(message)) {
        lines.push(message);
      }
    },
  );
  await using _ = cluster;
  await cluster.restart("alex");
  startEntities(cluster, "alex", { store, ...optionsOf("alex") });
  await cluster.advance(3 * LEASE);
  assertEquals(lines.length, 1, lines.join("\n"));
  assertStringIncludes(lines[0], "the lease of the last run of alex@localhost");
  await cluster.kill("alex");
  await cluster.advance(3 * LEASE);
  assertEquals(lines.length, 2, lines.join("\n"));
  assertStringIncludes(lines[1], "alex@localhost has not renewed its lease");
});

test("a call to a node that has started again goes on when the node before it is removed", async () => {
  const { cluster, store } = await startAll("kate", "sophie");
  await using _ = cluster;
  const { view, beat } = store;
  const before = await store.view();
  const isLate = () => {
    store.view = () => Promise.resolve(before);
  };
  isLate();
  store.beat = (id, info) => {
    store.view = view;
    const now = beat.call(store, id, info);
    isLate();
    return now;
  };
  await cluster.restart("kate");
  await store.remove(before.nodes[0].id);
  startEntities(cluster, "kate", { store, ...optionsOf("kate") });
  await cluster.advance(LEASE / 2);
  const [count] = await Promise.all([
    cluster.run("sophie", () => Count.get("key 0").addSlowly()),
    cluster.advance(100).then(() => Object.assign(store, { view, beat })),
  ]);
  assertEquals(count, 2);
});

test("a call that waits behind another does not begin when its caller has given up", async () => {
  const { cluster } = await startAll("alex", "sophie");
  await using _ = cluster;
  for (const node of ["alex", "sophie"]) {
    await cluster.run(node, async () => {
      const count = Count.get("key 0");
      const slow = count.addSlowly();
      // safe: virtual time of the simulation
      const late = Count.get("key 0", { timeout: 100 }).add();
      await failureOf(late, "the time was up");
      assertEquals(await count.add(), await slow + 1);
    });
  }
});

test("a call that is not answered ends, although the clock rounds its end", async () => {
  const { cluster } = await startAll("alex", "sophie");
  await using _ = cluster;
  cluster.partition(["alex"], ["sophie"]);
  // The clock of sophie is behind then, and has a digit more than the timeline of its timers.
  cluster._network().suspend("sophie@localhost");
  await cluster.advance(3 * LEASE + 1 / 3);
  cluster.resume("sophie");
  await cluster.run(
    "sophie",
    () =>
      Promise.all(KEYS.map((key, n) =>
        failureOf(
          Count.get(key, { timeout: 1000 + n / 7 }).pid(),
          "the time was up",
        )
      )),
  );
});

test("a shard that its receiver has given on does not open again, although the answer was lost", async () => {
  const { cluster, store } = await startAll("alex", "kate", "sophie");
  await using _ = cluster;
  const give = store.give.bind(store);
  let lost: string[] | undefined;
  let wasAskedAgain = false;
  store.give = async (from, to, shards) => {
    const rows = await give(from, to, shards);
    wasAskedAgain = lost !== undefined;
    if (wasAskedAgain) return rows;
    lost = rows.map(({ shard }) => shard);
    await store.join({ id: "moebi/1", name: "moebi@localhost", info: "" });
    await give(to, "moebi/1", rows);
    throw new Error("the answer was lost");
  };
  const kate = cluster.node("kate");
  const drained = kate.drain();
  for (let n = 0; n < 1000 && !wasAskedAgain; n++) await cluster.advance(1);
  assert(lost !== undefined && lost.length > 0 && wasAskedAgain);
  let looks = 0;
  // The node stops when it has drained.
  for (; looks < 10; looks++) {
    await cluster.advance(1);
    if (kate.status !== "draining") break;
    const { shards } = await cluster.run("kate", () => Entities.info());
    const open = lost.filter((each) => shards.some(({ id }) => id === each));
    assertEquals(open, []);
  }
  assert(looks > 0);
  await cluster.advance(LEASE);
  assertEquals(await drained, "drained");
});

test("an answer of the store from before a hand-over gives no shard back", async () => {
  const { cluster, store } = await startNodes({
    alex: undefined,
    kate: undefined,
  });
  await using _ = cluster;
  const { beat, give } = store;
  let asked = Promise.withResolvers<void>();
  store.beat = async (id, info) => {
    const view = await beat.call(store, id, info);
    if (!id.startsWith("alex@")) return view;
    asked.resolve();
    asked = Promise.withResolvers();
    await pass(LEASE / 20);
    return view;
  };
  // A hand-over takes effect while the answer of a renewal is under way.
  store.give = async (...args) => {
    await asked.promise;
    return give.apply(store, args);
  };
  const options = { store, ...optionsOf("alex") };
  startEntities(cluster, "alex", options);
  await cluster.advance(LEASE);
  startEntities(cluster, "kate", options);
  let most = 0;
  let least = Infinity;
  for (let n = 0; n < LEASE / 5; n++) {
    await cluster.advance(10);
    const { shards } = await cluster.run("alex", () => Entities.info());
    const rows = (await store.view()).shards
      .filter(({ owner }) => owner.startsWith("alex@"));
    assertEquals(
      shards.map(({ id, epoch }) => `${id} ${epoch}`).sort(),
      rows.map(({ id, epoch }) => `${id} ${epoch}`).sort(),
    );
    most = Math.max(most, rows.length);
    least = Math.min(least, rows.length);
  }
  assert(most === 16 && least < 12, `${most} shards, then ${least}`);
});

test("what a node says of others' shards is dropped, and what it says of its own holds until the next view", async () => {
  const { cluster, store } = await startAll("alex", "kate", "sophie");
  await using _ = cluster;
  const { shards, nodes } = await store.view();
  const idOf = (node: string) =>
    nodes.find(({ name }) => name === `${node}@localhost`)!.id;
  const lies = shards.filter(({ owner }) => owner === idOf("kate"))
    .map(({ id, epoch }) => ({ id, owner: idOf("alex"), epoch: epoch + 1 }));
  const say = (from: string, rows: unknown) =>
    cluster.run(from, () =>
      GenServer.call(
        { name: "Entities", node: "alex@localhost" },
        ["moved", rows],
      ));
  const believed = async () => {
    const { shards } = await cluster.run("alex", () => Entities.info());
    const own = new Set(shards.map(({ id }) => id));
    return lies.filter(({ id }) => own.has(id)).length;
  };
  assert(lies.length > 1);
  await say("sophie", lies);
  assertEquals(await believed(), 0);
  await say("kate", lies.map((row) => ({ ...row, epoch: row.epoch + 1 })));
  assertEquals(await believed(), 0);
  await say("kate", lies);
  assertEquals(await believed(), lies.length);
  await cluster.advance(LEASE / 5);
  assertEquals(await believed(), 0);
  assertEquals(
    await cluster.run("sophie", () => addAll()),
    KEYS.map(() => 2),
  );
});

test("an entity that starts waits for the write of the process before it", async () => {
  const { cluster, store } = await startAll("alex", "sophie");
  await using _ = cluster;
  await cluster.run("alex", async () => {
    const count = Count.get("key 0");
    const pid = await count.pid();
    const write = store.write.bind(store);
    store.write = () => {
      store.write = write;
      Process.exit(pid, "kill");
      return Promise.reject(new Error("the question was lost"));
    };
    await failureOf(count.add(), "it may have run");
    assertEquals(await count.add(), 3);
  });
});

test("nothing begins or leaves under an old epoch, although the node has a lease again", async () => {
  const { cluster, store } = await startAll("alex", "sophie");
  await using _ = cluster;
  await cluster.run("alex", async () => {
    const count = Count.get("key 0");
    const before = await count.wait(0);
    const begun = count.wait(1500);
    const next = count.wait(0);
    for (const { id } of (await store.view()).nodes) await store.remove(id);
    await failureOf(begun, "its shard was lost");
    assert(await next > before);
  });
});

test("a call whose write is refused may have run, and runs again with an id", async () => {
  const { cluster, store } = await startAll("alex", "sophie");
  await using _ = cluster;
  const write = store.write.bind(store);
  const refuse = () => {
    store.write = () => {
      store.write = write;
      return Promise.resolve(["conflict"]);
    };
  };
  await cluster.run("sophie", async () => {
    refuse();
    await failureOf(Count.get("key 0").addSlowly(), "it may have run");
    refuse();
    assertEquals(await Count.get("key 0", { id: "1" }).addSlowly(), 2);
  });
});

test("an entity that was not called for the time of idle leaves the memory, unless it has subscribers", async () => {
  const Idle = Entity.define("idle", { state: () => 0, touch() {} }, {
    idle: 1000,
  });
  const { cluster } = await startNodes({ alex: { types: [Idle] } });
  await using _ = cluster;
  await cluster.run("alex", async () => {
    const entities = async () => (await Entities.info()).entities;
    for (const key of ["a", "b", "c"]) await Idle.get(key).touch();
    const relay = await Idle.get("c").subscribe();
    await pass(900);
    assertEquals(await entities(), 3);
    await Idle.get("a").touch();
    await pass(400);
    assertEquals(await entities(), 2);
    await pass(900);
    assertEquals(await entities(), 1);
    Process.exit(relay, "kill");
  });
});

test("no node is removed because the store did not answer for longer than the lease", async () => {
  const { cluster, store } = await startAll("alex", "kate", "sophie");
  await using _ = cluster;
  const { nodes: before } = await store.view();
  const { beat, view, write } = store;
  let isBack = false;
  store.view = () => new Promise(() => {});
  store.write = () => new Promise(() => {});
  store.beat = (id, info) =>
    isBack && id.startsWith("kate")
      ? beat.call(store, id, info)
      : new Promise(() => {});
  const counts = cluster.run("sophie", () => addAll());
  await cluster.advance(3 * LEASE);
  // One node is the first that the store answers.
  isBack = true;
  store.view = view;
  await cluster.advance(LEASE / 2);
  Object.assign(store, { beat, view, write });
  assertEquals(await counts, KEYS.map(() => 2));
  const { nodes } = await store.view();
  assertEquals(nodes.map(({ id }) => id), before.map(({ id }) => id));
});

test("a write that the store does not answer holds up no others, and is given up", async () => {
  const { cluster, store } = await startAll("alex", "sophie");
  await using _ = cluster;
  const write = store.write.bind(store);
  store.write = (owner, writes) =>
    writes.some(({ key }) => key === "key 0")
      ? new Promise(() => {})
      : write(owner, writes);
  await cluster.run("sophie", async () => {
    const lost = failureOf(
      Count.get("key 0", { timeout: 20 * LEASE }).add(),
      "it may have run",
    );
    for (const key of KEYS.slice(1)) {
      assertEquals(await Count.get(key).add(), 2);
    }
    await lost;
  });
  // Nothing holds up a drain.
  const drained = cluster.node("alex").drain();
  await cluster.advance(LEASE);
  assertEquals(await drained, "drained");
});

test("a node that dies is removed after its own lease, not after that of the nodes that watch it", async () => {
  const { cluster } = await startNodes({
    alex: { ...optionsOf("alex"), lease: 10 * LEASE },
    kate: optionsOf("kate"),
  });
  await using _ = cluster;
  await cluster.advance(9 * LEASE);
  await cluster.kill("alex");
  const names = () =>
    cluster.run(
      "kate",
      async () => (await Entities.info()).nodes.map(({ name }) => name),
    );
  await cluster.advance(6 * LEASE);
  assertEquals(await names(), ["alex@localhost", "kate@localhost"]);
  await cluster.advance(3 * LEASE);
  assertEquals(await names(), ["kate@localhost"]);
});
