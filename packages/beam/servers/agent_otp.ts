/**
 * Agents on a BEAM: OTP's encoding of requests to them.
 *
 * Elixir's `Agent` calls `{get, Fun}`, `{update, Fun}` and `{get_and_update, Fun}`, and casts `{cast, Fun}`. `Fun` is
 * a function, or `{Module, Function, Args}`, which is called with the state before the arguments. Only named
 * functions cross between the two libraries; a captured function, `&Module.function/1`, counts as named.
 */

import {
  AGENT_REQUESTS,
  type AgentReply,
  type AgentRequest,
  type AgentRequestType,
  NodeRequest,
} from "@otp/servers/agent/agent_server";
import { ExitError } from "@otp/processes/errors";
import type { Mfa, Runnable } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { toBeam } from "../terms/conversions.ts";
import type { ServerProtocol } from "./protocol.ts";

const OK = atom("ok");

export const AGENT_PROTOCOL: ServerProtocol = {
  encodeRequest(request, functions) {
    const { type, run } = request as AgentRequest;
    const named = run as Runnable;
    const [module, name, [, ...args]] = functions.called(
      // The state comes before the arguments.
      "module" in named
        ? { ...named, args: [undefined, ...named.args] }
        : named,
    );
    return tuple(atom(type), tuple(atom(module), atom(name), args));
  },

  // A named function needs an authenticated sender, so nodes of this library send it by a call.
  isCast: ({ type }) => type === "cast",

  decodeReply(request, term, functions) {
    const { type, run } = request as AgentRequest;
    let value: unknown = term;
    if (type === "update") value = term === OK ? "ok" : term;
    else if (type === "get") value = functions.result(term, run as Runnable);
    else {
      // The type declared for the function covers the whole pair of result and state.
      const pair = tuple(term, undefined);
      value = firstOf(functions.result(pair, run as Runnable));
    }
    return { type: "ok", value };
  },

  decodeRequest(term, functions, caller, origin) {
    if (!(term instanceof Tuple) || term.length !== 2) return term;
    const [type, given] = term.elements;
    if (!(type instanceof Atom) || !AGENT_REQUESTS.has(type.name)) return term;
    const [module, name, args] = mfaOf(given);
    const mfa: Mfa = [module, name, [undefined, ...args]];
    const node = caller?.node ?? origin;
    if (node === undefined || functions.find(module, name) === undefined) {
      // The reason with which a process of a BEAM exits when it calls an undefined function.
      const call = tuple(atom(module), atom(name), mfa[2], []);
      throw new ExitError(tuple(atom("undef"), [call]));
    }
    const run = functions.requested(mfa);
    return new NodeRequest(
      type.name as AgentRequestType,
      { ...run, args: run.args.slice(1) },
      node,
    );
  },

  encodeReply(request, given, functions) {
    if (!(request instanceof NodeRequest)) return given;
    const { value } = given as AgentReply & { type: "ok" };
    if (request.type === "update") return OK;
    const types = functions.typesOf(request.run)?.returns;
    return request.type === "get"
      ? toBeam(value, types)
      : firstOf(toBeam([value, undefined], types));
  },
};

/** Returns the function, without the state. Throws an `ExitError` if it cannot be run here. */
function mfaOf(run: unknown): Mfa {
  const [module, name, args] = run instanceof Tuple
    ? run.elements
    : run instanceof ExternalFunction && run.arity === 1
    ? [atom(run.module), atom(run.function), []]
    : [];
  if (module instanceof Atom && name instanceof Atom && Array.isArray(args)) {
    return [module.name, name.name, args];
  }
  const why = run instanceof ExternalFunction
    ? `an agent calls a function of arity 1, not ${run.arity}`
    : run instanceof LocalFunction
    ? "a function of the BEAM cannot run here; give module, function and arguments, as in Agent.get(agent, Counter, :read, [])"
    : "it has no function";
  throw new ExitError(`Cannot ask the agent: ${why}`);
}

function firstOf(pair: unknown): unknown {
  return (pair instanceof Tuple ? pair.elements : pair as unknown[])[0];
}
