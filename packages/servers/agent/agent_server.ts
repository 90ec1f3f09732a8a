/**
 * The server of an agent: it runs functions on its state.
 *
 * A function for an agent of this node is stored in a table beside the agent's process, and the request contains its
 * key. A function for another node is named, and found there as for any request.
 */

import { UndefinedFunctionError } from "@otp/processes/errors";
import { Tuple } from "@otp/processes/values/tuple";
import { OwnRequest } from "@otp/processes/values/server_message";
import { BADARG, failCaller } from "../server/server.ts";
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
import { copyTerm } from "@otp/processes/values/term";
import {
  type CallbackModule,
  PROTOCOL,
} from "../gen_server/gen_server_process.ts";
import { Call, Cast, isRunnable } from "../server/messages.ts";
import { resolveFor } from "@otp/processes/spawning/spawn_requests";

/**
 * A function that an agent runs on its state: either a function value, or the name of a function that the
 * agent's node exports, with the arguments that follow the state.
 */
// deno-lint-ignore no-explicit-any
export type AgentFunction<S = any, R = unknown> =
  | ((state: S) => R | Promise<R>)
  | readonly [module: string, function: string, args?: readonly unknown[]];

/** A function in a request to an agent: stored for an agent of this node, named for another node. */
export type SentFunction = { stored: string } | Runnable;

/** How the result of a function is used. */
export type AgentRequestType = "get" | "update" | "get_and_update" | "cast";

/** The names of requests. */
export const AGENT_REQUESTS: ReadonlySet<unknown> = new Set<AgentRequestType>([
  "get",
  "update",
  "get_and_update",
  "cast",
]);

export interface AgentRequest {
  /** How the result of the function is used. */
  type: AgentRequestType;
  run: SentFunction;
}

/** A request of a node that the wire knows, even if it is a cast. No message from elsewhere is an instance. */
export class NodeRequest implements AgentRequest {
  readonly type: AgentRequestType;
  readonly run: Runnable;
  /** The node that asks. */
  readonly node: string;

  constructor(type: AgentRequestType, run: Runnable, node: string) {
    this.type = type;
    this.run = run;
    this.node = node;
  }
}

const NAME = "Agent";

/** Creates a request as it is sent. */
export function agentRequest(
  type: AgentRequestType,
  run: SentFunction,
): OwnRequest {
  return new OwnRequest({ type, run } as AgentRequest, NAME);
}

/** Creates the message of a cast. A named function needs an authenticated sender, so it travels as a call. */
export function castMessage(
  run: SentFunction,
  { pid, runtime }: LocalProcess,
): Call | Cast {
  const request = agentRequest("cast", run);
  // No process waits for an answer under this reference.
  return "stored" in run
    ? new Cast(request)
    : new Call(new ReplyTo(pid, runtime.makeRef()), request);
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
class StoredFunctions {
  static readonly #tables = new WeakMap<LocalProcess, StoredFunctions>();
  readonly #functions = new Map<string, Run>();
  /** A secret of this module, so that no other code can run stored functions. */
  readonly #secret = crypto.randomUUID();
  #last = 0;

  static of(process: LocalProcess): StoredFunctions {
    let table = StoredFunctions.#tables.get(process);
    if (table === undefined) {
      StoredFunctions.#tables.set(process, table = new StoredFunctions());
    }
    return table;
  }

  add(fn: Run): string {
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
  if (process === undefined) return { stored: "" };
  return { stored: StoredFunctions.of(process).add(runOf(fn, runtime)) };
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
  name: NAME,
  [PROTOCOL]: NAME,

  handleCall(
    request: AgentRequest,
    caller: ReplyTo,
    state: unknown,
  ): unknown {
    const found = find(request, caller.node);
    if ("run" in found) {
      return andThen(
        found.run(state),
        (given) => answer(request, given, state),
      );
    }
    // The sender of a cast is not notified; the node has logged the refusal.
    if (request?.type === "cast") return { type: "noreply", state };
    if (!(request instanceof NodeRequest)) {
      return { type: "reply", reply: found, state };
    }
    failCaller(currentProcess(), caller, (found as Refused).message);
    return { type: "noreply", state };
  },

  handleCast(request: AgentRequest, state: unknown): unknown {
    const run = request instanceof NodeRequest
      ? find(request, request.node)
      : storedFor(request);
    if (run !== undefined && "run" in run) {
      return andThen(run.run(state), (given) => answer(request, given, state));
    }
    // The request may have come from any process, and its sender is unknown.
    currentProcess().runtime.log.report("error", () => notServed(request), {
      what: "requests that an agent does not serve",
    });
    return { type: "noreply", state };
  },

  handleInfo(_message: unknown, state: unknown): unknown {
    return { type: "noreply", state };
  },
};

function answer(
  request: AgentRequest,
  given: unknown,
  state: unknown,
): unknown {
  switch (request.type) {
    case "get":
      return { type: "reply", reply: ok(given), state };
    case "update":
      return { type: "reply", reply: ok("ok"), state: given };
    case "cast":
      return { type: "noreply", state: given };
  }
  // A function that another library names may return a tuple, as functions there do.
  const pair = request instanceof NodeRequest && given instanceof Tuple
    ? given.elements
    : given;
  return Array.isArray(pair) && pair.length === 2
    ? { type: "reply", reply: ok(pair[0]), state: pair[1] }
    : {
      type: "stop",
      reason: { type: "bad_return_value", value: given },
      state,
    };
}

function ok(value: unknown): AgentReply {
  return { type: "ok", value };
}

/** Returns the function of a request, if the sender may have it run. */
function find(request: AgentRequest, node: string): Found | typeof BADARG {
  const stored = storedFor(request);
  if (stored !== undefined) return stored;
  const { runtime } = currentProcess();
  // A process of this node never names a function: its functions are stored.
  if (node === runtime.node) throw new TypeError(notServed(request));
  if (AGENT_REQUESTS.has(request?.type) && isRunnable(request.run)) {
    const { run } = request;
    return resolve(
      run.args,
      (args) => resolveFor(runtime, { ...run, args }, node, "resolveWithin"),
    );
  }
  return BADARG;
}

/** Returns the function that was stored for a request of this node. */
function storedFor(
  request: AgentRequest | null | undefined,
): { run: Run } | undefined {
  const run = request?.run;
  if (typeof run !== "object" || run === null || !("stored" in run)) {
    return undefined;
  }
  const fn = StoredFunctions.of(currentProcess()).take(run.stored);
  return fn && { run: fn };
}

function notServed(request: unknown): string {
  return `Cannot serve ${
    inspect(request)
  }: an agent is asked by the functions of Agent`;
}
