/**
 * The supervisors of a node, as observers see them. Observers send no message, because a busy supervisor would not
 * answer.
 */

import type { Link } from "@otp/processes/process/links_and_monitors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { formatExit } from "@otp/processes/values/exit_reason";
import type { SupervisingServer } from "@otp/processes/values/lineage";
import type { Pid } from "@otp/processes/values/pid";
import type { ChildType } from "../server/child_spec.ts";
import type { Occupancy } from "../server/task_slots.ts";

/** The maximum length of a reason, in characters. */
const MAX_REASON = 200;

/** A child, as its supervisor knows it. */
export interface SupervisedChild {
  /** Identifies the child within its supervisor; dynamic children have none. */
  readonly id: string | undefined;
  /** Whether it is a supervisor. */
  readonly type: ChildType;
  /** Its pid, if it runs. */
  readonly pid: Pid | undefined;
  /** Whether its restart failed, and another attempt is due. */
  readonly restarting: boolean;
  /** Its restarts so far. */
  readonly restarts: Restarts | undefined;
}

/** The restarts of a child. */
export interface Restarts {
  /** Their number. */
  count: number;
  /** The reason of the last exit that led to a restart, as text: the reason itself may be large. */
  reason: string;
  /** The time of the last restart, in milliseconds since the epoch. */
  at: number;
}

/**
 * The part of a supervisor's server that an observer reads. Servers implement it themselves, to save an object each.
 */
export interface Supervision extends SupervisingServer {
  /** `"Supervisor"`, `"DynamicSupervisor"` or `"TaskSupervisor"`. */
  readonly kind: string;
  /** Returns the number of children. */
  size(): number;
  /** Returns its children, in the order of their start. */
  supervised(): Iterable<SupervisedChild>;
  /** Returns the load of a supervisor of tasks. */
  occupancy?(): Occupancy;
  /** Returns the tasks that will end: all but permanent ones. */
  unfinished?(): Pid[];
}

/** A supervisor that code outside any process has started. */
export interface Root {
  /** As in {@linkcode Supervision}. */
  readonly kind: string;
  readonly pid: Pid;
  /** The name that it is registered under. */
  readonly name: string | undefined;
}

/** Supervisors by the link to the process that code outside any process shares. */
const roots = new WeakMap<Link, Root>();

/** Makes a starting supervisor visible to observers. */
export function noteSupervision(
  process: LocalProcess,
  supervision: Supervision,
): void {
  const lineage = process.lineage!;
  lineage.supervision = supervision;
  if (lineage.starting?.process.shell !== true) return;
  const { parent, pid, name, runtime } = process;
  const link = runtime.find(parent!)?.links?.get(pid);
  if (link !== undefined) {
    roots.set(link, { kind: supervision.kind, pid, name });
  }
}

/** Returns the supervisor that the shared process has started over this link, if any. */
export function rootOf(link: Link): Root | undefined {
  return roots.get(link);
}

/** Returns the supervision of a process, if it is a supervisor. */
export function supervisionOf(process: LocalProcess): Supervision | undefined {
  return process.lineage?.supervision as Supervision | undefined;
}

const totals = new WeakMap<Runtime, number>();

/** Returns how often supervisors of a node have restarted children since the node started. */
export function restartsOf(runtime: Runtime): number {
  return totals.get(runtime) ?? 0;
}

/** Counts a restart of a child of a supervisor. */
export function countRestart(
  { runtime }: LocalProcess,
  child: { restarts?: Restarts },
  reason: unknown,
): void {
  totals.set(runtime, restartsOf(runtime) + 1);
  const count = (child.restarts?.count ?? 0) + 1;
  child.restarts = { count, reason: reasonLine(reason), at: Date.now() };
}

/** Formats a reason as one line; an error as its message. */
export function reasonLine(reason: unknown): string {
  const text = formatExit(reason);
  const [first, second = ""] = text.split("\n", 2);
  // formatExit puts an error below a line that announces the error.
  return (second.trim().startsWith("** ") ? second.trim().slice(3) : first)
    .slice(0, MAX_REASON);
}
