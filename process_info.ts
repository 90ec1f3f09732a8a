/**
 * What a node's processes are and do. `process.ts` exports these functions.
 *
 * @module
 */

import { infoOf, type ProcessInfo } from "./runtime/processes/process_info.ts";
import { raise, startRpc } from "./servers/rpc/rpc_call.ts";
import {
  checkFlags,
  checkOptions,
  checkTimeout,
} from "./runtime/values/check_arguments.ts";
import { currentProcess } from "./runtime/context/current_process.ts";
import { inspect } from "./runtime/values/inspect.ts";
import { Pid } from "./runtime/values/pid.ts";
import type { Ancestor, Process } from "./runtime/processes/process.ts";

export type { Ancestor, ProcessInfo };

/** Options for {@linkcode info}. */
export interface ProcessInfoOptions {
  /**
   * Whether the messages that wait are copied too, which takes as long as there are many.
   *
   * @default {false}
   */
  messages?: boolean;
}

/** Options for {@linkcode info} of a process of any node. */
export interface RemoteProcessInfoOptions {
  /** Asks the process's node, if that is another one. */
  remote: true;
  /**
   * How many milliseconds the other node has to answer.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * Messages are not copied to other nodes.
   *
   * @default {undefined}
   */
  messages?: undefined;
}

/**
 * What a process of this node is and does, for debugging.
 *
 * Follows [Process.info/1](https://hexdocs.pm/elixir/1.18/Process.html#info/1), which warns that it is
 * for debugging only. Waits by reference count too: a pending call is a monitor. As in Elixir, it
 * throws for a process of another node; with `remote: true` it asks that node.
 *
 * @param pid The process; the caller if it is left out.
 * @param options Whether to copy its messages too.
 * @returns The information, as it is now, or `undefined` if the process is not alive.
 * @throws {TypeError} If it is no pid of this node.
 *
 * @example Usage
 * ```ts
 * import { info, receive, self, spawnLink } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const pid = spawnLink(() => receive(), [], { label: "worker" });
 * const found = info(pid);
 * assertEquals(found?.initialCall, "worker");
 * assertEquals(found?.links, [self()]);
 * ```
 */
export function info(
  pid?: Pid,
  options?: ProcessInfoOptions,
): ProcessInfo | undefined;
/**
 * Asks the node of a process what that is and does, as `rpc.call` asks.
 *
 * Every node tells it, unless its `allow` option says no: `allow("alex@localhost", "Process", "info")`.
 * It does not tell the messages.
 *
 * @param pid The process.
 * @param options `{ remote: true }`, and how long to wait.
 * @returns A promise of the information, or of `undefined` if the process is not alive. Rejects with
 *   `RpcError` if the node cannot be reached or does not answer, and with `SpawnRefusedError` if it does
 *   not allow it.
 *
 * @example Usage
 * ```ts
 * import { info, self } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * const found = await info(self(), { remote: true });
 * assertEquals(found?.pid, self());
 * ```
 */
export function info(
  pid: Pid,
  options: RemoteProcessInfoOptions,
): Promise<ProcessInfo | undefined>;
export function info(
  pid?: Pid,
  options: ProcessInfoOptions | RemoteProcessInfoOptions = {},
): ProcessInfo | undefined | Promise<ProcessInfo | undefined> {
  const caller = currentProcess();
  const { runtime } = caller;
  checkOptions(options, "tell of a process", "{ messages: true }");
  const flags: { messages?: boolean; remote?: boolean } = options;
  checkFlags(flags, "tell of a process", "messages", "remote");
  if ("remote" in options && options.remote) {
    return askInfo(pid, options, caller);
  }
  if (pid === undefined) return infoOf(caller, caller, options);
  if (!(pid instanceof Pid) || pid.node !== runtime.node) {
    throw new TypeError(
      `Cannot tell of ${
        inspect(pid)
      }: it is no process of ${runtime.node}; ask on its own node, by await Process.info(pid, { remote: true })`,
    );
  }
  const process = runtime.find(pid);
  return process && infoOf(process, caller, options);
}

async function askInfo(
  pid: unknown,
  { messages, timeout = 5000 }: RemoteProcessInfoOptions,
  caller: Process,
): Promise<ProcessInfo | undefined> {
  if (!(pid instanceof Pid)) {
    throw new TypeError(`Cannot tell of ${inspect(pid)}: it is no pid`);
  }
  checkTimeout(timeout, "tell of a process");
  if (pid.node === caller.runtime.node) return info(pid, { messages });
  if (messages) {
    throw new TypeError(
      `Cannot tell the messages of ${pid}: they are told of processes of this node only`,
    );
  }
  const outcome = await startRpc(
    caller,
    pid.node,
    ["Process", "info"],
    [pid],
    timeout,
  );
  return outcome.type === "ok"
    ? outcome.value as ProcessInfo | undefined
    : raise(outcome);
}

/** Options for {@linkcode list}. */
export interface ProcessListOptions {
  /**
   * Whether to tell of each process what {@linkcode info} tells.
   *
   * @default {false}
   */
  info?: boolean;
}

/**
 * The processes of this node that are alive, in the order of their start.
 *
 * Follows [Process.list/0](https://hexdocs.pm/elixir/1.18/Process.html#list/0).
 *
 * @returns Their pids.
 *
 * @example Usage
 * ```ts
 * import { list, self } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * assert(list().some((pid) => pid.equals(self())));
 * ```
 */
export function list(): Pid[];
/**
 * Information on each process of this node, in the order of their start.
 *
 * @param options `{ info: true }`.
 * @returns What {@linkcode info} tells of each.
 *
 * @example Usage
 * ```ts
 * import { list, send, self } from "@otp/distribution/process";
 * import { assertEquals } from "@std/assert";
 *
 * send(self(), "hi");
 * const full = list({ info: true }).filter(({ messageQueueLen }) => messageQueueLen > 0);
 * assertEquals(full.map(({ pid }) => pid), [self()]);
 * ```
 */
export function list(
  options: ProcessListOptions & { info: true },
): ProcessInfo[];
/**
 * The processes of this node, as pids or with what each is and does.
 *
 * @param options Whether to tell what each is and does.
 * @returns Pids, or what {@linkcode info} tells of each.
 */
export function list(options: ProcessListOptions): Pid[] | ProcessInfo[];
export function list(options: ProcessListOptions = {}): Pid[] | ProcessInfo[] {
  const caller = currentProcess();
  checkOptions(options, "list the processes", "{ info: true }");
  checkFlags(options, "list the processes", "info");
  const processes = [...caller.runtime.processes.values()];
  return options.info
    ? processes.map((process) => infoOf(process, caller, {}))
    : processes.map(({ pid }) => pid);
}

/**
 * The names of this node that processes have.
 *
 * Follows [Process.registered/0](https://hexdocs.pm/elixir/1.18/Process.html#registered/0).
 *
 * @returns The names.
 *
 * @example Usage
 * ```ts
 * import { register, registered, self, unregister } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * register("me", self());
 * assert(registered().includes("me"));
 * unregister("me");
 * ```
 */
export function registered(): string[] {
  return [...currentProcess().runtime.names.keys()];
}

/**
 * On whose behalf the calling process runs: who asked for the task, who asked for that one's, and so
 * on, nearest first.
 *
 * It is what Elixir keeps as [`$callers`](https://hexdocs.pm/elixir/1.18/Task.html#module-ancestor-and-caller-tracking).
 * Unlike its ancestors, who are those that started it, they are found through a `TaskSupervisor` and
 * across nodes.
 *
 * @returns The pids; none in a process that is no task.
 *
 * @example Usage
 * ```ts
 * import { callers, self } from "@otp/distribution/process";
 * import { Task } from "@otp/distribution/task";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await Task.await(Task.async(() => callers())), [self()]);
 * ```
 */
export function callers(): Pid[] {
  return [...currentProcess().callers ?? []];
}
