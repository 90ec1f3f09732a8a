/**
 * How tasks end.
 *
 * @module
 */

/** How a task ended. */
export type TaskEnd =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

/** How a task ended for its owner. */
export type TaskOutcome =
  | TaskEnd
  /** Its owner's signal has ended it: waits reject with the signal's reason as it is. */
  | { type: "aborted"; reason: unknown };
