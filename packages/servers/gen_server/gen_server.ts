/**
 * Servers: processes that hold a state, and handle calls and casts one at a time.
 *
 * Each function follows the function of the same name in Elixir's
 * [GenServer](https://hexdocs.pm/elixir/1.18/GenServer.html): `multiCall` is `multi_call`.
 *
 * @module
 */

import type {
  BeamFieldsOf,
  BeamType,
  BeamTypeOf,
} from "@otp/processes/values/beam_types";
import {
  callTypes,
  checkServerBeamTypes,
  type RequestTypes,
  type ServerBeamTypes,
} from "@otp/processes/values/beam_types";
import { ExitError } from "@otp/processes/errors";
import type { DownMessage, ExitMessage } from "@otp/processes/process";
import {
  callWithData,
  cast,
  type RequestOptions,
  sent,
  startCallWithData,
  timeoutOf,
} from "../server/call.ts";
import {
  CANCEL_OPTIONS,
  type CancelOptions,
  NO_OPTIONS,
  TIME_LIMITS,
  type TimeLimits,
} from "../server/cancellation.ts";
import {
  DeclaredRef,
  describeServer,
  describeTimeout,
  locate,
  type NameOnNode,
  type ServerName,
  type ServerRef,
  serverRef,
} from "../server/server_ref.ts";
import type { Mfa, Place } from "@otp/processes/signals/signal";
import {
  checkChild,
  CHILD_OPTIONS,
  type ChildSpec,
} from "../server/child_spec.ts";
import { genServerChild, startGenServer } from "./gen_server_process.ts";
import { Cast } from "../server/messages.ts";
import { stopServer } from "../server/stop.ts";
import { ARRAY, checkOptions } from "@otp/processes/values/check_arguments";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { promised } from "@otp/processes/promises/promises";
import { inspect } from "@otp/processes/values/inspect";
import { Pid, type Ref } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { remoteNameOf } from "@otp/processes/values/beam_names";
import { ReplyTo, replyToOf } from "@otp/processes/values/reply_to";
import { Tuple } from "@otp/processes/values/tuple";
import type { OptionChecks } from "@otp/processes/values/options";
import {
  SERVER_START_OPTIONS,
  type ServerStartOptions,
} from "../server/start.ts";

export type { DownMessage } from "@otp/processes/kernel";
export type { Atom } from "@otp/processes/values/atom";
export type { ExitMessage } from "@otp/processes/values/exit_message";
export type { Pid, Ref } from "@otp/processes/values/pid";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
} from "../server/child_spec.ts";

export type {
  AlreadyStartedReason,
  ServerStartOptions,
} from "../server/start.ts";
export type { NameRegistry } from "../server/server_ref.ts";
export type {
  BeamFieldsOf,
  BeamType,
  BeamTypeOf,
  CancelOptions,
  ChildSpec,
  NameOnNode,
  ServerName,
  ServerRef,
  TimeLimits,
};

/**
 * The types of a server. Declare a property for each kind of message that the server handles: a cast to a server
 * without the property `cast` does not compile.
 *
 * @example Usage
 * ```ts
 * import type { GenServerModule } from "@otp/distribution/gen-server";
 *
 * interface CounterTypes {
 *   arg: number;
 *   state: number;
 *   call: ["read", number] | [{ type: "add"; by: number }, "ok"];
 *   info: "tick";
 * }
 *
 * const Counter: GenServerModule<CounterTypes> = {
 *   init: (start) => ({ type: "ok", state: start }),
 *   handleCall: {
 *     read: (_request, _from, count) => ({ type: "reply", reply: count, state: count }),
 *     add: ({ by }, _from, count) => ({ type: "reply", reply: "ok", state: count + by }),
 *   },
 *   handleInfo: (message, count) => ({
 *     type: "noreply",
 *     state: message === "tick" ? count + 1 : count,
 *   }),
 * };
 * ```
 */
export interface GenServerTypes {
  /** The argument of `init`. */
  arg?: unknown;
  /** The type of the server's state. */
  state?: unknown;
  /** The calls, each as a pair: `[request, reply] | [request, reply]`. */
  call?: [request: unknown, reply: unknown];
  /** The type of the casts that the server accepts. */
  cast?: unknown;
  /** The plain messages that the server receives, besides system messages. */
  info?: unknown;
  /** The argument of `handleContinue`. */
  continue?: unknown;
  /** `true` if `init` may return `"ignore"`; then starting the server may return it as well. */
  ignore?: boolean;
}

/**
 * A value, or a promise of it.
 *
 * @ignore
 */
export type MaybePromise<V> = V | Promise<V>;

/**
 * A value to send: it is copied, so it may be `readonly`.
 *
 * @ignore
 */
export type AsSent<V> = V extends
  | Atom
  | Date
  | Error
  | Pid
  | Ref
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBuffer
  | ArrayBufferView ? V
  : V extends object ? { readonly [K in keyof V]: AsSent<V[K]> }
  : V;

/**
 * The argument of a server's `init`.
 *
 * @ignore
 */
export type ArgOf<T> = T extends { arg: unknown } ? T["arg"] : unknown;

/**
 * A server's state.
 *
 * @ignore
 */
export type StateOf<T> = T extends { state: unknown } ? T["state"] : unknown;

/**
 * The requests that a server handles.
 *
 * @ignore
 */
export type RequestOf<T> = T extends { call: unknown }
  ? T["call"] extends infer C
    ? C extends readonly [infer Q, unknown] ? Q : never
  : never
  : never;

/**
 * The replies of a server to requests of a type, or to any request if the type is omitted.
 *
 * @ignore
 */
export type ReplyOf<T, R = AsSent<RequestOf<T>>> = 0 extends 1 & T
  // deno-lint-ignore no-explicit-any
  ? any
  : T extends { call: unknown }
    ? T["call"] extends infer C
      ? C extends readonly [infer Q, infer A] ? R extends AsSent<Q> ? A : never
      : never
    : never
  : never;

/**
 * The casts that a server handles.
 *
 * @ignore
 */
export type CastOf<T> = T extends { cast: unknown } ? T["cast"] : never;

/**
 * The plain messages that a server handles.
 *
 * @ignore
 */
export type InfoOf<T> = T extends { info: unknown } ? T["info"] : never;

/**
 * The argument of a server's `handleContinue`.
 *
 * @ignore
 */
export type ContinueOf<T> = T extends { continue: unknown } ? T["continue"]
  : never;

/**
 * The message type of a server that takes no plain messages: no value has this type.
 *
 * @ignore
 */
export interface NoInfo {
  /** Never present. */
  readonly none: never;
}

/** Messages that every server may receive: EXIT, DOWN, node changes, and its timeout. */
export type SystemMessage =
  | "timeout"
  | ExitMessage
  | DownMessage
  | { type: "nodeup" | "nodedown"; node: string };

// The keys of properties that only types have: completion does not show them.
/** @ignore */
declare const takes: unique symbol;
/** @ignore */
declare const serves: unique symbol;

/**
 * The caller of a request, for {@linkcode GenServer.reply}. It can be sent to other processes, on any node, which
 * then can reply.
 */
// deno-lint-ignore no-explicit-any
export interface From<in R = any> {
  /** The calling process. */
  readonly pid: Pid;
  /** The alias that the reply goes to; a caller on an Erlang node may have none. */
  readonly alias: Ref | undefined;
  /** The term that an Erlang node wants back with the reply; `undefined` if that is the alias. */
  readonly tag: unknown;
  /**
   * Never set: it makes `From<R>` contravariant in R.
   *
   * @ignore
   */
  readonly [takes]?: (reply: R) => void;
}

/**
 * The result of `init`.
 *
 * | result                            | in Elixir                      | effect                                     |
 * | --------------------------------- | ------------------------------ | ------------------------------------------ |
 * | `{ type: "ok", state }`           | `{:ok, state}`                 | the server has started                     |
 * | `{ type: "ok", state, timeout }`  | `{:ok, state, timeout}`        | `handleInfo` receives `"timeout"` if idle  |
 * | `{ type: "ok", state, continue }` | `{:ok, state, {:continue, …}}` | `handleContinue` runs first                |
 * | `{ type: "stop", reason }`        | `{:stop, reason}`              | the server does not start                  |
 * | `"ignore"`                        | `:ignore`                      | the start returns it if the types allow it |
 */
export type InitResult<T> =
  | {
    type: "ok";
    /** The first state. */
    state: StateOf<T>;
    /** Milliseconds without a message, after which `handleInfo` receives `"timeout"`. By default, it never does. */
    timeout?: number;
    /** The argument of `handleContinue`, which is called immediately, before any other message is handled. */
    continue?: ContinueOf<T>;
  }
  | { type: "stop"; reason: unknown }
  | (T extends { ignore: true } ? "ignore" : never);

/**
 * The result of `handleCast`, `handleInfo`, `handleContinue` and `handleDrain`.
 *
 * A `noreply` can have a `timeout` or a `continue`, as in {@linkcode InitResult}.
 *
 * | result                            | in Elixir                | effect                                |
 * | --------------------------------- | ------------------------ | ------------------------------------- |
 * | `{ type: "noreply", state }`      | `{:noreply, state}`      | the server continues with this state  |
 * | `{ type: "stop", reason, state }` | `{:stop, reason, state}` | `terminate` runs, and the server ends |
 */
export type CastResult<T> =
  | {
    type: "noreply";
    /** The next state. */
    state: StateOf<T>;
    /** Milliseconds without a message, after which `handleInfo` receives `"timeout"`. By default, it never does. */
    timeout?: number;
    /** The argument of `handleContinue`, which is called immediately, before any other message is handled. */
    continue?: ContinueOf<T>;
  }
  | {
    type: "stop";
    /** The exit reason. A reason other than `"normal"` and a shutdown is logged as a crash. */
    reason: unknown;
    /** The last state, passed to `terminate`. */
    state: StateOf<T>;
  };

/**
 * The result of `handleCall`, with a reply of type A. It can also be a {@linkcode CastResult}: after `noreply`, the
 * caller waits for {@linkcode GenServer.reply}; after `stop`, it exits with the reason.
 *
 * A `reply` can have a `timeout` or a `continue`, as in {@linkcode InitResult}.
 *
 * | result                                   | in Elixir                       | effect                         |
 * | ---------------------------------------- | ------------------------------- | ------------------------------ |
 * | `{ type: "reply", reply, state }`        | `{:reply, reply, state}`        | the caller receives the reply  |
 * | `{ type: "stop", reason, reply, state }` | `{:stop, reason, reply, state}` | likewise, and the server ends  |
 *
 * @example A server that ends when its tickets are sold
 * ```ts
 * import { type CallResult, GenServer, type GenServerModule } from "@otp/distribution/gen-server";
 * import { assertEquals } from "@std/assert";
 *
 * interface SaleTypes {
 *   state: number;
 *   call: ["buy", number];
 * }
 *
 * function sell(left: number): CallResult<SaleTypes> {
 *   return left > 1
 *     ? { type: "reply", reply: left, state: left - 1, timeout: 60_000 }
 *     : { type: "stop", reason: "normal", reply: left, state: 0 };
 * }
 *
 * const Sale: GenServerModule<SaleTypes> = {
 *   init: () => ({ type: "ok", state: 2 }),
 *   handleCall: (_buy, _from, left) => sell(left),
 * };
 * const sale = await GenServer.startLink(Sale, undefined);
 * assertEquals(await GenServer.call(sale, "buy"), 2);
 * assertEquals(await GenServer.call(sale, "buy"), 1);
 * ```
 */
export type CallResult<T, A = ReplyOf<T>> =
  | {
    type: "reply";
    reply: A;
    /** The next state. */
    state: StateOf<T>;
    /** Milliseconds without a message, after which `handleInfo` receives `"timeout"`. By default, it never does. */
    timeout?: number;
    /** The argument of `handleContinue`, which is called immediately, before any other message is handled. */
    continue?: ContinueOf<T>;
  }
  | {
    type: "stop";
    /** The exit reason. A reason other than `"normal"` and a shutdown is logged as a crash. */
    reason: unknown;
    /** The last state, passed to `terminate`. */
    state: StateOf<T>;
    /** The reply, which is sent after `terminate` has run. */
    reply: A;
  }
  | CastResult<T>;

/** Handles the calls of one request, or of all. */
export type CallHandler<T, Q = RequestOf<T>, A = ReplyOf<T>> = (
  request: Q,
  from: From<A>,
  state: StateOf<T>,
) => MaybePromise<CallResult<T, A>>;

/**
 * A handler of a server whose types are unknown.
 *
 * @ignore
 */
// deno-lint-ignore no-explicit-any
export type UntypedCallHandler = (request: any, from: any, state: any) => any;

/**
 * The request and reply pairs of a server.
 *
 * @ignore
 */
export type CallsOf<T> = T extends { call: infer C extends [unknown, unknown] }
  ? C
  : never;

/**
 * The name of a request: the request itself if it is a string, otherwise its `type` or the first element of a
 * tuple; `never` if it has no name.
 *
 * @ignore
 */
export type RequestName<Q> = Q extends string ? Q
  : Q extends { type: infer K extends string } ? K
  : Q extends readonly [infer K extends string, ...unknown[]] ? K
  : never;

/** One handler per request, by the request's name. Each handler must reply with the type that its request declares. */
export type CallHandlers<T> = {
  readonly [C in CallsOf<T> as RequestName<C[0]>]: (
    request: C[0],
    from: From<C[1]>,
    state: StateOf<T>,
  ) => MaybePromise<CallResult<T, C[1]>>;
};

/**
 * Whether all requests of a server declare the same reply: `boolean` if not.
 *
 * @ignore
 */
export type HasOneReply<T, C extends [unknown, unknown] = CallsOf<T>> =
  C extends unknown ? [ReplyOf<T>] extends [C[1]] ? true : false : never;

/**
 * How a server handles calls: with one function, or with one handler per request.
 *
 * @ignore
 */
export type HandleCall<T> = 0 extends 1 & T
  ? UntypedCallHandler | { readonly [name: string]: UntypedCallHandler }
  : [RequestOf<T>] extends
    [string | { type: string } | readonly [string, ...unknown[]]]
    ? [HasOneReply<T>] extends [true] ? CallHandler<T> | CallHandlers<T>
    : CallHandlers<T>
  : CallHandler<T>;

/**
 * The types of a server's messages, as {@linkcode GenServerBeamTypes} declares them: by name, if they have names.
 *
 * @ignore
 */
export type BeamMessageTypes<M> = unknown extends M ? BeamType
  :
    | Exclude<BeamType, { readonly tagged: unknown }>
    | {
      readonly tagged: {
        readonly [Q in M as RequestName<Q>]?: BeamFieldsOf<Q>;
      };
    };

/**
 * The Erlang terms of a server's messages, for nodes of Erlang and Elixir. See {@linkcode BeamType} for the types.
 *
 * Messages that are undeclared, or do not match their declaration, arrive unconverted. Declarations change nothing
 * between processes of this library.
 *
 * @example A server for callers in Elixir
 * ```ts
 * import { GenServer, type GenServerModule } from "@otp/distribution/gen-server";
 *
 * interface StackTypes {
 *   state: string[];
 *   call: ["pop", string | undefined] | [{ type: "push"; item: string; times: number }, "ok"];
 *   info: "clear";
 * }
 *
 * // GenServer.call(stack, {:push, "a", 2}) returns :ok, and GenServer.call(stack, :pop) then "a".
 * const Stack: GenServerModule<StackTypes> = {
 *   beam: {
 *     call: { tagged: { pop: [], push: { item: "binary", times: "term" } } },
 *     replies: { push: "atom" },
 *     info: { tagged: { clear: [] } },
 *   },
 *   init: () => ({ type: "ok", state: [] }),
 *   handleCall: {
 *     pop: (_pop, _from, [item, ...rest]) => ({ type: "reply", reply: item, state: rest }),
 *     push: ({ item, times }, _from, items) => ({
 *       type: "reply",
 *       reply: "ok",
 *       state: [...Array(times).fill(item), ...items],
 *     }),
 *   },
 *   handleInfo: (message, items) => ({
 *     type: "noreply",
 *     state: message === "clear" ? [] : items,
 *   }),
 * };
 * await GenServer.stop(await GenServer.startLink(Stack, undefined));
 * ```
 */
// deno-lint-ignore no-explicit-any
export interface GenServerBeamTypes<T = any> {
  /**
   * The type of calls.
   *
   * @default {"term"}
   */
  readonly call?: BeamMessageTypes<RequestOf<T>>;
  /**
   * The type of replies.
   *
   * @default {"term"}
   */
  readonly reply?: BeamTypeOf<ReplyOf<T>>;
  /**
   * The types of the replies to some of the calls, by the call's name.
   *
   * @default {{}}
   */
  readonly replies?: {
    readonly [C in CallsOf<T> as RequestName<C[0]>]?: BeamTypeOf<C[1]>;
  };
  /**
   * The type of casts.
   *
   * @default {"term"}
   */
  readonly cast?: BeamMessageTypes<CastOf<T>>;
  /**
   * The type of other messages.
   *
   * @default {"term"}
   */
  readonly info?: BeamMessageTypes<InfoOf<T>>;
}

/**
 * The callbacks of a server: an object with these functions, or a class that has them as static methods. Only `init` is
 * required. Each callback may be asynchronous: the server handles no other message until it has finished.
 *
 * A callback that throws ends the server, and its callers exit with the thrown value. As in Elixir, a thrown
 * value that is not an error counts as the callback's return value. An invalid return value, such as one without a state
 * or with an unknown field, ends the server with `{ type: "bad_return_value", value }`.
 *
 * The types describe messages from senders that know the server's type; messages from other senders are not checked.
 */
// deno-lint-ignore no-explicit-any
export interface GenServerModule<T extends GenServerTypes = any> {
  /**
   * The name of the server in reports, and its id as a child of a supervisor.
   *
   * @default {"GenServer"}
   */
  readonly name?: string;
  /**
   * Starts the server as a child of a supervisor. Define it to replace {@linkcode GenServer.startLink}, for
   * example to start the server under a name.
   *
   * @param arg The argument for `init`.
   */
  startLink?(arg: ArgOf<T>): Promise<Pid | "ignore">;
  /**
   * Returns the first state. The process that starts the server waits for it.
   *
   * @param arg The argument of the start: a copy.
   * @returns `{ type: "ok", state }`, or the reason not to start.
   */
  init(arg: ArgOf<T>): MaybePromise<InitResult<T>>;
  /**
   * Handles calls: a function of the request, the caller (for a later {@linkcode GenServer.reply}) and the state, or
   * one such function per request, by the request's name: the request itself if it is a string, otherwise its `type` or
   * the first element of a tuple. It returns the reply and the next state. If named requests declare different replies,
   * one handler per request is required: a single function could reply to one request with the reply type of another.
   *
   * Without it, a call ends the server with an error. If a request has no handler, the node logs an error, the call
   * fails with the reason `"badarg"`, and the server continues.
   */
  readonly handleCall?: HandleCall<T>;
  /**
   * Handles a cast. Without it, a cast ends the server with an error.
   *
   * @param request The cast.
   */
  handleCast?(
    request: CastOf<T>,
    state: StateOf<T>,
  ): MaybePromise<CastResult<T>>;
  /**
   * Handles any other message, including system messages: a {@linkcode SystemMessage} may be the text `"timeout"`, which
   * has no `type`. Without it, a message is logged as an error and dropped.
   *
   * @param message The message.
   */
  handleInfo?(
    message: InfoOf<T> | SystemMessage,
    state: StateOf<T>,
  ): MaybePromise<CastResult<T>>;
  /**
   * Runs after a callback whose result contains `continue`.
   *
   * @param value The value of `continue`.
   */
  handleContinue?(
    value: ContinueOf<T>,
    state: StateOf<T>,
  ): MaybePromise<CastResult<T>>;
  /**
   * Runs when the server's node begins to drain ({@linkcode Node.drain}), as a program does at SIGTERM: the
   * place to hand the state over to a server of another node, or to store it. Elixir has no such callback.
   *
   * The server can go on, with `noreply`: it serves until the node stops, when it exits with `"shutdown"` in
   * the order of supervision. Or it ends now, with `stop` and the reason `"normal"` or `"shutdown"`: its
   * supervisor does not restart it then. It keeps its names, global ones too, until it exits. The drain waits for
   * this callback, up to the drain's timeout.
   *
   * @returns The next state, or `stop`.
   */
  handleDrain?(state: StateOf<T>): MaybePromise<CastResult<T>>;
  /**
   * Cleans up before the server ends: when a callback stops it or throws, when it is stopped, and, if it
   * traps exits, when the process that started it exits. It is not called when the server is killed, or when
   * an untrapped exit signal ends it.
   */
  terminate?(reason: unknown, state: StateOf<T>): unknown;
  /**
   * The Erlang terms of requests and replies, for callers on nodes of Erlang and Elixir, which send tuples and atoms.
   * Without a declaration, the callbacks receive the terms unconverted.
   *
   * @default {undefined}
   */
  readonly beam?: GenServerBeamTypes<T>;
}

/**
 * Carries the types of a server.
 *
 * @ignore
 */
export interface Serves<T> {
  /**
   * Never set: it keeps T in declarations.
   *
   * @ignore
   */
  readonly [serves]?: T;
}

/** The pid of a server with known types: calls, casts and messages are type-checked. */
export type GenServerPid<T> =
  & Pid<[InfoOf<T>] extends [never] ? NoInfo : InfoOf<T>>
  & Serves<T>;

/**
 * A reference to a server: its pid, or its name on this node, on another node, in a registry, or in the cluster; with
 * known types if {@linkcode GenServer.ref} has made it.
 */
export type GenServerRef<T> =
  | GenServerPid<T>
  | (ServerRef | DeclaredRef) & Serves<T>
  | ServerRef;

/** The result of a start: the pid, or `"ignore"` if the types allow `init` to return that. */
export type StartResult<T> =
  | GenServerPid<T>
  | (0 extends 1 & T ? never
    : T extends { ignore: true } ? "ignore"
    : never);

/** Options for {@linkcode GenServer.start} and {@linkcode GenServer.startLink}. */
export interface GenServerOptions extends ServerStartOptions {}

const START_OPTIONS: OptionChecks<GenServerOptions & CancelOptions> = {
  ...SERVER_START_OPTIONS,
  ...CANCEL_OPTIONS,
};

/** Options for {@linkcode GenServer.call}. */
export interface CallOptions extends CancelOptions {
  /**
   * How long to wait for the reply, in milliseconds; `Infinity` waits forever.
   *
   * @default {5000}
   */
  timeout?: number;
}

/** The child specification of a server, as returned by {@linkcode GenServer.childSpec}. */
export interface GenServerChildSpec<T> extends ChildSpec {
  /** Starts the server, linked to the supervisor. */
  start: () => Promise<StartResult<T>>;
}

/** Options for {@linkcode GenServer.childSpec}. */
export interface GenServerChildOptions
  extends GenServerOptions, Partial<Omit<ChildSpec, "start">> {}

const GEN_SERVER_CHILD_OPTIONS: OptionChecks<GenServerChildOptions> = {
  ...SERVER_START_OPTIONS,
  ...CHILD_OPTIONS,
};

/** Options for {@linkcode GenServer.abcast}. */
export interface AbcastOptions {
  /**
   * The nodes.
   *
   * @default {This node and all that are connected and visible}
   */
  nodes?: readonly (string | Atom)[];
}

const ABCAST_OPTIONS: OptionChecks<AbcastOptions> = { nodes: ARRAY };

/** Options for {@linkcode GenServer.multiCall}. */
export interface MultiCallOptions extends AbcastOptions, TimeLimits {}

const MULTI_CALL_OPTIONS: OptionChecks<MultiCallOptions> = {
  ...ABCAST_OPTIONS,
  ...TIME_LIMITS,
};

/** The result of {@linkcode GenServer.multiCall}. */
export interface MultiCallResult<R> {
  /** The replies, in the order of the nodes. */
  replies: { node: string; reply: R }[];
  /** The nodes that did not reply: unreachable, without such a server, or too slow. */
  badNodes: string[];
}

/** A server name that is the same on several nodes. */
export type LocalName<T> =
  | (string | Atom | DeclaredRef) & Serves<T>
  | string
  | Atom;

/** Options for {@linkcode GenServer.ref}. */
export interface RefOptions<T> {
  /**
   * The Erlang terms of the server's messages, if the server is on a node of Erlang or Elixir.
   *
   * @default {undefined}
   */
  beam?: GenServerBeamTypes<T>;
}

const REF_OPTIONS: OptionChecks<RefOptions<GenServerTypes>> = { beam: true };

/**
 * Starts, calls and stops servers that are defined by callback modules.
 *
 * A server is a process that holds a state and handles one message at a time: calls, which receive a reply,
 * casts, which do not, and plain messages. Messages from one sender are handled in the order in which they
 * were sent. See {@linkcode GenServerModule} for the callbacks.
 *
 * A call monitors the server while it waits. If the server does not exist, exits before it has replied, or is on a node
 * that cannot be reached, or if the timeout expires, the caller exits: the promise rejects with an `ExitError` that
 * contains the call and the reason. A later reply is dropped; it never reaches the caller's mailbox.
 *
 * Types: the pid that {@linkcode GenServer.startLink} returns carries the server's types, and so does the
 * reference that {@linkcode GenServer.ref} returns for a name. A call with an undeclared request then does
 * not compile. A plain pid or name accepts any request, and the reply is `any`.
 *
 * @example Under a supervisor, by name, with a client's functions
 * ```ts
 * import { GenServer, type GenServerModule, Supervisor } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * interface CounterTypes {
 *   arg: number;
 *   state: number;
 *   call: ["bump", number];
 * }
 *
 * const Counter: GenServerModule<CounterTypes> = {
 *   name: "Counter",
 *   init: (start) => ({ type: "ok", state: start }),
 *   handleCall: (_bump, _from, count) => ({ type: "reply", reply: count, state: count + 1 }),
 * };
 * const counter = GenServer.ref<CounterTypes>("Counter");
 * const bump = () => GenServer.call(counter, "bump");
 *
 * const sup = await Supervisor.startLink(
 *   [GenServer.childSpec(Counter, 42, { name: "Counter" })],
 *   { strategy: "one_for_one" },
 * );
 * assertEquals(await bump(), 42);
 * assertEquals(await bump(), 43);
 * await Supervisor.stop(sup);
 * ```
 */
export class GenServer {
  private constructor() {}

  /**
   * Starts a server, linked to the caller.
   *
   * The promise resolves when `init` has finished. The server ends when the caller does. If it does not trap exits, the
   * exit signal ends it. If it traps exits, it runs `terminate` and exits with the caller's reason, including
   * `"normal"`.
   *
   * If `init` fails, the start rejects with the reason, and the caller, being linked, also exits with it
   * unless it traps exits. By then the process has exited and its name is free.
   *
   * @param arg The argument for `init`; it is copied, like a message.
   * @returns The server's pid, or `"ignore"` if `init` returned that.
   * @throws {ExitError} If `init` stops, with its reason; if it throws, with the thrown value; if the start takes
   *   too long, with `"timeout"`; if the name is taken, with `{ type: "already_started", pid }`.
   * @throws The signal's reason, if the signal is aborted. As after a timeout, the server is killed and its name
   *   released; a name in the cluster is released once the nodes that hold it answer.
   * @throws {TypeError} If the module has no `init`, or the name is invalid.
   *
   * @example Usage
   * ```ts
   * import { GenServer, type GenServerModule } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const Echo: GenServerModule<{ call: [string, string] }> = {
   *   init: () => ({ type: "ok", state: undefined }),
   *   handleCall: (text, _from, state) => ({ type: "reply", reply: text, state }),
   * };
   * await GenServer.startLink(Echo, undefined, { name: "Echo" });
   * assertEquals(await GenServer.call("Echo", "sup?"), "sup?");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static startLink<T extends GenServerTypes = any>(
    module: GenServerModule<T>,
    arg: NoInfer<ArgOf<T>>,
    options: GenServerOptions & CancelOptions = {},
  ): Promise<StartResult<T>> {
    return started(() =>
      startGenServer(module, arg, {
        ...checkStart(options, START_OPTIONS),
        servesForeign: true,
      })
    );
  }

  /**
   * Starts a server without a link; it outlives the caller.
   *
   * Otherwise like {@linkcode GenServer.startLink}.
   *
   * @param arg The argument for `init`; it is copied, like a message.
   * @returns The server's pid, or `"ignore"` if `init` returned that.
   * @throws {ExitError} If the server does not start, with the reason.
   * @throws {TypeError} If the module has no `init`, or the name is invalid.
   *
   * @example Usage
   * ```ts
   * import { ExitError, GenServer, type GenServerModule } from "@otp/distribution";
   * import { assertRejects } from "@std/assert";
   *
   * const Port: GenServerModule<{ arg: number }> = {
   *   init: (port) => port > 1023 ? { type: "ok", state: port } : { type: "stop", reason: "eacces" },
   * };
   * await assertRejects(() => GenServer.start(Port, 80), ExitError, "eacces");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static start<T extends GenServerTypes = any>(
    module: GenServerModule<T>,
    arg: NoInfer<ArgOf<T>>,
    options: GenServerOptions & CancelOptions = {},
  ): Promise<StartResult<T>> {
    return started(() =>
      startGenServer(module, arg, {
        ...checkStart(options, START_OPTIONS),
        link: false,
        servesForeign: true,
      })
    );
  }

  /**
   * Returns the child specification of a server.
   *
   * In a list of children, `[module, arg]` is a shorthand for it if no name is needed. The child's id is its
   * name, or else the name of the module. If the module has a function `startLink` and no name is given, that
   * function starts the child.
   *
   * @param arg The argument for `init`, at each start.
   *
   * @example Usage
   * ```ts
   * import { GenServer, type GenServerModule, Supervisor } from "@otp/distribution";
   *
   * const Store: GenServerModule<{ arg: string }> = {
   *   name: "Store",
   *   init: (file) => ({ type: "ok", state: file }),
   * };
   * await Supervisor.startLink([
   *   [Store, "a.db"],
   *   GenServer.childSpec(Store, "b.db", { name: "Store.B", restart: "transient" }),
   * ], { strategy: "one_for_one" });
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static childSpec<T extends GenServerTypes = any>(
    module: GenServerModule<T>,
    arg: NoInfer<ArgOf<T>>,
    options: GenServerChildOptions = {},
  ): GenServerChildSpec<T> {
    checkStart(options, GEN_SERVER_CHILD_OPTIONS);
    const spec = genServerChild(module, arg, {
      ...options,
      servesForeign: true,
    });
    checkChild(spec);
    return spec as GenServerChildSpec<T>;
  }

  /**
   * Adds a server's types to its pid or name, so that calls are type-checked.
   *
   * With the option `beam`, requests and replies are converted to and from the Erlang terms that it declares.
   *
   * @returns The same value; with a declaration, a value for the functions of `GenServer` only.
   * @throws {TypeError} If a type is invalid.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   *
   * const stack = GenServer.ref<{ call: ["pop", string] }>("Stack");
   * // @ts-expect-error: the stack has no such call
   * const push = () => GenServer.call(stack, "push");
   * ```
   *
   * @example A server of Elixir, which takes `{:add, 1}` and `:get`, and replies with atoms
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   *
   * interface CounterTypes {
   *   call: ["get", number] | [{ type: "add"; by: number }, "ok" | "full"];
   * }
   *
   * const counter = GenServer.ref<CounterTypes>({ name: "Counter", node: "kate@localhost" }, {
   *   beam: {
   *     call: { tagged: { get: [], add: { by: "term" } } },
   *     replies: { add: "atom" },
   *   },
   * });
   * const add = () => GenServer.call(counter, { type: "add", by: 1 });
   * ```
   */
  static ref<T extends GenServerTypes>(
    server: string | Atom,
  ): (string | Atom) & Serves<T>;
  /** Accepts a pid, or a name on another node, in a registry or in the cluster. */
  static ref<T extends GenServerTypes>(
    server: ServerRef,
  ): ServerRef & Serves<T>;
  /** Accepts a declaration of the server's Erlang terms. */
  static ref<T extends GenServerTypes>(
    server: ServerRef,
    options: { beam: GenServerBeamTypes<T> },
  ): DeclaredRef & Serves<T>;
  static ref<T extends GenServerTypes>(
    server: ServerRef,
    options: RefOptions<T> = {},
  ): (ServerRef | DeclaredRef) & Serves<T> {
    checkOptions(
      options,
      "refer to a GenServer",
      REF_OPTIONS,
      "{ beam: { call, replies } }",
    );
    serverRef(server);
    const { beam } = options;
    if (beam === undefined) return server as ServerRef & Serves<T>;
    checkServerBeamTypes(beam);
    return new DeclaredRef(server, beam) as DeclaredRef & Serves<T>;
  }

  /**
   * Calls a server and waits for its reply.
   *
   * The request is copied immediately, and reaches the server after all earlier messages from the caller.
   *
   * @throws The reason of the signal, if it is aborted before the reply has arrived. As after a timeout, the
   *   server may still handle the request, unless the signal was aborted before the call.
   * @throws {ExitError} With `{ type: "call", reason, call }`. The reason is `"noproc"` if the server does
   *   not exist, `{ type: "nodedown", node }` if its node is down or cannot be reached, `"timeout"` if no
   *   reply arrived in time, `"calling_self"` if a server calls itself, and otherwise the server's exit
   *   reason. After a timeout the server may still handle the request.
   * @throws {TypeError} If the request cannot be sent, the timeout or the deadline is not a number, or the signal no
   *   `AbortSignal`.
   * @throws {RangeError} If the timeout is negative or `NaN`, or the deadline is `NaN`.
   *
   * @example Catch a failed call
   * ```ts
   * import { ExitError, GenServer } from "@otp/distribution";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const error = await assertRejects(() => GenServer.call("Nobody", "hi"), ExitError);
   * assertEquals(error.reason, {
   *   type: "call",
   *   reason: "noproc",
   *   call: ["GenServer", "call", ["Nobody", "hi", 5000]],
   * });
   * ```
   */
  static call<
    // deno-lint-ignore no-explicit-any
    T extends GenServerTypes = any,
    const R extends AsSent<RequestOf<T>> = AsSent<RequestOf<T>>,
  >(
    server: GenServerRef<T>,
    request: R,
    options: CallOptions = NO_OPTIONS,
  ): Promise<ReplyOf<T, R>> {
    // Inlines promised(), which would create a closure for each call.
    try {
      const timeout = timeoutOf(
        options,
        5000,
        "call a GenServer",
        TIME_LIMITS,
      );
      return callWithData(
        server,
        request,
        new ServerCall(server, request, timeout, options),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends a request to a server without waiting for a reply.
   *
   * It returns `"ok"` even if the server does not exist, or its node cannot be reached.
   *
   * @param request The request; it is copied immediately.
   * @returns `"ok"`; while the connection's buffer is full, a promise of `"ok"` that resolves when it has drained.
   * @throws {TypeError} If the request cannot be sent.
   * @throws {QueueFullError} If the node's queue is at its hard cap; the request is not sent.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(GenServer.cast("Nobody", "hi"), "ok");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static cast<T extends GenServerTypes = any>(
    server: GenServerRef<T>,
    request: NoInfer<CastOf<T>>,
  ): MaybePromise<"ok"> {
    const sentAs = castTypeFor(server);
    return sent(cast(currentProcess(), server, request, sentAs));
  }

  /**
   * Replies to a call: from the server, or from any process that it passed `from` to, on any node.
   *
   * The reply is dropped if the caller no longer waits: because it has exited, already has a reply, or timed out.
   *
   * @param from The caller, as passed to `handleCall`, or a tuple of a pid and a tag, which an Erlang node sent.
   * @param reply The reply; it is copied immediately.
   * @throws {TypeError} If `from` is not the caller of a call, or the reply cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { type From, GenServer, type GenServerModule } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * interface GateTypes {
   *   state: From<"open">[];
   *   call: ["wait", "open"];
   *   cast: "open";
   * }
   *
   * const Gate: GenServerModule<GateTypes> = {
   *   init: () => ({ type: "ok", state: [] }),
   *   handleCall: (_wait, from, waiting) => ({ type: "noreply", state: [...waiting, from] }),
   *   handleCast(_open, waiting) {
   *     for (const from of waiting) GenServer.reply(from, "open");
   *     return { type: "noreply", state: [] };
   *   },
   * };
   * const gate = await GenServer.startLink(Gate, undefined);
   * const opened = GenServer.call(gate, "wait");
   * GenServer.cast(gate, "open");
   * assertEquals(await opened, "open");
   * ```
   */
  static reply<R>(
    from: From<R> | Tuple<readonly [Pid, unknown]>,
    reply: NoInfer<R>,
  ): "ok" {
    const caller = callerOf(from);
    currentProcess().replyAnywhere(caller, reply);
    return "ok";
  }

  /**
   * Calls the servers with the same name on several nodes, all at the same time.
   *
   * It waits until all servers have replied or failed, or the timeout expires; a later reply is dropped.
   *
   * @throws {TypeError} If the request cannot be sent, or the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { GenServer, type GenServerModule, Node } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const Load: GenServerModule<{ call: ["load", number] }> = {
   *   init: () => ({ type: "ok", state: undefined }),
   *   handleCall: (_load, _from, state) => ({ type: "reply", reply: 0.5, state }),
   * };
   * await GenServer.startLink(Load, undefined, { name: "Load" });
   * assertEquals(await GenServer.multiCall("Load", "load"), {
   *   replies: [{ node: Node.self(), reply: 0.5 }],
   *   badNodes: [],
   * });
   * ```
   */
  static async multiCall<
    // deno-lint-ignore no-explicit-any
    T extends GenServerTypes = any,
    const R extends AsSent<RequestOf<T>> = AsSent<RequestOf<T>>,
  >(
    name: LocalName<T>,
    request: R,
    options: MultiCallOptions = {},
  ): Promise<MultiCallResult<ReplyOf<T, R>>> {
    const timeout = timeoutOf(
      options,
      Infinity,
      "call a GenServer",
      MULTI_CALL_OPTIONS,
    );
    const process = waitingProcess();
    if (process === undefined) return never();
    const target = remoteNameOf(nameIn(name));
    const nodes = nodesOf(options, process.runtime);
    const as = () => callOf("multi_call", target, request, timeout);
    const types = name instanceof DeclaredRef
      ? callTypes(name.types, request)
      : undefined;
    const { signal, deadline } = options;
    const failed = (error: unknown) => noReply(error, signal);
    const asked = nodes.map((node) =>
      startCallWithData<ReplyOf<T, R>>(
        process,
        locate({ name: target, node }, process) as Place,
        request,
        { timeout, as, types, signal, deadline },
      ).promise.then((reply) => ({ reply }), failed)
    );
    const answers = await Promise.all(asked);
    const result: MultiCallResult<ReplyOf<T, R>> = {
      replies: [],
      badNodes: [],
    };
    for (const [i, answer] of answers.entries()) {
      const node = nodes[i];
      if (answer === undefined) result.badNodes.push(node);
      else result.replies.push({ node, reply: answer.reply });
    }
    return result;
  }

  /**
   * Casts to the servers with the same name on several nodes, without waiting.
   *
   * Unreachable nodes and missing servers are ignored.
   *
   * @param request The request; it is copied immediately.
   * @throws {TypeError} If the request cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(GenServer.abcast("Cache", "clear"), "abcast");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static abcast<T extends GenServerTypes = any>(
    name: LocalName<T>,
    request: NoInfer<CastOf<T>>,
    options: AbcastOptions = {},
  ): "abcast" {
    checkOptions(
      options,
      "cast",
      ABCAST_OPTIONS,
      "{ nodes: ['kate@localhost'] }",
    );
    const process = currentProcess();
    const message = new Cast(request, false, undefined, castTypeFor(name));
    const target = remoteNameOf(nameIn(name));
    for (const node of nodesOf(options, process.runtime)) {
      process.sendName(target, node, message);
    }
    return "abcast";
  }

  /**
   * Stops a server and waits until it has exited.
   *
   * The server handles earlier messages, runs `terminate`, and exits. A reason other than `"normal"` and a shutdown is
   * logged as a crash.
   *
   * @param timeout The timeout in milliseconds. A server that takes longer continues to stop.
   * @throws {ExitError} With `{ type: "call", reason, call }` if the server does not exist, its node is down,
   *   it exits for another reason, or it does not exit in time.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await GenServer.start({ init: () => ({ type: "ok", state: 0 }) }, undefined);
   * assertEquals(await GenServer.stop(pid), "ok");
   * ```
   */
  static stop(
    // deno-lint-ignore no-explicit-any
    server: GenServerRef<any>,
    reason: unknown = "normal",
    timeout: number = Infinity,
  ): Promise<"ok"> {
    return stopServer(server, reason, timeout);
  }

  /**
   * Returns the process that has a server's name.
   *
   * A name on another node is returned as is, without a lookup.
   *
   * @returns The pid; `{ name, node }` for a name on another node; `undefined` if no process has the name.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await GenServer.whereis("Nobody"), undefined);
   * ```
   */
  static async whereis(
    // deno-lint-ignore no-explicit-any
    server: GenServerRef<any>,
  ): Promise<Pid | NameOnNode | undefined> {
    const ref = serverRef(server);
    if (ref instanceof Pid) return ref;
    const process = currentProcess();
    const place = await locate(ref, process);
    return place instanceof Pid && place.equals(process.runtime.nobody)
      ? undefined
      : place;
  }
}

/** The options of a call: an object of a class, because one with a closure would take 110 bytes more. */
class ServerCall<R> implements RequestOptions<R> {
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline: number | undefined;
  readonly types: RequestTypes | undefined;
  readonly #server: ServerRef | DeclaredRef;
  readonly #request: unknown;

  constructor(
    server: ServerRef | DeclaredRef,
    request: unknown,
    timeout: number,
    { signal, deadline }: CallOptions,
  ) {
    this.timeout = timeout;
    this.signal = signal;
    this.deadline = deadline;
    this.types = server instanceof DeclaredRef
      ? callTypes(server.types, request)
      : undefined;
    this.#server = server;
    this.#request = request;
  }

  as(): Mfa {
    return callOf("call", this.#server, this.#request, this.timeout);
  }
}

function castTypeFor(server: unknown): BeamType | undefined {
  return server instanceof DeclaredRef
    ? (server.types as ServerBeamTypes).cast
    : undefined;
}

/** Returns the local name that servers share on several nodes, without a declaration. */
function nameIn(name: LocalName<unknown>): string | Atom {
  return (name instanceof DeclaredRef ? name.server : name) as string | Atom;
}

/** Checks `from`, and returns the receiver of the reply. Throws a `TypeError` if `from` is not the caller of a call. */
function callerOf(from: unknown): ReplyTo {
  if (from instanceof ReplyTo) return from;
  if (from instanceof Tuple && from.length === 2) {
    const [pid, tag] = from.elements;
    const to = pid instanceof Pid ? replyToOf(pid, tag) : undefined;
    if (to?.isValid) return to;
  }
  throw new TypeError(
    `Cannot reply to ${
      inspect(from)
    }: give the second argument of handleCall, or the tuple of a pid and a tag that an Erlang node sent`,
  );
}

function started<T>(start: () => Promise<Pid>): Promise<StartResult<T>> {
  return promised(start) as Promise<Pid & Serves<T>>;
}

function checkStart<O extends GenServerOptions & CancelOptions>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): O {
  return checkOptions(
    options,
    "start a GenServer",
    checks,
    '{ name: "Server" }',
  );
}

function callOf(
  fn: string,
  server: ServerRef | DeclaredRef,
  request: unknown,
  timeout: number,
): Mfa {
  const args = [describeServer(server), request, describeTimeout(timeout)];
  return ["GenServer", fn, args];
}

function nodesOf(
  { nodes }: AbcastOptions,
  runtime: { node: string; visible: ReadonlyMap<string, unknown> },
): string[] {
  return nodes?.map(nameOf) ?? [runtime.node, ...runtime.visible.keys()];
}

/** Returns undefined if the call was sent and failed; rethrows errors of the caller's own. */
function noReply(error: unknown, signal: AbortSignal | undefined): undefined {
  const isAborted = signal?.aborted && error === signal.reason;
  if (isAborted || !(error instanceof ExitError)) throw error;
}
