/**
 * Calls as exit reasons describe them: the function of the API that was called, and its arguments.
 *
 * @module
 */

import type { ServerRef } from "./messages.ts";
import { describeServer } from "./server_names.ts";

/** A call: module, function and arguments. */
export type CallDescription = [module: string, fn: string, args: unknown[]];

/** A function as an argument: it cannot be sent, and its name tells more than its source. */
export function describeFunction(fn: unknown): unknown {
  if (typeof fn !== "function") return fn;
  return fn.name === "" ? "(function)" : `(function ${fn.name})`;
}

/** The call of a function that asks a server, without what it was asked besides. */
export function describeRequest(
  module: string,
  fn: string,
  server: ServerRef,
  { id, pid }: { id?: unknown; pid?: unknown },
): CallDescription {
  const given = [id, pid].filter((each) => each !== undefined);
  return [module, fn, [describeServer(server), ...given]];
}
