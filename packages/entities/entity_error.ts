/**
 * The error of a call to an entity that has no result.
 *
 * @module
 */

import { allowErrorClass } from "@otp/processes/values/error_term";

/** Why a call to an entity failed. */
export type EntityErrorCode =
  | "unknown"
  | "timeout"
  | "no_store"
  | "no_host"
  | "crashed"
  | "refused"
  | "parked"
  | "overloaded"
  | "cancelled"
  | "no_run"
  | "gap"
  | "sql"
  | "no_method";

/**
 * A call to an entity has failed. `code` is the reason:
 *
 * - `"unknown"`: the call may have run, or not. Its owner was lost, or the time was up, before the result was certain. It
 *   is not run again; with `mayRunTwice` or `id` it would have been.
 * - `"timeout"`: the time was up, and the call has not run.
 * - `"no_store"`: the time was up without an answer of the store, and the call has not run.
 * - `"no_host"`: the time was up, and no node hosts this type.
 * - `"crashed"`: the method threw, or the entity could not start. Its changes are lost; `cause` is the error.
 * - `"refused"`: the method called `room.refuse`. Its changes are undone; `data` is what it gave.
 * - `"parked"`: the entity has crashed too often, and waits for `Entities.release`.
 * - `"overloaded"`: too many calls wait on this node, too many entities are busy on the owner, or the entity remembers too
 *   many ids.
 * - `"cancelled"`: the run of a durable method was cancelled.
 * - `"no_run"`: there is no such run, or it ended too long ago.
 * - `"gap"`: events of the log that were asked for are kept no more; `data` has the numbers `first` and `last` of those that
 *   are.
 * - `"sql"`: the database has refused a statement of `room.sql`; the message has its words. Nothing of the call is stored.
 * - `"no_method"`: the owner runs other code, which has no such method.
 *
 * @example An expected refusal
 * ```ts
 * import { EntityError } from "@otp/distribution/entities";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new EntityError("refused", false, "the room is full", { data: { max: 10 } });
 * assertEquals([error.code, error.mayHaveRun, error.data], ["refused", false, { max: 10 }]);
 * ```
 */
export class EntityError extends Error {
  /** Always `"EntityError"`. */
  override readonly name = "EntityError";
  /** The reason. */
  readonly code: EntityErrorCode;
  /** Whether changes of the call are possibly stored, or may be later. */
  readonly mayHaveRun: boolean;
  /** The value that the method gave `room.refuse`. */
  readonly data: unknown;

  /**
   * Created by calls of entities.
   *
   * @param mayHaveRun Whether changes of the call are possibly stored.
   * @param message The operation, the reason of the failure, and the next thing to try.
   * @param options The cause, and the value of a refusal.
   */
  constructor(
    code: EntityErrorCode,
    mayHaveRun: boolean,
    message: string,
    options: ErrorOptions & { data?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.mayHaveRun = mayHaveRun;
    this.data = options.data;
  }
}

allowErrorClass(EntityError);

/** Thrown by `room.refuse`. */
export class Refusal extends Error {
  readonly data: unknown;

  constructor(message: string, data: unknown) {
    super(message);
    this.data = data;
  }
}
