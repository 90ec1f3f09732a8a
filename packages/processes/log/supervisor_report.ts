/** Reports of supervisors on their children, and of exited applications. */

import { printable, quote } from "../values/inspect.ts";
import type { Pid } from "../values/pid.ts";
import { exitLine, exitWords, indented, printableName } from "./event_text.ts";
import type {
  LogLevel,
  ReportedChild,
  RuntimeEvent,
  SupervisorError,
} from "./log_event.ts";

/** The severity of each event. */
export const SUPERVISOR_LEVELS: Readonly<Record<SupervisorError, LogLevel>> = {
  // The crashed process has reported the crash itself.
  child_terminated: "info",
  start_error: "error",
  shutdown_error: "warning",
  shutdown: "error",
};

const WHAT: Record<SupervisorError, string> = {
  child_terminated: "terminated",
  start_error: "failed to start",
  shutdown_error: "did not shut down as told",
  shutdown: "exits too often to be restarted: shutting down",
};

export function supervisorEvent(
  { pid, name }: { pid: Pid; name: string | undefined },
  error: SupervisorError,
  child: ReportedChild,
  reason: unknown,
): RuntimeEvent {
  const who = name === undefined ? pid : printableName(name);
  const which = child.id === undefined ? child.pid : quote(child.id);
  const lines = [
    `Child ${which} of Supervisor ${who} ${WHAT[error]}`,
    `** ${exitLine(reason)}`,
  ];
  if (child.pid !== undefined) lines.push(`Pid: ${child.pid}`);
  if (child.startCall !== undefined) {
    lines.push(`Start Call: ${printable(child.startCall)}`);
  }
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

export function applicationLevel(reason: unknown): LogLevel {
  return reason === "normal" ? "info" : "error";
}

export function applicationEvent(name: string, reason: unknown): RuntimeEvent {
  return {
    level: applicationLevel(reason),
    message: `Application ${quote(name)} exited: ${exitWords(reason)}`,
    application: { name, reason },
  };
}
