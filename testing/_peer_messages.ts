/**
 * What a test and its peers say to each other.
 *
 * @module
 */

/** Under this name a peer exports what the harness calls. */
export const HARNESS_MODULE = "otp.testing";

/** What a peer prints when it can be reached. */
export const UP = "\0up\n";

/** What a call gave. */
export type Called =
  | { type: "called"; value: unknown }
  | { type: "failed"; error: unknown };
