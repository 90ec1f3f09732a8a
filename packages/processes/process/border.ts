/**
 * The border of a node to nodes of another library, whose functions and terms have other forms.
 *
 * The package that speaks their wire fills this slot of a runtime. A node without it speaks with nodes of this library
 * only.
 */

import type { Mfa, Runnable } from "../signals/signal.ts";
import type { BeamType, ServerBeamTypes } from "../values/beam_types.ts";
import type { Pid } from "../values/pid.ts";
import type { ReplyTo } from "../values/reply_to.ts";
import type { ProcessInfo } from "../values/process_info.ts";

/** How nodes of another library name the functions of this node, and this node theirs. */
export interface ForeignFunctions {
  /** Returns the request for the function that such a node names. */
  requested(mfa: Mfa): Runnable;
  /**
   * Names a request's function for such a node. Throws a `TypeError` if it cannot run the function; the message
   * names an alternative.
   */
  called(run: Runnable): Mfa;
  /** Decodes the result of a function that ran on such a node. */
  result(value: unknown, run: Runnable): unknown;
  /** Sets the function that names requests to a service of this library. */
  encode(
    service: string,
    called: (run: { function: string; args: unknown[] }) => Mfa,
  ): void;
  /** Serves a function of another library, `module:function/arity`, by a function of this one. */
  serve(mfa: string, run: (args: unknown[]) => Runnable): void;
}

/** The conversions between this node and nodes of another library. */
export interface Border {
  readonly functions: ForeignFunctions;
  /**
   * Decodes a request of such a node to a server of this node, and sets how the reply to its caller is encoded.
   *
   * @param protocol The name of a protocol, or the types that a program declares for its server.
   * @param term The request.
   * @param caller The caller, unless the request is a cast.
   * @param origin The node that sent a cast, if it is known.
   * @throws {ExitError} If the request cannot be served, with the reason for its caller.
   */
  request(
    protocol: string | ServerBeamTypes,
    term: unknown,
    caller: ReplyTo | undefined,
    origin: string | undefined,
  ): unknown;
  /** Decodes the reply of a server there to a request, by the type that is declared for the reply, if any. */
  reply(request: unknown, term: unknown, type: BeamType | undefined): unknown;
  /** Decodes a message of a declared type. */
  message(term: unknown, type: BeamType): unknown;
  /** Decodes the information on a process there; `undefined` if the process is not alive. */
  processInfo(pid: Pid, value: unknown): ProcessInfo | undefined;
}
