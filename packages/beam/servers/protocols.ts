/** The protocols of the library's servers, and of the servers whose types a program declares. */

import type { ServerBeamTypes } from "@otp/processes/values/beam_types";
import { callTypes } from "@otp/processes/values/beam_types";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { BeamFunctions } from "../functions/beam_functions.ts";
import type { ServerRequest } from "@otp/processes/values/server_message";
import { fromBeam } from "../terms/conversions.ts";
import { AGENT_PROTOCOL } from "./agent_otp.ts";
import { GLOBAL_PROTOCOL } from "./global_otp.ts";
import { IO_PROTOCOL } from "./io_otp.ts";
import { SCOPE_PROTOCOL } from "./pg_otp.ts";
import { supervisorProtocol } from "./supervisor_otp.ts";
import { TASK_PROTOCOL } from "./task_otp.ts";
import type { ServerProtocol } from "./protocol.ts";

export { erlangPeers, joinNames } from "./join_names.ts";

/** The protocols, by their names. */
export const PROTOCOLS: Readonly<Record<string, ServerProtocol>> = {
  Agent: AGENT_PROTOCOL,
  Supervisor: supervisorProtocol("Supervisor"),
  DynamicSupervisor: supervisorProtocol("DynamicSupervisor"),
  TaskSupervisor: TASK_PROTOCOL,
  IO: IO_PROTOCOL,
  global_name_server: GLOBAL_PROTOCOL,
  pg: SCOPE_PROTOCOL,
};

/** Decodes a request of a BEAM, and sets how its reply is encoded; see `Border.request`. */
export function requestFromOtp(
  protocol: string | ServerBeamTypes,
  term: unknown,
  caller: ReplyTo | undefined,
  origin: string | undefined,
  functions: BeamFunctions,
): unknown {
  if (typeof protocol === "object") {
    if (caller === undefined) return fromBeam(term, protocol.cast);
    const request = fromBeam(term, protocol.call);
    caller.returns = callTypes(protocol, request).reply;
    return request;
  }
  const { decodeRequest, encodeReply } = PROTOCOLS[protocol];
  const request = decodeRequest === undefined
    ? term
    : decodeRequest(term, functions, caller, origin);
  if (caller !== undefined && encodeReply !== undefined) {
    caller.returns = (reply: unknown) => encodeReply(request, reply, functions);
  }
  return request;
}

/** Decodes the reply of a server of OTP to a request. */
export function replyFromOtp(
  request: ServerRequest,
  term: unknown,
  functions: BeamFunctions,
): unknown {
  const { protocol } = request;
  const decode = protocol && PROTOCOLS[protocol].decodeReply;
  return decode ? decode(request, term, functions) : term;
}
