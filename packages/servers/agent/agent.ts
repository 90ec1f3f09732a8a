/**
 * Agents: processes that hold a state and run functions on it.
 *
 * Each function follows the function of the same name in Elixir's [Agent](https://hexdocs.pm/elixir/1.18/Agent.html):
 * `getAndUpdate` is `get_and_update`.
 *
 * @module
 */

import {
  type AgentFunction,
  agentModule,
  type AgentRequest,
  agentRequest,
  castMessage,
  sendable,
  valueOf,
} from "./agent_server.ts";
import {
  CANCEL_OPTIONS,
  type CancelOptions,
  locateUntil,
  TIME_LIMITS,
} from "../server/cancellation.ts";
import {
  callExit,
  describeFunction,
  describeServer,
  describeTimeout,
  locateForCast,
  sendTo,
  type ServerName,
  type ServerRef,
  serverRef,
  toSendLater,
  whenLocated,
} from "../server/server_ref.ts";
import type { Mfa, Place } from "@otp/processes/signals/signal";
import {
  mayBeLeft,
  sent,
  startCall,
  timeoutOf,
  tracedCall,
} from "../server/call.ts";
import {
  checkChild,
  CHILD_OPTIONS,
  type ChildSpec,
} from "../server/child_spec.ts";
import {
  genServerChild,
  startGenServer,
} from "../gen_server/gen_server_process.ts";
import { stopServer } from "../server/stop.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { promised } from "@otp/processes/promises/promises";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { OptionChecks } from "@otp/processes/values/options";
import { checkOptions } from "@otp/processes/values/check_arguments";
import {
  SERVER_START_OPTIONS,
  type ServerStartOptions,
} from "../server/start.ts";

export type {
  AlreadyStartedReason,
  ServerStartOptions,
} from "../server/start.ts";
export type { NameOnNode, NameRegistry } from "../server/server_ref.ts";
export type { AgentFunction };
export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
} from "../server/child_spec.ts";

export type { CancelOptions, ChildSpec, ServerName, ServerRef };

// The key of a property that only types have: completion does not show it.
/** @ignore */
declare const holds: unique symbol;

/**
 * Carries the type of an agent's state.
 *
 * @ignore
 */
export interface Holds<S> {
  /**
   * Never set: it keeps S in declarations.
   *
   * @ignore
   */
  readonly [holds]?: S;
}

/** The pid of an agent whose state's type is known. */
export type AgentPid<S> = Pid & Holds<S>;

/** A reference to an agent: its pid, or its name on this node, on another node, in a registry, or in the cluster. */
export type AgentRef<S> = (ServerRef & Holds<S>) | ServerRef;

/** Options for {@linkcode Agent.start} and {@linkcode Agent.startLink}. */
export interface AgentOptions extends ServerStartOptions {}

const START_OPTIONS: OptionChecks<AgentOptions & CancelOptions> = {
  ...SERVER_START_OPTIONS,
  ...CANCEL_OPTIONS,
};

/** Options for {@linkcode Agent.childSpec}. */
export interface AgentChildOptions
  extends AgentOptions, Partial<Omit<ChildSpec, "start">> {}

const AGENT_CHILD_OPTIONS: OptionChecks<AgentChildOptions> = {
  ...SERVER_START_OPTIONS,
  ...CHILD_OPTIONS,
};

/** The child specification of an agent, as returned by {@linkcode Agent.childSpec}. */
export interface AgentChildSpec<S> extends ChildSpec {
  /** Starts the agent, linked to the supervisor. */
  start: () => Promise<AgentPid<S>>;
}

/** Options for {@linkcode Agent.get}, {@linkcode Agent.update} and {@linkcode Agent.getAndUpdate}. */
export interface AgentCallOptions extends CancelOptions {
  /**
   * Milliseconds to wait; `Infinity` waits for ever.
   *
   * @default {5000}
   */
  timeout?: number;
}

/**
 * Starts agents and runs functions on their state.
 *
 * An agent runs one function at a time, in the order of the requests. The caller receives a copy of the result, but the
 * function itself works on the state and not on a copy: a function passed to {@linkcode Agent.get} must not modify it.
 * A function may be asynchronous; the agent handles no other request until it has finished. An expensive function
 * therefore blocks all other callers: if that matters, get the data that you need and do the work in the caller.
 *
 * A function that throws ends the agent, and the caller exits with the thrown value. A caller also exits if
 * the agent does not exist, its node is down, or the timeout expires, as it does from
 * {@link https://hexdocs.pm/elixir/1.18/GenServer.html#call/3 | GenServer.call}; after a timeout the function
 * may still run.
 *
 * Functions are not sent between nodes: an agent on another node runs functions that its node exports. Pass
 * the function itself if this node exports it under the same name, or `[module, function, args]`. The agent's
 * node decides which functions may run, as for `Node.spawn`.
 */
export class Agent {
  private constructor() {}

  /**
   * Starts an agent, linked to the caller.
   *
   * @param init Returns the first state; it runs in the agent's process. The promise resolves when it has finished.
   * @throws {ExitError} If `init` throws, with the thrown value; if the start takes too long, with `"timeout"`; if
   *   the name is taken, with `{ type: "already_started", pid }`.
   * @throws The signal's reason, if the signal is aborted. As after a timeout, the agent is killed and its name
   *   released; a name in the cluster is released once the nodes that hold it answer.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { assertEquals } from "@std/assert";
   *
   * await Agent.startLink(() => 42, { name: "Answer" });
   * assertEquals(await Agent.get("Answer", (answer) => answer), 42);
   * ```
   */
  static startLink<S>(
    init: () => S | Promise<S>,
    options: AgentOptions & CancelOptions = {},
  ): Promise<AgentPid<S>> {
    return startAgent(init, options, true);
  }

  /**
   * Starts an agent without a link.
   *
   * Otherwise like {@linkcode Agent.startLink}.
   *
   * @param init Returns the first state; it runs in the agent's process.
   * @throws {ExitError} If the agent does not start, with the reason.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   *
   * await Agent.start(() => new Map<string, number>());
   * ```
   */
  static start<S>(
    init: () => S | Promise<S>,
    options: AgentOptions & CancelOptions = {},
  ): Promise<AgentPid<S>> {
    return startAgent(init, options, false);
  }

  /**
   * Returns the child specification of an agent. In a list of children, `[Agent, init]` is a shorthand if no options
   * are needed.
   *
   * @param init Returns the first state, at each start.
   * @param options The name, and overrides of the specification. The default id is the name, or `"Agent"`.
   *
   * @example Usage
   * ```ts
   * import { Agent, Supervisor } from "@otp/distribution";
   *
   * await Supervisor.startLink(
   *   [[Agent, () => 0], Agent.childSpec(() => [], { name: "Log", restart: "transient" })],
   *   { strategy: "one_for_one" },
   * );
   * ```
   */
  static childSpec<S>(
    init: () => S | Promise<S>,
    options: AgentChildOptions = {},
  ): AgentChildSpec<S> {
    checkStart(options, AGENT_CHILD_OPTIONS);
    const module = agentModule(checkInit(init));
    const spec = genServerChild(module, undefined, options);
    checkChild(spec);
    return spec as AgentChildSpec<S>;
  }

  /**
   * Adds the type of the state to an agent's pid or name, so that the functions passed to the agent are type-checked.
   *
   * @returns The same value.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   *
   * const hits = Agent.ref<{ count: number }>("Hits");
   * // @ts-expect-error: the state has no such field
   * const size = () => Agent.get(hits, (state) => state.size);
   * ```
   */
  static ref<S>(agent: ServerRef): ServerRef & Holds<S> {
    serverRef(agent);
    return agent;
  }

  /**
   * Returns the result of a function of the state.
   *
   * @returns A copy of the result.
   * @throws The reason of the signal, if it is aborted before the agent has answered; the function may still run.
   * @throws {ExitError} If the function throws, the agent does not exist, its node is down, or the timeout expires.
   * @throws {UndefinedFunctionError} If the agent's node does not export the function.
   * @throws {SpawnRefusedError} If the agent's node refuses it; its `code` is the reason.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { assertEquals } from "@std/assert";
   *
   * const agent = await Agent.startLink(() => ["a", "b"]);
   * assertEquals(await Agent.get(agent, (list) => list.length), 2);
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static get<S = any, R = any>(
    agent: AgentRef<S>,
    fn: AgentFunction<NoInfer<S>, R>,
    options: AgentCallOptions = {},
  ): Promise<R> {
    return ask(agent, "get", fn, options);
  }

  /**
   * Updates the state with a function.
   *
   * @returns `"ok"` once the state is updated.
   * @throws The errors of {@linkcode Agent.get}.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { assertEquals } from "@std/assert";
   *
   * const agent = await Agent.startLink(() => 1);
   * assertEquals(await Agent.update(agent, (n) => n + 1), "ok");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static update<S = any>(
    agent: AgentRef<S>,
    fn: AgentFunction<NoInfer<S>, NoInfer<S>>,
    options: AgentCallOptions = {},
  ): Promise<"ok"> {
    return ask(agent, "update", fn, options);
  }

  /**
   * Updates the state with a function, and returns a second value that the function computes.
   *
   * If the function does not return a pair, the agent exits with `{ type: "bad_return_value", value }`.
   *
   * @param fn Returns `[result for the caller, next state]`.
   * @returns A copy of the first element of the pair.
   * @throws The errors of {@linkcode Agent.get}.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { assertEquals } from "@std/assert";
   *
   * const agent = await Agent.startLink(() => ["a", "b"]);
   * const first = await Agent.getAndUpdate(agent, ([head, ...tail]) => [head, tail]);
   * assertEquals(first, "a");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static getAndUpdate<S = any, R = any>(
    agent: AgentRef<S>,
    fn: AgentFunction<NoInfer<S>, readonly [R, NoInfer<S>]>,
    options: AgentCallOptions = {},
  ): Promise<R> {
    return ask(agent, "get_and_update", fn, options);
  }

  /**
   * Updates the state with a function, without waiting for it.
   *
   * It returns `"ok"` even if the agent does not exist, or its node refuses the function.
   *
   * @returns `"ok"`; as a promise while the connection's buffer is full, or while the registry that holds the
   *   agent's name is slow to answer.
   * @throws {TypeError} If `fn` is not a function, or the agent's node cannot be given a name for it.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { assertEquals } from "@std/assert";
   *
   * const agent = await Agent.startLink(() => 1);
   * assertEquals(Agent.cast(agent, (n) => n + 1), "ok");
   * assertEquals(await Agent.get(agent, (n) => n), 2);
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static cast<S = any>(
    agent: AgentRef<S>,
    fn: AgentFunction<NoInfer<S>, NoInfer<S>>,
  ): "ok" | Promise<"ok"> {
    const process = currentProcess();
    const place = locateForCast(agent, process);
    const held = typeof fn === "function"
      ? fn
      : toSendLater(place, process, fn);
    const sent = whenLocated(
      place,
      process,
      (place) => castTo(process, place, held),
    );
    return sent === "ok" ? sent : mayBeLeft(sent);
  }

  /**
   * Stops an agent and waits until it has exited.
   *
   * @param timeout The timeout in milliseconds.
   * @throws {ExitError} If the agent does not exist, its node is down, or it does not exit in time.
   *
   * @example Usage
   * ```ts
   * import { Agent } from "@otp/distribution/agent";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Agent.stop(await Agent.startLink(() => 0)), "ok");
   * ```
   */
  static stop(
    agent: ServerRef,
    reason: unknown = "normal",
    timeout: number = Infinity,
  ): Promise<"ok"> {
    return stopServer(agent, reason, timeout);
  }
}

function startAgent(
  init: () => unknown,
  options: AgentOptions & CancelOptions,
  link: boolean,
): Promise<Pid> {
  return promised(() => {
    checkStart(options, START_OPTIONS);
    const module = agentModule(checkInit(init));
    return startGenServer(module, undefined, { ...options, link });
  });
}

function ask<T>(
  agent: ServerRef,
  type: AgentRequest["type"],
  fn: AgentFunction,
  options: AgentCallOptions,
): Promise<T> {
  return promised(() => {
    const timeout = timeoutOf(options, 5000, "ask an agent", TIME_LIMITS);
    const process = waitingProcess();
    if (process === undefined) return never();
    const { signal, deadline } = options;
    const as = () => callOf(agent, type, fn, timeout);
    const late = () => callExit("timeout", as());
    const located = locateUntil(agent, process, options, late);
    const held = typeof fn === "function"
      ? fn
      : toSendLater(located, process, fn);
    const askAt = (place: Place): Promise<T> => {
      // Checked before a function is stored for the agent: a stored function waits for a request.
      signal?.throwIfAborted();
      const run = sendable(held, place, process);
      const request = agentRequest(type, run);
      return startCall<T>(process, place, request, {
        timeout,
        signal,
        deadline,
        as,
        read: (reply) => valueOf(reply, place.node) as T,
      }).promise;
    };
    return tracedCall(
      as,
      () => whenLocated(located, process, askAt) as Promise<T>,
    );
  });
}

function castTo(
  process: LocalProcess,
  place: Place,
  fn: AgentFunction,
): "ok" | Promise<"ok"> {
  const message = castMessage(sendable(fn, place, process), process);
  return sent(sendTo(process, place, message));
}

function callOf(
  agent: ServerRef,
  type: string,
  fn: AgentFunction,
  timeout: number,
): Mfa {
  const args = [
    describeServer(agent),
    describeFunction(fn),
    describeTimeout(timeout),
  ];
  return ["Agent", type === "get_and_update" ? "getAndUpdate" : type, args];
}

function checkInit<S>(init: () => S): () => S {
  if (typeof init === "function") return init;
  throw new TypeError(
    `Cannot start an agent with ${
      inspect(init)
    }: give a function that makes the first state`,
  );
}

function checkStart<O extends AgentOptions & CancelOptions>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): void {
  checkOptions(options, "start an agent", checks, '{ name: "Agent" }');
}
