import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError, NoProcessError } from "../errors.ts";
import {
  alive,
  exit,
  type Pid,
  receive,
  register,
  self,
  send,
  spawn,
  trapExit,
  unregister,
  whereis,
} from "../process.ts";
import {
  type RegisterResult,
  Registry,
  type RegistryKeys,
  type RegistryOptions,
} from "../registry.ts";
import { atom } from "../runtime/values/pid.ts";
import { Supervisor } from "../supervisor.ts";
import { Task } from "../task.ts";
import { clusterTest } from "./_nodes.ts";
import { ended, idle, mail, processTest } from "./_processes.ts";
import { exitOf, logged } from "./_supervision.ts";

const R = "Test.Registry";

/** A test with a registry. */
function registryTest(
  name: string,
  keys: RegistryKeys,
  fn: (registry: Pid) => void | Promise<void>,
  options: Partial<RegistryOptions> = {},
): void {
  processTest(name, async () => {
    const registry = await Registry.startLink({ keys, name: R, ...options });
    await fn(registry);
    // Who is registered when it stops exits with it.
    for (const key of Registry.keys(R, self())) Registry.unregister(R, key);
    await Supervisor.stop(registry);
  });
}

/** A process that has run `fn` and waits. */
async function having(fn: () => unknown, trap = false): Promise<Pid> {
  const test = self();
  const pid = spawn(async () => {
    trapExit(trap);
    fn();
    send(test, "ready");
    for (;;) send(test, { got: await receive() });
  });
  await receive((message) => message === "ready");
  return pid;
}

function owner(): Pid {
  return whereis(`${R}.PIDPartition0`)!;
}

function pids(key: unknown): Pid[] {
  return Registry.lookup(R, key).map(({ pid }) => pid);
}

// register()

registryTest(
  "register() gives a unique key to one process",
  "unique",
  async () => {
    const result = Registry.register(R, "key", 1);
    assertEquals(result, { type: "ok", owner: owner() });
    assertEquals(Registry.lookup(R, "key"), [{ pid: self(), value: 1 }]);
    const taken: RegisterResult = {
      type: "error",
      reason: { type: "already_registered", pid: self() },
    };
    assertEquals(Registry.register(R, "key", 2), taken);
    const task = Task.async(() => Registry.register(R, "key", 3));
    assertEquals(await Task.await(task), taken);
    assertEquals(Registry.lookup(R, "key"), [{ pid: self(), value: 1 }]);
  },
);

registryTest("register() compares keys by value", "unique", () => {
  const date = new Date(0);
  const different = [
    "1",
    1,
    1n,
    true,
    null,
    undefined,
    NaN,
    atom("1"),
    [],
    [1],
    [1, 2],
    ["1", "2"],
    ["12"],
    ["1,2"],
    [[1], 2],
    {},
    { a: 1 },
    { a: 1, b: 2 },
    { a: { b: 2 } },
    self(),
    date,
    new Map([[1, 2]]),
    new Set([1, 2]),
    new Uint8Array([1]),
    new Int8Array([1]),
    new TypeError("1"),
    new Error("1"),
  ];
  for (const [index, key] of different.entries()) {
    assertEquals(Registry.register(R, key, index).type, "ok", String(key));
  }
  const same = [
    ...different.slice(0, 17),
    { b: 2, a: 1 },
    { a: { b: 2 } },
    self(),
    new Date(0),
    new Map([[1, 2]]),
    new Set([2, 1]),
    new Uint8Array([1]),
    new Int8Array([1]),
    new TypeError("1"),
    new Error("1"),
  ];
  for (const [index, key] of same.entries()) {
    assertEquals(Registry.values(R, key, self()), [index], String(key));
  }
  assertEquals(Registry.register(R, 0).type, "ok");
  assertEquals(Registry.register(R, -0).type, "error");
  assertEquals(Registry.register(R, [0]).type, "ok");
  assertEquals(Registry.register(R, [-0]).type, "error");
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

registryTest("register() keeps the value as it is", "unique", () => {
  const value = { greet: () => "hi" };
  Registry.register(R, "key", value);
  assert(Registry.lookup(R, "key")[0].value === value);
});

registryTest("register() refuses a key that cannot be sent", "unique", () => {
  assertThrows(() => Registry.register(R, () => {}), TypeError);
  assertThrows(() => Registry.register(R, [Symbol("a")]), TypeError);
  assertEquals(Registry.count(R), 0);
});

registryTest(
  "register() takes many of one process under one key where keys are not unique",
  "duplicate",
  async () => {
    Registry.register(R, "key", 1);
    Registry.register(R, "key", 2);
    const other = await having(() => Registry.register(R, "key", 3));
    assertEquals(Registry.lookup(R, "key"), [
      { pid: self(), value: 1 },
      { pid: self(), value: 2 },
      { pid: other, value: 3 },
    ]);
    assertEquals(Registry.keys(R, self()), ["key", "key"]);
    assertEquals(Registry.values(R, "key", self()), [1, 2]);
    assertEquals(Registry.values(R, "key", other), [3]);
    assertEquals(Registry.count(R), 3);
  },
);

// death

for (const keys of ["unique", "duplicate"] as const) {
  registryTest(
    `no function gives a process that has exited; ${keys} keys`,
    keys,
    async () => {
      const pid = await having(() => Registry.register(R, "key", 1));
      assertEquals(Registry.count(R), 1);
      exit(pid, "kill");
      // Nothing has been awaited: the registry has not seen the exit yet.
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
    },
  );
}

registryTest(
  "the crash of a registry takes those down that are registered",
  "unique",
  async () => {
    const plain = await having(() => Registry.register(R, "a"));
    const trapping = await having(() => Registry.register(R, "b"), true);
    const bystander = await having(() => {
      Registry.register(R, "c");
      Registry.unregister(R, "c");
    });
    const first = owner();
    const end = ended(plain);
    exit(first, "kill");
    assertEquals(await end, "killed");
    assertEquals(await receive(), {
      got: { type: "EXIT", from: first, reason: "killed" },
    });
    assert(alive(trapping) && alive(bystander));
    assertEquals(Registry.lookup(R, "b"), []);
    await Supervisor.countChildren(R);
    assertFalse(owner().equals(first));
    assertEquals(Registry.count(R), 0);
    assertEquals(Registry.register(R, "b").type, "ok");
    for (const pid of [trapping, bystander]) exit(pid, "kill");
    assertMatch(logged().join(), /PIDPartition0/);
  },
);

registryTest(
  "register() fails while a crashed registry is not up yet",
  "unique",
  async () => {
    exit(owner(), "kill");
    assertThrows(() => Registry.register(R, "key"), NoProcessError, "crashed");
    await Supervisor.countChildren(R);
    assertEquals(Registry.register(R, "key").type, "ok");
    logged();
  },
);

processTest(
  "the end of a registry takes those down that are registered",
  async () => {
    const registry = await Registry.startLink({ keys: "unique", name: R });
    const pid = await having(() => Registry.register(R, "key"));
    const end = ended(pid);
    await Supervisor.stop(registry);
    assertEquals(await end, "shutdown");
    assertThrows(() => Registry.lookup(R, "key"), NoProcessError);
  },
);

// unregister()

registryTest(
  "unregister() takes all of the caller's back, and none of others",
  "duplicate",
  async () => {
    const other = await having(() => Registry.register(R, "key", 3));
    Registry.register(R, "key", 1);
    Registry.register(R, "key", 2);
    Registry.register(R, "other", 4);
    assertEquals(Registry.unregister(R, "key"), "ok");
    assertEquals(Registry.lookup(R, "key"), [{ pid: other, value: 3 }]);
    assertEquals(Registry.keys(R, self()), ["other"]);
    assertEquals(Registry.unregister(R, "nothing"), "ok");
  },
);

registryTest(
  "unregister() ends the link to the registry with the last registration",
  "unique",
  async () => {
    const one = await having(() => {
      Registry.register(R, "a");
      Registry.register(R, "b");
      Registry.unregister(R, "a");
    });
    const none = await having(() => {
      Registry.register(R, "c");
      Registry.unregister(R, "c");
    });
    const end = ended(one);
    exit(owner(), "kill");
    assertEquals(await end, "killed");
    assert(alive(none));
    exit(none, "kill");
    logged();
  },
);

registryTest(
  "register() links nobody for a key that is taken",
  "unique",
  async () => {
    const holder = await having(() => Registry.register(R, "a"));
    const late = await having(() => Registry.register(R, "a"));
    const end = ended(holder);
    exit(owner(), "kill");
    assertEquals(await end, "killed");
    assert(alive(late));
    exit(late, "kill");
    logged();
  },
);

registryTest(
  "unregisterMatch() takes those back whose value is meant",
  "duplicate",
  () => {
    for (const value of ["a", "b", "c"]) Registry.register(R, "key", value);
    Registry.unregisterMatch(R, "key", (value) => value === "a");
    assertEquals(Registry.values(R, "key", self()), ["b", "c"]);
    assertEquals(Registry.keys(R, self()), ["key", "key"]);
    Registry.unregisterMatch(R, "key", () => true);
    assertEquals(Registry.keys(R, self()), []);
  },
);

// reading

registryTest("match() and countMatch() ask a predicate", "duplicate", () => {
  for (const n of [1, 2, 3]) Registry.register(R, "key", n);
  const odd = (value: unknown) => (value as number) % 2 === 1;
  assertEquals(Registry.match(R, "key", odd), [
    { pid: self(), value: 1 },
    { pid: self(), value: 3 },
  ]);
  assertEquals(Registry.countMatch(R, "key", odd), 2);
});

registryTest(
  "select() gives what a predicate wants, of all keys",
  "duplicate",
  () => {
    Registry.register(R, "a", 1);
    Registry.register(R, "b", 2);
    const all = [
      { key: "a", pid: self(), value: 1 },
      { key: "b", pid: self(), value: 2 },
    ];
    assertEquals(Registry.select(R), all);
    assertEquals(Registry.select(R, ({ key }) => key === "b"), all.slice(1));
  },
);

registryTest(
  "keys() and values() know no process of elsewhere",
  "unique",
  () => {
    Registry.register(R, "key", 1);
    const { number, creation } = self();
    const Type = self().constructor as new (...args: unknown[]) => Pid;
    const elsewhere = new Type("kate@localhost", number, creation);
    assertEquals(Registry.keys(R, elsewhere), []);
    assertEquals(Registry.values(R, "key", elsewhere), []);
  },
);

registryTest(
  "dispatch() calls the function once, here and now",
  "duplicate",
  async () => {
    const other = await having(() => Registry.register(R, "key", 2));
    Registry.register(R, "key", 1);
    const calls: unknown[] = [];
    const fn = (entries: unknown) => void calls.push([self(), entries]);
    assertEquals(Registry.dispatch(R, "nothing", fn), "ok");
    assertEquals(calls, []);
    assertEquals(Registry.dispatch(R, "key", fn), "ok");
    assertEquals(calls, [[self(), [
      { pid: other, value: 2 },
      { pid: self(), value: 1 },
    ]]]);
    assertThrows(
      () =>
        Registry.dispatch(R, "key", () => {
          throw new RangeError("mine");
        }),
      RangeError,
      "mine",
    );
  },
);

registryTest(
  "updateValue() replaces the caller's value",
  "unique",
  async () => {
    Registry.register(R, "key", 1);
    const add = (value: unknown) => value as number + 1;
    assertEquals(Registry.updateValue(R, "key", add), {
      type: "ok",
      newValue: 2,
      oldValue: 1,
    });
    assertEquals(Registry.values(R, "key", self()), [2]);
    const others = Task.async(() => Registry.updateValue(R, "key", add));
    assertEquals(await Task.await(others), "error");
    assertEquals(Registry.updateValue(R, "nothing", add), "error");
    assertEquals(Registry.values(R, "key", self()), [2]);
  },
);

registryTest("updateValue() wants unique keys", "duplicate", () => {
  const error = assertThrows(
    () => Registry.updateValue(R, "key", () => 1),
    TypeError,
  );
  assertMatch(error.message, /^Cannot update a value: .* not unique/);
});

// meta()

registryTest(
  "meta() gives what startLink() or putMeta() has set",
  "unique",
  async () => {
    assertEquals(Registry.meta(R, "a"), { type: "ok", value: 1 });
    assertEquals(Registry.meta(R, "b"), "error");
    Registry.putMeta(R, ["b", 1], undefined);
    assertEquals(Registry.meta(R, ["b", 1]), { type: "ok", value: undefined });
    exit(owner(), "kill");
    await Supervisor.countChildren(R);
    assertEquals(Registry.meta(R, "a"), { type: "ok", value: 1 });
    assertEquals(Registry.deleteMeta(R, "a"), "ok");
    assertEquals(Registry.meta(R, "a"), "error");
    logged();
  },
  { meta: { a: 1 } },
);

// listeners

registryTest(
  "listeners are told of what is registered and taken back, but not of deaths",
  "duplicate",
  async () => {
    register("listener", self());
    const key = ["key"];
    const pid = await having(() => {
      Registry.register(R, key, { n: 1 });
      Registry.register(R, key, { n: 2 });
      Registry.unregisterMatch(
        R,
        key,
        (value) => (value as { n: number }).n === 1,
      );
      Registry.unregister(R, key);
      Registry.unregister(R, "nothing");
      Registry.register(R, "last");
    });
    const base = { registry: R, key, pid };
    const told: unknown[] = [];
    for (let i = 0; i < 5; i++) told.push(await receive());
    exit(pid, "kill");
    await Supervisor.countChildren(R);
    assertEquals(told, [
      { type: "register", ...base, value: { n: 1 } },
      { type: "register", ...base, value: { n: 2 } },
      { type: "unregister", ...base },
      { type: "unregister", ...base, key: "nothing" },
      { type: "register", ...base, key: "last", value: undefined },
    ]);
    unregister("listener");
  },
  { listeners: ["listener", atom("nobody")] },
);

registryTest(
  "register() refuses a value that listeners cannot be told, and registers nothing",
  "unique",
  () => {
    assertThrows(() => Registry.register(R, "key", () => {}), TypeError);
    assertEquals(Registry.lookup(R, "key"), []);
  },
  { listeners: ["listener"] },
);

// startLink()

processTest("startLink() refuses what it cannot be", async () => {
  const wrong = { keys: "both", name: R } as unknown as RegistryOptions;
  const error = await assertRejects(() => Registry.startLink(wrong), TypeError);
  assertMatch(error.message, /^Cannot start a registry: .*"unique" or/);
  const nameless = { keys: "unique" } as unknown as RegistryOptions;
  await assertRejects(() => Registry.startLink(nameless), TypeError);
});

registryTest(
  "startLink() refuses a name that is taken",
  "unique",
  async (pid) => {
    Registry.register(R, "key");
    const error = await assertRejects(
      () => Registry.startLink({ keys: "duplicate", name: R }),
      ExitError,
    );
    assertEquals(error.reason, { type: "already_started", pid });
    assertEquals(pids("key"), [self()]);
  },
);

processTest("a registry is a supervisor's child", async () => {
  const sup = await Supervisor.startLink([
    [Registry, { keys: "unique", name: "One" }],
    [Registry, { keys: "duplicate", name: atom("Two") }],
  ], { strategy: "one_for_one" });
  const children = await Supervisor.whichChildren(sup);
  assertEquals(children, [
    { id: "Two", pid: whereis("Two"), type: "supervisor" },
    { id: "One", pid: whereis("One"), type: "supervisor" },
  ]);
  Registry.register("Two", "key");
  Registry.register("Two", "key");
  assertEquals(Registry.count(atom("Two")), 2);
  Registry.unregister("Two", "key");
  await Supervisor.stop(sup);
});

processTest("every function wants a registry that runs", async () => {
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

registryTest(
  "a name for via is a registry, a key and a value",
  "unique",
  async () => {
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
    exit(pid, "kill");
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
  },
);

registryTest("via wants unique keys", "duplicate", () => {
  assertThrows(() => Registry.whereisName([R, "a"]), TypeError, "not unique");
  assertThrows(
    () => Registry.registerName([R, "a"], self()),
    TypeError,
    "not unique",
  );
});

registryTest(
  "a supervisor is started and called by via",
  "unique",
  async () => {
    const name = { via: Registry, name: [R, ["sup", 1], "value"] };
    const pid = await Supervisor.startLink([], {
      strategy: "one_for_one",
      name,
    });
    assertEquals(Registry.lookup(R, ["sup", 1]), [{ pid, value: "value" }]);
    assertEquals((await Supervisor.countChildren(name)).specs, 0);
    const error = await assertRejects(
      () => Supervisor.startLink([], { strategy: "one_for_one", name }),
      ExitError,
    );
    assertEquals(error.reason, { type: "already_started", pid });
    await Supervisor.stop(name);
    assertEquals(Registry.whereisName([R, ["sup", 1]]), undefined);
  },
);

// lock()

registryTest(
  "lock() lets one in at a time, in the order of asking",
  "duplicate",
  async () => {
    const test = self();
    const steps: string[] = [];
    const open = Promise.withResolvers<void>();
    const tasks = ["a", "b", "c"].map((name) =>
      Task.async(() =>
        Registry.lock(R, ["door"], async () => {
          steps.push(`${name} in`);
          send(test, "in");
          await open.promise;
          steps.push(`${name} out`);
          return name;
        })
      )
    );
    assertEquals(await receive(), "in");
    assertEquals(await Registry.lock(R, "other door", () => 1), 1);
    assertEquals(steps, ["a in"]);
    open.resolve();
    const results = [];
    for (const task of tasks) results.push(await Task.await(task));
    assertEquals(await mail(), ["in", "in"]);
    assertEquals(results, ["a", "b", "c"]);
    assertEquals(steps, ["a in", "a out", "b in", "b out", "c in", "c out"]);
    assertEquals(Registry.count(R), 0);
  },
);

registryTest(
  "lock() gives the lock back when the function throws",
  "unique",
  async () => {
    const failing = () =>
      Registry.lock(R, "door", () => {
        throw new RangeError("mine");
      });
    await assertRejects(failing, RangeError, "mine");
    assertEquals(await Registry.lock(R, "door", () => self()), self());
  },
);

registryTest(
  "lock() gives the lock back when its holder or who waits exits",
  "unique",
  async () => {
    const test = self();
    const holding = () =>
      spawn(() =>
        Registry.lock(R, "door", () => {
          send(test, "in");
          return receive(() => false);
        })
      );
    const holder = holding();
    assertEquals(await receive(), "in");
    const waiting = holding();
    const task = Task.async(() => Registry.lock(R, "door", () => "mine"));
    await Supervisor.countChildren(R);
    exit(waiting, "kill");
    exit(holder, "kill");
    assertEquals(await Task.await(task), "mine");
  },
);

registryTest("lock() fails when the registry crashes", "unique", async () => {
  const test = self();
  const holder = spawn(() =>
    Registry.lock(R, "door", () => {
      send(test, "in");
      return receive(() => false);
    })
  );
  assertEquals(await receive(), "in");
  trapExit(true);
  const task = Task.async(() => Registry.lock(R, "door", () => 1));
  const first = owner();
  await Supervisor.countChildren(R);
  exit(first, "kill");
  const reason = await exitOf(task.pid) as { reason: unknown; call: unknown[] };
  assertEquals(reason.reason, "killed");
  assertEquals(reason.call.slice(0, 2), ["Registry", "lock"]);
  await assertRejects(() => Task.await(task), ExitError);
  assert(alive(holder));
  exit(holder, "kill");
  await Supervisor.countChildren(R);
  trapExit(false);
  logged();
});

// nodes

clusterTest("a registry is its node's own", async (cluster) => {
  const kate = await cluster.start("kate");
  const alex = await cluster.start("alex");
  await alex.run(async () => {
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
});
