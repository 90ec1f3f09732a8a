/**
 * Registries: store processes of this node under keys of any type, one process or several per key.
 *
 * Follows Elixir's [Registry](https://hexdocs.pm/elixir/1.18/Registry.html).
 *
 * @module
 */

import { NoProcessError } from "@otp/processes/errors";
import type { ChildSpec } from "../server/child_spec.ts";
import {
  type RegistryEntry,
  RegistryTable,
  registryTable,
  type ValuePredicate,
} from "./registry_table.ts";
import {
  type LockRequest,
  RegistryPartition,
  type Unlock,
} from "./registry_partition.ts";
import { nameText } from "../server/server_ref.ts";
import { startServer } from "../server/start.ts";
import {
  ARRAY,
  checkFunction,
  checkOptions,
  checkPid,
  oneOf,
  RECORD,
} from "@otp/processes/values/check_arguments";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { inspect, quote } from "@otp/processes/values/inspect";
import type { Pid, Ref } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { keyToKeep, termKey } from "@otp/processes/values/term_key";
import { Supervisor } from "../supervisor/supervisor.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import { call, tell } from "../server/call.ts";
import { OwnRequest } from "@otp/processes/values/server_message";

export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
} from "../server/child_spec.ts";

export type { RegistryKeys } from "./registry_table.ts";
export type { ChildSpec, RegistryEntry, ValuePredicate };

/** Options for {@linkcode Registry.startLink}. */
export interface RegistryOptions {
  /** Whether a key has at most one process, `"unique"`, or any number, `"duplicate"`. */
  keys: "unique" | "duplicate";
  /** The registry's name on its node. */
  name: string | Atom;
  /**
   * The registered names of local listener processes. A listener receives a {@linkcode RegisterMessage} for
   * each registration, and an {@linkcode UnregisterMessage} when one is removed explicitly, but no message
   * when a registered process exits: a listener monitors the process for that.
   *
   * @default {[]}
   */
  listeners?: readonly (string | Atom)[];
  /**
   * The registry's metadata, by key.
   *
   * @default {{}}
   */
  meta?: Record<string, unknown>;
}

const REGISTRY_OPTIONS: OptionChecks<RegistryOptions> = {
  keys: { ...oneOf("unique", "duplicate"), isRequired: true },
  name: true,
  listeners: ARRAY,
  meta: RECORD,
};

/** The message to a listener after a process has registered. */
export interface RegisterMessage {
  /** Always `"register"`. */
  type: "register";
  /** The registry's name. */
  registry: string;
  /** The key that the process is registered under. */
  key: unknown;
  /** The process that has registered. */
  pid: Pid;
  /** A copy of the registered value. */
  value: unknown;
}

/** The message to a listener after a process has unregistered. */
export interface UnregisterMessage {
  /** Always `"unregister"`. */
  type: "unregister";
  /** The registry's name. */
  registry: string;
  /** The key that the process was registered under. */
  key: unknown;
  /** The process that has unregistered. */
  pid: Pid;
}

/** A registration, from {@linkcode Registry.select}. */
export interface RegistryRecord extends RegistryEntry {
  /** The key that the process is registered under. */
  key: unknown;
}

/** The result of {@linkcode Registry.register}. */
export type RegisterResult =
  | { type: "ok"; owner: Pid }
  | { type: "error"; reason: { type: "already_registered"; pid: Pid } };

/** The reason why a registration failed: `{already_registered, pid}`. */
export type AlreadyRegisteredReason = Extract<
  RegisterResult,
  { type: "error" }
>["reason"];

/** The result of {@linkcode Registry.updateValue} if the caller has the key. */
export interface UpdatedValue {
  /** Always `"ok"`. */
  type: "ok";
  /** The value after the update. */
  newValue: unknown;
  /** The value before the update. */
  oldValue: unknown;
}

/**
 * Stores processes of this node under keys.
 *
 * Each function follows the function of the same name in Elixir's
 * [Registry](https://hexdocs.pm/elixir/1.18/Registry.html): `countMatch` is `Registry.count_match`. It takes a
 * predicate where Elixir takes a pattern with guards, or a match specification.
 *
 * A process registers itself, any number of times, each time with a value. A key is any value that can be
 * sent, and is compared by its contents: two lists with the same items are the same key. Keys are copied;
 * values are stored as is, so a value can be a function.
 *
 * Registering and reading take effect immediately, without a message to another process. When a process
 * exits, its registrations are removed at once: no function returns a process that is not alive.
 *
 * Registered processes are linked to the registry. If it crashes or is stopped, they exit too, unless they
 * trap exits; its supervisor restarts it empty.
 *
 * A registry with unique keys names servers: use `{ via: Registry, name: ["MyApp.Registry", key] }` wherever
 * a server's name is expected, to start the server and to call it. This replaces registered names if there
 * are many names, or if they are not strings.
 *
 * The functions accept the name of a registry on the calling process's node, and throw a `NoProcessError` if
 * no registry has the name. Lists of registrations begin with the oldest one, if the description of the function says
 * nothing else. For groups of processes in the whole cluster see `pg`.
 */
export class Registry {
  private constructor() {}

  /**
   * Starts a registry, linked to the caller.
   *
   * A registry is a supervisor with one child, to which registered processes are linked. Elixir's `partitions` spread
   * the load over processor cores and have no equivalent: JavaScript uses one core.
   *
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`.
   * @throws {TypeError} If `keys` or another option is invalid.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { Supervisor } from "@otp/distribution/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await Registry.startLink({ keys: "unique", name: "MyApp.Registry" });
   * assertEquals(Registry.lookup("MyApp.Registry", "key"), []);
   * await Supervisor.stop(pid);
   * ```
   */
  static async startLink(options: RegistryOptions): Promise<Pid> {
    checkStart(options);
    const { keys, listeners = [], meta = {} } = options;
    const name = nameText(options.name);
    const table = new RegistryTable(name, keys, listeners.map(nameOf));
    for (const [key, value] of Object.entries(meta)) {
      table.meta.set(
        keyToKeep(key, "start a registry with a setting for"),
        value,
      );
    }
    // The name of its process, which has the bound of names.
    const id = nameOf(`${name}.PIDPartition0`);
    const start = () =>
      startServer((process) => new RegistryPartition(process, table), {
        name: id,
        label: id,
      });
    return await Supervisor.startLink([{ id, start }], {
      name,
      strategy: keys === "unique" ? "one_for_all" : "one_for_one",
    });
  }

  /**
   * Returns the child specification of a registry; `[Registry, { keys, name }]` is a shorthand.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Registry.childSpec({ keys: "unique", name: "MyApp.Registry" }).id, "MyApp.Registry");
   * ```
   */
  static childSpec(options: RegistryOptions): ChildSpec<() => Promise<Pid>> {
    checkStart(options);
    return {
      id: nameText(options.name),
      start: () => Registry.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Registers the calling process under a key.
   *
   * With unique keys, registering fails if a living process, including the caller, has the key. The failure is
   * returned and not thrown, since it is expected when several processes compete for a key. With duplicate keys a
   * process may register under the same key several times.
   *
   * @param key The key; it is copied.
   * @param value The value to store; it is stored as is. If the registry has listeners, it must be sendable.
   * @returns The process that the caller is now linked to, or the process that has the key.
   * @throws {TypeError} If the key, or a value for listeners, cannot be sent.
   * @throws {RangeError} If the key has more than 65,536 characters.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * assertEquals(Registry.register("Rooms", ["room", 1], "first").type, "ok");
   * assertEquals(Registry.register("Rooms", ["room", 1], "second"), {
   *   type: "error",
   *   reason: { type: "already_registered", pid: self() },
   * });
   * ```
   */
  static register(
    registry: string | Atom,
    key: unknown,
    value?: unknown,
  ): RegisterResult {
    const table = tableOf(registry, "register");
    const pid = table.register(currentProcess(), key, value);
    return pid === undefined
      ? { type: "ok", owner: table.owner }
      : { type: "error", reason: { type: "already_registered", pid } };
  }

  /**
   * Removes all registrations of the calling process under a key.
   *
   * The caller's link to the registry ends with its last registration. Listeners are notified even if there was no
   * registration.
   *
   * @returns `"ok"`, even if there was no registration.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "duplicate", name: "Rooms" });
   * Registry.register("Rooms", "lobby", 1);
   * Registry.register("Rooms", "lobby", 2);
   * Registry.unregister("Rooms", "lobby");
   * assertEquals(Registry.lookup("Rooms", "lobby"), []);
   * ```
   */
  static unregister(registry: string | Atom, key: unknown): "ok" {
    tableOf(registry, "unregister").unregister(currentProcess(), key);
    return "ok";
  }

  /**
   * Removes the registrations of the calling process under a key whose value matches a predicate.
   *
   * Listeners are notified only if no registration under the key remains.
   *
   * @returns `"ok"`, even if there was no registration.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "duplicate", name: "Rooms" });
   * for (const value of ["a", "b", "c"]) Registry.register("Rooms", "lobby", value);
   * Registry.unregisterMatch("Rooms", "lobby", (value) => value === "a");
   * assertEquals(Registry.values("Rooms", "lobby", self()), ["b", "c"]);
   * ```
   */
  static unregisterMatch(
    registry: string | Atom,
    key: unknown,
    predicate: ValuePredicate,
  ): "ok" {
    checkFunction(predicate, "match by");
    tableOf(registry, "unregister")
      .unregister(currentProcess(), key, predicate);
    return "ok";
  }

  /**
   * Returns the processes that are registered under a key, each with its value.
   *
   * @returns The registrations; at most one with unique keys.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby", "open");
   * assertEquals(Registry.lookup("Rooms", "lobby"), [{ pid: self(), value: "open" }]);
   * ```
   */
  static lookup(registry: string | Atom, key: unknown): RegistryEntry[] {
    return tableOf(registry, "look up").lookup(key);
  }

  /**
   * Returns the registrations under a key whose value matches a predicate.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "duplicate", name: "Rooms" });
   * for (const age of [17, 18]) Registry.register("Rooms", "lobby", { age });
   * assertEquals(
   *   Registry.match("Rooms", "lobby", (value) => (value as { age: number }).age >= 18),
   *   [{ pid: self(), value: { age: 18 } }],
   * );
   * ```
   */
  static match(
    registry: string | Atom,
    key: unknown,
    predicate: ValuePredicate,
  ): RegistryEntry[] {
    checkFunction(predicate, "match by");
    return Registry.lookup(registry, key)
      .filter(({ value }) => predicate(value));
  }

  /**
   * Counts the registrations under a key whose value matches a predicate.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "duplicate", name: "Rooms" });
   * for (const value of [1, 2, 3]) Registry.register("Rooms", "lobby", value);
   * assertEquals(Registry.countMatch("Rooms", "lobby", (value) => value !== 1), 2);
   * ```
   */
  static countMatch(
    registry: string | Atom,
    key: unknown,
    predicate: ValuePredicate,
  ): number {
    return Registry.match(registry, key, predicate).length;
  }

  /**
   * Calls a function with the registrations under a key, if there are any.
   *
   * The function runs immediately in the calling process, and its errors reach the caller; registered processes receive
   * only the messages that it sends. A promise that it returns is not awaited: use {@linkcode Registry.lookup} instead.
   *
   * @param fn Receives the registrations, at least one.
   *
   * @example Usage
   * ```ts
   * import { receive, send } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "duplicate", name: "Topics" });
   * Registry.register("Topics", "news");
   * Registry.dispatch("Topics", "news", (entries) => {
   *   for (const { pid } of entries) send(pid, "rain");
   * });
   * assertEquals(await receive(), "rain");
   * ```
   */
  static dispatch(
    registry: string | Atom,
    key: unknown,
    fn: (entries: RegistryEntry[]) => void,
  ): "ok" {
    checkFunction(fn, "dispatch to");
    const entries = tableOf(registry, "dispatch").lookup(key);
    if (entries.length > 0) fn(entries);
    return "ok";
  }

  /**
   * Returns the keys under which a process is registered.
   *
   * @returns The keys, each once per registration; empty for a process that is not alive, or on another node.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby");
   * Registry.register("Rooms", ["room", 1]);
   * assertEquals(Registry.keys("Rooms", self()), ["lobby", ["room", 1]]);
   * ```
   */
  static keys(registry: string | Atom, pid: Pid): unknown[] {
    checkPid(pid, "look up the keys of");
    return tableOf(registry, "look up").keysOf(pid);
  }

  /**
   * Returns the values with which a process is registered under a key.
   *
   * @returns The values; at most one with unique keys.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby", "open");
   * assertEquals(Registry.values("Rooms", "lobby", self()), ["open"]);
   * ```
   */
  static values(registry: string | Atom, key: unknown, pid: Pid): unknown[] {
    checkPid(pid, "look up the values of");
    return tableOf(registry, "look up").values(key, pid);
  }

  /**
   * Replaces the value with which the calling process is registered under a key.
   *
   * @returns Both values, or `"error"` if the caller does not have the key.
   * @throws {TypeError} If the keys of the registry are not unique.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby", 1);
   * assertEquals(Registry.updateValue("Rooms", "lobby", (n) => n as number + 1), {
   *   type: "ok",
   *   newValue: 2,
   *   oldValue: 1,
   * });
   * ```
   */
  static updateValue(
    registry: string | Atom,
    key: unknown,
    fn: (value: unknown) => unknown,
  ): UpdatedValue | "error" {
    checkFunction(fn, "update a value by");
    const table = uniqueTable(registry, "update a value");
    const updated = table.update(currentProcess(), key, fn);
    return updated === undefined ? "error" : { type: "ok", ...updated };
  }

  /**
   * Counts all registrations.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby");
   * assertEquals(Registry.count("Rooms"), 1);
   * ```
   */
  static count(registry: string | Atom): number {
    return tableOf(registry, "count").count();
  }

  /**
   * Returns all registrations that match a predicate.
   *
   * Visits every registration.
   *
   * @param predicate Whether to include a registration; by default all are included.
   * @returns The registrations, in no particular order.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby", "open");
   * Registry.register("Rooms", "attic", "closed");
   * const open = Registry.select("Rooms", ({ value }) => value === "open");
   * assertEquals(open.map(({ key }) => key), ["lobby"]);
   * ```
   */
  static select(
    registry: string | Atom,
    predicate?: (record: RegistryRecord) => boolean,
  ): RegistryRecord[] {
    if (predicate !== undefined) checkFunction(predicate, "select by");
    const all = [...tableOf(registry, "select").all()];
    return predicate === undefined
      ? all
      : all.filter((each) => predicate(each));
  }

  /**
   * Counts all registrations that match a predicate.
   *
   * Visits every registration, and builds no list.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby", "open");
   * Registry.register("Rooms", "attic", "closed");
   * assertEquals(Registry.countSelect("Rooms", ({ value }) => value === "open"), 1);
   * ```
   */
  static countSelect(
    registry: string | Atom,
    predicate: (record: RegistryRecord) => boolean,
  ): number {
    checkFunction(predicate, "select by");
    let count = 0;
    for (const record of tableOf(registry, "select").all()) {
      if (predicate(record)) count++;
    }
    return count;
  }

  /**
   * Returns a metadata value of the registry.
   *
   * @param key The metadata key: a string, or any value.
   * @returns The value, or `"error"` if it is not set.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms", meta: { limit: 5 } });
   * assertEquals(Registry.meta("Rooms", "limit"), { type: "ok", value: 5 });
   * assertEquals(Registry.meta("Rooms", "nothing"), "error");
   * ```
   */
  static meta(
    registry: string | Atom,
    key: unknown,
  ): { type: "ok"; value: unknown } | "error" {
    const { meta } = tableOf(registry, "read a setting");
    const id = termKey(key);
    return meta.has(id) ? { type: "ok", value: meta.get(id) } : "error";
  }

  /**
   * Stores a metadata value of the registry. It survives crashes of the registry.
   *
   * @param key The metadata key: a string, or any value.
   * @param value The value; it is stored as is.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.putMeta("Rooms", ["limit", "lobby"], 10);
   * assertEquals(Registry.meta("Rooms", ["limit", "lobby"]), { type: "ok", value: 10 });
   * ```
   */
  static putMeta(registry: string | Atom, key: unknown, value: unknown): "ok" {
    const { meta } = tableOf(registry, "put a setting");
    meta.set(keyToKeep(key, "put a setting for"), value);
    return "ok";
  }

  /**
   * Deletes a metadata value of the registry.
   *
   * @returns `"ok"`, even if it was not set.
   *
   * @example Usage
   * ```ts
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms", meta: { limit: 5 } });
   * Registry.deleteMeta("Rooms", "limit");
   * assertEquals(Registry.meta("Rooms", "limit"), "error");
   * ```
   */
  static deleteMeta(registry: string | Atom, key: unknown): "ok" {
    tableOf(registry, "delete a setting").meta.delete(termKey(key));
    return "ok";
  }

  /**
   * Runs a function while holding a lock of the registry.
   *
   * The lock is granted in the order of the requests. It is released when the function ends, or its process exits.
   * Locks are not keys: nothing is registered. A process that requests a lock that it already holds waits forever.
   *
   * @param key The name of the lock, any value.
   * @param fn The function; it runs in the calling process.
   * @throws {ExitError} If the registry exits before the caller has the lock.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * const steps: string[] = [];
   * const tasks = ["a", "b"].map((name) =>
   *   Task.async(() =>
   *     Registry.lock("Rooms", "door", async () => {
   *       steps.push(`${name} in`);
   *       await Process.sleep(1);
   *       steps.push(`${name} out`);
   *     })
   *   )
   * );
   * for (const task of tasks) await Task.await(task);
   * assertEquals(steps, ["a in", "a out", "b in", "b out"]);
   * ```
   */
  static async lock<T>(
    registry: string | Atom,
    key: unknown,
    fn: () => T,
  ): Promise<Awaited<T>> {
    checkFunction(fn, "run under a lock");
    const process = waitingProcess();
    if (process === undefined) return await never();
    const { name, owner } = tableOf(registry, "lock");
    const request: LockRequest = { type: "lock", key };
    const ref = await call<Ref>(owner, new OwnRequest(request), {
      timeout: Infinity,
      as: () => ["Registry", "lock", [name, key]],
    });
    process.assertAlive();
    try {
      return await fn();
    } finally {
      // The registry releases the lock of a process that has exited (`registry_partition.ts`).
      const unlock: Unlock = { type: "unlock", ref };
      if (process.alive) tell(process, owner, unlock);
    }
  }

  /**
   * Registers a process under a name for `via`.
   *
   * @param name The registry, the key, and optionally the value to register: `[registry, key, value]`.
   * @param pid A process of this node.
   * @returns Whether the process has the name now.
   * @throws {NoProcessError} Also if the process is not alive on this node.
   * @throws {TypeError} If the registry's keys are not unique.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assert, assertFalse } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * assert(Registry.registerName(["Rooms", "lobby"], self()));
   * assertFalse(Registry.registerName(["Rooms", "lobby"], self()));
   * ```
   */
  static registerName(name: unknown, pid: Pid): boolean {
    const [registry, key, value] = parts(name);
    const { runtime } = currentProcess();
    checkPid(pid, "register by via");
    const table = uniqueTable(registry, "register by via");
    const process = runtime.find(pid);
    if (process === undefined) {
      throw new NoProcessError(
        `Cannot register ${
          inspect(name)
        }: ${pid} is not a living process of ${runtime.node}`,
      );
    }
    return table.register(process, key, value) === undefined;
  }

  /**
   * Unregisters a name for `via` that the calling process has.
   *
   * @param name The registry and the key: `[registry, key]`.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.registerName(["Rooms", "lobby"], self());
   * Registry.unregisterName(["Rooms", "lobby"]);
   * assertEquals(Registry.whereisName(["Rooms", "lobby"]), undefined);
   * ```
   */
  static unregisterName(name: unknown): void {
    const [registry, key] = parts(name);
    Registry.unregister(registry, key);
  }

  /**
   * Returns the process that has a name for `via`.
   *
   * @param name The registry and the key: `[registry, key]`.
   * @throws {TypeError} If the registry's keys are not unique.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { Registry } from "@otp/distribution/registry";
   * import { assertEquals } from "@std/assert";
   *
   * await Registry.startLink({ keys: "unique", name: "Rooms" });
   * Registry.register("Rooms", "lobby");
   * assertEquals(Registry.whereisName(["Rooms", "lobby"]), self());
   * ```
   */
  static whereisName(name: unknown): Pid | undefined {
    const [registry, key] = parts(name);
    return uniqueTable(registry, "look up by via").lookup(key)[0]?.pid;
  }
}

function checkStart(options: RegistryOptions): void {
  checkOptions(
    options,
    "start a registry",
    REGISTRY_OPTIONS,
    '{ keys: "unique", name: "Rooms" }',
  );
}

function tableOf(registry: string | Atom, action: string): RegistryTable {
  const { runtime } = currentProcess();
  return registryTable(runtime, nameOf(registry), action);
}

function uniqueTable(registry: string | Atom, action: string): RegistryTable {
  const table = tableOf(registry, action);
  if (table.keys === "unique") return table;
  throw new TypeError(
    `Cannot ${action}: the keys of the registry ${
      quote(table.name)
    } are not unique; start it with keys: "unique"`,
  );
}

function parts(
  name: unknown,
): [registry: string | Atom, key: unknown, value?: unknown] {
  if (Array.isArray(name) && (name.length === 2 || name.length === 3)) {
    return name as [string, unknown];
  }
  throw new TypeError(
    `Cannot use ${
      inspect(name)
    } as a name in a registry: give [registry, key], or [registry, key, value]`,
  );
}
