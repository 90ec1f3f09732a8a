/**
 * Agents on a BEAM: OTP's encoding of requests to them.
 *
 * Elixir's `Agent` calls `{get, Fun}`, `{update, Fun}` and `{get_and_update, Fun}`, and casts `{cast, Fun}`. `Fun` is
 * a function, or `{Module, Function, Args}`, which is called with the state before the arguments. Only named
 * functions cross between the two libraries; a captured function, `&Module.function/1`, counts as named.
 */

import { Atom, atom } from "@otp/processes/values/atom";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import type { BeamFunctions } from "../functions/beam_functions.ts";
import { toBeam } from "../terms/conversions.ts";
import type { Mfa, Runnable } from "@otp/processes/signals/signal";
import type { OtpEncoding } from "@otp/servers/server/server";

/** How the result of a function is used. */
export type AgentRequestType = "get" | "update" | "get_and_update" | "cast";

/** The names of requests. */
export const AGENT_REQUESTS: ReadonlySet<unknown> = new Set<AgentRequestType>([
  "get",
  "update",
  "get_and_update",
  "cast",
]);

const OK = atom("ok");

/** Encodes a request to an agent in Elixir. */
export function agentRequestToOtp(
  type: string,
  run: Runnable,
  functions: BeamFunctions,
): Tuple {
  const [module, name, [, ...args]] = functions.called(
    // The state comes before the arguments.
    "module" in run ? { ...run, args: [undefined, ...run.args] } : run,
  );
  return tuple(atom(type), tuple(atom(module), atom(name), args));
}

/** Decodes the reply of an agent in Elixir. */
export function agentReplyFromOtp(
  type: string,
  reply: unknown,
  run: Runnable,
  functions: BeamFunctions,
): unknown {
  if (type === "update") return reply === OK ? "ok" : reply;
  if (type === "get") return functions.result(reply, run);
  // The type declared for the function covers the whole pair of result and state.
  const pair = functions.result(tuple(reply, undefined), run);
  return pair instanceof Tuple ? pair.elements[0] : (pair as unknown[])[0];
}

/** A request of a BEAM to an agent of this node. No message from elsewhere is an instance. */
export class OtpAgentRequest {
  /** How the result is used. */
  readonly type: AgentRequestType;
  /** The function, without the state; a text if it cannot be run. */
  readonly mfa: Mfa | string;
  /** The node that asks. */
  readonly node: string | undefined;

  constructor(
    type: AgentRequestType,
    mfa: Mfa | string,
    node: string | undefined,
  ) {
    this.type = type;
    this.mfa = mfa;
    this.node = node;
  }
}

/** A reply to a BEAM. */
export class OtpAgentReply {
  /** The reply in OTP's encoding. */
  readonly term: unknown;

  constructor(term: unknown) {
    this.term = term;
  }
}

/** OTP's encoding of an agent's requests. */
export const AGENT_ENCODING: OtpEncoding = {
  request(term, caller, origin) {
    if (!(term instanceof Tuple) || term.length !== 2) return term;
    const [type, run] = term.elements;
    if (!(type instanceof Atom) || !AGENT_REQUESTS.has(type.name)) return term;
    return new OtpAgentRequest(
      type.name as AgentRequestType,
      mfaOf(run),
      caller?.node ?? origin,
    );
  },
  reply: (_request, reply) =>
    reply instanceof OtpAgentReply ? reply.term : reply,
};

function mfaOf(run: unknown): Mfa | string {
  if (run instanceof ExternalFunction) {
    return run.arity === 1
      ? [run.module, run.function, []]
      : `an agent calls a function of arity 1, not ${run.arity}`;
  }
  if (run instanceof LocalFunction) {
    return "a function of the BEAM cannot run here; give module, function and arguments, as in Agent.get(agent, Counter, :read, [])";
  }
  const [module, name, args] = run instanceof Tuple ? run.elements : [];
  return module instanceof Atom && name instanceof Atom && Array.isArray(args)
    ? [module.name, name.name, args]
    : "it has no function";
}

/** Encodes the result of a function for the caller on a BEAM. */
export function agentReplyToOtp(
  type: AgentRequestType,
  result: unknown,
  types: Parameters<typeof toBeam>[1],
): OtpAgentReply {
  if (type === "update") return new OtpAgentReply(OK);
  if (type === "get") return new OtpAgentReply(toBeam(result, types));
  const pair = toBeam(result, types);
  return new OtpAgentReply(
    (pair instanceof Tuple ? pair.elements : pair as unknown[])[0],
  );
}
