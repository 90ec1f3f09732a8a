/** Registries: keys, links, listeners, names of servers, locks. */

import {
  atom,
  ExitError,
  GenServer,
  type Pid,
  Process,
  receive,
  Registry,
  type RegistryEntry,
  type RegistryOptions,
  self,
  send,
  spawn,
  Supervisor,
} from "../../../mod.ts";
import type { RegistryRecord } from "../../../packages/servers/registry/registry.ts";
import type { RegistryKeys } from "../../../packages/servers/registry/registry.ts";
import {
  attempt,
  expect,
  forever,
  next,
  raise,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
} from "../_scenario.ts";
import { result } from "../_supervision.ts";

const R = "Conformance.R";
const PARTITION = `${R}.PIDPartition0`;

function start(
  keys: RegistryKeys,
  options: Partial<RegistryOptions> = {},
): Promise<Pid> {
  return Registry.startLink({ keys, name: R, ...options });
}

function register(key: unknown, value?: unknown): { type: string } {
  return Registry.register(R, key, value);
}

function unregister(key: unknown): "ok" {
  return Registry.unregister(R, key);
}

function entries(key: unknown): unknown[] {
  return pairs(Registry.lookup(R, key));
}

function pairs(entries: RegistryEntry[]): unknown[] {
  return entries.map(({ pid, value }) => [pid, value]);
}

function keys(pid: Pid): unknown[] {
  return Registry.keys(R, pid).sort();
}

/** A process that has run the function; it forwards its messages. */
async function having<T>(
  fn: () => T,
  trap = false,
): Promise<{ pid: Pid; value: T }> {
  const main = self();
  const pid = spawn(async () => {
    Process.trapExit(trap);
    send(main, { type: "done", value: fn() });
    for (;;) send(main, { type: "heard", message: await next(60_000) });
  });
  return { pid, value: (await expect("done")).value };
}

async function crash(): Promise<void> {
  const pid = Process.whereis(PARTITION)!;
  Process.exit(pid, "kill");
  while (Process.whereis(PARTITION)?.equals(pid) ?? true) {
    // safe: asked again until it is so
    await Process.sleep(1);
  }
}

function downOf(pid: Pid): () => Promise<unknown> {
  const ref = Process.monitor(pid);
  return async () => (await receive((m) => ref.equals(m?.ref))).reason;
}

const Server = {
  name: "Server",
  init: (state: number) => ({ type: "ok", state }) as const,
  handleCall: (_get: string, _from: unknown, state: number) =>
    ({ type: "reply", reply: state, state }) as const,
};

scenario("a unique key is refused while its process is alive", async () => {
  await start("unique");
  const { pid, value } = await having(() => register("key", 1));
  await trace("first", [pid, value]);
  await trace("second", register("key", 2));
  const { value: again } = await having(
    () => [register("other", 1), register("other", 2)],
  );
  await trace("its own", again);
  await trace("entries", entries("key"));
  Process.exit(pid, "kill");
  await reasonOf(pid);
  await trace("free", register("key", 2));
  await trace("entries", entries("key"));
});

scenario("a duplicate key has all its registrations", async () => {
  await start("duplicate");
  await trace("ok", register("key", 1));
  register("key", 2);
  register("other", 3);
  const { pid } = await having(() => register("key", 4));
  await trace("entries", entries("key"));
  await trace("keys", keys(self()));
  await trace("values", Registry.values(R, "key", self()));
  await trace("its values", Registry.values(R, "key", pid));
  await trace("none", Registry.values(R, "nothing", pid));
  await trace("count", Registry.count(R));
});

scenario("keys are compared by value", async () => {
  await start("unique");
  const pid = self();
  const all = (map: object) => [
    "a",
    atom("a"),
    1,
    ["a", 1],
    ["a", ["b"]],
    map,
    pid,
    true,
    null,
  ];
  for (const key of all({ a: 1, b: [2] })) {
    await trace("registered", register(key).type);
  }
  for (const key of all({ b: [2], a: 1 })) {
    await trace("same", register(key).type);
  }
  for (
    const key of [
      "b",
      atom("b"),
      2,
      [1, "a"],
      ["a", "b"],
      { a: 1 },
      [pid],
      false,
      [],
    ]
  ) {
    await trace("other", Registry.lookup(R, key));
  }
});

scenario("unregister removes the caller's registrations only", async () => {
  await start("duplicate");
  const { pid } = await having(() => register("key", 1));
  for (const value of [2, 3]) register("key", value);
  register("other", 4);
  await trace("before", entries("key"));
  await trace("unregister", unregister("key"));
  await trace("after", entries("key"));
  await trace("keys", keys(self()));
  await trace("again", unregister("key"));
  await trace("its keys", keys(pid));
});

scenario("a crash of the registry ends the registered processes", async () => {
  await start("unique");
  const { pid: plain, value } = await having(() => Registry.register(R, "a"));
  const { pid: trapping } = await having(() => register("b"), true);
  const owner = (value as { owner: Pid }).owner;
  await trace("owner", owner.equals(Process.whereis(PARTITION)));
  const ref = Process.monitor(plain);
  await trace("who", [plain, trapping, owner, ref]);
  await crash();
  await trace("plain", expect("DOWN"));
  await trace("trapping", expect("heard"));
  await trace("alive", Process.alive(trapping));
  await trace("count", Registry.count(R));
  await trace("again", register("b").type);
});

scenario("a process that is not registered survives its crash", async () => {
  await start("unique");
  const { pid: holder } = await having(() => register("a"));
  const { pid: oneLeft } = await having(() => {
    register("b");
    register("c");
    unregister("b");
  });
  const { pid: noneLeft } = await having(() => {
    register("d");
    unregister("d");
  });
  const { pid: refused } = await having(() => register("a"));
  const downs = [holder, oneLeft].map(downOf);
  await crash();
  for (const down of downs) await trace("down", down());
  for (const pid of [noneLeft, refused]) {
    await trace("alive", Process.alive(pid));
  }
});

scenario("its exit ends the registered processes, and its name", async () => {
  await start("unique");
  const { pid } = await having(() => register("key"));
  const down = downOf(pid);
  await trace("stop", Supervisor.stop(R));
  await trace("down", down());
  await attempt("lookup", () => Registry.lookup(R, "key"));
  await attempt("register", () => register("key"));
  await attempt("unregister", () => unregister("key"));
  await attempt("keys", () => Registry.keys(R, self()));
  await attempt("meta", () => Registry.meta(R, "key"));
  await attempt("count", () => Registry.count(R));
});

scenario("listeners see registrations, but not exits", async () => {
  Process.register(self(), "listener");
  await start("duplicate", { listeners: ["listener"] });
  const { pid } = await having(() => {
    register("key", 1);
    register("key", 2);
    unregister("key");
    unregister("nothing");
    register("last", 3);
  });
  Process.exit(pid, "kill");
  await reasonOf(pid);
  for (let i = 0; i < 5; i++) await traceNext("told");
  await traceNothing("more");
  Process.unregister("listener");
});

scenario("listeners see unregister_match of the last one", async () => {
  Process.register(self(), "listener");
  await start("duplicate", { listeners: ["listener"] });
  for (const value of [1, 2, 3]) register("key", value);
  for (let i = 0; i < 3; i++) await traceNext("told");
  const takeBack = (predicate: (value: unknown) => boolean) =>
    Registry.unregisterMatch(R, "key", predicate);
  await trace("one", takeBack((value) => value === 2));
  await trace("entries", entries("key"));
  await trace("none", takeBack((value) => value === 9));
  await traceMarker("next");
  await trace("all", takeBack(() => true));
  await trace("entries", entries("key"));
  await traceNext("told");
  await trace("of nothing", takeBack((value) => value === 1));
  await traceNext("told");
  Process.unregister("listener");
});

scenario("only the process with the key can update its value", async () => {
  await start("unique");
  register("key", 1);
  const update = (key: string) => {
    const updated = Registry.updateValue(
      R,
      key,
      (value) => value as number + 1,
    );
    return updated === "error" ? updated : [updated.newValue, updated.oldValue];
  };
  await trace("update", update("key"));
  await trace("unknown", update("other"));
  await trace("of another", (await having(() => update("key"))).value);
  await trace("entries", entries("key"));
  await attempt(
    "raises",
    () => Registry.updateValue(R, "key", () => raise("mine")),
  );
  await trace("entries", entries("key"));
});

scenario("functions for unique keys raise for duplicate ones", async () => {
  await start("duplicate");
  register("key", 1);
  const via = (key: string) => ({ via: Registry, name: [R, key] });
  await attempt("update", () => Registry.updateValue(R, "key", (v) => v));
  await attempt("via", () => GenServer.whereis(via("key")));
  await attempt(
    "start",
    () => GenServer.start(Server, 1, { name: via("other") }),
  );
  await attempt("call", () => GenServer.call(via("key"), "get"));
  await attempt(
    "kind",
    () =>
      Registry.startLink({
        keys: "both" as RegistryKeys,
        name: "Conformance.Other",
      }),
  );
});

scenario("dispatch runs in the caller with all registrations", async () => {
  await start("duplicate");
  const { pid } = await having(() => register("key", 1));
  register("key", 2);
  await trace("who", [self(), pid]);
  const calls: unknown[] = [];
  const fn = (entries: RegistryEntry[]) => {
    calls.push([self(), pairs(entries)]);
  };
  const traceCalls = async () => {
    for (const call of calls.splice(0)) await trace("called", call);
  };
  const nobody = Registry.dispatch(R, "nothing", fn);
  await traceCalls();
  await trace("nobody", nobody);
  const result = Registry.dispatch(R, "key", fn);
  await traceCalls();
  await trace("result", result);
  await attempt(
    "raises",
    () => Registry.dispatch(R, "key", () => raise("mine")),
  );
  await attempt("throws", () =>
    Registry.dispatch(R, "key", () => {
      throw "mine";
    }));
  Registry.dispatch(R, "key", (entries) => {
    for (const { pid, value } of entries) send(pid, { type: "hello", value });
  });
  await trace("sent", expect("hello"));
  await trace("sent", expect("heard"));
  await traceCalls();
  await traceNothing("more");
});

scenario("match, select and count use the current registrations", async () => {
  await start("duplicate");
  for (const value of [1, 2, 3]) register("a", value);
  register("b", 2);
  const above = (value: unknown) => value as number > 1;
  await trace("match", pairs(Registry.match(R, "a", above)));
  await trace("count_match", Registry.countMatch(R, "a", above));
  await trace("count", Registry.count(R));
  const all = () => Registry.select(R).map(({ key, value }) => [key, value]);
  await trace("all", all().sort());
  unregister("a");
  await trace("left", all());
  await trace("none", Registry.match(R, "a", () => true));
});

scenario("metadata survives a crash", async () => {
  await start("unique", { meta: { a: 1 } });
  await trace("a", Registry.meta(R, "a"));
  await trace("unknown", Registry.meta(R, "b"));
  await trace("put", Registry.putMeta(R, "b", 2));
  await crash();
  await trace("a", Registry.meta(R, "a"));
  await trace("b", Registry.meta(R, "b"));
  await trace("delete", Registry.deleteMeta(R, "a"));
  await trace("a", Registry.meta(R, "a"));
});

scenario("a server is started and called by a name in it", async () => {
  await start("unique");
  const via = { via: Registry, name: [R, ["room", 1], "value"] };
  const same = { via: Registry, name: [R, ["room", 1]] };
  const pid = await GenServer.start(Server, 5, { name: via });
  await trace("entries", [entries(["room", 1]), pid]);
  await trace("whereis", [
    await GenServer.whereis(via),
    await GenServer.whereis(same),
  ]);
  await trace("call", GenServer.call(same, "get"));
  await trace("taken", result(GenServer.start(Server, 6, { name: same })));
  await trace("call", GenServer.call(via, "get"));
  await trace("stop", GenServer.stop(same));
  await trace("whereis", GenServer.whereis(same));
  await attempt("call", async () => {
    try {
      await GenServer.call(same, "get");
    } catch (error) {
      throw new ExitError(
        ((error as ExitError).reason as { reason: unknown }).reason,
      );
    }
  });
  const next = await GenServer.start(Server, 6, { name: same });
  await trace("again", [
    await GenServer.call(same, "get"),
    !(next as Pid).equals(pid),
  ]);
});

scenario("a server that fails to register leaves the holder", async () => {
  await start("unique");
  const name = { via: Registry, name: [R, "key"] };
  const pid = await GenServer.startLink(Server, 5, { name });
  await trace("taken", result(GenServer.startLink(Server, 6, { name })));
  await trace("alive", Process.alive(pid as Pid));
  await traceMarker("next");
});

scenario("a lock has one holder, and is released if that fails", async () => {
  await start("unique");
  const main = self();
  const hold = (name: string) =>
    spawn(async () => {
      await Registry.lock(R, "door", async () => {
        send(main, { type: "in", name });
        await expect("go");
        send(main, { type: "out", name });
      });
      await forever();
    });
  const a = hold("a");
  await traceNext("lock");
  const b = hold("b");
  await traceNothing("b waits");
  await trace("other", Registry.lock(R, "window", () => 1));
  send(a, "go");
  for (let i = 0; i < 2; i++) await traceNext("lock");
  const c = hold("c");
  await traceNothing("c waits");
  Process.exit(b, "kill");
  await traceNext("lock");
  send(c, "go");
  await traceNext("lock");
  await attempt("raises", () => Registry.lock(R, "door", () => raise("mine")));
  await trace("free", Registry.lock(R, "door", () => "value"));
  await trace("no key", Registry.count(R));
});

scenario("a start under a registered name fails", async () => {
  const pid = await start("unique");
  const { pid: other } = await having(() => register("key"));
  await trace("who", [pid, other]);
  await trace(
    "taken",
    result(Registry.startLink({ keys: "duplicate", name: R })),
  );
  await trace("unique still", register("key"));
});

scenario("count_select counts the entries that match", async () => {
  await start("duplicate");
  for (const [key, value] of [["a", 1], ["a", 2], ["b", 2]]) {
    Registry.register(R, key, value);
  }
  const count = (wanted: (record: RegistryRecord) => boolean) =>
    Registry.countSelect(R, wanted);
  await trace("all", count(() => true));
  await trace("of a value", count(({ value }) => value === 2));
  await trace(
    "of a key and a value",
    count(({ key, value }) => key === "a" && value === 2),
  );
  await trace("of none", count(({ value }) => value === 3));
  Registry.unregister(R, "a");
  await trace("after an end", count(() => true));
});
