/**
 * What a node tells of itself: to its log hook, and to nothing else.
 *
 * @module
 */

import {
  inspectArgument,
  inspectWithin,
  printableLine,
  quote,
  shorten,
} from "../values/inspect.ts";
import type { Pid } from "../values/pid.ts";
import type { Ancestor, Process } from "../processes/process.ts";
import { formatError, formatExit } from "../values/exit_reason.ts";
import type { MonitoredObject } from "../signals/signal.ts";
import { writeError } from "../host/standard_streams.ts";

/** How much a log event matters. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/**
 * A process ended by an error: a plain one by what it threw; a server or task also by an exit, unless
 * the reason is `"normal"` or a shutdown.
 */
export interface CrashReport {
  /** The process. */
  pid: Pid;
  /** The name that it was registered under. */
  name: string | undefined;
  /** What it was. */
  kind: "process" | "server" | "task";
  /** What it ran. */
  initialCall: string | undefined;
  /** The label that it gave itself by `setLabel`; only there if it did. */
  label?: unknown;
  /** Its exit reason, as it was thrown. */
  reason: unknown;
  /** Who started it. */
  parent: Pid | undefined;
  /**
   * Who started it, who started that one, and so on, nearest first: by name where they had one. Only
   * of servers and tasks.
   */
  ancestors: Ancestor[];
  /** On whose behalf it ran, nearest first. Only of tasks. */
  callers: Pid[];
  /** What it was linked to. */
  links: Pid[];
  /** What it monitored. */
  monitors: MonitoredObject[];
  /** Whether exit signals became messages. */
  trapExit: boolean;
  /** How many messages waited in its mailbox. */
  messageQueueLen: number;
  /** The message that it was dealing with. Only of servers. */
  lastMessage?: unknown;
  /** Who sent that message, if it was a call. Only of servers. */
  client?: Pid;
  /** Its state. Only of servers that show it. */
  state?: unknown;
}

/** What became of a supervisor's child, in OTP's words. */
export type SupervisorError =
  | "child_terminated"
  | "start_error"
  | "shutdown_error"
  | "shutdown";

/** A supervisor's child, as reports tell of it. */
export interface ReportedChild {
  /** Names the child within its supervisor; dynamic children have none. */
  id?: string;
  /** Its pid, if it runs or ran. */
  pid?: Pid;
  /** When it is started again. */
  restart?: string;
  /** How it is ended. */
  shutdown?: number | string;
  /** Whether it is a supervisor itself. */
  type?: string;
}

/** What befell a supervisor's child. */
export interface SupervisorReport {
  /** The supervisor. */
  supervisor: Pid;
  /** The name that it is registered under. */
  name: string | undefined;
  /**
   * What it is: the child has ended (`"child_terminated"`), did not start (`"start_error"`), did not
   * end as it was told (`"shutdown_error"`), or has ended too often, so that the supervisor ends too
   * (`"shutdown"`).
   */
  error: SupervisorError;
  /** The child. */
  child: ReportedChild;
  /** Why. */
  reason: unknown;
}

/** An application ended that was running. */
export interface ApplicationReport {
  /** Its name. */
  name: string;
  /** Why. */
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
  /** Set where a supervisor's child was not as it should be. */
  supervisor?: SupervisorReport;
  /** Set where an application ended. */
  application?: ApplicationReport;
}

/** What a runtime tells its node. */
export type RuntimeEvent = Omit<LogEvent, "node">;

/** Gets what a node tells. */
export type LogHook = (event: LogEvent) => void;

/**
 * Writes warnings and errors on standard error, for people to read: what a node does that is given no
 * `log`.
 *
 * @param event What the node tells.
 *
 * @example Only what is not from another node
 * ```ts
 * import { type LogEvent, Node, standardLog } from "@otp/distribution/node";
 *
 * const log = (event: LogEvent) => {
 *   if (event.crash !== undefined) standardLog(event);
 * };
 * await using node = await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: 14369, log });
 * ```
 */
export function standardLog(event: LogEvent): void {
  const { level, node, message } = event;
  if (level !== "warning" && level !== "error") return;
  writeError(`[${level}] ${printableLine(node, MAX_NAME)}: ${message}\n`);
}

/** A log hook that throws for no event: the log gets the error of the given one, and the event. */
export function safeLog(hook: LogHook): LogHook {
  return (event) => {
    const failed = (error: unknown) => {
      const { node } = event;
      const message = `Cannot tell the log: the hook threw: ${said(error)}`;
      standardLog({ level: "error", node, message: indented([message]) });
      standardLog(event);
    };
    try {
      // A hook may be an async function, whose rejection would end the program.
      const result: unknown = hook(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** How long a value may be shown, and a name. */
const MAX_LENGTH = 4096;
const MAX_NAME = 256;

/** How many ancestors are. */
const MAX_ANCESTORS = 20;

const KINDS = { process: "Process", server: "GenServer", task: "Task" };

/** Tells of a process that ended by an error. */
export function crashEvent(process: Process, reason: unknown): RuntimeEvent {
  const crash = crashReport(process, reason);
  const { pid, name, kind, initialCall, parent, ancestors, callers } = crash;
  const who = name === undefined ? "" : ` (${nameIn(name)})`;
  const starter = callers[0] ?? parent;
  const from = kind === "task" && starter !== undefined
    ? ` started from ${starter}`
    : "";
  const lines = [
    `${KINDS[kind]} ${pid}${who}${from} terminating`,
    `** ${said(reason)}`,
    `Initial call: ${nameIn(initialCall ?? "a function")}`,
  ];
  if ("label" in crash) lines.push(`Process Label: ${shown(crash.label)}`);
  if ("lastMessage" in crash) {
    const client = crash.client === undefined ? "" : ` (from ${crash.client})`;
    lines.push(`Last message${client}: ${inspectArgument(crash.lastMessage)}`);
  }
  if ("state" in crash) lines.push(`State: ${shown(crash.state)}`);
  if (kind === "process" && parent !== undefined) {
    lines.push(`Started by: ${parent}`);
  }
  if (ancestors.length > 0) {
    const nearest = ancestors.slice(0, MAX_ANCESTORS).map(ancestor);
    if (ancestors.length > MAX_ANCESTORS) nearest.push("...");
    lines.push(`Ancestors: [${nearest.join(", ")}]`);
  }
  if (callers.length > 0) lines.push(`Callers: ${shown(callers)}`);
  if (crash.links.length > 0) lines.push(`Links: ${shown(crash.links)}`);
  if (crash.messageQueueLen > 0) {
    lines.push(`Messages waiting: ${crash.messageQueueLen}`);
  }
  return { level: "error", message: indented(lines), crash };
}

function crashReport(process: Process, reason: unknown): CrashReport {
  const { pid, name, label, parent, lineage, trapExit, mailbox } = process;
  const { ownLabel } = process;
  return {
    pid,
    name,
    kind: lineage?.kind ?? "process",
    initialCall: label || undefined,
    ...(ownLabel === undefined ? {} : { label: ownLabel }),
    reason,
    parent,
    ancestors: [...lineage?.ancestors ?? []],
    callers: [...lineage?.callers ?? []],
    links: process.activeLinks(),
    monitors: process.monitored(),
    trapExit,
    messageQueueLen: mailbox.length,
    ...lineage?.context,
  };
}

function ancestor(of: Ancestor): string {
  return typeof of === "string" ? nameIn(of) : of.toString();
}

/** How much each of them matters. */
export const SUPERVISOR_LEVELS: Readonly<Record<SupervisorError, LogLevel>> = {
  // The crash itself has been reported by the process that crashed.
  child_terminated: "info",
  start_error: "error",
  shutdown_error: "warning",
  shutdown: "error",
};

const WHAT: Record<SupervisorError, string> = {
  child_terminated: "terminated",
  start_error: "failed to start",
  shutdown_error: "did not shut down as told",
  shutdown: "has to be restarted too often: shutting down",
};

/** Tells what befell a supervisor's child. */
export function supervisorEvent(
  { pid, name }: Process,
  error: SupervisorError,
  child: ReportedChild,
  reason: unknown,
): RuntimeEvent {
  const who = name === undefined ? pid : nameIn(name);
  const which = child.id === undefined ? child.pid : quote(child.id);
  const lines = [
    `Child ${which} of Supervisor ${who} ${WHAT[error]}`,
    `** ${said(reason)}`,
  ];
  if (child.pid !== undefined) lines.push(`Pid: ${child.pid}`);
  for (const key of ["restart", "shutdown", "type"] as const) {
    const value = child[key];
    if (value === undefined) continue;
    lines.push(`${key[0].toUpperCase()}${key.slice(1)}: ${value}`);
  }
  return {
    level: SUPERVISOR_LEVELS[error],
    message: indented(lines),
    supervisor: { supervisor: pid, name, error, child, reason },
  };
}

/** How much the end of an application matters. */
export function applicationLevel(reason: unknown): LogLevel {
  return reason === "normal" ? "info" : "error";
}

/** Tells of an application that has ended. */
export function applicationEvent(name: string, reason: unknown): RuntimeEvent {
  return {
    level: applicationLevel(reason),
    message: `Application ${quote(name)} exited: ${words(reason)}`,
    application: { name, reason },
  };
}

/** Tells that an exit signal over a link ends the process that all code outside any process shares. */
export function sharedExitEvent(
  { pid }: Process,
  from: Pid,
  reason: unknown,
): RuntimeEvent {
  return {
    level: "warning",
    message:
      `All waits of code outside any process fail: that code shares the process ${pid}, which ends because ${from}, linked to it, exited with ${
        words(reason)
      }. Node.run(fn) runs fn in a process of its own, so that a link made there ends nothing else`,
  };
}

/** The reason of a process's end, after two asterisks, as Elixir shows it. */
function said(reason: unknown): string {
  try {
    if (reason instanceof Error) {
      return shorten(formatError(reason), MAX_LENGTH);
    }
  } catch {
    // A getter or a proxy may throw; what shows a crash must not crash.
  }
  return `(exit) ${words(reason)}`;
}

function words(reason: unknown): string {
  return shorten(formatExit(reason), MAX_LENGTH);
}

function shown(value: unknown): string {
  return inspectWithin(value, MAX_LENGTH);
}

function nameIn(name: string): string {
  return printableLine(name, MAX_NAME);
}

/** The first line, and the others below it. */
function indented(lines: string[]): string {
  return lines.join("\n").replaceAll("\n", "\n    ");
}
