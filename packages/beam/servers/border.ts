/** The border of a node: how it looks to nodes of Erlang, and they to it. */

import type { Border } from "@otp/processes/process/border";
import type { Runtime } from "@otp/processes/process/runtime";
import { ServerRequest } from "@otp/processes/values/server_message";
import { BeamFunctions } from "../functions/beam_functions.ts";
import { fromBeam } from "../terms/conversions.ts";
import { infoFromOtp } from "./process_info_otp.ts";

/** The module of the protocols. It is loaded with the wire: before that, nothing has crossed a border. */
let protocols: typeof import("./protocols.ts") | undefined;

/** Returns the module of the protocols, if it is loaded. */
export function loadedProtocols(): typeof protocols {
  return protocols;
}

/** Sets the protocols of the library's servers. */
export function setProtocols(loaded: typeof import("./protocols.ts")): void {
  protocols = loaded;
}

/** Opens the border of a node, unless it is open. */
export function openBorder(runtime: Runtime): void {
  runtime.border ??= borderOf(runtime);
}

function borderOf({ modules }: Runtime): Border {
  const functions = new BeamFunctions(modules);
  return {
    functions,
    request: (protocol, term, caller, origin) =>
      protocols === undefined
        ? term
        : protocols.requestFromOtp(protocol, term, caller, origin, functions),
    reply(request, term, type) {
      if (!(request instanceof ServerRequest)) return fromBeam(term, type);
      return protocols!.replyFromOtp(request, term, functions);
    },
    message: fromBeam,
    processInfo: infoFromOtp,
  };
}
