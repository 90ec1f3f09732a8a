/** The protocol of one server of the library: how OTP encodes its requests and replies. */

import type { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { BeamFunctions } from "../functions/beam_functions.ts";

/** The name of a request to a server of the library, which its other fields follow. */
export interface AnyRequest {
  readonly type: string;
}

/** How OTP encodes the requests to one server, and its replies. Without a function for them, they stay as they are. */
export interface ServerProtocol {
  /**
   * Encodes a request of the process `from` for a server of OTP; returns `undefined` if OTP has no such request. Throws a
   * `TypeError` if its function has no name there.
   */
  encodeRequest(
    request: AnyRequest,
    functions: Pick<BeamFunctions, "called">,
    from?: Pid,
  ): unknown;
  /** Whether a request travels as a call only between nodes of this library: OTP casts it. */
  isCast?(request: AnyRequest): boolean;
  /** Decodes the reply of a server of OTP. */
  decodeReply?(
    request: AnyRequest,
    term: unknown,
    functions: BeamFunctions,
  ): unknown;
  /**
   * Decodes a request of a BEAM to a server of this node.
   *
   * @param caller The caller, unless the request is a cast.
   * @param origin The node that sent a cast, if it is known.
   * @throws {ExitError} If the request cannot be served, with the reason for its caller.
   */
  decodeRequest?(
    term: unknown,
    functions: BeamFunctions,
    caller: ReplyTo | undefined,
    origin: string | undefined,
  ): unknown;
  /** Encodes the reply of a server of this node. */
  encodeReply?(
    request: unknown,
    reply: unknown,
    functions: BeamFunctions,
  ): unknown;
}
