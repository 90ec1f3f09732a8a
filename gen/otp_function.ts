/**
 * Functions that a BEAM names, run for one of its processes.
 *
 * @module
 */

import type { LocalProcess } from "../runtime/processes/local_process.ts";
import { andThen } from "../runtime/promises/and_then.ts";
import type { Mfa } from "../runtime/signals/signal.ts";
import { toBeam } from "../runtime/values/beam_types.ts";
import { spawnError } from "../runtime/spawning/exported_modules.ts";
import { resolveFor } from "../runtime/spawning/spawn_requests.ts";

/** Runs a function that was found, and which this node calls by that name. */
export type Around = (label: string, fn: () => unknown) => unknown;

/**
 * Runs a function as a process; returns its result as the BEAM expects it.
 *
 * @param process The process.
 * @param node The node that asks for it.
 * @param mfa The function and its arguments, as that node names them.
 * @param around Runs the function.
 * @throws {ExitError} If there is no such function, with OTP's reason for it.
 * @throws {Error} If the node may not run it.
 */
export function runOtpFunction(
  { runtime }: LocalProcess,
  node: string,
  mfa: Mfa,
  around: Around = (_label, fn) => fn(),
): unknown {
  const { functions } = runtime;
  const [module, name] = mfa;
  const run = functions.requested(mfa);
  const found = resolveFor(runtime, run, node, "resolveSpawn");
  if ("error" in found) throw spawnError(runtime.node, found, "run a function");
  const types = functions.find(module, name)?.types;
  return andThen(
    around(found.label, found.fn),
    (value) => toBeam(value, types?.returns),
  );
}
