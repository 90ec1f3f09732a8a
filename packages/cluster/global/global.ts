/**
 * Cluster-wide registered names, and locks that are held on all nodes of the cluster.
 *
 * Follows Erlang's [global](https://www.erlang.org/doc/apps/kernel/global.html), which Elixir programs use
 * as `:global`, and `GenServer` and others as `{:global, name}`: here `{ global: name }`.
 *
 * @module
 */

import { ExitError } from "@otp/processes/errors";
import type { ModuleFunction } from "@otp/processes/remote/exported_modules";
import { TIME_LIMITS, type TimeLimits } from "@otp/servers/server/cancellation";
import { ignore } from "@otp/processes/promises/promises";
import {
  type GlobalCall,
  type GlobalLockId,
  limited,
  lock,
  registerGlobal,
  requestGlobal,
  unlock,
  unregister,
  whereis,
} from "./global_client.ts";
import type { Resolver } from "./global_messages.ts";
import { exitOne, notifyAll, notifyOne } from "./global_resolve.ts";
import {
  ARRAY,
  checkFunction,
  checkOptions,
  checkPid,
  countFrom,
} from "@otp/processes/values/check_arguments";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { copyTerm } from "@otp/processes/values/term";
import type { OptionChecks } from "@otp/processes/values/options";

export type { CancelOptions } from "@otp/servers/server/cancellation";
export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";

export type { GlobalNameConflict } from "./global_resolve.ts";
export type { GlobalLockId, ModuleFunction, TimeLimits };

/**
 * Decides which of two processes keeps a name that both have.
 *
 * It returns one of the two pids, or `undefined` if neither keeps the name; any other value counts as
 * `undefined`. If it throws an error or exits, the first process keeps the name.
 */
export type ResolveFunction = (
  name: unknown,
  pid1: Pid,
  pid2: Pid,
) => Pid | undefined | Promise<Pid | undefined>;

/** Options for {@linkcode global.setLock} and {@linkcode global.trans}. */
export interface LockOptions extends TimeLimits {
  /**
   * The nodes on which the lock is held.
   *
   * @default {this node and all that it is connected to}
   */
  nodes?: readonly (string | Atom)[];
  /**
   * How often to retry while another requester holds the lock. A value of the wrong type throws a `TypeError`, one out
   * of bounds a `RangeError`.
   *
   * @default {Infinity}
   */
  retries?: number;
}

const UNLOCK_OPTIONS: OptionChecks<Omit<LockOptions, "retries">> = {
  ...TIME_LIMITS,
  nodes: ARRAY,
};

const LOCK_OPTIONS: OptionChecks<LockOptions> = {
  ...UNLOCK_OPTIONS,
  retries: countFrom(0),
};

/**
 * Cluster-wide registered names, and locks that are held on all nodes of the cluster.
 *
 * Each function follows the function of the same name in Erlang's
 * [global](https://www.erlang.org/doc/apps/kernel/global.html): `registerName` is `register_name`.
 *
 * Each node has a copy of all names, so a lookup contacts no other node. Registering a name takes a lock on
 * all nodes, and then updates every copy. When the name's process exits, or its node goes down, each node
 * removes the name independently: soon, but not in any order with the other nodes.
 *
 * A node takes part once one of these functions has been used on it, or a node of Erlang has connected; until then,
 * it sends and stores nothing, and other nodes work without it. Names and locks are shared with Erlang's `:global`.
 *
 * When nodes connect that both have names, their parts of the cluster are merged. If two processes then have
 * the same name, the name is in conflict. The conflict is resolved once, on one node, by the function passed
 * at registration ({@linkcode global.randomExitName} by default), and all nodes receive the result. A name is
 * therefore not a lock: during a network partition, each part can have a process of that name.
 *
 * **Limits.** The options of a function can limit its wait ({@linkcode TimeLimits}). At the timeout or the deadline the
 * function throws an `ExitError` with the call and `"timeout"`; when the signal is aborted, it throws the reason of the
 * signal. The description of the function says what then becomes of its request. Without limits, a lookup waits at most
 * 5 seconds, and a function that changes or compares names waits for a node that hangs until that node counts as down,
 * after its `tickTime`.
 */
export class global {
  private constructor() {}

  /**
   * Registers a process under a name in the cluster.
   *
   * The caller waits until this node has merged names with all connected nodes, until the lock of the
   * names is held on all nodes, which can take several attempts if many processes register at once, and until all
   * nodes have the name.
   *
   * @param name The name: any value that can be sent; equal values are the same name.
   * @param pid The process, on this node or another.
   * @param resolve Decides which process keeps the name if parts of the cluster merge and both have it: one
   *   of this module's functions, or one that the process's node exports. It runs on that node.
   * @returns True; false if a process already has the name, or this process has another name.
   * @throws {TypeError} If `pid` is not a pid, the name cannot be sent, or the function is not exported.
   * @throws {RangeError} If the name has more than 65,536 characters.
   * @throws {ExitError} If a limit is reached. The registration is undone: other nodes may have the name for a moment,
   *   but no longer than a node that hangs counts as up.
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
    options: TimeLimits = {},
  ): Promise<boolean> {
    return await register("register", name, pid, resolve, options);
  }

  /**
   * Registers a process under a name in the cluster, even if another process has the name.
   *
   * Like {@linkcode global.registerName}, but it replaces a process that had the name, without notifying it.
   *
   * @returns True.
   * @throws {ExitError} If a limit is reached. The process may still replace the earlier one;
   *   {@linkcode global.whereisName} returns the process that has the name.
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
    options: TimeLimits = {},
  ): Promise<boolean> {
    return await register("re_register", name, pid, resolve, options);
  }

  /**
   * Unregisters a name on all nodes. Any process may do so. An unregistered name is not an error.
   *
   * @throws {ExitError} If a limit is reached. The name is still unregistered, as soon as all nodes answer.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   *
   * await global.unregisterName("nobody");
   * ```
   */
  static async unregisterName(
    name: unknown,
    options: TimeLimits = {},
  ): Promise<void> {
    const doing = "unregister a global name";
    await unregister(name, callOf(options, doing, "unregisterName", [name]));
  }

  /**
   * Returns the process that has a name.
   *
   * Reads this node's copy, so the pid may belong to a process on another node that has just exited. The first
   * use on a node waits until it has merged names with all connected nodes.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.whereisName("nobody"), undefined);
   * ```
   */
  static async whereisName(
    name: unknown,
    options: TimeLimits = {},
  ): Promise<Pid | undefined> {
    const doing = "look up a global name";
    return await whereis(name, callOf(options, doing, "whereisName", [name]));
  }

  /**
   * Returns all names of the cluster, according to this node.
   *
   * @returns The names, in no particular order.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.registeredNames(), []);
   * ```
   */
  static async registeredNames(options: TimeLimits = {}): Promise<unknown[]> {
    const call = callOf(options, "list the global names", "registeredNames");
    return await requestGlobal({ type: "registered_names" }, call);
  }

  /**
   * Sends a message to the process that has a name.
   *
   * @param message The message; it is copied immediately.
   * @param options The limits of the lookup, and of the wait for room in the queue of the connection.
   * @returns The pid of the receiver.
   * @throws {ExitError} If no process has the name, with the reason `{ type: "badarg", name, message }`; if a limit is
   *   reached. If the name was found by then, the message is still sent.
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
  static async send(
    name: unknown,
    message: unknown,
    options: TimeLimits = {},
  ): Promise<Pid> {
    const process = currentProcess();
    const doing = "send to a global name";
    const call = callOf(options, doing, "send", [name, message]);
    const end = process.runtime.clock.now() + call.timeout;
    const copy = copyTerm(message, process.runtime.maxDepth);
    const pid = await whereis(name, call);
    process.assertAlive();
    if (pid === undefined) {
      throw new ExitError({ type: "badarg", name, message: copy });
    }
    const pressure = process.send(pid, copy);
    if (pressure !== undefined) {
      const timeout = Math.max(0, end - process.runtime.clock.now());
      await limited(process, pressure, { ...call, timeout });
    }
    return pid;
  }

  /**
   * Waits until this node has the same names as all nodes that it is currently connected to.
   *
   * Nodes that do not take part are not waited for.
   *
   * @example Usage
   * ```ts
   * import { global } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await global.sync(), "ok");
   * ```
   */
  static async sync(options: TimeLimits = {}): Promise<"ok"> {
    const call = callOf(options, "sync the global names", "sync");
    return await requestGlobal({ type: "sync" }, call);
  }

  /**
   * Acquires a lock on nodes: on all of them, or on none.
   *
   * A process can acquire a lock more than once, and processes that name the same requester share it. The lock is
   * released when the process exits or its node goes down. Nodes that cannot be reached are ignored. Between
   * attempts the caller waits for an increasing time, at most 2 seconds.
   *
   * @param id The resource and the requester, which is usually the calling process's pid.
   * @throws {RangeError} If the lock has more than 65,536 characters, or a node keeps no more of this one.
   * @throws {ExitError} If a limit is reached. All nodes that were asked for the lock release it, even if the process
   *   had acquired it before; a node that hangs releases it when it answers.
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
    const doing = "take a lock";
    checkOptions(options, doing, LOCK_OPTIONS, "{ retries: 3 }");
    const call = lockCall(options, "setLock", id);
    return await lock(id, nodesOf(options), options.retries ?? Infinity, call);
  }

  /**
   * Releases a lock that the calling process holds; it has no effect on other locks.
   *
   * @param id The id that was passed to {@linkcode global.setLock}.
   * @param options The nodes on which the lock was acquired, and the limits of the wait for their answers.
   * @throws {ExitError} If a limit is reached. The lock is still released: the requests are sent, and a node that hangs
   *   releases it when it answers.
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
    options: Omit<LockOptions, "retries"> = {},
  ): Promise<true> {
    checkLock(id);
    const doing = "release a lock";
    checkOptions(options, doing, UNLOCK_OPTIONS, "{ nodes: [Node.self()] }");
    const call = lockCall(options, "delLock", id);
    return await unlock(id, nodesOf(options), call);
  }

  /**
   * Runs a function while holding a lock.
   *
   * The lock is released when the function ends, even if it throws.
   *
   * @param id The resource and the requester.
   * @param options The nodes, the number of retries, and the limits of the waits for the lock and for its release; they
   *   do not end the function.
   * @returns The result of the function; `"aborted"` if the lock could not be acquired.
   * @throws Any value that the function throws.
   * @throws {ExitError} If a limit is reached before the lock is acquired, with the call of `setLock`. The function has
   *   not run.
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
      const call = lockCall(options, "delLock", id);
      await unlock(id, nodesOf(options), call).catch(ignore);
      process.assertAlive();
    }
  }

  /**
   * Ends one of two processes with the same name by the exit signal `"kill"`; the other keeps the name. This
   * is the default.
   *
   * As in OTP, the choice is not random: the process on the node with the smaller name is kept.
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
   * Notifies one of two processes with the same name that it has lost the name, by a
   * {@linkcode GlobalNameConflict} `{ type: "global_name_conflict", name }`; the other keeps the name.
   *
   * As in OTP, the process on the node with the smaller name is kept.
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
   * Notifies both processes of a conflict, by a {@linkcode GlobalNameConflict}
   * `{ type: "global_name_conflict", name, pid }` with the other's pid; neither keeps the name.
   *
   * @returns `undefined`: neither process keeps the name.
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

/** The resolvers that every node has: other nodes can call them although no module exports them. */
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

async function register(
  type: "register" | "re_register",
  name: unknown,
  pid: Pid,
  resolve: ResolveFunction | ModuleFunction,
  options: TimeLimits,
): Promise<boolean> {
  const fn = type === "register" ? "registerName" : "reRegisterName";
  const call = callOf(options, "register a global name", fn, [name, pid]);
  return await registerGlobal(type, name, pid, resolverOf(resolve), call);
}

function checkConflict(pid1: unknown, pid2: unknown): void {
  checkPid(pid1, "resolve a conflict for");
  checkPid(pid2, "resolve a conflict for");
}

/** Checks the limits of a function, and returns them with its name and arguments. */
function callOf(
  options: TimeLimits,
  doing: string,
  fn: string,
  args: unknown[] = [],
): GlobalCall {
  checkOptions(options, doing, TIME_LIMITS);
  return lockCall(options, fn, ...args);
}

function lockCall(
  options: TimeLimits,
  fn: string,
  ...args: unknown[]
): GlobalCall {
  const { timeout = Infinity, signal, deadline } = options;
  return { timeout, signal, deadline, as: () => ["global", fn, args] };
}

function nodesOf(options: Pick<LockOptions, "nodes">): string[] | undefined {
  return options.nodes?.map(nameOf);
}

function checkLock(id: unknown): void {
  if (Array.isArray(id) && id.length === 2) return;
  throw new TypeError(
    `Cannot use ${
      inspect(id)
    } as a lock: give [resource, requester], as in ["printer", self()]`,
  );
}
