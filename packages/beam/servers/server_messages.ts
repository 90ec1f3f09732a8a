/** The messages of the library's servers, as OTP's own modules send them. */

import {
  Call,
  Cast,
  InternalMessage,
  Stop,
  SystemRequest,
} from "@otp/servers/server/messages";
import { atom } from "@otp/processes/values/atom";
import type { BeamType } from "@otp/processes/values/beam_types";
import { inspectArgument } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { ReplyTarget } from "@otp/processes/values/reply_to";
import { ReplyTo } from "@otp/processes/values/reply_to";
import {
  type ServerMessage,
  ServerRequest,
} from "@otp/processes/values/server_message";
import { tuple } from "@otp/processes/values/tuple";
import type { BeamFunctions } from "../functions/beam_functions.ts";
import { reasonToBeam } from "../terms/beam_reasons.ts";
import { toBeam } from "../terms/conversions.ts";
import { PROTOCOLS } from "./protocols.ts";

const GEN_CALL = atom("$gen_call");
const GEN_CAST = atom("$gen_cast");
const SYSTEM = atom("system");
const TERMINATE = atom("terminate");

/**
 * Encodes a message for a BEAM.
 *
 * @param message The message.
 * @param functions Names functions for the BEAM; absent for a message inside another one, which names none.
 * @param from The sender, for a message that names its sender in OTP's encoding.
 * @throws {TypeError} If OTP has no such message; the error says what to use.
 */
export function messageToOtp(
  message: ServerMessage,
  functions?: Pick<BeamFunctions, "called">,
  from?: Pid,
): unknown {
  if (message instanceof Call) {
    const { request, replyTo, sentAs } = message;
    const term = requestToOtp(request, sentAs, functions, replyTo.pid);
    return isCast(request)
      ? tuple(GEN_CAST, term)
      : tuple(GEN_CALL, replyTo, term);
  }
  if (message instanceof Cast) {
    const { request, sentAs } = message;
    return tuple(GEN_CAST, requestToOtp(request, sentAs, functions, from));
  }
  if (message instanceof Stop) {
    const { replyTo, reason } = message;
    return tuple(SYSTEM, replyTo, tuple(TERMINATE, reasonToBeam(reason)));
  }
  if (message instanceof SystemRequest) {
    return tuple(SYSTEM, message.replyTo, message.call.term);
  }
  const request = message instanceof InternalMessage
    ? message.message
    : message;
  if (request instanceof ServerRequest) {
    const sender = message instanceof InternalMessage ? message.from : from;
    return requestToOtp(request, undefined, functions, sender);
  }
  throw new TypeError(
    `Cannot send ${
      inspectArgument(request)
    } to an Erlang node: it is a message of this library's servers, and OTP's do not know it`,
  );
}

/** Encodes a request; a program's data stays as it is, unless its server is declared. */
function requestToOtp(
  request: unknown,
  sentAs: BeamType | undefined,
  functions: Pick<BeamFunctions, "called"> | undefined,
  from: Pid | undefined,
): unknown {
  if (!(request instanceof ServerRequest)) return toBeam(request, sentAs);
  const { protocol } = request;
  const term = protocol === undefined || functions === undefined
    ? undefined
    : PROTOCOLS[protocol].encodeRequest(request, functions, from);
  if (term !== undefined) return term;
  throw new TypeError(
    `Cannot send the request ${request.type} to an Erlang node: OTP has no such request; ask a node of this library`,
  );
}

function isCast(request: unknown): boolean {
  return request instanceof ServerRequest && request.protocol !== undefined &&
    PROTOCOLS[request.protocol].isCast?.(request) === true;
}

/** Encodes a reply as the protocol of its server, or a declaration, says. */
export function encodedReply(to: ReplyTarget, reply: unknown): unknown {
  const returns = to instanceof ReplyTo ? to.returns : undefined;
  return typeof returns === "function"
    ? returns(reply)
    : toBeam(reply, returns as BeamType | undefined);
}
