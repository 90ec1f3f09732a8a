/**
 * Names that are registered once for the whole cluster, and locks that are held on all its nodes.
 *
 * Follows Erlang's [global](https://www.erlang.org/doc/apps/kernel/global.html), which Elixir programs use
 * as `:global`, and `GenServer` and others as `{:global, name}`: here `{ global: name }`.
 *
 * @example One process in the cluster has the name
 * ```ts
 * import { global, Node, self } from "@otp/distribution";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const cookie = "c";
 * await using kate = await Node.start({ name: "kate@localhost", cookie, epmdPort: 14369 });
 * await using alex = await Node.start({ name: "alex@localhost", cookie, epmdPort: 14369 });
 * await alex.run(async () => {
 *   await Node.connect(kate.name);
 *   assertEquals(await global.registerName("leader", self()), true);
 *   await kate.run(async () => {
 *     assertEquals(await global.registerName("leader", self()), false);
 *     assertEquals((await global.whereisName("leader"))?.node, alex.name);
 *   });
 * });
 * ```
 *
 * @module
 */

import { ExitError } from "./errors.ts";
import type { ModuleFunction } from "./runtime/spawning/exported_modules.ts";
import {
  type GlobalLockId,
  lock,
  registeredGlobalNames,
  registerGlobal,
  sync as syncNames,
  unlock,
  unregister,
  whereis,
} from "./servers/global/global_client.ts";
import type { Resolver } from "./servers/global/global_messages.ts";
import {
  exitOne,
  type GlobalNameConflict,
  notifyAll,
  notifyOne,
} from "./servers/global/global_resolve.ts";
import {
  checkCount,
  checkFunction,
  checkList,
  checkOptions,
  checkPid,
} from "./runtime/values/check_arguments.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/context/current_process.ts";
import { inspect } from "./runtime/values/inspect.ts";
import type { Pid } from "./runtime/values/pid.ts";
import { type Atom, nameOf } from "./runtime/values/atom.ts";
import { copyTerm } from "./runtime/values/term.ts";

export type { GlobalLockId, GlobalNameConflict, ModuleFunction };

/**
 * Decides which of two processes keeps a name that both have.
 *
 * It gives one of the two pids, or `undefined` if none is to keep it; anything else counts as that. If it
 * throws an error or exits, the first keeps the name.
 */
export type ResolveFunction = (
  name: unknown,
  pid1: Pid,
  pid2: Pid,
) => Pid | undefined | Promise<Pid | undefined>;

/** Options for {@linkcode global.setLock} and {@linkcode global.trans}. */
export interface LockOptions {
  /**
   * The nodes that the lock is held on.
   *
   * @default {this node and all that it is connected to}
   */
  nodes?: readonly (string | Atom)[];
  /**
   * How often it is tried again where another requester has the lock.
   *
   * @default {Infinity}
   */
  retries?: number;
}

/**
 * Names that are registered once for the whole cluster, and locks that are held on all its nodes.
 *
 * Follows Erlang's [global](https://www.erlang.org/doc/apps/kernel/global.html), which Elixir programs use
 * as `:global`, and `GenServer` and others as `{:global, name}`: here `{ global: name }`.
 *
 * Each node has a copy of all names, so that looking one up asks nobody. A name is registered under a
 * lock that is held on all nodes, and then written on all. When its process ends, or the node that it is
 * on goes down, each node removes it by itself, soon and in no order with others.
 *
 * A node takes part from the first use of one of these functions on; before that, it says and keeps
 * nothing, and others do without it.
 *
 * When nodes connect that have both names already, their parts of the cluster are joined. A name that two
 * processes have then is in conflict. It is resolved once, on one node, by the function that came with
 * the registration ({@linkcode global.randomExitName} if none did), and all nodes get the result. A name is
 * therefore no lock: while the network is parted, each part can have a process of that name.
 */
export class global {
  private constructor() {}

  /**
   * Gives a process a name in the cluster.
   *
   * Follows [global:register_name/3](https://www.erlang.org/doc/apps/kernel/global.html#register_name/3).
   * The caller waits until this node has joined those that it is connected to, until the lock of the names
   * is held on all nodes, which may take several attempts where many register at once, and until all have
   * the name.
   *
   * @param name The name: any value that can be sent; equal values are one name.
   * @param pid The process, of this node or another.
   * @param resolve Which process keeps the name if another has it too when parts of the cluster meet: one
   *   of this module's functions, or one that the process's node exports. It runs on that node.
   * @returns True; false if a process has the name, or this one has another name already.
   * @throws {TypeError} If the pid is none, the name cannot be sent, or the function is not exported.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   * import { assert, assertEquals } from "@std/assert";
   *
   * assertEquals(await global.registerName(["printer", 2], self()), true);
   * assert(self().equals(await global.whereisName(["printer", 2])));
   * await global.unregisterName(["printer", 2]);
   * ```
   */
  static async registerName(
    name: unknown,
    pid: Pid,
    resolve: ResolveFunction | ModuleFunction = global.randomExitName,
  ): Promise<boolean> {
    return await registerGlobal("register", name, pid, resolverOf(resolve));
  }

  /**
   * Gives a process a name in the cluster, whoever has it now.
   *
   * Follows [global:re_register_name/3](https://www.erlang.org/doc/apps/kernel/global.html#re_register_name/3):
   * as {@linkcode global.registerName}, and the process that had the name has it no more, and is not told.
   *
   * @param name The name.
   * @param pid The process.
   * @param resolve Which process keeps the name when parts of the cluster meet.
   * @returns True.
   * @throws {TypeError} If the pid is none, the name cannot be sent, or the function is not exported.
   *
   * @example Usage
   * ```ts
   * import { global, self, spawn, receive } from "@otp/distribution";
   * import { assert } from "@std/assert";
   *
   * await global.registerName("leader", spawn(() => receive()));
   * await global.reRegisterName("leader", self());
   * assert(self().equals(await global.whereisName("leader")));
   * await global.unregisterName("leader");
   * ```
   */
  static async reRegisterName(
    name: unknown,
    pid: Pid,
    resolve: ResolveFunction | ModuleFunction = global.randomExitName,
  ): Promise<boolean> {
    return await registerGlobal("re_register", name, pid, resolverOf(resolve));
  }

  /**
   * Takes a name away, on all nodes; any process may. A name that nobody has is no error.
   *
   * Follows [global:unregister_name/1](https://www.erlang.org/doc/apps/kernel/global.html#unregister_name/1).
   *
   * @param name The name.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   *
   * await global.unregisterName("nobody");
   * ```
   */
  static unregisterName(name: unknown): Promise<void> {
    return unregister(name);
  }

  /**
   * The process that has a name.
   *
   * Follows [global:whereis_name/1](https://www.erlang.org/doc/apps/kernel/global.html#whereis_name/1). It is
   * this node's copy that is read: of a process of another node that has just ended, the pid may still be
   * given. The first use on a node waits until it has joined those that it is connected to.
   *
   * @param name The name.
   * @returns The process's pid, or `undefined`.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.whereisName("nobody"), undefined);
   * ```
   */
  static async whereisName(name: unknown): Promise<Pid | undefined> {
    return await whereis(name);
  }

  /**
   * All names of the cluster, as this node has them.
   *
   * Follows [global:registered_names/0](https://www.erlang.org/doc/apps/kernel/global.html#registered_names/0).
   *
   * @returns The names, in no order.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.registeredNames(), []);
   * ```
   */
  static registeredNames(): Promise<unknown[]> {
    return registeredGlobalNames();
  }

  /**
   * Sends a message to the process of a name.
   *
   * Follows [global:send/2](https://www.erlang.org/doc/apps/kernel/global.html#send/2).
   *
   * @param name The name.
   * @param message The message; it is copied when this is called.
   * @returns The pid that it was sent to.
   * @throws {ExitError} With the reason `{ type: "badarg", name, message }`, if nobody has the name.
   *
   * @example Usage
   * ```ts
   * import { global, receive, self } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * await global.registerName("me", self());
   * await global.send("me", "hi");
   * assertEquals(await receive(), "hi");
   * await global.unregisterName("me");
   * ```
   */
  static async send(name: unknown, message: unknown): Promise<Pid> {
    const process = currentProcess();
    const copy = copyTerm(message, process.runtime.maxDepth);
    const pid = await whereis(name);
    process.assertAlive();
    if (pid === undefined) {
      throw new ExitError({ type: "badarg", name, message: copy });
    }
    await process.send(pid, copy);
    return pid;
  }

  /**
   * Waits until this node has the same names as all nodes that it is connected to now.
   *
   * Follows [global:sync/0](https://www.erlang.org/doc/apps/kernel/global.html#sync/0). Nodes that do not
   * take part are not waited for.
   *
   * @returns `"ok"`.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.sync(), "ok");
   * ```
   */
  static sync(): Promise<"ok"> {
    return syncNames();
  }

  /**
   * Takes a lock on nodes: on all of them, or on none.
   *
   * Follows [global:set_lock/3](https://www.erlang.org/doc/apps/kernel/global.html#set_lock/3). A process can
   * take it more than once, and processes that name the same requester share it. When the process ends, or
   * its node goes down, the lock is given back. Nodes that cannot be reached are left out. Between attempts
   * the caller waits for a time that becomes longer, 2 seconds at most.
   *
   * @param id What is locked, and the requester: for most, the calling process's pid.
   * @param options The nodes, and how often to try.
   * @returns Whether the lock is held now.
   * @throws {TypeError} If `retries` is not a number.
   * @throws {RangeError} If `retries` is out of bounds.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const id = ["printer", self()] as const;
   * assertEquals(await global.setLock(id), true);
   * assertEquals(await global.setLock(["printer", "another"], { retries: 0 }), false);
   * await global.delLock(id);
   * ```
   */
  static async setLock(
    id: GlobalLockId,
    options: LockOptions = {},
  ): Promise<boolean> {
    checkLock(id);
    const nodes = nodesOf(options);
    const { retries = Infinity } = options;
    checkCount(retries, "take a lock", "retries");
    return await lock(id, nodes, retries);
  }

  /**
   * Gives back a lock that the calling process has; one that it has not stays as it is.
   *
   * Follows [global:del_lock/2](https://www.erlang.org/doc/apps/kernel/global.html#del_lock/2).
   *
   * @param id What it was taken with.
   * @param options The nodes that it was taken on.
   * @returns True.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.delLock(["printer", self()]), true);
   * ```
   */
  static async delLock(
    id: GlobalLockId,
    options: Pick<LockOptions, "nodes"> = {},
  ): Promise<true> {
    checkLock(id);
    return await unlock(id, nodesOf(options));
  }

  /**
   * Runs a function while a lock is held.
   *
   * Follows [global:trans/4](https://www.erlang.org/doc/apps/kernel/global.html#trans/4). The lock is given
   * back however the function ends.
   *
   * @typeParam T What the function gives.
   * @param id What is locked, and the requester.
   * @param fn What is done while it is.
   * @param options The nodes, and how often to try.
   * @returns What the function gives; `"aborted"` if the lock could not be taken.
   * @throws What the function throws.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.trans(["printer", self()], () => "printed"), "printed");
   * ```
   */
  static async trans<T>(
    id: GlobalLockId,
    fn: () => T,
    options: LockOptions = {},
  ): Promise<Awaited<T> | "aborted"> {
    checkFunction(fn, "run under a lock");
    const process = waitingProcess();
    if (process === undefined) return await never();
    if (!(await global.setLock(id, options))) return "aborted";
    process.assertAlive();
    try {
      return await fn();
    } finally {
      await global.delLock(id, options);
    }
  }

  /**
   * Ends one of two processes that have a name, by an exit signal `"kill"`; the other keeps it. What is done
   * if nothing else is said.
   *
   * Follows [global:random_exit_name/3](https://www.erlang.org/doc/apps/kernel/global.html#random_exit_name/3).
   * As there, it is not left to chance: the process on the node whose name is the smaller one is kept.
   *
   * @param name The name.
   * @param pid1 One of the processes.
   * @param pid2 The other.
   * @returns Who keeps the name.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   *
   * await global.registerName("leader", self(), global.randomExitName);
   * await global.unregisterName("leader");
   * ```
   */
  static randomExitName(name: unknown, pid1: Pid, pid2: Pid): Pid {
    checkConflict(pid1, pid2);
    return exitOne(currentProcess(), name, pid1, pid2);
  }

  /**
   * Tells one of two processes that have a name that it has it no more, by a
   * {@linkcode GlobalNameConflict} `{ type: "global_name_conflict", name }`; the other keeps it.
   *
   * Follows [global:random_notify_name/3](https://www.erlang.org/doc/apps/kernel/global.html#random_notify_name/3).
   * As there, the process on the node whose name is the smaller one is kept.
   *
   * @param name The name.
   * @param pid1 One of the processes.
   * @param pid2 The other.
   * @returns Who keeps the name.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   *
   * await global.registerName("leader", self(), global.randomNotifyName);
   * await global.unregisterName("leader");
   * ```
   */
  static randomNotifyName(name: unknown, pid1: Pid, pid2: Pid): Pid {
    checkConflict(pid1, pid2);
    return notifyOne(currentProcess(), name, pid1, pid2);
  }

  /**
   * Tells both processes that have a name of each other, by a {@linkcode GlobalNameConflict}
   * `{ type: "global_name_conflict", name, pid }`, and nobody keeps it.
   *
   * Follows [global:notify_all_name/3](https://www.erlang.org/doc/apps/kernel/global.html#notify_all_name/3).
   *
   * @param name The name.
   * @param pid1 One of the processes.
   * @param pid2 The other.
   * @returns Nobody.
   *
   * @example Usage
   * ```ts
   * import { global, self } from "@otp/distribution";
   *
   * await global.registerName("leader", self(), global.notifyAllName);
   * await global.unregisterName("leader");
   * ```
   */
  static notifyAllName(
    name: unknown,
    pid1: Pid,
    pid2: Pid,
  ): undefined {
    checkConflict(pid1, pid2);
    return notifyAll(currentProcess(), name, pid1, pid2);
  }
}

/** How those that are no functions of a node's modules are named to others. */
const RESOLVERS = new Map<unknown, Resolver>([
  [global.randomExitName, "random_exit_name"],
  [global.randomNotifyName, "random_notify_name"],
  [global.notifyAllName, "notify_all_name"],
]);

function resolverOf(resolve: ResolveFunction | ModuleFunction): Resolver {
  const known = RESOLVERS.get(resolve);
  if (known !== undefined) return known;
  const named = typeof resolve === "function"
    ? currentProcess().runtime.modules.nameOf(resolve)
    : resolve;
  const [module, name] = Array.isArray(named) ? named : [];
  if (typeof module === "string" && typeof name === "string") {
    return [module, name];
  }
  throw new TypeError(
    `Cannot register a global name with ${
      inspect(resolve)
    } to resolve conflicts: other nodes know it by name only; export it from a module (modules: { … }, --module), or give one of global's own`,
  );
}

function checkConflict(pid1: unknown, pid2: unknown): void {
  checkPid(pid1, "resolve a conflict for");
  checkPid(pid2, "resolve a conflict for");
}

function nodesOf(options: LockOptions): string[] | undefined {
  checkOptions(options, "take a lock", "{ retries: 3 }");
  const { nodes } = options;
  if (nodes !== undefined) checkList(nodes, "take a lock on the nodes");
  return nodes?.map(nameOf);
}

function checkLock(id: unknown): void {
  if (Array.isArray(id) && id.length === 2) return;
  throw new TypeError(
    `Cannot use ${
      inspect(id)
    } as a lock: give [resource, requester], as in ["printer", self()]`,
  );
}
