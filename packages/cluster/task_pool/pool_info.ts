/** The descriptions of a pool: its settings, its state and its counts. */

import type { Pid } from "@otp/processes/values/pid";

export interface PoolSettings {
  /** The pool's name, for messages. */
  label: string;
  group: unknown;
  /** The group's scope. */
  scope: string;
  /** The maximum number of waiting runs. */
  maxQueue: number;
  /** How long runs wait while the group has no members, in milliseconds. */
  waitForNode: number;
  /** The maximum number of starts of one run. */
  maxRuns: number;
}

/** A supervisor of a pool, as `TaskPool.info` describes it. */
export interface PoolMemberInfo {
  /** The supervisor's process. */
  pid: Pid;
  /** The number of this pool's tasks at the supervisor. */
  own: number;
  /** The number of all tasks at the supervisor, as this pool knows. */
  tasks: number;
  /** The maximum number of tasks at the supervisor. */
  max: number | "infinity";
  /**
   * Whether the pool sends tasks to the supervisor: not while it is `"full"`, while it does not answer (`"silent"`), or
   * once it takes no new tasks (`"draining"`).
   */
  state: "ready" | "full" | "silent" | "draining";
}

/** The counts of a pool since it started. */
export interface PoolCounts {
  /** Runs that were started. */
  runs: number;
  /** Runs with a result. */
  done: number;
  /** Runs whose task exited by itself without a result. */
  exited: number;
  /** Runs that were sent to another supervisor when the first was lost. */
  retried: number;
  /** Tasks that a full or draining supervisor refused. */
  refused: number;
  /** Runs that failed because the queue was full. */
  queue_full: number;
  /** Runs that failed because their time was up. */
  deadline: number;
  /** Runs that failed because the group had no members. */
  no_node: number;
  /** Runs that failed because their task was lost. */
  lost: number;
}

/** A description of a pool. */
export interface PoolInfo {
  /** The number of waiting runs. */
  queued: number;
  /** The maximum number of waiting runs. */
  maxQueue: number;
  /** The number of tasks that are in flight. */
  running: number;
  /** The supervisors. */
  members: PoolMemberInfo[];
  /** The counts since it started. */
  counts: PoolCounts;
}
