/**
 * The slots of a node's supervisors of tasks: the groups that a supervisor joins, and the turns of callers that share
 * its places. Packages above fill them. A node whose slots are empty runs supervisors without groups and turns.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import type { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";

/** The load of a supervisor of tasks. */
export interface Occupancy {
  tasks: number;
  /** The maximum number of tasks. */
  max: number;
  /** Whether the supervisor refuses new tasks. */
  draining: boolean;
}

/** The groups of a node's processes. */
export interface TaskGroups {
  /** Throws a `TypeError` or a `RangeError` if `group` is invalid. */
  check(group: unknown, runtime: Runtime): void;
  /**
   * Makes a supervisor a member of a group, and again when the scope has restarted. Throws a `NoProcessError` if the
   * scope does not run.
   *
   * @returns A function that ends the membership's renewal.
   */
  join(
    process: LocalProcess,
    group: unknown,
    scope: string,
  ): Promise<() => void>;
  /** Removes a supervisor that starts no more tasks from all its groups. */
  leaveAll(process: LocalProcess): void;
}

/** The callers that take turns in starting tasks under one supervisor. */
export interface TaskTurns {
  /** Returns whether the caller may start a task; this may use the caller's turn. */
  admits(caller: Pid): boolean;
  /** Called when a task has started or ended. */
  changed(): void;
  /** Called when the supervisor starts no more tasks. */
  draining(): void;
  /** Answers a request that the supervisor does not know; `undefined` if it is no request about turns. */
  call(request: unknown, caller: ReplyTo): unknown;
  /** Handles a message; returns false if it is not about turns. */
  info(message: unknown): boolean;
}

/** The slots of one node. */
export interface TaskSlots {
  groups?: TaskGroups;
  /** Creates the turns of a supervisor, when it first gets a request that it does not know itself. */
  turns?: (process: LocalProcess, occupancy: () => Occupancy) => TaskTurns;
}

const slots = new WeakMap<Runtime, TaskSlots>();

/** Returns the slots of a node, to be filled or used. */
export function taskSlots(runtime: Runtime): TaskSlots {
  let known = slots.get(runtime);
  if (known === undefined) slots.set(runtime, known = {});
  return known;
}
