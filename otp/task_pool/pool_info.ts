/**
 * The descriptions of a pool: its settings, its state and its counts.
 *
 * @module
 */

import type { Pid } from "../../core/values/pid.ts";

/** The settings of a pool. */
export interface PoolSettings {
  /** Its name, for messages. */
  label: string;
  /** The group. */
  group: unknown;
  /** Its scope. */
  scope: string;
  /** The most runs that wait. */
  maxQueue: number;
  /** Milliseconds for which runs wait for a group without members. */
  waitForNode: number;
  /** The most starts of one run. */
  maxRuns: number;
}

/** A supervisor of a pool, as `TaskPool.info` describes it. */
export interface PoolMemberInfo {
  /** Its process. */
  pid: Pid;
  /** The number of tasks of this pool there. */
  own: number;
  /** The number of tasks there, as this pool knows. */
  tasks: number;
  /** The most tasks there. */
  max: number | "infinity";
  /**
   * Whether it is sent tasks: `"full"` until it has a place, `"silent"` until it answers, `"draining"` if it takes
   * no new ones.
   */
  state: "ready" | "full" | "silent" | "draining";
}

/** The counts of a pool since it started. */
export interface PoolCounts {
  /** Runs. */
  runs: number;
  /** Runs with a result. */
  done: number;
  /** Runs whose task exited by itself without a result. */
  exited: number;
  /** Runs that were sent to another supervisor when theirs was lost. */
  retried: number;
  /** Tasks that a supervisor refused, as it was full or draining. */
  refused: number;
  /** Runs that failed as the queue was full. */
  queue_full: number;
  /** Runs that failed as their time was up. */
  deadline: number;
  /** Runs that failed as the group had no members. */
  no_node: number;
  /** Runs that failed as their task was lost. */
  lost: number;
}

/** A description of a pool. */
export interface PoolInfo {
  /** The number of runs that wait. */
  queued: number;
  /** The most runs that may wait. */
  maxQueue: number;
  /** The number of tasks that are in flight. */
  running: number;
  /** The supervisors. */
  members: PoolMemberInfo[];
  /** The counts since it started. */
  counts: PoolCounts;
}
