/**
 * Calls as exit reasons describe them: the function of the API that was called, and its arguments.
 *
 * @module
 */

import { ExitError } from "../errors.ts";
import type { ServerTarget } from "./messages.ts";
import { describeServer } from "./server_names.ts";

/** A call: module, function and arguments. */
export type CallDescription = [module: string, fn: string, args: unknown[]];

/** The exit of a caller whose call failed: the reason, and the call. */
export function callExit(reason: unknown, call: CallDescription): ExitError {
  return new ExitError({ type: "call", reason, call });
}

/** A timeout as Erlang writes it. */
export function describeTimeout<T>(timeout: T): T | "infinity" {
  return timeout === Infinity ? "infinity" : timeout;
}

/** A function as an argument: a function cannot be sent, and its name is more useful than its source. */
export function describeFunction(fn: unknown): unknown {
  if (typeof fn !== "function") return fn;
  return fn.name === "" ? "(function)" : `(function ${fn.name})`;
}

/** The call of a function that sends a server a request for a child, without the rest of the request. */
export function describeRequest(
  module: string,
  fn: string,
  server: ServerTarget,
  { id, pid }: { id?: unknown; pid?: unknown },
): CallDescription {
  const given = [id, pid].filter((each) => each !== undefined);
  return [module, fn, [describeServer(server), ...given]];
}
