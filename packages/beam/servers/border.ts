/** The border of a node: how it looks to nodes of Erlang, and they to it. */

import type { Border } from "@otp/processes/process/border";
import type { Runtime } from "@otp/processes/process/runtime";
import { BeamFunctions } from "../functions/beam_functions.ts";
import { infoFromOtp } from "./process_info_otp.ts";

/** Opens the border of a node, unless it is open. */
export function openBorder(runtime: Runtime): void {
  runtime.border ??= borderOf(runtime);
}

function borderOf({ modules }: Runtime): Border {
  return {
    functions: new BeamFunctions(modules),
    processInfo: infoFromOtp,
  };
}
