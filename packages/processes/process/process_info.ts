/** Information on a process, for code of its own node and for other nodes. */

import { watchersOf } from "./watchers.ts";
import { Pid } from "../values/pid.ts";
import type { LocalProcess } from "./local_process.ts";
import type { Runtime } from "./runtime.ts";
import { copyTerm } from "../values/term.ts";

/** The information about a process, as returned by `Process.info`. */
export interface ProcessInfo {
  /** The process. */
  pid: Pid;
  /** The name that it is registered under. */
  registeredName: string | undefined;
  /** A description of the code that it runs: its label, or the name of its function. */
  initialCall: string | undefined;
  /** A copy of the label that it set by `setLabel`, if any. */
  label?: unknown;
  /** `"running"` for the calling process, `"waiting"` for all others: one process runs at a time. */
  status: "running" | "waiting";
  /** The number of messages in its mailbox. */
  messageQueueLen: number;
  /** Copies of the messages, oldest first; only present on request. */
  messages?: unknown[];
  /** The processes that it is linked to. */
  links: Pid[];
  /** The targets of its monitors: pids, or names with their nodes. */
  monitors: (Pid | { name: string; node: string })[];
  /** The processes that monitor it, each once per monitor. */
  monitoredBy: Pid[];
  /** Whether it traps exits. */
  trapExit: boolean;
  /** Its group leader, which receives its output. */
  groupLeader: Pid;
  /** The process that started it. */
  parent: Pid | undefined;
  /**
   * For servers and tasks, the process that started it, the process that started that one, and so on, nearest
   * first: by name if registered, otherwise by pid. Empty for other processes.
   */
  ancestors: (Pid | string)[];
  /** The callers of a task, nearest first; see `Process.callers`. */
  callers: Pid[];
}

/** Lets a node answer other nodes' requests for information on its processes. */
export function serveInfo(runtime: Runtime): void {
  runtime.modules.library.set(
    "Process.info",
    (pid: unknown) => {
      const process = pid instanceof Pid ? runtime.find(pid) : undefined;
      return process && infoOf(process, undefined, {});
    },
  );
}

/** Returns the information on a process, as another process of its node sees it now. */
export function infoOf(
  process: LocalProcess,
  caller: LocalProcess | undefined,
  options: { messages?: boolean },
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
    monitoredBy: watchersOf(process).map(({ pid }) => pid),
    trapExit: process.trapExit,
    groupLeader: process.groupLeader,
    parent: process.parent,
    ancestors: [...process.lineage?.ancestors ?? []],
    callers: [...process.callers ?? []],
  };
  const { ownLabel } = process;
  if (ownLabel !== undefined) info.label = copyTerm(ownLabel, runtime.maxDepth);
  if (options.messages) {
    info.messages = mailbox.messages().map((message) =>
      copyTerm(message, runtime.maxDepth + 8)
    );
  }
  return info;
}
