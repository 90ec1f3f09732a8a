/**
 * What a test and its peers say to each other.
 *
 * @module
 */

/** Under this name a peer exports what the harness calls. */
export const HARNESS_MODULE = "otp.testing";

/** What a peer prints when it can be reached. */
export const UP = "\0up\n";

/** The result of a call, with the token of the call, which nobody else knows. */
export type Called =
  | { type: "called"; token: string; value: unknown }
  | { type: "failed"; token: string; error: unknown };
