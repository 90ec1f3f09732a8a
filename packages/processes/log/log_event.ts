/** The events that a node reports to its log hook, and the hook that writes them as text. */

import { writeError } from "../host/standard_streams.ts";
import type { Pid } from "../values/pid.ts";
import { inspectWithin, keysOf, printableLine } from "../values/inspect.ts";
import { exitLine, indented, printableName, shownValue } from "./event_text.ts";

/** The maximum length of a label, and of a metadata key or value, in characters. */
const MAX_LABEL = 256;
const MAX_KEY = 256;
const MAX_VALUE = 1024;

/** The maximum number of metadata values in a line, and their approximate total length in characters. */
const MAX_VALUES = 50;
const MAX_VALUES_LENGTH = 16_384;

/** The severity of a log event. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/**
 * The crash of a process. A plain process crashes by a thrown error; a server or task also by an exit, unless the
 * reason is `"normal"` or a shutdown.
 */
export interface CrashReport {
  /** The process. */
  pid: Pid;
  /** The name that it was registered under. */
  name: string | undefined;
  /** Distinguishes plain code, a server such as a GenServer, and a task. */
  kind: "process" | "server" | "task";
  /** A description of its code. */
  initialCall: string | undefined;
  /** The label that it set by `setLabel`, if any. */
  label?: unknown;
  /** Its exit reason, as it was thrown. */
  reason: unknown;
  /** The process that started it. */
  parent: Pid | undefined;
  /**
   * For servers and tasks: the process that started it, the process that started that one, and so on, nearest first;
   * by name if registered, otherwise by pid.
   */
  ancestors: (Pid | string)[];
  /** For tasks: its callers, nearest first. */
  callers: Pid[];
  /** The processes that it was linked to. */
  links: Pid[];
  /** The processes and names that it monitored. */
  monitors: (Pid | { name: string; node: string })[];
  /** Whether it trapped exits. */
  trapExit: boolean;
  /** The number of messages in its mailbox. */
  messageQueueLen: number;
  /** For servers: the message that it was handling. */
  lastMessage?: unknown;
  /** For servers: the process that sent the message, if it was a call. */
  client?: Pid;
  /** For servers that expose it: its state. */
  state?: unknown;
}

/** A report of a supervisor on a child. */
export interface SupervisorReport {
  /** The process that reports. */
  supervisor: Pid;
  /** The name that it is registered under. */
  name: string | undefined;
  /**
   * The event: the child has exited (`"child_terminated"`), failed to start (`"start_error"`), did not exit as
   * requested (`"shutdown_error"`), or has exited too often, so that the supervisor exits too (`"shutdown"`).
   */
  error: "child_terminated" | "start_error" | "shutdown_error" | "shutdown";
  /** Describes the child that the event is about. */
  child: {
    /** Identifies the child within its supervisor. Several dynamic children may share an id; tasks have none. */
    id?: string;
    /** Its pid, if it is or was running. */
    pid?: Pid;
    /**
     * The call that starts it, as text: `Room.startLink("lobby")`. Absent for a function that no module exports; for a
     * task, the name of its function.
     */
    startCall?: string;
    /** Its restart type. */
    restart?: string;
    shutdown?: number | string;
    /** Its type, a worker or a supervisor. */
    type?: string;
  };
  /** Why the child exited, or did not start or stop. */
  reason: unknown;
}

/** The events of a supervisor's child, in OTP's words. */
export type SupervisorError = SupervisorReport["error"];

/** A supervisor's child, as reports describe it. */
export type ReportedChild = SupervisorReport["child"];

/** An event that a node reports. */
export interface LogEvent {
  /** Its severity. */
  level: LogLevel;
  /** The node's name. */
  node: string;
  /** The event in readable form, without control characters and secrets. */
  message: string;
  /** The process that the event is about, or that logged it, if there is one. */
  pid?: Pid;
  /** The label that this process set by `Process.setLabel`, if any. */
  label?: unknown;
  /** The trace of the code, if tracing is on. */
  trace?: {
    /** The trace: 32 hexadecimal digits. */
    traceId: string;
    /** The span: 16 hexadecimal digits. */
    spanId: string;
  };
  /** The values that a program logged with its message. */
  metadata?: Record<string, unknown>;
  /** Present if a process crashed. */
  crash?: CrashReport;
  /** Present if a supervisor's child crashed, or failed to start or stop. */
  supervisor?: SupervisorReport;
  /** Present if an application exited. */
  application?: {
    name: string;
    reason: unknown;
  };
  /** Present if an Erlang node sent the event, which is about a process whose group leader is on this node. */
  remote?: {
    /** The node that sent the event. */
    node: string;
    /** The process that the event is about, or that logged it; `undefined` if the event names no process of that node. */
    pid: Pid | undefined;
  };
}

/** A place in a distributed trace, as in a `traceparent` header. */
export type TraceIds = NonNullable<LogEvent["trace"]>;

/** The exit of a running application. */
export type ApplicationReport = NonNullable<LogEvent["application"]>;

/** The origin of an event from an Erlang node. */
export type RemoteOrigin = NonNullable<LogEvent["remote"]>;

/** An event that a runtime reports to its node. */
export type RuntimeEvent = Omit<LogEvent, "node">;

/** Receives the events of a node. */
export type LogHook = (event: LogEvent) => void;

/**
 * Decides about each event of a node before its log hook: `false` drops the event, `true` passes it, and a returned
 * event replaces it, for example without a secret.
 */
export type LogFilter = (event: LogEvent) => boolean | LogEvent;

/**
 * Writes an event of any level to standard error as readable text. It is the default log hook of a node, whose
 * `logLevel` is then `"warning"`.
 *
 * A line is `[level] node: message`. If a program logged the message with `Logger`, the process and its label follow
 * the node, and the metadata follows the message. If the code was part of a trace, the line ends with the trace.
 *
 * @example A node that writes all that it logs
 * ```ts
 * import { Node, textLog } from "@otp/distribution/node";
 *
 * await using node = await Node.start({
 *   name: "kate@localhost",
 *   cookie: "c",
 *   epmdPort: 14369,
 *   logLevel: "info",
 *   log: textLog,
 * });
 * ```
 */
export function textLog(event: LogEvent): void {
  writeError(`${textLine(event)}\n`);
}

/**
 * Writes warnings and errors to standard error as readable text, as `textLog` does; drops other events.
 *
 * @example Crashes only
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
  const { level } = event;
  if (level === "warning" || level === "error") textLog(event);
}

function textLine(event: LogEvent): string {
  const { level, node, message, pid, label, trace, metadata } = event;
  // A report's message names the process itself.
  const isReport = event.crash !== undefined ||
    event.supervisor !== undefined || event.remote !== undefined;
  const about = pid === undefined || isReport
    ? ""
    : label === undefined
    ? ` ${pid}`
    : ` ${pid} (${printableLine(labelText(label), MAX_LABEL)})`;
  const end = metadataText(metadata) +
    (trace === undefined ? "" : ` trace=${trace.traceId}/${trace.spanId}`);
  const [first, ...rest] = message.split("\n");
  return [
    `[${level}] ${printableName(node)}${about}: ${first}${end}`,
    ...rest,
  ].join("\n");
}

function labelText(label: unknown): string {
  // Quote text that could be taken for other parts of the line.
  return typeof label === "string" && /^[\p{L}\p{N} _.:/@#<>-]+$/u.test(label)
    ? label
    : inspectWithin(label, MAX_LABEL, { width: Infinity });
}

/** Formats metadata as ` key=value` pairs, in bounded length and without throwing, for any values. */
export function metadataText(
  metadata: Record<string, unknown> | undefined,
): string {
  if (metadata === undefined) return "";
  let text = "";
  let count = 0;
  try {
    for (const key of keysOf(metadata)) {
      if (count++ === MAX_VALUES || text.length > MAX_VALUES_LENGTH) {
        return `${text} ...`;
      }
      const name = /^[\p{L}\p{N}_.$-]+$/u.test(key)
        ? printableName(key)
        : inspectWithin(key, MAX_KEY);
      text += ` ${name}=${valueText(metadata, key)}`;
    }
  } catch {
    // A proxy may throw.
    text += " #Unreadable<>";
  }
  return text;
}

function valueText(metadata: Record<string, unknown>, key: string): string {
  try {
    return printableLine(shownValue(metadata[key]), MAX_VALUE);
  } catch {
    // A getter may throw.
    return "#Unreadable<>";
  }
}

/**
 * Returns a log hook that never throws: an error of the given hook is logged with the event.
 *
 * While the hook runs, its own log events go to standard error: otherwise the hook would call itself for ever.
 */
export function safeLog(hook: LogHook): LogHook {
  let isRunning = false;
  return (event) => {
    if (isRunning) return standardLog(event);
    const failed = (error: unknown) => {
      const { node } = event;
      const message = `Cannot tell the log: the hook threw: ${exitLine(error)}`;
      standardLog({ level: "error", node, message: indented([message]) });
      standardLog(event);
    };
    isRunning = true;
    try {
      // An asynchronous hook's rejection would end the program.
      const result: unknown = hook(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    } finally {
      isRunning = false;
    }
  };
}
