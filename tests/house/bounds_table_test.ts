/**
 * Every text that a caller or a peer gives and a node keeps, with its bound: at the bound it is taken, one character more
 * is refused. The texts that observers cut are in `tests/observe/observer/observer_limits_test.ts`.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BOUNDS } from "../../packages/processes/values/bounds.ts";
import { keptReason } from "../../packages/processes/values/sendable_reason.ts";
import { Entities, Entity, memoryStore } from "../../packages/entities/mod.ts";
import {
  hostRequestOf,
  isEntityRequest,
} from "../../packages/entities/requests.ts";
import {
  Application,
  DynamicSupervisor,
  ExitError,
  GenServer,
  global,
  pg,
  Process,
  receive,
  Registry,
  self,
  spawn,
  Supervisor,
} from "../../mod.ts";
import { checkChild } from "../../packages/servers/server/child_spec.ts";
import { askToStart } from "../../packages/servers/supervisor/supervisor_client.ts";
import { test } from "../../packages/testing/tags.ts";
import { numbersIn } from "../_pages.ts";
import { clusterTest, pairTest } from "../_nodes.ts";
import { assertLimit, type Limit, limitTests } from "../_limits.ts";

const Counter = Entity.define("counter", {
  state: () => 0,
  add: (counter) => ++counter.state,
  fail(_counter, message: string) {
    throw new TypeError(message);
  },
}, { maxRestarts: 0, remember: 3 });

/** A text's key begins with one more character. */
const KEY = BOUNDS.key - 1;

const child = (id: string) => ({
  id,
  restart: "temporary" as const,
  start: () => Promise.resolve("ignore" as const),
});

const CALLERS: (Limit & { text: (text: string) => unknown })[] = [
  {
    what: "the name of a process",
    most: BOUNDS.name,
    text(name) {
      Process.register(self(), name);
      Process.unregister(name);
    },
  },
  {
    what: "the name of a server",
    most: BOUNDS.name,
    text: async (name) =>
      Supervisor.stop(
        await Supervisor.startLink([], { strategy: "one_for_one", name }),
      ),
  },
  {
    what: "the name of a registry",
    most: BOUNDS.name - ".PIDPartition0".length,
    text: async (name) =>
      Supervisor.stop(await Registry.startLink({ keys: "unique", name })),
  },
  {
    what: "the name of a scope",
    most: BOUNDS.name,
    text: async (scope) => GenServer.stop(await pg.startLink(scope)),
  },
  {
    what: "the name of an application",
    most: BOUNDS.name,
    async text(name) {
      await Application.start({
        name,
        start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
      });
      await Application.stop(name);
    },
  },
  {
    what: "the label of a spawned process",
    most: BOUNDS.label,
    text: (label) => void spawn(() => {}, [], { label }),
  },
  {
    what: "the own label of a process",
    most: KEY,
    text: (label) => Process.setLabel(label),
  },
  {
    what: "a key of a registry",
    most: KEY,
    text: (key) => Registry.register("Bounds", key),
  },
  {
    what: "a key of a registry, by via",
    most: KEY,
    text: (key) =>
      assert(
        Registry.registerName(["Vias", key], spawn(() => receive())),
      ),
  },
  {
    what: "a setting of a registry",
    most: KEY,
    text: (key) => Registry.putMeta("Bounds", key, 1),
  },
  {
    what: "a first setting of a registry",
    most: KEY,
    text: async (key) =>
      Supervisor.stop(
        await Registry.startLink({
          keys: "unique",
          name: "Settings",
          meta: { [key]: 1 },
        }),
      ),
  },
  {
    what: "a global name",
    most: KEY,
    text: async (name) => assert(await global.registerName(name, self())),
  },
  {
    what: "a lock",
    most: KEY,
    text: async (resource) =>
      assert(await global.setLock([resource, 1], { retries: 0 })),
  },
  {
    what: "a group",
    most: KEY,
    text: (group) => pg.join(group, self()),
  },
  {
    what: "a monitored group",
    most: KEY,
    text: (group) => pg.monitor(group),
  },
  {
    what: "the id of a child",
    most: BOUNDS.key,
    text: (id) => Supervisor.startChild("Children", child(id)),
  },
  {
    what: "the id of a dynamic child",
    most: BOUNDS.key,
    text: (id) => DynamicSupervisor.startChild("Dynamic", child(id)),
  },
  {
    what: "the name of a type of entities",
    most: BOUNDS.entityType,
    text: (name) => void Entity.define(name, { state: () => 0 }),
  },
  {
    what: "the key of an entity",
    most: BOUNDS.entityKey,
    text: (key) => Counter.get(key).add(),
  },
  {
    what: "the id of a call of an entity",
    most: BOUNDS.requestId,
    text: (id) => Counter.get("1", { id }).add(),
  },
];

clusterTest(
  "a text of a caller is refused above its bound",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      await Registry.startLink({ keys: "unique", name: "Bounds" });
      await Registry.startLink({ keys: "unique", name: "Vias" });
      await Supervisor.startLink([], {
        strategy: "one_for_one",
        name: "Children",
      });
      await DynamicSupervisor.startLink({ name: "Dynamic" });
      await pg.startLink();
      await Entities.startLink({ types: [Counter], store: memoryStore() });
      for (const { text, ...limit } of CALLERS) {
        await assertLimit({
          ...limit,
          // What else belongs to the form of a key may take some characters more.
          slack: limit.most! > 1000 ? 100 : 0,
          give: (count) => text("x".repeat(count)),
        });
      }
    });
  },
);

const PEERS: [what: string, most: number, takes: (text: string) => boolean][] =
  [
    [
      "the id of a call",
      BOUNDS.requestId,
      (id) => isEntityRequest(["call", "add", [], id]),
    ],
    [
      "the token of a subscriber",
      BOUNDS.token,
      (token) => isEntityRequest(["subscribe", token]),
    ],
    [
      "the type of an entity",
      BOUNDS.entityType,
      (type) => hostRequestOf(["find", type, "1"]) !== undefined,
    ],
    [
      "the key of an entity",
      BOUNDS.entityKey,
      (key) => hostRequestOf(["release", "counter", key]) !== undefined,
    ],
    [
      "the id of a node",
      BOUNDS.storeId,
      (id) => hostRequestOf(["accept", id]) !== undefined,
    ],
    [
      "the id of a shard",
      BOUNDS.storeId,
      (id) =>
        hostRequestOf(["moved", [{ id, owner: "a", epoch: 1 }]]) !== undefined,
    ],
    [
      "the owner of a shard",
      BOUNDS.storeId,
      (owner) =>
        hostRequestOf(["moved", [{ id: "a", owner, epoch: 1 }]]) !== undefined,
    ],
  ];

limitTests(PEERS.map(([what, most, takes]) => ({
  what: `${what} in a peer's request`,
  most,
  takes: (count) => takes("x".repeat(count)),
})));

pairTest("the id of a peer's child has a bound", async ({ kate }) => {
  await kate.run(async () => {
    // They outlive this process.
    Process.unlink(
      await Supervisor.startLink([], {
        strategy: "one_for_one",
        name: "Supervisor",
      }),
    );
    Process.unlink(
      await DynamicSupervisor.startLink({ name: "DynamicSupervisor" }),
    );
  });
  for (const name of ["Supervisor", "DynamicSupervisor"]) {
    // The checks of a caller are left out.
    const start = (length: number) =>
      askToStart(name, { name, node: kate.name }, {
        ...checkChild(child("x")),
        id: "x".repeat(length),
        start: ["Kate", "start", []],
      });
    assertEquals(await start(BOUNDS.key), "ignore");
    const error = await assertRejects(() => start(BOUNDS.key + 1), ExitError);
    assert(error.reason instanceof RangeError);
  }
}, { kate: { modules: { Kate: { start: () => "ignore" } } } });

clusterTest(
  "an entity keeps no id above the bound, whoever gives it",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      await Entities.startLink({ types: [Counter], store: memoryStore() });
      assertEquals(await Counter.get("1").add(), 1);
      const [, pid] = await GenServer.call("Entities", [
        "find",
        "counter",
        "1",
      ]);
      const call = (id: string) => GenServer.call(pid, ["call", "add", [], id]);
      assertEquals(await call("x".repeat(BOUNDS.requestId)), ["ok", 2]);
      assertEquals(await call("x".repeat(1 + BOUNDS.requestId)), ["no_method"]);
      assertEquals(await call(""), ["no_method"]);
      assertEquals(await Counter.get("1").add(), 3);
    });
  },
);

clusterTest("the reason of a parked entity is cut", async (cluster) => {
  const alex = await cluster.start("alex", { log: () => {} });
  await alex.run(async () => {
    await Entities.startLink({ types: [Counter], store: memoryStore() });
    const reasonOf = async (key: string, message: string) => {
      await assertRejects(() => Counter.get(key).fail(message));
      const { parked } = await Entities.info();
      return parked.find((each) => each.key === key)!.reason as Error;
    };
    const short = await reasonOf("short", "it breaks");
    assert(short instanceof TypeError);
    assertEquals(short.message, "it breaks");
    const long = await reasonOf("long", "x".repeat(1 << 22));
    assert(long instanceof TypeError);
    assert(long.message.startsWith("xxx"));
    assert(long.message.length + long.stack!.length <= BOUNDS.reason);
  });
});

test("keptReason() cuts any reason, and never throws", () => {
  const long = "x".repeat(2 * BOUNDS.reason);
  for (
    const reason of [long, { long }, [long], () => {}, {
      get bad() {
        throw new Error(long);
      },
    }, new Error("short", { cause: long })]
  ) {
    const kept = keptReason(reason);
    const text = kept instanceof Error ? kept.message + kept.stack : `${kept}`;
    assert(text.length <= BOUNDS.reason);
  }
  const short = { type: "shutdown", reason: 5 };
  assertEquals(keptReason(short), short);
});

const PAGE: [text: string, bound: number][] = [
  ["registries, scopes and applications", BOUNDS.name],
  ["the `label` of `spawn`", BOUNDS.label],
  ["keys of registries, labels, ids of children", BOUNDS.key],
  ["names of types of entities", BOUNDS.entityType],
  ["keys of entities", BOUNDS.entityKey],
  ["ids of calls of entities", BOUNDS.requestId],
  ["names of alarms of entities", BOUNDS.alarmName],
  ["ids of nodes and shards with entities", BOUNDS.storeId],
  ["tokens of subscribers of entities", BOUNDS.token],
  ["reasons of parked entities, with the stack", BOUNDS.reason],
  ["events of the log, kept for observers", BOUNDS.eventText],
  ["metadata of these events", BOUNDS.eventMetadata],
  ["names in metrics", BOUNDS.metricName],
  ["names and labels in answers to observers", BOUNDS.observedLabel],
  ["names of health checks in answers", BOUNDS.checkName],
];

test("docs/security.md states the bounds", () => {
  for (const [text, bound] of PAGE) {
    assertEquals(numbersIn("docs/security.md", `${text} | # |`), [bound]);
  }
  assertEquals(PAGE.length, Object.keys(BOUNDS).length);
});
