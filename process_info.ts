/**
 * What a node's processes are and do. `process.ts` exports these functions.
 *
 * @module
 */

import { checkFlags, checkOptions } from "./runtime/check.ts";
import { currentProcess } from "./runtime/current.ts";
import { inspect } from "./runtime/inspect.ts";
import { Pid } from "./runtime/pid.ts";
import type { Ancestor, Process } from "./runtime/process.ts";
import type { MonitoredObject } from "./runtime/signal.ts";
import { copyTerm } from "./runtime/term.ts";

export type { Ancestor };

/** What {@linkcode info} tells of a process. */
export interface ProcessInfo {
  /** The process. */
  pid: Pid;
  /** The name that it is registered under. */
  registeredName: string | undefined;
  /** What it runs, in words: its label, or the name of its function. */
  initialCall: string | undefined;
  /** The label that it has given itself by `setLabel`, a copy; only there if it has. */
  label?: unknown;
  /** `"running"` for the caller, `"waiting"` for every other: one process runs at a time. */
  status: "running" | "waiting";
  /** How many messages wait in its mailbox. */
  messageQueueLen: number;
  /** The messages that wait, oldest first, copied; only there if they were asked for. */
  messages?: unknown[];
  /** What it is linked to. */
  links: Pid[];
  /** What it monitors: pids, and names with their nodes. */
  monitors: MonitoredObject[];
  /** Who monitors it; a process that does so twice is there twice. */
  monitoredBy: Pid[];
  /** Whether exit signals become messages. */
  trapExit: boolean;
  /** Where its output goes. */
  groupLeader: Pid;
  /** Who started it. */
  parent: Pid | undefined;
  /**
   * Of servers and tasks, who started it, who started that one, and so on, nearest first: by name
   * where they had one. Empty for other processes.
   */
  ancestors: Ancestor[];
  /** Of tasks, on whose behalf they run, nearest first; see {@linkcode callers}. */
  callers: Pid[];
}

/** Options for {@linkcode info}. */
export interface ProcessInfoOptions {
  /**
   * Whether the messages that wait are copied too, which takes as long as there are many.
   *
   * @default {false}
   */
  messages?: boolean;
}

/**
 * What a process of this node is and does, for debugging.
 *
 * Follows [Process.info/1](https://hexdocs.pm/elixir/1.18/Process.html#info/1), which warns that it is
 * for debugging only. What waits by reference counts too: a pending call is a monitor.
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
  options: ProcessInfoOptions = {},
): ProcessInfo | undefined {
  const caller = currentProcess();
  const { runtime } = caller;
  checkOptions(options, "tell of a process", "{ messages: true }");
  checkFlags(options, "tell of a process", "messages");
  if (pid === undefined) return infoOf(caller, caller, options);
  if (!(pid instanceof Pid) || pid.node !== runtime.node) {
    throw new TypeError(
      `Cannot tell of ${
        inspect(pid)
      }: it is no process of ${runtime.node}; ask on its own node`,
    );
  }
  const process = runtime.find(pid);
  return process && infoOf(process, caller, options);
}

function infoOf(
  process: Process,
  caller: Process,
  options: ProcessInfoOptions,
): ProcessInfo {
  const { mailbox, runtime } = process;
  const info: ProcessInfo = {
    pid: process.pid,
    registeredName: process.name,
    initialCall: process.label || undefined,
    status: process === caller ? "running" : "waiting",
    messageQueueLen: mailbox.length,
    links: process.activeLinks(),
    monitors: process.monitored(),
    monitoredBy: [...process.watchers?.values() ?? []].map(({ pid }) => pid),
    trapExit: process.trapExit,
    groupLeader: process.groupLeader,
    parent: process.parent,
    ancestors: [...process.lineage?.ancestors ?? []],
    callers: [...process.callers ?? []],
  };
  const { ownLabel } = process;
  if (ownLabel !== undefined) {
    info.label = copyTerm(ownLabel, runtime.maxDepth);
  }
  if (options.messages) {
    info.messages = mailbox.messages().map((message) =>
      copyTerm(message, runtime.maxDepth + 8)
    );
  }
  return info;
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
export function list(): Pid[] {
  return [...currentProcess().runtime.processes.values()].map(({ pid }) => pid);
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
