/**
 * Servers: processes that keep a state, answer calls and take casts, one at a time.
 *
 * Follows Elixir's [GenServer](https://hexdocs.pm/elixir/1.18/GenServer.html).
 *
 * @example A stack
 * ```ts
 * import { GenServer, type GenServerModule } from "@otp/distribution/gen-server";
 * import { assertEquals } from "@std/assert";
 *
 * interface StackTypes {
 *   arg: string[];
 *   state: string[];
 *   call: ["pop", string | undefined];
 *   cast: { type: "push"; item: string };
 * }
 *
 * const Stack: GenServerModule<StackTypes> = {
 *   name: "Stack",
 *   init: (items) => ({ type: "ok", state: items }),
 *   handleCall: (_pop, _from, [head, ...tail]) => ({ type: "reply", reply: head, state: tail }),
 *   handleCast: ({ item }, items) => ({ type: "noreply", state: [item, ...items] }),
 * };
 *
 * const pid = await GenServer.startLink(Stack, ["hello", "world"]);
 * assertEquals(await GenServer.call(pid, "pop"), "hello");
 * GenServer.cast(pid, { type: "push", item: "elixir" });
 * assertEquals(await GenServer.call(pid, "pop"), "elixir");
 * await GenServer.stop(pid);
 * ```
 *
 * @module
 */

import { ExitError } from "./errors.ts";
import type { DownMessage, ExitMessage } from "./process.ts";
import { call, cast, sent, startCall, timeoutOf } from "./gen/call.ts";
import { locate } from "./gen/locate.ts";
import { checkChild, type ChildSpec } from "./servers/supervisor/child_spec.ts";
import {
  genServerChild,
  startGenServer,
} from "./servers/gen_server/gen_server_process.ts";
import { Cast, type ServerTarget } from "./gen/messages.ts";
import {
  describeServer,
  type GlobalName,
  isGlobalName,
  isViaName,
  type NameOnNode,
  type NameRegistry,
  type ServerName,
  type ServerRef,
  type ViaName,
  whereisName,
} from "./gen/server_names.ts";
import { serverRef } from "./gen/server.ts";
import type { AlreadyStartedReason } from "./gen/start.ts";
import { stopServer } from "./gen/stop.ts";
import {
  checkList,
  checkOptions,
  checkTimeout,
} from "./runtime/values/check_arguments.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/context/current_process.ts";
import { promised } from "./runtime/promises/promised.ts";
import { inspect } from "./runtime/values/inspect.ts";
import { Pid, Ref } from "./runtime/values/pid.ts";
import { type Atom, nameOf } from "./runtime/values/atom.ts";

export type {
  AlreadyStartedReason,
  ChildSpec,
  GlobalName,
  NameOnNode,
  NameRegistry,
  ServerName,
  ServerRef,
  ViaName,
};

/**
 * The types of a server: an interface of one's own with those of these that the server has. What is left
 * out is not served: without `cast`, no cast compiles.
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
  /** The state. */
  state?: unknown;
  /** The calls, each as a pair: `[request, reply] | [request, reply]`. */
  call?: [request: unknown, reply: unknown];
  /** The casts. */
  cast?: unknown;
  /** The messages that are sent to it, besides those of the system. */
  info?: unknown;
  /** The argument of `handleContinue`. */
  continue?: unknown;
  /** `true` if `init` may give `"ignore"`: starting it then may, too. */
  ignore?: boolean;
}

/** A value, or a promise of it. */
export type MaybePromise<V> = V | Promise<V>;

/** A value to send: it is copied, so it may be `readonly`. */
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

/** The argument of a server's `init`. */
export type ArgOf<T> = T extends { arg: unknown } ? T["arg"] : unknown;

/** A server's state. */
export type StateOf<T> = T extends { state: unknown } ? T["state"] : unknown;

/** The requests that a server answers. */
export type RequestOf<T> = T extends { call: unknown }
  ? T["call"] extends infer C
    ? C extends readonly [infer Q, unknown] ? Q : never
  : never
  : never;

/** The replies of a server to requests of a type; to any request, if the type is left out. */
export type ReplyOf<T, R = AsSent<RequestOf<T>>> = 0 extends 1 & T
  // deno-lint-ignore no-explicit-any
  ? any
  : T extends { call: unknown }
    ? T["call"] extends infer C
      ? C extends readonly [infer Q, infer A] ? R extends AsSent<Q> ? A : never
      : never
    : never
  : never;

/** The casts that a server takes. */
export type CastOf<T> = T extends { cast: unknown } ? T["cast"] : never;

/** The messages that a server is to be sent. */
export type InfoOf<T> = T extends { info: unknown } ? T["info"] : never;

/** The argument of a server's `handleContinue`. */
export type ContinueOf<T> = T extends { continue: unknown } ? T["continue"]
  : never;

/** The message type of a server that takes no plain messages: no value has this type. */
export interface NoInfo {
  /** Cannot be. */
  readonly none: never;
}

/** Messages that every server may receive: EXIT, DOWN, nodes that come and go, its timeout. */
export type SystemMessage =
  | "timeout"
  | ExitMessage
  | DownMessage
  | { type: "nodeup" | "nodedown"; node: string };

/**
 * The caller of a request, for {@linkcode GenServer.reply}. It is plain data, and can be sent to others.
 *
 * @typeParam R The replies that the caller may get.
 */
// deno-lint-ignore no-explicit-any
export interface From<in R = any> {
  /** The calling process. */
  readonly pid: Pid;
  /** The alias that the reply goes to. */
  readonly ref: Ref;
  /**
   * Never set: it makes `From<R>` contravariant in R.
   *
   * @ignore
   */
  readonly takes?: (reply: R) => void;
}

/** Options of a callback's result that go with the state. */
export interface ResultOptions<T> {
  /**
   * Milliseconds to wait for the next message. If none comes, `handleInfo` gets `"timeout"`; any message
   * that comes ends the wait.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * The argument of `handleContinue`, which is called at once, before any message.
   *
   * @default {undefined}
   */
  continue?: ContinueOf<T>;
}

/** `{:ok, state}`: the server has started. */
export interface InitOk<T> extends ResultOptions<T> {
  /** Always `"ok"`. */
  type: "ok";
  /** The first state. */
  state: StateOf<T>;
}

/** `{:stop, reason}`: the server does not start. */
export interface InitStop {
  /** Always `"stop"`. */
  type: "stop";
  /** Why. */
  reason: unknown;
}

/** `{:reply, reply, state}`: the caller gets its answer. */
export interface ReplyResult<T, A = ReplyOf<T>> extends ResultOptions<T> {
  /** Always `"reply"`. */
  type: "reply";
  /** The answer. */
  reply: A;
  /** The state from now on. */
  state: StateOf<T>;
}

/** `{:noreply, state}`: the server goes on; a caller gets its answer later, or from another process. */
export interface NoReplyResult<T> extends ResultOptions<T> {
  /** Always `"noreply"`. */
  type: "noreply";
  /** The state from now on. */
  state: StateOf<T>;
}

/** `{:stop, reason, state}`: the server ends. */
export interface StopResult<T> {
  /** Always `"stop"`. */
  type: "stop";
  /** Why. Other than `"normal"` and a shutdown, it is reported as a crash. */
  reason: unknown;
  /** The last state, which `terminate` gets. */
  state: StateOf<T>;
}

/** `{:stop, reason, reply, state}`: the caller gets its answer when `terminate` has run, and the server ends. */
export interface StopReplyResult<T, A = ReplyOf<T>> extends StopResult<T> {
  /** The answer. */
  reply: A;
}

/** The result of `init`; `"ignore"` where the types allow it. */
export type InitResult<T> =
  | InitOk<T>
  | InitStop
  | (T extends { ignore: true } ? "ignore" : never);

/** The result of `handleCall`, with a reply of type A. */
export type CallResult<T, A = ReplyOf<T>> =
  | ReplyResult<T, A>
  | NoReplyResult<T>
  | StopResult<T>
  | StopReplyResult<T, A>;

/** Answers the calls of one request, or of all. */
export type CallHandler<T, Q = RequestOf<T>, A = ReplyOf<T>> = (
  request: Q,
  from: From<A>,
  state: StateOf<T>,
) => MaybePromise<CallResult<T, A>>;

/** A handler of a server of which no types are known. */
// deno-lint-ignore no-explicit-any
export type UntypedCallHandler = (request: any, from: any, state: any) => any;

/** The pairs of request and reply of a server. */
export type CallsOf<T> = T extends { call: infer C extends [unknown, unknown] }
  ? C
  : never;

/**
 * The name of a request: itself if it is a string, else its `type`, or the first element of a tuple;
 * `never` if it has no name.
 */
export type RequestName<Q> = Q extends string ? Q
  : Q extends { type: infer K extends string } ? K
  : Q extends readonly [infer K extends string, ...unknown[]] ? K
  : never;

/**
 * A handler for each request, by the request's name. Each must reply with the type that its request
 * declares.
 */
export type CallHandlers<T> = {
  readonly [C in CallsOf<T> as RequestName<C[0]>]: CallHandler<T, C[0], C[1]>;
};

/** Whether all requests of a server declare the same reply: `boolean` if not. */
export type HasOneReply<T, C extends [unknown, unknown] = CallsOf<T>> =
  C extends unknown ? [ReplyOf<T>] extends [C[1]] ? true : false : never;

/**
 * How a server answers calls: by one function, or by a handler for each request.
 *
 * Where requests with names declare different replies, it is the latter: a function could reply to one
 * request with the reply of another.
 */
export type HandleCall<T> = 0 extends 1 & T
  ? UntypedCallHandler | { readonly [name: string]: UntypedCallHandler }
  : [RequestOf<T>] extends
    [string | { type: string } | readonly [string, ...unknown[]]]
    ? [HasOneReply<T>] extends [true] ? CallHandler<T> | CallHandlers<T>
    : CallHandlers<T>
  : CallHandler<T>;

/** The result of `handleCast`, `handleInfo` and `handleContinue`. */
export type CastResult<T> = NoReplyResult<T> | StopResult<T>;

/**
 * The callbacks of a server: an object with these functions, or a class that has them as static ones. All
 * but `init` may be left out, and each may be asynchronous: the server takes no other message until it has
 * ended.
 *
 * A callback that throws ends the server, and its callers exit with the value thrown. As in Elixir, a value that
 * is thrown and is no error counts as what the callback gives. What it gives that is none of its results
 * ends the server with `{ type: "bad_return_value", value }`.
 *
 * The types are those of what is sent to the server by those who know its type; nothing checks a message
 * that comes from elsewhere.
 *
 * @typeParam T The types of the server.
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
   * How the server is started as a child of a supervisor, where it is not by
   * {@linkcode GenServer.startLink}: under a name, for one.
   *
   * @param arg What `init` is to get.
   * @returns The pid.
   */
  startLink?(arg: ArgOf<T>): Promise<Pid | "ignore">;
  /**
   * Makes the first state. The one who starts the server waits for it.
   *
   * @param arg What was given to the start: a copy.
   * @returns `{ type: "ok", state }`, or why not.
   */
  init(arg: ArgOf<T>): MaybePromise<InitResult<T>>;
  /**
   * Answers calls: a function of the request, the caller (for a later {@linkcode GenServer.reply}) and
   * the state, or such a function for each request, by the request's name: the request itself if it is a
   * string, else its `type`, or the first element of a tuple. It returns the answer and the next state.
   *
   * Without it, a call ends the server with an error. A request for which there is no handler fails for
   * its caller, with the reason `"badarg"`, and the server goes on.
   */
  readonly handleCall?: HandleCall<T>;
  /**
   * Takes a cast. Without it, a cast ends the server with an error.
   *
   * @param request What is cast.
   * @param state The state.
   * @returns The next state.
   */
  handleCast?(
    request: CastOf<T>,
    state: StateOf<T>,
  ): MaybePromise<CastResult<T>>;
  /**
   * Takes any other message, those of the system as well. Without it, a message is reported as an error
   * and thrown away.
   *
   * @param message What has come.
   * @param state The state.
   * @returns The next state.
   */
  handleInfo?(
    message: InfoOf<T> | SystemMessage,
    state: StateOf<T>,
  ): MaybePromise<CastResult<T>>;
  /**
   * Goes on after a callback that gave `continue`.
   *
   * @param value What that callback gave.
   * @param state The state.
   * @returns The next state.
   */
  handleContinue?(
    value: ContinueOf<T>,
    state: StateOf<T>,
  ): MaybePromise<CastResult<T>>;
  /**
   * Cleans up before the server ends: when a callback stops it or throws, when it is stopped, and, if it
   * traps exits, when the process that started it ends. Not when it is killed, nor when an exit signal ends
   * it that it does not trap.
   *
   * @param reason Why it ends.
   * @param state The state.
   */
  terminate?(reason: unknown, state: StateOf<T>): unknown;
}

/**
 * Carries the types of a server.
 *
 * @typeParam T The types of the server.
 */
export interface Serves<T> {
  /**
   * Never set: it keeps T in declarations.
   *
   * @ignore
   */
  readonly serves?: T;
}

/**
 * The pid of a server of known types: what is called, cast and sent is checked.
 *
 * @typeParam T The types of the server.
 */
export type GenServerPid<T> =
  & Pid<[InfoOf<T>] extends [never] ? NoInfo : InfoOf<T>>
  & Serves<T>;

/**
 * A pid or name of a server of known types, as {@linkcode GenServer.ref} gives it.
 *
 * @typeParam T The types of the server.
 */
export type GenServerAddress<T> = ServerRef & Serves<T>;

/**
 * A server as it is called: its pid, or its name on this node or another, in a registry, or in the cluster.
 *
 * @typeParam T The types of the server; `any` for one of which nothing is known.
 */
export type GenServerRef<T> =
  | GenServerPid<T>
  | GenServerAddress<T>
  | ServerRef;

/** The result of a start: the pid; or `"ignore"`, where the types allow `init` to return that. */
export type StartResult<T> =
  | GenServerPid<T>
  | (0 extends 1 & T ? never
    : T extends { ignore: true } ? "ignore"
    : never);

/** Options for {@linkcode GenServer.start} and {@linkcode GenServer.startLink}. */
export interface GenServerOptions {
  /**
   * The name that the server has: on its node, in a registry, or in the cluster. It has it before `init`
   * runs.
   *
   * @default {undefined}
   */
  name?: ServerName;
  /**
   * Milliseconds that `init` may take. After them the server is killed, and the start fails with
   * `"timeout"`.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** Options for {@linkcode GenServer.call}. */
export interface CallOptions {
  /**
   * Milliseconds to wait for the reply; `Infinity` waits for ever.
   *
   * @default {5000}
   */
  timeout?: number;
}

/** The specification of a server as a child, as {@linkcode GenServer.childSpec} gives it. */
export interface GenServerChildSpec<T> extends ChildSpec {
  /** Starts the server, linked to the supervisor. */
  start: () => Promise<StartResult<T>>;
}

/** Options for {@linkcode GenServer.childSpec}. */
export interface GenServerChildOptions
  extends GenServerOptions, Partial<Omit<ChildSpec, "start">> {}

/** Options for {@linkcode GenServer.abcast}. */
export interface AbcastOptions {
  /**
   * The nodes.
   *
   * @default {This node and all that are connected and visible}
   */
  nodes?: readonly (string | Atom)[];
}

/** Options for {@linkcode GenServer.multiCall}. */
export interface MultiCallOptions extends AbcastOptions {
  /**
   * Milliseconds to wait for all replies.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** The result of {@linkcode GenServer.multiCall}. */
export interface MultiCallResult<R> {
  /** The replies, in the order of the nodes. */
  replies: { node: string; reply: R }[];
  /** The nodes that did not reply: not there, no such server, or not in time. */
  badNodes: string[];
}

/** The name of a server that is the same on several nodes. */
export type LocalName<T> = (string | Atom) & Serves<T> | string | Atom;

/**
 * Starts, calls and stops servers of callback modules.
 *
 * A server is a process that keeps a state and takes one message at a time: calls, which are answered,
 * casts, which are not, and plain messages. What comes from one sender is taken in the order in which it
 * was sent. See {@linkcode GenServerModule} for the callbacks.
 *
 * A call monitors the server while it waits. If the server is not there, ends before it has replied, or is
 * on a node that cannot be reached, or if the time is up, the caller exits: the promise rejects with an
 * `ExitError` that says what was called and why it failed. A reply that comes after that is dropped; it
 * never gets into the caller's mail.
 *
 * Types: the pid that {@linkcode GenServer.startLink} gives knows the server's types, and so does what
 * {@linkcode GenServer.ref} gives for a name. A call of another request does not compile then. A plain pid
 * or name takes any request, and its reply is `any`.
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
 *
 * @example A reply that comes later
 * ```ts
 * import { GenServer, type GenServerModule, spawnLink } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * interface AdderTypes {
 *   call: [number[], number];
 * }
 *
 * const Adder: GenServerModule<AdderTypes> = {
 *   init: () => ({ type: "ok", state: undefined }),
 *   handleCall(numbers, from, state) {
 *     spawnLink(() => {
 *       GenServer.reply(from, numbers.reduce((a, b) => a + b));
 *     });
 *     return { type: "noreply", state };
 *   },
 * };
 * const adder = await GenServer.startLink(Adder, undefined);
 * assertEquals(await GenServer.call(adder, [1, 2, 3]), 6);
 * await GenServer.stop(adder);
 * ```
 */
export class GenServer {
  private constructor() {}

  /**
   * Starts a server that is linked to the caller.
   *
   * Follows [GenServer.start_link/3](https://hexdocs.pm/elixir/1.18/GenServer.html#start_link/3). The
   * promise resolves when `init` has ended. The server ends when the caller does: unless it traps exits, by
   * the exit signal; if it traps them, it runs `terminate` and exits with the caller's reason, whatever
   * that is.
   *
   * If `init` fails, the caller gets the reason and, unless it traps exits, exits with it too, as it is
   * linked. Nothing is left behind then: the process has ended, and its name is free.
   *
   * @typeParam T The types of the server.
   * @param module The callback module.
   * @param arg What `init` gets; it is copied, as a message is.
   * @param options Name, and how long `init` may take.
   * @returns The server's pid, or `"ignore"` if `init` gave that.
   * @throws {ExitError} If `init` stops, with its reason; if it throws, with what it threw; if it takes
   *   too long, with `"timeout"`; if the name is taken, with `{ type: "already_started", pid }`.
   * @throws {TypeError} If the module has no `init`, or the name is not one.
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
   * await GenServer.stop("Echo");
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static startLink<T extends GenServerTypes = any>(
    module: GenServerModule<T>,
    arg: NoInfer<ArgOf<T>>,
    options: GenServerOptions = {},
  ): Promise<StartResult<T>> {
    return started(() => startGenServer(module, arg, checkStart(options)));
  }

  /**
   * Starts a server that is linked to nobody, and outlives the caller.
   *
   * Follows [GenServer.start/3](https://hexdocs.pm/elixir/1.18/GenServer.html#start/3); else as
   * {@linkcode GenServer.startLink}.
   *
   * @typeParam T The types of the server.
   * @param module The callback module.
   * @param arg What `init` gets; it is copied, as a message is.
   * @param options Name, and how long `init` may take.
   * @returns The server's pid, or `"ignore"` if `init` gave that.
   * @throws {ExitError} If the server did not start, with the reason.
   * @throws {TypeError} If the module has no `init`, or the name is not one.
   *
   * @example Usage
   * ```ts
   * import { ExitError } from "@otp/distribution/errors";
   * import { GenServer, type GenServerModule } from "@otp/distribution/gen-server";
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
    options: GenServerOptions = {},
  ): Promise<StartResult<T>> {
    return started(() =>
      startGenServer(module, arg, { ...checkStart(options), link: false })
    );
  }

  /**
   * A server as the child of a supervisor.
   *
   * Where no name is given, `[module, arg]` in the list of children says the same. The child's id is its
   * name, or else that of the module. If the module has a function `startLink` and no name is given, it is
   * started by that.
   *
   * @typeParam T The types of the server.
   * @param module The callback module.
   * @param arg What `init` gets, at each start.
   * @param options Name, and what of the specification is to be different.
   * @returns The specification.
   *
   * @example Usage
   * ```ts
   * import { GenServer, type GenServerModule, Supervisor } from "@otp/distribution";
   *
   * const Store: GenServerModule<{ arg: string }> = {
   *   name: "Store",
   *   init: (file) => ({ type: "ok", state: file }),
   * };
   * const sup = await Supervisor.startLink([
   *   [Store, "a.db"],
   *   GenServer.childSpec(Store, "b.db", { name: "Store.B", restart: "transient" }),
   * ], { strategy: "one_for_one" });
   * await Supervisor.stop(sup);
   * ```
   */
  // deno-lint-ignore no-explicit-any
  static childSpec<T extends GenServerTypes = any>(
    module: GenServerModule<T>,
    arg: NoInfer<ArgOf<T>>,
    options: GenServerChildOptions = {},
  ): GenServerChildSpec<T> {
    checkStart(options);
    const spec = genServerChild(module, arg, options);
    checkChild(spec);
    return spec as GenServerChildSpec<T>;
  }

  /**
   * A name or pid as that of a server of known types, so that what it is called with is checked.
   *
   * @typeParam T The types of the server.
   * @param server A pid or a name.
   * @returns The same.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution/gen-server";
   *
   * const stack = GenServer.ref<{ call: ["pop", string] }>("Stack");
   * // @ts-expect-error: the stack has no such call
   * const push = () => GenServer.call(stack, "push");
   * ```
   */
  static ref<T extends GenServerTypes>(
    server: string | Atom,
  ): (string | Atom) & Serves<T>;
  /** A server of another node, of a registry or of the cluster, or by pid. */
  static ref<T extends GenServerTypes>(
    server: ServerRef,
  ): GenServerAddress<T>;
  static ref<T extends GenServerTypes>(
    server: ServerRef,
  ): GenServerAddress<T> {
    serverRef(server);
    return server as GenServerAddress<T>;
  }

  /**
   * Calls a server, and waits for its reply.
   *
   * Follows [GenServer.call/3](https://hexdocs.pm/elixir/1.18/GenServer.html#call/3). The request is copied
   * now, and the server gets it after all that the caller has sent to it before.
   *
   * @typeParam T The types of the server.
   * @typeParam R The request.
   * @param server Its pid, or its name.
   * @param request What is asked.
   * @param options How long to wait.
   * @returns The reply.
   * @throws {ExitError} With `{ type: "call", reason, call }`, where the reason is `"noproc"` if nobody is
   *   there, `{ type: "nodedown", node }` if its node is down or cannot be reached, `"timeout"` if there was
   *   no reply in time, `"calling_self"` if a server calls itself, and otherwise that with which the server
   *   exited. After a timeout the server may still do what was asked.
   * @throws {TypeError} If the request cannot be sent.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example What a call fails with
   * ```ts
   * import { ExitError } from "@otp/distribution/errors";
   * import { GenServer } from "@otp/distribution/gen-server";
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
    options: CallOptions = {},
  ): Promise<ReplyOf<T, R>> {
    // As promised() does, without another closure for each call.
    try {
      const timeout = timeoutOf(options, 5000, "call a GenServer");
      const ref = serverRef(server);
      return call(ref, request, {
        timeout,
        as: () => callOf("call", ref, request, timeout),
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Tells a server something, and does not wait.
   *
   * Follows [GenServer.cast/2](https://hexdocs.pm/elixir/1.18/GenServer.html#cast/2): it is `"ok"` also if
   * nobody is there, or its node cannot be reached.
   *
   * @typeParam T The types of the server.
   * @param server Its pid, or its name.
   * @param request What it is told; it is copied now.
   * @returns `"ok"`; as a promise while the connection's buffer is full, to wait until it has drained.
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
    return sent(cast(currentProcess(), serverRef(server), request));
  }

  /**
   * Answers a call: from the server, or from any process that it gave `from` to, on any node.
   *
   * Follows [GenServer.reply/2](https://hexdocs.pm/elixir/1.18/GenServer.html#reply/2). A caller that does
   * not wait any more, as it has ended, got its answer or had no more time, does not get it.
   *
   * @typeParam R The replies that the caller may get.
   * @param from Who called, as `handleCall` got it.
   * @param reply The answer; it is copied now.
   * @returns `"ok"`.
   * @throws {TypeError} If `from` is not that of a call, or the answer cannot be sent.
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
   * await GenServer.stop(gate);
   * ```
   */
  static reply<R>(from: From<R>, reply: NoInfer<R>): "ok" {
    const { ref } = from ?? {};
    if (!(ref instanceof Ref)) {
      throw new TypeError(
        `Cannot reply to ${
          inspect(from)
        }: give the second argument of handleCall`,
      );
    }
    currentProcess().reply(ref, reply);
    return "ok";
  }

  /**
   * Calls the servers of one name on several nodes, all at the same time.
   *
   * Follows [GenServer.multi_call/4](https://hexdocs.pm/elixir/1.18/GenServer.html#multi_call/4). It waits
   * until all have replied or cannot any more, or the time is up; a reply that comes later is dropped.
   *
   * @typeParam T The types of the servers.
   * @typeParam R The request.
   * @param name Their name.
   * @param request What is asked.
   * @param options The nodes, and how long to wait.
   * @returns The replies, and the nodes that did not reply.
   * @throws {TypeError} If the request cannot be sent.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { GenServer, type GenServerModule } from "@otp/distribution/gen-server";
   * import { Node } from "@otp/distribution/node";
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
   * await GenServer.stop("Load");
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
    const timeout = timeoutOf(options, Infinity, "call a GenServer");
    const process = waitingProcess();
    if (process === undefined) return never();
    const target = nameOf(name);
    const nodes = nodesOf(options, process.runtime);
    const as = () => callOf("multi_call", target, request, timeout);
    const asked = nodes.map((node) =>
      startCall<ReplyOf<T, R>>(process, { node, target }, request, {
        timeout,
        as,
      }).promise.then((reply) => ({ reply }), noReply)
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
   * Tells the servers of one name on several nodes something, and does not wait.
   *
   * Follows [GenServer.abcast/3](https://hexdocs.pm/elixir/1.18/GenServer.html#abcast/3): nodes and servers
   * that are not there are left out.
   *
   * @typeParam T The types of the servers.
   * @param name Their name.
   * @param request What they are told; it is copied now.
   * @param options The nodes.
   * @returns `"abcast"`.
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
    checkOptions(options, "cast", "{ nodes: ['kate@localhost'] }");
    const process = currentProcess();
    const message = new Cast(request);
    for (const node of nodesOf(options, process.runtime)) {
      process.sendName(nameOf(name), node, message);
    }
    return "abcast";
  }

  /**
   * Stops a server, and waits until it has ended.
   *
   * Follows [GenServer.stop/3](https://hexdocs.pm/elixir/1.18/GenServer.html#stop/3). The server takes what
   * came before, runs `terminate`, and exits; for a reason other than `"normal"` and a shutdown, a crash is
   * reported.
   *
   * @param server Its pid, or its name.
   * @param reason The reason that it exits with.
   * @param timeout Milliseconds to wait. A server that takes longer goes on stopping.
   * @returns `"ok"`.
   * @throws {ExitError} With `{ type: "call", reason, call }` if it is not there, its node is down, it exits
   *   for another reason, or not in time.
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
    server: ServerRef,
    reason: unknown = "normal",
    timeout: number = Infinity,
  ): Promise<"ok"> {
    return promised(() => stopServer(serverRef(server), reason, timeout));
  }

  /**
   * The process that has a server's name.
   *
   * Follows [GenServer.whereis/1](https://hexdocs.pm/elixir/1.18/GenServer.html#whereis/1): a name on
   * another node is not looked up, and given back as it is.
   *
   * @param server A pid or a name.
   * @returns The pid; `{ name, node }` for one on another node; `undefined` if nobody has the name.
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
    server: ServerRef,
  ): Promise<Pid | NameOnNode | undefined> {
    const ref = serverRef(server);
    if (ref instanceof Pid) return ref;
    if (typeof ref !== "string" && (isViaName(ref) || isGlobalName(ref))) {
      return await whereisName(ref);
    }
    const process = currentProcess();
    const { node, target } = await locate(ref, process);
    if (node !== process.runtime.node) return ref as NameOnNode;
    return process.runtime.names.get(target as string)?.pid;
  }
}

function started<T>(start: () => Promise<Pid>): Promise<StartResult<T>> {
  return promised(start) as Promise<Pid & Serves<T>>;
}

function checkStart<O extends GenServerOptions>(options: O): O {
  checkOptions(options, "start a GenServer", '{ name: "Server" }');
  if (options.timeout !== undefined) {
    checkTimeout(options.timeout, "start a GenServer");
  }
  return options;
}

function callOf(
  fn: string,
  server: ServerTarget,
  request: unknown,
  timeout: number,
): [string, string, unknown[]] {
  const limit = timeout === Infinity ? "infinity" : timeout;
  return ["GenServer", fn, [describeServer(server), request, limit]];
}

function nodesOf(
  { nodes }: AbcastOptions,
  runtime: { node: string; visible: Iterable<string> },
): string[] {
  if (nodes !== undefined) checkList(nodes, "ask the nodes");
  return nodes?.map(nameOf) ?? [runtime.node, ...runtime.visible];
}

/** A call that was made and failed gives nothing; anything else is an error of the caller. */
function noReply(error: unknown): undefined {
  if (!(error instanceof ExitError)) throw error;
}
