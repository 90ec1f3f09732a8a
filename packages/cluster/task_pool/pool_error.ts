/** The error of a run whose task was not run, or not to its end. */

import { allowErrorClass } from "@otp/processes/values/error_term";

/**
 * A run of a `TaskPool` has failed before its task had a result. `code` is the reason:
 *
 * - `"queue_full"`: all supervisors were full, and `maxQueue` runs waited already.
 * - `"deadline"`: the time was up. The task was ended if it had started.
 * - `"no_node"`: the group had no members for as long as `waitForNode`.
 * - `"lost"`: the node or the supervisor of the task was lost, and the task may not run once more.
 *
 * If `mayHaveRun` is false, no code of the task has run or will run. If it is true, the task was possibly started at
 * least once.
 *
 * @example Retry a task that was not started
 * ```ts
 * import { pg } from "@otp/distribution/pg";
 * import { PoolError, TaskPool } from "@otp/distribution/task-pool";
 * import { assert, assertEquals, assertRejects } from "@std/assert";
 *
 * await pg.startLink();
 * const pool = await TaskPool.startLink({ group: "thumbs", waitForNode: 0 });
 * const error = await assertRejects(() => TaskPool.run(pool, ["Thumbs", "make"]), PoolError);
 * assertEquals(error.code, "no_node");
 * assert(!error.mayHaveRun);
 * await TaskPool.stop(pool);
 * ```
 */
export class PoolError extends Error {
  /** Always `"PoolError"`. */
  override readonly name = "PoolError";
  /** The reason. */
  readonly code: "queue_full" | "deadline" | "no_node" | "lost";
  /** Whether the task was possibly started. */
  readonly mayHaveRun: boolean;

  /**
   * Created by `TaskPool.run`.
   *
   * @param code The reason.
   * @param mayHaveRun Whether the task was possibly started.
   * @param message The operation, the reason of the failure, and the next thing to try.
   */
  constructor(code: PoolError["code"], mayHaveRun: boolean, message: string) {
    super(message);
    this.code = code;
    this.mayHaveRun = mayHaveRun;
  }
}

allowErrorClass(PoolError);
