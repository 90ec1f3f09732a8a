/** A peer that knows the cookie ends no entities, moves no shards and makes up no broadcasts. */

import { assert, assertEquals } from "@std/assert";
import {
  Entities,
  Entity,
  type EntityMessage,
  memoryStore,
} from "../../packages/entities/mod.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import {
  Pid,
  Process,
  receive,
  Ref,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { Node } from "../../node.ts";
import { tuple } from "../../packages/processes/values/tuple.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { clusterTest, nodeDown } from "../_nodes.ts";
import { idle } from "../_processes.ts";
import { CREATION, RAW as BEAM, RawBeam } from "../_raw_beam.ts";
import { rawTest } from "../_raw_peer.ts";
import { until } from "../_until.ts";

const RAW = "raw@localhost";
const KATE = "kate@localhost";

const Count = Entity.define("count", {
  state: () => 0,
  durable: { later: (count) => count.sleep("3 days") },
  reads: { get: (count, by: number) => count.state + by },
  add(count) {
    count.broadcast(count.state);
    return ++count.state;
  },
}, { maxRestarts: 0 });

/** The id of no run. */
const NO_RUN = "0".repeat(36);

const Away = Entity.define("away", { state: () => 0 });

/** The requests, casts and messages that nodes send each other, and their items. */
const KINDS = [
  ...["find", "accept", "left", "info", "release", "moved", "read"],
  ...["call", "subscribe", "close", "idle", "alarm", "add"],
  ...["run", "runs", "result", "cancel", "retry"],
];

const ODD: unknown[] = [
  ...[null, true, -1, 1.5, 2 ** 53, "", "x", "\0", "\ud800", "__proto__"],
  ...[[], {}, { toString: 1 }, "count", "count/0"],
];

/** Values that look like requests, casts and messages of nodes, and are not. */
function* forged(pids: readonly Pid[]): Iterable<unknown> {
  yield* ODD;
  for (const item of [...ODD, pids[0]]) {
    for (const kind of KINDS) {
      yield [kind];
      yield [kind, item];
      yield [kind, "count", item];
      yield [kind, [item]];
      yield [kind, [{ id: "count/0", owner: item, epoch: 9 }]];
      yield [kind, [{ id: item, owner: "kate@localhost/1", epoch: 9 }]];
      yield [kind, [{ id: "count/0", owner: "kate@localhost/1", epoch: item }]];
      yield [kind, "none", [], item];
      yield [kind, "count", "a", "get", item];
      yield [kind, "count", "a", item, []];
      yield [kind, "count", "a", "get", [item]];
      yield [kind, "none", [], "id", item];
      yield [kind, NO_RUN, "result", item];
      yield [kind, NO_RUN, item];
    }
  }
  // References are consecutive numbers: a peer can guess the references of monitors.
  const [{ node, creation }] = pids;
  for (let number = 0; number < 300; number++) {
    const ref = new Ref(node, number, creation);
    yield { type: "DOWN", ref, object: pids[0], reason: "forged" };
  }
  for (const item of [...ODD, ...pids]) {
    for (const type of ["limit", "alarm", "idle", "broadcast"]) {
      yield { type: `$entity_${type}`, pid: item, name: item, alarm: item };
      yield { type: `$entity_${type}`, token: item, number: item, message: 1 };
    }
    yield { type: "EXIT", from: item, reason: "forged" };
    yield { type: "DOWN", ref: item, pid: item, reason: "forged" };
  }
}

clusterTest(
  "a peer's forged messages leave entities as they are",
  async (cluster) => {
    const [alex, kate] = await cluster.startAll(["alex", "kate"]);
    const found = Promise.withResolvers<Pid[]>();
    const attacked = Promise.withResolvers<void>();
    const watched = alex.run(async () => {
      const server = await Entities.startLink({
        types: [Count],
        store: memoryStore(),
        shards: 4,
      });
      const victim = idle();
      const entity = await Count.get("a").pid();
      const relay = await Count.get("a").subscribe();
      assertEquals(await Count.get("a").add(), 1);
      assertEquals((await receive<EntityMessage>()).number, 1);
      const shards = async () =>
        (await Entities.info()).shards.map(({ id, epoch }) => `${id} ${epoch}`);
      const before = await shards();
      const all = Process.list().filter((pid) => !pid.equals(self()));
      found.resolve([entity, server, relay, ...all]);
      await attacked.promise;
      assertEquals(await Count.get("a").add(), 2);
      const { number, event } = await receive<EntityMessage>();
      assertEquals([number, event], [2, "message"]);
      assert((await Count.get("a").pid()).equals(entity));
      for (const pid of all) {
        assert(Process.alive(pid), `${pid} has ended`);
      }
      assertEquals(await shards(), before);
      Process.exit(relay, "kill");
      Process.exit(victim, "kill");
      await GenServer.stop(server);
    });
    await kate.run(async () => {
      const pids = await found.promise;
      const [entity, server, relay, ...all] = pids;
      const replies: Promise<unknown>[] = [];
      let n = 0;
      for (const value of forged(pids)) {
        // Each process gets some, and those that answer get all.
        for (const to of [entity, server, relay, all[n++ % all.length]]) {
          try {
            send(to, value);
            GenServer.cast(to, value);
            if (to === entity || to === server) {
              replies.push(GenServer.call(to, value));
            }
          } catch {
            // It cannot be sent.
          }
        }
      }
      await Promise.allSettled(replies);
      // Signals of one process arrive in order.
      await GenServer.call(entity, ["info"], { timeout: Infinity });
    }).finally(() => attacked.resolve());
    await watched;
  },
  { timeout: 300_000 },
);

clusterTest(
  "a peer's requests in the name of another node change nothing",
  async (cluster) => {
    const store = memoryStore();
    const limits = { maxRemoteEntries: 2 };
    const alex = await cluster.start("alex", { limits });
    const kate = await cluster.start("kate");
    // One type is on each node.
    const options = { types: [Count, Away], store, shards: 1 };
    const hosting = Promise.withResolvers<Pid[]>();
    const attacked = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const hosted = alex.run(async () => {
      const pins = { count: true } as const;
      const server = await Entities.startLink({ ...options, pins });
      hosting.resolve([server, await Count.get("a").pid()]);
      await attacked.promise;
      const [{ moves }] = await Observer.entities();
      assertEquals(moves.filter(({ to }) => to === BEAM), []);
      const nodes = (await Entities.info()).nodes.map(({ name }) => name);
      assertEquals(nodes.sort(), [alex.name, KATE]);
      await over.promise;
      await GenServer.stop(server);
    });
    const [server, entity] = await hosting.promise;
    await kate.run(async () => {
      await Node.connect(alex.name);
      const pins = { away: true } as const;
      const other = await Entities.startLink({ ...options, pins });
      const relay = await Count.get("a").subscribe();
      // Alex knows the owner.
      await until(async () => {
        const { nodes } = await Entities.info(alex.name);
        const pid = await Away.get("b").pid();
        return pid.node === KATE && nodes.some(({ name }) => name === KATE);
      });
      const { nodes, shards } = await store.view();
      const { id } = nodes.find(({ name }) => name === KATE)!;
      const away = shards.find(({ id }) => id === "away/0")!;
      const epoch = away.epoch + 1;
      const owner = `${BEAM}/1`;
      await using peer = await RawBeam.dial(alex);
      const from = tuple(relay, "tag");
      const victim = idle();
      const own = tuple(new Pid(BEAM, 1, CREATION), "last");
      for (
        const [to, caller, request] of [
          [entity, from, ["subscribe", "forged"]],
          // It would count among kate's entries, of which she may have two.
          [entity, tuple(victim, "tag"), ["subscribe", "forged"]],
          [server, from, ["moved", [{ ...away, owner, epoch }]]],
          [server, from, ["left", id]],
          [entity, own, ["info"]],
          [server, own, ["info"]],
        ] as const
      ) {
        peer.call(to, request, caller);
      }
      for (let i = 0; i < 2; i++) await peer.reply("process");
      attacked.resolve();
      assertEquals(await Count.get("a").add(), 1);
      const { number, event } = await receive<EntityMessage>(() => true, {
        timeout: 20_000,
      });
      assertEquals([number, event], [1, "message"]);
      // The second of kate's entries is free.
      const second = await Count.get("a", { timeout: 20_000 }).subscribe();
      for (const pid of [relay, second, victim]) Process.exit(pid, "kill");
      await GenServer.stop(other);
    }).finally(() => over.resolve());
    await hosted;
  },
  { timeout: 120_000 },
);

rawTest("an entity finds lost subscribers by their monitors", async (peer) => {
  const server = await Entities.startLink({
    types: [Count],
    store: memoryStore(),
  });
  const { number } = await Count.get("a").pid();
  const subscribers = 2000;
  await peer.say(
    Array.from(
      { length: subscribers },
      (_, i) => ["call", i + 1, number, i + 1, ["subscribe", "token"]],
    ),
  );
  // A token, which the entity keeps, has a maximum length.
  const long = ["subscribe", "x".repeat(65)];
  await peer.say([["call", 1, number, subscribers + 1, long]]);
  const answers: unknown[] = [];
  while (answers.length <= subscribers) {
    for (const [kind, , , value] of await peer.hear()) {
      if (kind.startsWith("answer")) answers.push(value);
    }
  }
  assertEquals((answers[0] as unknown[])[0], "ok");
  assertEquals(answers.at(-1), ["no_method"]);
  const { equals } = Ref.prototype;
  let compared = 0;
  Ref.prototype.equals = function (other) {
    compared++;
    return equals.call(this, other);
  };
  try {
    Node.monitor(RAW);
    peer.reset();
    await nodeDown(RAW);
    assertEquals(await Count.get("a").add(), 1);
    assert(compared < 10 * subscribers, `${compared} comparisons`);
  } finally {
    Ref.prototype.equals = equals;
  }
  await GenServer.stop(server);
});

rawTest("a node keeps no long id of another node", async (peer) => {
  const server = await Entities.startLink({
    types: [Count],
    store: memoryStore(),
  });
  const long = `${RAW}/${"x".repeat(300)}`;
  const moved = [{ id: "count/0", owner: long, epoch: 2 }];
  for (const request of [["left", long], ["moved", moved]]) {
    await peer.say([["call", 1, server.number, 1, request]]);
    assertEquals((await peer.signal("answer"))[3], "badarg");
  }
  await GenServer.stop(server);
});

rawTest("no owner names a process of another node", async (peer) => {
  const store = memoryStore();
  const id = `${RAW}/1`;
  const info = {
    types: ["count"],
    weight: 1,
    isDraining: false,
    lease: 60_000,
  };
  await store.join({ id, name: RAW, info: JSON.stringify(info) });
  await store.claim(id, [{ shard: "count/0", epoch: 0 }]);
  const server = await Entities.startLink({
    types: [Count],
    store,
    shards: 1,
    hosts: false,
  });
  const { node, number, creation } = self();
  const victim = { $pid: [node, number, creation] };
  const caller = spawn(() => Count.get("a", { timeout: Infinity }).add());
  // The answer counts as none: the caller asks again.
  for (let asked = 0; asked < 2; asked++) {
    const [, from, , ref] = await peer.signal("call_name");
    await peer.say([["answer*", from, ref, ["pid", victim, 1]]]);
  }
  Process.exit(caller, "kill");
  await GenServer.stop(server);
});

const Brittle = Entity.define("brittle", {
  state: () => 0,
  touch() {
    throw new RangeError("it breaks");
  },
}, { maxRestarts: 0 });

clusterTest(
  "a node logs few of many parked keys",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      const server = await Entities.startLink({
        types: [Brittle],
        store: memoryStore(),
      });
      const calls = Array.from(
        { length: 200 },
        // An entity does not run a method whose caller has given up.
        (_, key) => Brittle.get(`${key}`, { timeout: Infinity }).touch(),
      );
      const codes = calls.map((call) => call.then(() => "ok", (e) => e.code));
      assertEquals([...new Set(await Promise.all(codes))], ["crashed"]);
      assertEquals((await Entities.info()).parked.length, 200);
      await GenServer.stop(server);
    });
    const lines = cluster.lines().filter((line) => line.includes("is parked"));
    assert(lines.length < 100, `${lines.length} lines`);
  },
);
