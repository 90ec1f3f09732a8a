/** Functions that a BEAM asks for, run on behalf of its processes. */

import { beamFunctionsOf } from "./beam_functions.ts";
import type { Runtime } from "@otp/processes/process/runtime";
import { andThen } from "@otp/processes/promises/promises";
import type { Mfa } from "@otp/processes/signals/signal";
import { toBeam } from "../terms/conversions.ts";
import { spawnError } from "@otp/processes/remote/exported_modules";
import { resolveFor } from "@otp/processes/spawning/spawn_requests";

/**
 * Resolves a function that a BEAM names; returns it ready to run, with the result encoded for the BEAM.
 *
 * @param node The node that requests the function.
 * @param mfa The function and its arguments, by the BEAM's names.
 * @throws {ExitError} If the function does not exist, with OTP's reason.
 * @throws {Error} If the node may not run the function.
 */
export function resolveOtpFunction(
  runtime: Runtime,
  node: string,
  mfa: Mfa,
): { fn: () => unknown; label: string } {
  const functions = beamFunctionsOf(runtime);
  const [module, name] = mfa;
  const run = functions.requested(mfa);
  const found = resolveFor(runtime, run, node, "resolveSpawn");
  if ("error" in found) throw spawnError(runtime.node, found, "run a function");
  const types = functions.find(module, name)?.types;
  const { fn, label } = found;
  return {
    fn: () => andThen(fn(), (value) => toBeam(value, types?.returns)),
    label,
  };
}
