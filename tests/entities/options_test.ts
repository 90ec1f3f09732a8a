/** The options of entities and of their types, alarms and broadcasts: exact, in virtual time. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Entities,
  type EntitiesOptions,
  Entity,
  type EntityMessage,
  type EntityOptions,
  memoryStore,
  type Store,
} from "../../packages/entities/mod.ts";
import { Crashes } from "../../packages/entities/crashes.ts";
import type { Definition } from "../../packages/entities/entity_types.ts";
import { winnerOf } from "../../packages/entities/placement.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { Process, receive } from "../../packages/processes/process.ts";
import type { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  failureOf,
  kill,
  LEASE,
  pass,
  startEntities,
  startNodes,
} from "./_clusters.ts";

// deno-lint-ignore explicit-function-return-type
function noteOf(options: EntityOptions = {}) {
  return Entity.define("note", {
    state: () => ({ text: "", rung: [] as string[] }),
    write: (note, text: string) => void (note.state.text = text),
    read: (note) => note.state.text,
    save: (note) => note.save(),
    leave: (note) => note.stop(),
    ring: (note, text: string) => note.broadcast(note.state.text = text),
    drop: (note) => note.delete(),
    remind: (note, ms: number) => note.alarm(note.now() + ms, "tea"),
    async alarm(note, text: string) {
      await pass(500);
      note.state.rung.push(`${text} after ${note.state.text}`);
    },
    rung: (note) => note.state.rung,
    async writeSlowly(note, text: string, ms: number) {
      await pass(ms);
      note.state.text = text;
    },
  }, { maxRestarts: 10, ...options });
}

const Note = noteOf();

const told = ({ event, number, message }: EntityMessage) => [
  event,
  number,
  message,
];

/** The options of a node's entities. */
function optionsOf(
  options: Partial<EntitiesOptions> = {},
): Omit<EntitiesOptions, "store"> {
  return { types: [Note], shards: 8, ...options };
}

/** Runs a function on one node with entities. */
async function alone(
  options: Partial<EntitiesOptions>,
  fn: (store: Store) => Promise<void>,
): Promise<void> {
  const { cluster, store } = await startNodes({ alex: optionsOf(options) });
  await using _ = cluster;
  await cluster.run("alex", () => fn(store));
}

test("durability { every } stores changes within that time, and when an entity leaves", () => {
  const Note = noteOf({ durability: { every: 1000 } });
  return alone({ types: [Note] }, async (store) => {
    const version = async () => (await store.load("note", "a"))?.version;
    const note = Note.get("a");
    await note.write("one");
    await note.write("two");
    assertEquals(await version(), undefined);
    await pass(1001);
    assertEquals(await version(), 1);
    await note.write("lost");
    await kill(note);
    assertEquals(await note.read(), "two");
    await note.write("three");
    await note.leave();
    assertEquals(await version(), 2);
    assertEquals(await note.read(), "three");
  });
});

test('save: "explicit" stores nothing but what a method saves', () => {
  const Note = noteOf({ save: "explicit" });
  return alone({ types: [Note] }, async () => {
    const note = Note.get("a");
    await note.write("one");
    await note.save();
    await note.write("two");
    assertEquals(await note.read(), "two");
    await kill(note);
    assertEquals(await note.read(), "one");
  });
});

test("no more than maxEntities are in memory, and idle ones leave it", () =>
  alone({ maxEntities: 2 }, async () => {
    const keys = ["a", "b", "c", "d"];
    for (const key of keys) await Note.get(key).write(key);
    for (const key of keys) {
      assertEquals(await Note.get(key).read(), key);
      const { entities } = await Entities.info();
      assert(entities <= 2, `${entities} entities`);
    }
    const busy = ["a", "b"].map((key) => Note.get(key).writeSlowly("x", 500));
    await pass(100);
    const error = await failureOf(Note.get("c").read());
    assertEquals([error.code, error.mayHaveRun], ["overloaded", false]);
    await Promise.all(busy);
    assertEquals(await Note.get("c").read(), "c");
  }));

test("an idle entity leaves the memory, although many older ones are busy", () => {
  const [busy, idle] = [80, 20];
  return alone({ maxEntities: busy + idle }, async () => {
    const keys = Array.from({ length: busy + idle }, (_, n) => `key ${n}`);
    for (const key of keys) await Note.get(key).write(key);
    const calls = keys.slice(0, busy)
      .map((key) => Note.get(key).writeSlowly("x", 500));
    await pass(100);
    assertEquals(await Note.get("another").read(), "");
    await Promise.all(calls);
  });
});

test("two types cannot have one name", () => {
  const store = memoryStore();
  assertThrows(
    () => Entities.childSpec({ types: [noteOf({}), noteOf({})], store }),
    TypeError,
    "give a list of what Entity.define() returns, each with a name of its own",
  );
});

test("crashes are forgotten when they do not count any more", () => {
  const options = { maxSeconds: 5 } as Definition["options"];
  const crashes = new Crashes();
  for (let n = 0; n < 100; n++) {
    assertEquals(crashes.note(`key ${n}`, 1000 * n, options), 1);
    assert(crashes.size <= 5, `${crashes.size} keys`);
  }
  assertEquals(crashes.note("key 99", 99_001, options), 2);
  assertEquals(crashes.note("key 98", 103_000, options), 1);
});

test("of 10,001 keys with crashes that count, the oldest is forgotten", () => {
  const options = { maxSeconds: 5 } as Definition["options"];
  const crashes = new Crashes();
  for (let n = 0; n <= 10_000; n++) {
    crashes.note(`key ${n}`, n / 10_000, options);
  }
  assertEquals(crashes.size, 10_000);
  assertEquals(crashes.note("key 1", 1, options), 2);
  assertEquals(crashes.note("key 0", 1, options), 1);
});

test("a method that takes longer than its limit is ended, and other keys go on", () => {
  const Note = noteOf({ limit: 1000 });
  return alone({ types: [Note] }, async () => {
    const before = Process.monotonicTime();
    const late = failureOf(Note.get("a").writeSlowly("x", 2000));
    await Note.get("b").write("y");
    assertEquals(Process.monotonicTime(), before);
    assertEquals((await late).code, "unknown");
    assertEquals(Process.monotonicTime(), before + 1000);
    assertEquals(await Note.get("a").read(), "");
  });
});

test("no more than maxHeld calls wait on a node", () => {
  const store = memoryStore();
  store.open = () => new Promise(() => {});
  return alone({ maxHeld: 1, store }, async () => {
    const calls = await Promise.all(
      [1000, 1000].map((timeout) =>
        failureOf(Note.get("a", { timeout }).read())
      ),
    );
    assertEquals(calls.map(({ code }) => code), ["no_store", "overloaded"]);
  });
});

test("a new node gets its share by weight, maxMoves shards at a time", async () => {
  const limits = optionsOf({ shards: 32, maxMoves: 2 });
  const { cluster, store } = await startNodes({
    alex: limits,
    kate: undefined,
  });
  await using _ = cluster;
  const moves: number[] = [];
  const give = store.give.bind(store);
  store.give = (from, to, shards) => {
    moves.push(shards.length);
    return give(from, to, shards);
  };
  startEntities(cluster, "kate", { store, ...limits, weight: 3 });
  await cluster.advance(3 * LEASE);
  const { shards } = await cluster.run("kate", () => Entities.info());
  assert(shards.length > 20, `kate has ${shards.length} of 32 shards`);
  assertEquals(moves.reduce((sum, each) => sum + each), shards.length);
  assertEquals(moves.filter((each) => each > 2), []);
});

test("nodes win shards in proportion to their weights, except pinned ones", () => {
  const nodes = [
    { name: "alex", weight: 1, pins: new Set(["note/7", "room"]) },
    { name: "kate", weight: 2 },
    { name: "moebi", weight: 5 },
  ];
  const shards = Array.from({ length: 8000 }, (_, n) => `note/${n}`);
  const won = Map.groupBy(shards, (shard) => winnerOf(shard, nodes)!.name);
  for (const { name, weight } of nodes) {
    const share = won.get(name)!.length / 1000;
    assert(Math.abs(share - weight) < 0.15, `${name} has ${share}`);
  }
  for (const shard of ["note/7", "room/1", "room/2", "room/3"]) {
    assertEquals(winnerOf(shard, nodes)!.name, "alex");
    assertEquals(winnerOf(shard, nodes.toReversed())!.name, "alex");
  }
});

test("a pinned key is on its node as long as that is up", async () => {
  const { cluster } = await startNodes({
    alex: optionsOf(),
    kate: optionsOf({ weight: 1e-9, pins: { note: ["lobby"] } }),
  });
  await using _ = cluster;
  const owner = () => Note.get("lobby").pid().then(({ node }) => node);
  await cluster.run("alex", async () => {
    assertEquals(await owner(), "kate@localhost");
    assertEquals((await Entities.info()).shards.length, 7);
    await cluster.kill("kate");
    await pass(LEASE);
    assertEquals(await owner(), "alex@localhost");
  });
});

test("a node that drains before it has joined has nothing to hand over", async () => {
  const store = memoryStore();
  store.open = () => new Promise(() => {});
  const { cluster } = await startNodes({
    alex: optionsOf({ store }),
    kate: undefined,
  });
  await using _ = cluster;
  const before = cluster.now();
  assertEquals(
    await cluster.run("kate", () => cluster.node("alex").drain()),
    "drained",
  );
  assert(cluster.now() - before < LEASE);
});

test("a node whose join was not answered joins under another id", async () => {
  const { cluster, store } = await startNodes({
    alex: optionsOf(),
    kate: undefined,
  });
  await using _ = cluster;
  const { join } = store;
  // Others remove the node: the first join has arrived, and it does not renew.
  store.join = async (node) => {
    store.join = () => new Promise(() => {});
    await join.call(store, node);
    return await store.join(node);
  };
  startEntities(cluster, "kate", { store, ...optionsOf() });
  await cluster.advance(1.2 * LEASE);
  store.join = join;
  await cluster.advance(2 * LEASE);
  await cluster.run("alex", async () => {
    const keys = Array.from({ length: 20 }, (_, n) => `${n}`);
    await Promise.all(keys.map((key) => Note.get(key).write(key)));
    assert((await Entities.info()).shards.length < 8);
  });
});

// Ids of requests.

test("an id lives for a number of calls and for a time, also in another process", () => {
  const Counter = Entity.define("counter", {
    state: () => 0,
    add: (counter) => ++counter.state,
  }, { remember: { calls: 2, for: 1000 } });
  return alone({ types: [Counter] }, async () => {
    const add = (id: string) => Counter.get("a", { id }).add();
    const ids = ["1", "2", "3", "4"];
    for (const id of ids) await add(id);
    await kill(Counter.get("a"));
    for (const [n, id] of ids.entries()) assertEquals(await add(id), n + 1);
    await pass(1001);
    assertEquals(await add("5"), 5);
    // Of the two that are remembered, one is the newest.
    assertEquals(await add("4"), 4);
    assertEquals(await add("3"), 6);
  });
});

test("a call is refused, not an id forgotten, when an entity remembers 10,000 ids for a time", async () => {
  const stored = Array.from(
    { length: 10_000 },
    (_, n) => [`id ${n}`, n, LEASE],
  );
  const store = memoryStore();
  const load = store.load.bind(store);
  store.load = async (type, key) =>
    await load(type, key) ??
      { version: 1, body: JSON.stringify({ v: 1, s: 0, r: stored }) };
  const Counter = Entity.define("counter", {
    state: () => 0,
    add: (counter) => ++counter.state,
  }, { remember: { for: 10 * LEASE } });
  const now = store.view.bind(store);
  let late = 0;
  store.view = async () => ({ ...await now(), now: LEASE + late });
  const beat = store.beat.bind(store);
  store.beat = async (id, info) => {
    const view = await beat(id, info);
    return view && { ...view, now: LEASE + late };
  };
  await alone({ types: [Counter], store }, async () => {
    const add = (id: string) => Counter.get("a", { id }).add();
    assertEquals(await add("id 0"), 0);
    const error = await failureOf(add("another"), "remembers 10000 ids");
    assertEquals([error.code, error.mayHaveRun], ["overloaded", false]);
    assertEquals(await Counter.get("a").add(), 1);
    late = 10 * LEASE;
    await pass(LEASE);
    assertEquals(await add("another"), 2);
    // All others are older than 100 calls and the time.
    assertEquals(await add("id 0"), 3);
  });
});

// Alarms.

test("an alarm waits for the method that runs, and methods wait for the alarm", () =>
  alone({}, async () => {
    const note = Note.get("a");
    await note.remind(500);
    const slow = note.writeSlowly("x", 1000);
    await pass(1200);
    await note.write("y");
    await slow;
    assertEquals(await note.rung(), ["tea after x"]);
  }));

test("an alarm whose node freezes runs on another, and its effect is stored once", async () => {
  const { cluster } = await startNodes({
    alex: optionsOf({ pins: { note: ["a"] } }),
    kate: optionsOf(),
  });
  await using _ = cluster;
  const rung = () => cluster.run("kate", () => Note.get("a").rung());
  await cluster.run("kate", () => Note.get("a").remind(1000));
  // The alarm runs for 500 ms.
  await cluster.advance(1200);
  cluster.pause("alex");
  await cluster.advance(LEASE + 600);
  assertEquals(await rung(), ["tea after "]);
  cluster.resume("alex");
  await cluster.advance(LEASE);
  assertEquals(await rung(), ["tea after "]);
});

test("an alarm that waits for a method has one message in the mailbox", () =>
  alone({}, async () => {
    const note = Note.get("a");
    await note.remind(0);
    const patient = Note.get("a", { timeout: 10 * LEASE });
    const written = patient.writeSlowly("x", 5 * LEASE);
    await pass(4 * LEASE);
    assertEquals(Process.info(await note.pid())?.messageQueueLen, 1);
    await written;
    await pass(LEASE);
    assertEquals(await note.rung(), ["tea after x"]);
  }));

test("an alarm that refuses has run: its changes are undone", () => {
  let runs = 0;
  const Shy = Entity.define("shy", {
    state: () => 0,
    wake: (shy) => shy.alarm(shy.now()),
    alarm(shy) {
      runs++;
      shy.state = 1;
      shy.refuse("not now");
    },
    read: (shy) => shy.state,
  });
  return alone({ types: [Shy] }, async (store) => {
    await Shy.get("a").wake();
    await pass(LEASE);
    await kill(Shy.get("a"));
    await pass(LEASE);
    assertEquals([runs, await Shy.get("a").read()], [1, 0]);
    assertEquals((await store.load("shy", "a"))?.body, '{"v":1,"s":0}');
  });
});

test("room.alarm() throws if the type has no method for it", () => {
  const Deaf = Entity.define("deaf", {
    state: () => 0,
    wake: (deaf, at: number | null) => deaf.alarm(at),
  });
  return alone({ types: [Deaf] }, async () => {
    await Deaf.get("a").wake(null);
    await failureOf(Deaf.get("a").wake(1), "its type has no method alarm");
  });
});

test("the alarms of parked entities keep none of others from running", () => {
  const Bad = Entity.define("bad", {
    state: () => 0,
    wake: (bad) => bad.alarm(bad.now()),
    fail() {
      throw new Error("out of order");
    },
    alarm() {},
  }, { maxRestarts: 0 });
  return alone({ types: [Bad, Note] }, async (store) => {
    const due = store.due.bind(store);
    // As if there were 999 more.
    store.due = (shards, before, limit) => due(shards, before, limit - 999);
    await Bad.get("a").wake();
    await failureOf(Bad.get("a").fail());
    await pass(LEASE);
    assertEquals((await failureOf(Bad.get("a").wake())).code, "parked");
    await Note.get("a").remind(0);
    await pass(LEASE);
    assertEquals(await Note.get("a").rung(), ["tea after "]);
  });
});

test("keys do not share the first state, although its function returns the same object", () => {
  const first = { names: [] as string[] };
  const List = Entity.define("list", {
    state: () => first,
    add(list, name: string) {
      list.state.names.push(name);
      return list.state.names;
    },
  });
  return alone({ types: [List] }, async () => {
    assertEquals(await List.get("a").add("one"), ["one"]);
    assertEquals(await List.get("b").add("two"), ["two"]);
  });
});

// Broadcasts.

test("a broadcast is what it was when it was made; one that cannot be sent stores nothing", () => {
  const Crier = Entity.define("crier", {
    state: () => 0,
    cry(crier, text: string) {
      crier.state++;
      const message = { text };
      crier.broadcast(message);
      message.text = "changed";
    },
    cryOut(crier) {
      crier.state++;
      crier.broadcast(() => {});
    },
  });
  return alone({ types: [Crier] }, async (store) => {
    await Crier.get("a").subscribe();
    await Crier.get("a").cry("one");
    assertEquals(told(await receive()), ["message", 1, { text: "one" }]);
    const error = await failureOf(Crier.get("a").cryOut(), "Cannot send");
    assertEquals([error.code, error.mayHaveRun], ["crashed", false]);
    assertEquals((await store.load("crier", "a"))?.version, 1);
  });
});

for (
  const [what, options, code] of [
    // safe: the time is virtual.
    ["the time is up", { timeout: 100 }, "unknown"],
    [
      "its signal is aborted",
      { signal: AbortSignal.abort("enough") },
      "enough",
    ],
  ] as const
) {
  test(`subscribe() fails when ${what}`, () =>
    alone({}, async () => {
      void Note.get("a").writeSlowly("x", 1000);
      await pass(10);
      const reason = await Note.get("a", options).subscribe()
        .catch((error) => error.code ?? error);
      assertEquals(reason, code);
    }));
}

test("subscribe() holds no monitors while the store does not answer", () =>
  alone({}, async (store) => {
    const note = Note.get("a");
    await note.ring("one");
    const { beat } = store;
    store.beat = () => new Promise(() => {});
    await pass(LEASE);
    const subscribed = Note.get("a", { timeout: Infinity }).subscribe();
    await pass(LEASE);
    store.beat = beat;
    const relay = await subscribed;
    // The subscriber, and the entity.
    assertEquals(Process.info(relay)?.monitors.length, 2);
  }));
test("a broadcast stores nothing", () =>
  alone({}, async (store) => {
    const note = Note.get("a");
    await note.ring("tea");
    const before = await store.load("note", "a");
    // It changes nothing that is stored.
    assertEquals(await note.ring("tea"), 2);
    assertEquals(await store.load("note", "a"), before);
    await note.leave();
    assertEquals(await note.ring("tea"), 1);
    assertEquals(await store.load("note", "a"), before);
  }));

test("a state whose broadcasts were numbered in the store is read", () =>
  alone({}, async (store) => {
    const note = Note.get("a");
    await note.write("tea");
    await note.leave();
    const { load } = store;
    store.load = async (...args) => {
      const { version, body } = (await load.apply(store, args))!;
      return { version, body: body.replace(/}$/, ',"n":7,"b":"x"}') };
    };
    assertEquals(await note.read(), "tea");
    assertEquals(await note.ring("one"), 1);
  }));

test("a broadcast of a refused write is not sent", () =>
  alone({}, async (store) => {
    const note = Note.get("a");
    await note.subscribe();
    const write = store.write.bind(store);
    store.write = () => {
      store.write = write;
      return Promise.resolve(["fenced"]);
    };
    await failureOf(note.ring("lost"), "may have run");
    // The relay finds the new process.
    await pass(500);
    assertEquals(await note.ring("one"), 1);
    assertEquals(told(await receive()), ["gap", 0, undefined]);
    assertEquals(told(await receive()), ["message", 1, "one"]);
  }));

/** Starts nodes, and subscribes to the note "a" on the node sophie; the list of events grows. */
async function startSubscriber(
  nodes: Record<string, Omit<EntitiesOptions, "store">>,
): Promise<{ cluster: SimulatedCluster; events: unknown[] }> {
  const { cluster } = await startNodes({
    ...nodes,
    sophie: optionsOf({ hosts: false }),
  });
  const events: unknown[] = [];
  cluster.spawn("sophie", async () => {
    await Note.get("a").subscribe();
    for (;;) events.push(told(await receive()));
  });
  await cluster.advance(500);
  return { cluster, events };
}

for (
  const [what, happens, gap] of [
    ["it has missed a broadcast", async (note) => {
      await kill(note);
      await note.ring("missed");
    }, 1],
    ["the entity was deleted, although its numbers fit", async (note) => {
      await note.drop();
      await note.ring("another one");
    }, 1],
  ] as [string, (note: ReturnType<typeof Note.get>) => Promise<void>, number][]
) {
  test(`a subscriber sees by a gap that ${what}`, async () => {
    const { cluster, events } = await startSubscriber({ alex: optionsOf() });
    await using _ = cluster;
    await cluster.run("alex", async () => {
      const note = Note.get("a");
      await note.ring("one");
      await happens(note);
      await pass(500);
      await note.ring("last");
    });
    await cluster.advance(500);
    assertEquals(events, [
      ["message", 1, "one"],
      ["gap", gap, undefined],
      ["message", gap + 1, "last"],
    ]);
  });
}

test("a broadcast of before a gap does not come after it", async () => {
  const { cluster, events } = await startSubscriber({ alex: optionsOf() });
  await using _ = cluster;
  cluster.spawn("alex", () => Note.get("a").writeSlowly("x", 1000));
  cluster.spawn("alex", () => Note.get("a").ring("one"));
  await cluster.advance(100);
  cluster.partition(["alex"], ["sophie"], { mode: "cut" });
  cluster.heal();
  await cluster.advance(1500);
  assertEquals(events, [["gap", 1, undefined]]);
});

test("a subscription goes on at the next owner when a node freezes", async () => {
  const { cluster, events } = await startSubscriber({
    alex: optionsOf({ pins: { note: ["a"] } }),
    kate: optionsOf(),
  });
  await using _ = cluster;
  await cluster.run("alex", () => Note.get("a").ring("one"));
  cluster.pause("alex");
  await cluster.advance(1.2 * LEASE);
  await cluster.run("kate", () => Note.get("a").ring("two"));
  await cluster.advance(500);
  assertEquals(events, [
    ["message", 1, "one"],
    ["gap", 0, undefined],
    ["message", 1, "two"],
  ]);
});

test("an answer of the store that comes after the end of a node's entities does no harm", async () => {
  const { cluster, store } = await startNodes({
    alex: optionsOf(),
    sophie: optionsOf({ hosts: false }),
  });
  await using _ = cluster;
  cluster.spawn("sophie", async () => {
    await Note.get("a").subscribe();
    await receive(() => false);
  });
  await cluster.advance(LEASE / 10);
  const { nodes: [{ id }] } = await store.view();
  const { view } = store;
  let answer: () => void = () => {};
  store.view = () =>
    new Promise((resolve) => answer = () => resolve(view.call(store)));
  await cluster.advance(LEASE / 5);
  await cluster.run("sophie", () => GenServer.stop("Entities"));
  await store.remove(id);
  answer();
  // The removal of alex ends the subscription, in a process that is dead.
  await cluster.advance(1);
});
