/** The messages between a test and its peers. */

export const HARNESS_MODULE = "otp.testing";

/** The line that a peer prints when it can be reached. */
export const UP = "\0up\n";

/** The result of a call, with the secret token of the call. */
export type Called =
  | { type: "called"; token: string; value: unknown }
  | { type: "failed"; token: string; error: unknown };
