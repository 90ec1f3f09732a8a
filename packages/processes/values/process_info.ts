/** The information that a node gives about a process. */

import type { Pid } from "./pid.ts";

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
  /** Whether exit signals become messages. */
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
