/**
 * What a node tells of itself: to its log hook, and to nothing else.
 *
 * @module
 */

import { inspect, printable } from "./inspect.ts";
import type { Pid } from "./pid.ts";
import type { Process } from "./process.ts";
import { formatExit } from "./reason.ts";
import { writeError } from "./streams.ts";

/** How much a log event matters. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** A process ended by an error. */
export interface CrashReport {
  /** The process. */
  pid: Pid;
  /** The name that it was registered under. */
  name: string | undefined;
  /** What it ran. */
  initialCall: string | undefined;
  /** Who started it. */
  parent: Pid | undefined;
  /** On whose behalf it ran, nearest first. */
  callers: Pid[];
  /** Its exit reason. */
  reason: unknown;
}

/** What a node tells. */
export interface LogEvent {
  /** How much it matters. */
  level: LogLevel;
  /** The node's name. */
  node: string;
  /** What happened, for people; nothing in it steers a terminal, and no secret is in it. */
  message: string;
  /** Set where a process crashed. */
  crash?: CrashReport;
}

/** What a runtime tells its node. */
export type RuntimeEvent = Omit<LogEvent, "node">;

/** Gets what a node tells. */
export type LogHook = (event: LogEvent) => void;

/** Writes warnings and errors on standard error. */
export function standardLog({ level, node, message }: LogEvent): void {
  if (level !== "warning" && level !== "error") return;
  writeError(`[${level}] ${printable(node)}: ${message}\n`);
}

/** Tells of a process that ended by an error. */
export function crashEvent(process: Process, reason: unknown): RuntimeEvent {
  const { pid, name, label, parent, callers = [] } = process;
  const who = name === undefined ? "" : ` (${printable(name)})`;
  const lines = [
    `Process ${pid}${who} terminating: ${formatExit(reason)}`,
    `    Initial call: ${printable(label || "a function")}`,
  ];
  if (parent !== undefined) lines.push(`    Started by: ${parent}`);
  if (callers.length > 0) lines.push(`    Callers: ${inspect(callers)}`);
  return {
    level: "error",
    message: lines.join("\n"),
    crash: { pid, name, initialCall: label, parent, callers, reason },
  };
}
