import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  ExitError,
  NoProcessError,
} from "../../../packages/processes/errors.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import {
  Registry,
  type RegistryKeys,
  type RegistryOptions,
} from "../../../packages/servers/registry/registry.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { pairTest } from "../../_nodes.ts";
import { idle, processTest } from "../../_processes.ts";
import { exitOf, logged } from "../../_supervision.ts";

const R = "Test.Registry";

function registryTest(
  name: string,
  keys: RegistryKeys,
  fn: (registry: Pid) => void | Promise<void>,
  options: Partial<RegistryOptions> = {},
): void {
  processTest(name, async () => {
    const registry = await Registry.startLink({ keys, name: R, ...options });
    await fn(registry);
    // A registered process exits with the registry.
    for (const key of Registry.keys(R, self())) Registry.unregister(R, key);
    await Supervisor.stop(registry);
  });
}

/** A process that has run `fn` and waits. */
async function having(fn: () => unknown, trap = false): Promise<Pid> {
  const test = self();
  const pid = spawn(async () => {
    Process.trapExit(trap);
    fn();
    send(test, "ready");
    for (;;) send(test, { got: await receive() });
  });
  await receive((message) => message === "ready");
  return pid;
}

function owner(): Pid {
  return Process.whereis(`${R}.PIDPartition0`)!;
}

function pids(key: unknown): Pid[] {
  return Registry.lookup(R, key).map(({ pid }) => pid);
}

// register()

registryTest("register() compares keys by value", "unique", () => {
  const equal = [
    [[0], [-0]],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [new Set([1, 2]), new Set([2, 1])],
  ];
  for (const [key, other] of [...equal, [0, -0]]) {
    assertEquals(Registry.register(R, key).type, "ok");
    assertEquals(Registry.register(R, other).type, "error");
  }
  const different = [1, "1", 1n, "1,2", [1, 2], ["1", "2"], NaN, new Map()];
  for (const key of different) {
    assertEquals(Registry.register(R, key).type, "ok");
  }
});

registryTest("register() keeps a copy of the key", "unique", () => {
  const key = { rooms: [1] };
  Registry.register(R, key);
  key.rooms.push(2);
  const [kept] = Registry.keys(R, self()) as [typeof key];
  assertEquals(kept, { rooms: [1] });
  kept.rooms.push(3);
  assertEquals(Registry.keys(R, self()), [{ rooms: [1] }]);
  const [{ key: selected }] = Registry.select(R);
  (selected as typeof key).rooms.push(3);
  assertEquals(pids({ rooms: [1] }), [self()]);
  assertEquals(Registry.keys(R, self()), [{ rooms: [1] }]);
});

registryTest("register() stores the value uncopied", "unique", () => {
  const value = { greet: () => "hi" };
  Registry.register(R, "key", value);
  assert(Registry.lookup(R, "key")[0].value === value);
});

registryTest("register() rejects a key that cannot be sent", "unique", () => {
  assertThrows(() => Registry.register(R, () => {}), TypeError);
  assertThrows(() => Registry.register(R, [Symbol("a")]), TypeError);
  assertEquals(Registry.count(R), 0);
});

// death

for (const keys of ["unique", "duplicate"] as const) {
  registryTest(`lookups skip the dead; ${keys} keys`, keys, async () => {
    const pid = await having(() => Registry.register(R, "key", 1));
    assertEquals(Registry.count(R), 1);
    Process.exit(pid, "kill");
    // Nothing has been awaited: the registry has not been notified of the exit yet.
    assertEquals(Registry.lookup(R, "key"), []);
    assertEquals(Registry.match(R, "key", () => true), []);
    assertEquals(Registry.countMatch(R, "key", () => true), 0);
    assertEquals(Registry.keys(R, pid), []);
    assertEquals(Registry.values(R, "key", pid), []);
    assertEquals(Registry.select(R), []);
    assertEquals(Registry.count(R), 0);
    Registry.dispatch(R, "key", () => {
      throw new Error("dispatched");
    });
    assertEquals(Registry.register(R, "key", 2).type, "ok");
    await Supervisor.countChildren(R);
    assertEquals(Registry.lookup(R, "key"), [{ pid: self(), value: 2 }]);
    assertEquals(Registry.keys(R, self()), ["key"]);
    assertEquals(Registry.count(R), 1);
  });
}

registryTest("register() waits for no restart", "unique", async () => {
  Process.exit(owner(), "kill");
  assertThrows(() => Registry.register(R, "key"), NoProcessError, "crashed");
  await Supervisor.countChildren(R);
  assertEquals(Registry.register(R, "key").type, "ok");
  logged();
});

// reading

registryTest("keys() and values() ignore remote processes", "unique", () => {
  Registry.register(R, "key", 1);
  const { number, creation } = self();
  const Type = self().constructor as new (...args: unknown[]) => Pid;
  const elsewhere = new Type("kate@localhost", number, creation);
  assertEquals(Registry.keys(R, elsewhere), []);
  assertEquals(Registry.values(R, "key", elsewhere), []);
});

// listeners

registryTest("register() rejects what listeners cannot get", "unique", () => {
  assertThrows(() => Registry.register(R, "key", () => {}), TypeError);
  assertEquals(Registry.lookup(R, "key"), []);
}, { listeners: ["listener"] });

// startLink()

processTest("every function requires a running registry", async () => {
  const calls: (() => unknown)[] = [
    () => Registry.register(R, "key"),
    () => Registry.unregister(R, "key"),
    () => Registry.unregisterMatch(R, "key", () => true),
    () => Registry.lookup(R, "key"),
    () => Registry.match(R, "key", () => true),
    () => Registry.countMatch(R, "key", () => true),
    () => Registry.dispatch(R, "key", () => {}),
    () => Registry.keys(R, self()),
    () => Registry.values(R, "key", self()),
    () => Registry.updateValue(R, "key", () => 1),
    () => Registry.count(R),
    () => Registry.select(R),
    () => Registry.meta(R, "key"),
    () => Registry.putMeta(R, "key", 1),
    () => Registry.deleteMeta(R, "key"),
    () => Registry.registerName([R, "key"], self()),
    () => Registry.unregisterName([R, "key"]),
    () => Registry.whereisName([R, "key"]),
  ];
  for (const call of calls) {
    const error = assertThrows(call, NoProcessError);
    assertMatch(error.message, /^Cannot .*: no registry "Test.Registry" runs/);
  }
  await assertRejects(() => Registry.lock(R, "key", () => 1), NoProcessError);
});

// via

registryTest("a via name is a registry and a key", "unique", async () => {
  assert(Registry.registerName([R, "a"], self()));
  assert(Registry.registerName([R, "b", 5], self()));
  assertFalse(Registry.registerName([R, "b", 6], self()));
  assertEquals(Registry.whereisName([R, "b"]), self());
  assertEquals(Registry.whereisName([R, "b", "any"]), self());
  assertEquals(Registry.whereisName([R, "nobody"]), undefined);
  assertEquals(Registry.lookup(R, "b"), [{ pid: self(), value: 5 }]);
  Registry.unregisterName([R, "b"]);
  assertEquals(Registry.whereisName([R, "b"]), undefined);
  const pid = idle();
  assert(Registry.registerName([R, "b"], pid));
  Registry.unregisterName([R, "b"]);
  assertEquals(Registry.whereisName([R, "b"]), pid);
  Process.exit(pid, "kill");
  assertEquals(Registry.whereisName([R, "b"]), undefined);
  assertThrows(() => Registry.registerName([R, "c"], pid), NoProcessError);
  for (const wrong of ["a", [R], [R, 1, 2, 3], undefined]) {
    assertThrows(
      () => Registry.whereisName(wrong),
      TypeError,
      "[registry, key]",
    );
  }
  Registry.unregister(R, "a");
  await Promise.resolve();
});

registryTest("via requires unique keys", "duplicate", () => {
  assertThrows(() => Registry.whereisName([R, "a"]), TypeError, "not unique");
  assertThrows(
    () => Registry.registerName([R, "a"], self()),
    TypeError,
    "not unique",
  );
});

// lock()

registryTest("lock() fails when the registry crashes", "unique", async () => {
  const test = self();
  const holder = spawn(() =>
    Registry.lock(R, "door", () => {
      send(test, "in");
      return receive(() => false);
    })
  );
  assertEquals(await receive(), "in");
  Process.trapExit(true);
  const task = Task.async(() => Registry.lock(R, "door", () => 1));
  const first = owner();
  await Supervisor.countChildren(R);
  Process.exit(first, "kill");
  const reason = await exitOf(task.pid) as { reason: unknown; call: unknown[] };
  assertEquals(reason.reason, "killed");
  assertEquals(reason.call.slice(0, 2), ["Registry", "lock"]);
  await assertRejects(() => Task.await(task), ExitError);
  assert(Process.alive(holder));
  Process.exit(holder, "kill");
  await Supervisor.countChildren(R);
  Process.trapExit(false);
  logged();
});

// nodes

pairTest("a registry is local to its node", async ({ kate }) => {
  const registry = await Registry.startLink({ keys: "unique", name: R });
  assertEquals(Registry.register(R, "key").type, "ok");
  await kate.run(() => {
    const error = assertThrows(
      () => Registry.lookup(R, "key"),
      NoProcessError,
    );
    assertInstanceOf(error, NoProcessError);
    assertMatch(error.message, /kate@localhost/);
  });
  Registry.unregister(R, "key");
  await Supervisor.stop(registry);
});
