/** How supervisors of all kinds start, end, count and report a child. */

import type {
  ReportedChild,
  SupervisorError,
} from "@otp/processes/log/log_event";
import {
  SUPERVISOR_LEVELS,
  supervisorEvent,
} from "@otp/processes/log/supervisor_report";
import { inspectArgument, quote } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { isOrderly, isReason } from "@otp/processes/values/exit_reason";
import { sendableReason } from "@otp/processes/values/sendable_reason";
import type { Runnable } from "@otp/processes/signals/signal";
import type { Restarts } from "./supervision.ts";
import {
  assertMayStart,
  checkStarted,
  receivedStart,
  runStart,
  startCallText,
} from "./child_start.ts";
import type {
  ChildSpec,
  ChildStart,
  ChildType,
  FullChildSpec,
  Started,
} from "../server/child_spec.ts";
import { childSpec } from "./child_definition.ts";
import type { AlreadyStartedReason } from "../server/start.ts";
import { shutdownChild } from "../server/stop.ts";
import { isRunnable } from "../server/messages.ts";
import { reasonOf } from "@otp/processes/values/error_classes";

/** A child's specification in a message. */
export type SentChildSpec = Omit<FullChildSpec, "start"> & { start: Runnable };

/** The reply of a supervisor to a request that failed. */
export interface Failure {
  /** Always `"error"`. */
  type: "error";
  reason: unknown;
}

/** The reply of a supervisor that has started a child, or whose child has nothing to run. */
export interface Success {
  /** Always `"ok"`. */
  type: "ok";
  /** The result of the start. */
  started: Started;
  /** Set if the start was skipped because the child's name is on another node. */
  moved?: true;
}

/** The number of a supervisor's children. */
export interface ChildCounts {
  /** Specifications, running or not; for dynamic children, the children that run or wait to be restarted. */
  specs: number;
  /** Running children. */
  active: number;
  /** Supervisors among the specifications. */
  supervisors: number;
  /** Workers among the specifications. */
  workers: number;
}

/** The state of a supervisor's child. */
export interface ChildState<S> {
  /** How it is started, restarted and ended. */
  readonly spec: S;
  /** Its pid, while it is running. */
  pid: Pid | undefined;
  /** Whether its restart failed, and another attempt is due. */
  restarting: boolean;
  /** The other node that asked for the child, whose quota the child counts towards. */
  readonly holder?: string;
  /** Its restarts, if there were any. */
  restarts?: Restarts;
}

export function failed(reason: unknown): Failure {
  return { type: "error", reason };
}

/** Counts children. A child of this node that has exited does not count as active, even before its EXIT arrives. */
export function countChildren(
  children: Iterable<ChildState<{ type: ChildType }>>,
  runtime: Runtime,
): ChildCounts {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  for (const { spec, pid, restarting } of children) {
    counts.specs++;
    counts[spec.type === "supervisor" ? "supervisors" : "workers"]++;
    if (pid === undefined || restarting) continue;
    if (pid.node === runtime.node && runtime.find(pid) === undefined) continue;
    counts.active++;
  }
  return counts;
}

/** Creates a specification from a message of any origin; `from` is the sender's node. */
export function receiveSpec(
  sent: SentChildSpec,
  process: LocalProcess,
  from: string,
  check?: (spec: FullChildSpec) => void,
): FullChildSpec | Failure {
  if (!isRunnable(sent?.start)) return failed("badarg");
  try {
    assertMayStart(sent.start, process.runtime, from);
    const start = receivedStart(sent.start, process.runtime);
    const spec = childSpec({ ...sent, start } as ChildSpec);
    check?.(spec);
    return spec;
  } catch (error) {
    return failureOf(error, process);
  }
}

/** Starts a child of a supervisor. */
export async function startChild(
  spec: Pick<FullChildSpec, "id" | "start">,
  process: LocalProcess,
): Promise<Success | Failure> {
  try {
    process.assertAlive();
    const started = await runStart(spec, process.runtime);
    return { type: "ok", started: checkStarted(started, spec) };
  } catch (error) {
    return failureOf(error, process);
  }
}

function failureOf(error: unknown, process: LocalProcess): Failure {
  // A supervisor that was killed while it started a child has no caller to notify.
  if (!process.alive) throw error;
  return failed(sendableReason(reasonOf(error), process.runtime.maxDepth));
}

/**
 * Whether an exit of a child needs no restart. While the node drains, a permanent child that exits normally has
 * finished too.
 */
export function isFinished(
  { restart }: Pick<FullChildSpec, "restart">,
  reason: unknown,
  { runtime }: LocalProcess,
): boolean {
  return (restart !== "permanent" || runtime.isDraining) && isOrderly(reason);
}

/**
 * Returns the result of a restart, and ignores a start that failed because the child's name is on another node: after
 * two parts of a cluster have met, or because this node drains. OTP's supervisors try again until their restarts are
 * used up, and then end all other children.
 */
export function ignoreMovedName(
  result: Success | Failure,
  { name, pid: own, runtime }: LocalProcess,
  { id }: { id?: string },
): Success | Failure {
  if (result.type === "ok") return result;
  const { type, pid } = Object(result.reason) as AlreadyStartedReason;
  const isMoved = type === "already_started" &&
    (pid instanceof Pid ? pid.node !== runtime.node : runtime.isDraining);
  if (!isMoved) return result;
  runtime.report(
    "info",
    () =>
      `Supervisor ${name ?? own} does not restart ${
        id === undefined ? "a child" : `the child ${quote(id)}`
      }: ${pid === undefined ? "this node drains" : `${pid} has its name`}`,
    { what: "children whose names have moved to other nodes" },
  );
  return { type: "ok", started: "ignore", moved: true };
}

/** Whether a child that was shut down exited as expected; a permanent child must exit with the requested reason. */
function isCleanShutdown(
  { restart, shutdown }: Pick<FullChildSpec, "restart" | "shutdown">,
  reason: unknown,
): boolean {
  const told = shutdown === "brutal_kill" ? "killed" : "shutdown";
  return isReason(reason, told) ||
    (restart !== "permanent" && isOrderly(reason));
}

/** Ends a child, and logs if the child did not exit as requested. */
export async function endChild(
  child: Pick<FullChildSpec, "restart" | "shutdown" | "type"> & {
    id?: string;
    start?: ChildStart;
    label?: string;
  },
  pid: Pid,
  process: LocalProcess,
): Promise<void> {
  const reason = await shutdownChild(process, pid, child.shutdown);
  if (!isCleanShutdown(child, reason)) {
    reportChild(process, { ...child, pid }, "shutdown_error", reason);
  }
}

/** The number of reports of one supervisor that pass in 10 seconds: many children may exit at once. */
const MAX_REPORTS = 100;

/** Logs an event of a child. */
export function reportChild(
  process: LocalProcess,
  { id, pid, restart, shutdown, type, start, label }:
    & Omit<ReportedChild, "startCall">
    & { start?: ChildStart; label?: string },
  error: SupervisorError,
  reason: unknown,
): void {
  const { runtime } = process;
  const event = () => {
    const startCall = start === undefined
      ? label
      : startCallText(start, runtime);
    const child = { id, pid, startCall, restart, shutdown, type };
    return supervisorEvent(process, error, child, reason);
  };
  runtime.report(
    SUPERVISOR_LEVELS[error],
    event,
    {
      what: `reports of Supervisor ${process.name ?? process.pid}: ${error}`,
      most: MAX_REPORTS,
    },
  );
}

/** Logs a message that no supervisor expects. */
export function reportUnexpected(
  { name, pid, runtime }: LocalProcess,
  message: unknown,
): void {
  const who = `Supervisor ${name ?? pid}`;
  runtime.report(
    "error",
    () => `${who} received an unexpected message: ${inspectArgument(message)}`,
    { what: `unexpected messages to ${who}` },
  );
}
