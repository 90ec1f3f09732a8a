/**
 * The server of an agent: it runs functions on its state.
 *
 * A function for an agent of this node is stored in a table beside the agent's process, and the request contains its
 * key. A function for another node is named, and found there as for any request.
 */

import { UndefinedFunctionError } from "@otp/processes/errors";
import { atom } from "@otp/processes/values/atom";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import type { BeamFunctions } from "@otp/beam/functions/beam_functions";
import type { BeamType } from "@otp/processes/values/beam_types";
import {
  type CopyField,
  ServerRequest,
} from "@otp/processes/values/server_message";
import { BADARG, failCaller } from "../server/server.ts";
import {
  AGENT_ENCODING,
  AGENT_REQUESTS,
  agentReplyFromOtp,
  agentReplyToOtp,
  agentRequestToOtp,
  type AgentRequestType,
  OtpAgentRequest,
} from "@otp/beam/servers/agent_otp";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { inspect } from "@otp/processes/values/inspect";
import {
  type Resolved,
  spawnError,
} from "@otp/processes/remote/exported_modules";
import { Pid } from "@otp/processes/values/pid";
import { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type {
  Place,
  Runnable,
  SpawnFailure,
} from "@otp/processes/signals/signal";
import { andThen } from "@otp/processes/promises/promises";
import type { ForeignFunctions } from "@otp/processes/process/border";
import { copyTerm } from "@otp/processes/values/term";
import {
  type CallbackModule,
  OTP_ENCODING,
} from "../gen_server/gen_server_process.ts";
import { Call, Cast, isRunnable } from "../server/messages.ts";

/**
 * A function that an agent runs on its state: either a function value, or the name of a function that the
 * agent's node exports, with the arguments that follow the state.
 */
// deno-lint-ignore no-explicit-any
export type AgentFunction<S = any, R = unknown> =
  | ((state: S) => R | Promise<R>)
  | readonly [module: string, function: string, args?: readonly unknown[]];

/** A function in a request to an agent: stored for an agent of this node, named for another node. */
export type SentFunction = { kept: string } | Runnable;

/** A request to an agent. */
export interface AgentRequest {
  /** How the result of the function is used. */
  type: AgentRequestType;
  /** The function. */
  run: SentFunction;
}

/** A request as it is sent. */
export class SentAgentRequest extends ServerRequest implements AgentRequest {
  readonly type: AgentRequestType;
  readonly run: SentFunction;
  readonly #functions: BeamFunctions;

  /** Creates a request; `functions` names its function for a BEAM. */
  constructor(
    type: AgentRequestType,
    run: SentFunction,
    functions: ForeignFunctions | undefined,
  ) {
    super();
    this.type = type;
    this.run = run;
    this.#functions = functions as BeamFunctions;
  }

  override toOtp(): unknown {
    // A stored function is for an agent of this node.
    return "kept" in this.run
      ? super.toOtp()
      : agentRequestToOtp(this.type, this.run, this.#functions);
  }

  override fromOtp(reply: unknown): AgentReply {
    const { type, run } = this;
    return ok(
      "kept" in run
        ? reply
        : agentReplyFromOtp(type, reply, run, this.#functions),
    );
  }

  override kept(copy: CopyField, left: number, max: number): this {
    const run = copy(this.run, left, max) as SentFunction;
    return new SentAgentRequest(this.type, run, this.#functions) as this;
  }
}

/** A cast that travels as a call without a waiting caller; on the wire to a BEAM it is a cast. */
class AgentCast extends Call {
  override toOtp(): unknown {
    return new Cast(this.request).toOtp();
  }

  override kept(copy: CopyField, left: number, max: number): Call {
    const { request } = super.kept(copy, left, max) as Call;
    return new AgentCast(this.replyTo, request);
  }
}

/** Creates the message of a cast. A named function needs an authenticated sender, so it travels as a call. */
export function castMessage(
  run: SentFunction,
  { pid, runtime }: LocalProcess,
): Call | Cast {
  const request = new SentAgentRequest("cast", run, runtime.border?.functions);
  // No process waits for an answer under this reference.
  return "kept" in run
    ? new Cast(request)
    : new AgentCast(new ReplyTo(pid, runtime.makeRef()), request);
}

/** The answer of an agent: the result of the function, or why it was not run. */
export type AgentReply =
  | { type: "ok"; value: unknown }
  | Refused
  | typeof BADARG;

interface Refused {
  type: "error";
  reason: SpawnFailure;
  message: string;
}

type Run = (state: unknown) => unknown;

type Found = { run: Run } | Refused;

/** Functions stored for an agent of this program until the agent runs them, or is dead and collected. */
class Kept {
  static readonly #tables = new WeakMap<LocalProcess, Kept>();
  readonly #functions = new Map<string, Run>();
  /** A secret of this module, so that no other code can run stored functions. */
  readonly #secret = crypto.randomUUID();
  #last = 0;

  static of(process: LocalProcess): Kept {
    let table = Kept.#tables.get(process);
    if (table === undefined) Kept.#tables.set(process, table = new Kept());
    return table;
  }

  keep(fn: Run): string {
    const key = `${this.#secret}:${++this.#last}`;
    this.#functions.set(key, fn);
    return key;
  }

  take(key: string): Run | undefined {
    const fn = this.#functions.get(key);
    this.#functions.delete(key);
    return fn;
  }
}

/**
 * Returns a function as it is sent to an agent at `place`. Throws a `TypeError` if it cannot be run there, and an
 * `UndefinedFunctionError` if this node is to run the function, and does not export it.
 */
export function sendable(
  fn: AgentFunction,
  place: Place,
  { runtime }: LocalProcess,
): SentFunction {
  if (typeof fn !== "function" && !isNamed(fn)) {
    throw new TypeError(
      `Cannot have an agent run ${
        inspect(fn)
      }: give a function, or [module, function, args]`,
    );
  }
  if (place.node !== runtime.node) return described(fn, runtime);
  const process = place instanceof Pid ? runtime.find(place) : undefined;
  // A dead agent takes no function.
  if (process === undefined) return { kept: "" };
  return { kept: Kept.of(process).keep(runOf(fn, runtime)) };
}

function described(
  fn: AgentFunction,
  { modules }: LocalProcess["runtime"],
): Runnable {
  if (typeof fn === "function") return modules.describe(fn, [], false);
  const [module, name, args = []] = fn;
  return { module, function: name, args: [...args] };
}

function isNamed(fn: unknown): boolean {
  return Array.isArray(fn) && typeof fn[0] === "string" &&
    typeof fn[1] === "string" && (fn[2] === undefined || Array.isArray(fn[2]));
}

function runOf(fn: AgentFunction, runtime: LocalProcess["runtime"]): Run {
  if (typeof fn === "function") return fn;
  const [module, name, args = []] = copyTerm(fn, runtime.maxDepth) as typeof fn;
  const found = resolve(
    args,
    (args) => runtime.modules.resolve({ module, function: name, args }),
  );
  if ("run" in found) return found.run;
  throw new UndefinedFunctionError(
    `Cannot run the function in the agent: ${found.message}`,
  );
}

/** Makes a named function ready to run on the state; its arguments follow the state. */
function resolve(
  args: readonly unknown[],
  byArgs: (args: unknown[]) => Resolved,
): Found {
  // allow is asked once per request; the arguments are checked at the call.
  const all = [undefined, ...args];
  const found = byArgs(all);
  if ("error" in found) {
    return { type: "error", reason: found.error, message: found.message };
  }
  return {
    run(state) {
      all[0] = state;
      return found.fn();
    },
  };
}

/** Returns the value in an agent's answer, or throws the reason why the function was not run. */
export function valueOf(reply: unknown, node: string): unknown {
  const answer = reply as AgentReply;
  if (answer.type === "ok") return answer.value;
  if (answer.reason === "badarg") {
    throw new TypeError(
      `Cannot have an agent run it on ${node}: the agent does not know the request (another version of the package?)`,
    );
  }
  const { reason, message } = answer;
  throw spawnError(node, { error: reason, message }, "have an agent run it");
}

/** Returns the callback module of an agent with the first state that `init` returns. */
export function agentModule(init: () => unknown): CallbackModule {
  return { ...AGENT, init: async () => ({ type: "ok", state: await init() }) };
}

const AGENT = {
  name: "Agent",
  [OTP_ENCODING]: AGENT_ENCODING,

  handleCall(
    request: AgentRequest | OtpAgentRequest,
    caller: ReplyTo,
    state: unknown,
  ): unknown {
    if (request instanceof OtpAgentRequest) {
      return serveOtp(request, caller, state);
    }
    const { pid } = caller;
    const found = find(request, pid);
    if (!("run" in found)) {
      // The sender of a cast is not notified; the node has logged the refusal.
      return request?.type === "cast"
        ? { type: "noreply", state }
        : { type: "reply", reply: found, state };
    }
    return andThen(found.run(state), (given) => answer(request, given, state));
  },

  handleCast(request: AgentRequest | OtpAgentRequest, state: unknown): unknown {
    if (request instanceof OtpAgentRequest) {
      return serveOtp(request, undefined, state);
    }
    const run = keptFor(request);
    if (run !== undefined) {
      return andThen(run(state), (given) => answer(request, given, state));
    }
    // The request may have come from any process, and its sender is unknown.
    currentProcess().runtime.report("error", () => notServed(request), {
      what: "requests that an agent does not serve",
    });
    return { type: "noreply", state };
  },

  handleInfo(_message: unknown, state: unknown): unknown {
    return { type: "noreply", state };
  },
};

/** Serves a request of a BEAM. If the function cannot be run, the request fails for its caller, and the state stays. */
function serveOtp(
  request: OtpAgentRequest,
  caller: ReplyTo | undefined,
  state: unknown,
): unknown {
  const found = findOtp(request);
  if ("run" in found) {
    const { type } = request;
    const { run, types } = found;
    return andThen(
      run(state),
      (given) =>
        answer(
          request,
          pairOf(given, type),
          state,
          (type, given) => agentReplyToOtp(type, given, types),
        ),
    );
  }
  const process = currentProcess();
  if (caller !== undefined) failCaller(process, caller, found.reason);
  else {
    process.runtime.report(
      "error",
      () => `${notServed(request)}: ${inspect(found.reason)}`,
      { what: "requests that an agent does not serve" },
    );
  }
  return { type: "noreply", state };
}

/**
 * Returns the function that a BEAM requests, if the BEAM may have it run; otherwise the reason for the caller to exit.
 */
function findOtp({ mfa, node }: OtpAgentRequest):
  | { run: Run; types: BeamType | undefined }
  | { reason: unknown } {
  if (typeof mfa === "string") {
    return { reason: `Cannot ask the agent: ${mfa}` };
  }
  const { runtime } = currentProcess();
  const functions = runtime.border!.functions as BeamFunctions;
  const [module, name, args] = mfa;
  const target = functions.find(module, name);
  if (target === undefined || node === undefined) {
    // The reason with which a process of a BEAM exits when it calls an undefined function.
    const call = tuple(atom(module), atom(name), [undefined, ...args], []);
    return { reason: tuple(atom("undef"), [call]) };
  }
  const { args: [, ...own], ...run } = functions.requested([
    module,
    name,
    [undefined, ...args],
  ]);
  const found = resolve(
    own,
    (args) => runtime.resolve({ ...run, args } as Runnable, node, true),
  );
  return "run" in found
    ? { run: found.run, types: target.types?.returns }
    : { reason: found.message };
}

/** Converts a function's tuple of reply and state to an array. */
function pairOf(given: unknown, type: AgentRequestType): unknown {
  return type === "get_and_update" && given instanceof Tuple
    ? [...given.elements]
    : given;
}

function answer(
  { type }: Pick<AgentRequest, "type">,
  given: unknown,
  state: unknown,
  encode?: (type: AgentRequestType, given: unknown) => unknown,
): unknown {
  const reply = (value: unknown) =>
    encode === undefined ? ok(value) : encode(type, given);
  switch (type) {
    case "get":
      return { type: "reply", reply: reply(given), state };
    case "update":
      return { type: "reply", reply: reply("ok"), state: given };
    case "cast":
      return { type: "noreply", state: given };
    default:
      if (Array.isArray(given) && given.length === 2) {
        return { type: "reply", reply: reply(given[0]), state: given[1] };
      }
      return {
        type: "stop",
        reason: { type: "bad_return_value", value: given },
        state,
      };
  }
}

function ok(value: unknown): AgentReply {
  return { type: "ok", value };
}

/** Returns the function of a request, if the sender may have it run. */
function find(request: AgentRequest, from: Pid): Found | typeof BADARG {
  const kept = keptFor(request);
  if (kept !== undefined) return { run: kept };
  const { runtime } = currentProcess();
  // A process of this node never names a function: its functions are stored.
  if (from.node === runtime.node) throw new TypeError(notServed(request));
  if (AGENT_REQUESTS.has(request?.type) && isRunnable(request.run)) {
    const { run } = request;
    return resolve(
      run.args,
      (args) => runtime.resolve({ ...run, args }, from.node, true),
    );
  }
  return BADARG;
}

/** Returns the function that was stored for a request of this node. */
function keptFor(request: AgentRequest | null | undefined): Run | undefined {
  const run = request?.run;
  return typeof run === "object" && run !== null && "kept" in run
    ? Kept.of(currentProcess()).take(run.kept)
    : undefined;
}

function notServed(request: unknown): string {
  return `Cannot serve ${
    inspect(request)
  }: an agent is asked by the functions of Agent`;
}
