/** The server of a GenServer: it calls its callback module, and keeps the state. */

import { ExitError } from "@otp/processes/errors";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import {
  inspect,
  inspectArgument,
  printable,
} from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { Atom } from "@otp/processes/values/atom";
import { Tuple } from "@otp/processes/values/tuple";
import { andThen, isThenable } from "@otp/processes/promises/promises";
import { copyTerm } from "@otp/processes/values/term";
import type { TimeLimits } from "../server/cancellation.ts";
import { DRAIN, handlesDrain } from "../server/drain_notice.ts";
import {
  type ChildSpec,
  type DescribedStart,
  START_CALL,
} from "../server/child_spec.ts";
import { nameText, type ServerName } from "../server/server_ref.ts";
import { answer, failCaller, NO_REPLY, type Server } from "../server/server.ts";
import {
  checkServerBeamTypes,
  requestName,
  type ServerBeamTypes,
} from "@otp/processes/values/beam_types";
import { type Start, startServer } from "../server/start.ts";

// deno-lint-ignore no-explicit-any
type Callback = (...args: any[]) => unknown;

/** A callback module of a GenServer, as a supervisor uses it. */
export interface CallbackModule {
  /**
   * The server's name in reports, and its id as a child.
   *
   * @default {"GenServer"}
   */
  readonly name?: string;
  /**
   * Returns the first state.
   *
   * @param arg The argument of the start.
   * @returns The state, or the reason why the server does not start.
   */
  // deno-lint-ignore no-explicit-any
  init(arg: any): unknown;
}

/** The key under which the library's own callback modules have the name of their protocol. */
export const PROTOCOL: unique symbol = Symbol("protocol");

/** The callbacks of a module, for any types. */
interface Callbacks extends CallbackModule {
  startLink?: Callback;
  handleCall?: Callback | Readonly<Record<string, Callback>>;
  handleCast?: Callback;
  handleInfo?: Callback;
  handleContinue?: Callback;
  handleDrain?: Callback;
  terminate?: Callback;
  beam?: ServerBeamTypes;
  readonly [PROTOCOL]?: string;
}

/** The unchecked result of a callback. */
interface Result {
  type?: unknown;
  state?: unknown;
  reply?: unknown;
  timeout?: number;
  continue?: unknown;
  reason?: unknown;
  /** An option of Elixir's results, which none has here. */
  hibernate?: unknown;
}

/**
 * The number of results of a server that are checked for any unknown field: enough to find a typing error. The loop
 * takes about 20 ns, so of later results only `hibernate` is checked.
 */
const CHECKED_RESULTS = 100;

/** Options of {@linkcode startGenServer}. */
export interface StartGenServerOptions extends TimeLimits {
  name?: ServerName;
  /** Whether it is linked to its starter. */
  link?: boolean;
  /**
   * Whether it serves calls that another node than the caller's has sent. Servers of programs do, as in OTP, where
   * processes forward calls. A server of the library must not: it decides by the caller's node what the caller may do.
   *
   * @default {false}
   */
  servesForeign?: boolean;
}

/** A GenServer's server. */
class GenServerProcess implements Server {
  readonly protocol: string | ServerBeamTypes | undefined;
  readonly servesForeign: boolean;
  readonly callback: string | undefined;
  readonly #process: LocalProcess;
  readonly #module: Callbacks;
  timeout: number | undefined = undefined;
  #state: unknown;
  #continue: { value: unknown } | undefined;
  #lastReply: { caller: ReplyTo; value: unknown } | undefined;
  /** The number of results that are still checked for unknown fields. */
  #checks = CHECKED_RESULTS;

  private constructor(
    process: LocalProcess,
    module: Callbacks,
    servesForeign: boolean,
  ) {
    this.#process = process;
    this.#module = module;
    this.servesForeign = servesForeign;
    this.callback = module[PROTOCOL] === undefined
      ? process.label || "GenServer"
      : undefined;
    this.protocol = module[PROTOCOL] ?? module.beam;
    if (module.handleDrain !== undefined) handlesDrain(process);
  }

  /** Calls the module's `init`, and creates the server with its state. */
  static start(
    process: LocalProcess,
    start: Start,
    module: Callbacks,
    arg: unknown,
    servesForeign: boolean,
  ): GenServerProcess | Promise<GenServerProcess> {
    const server = new GenServerProcess(process, module, servesForeign);
    let given: unknown;
    try {
      given = module.init(arg);
      if (isThenable(given)) {
        return Promise.resolve(given).catch(thrown).then((given) =>
          server.#began(given, start)
        );
      }
    } catch (error) {
      given = thrown(error);
    }
    return server.#began(given, start);
  }

  #began(given: unknown, start: Start): this {
    const result = given as Result | "ignore" | null | undefined;
    if (result === "ignore") start.refuse("ignore");
    switch (result?.type) {
      case "ok":
        this.#keep(result);
        if (result.continue !== undefined) {
          this.#continue = { value: result.continue };
        }
        return this;
      case "stop":
        if (hasUnknown(result)) throw badReturn(given);
        throw new ExitError(result.reason);
      default:
        throw badReturn(given);
    }
  }

  /** The state, for reports. */
  get state(): unknown {
    return this.#state;
  }

  begin(): unknown {
    const first = this.#continue;
    this.#continue = undefined;
    return first && this.#goOn(first.value);
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const module = this.#module;
    if (request === DRAIN) return this.#drain();
    const { handleCall } = module;
    if (handleCall === undefined) throw this.#unexpected("call");
    const handler = typeof handleCall === "function" ? handleCall : handlerOf(
      handleCall,
      this.protocol ? request : atomOf(request) ?? request,
    );
    if (handler === undefined) {
      // Only the caller fails: any process may send any request.
      failCaller(this.#process, caller, "badarg");
      this.#process.runtime.log.report(
        "error",
        () =>
          `${this.#who()} received a call that handleCall has no function for: ${
            inspectArgument(request)
          }`,
        { what: `unknown calls to ${this.#who()}` },
      );
      return NO_REPLY;
    }
    let given: unknown;
    try {
      given = handler.call(module, request, caller, this.#state);
    } catch (error) {
      given = thrown(error);
    }
    return given instanceof Promise
      ? this.#answerLater(given, caller)
      : this.#answer(given, caller);
  }

  cast(request: unknown): unknown {
    if (this.#module.handleCast === undefined) throw this.#unexpected("cast");
    return this.#run("handleCast", request);
  }

  info(message: unknown): unknown {
    const { handleInfo, beam } = this.#module;
    if (handleInfo !== undefined) {
      const { border } = this.#process.runtime;
      return this.#run(
        "handleInfo",
        beam?.info === undefined || border === undefined
          ? message
          : border.message(message, beam.info),
      );
    }
    this.timeout = undefined;
    this.#process.runtime.log.report(
      "error",
      () =>
        `${this.#who()} received an unexpected message, and has no handleInfo: ${
          inspectArgument(message)
        }`,
      { what: `unexpected messages to ${this.#who()}` },
    );
  }

  terminate(reason: unknown): Promise<void> | undefined {
    if (
      this.#module.terminate === undefined && this.#lastReply === undefined
    ) return undefined;
    return this.#terminate(reason);
  }

  async #terminate(reason: unknown): Promise<void> {
    try {
      await this.#module.terminate?.(reason, this.#state);
    } catch (error) {
      thrown(error); // as of the other callbacks, a thrown value is a result
    } finally {
      const last = this.#lastReply;
      if (last !== undefined && this.#process.alive) {
        answer(this.#process, last.caller, last.value);
        // Lets a message that the caller sends in response arrive before this server's DOWN, if possible.
        await undefined;
      }
    }
  }

  #answer(given: unknown, caller: ReplyTo): unknown {
    const result = given as Result | null | undefined;
    switch (result?.type) {
      case "reply":
        this.#keep(result);
        if (result.continue === undefined) return result.reply;
        answer(this.#process, caller, result.reply);
        return unanswered(this.#goOn(result.continue));
      case "stop":
        if ("reply" in result && hasState(result) && !hasUnknown(result)) {
          this.#lastReply = { caller, value: result.reply };
        }
    }
    return unanswered(this.#took(given));
  }

  #answerLater(given: Promise<unknown>, caller: ReplyTo): Promise<unknown> {
    return given.then(
      (given) => this.#answer(given, caller),
      (error) => this.#answer(thrown(error), caller),
    );
  }

  /** Passes a cast or a plain message to the module. */
  #run(
    callback: "handleCast" | "handleInfo" | "handleContinue",
    message: unknown,
  ): unknown {
    let given: unknown;
    try {
      given = this.#module[callback]!(message, this.#state);
    } catch (error) {
      given = thrown(error);
    }
    return andThen(
      given,
      (given) => this.#took(given),
      (error) => this.#took(thrown(error)),
    );
  }

  /** Notifies the module that the node drains; resolves when the module has handled the notice. */
  async #drain(): Promise<"ok"> {
    const given = await Promise.resolve(
      this.#module.handleDrain!(this.#state),
    ).catch(thrown);
    await this.#took(given);
    return "ok";
  }

  #took(given: unknown): unknown {
    const result = given as Result | null | undefined;
    switch (result?.type) {
      case "noreply":
        this.#keep(result);
        return result.continue === undefined
          ? undefined
          : this.#goOn(result.continue);
      case "stop":
        if (!hasState(result) || hasUnknown(result)) throw badReturn(given);
        this.#state = result.state;
        throw new ExitError(result.reason);
      default:
        throw badReturn(given);
    }
  }

  #goOn(value: unknown): unknown {
    this.#process.assertAlive();
    if (this.#module.handleContinue === undefined) {
      throw this.#unexpected("continue");
    }
    return this.#run("handleContinue", value);
  }

  #keep(result: Result): void {
    const { timeout } = result;
    // Any value may be there.
    const isTimeout = timeout === undefined ||
      typeof timeout === "number" && timeout >= 0;
    const isChecked = this.#checks > 0;
    if (isChecked) this.#checks--;
    if (
      !isTimeout || !hasState(result) ||
      (isChecked ? hasUnknown(result) : result.hibernate !== undefined)
    ) throw badReturn(result);
    this.#state = result.state;
    this.timeout = timeout;
  }

  #unexpected(what: "call" | "cast" | "continue"): Error {
    const callback = `handle${what[0].toUpperCase()}${what.slice(1)}`;
    return new Error(
      `Cannot handle a ${what}: ${this.#who()} has no ${callback}`,
    );
  }

  #who(): string {
    const { name, pid } = this.#process;
    return `GenServer ${name === undefined ? pid : printable(name)}`;
  }
}

/** Returns the handler of a request of any shape, by the request's name. */
function handlerOf(
  handlers: Readonly<Record<string, Callback>>,
  request: unknown,
): Callback | undefined {
  const name = requestName(request);
  return name !== undefined && Object.hasOwn(handlers, name)
    ? handlers[name]
    : undefined;
}

/** Returns the name of a request that stays encoded, without a declaration: an atom, or the first in a tuple. */
function atomOf(request: unknown): string | undefined {
  const first = request instanceof Tuple ? request.elements[0] : request;
  return first instanceof Atom ? first.name : undefined;
}

/** Returns a thrown value as the callback's result, as in Erlang; rethrows an error. */
function thrown(error: unknown): unknown {
  if (error instanceof Error) throw error;
  return error;
}

/** Whether a result has a state, even `undefined`. */
function hasState(result: Result): boolean {
  return result.state !== undefined || "state" in result;
}

/** Whether a result has an unknown field, such as `hibernate`, which would be ignored. */
function hasUnknown(result: Result): boolean {
  for (const field in result) {
    switch (field) {
      case "type":
      case "state":
      case "reply":
      case "timeout":
      case "continue":
      case "reason":
        continue;
    }
    if ((result as Record<string, unknown>)[field] !== undefined) return true;
  }
  return false;
}

function badReturn(value: unknown): ExitError {
  return new ExitError({ type: "bad_return_value", value });
}

/** Waits for the work of a callback, and leaves the call unanswered. */
function unanswered(result: unknown): unknown {
  return andThen(result, () => NO_REPLY);
}

/** Starts a GenServer. */
export function startGenServer(
  module: CallbackModule,
  arg: unknown,
  options: StartGenServerOptions,
): Promise<Pid> {
  assertModule(module);
  const { beam } = module as Callbacks;
  if (beam !== undefined) checkServerBeamTypes(beam);
  const starter = waitingProcess();
  if (starter === undefined) return never();
  const copy = copyTerm(arg, starter.runtime.maxDepth);
  const { servesForeign = false } = options;
  return startServer(
    (process, start) =>
      GenServerProcess.start(process, start, module, copy, servesForeign),
    { ...options, label: labelOf(module) },
  );
}

function assertModule(module: unknown): void {
  if (isCallbackModule(module)) return;
  throw new TypeError(
    `Cannot start a GenServer of ${
      inspect(module)
    }: a callback module has a function init(arg)`,
  );
}

export function isCallbackModule(value: unknown): value is CallbackModule {
  return value !== null && ["object", "function"].includes(typeof value) &&
    typeof (value as { init?: unknown }).init === "function";
}

function labelOf({ name }: CallbackModule): string {
  return typeof name === "string" && name !== "" ? name : "GenServer";
}

/** Returns the child specification of a GenServer. */
export function genServerChild(
  module: CallbackModule,
  arg: unknown,
  { name, timeout, servesForeign, ...overrides }:
    & Partial<ChildSpec>
    & Omit<StartGenServerOptions, "link"> = {},
): ChildSpec {
  assertModule(module);
  const { startLink } = module as Callbacks;
  // A DynamicSupervisor may put arguments of its own in front.
  const start: ((...extra: unknown[]) => Promise<Pid>) & DescribedStart = (
    ...extra
  ) =>
    startLink !== undefined && name === undefined
      ? startLink.call(module, ...extra, arg) as Promise<Pid>
      : startGenServer(module, arg, { name, timeout, servesForeign });
  start[START_CALL] = [labelOf(module), "startLink", [arg]];
  const id = name === undefined ? labelOf(module) : nameText(name);
  return { id, start, ...overrides };
}
