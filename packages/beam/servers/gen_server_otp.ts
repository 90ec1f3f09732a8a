/**
 * Converts a GenServer's messages to and from the Erlang terms that its types declare, for callers on a BEAM and for
 * servers on a BEAM.
 *
 * Any process may reply, at any time, so the encoding travels with the caller that the reply goes to.
 */

import type { RequestEncoding } from "@otp/servers/server/messages";
import type { OtpEncoding } from "@otp/servers/server/server";
import { fromBeam, toBeam } from "../terms/conversions.ts";
import {
  type BeamType,
  beamTypeToText,
  checkBeamType,
} from "@otp/processes/values/beam_types";
import {
  checkOptions,
  checkRecord,
} from "@otp/processes/values/check_arguments";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { OptionChecks } from "@otp/processes/values/options";

/** The declaration of a server, of any types: `GenServerBeamTypes`. */
export interface ServerBeamTypes {
  readonly call?: BeamType;
  readonly reply?: BeamType;
  /** By the name of the call. */
  readonly replies?: Readonly<Record<string, BeamType>>;
  readonly cast?: BeamType;
  readonly info?: BeamType;
}

const TYPES: OptionChecks<ServerBeamTypes> = {
  call: true,
  reply: true,
  replies: true,
  cast: true,
  info: true,
};

/** Encodes a reply as its caller expects. */
export function encodedReply(caller: ReplyTo, reply: unknown): unknown {
  const { returns } = caller;
  return returns === undefined ? reply : toBeam(reply, returns as BeamType);
}

/** Returns the encoding that a server declares. */
export function encodingOf(types: ServerBeamTypes): OtpEncoding {
  const { call, cast } = types;
  return {
    request(term: unknown, caller?: ReplyTo): unknown {
      if (caller === undefined) return fromBeam(term, cast);
      const request = fromBeam(term, call);
      caller.returns = replyType(types, request);
      return request;
    },
    reply: (_request, reply, caller) => encodedReply(caller, reply),
  };
}

/** Returns the encoding of a call to a server on a BEAM, and of the server's reply. */
export function callEncoding(
  types: ServerBeamTypes,
  request: unknown,
): RequestEncoding {
  const type = replyType(types, request);
  return {
    request: (request) => toBeam(request, types.call),
    reply: (term) => fromBeam(term, type),
  };
}

/** Returns the encoding of a cast to a server on a BEAM. */
export function castEncoding({ cast }: ServerBeamTypes): RequestEncoding {
  return { request: (request) => toBeam(request, cast), reply: (term) => term };
}

function replyType(
  { reply, replies }: ServerBeamTypes,
  request: unknown,
): BeamType | undefined {
  const name = requestName(request);
  return name !== undefined && replies !== undefined &&
      Object.hasOwn(replies, name)
    ? replies[name]
    : reply;
}

/** Returns the name of a request: the request itself, its `type`, or the first element of a tuple. */
export function requestName(request: unknown): string | undefined {
  const name = typeof request === "string"
    ? request
    : Array.isArray(request)
    ? request[0]
    : (request as { type?: unknown } | null | undefined)?.type;
  return typeof name === "string" ? name : undefined;
}

/** Checks a declaration. Throws a `TypeError` if it is invalid. */
export function checkServerBeamTypes(types: unknown): void {
  const given = types as ServerBeamTypes;
  const doing = "declare the types of a GenServer";
  checkOptions(given, doing, TYPES, `{ ${Object.keys(TYPES).join(", ")} }`);
  const { replies = {}, ...each } = given;
  checkRecord(
    replies,
    "declare the replies of a GenServer",
    '{ replies: { pop: "atom" } }',
  );
  const declared = [...Object.values(each), ...Object.values(replies)];
  for (const type of declared) {
    checkBeamType(type);
    // The types of replies travel with the caller to other nodes, as text.
    if (type !== undefined) beamTypeToText(type);
  }
}
