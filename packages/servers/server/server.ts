/**
 * The loop that runs a server: it receives messages one at a time and calls the server's methods. It is to
 * supervisors, registries and users' servers what OTP's `gen_server` is to its callback modules.
 *
 * A server ends by a stop (`$stop`), by the EXIT of its parent, or by an error of its own; `terminate` runs in each
 * case. Races: the process may be killed while a callback awaits, or between the arrival of a message and the next turn
 * of the loop. So each continuation first looks whether the process is alive, and a reply of a dead process is dropped.
 */

import type { ServerBeamTypes } from "@otp/processes/values/beam_types";
import { ExitError, reasonOf } from "@otp/processes/values/error_classes";
import { inspect } from "@otp/processes/values/inspect";
import type { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import {
  isExitOrLikeOne,
  isExitSignal,
} from "@otp/processes/values/exit_message";
import type { WaitOptions } from "@otp/processes/process/receivers";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { ENDS_ITSELF } from "@otp/processes/spawning/spawn_process";
import { nativeThen } from "@otp/processes/promises/promises";
import { isOrderly } from "@otp/processes/values/exit_reason";
import { ServerMessage } from "@otp/processes/values/server_message";
import { takeTrace } from "@otp/processes/signals/message_traces";
import { tracing } from "@otp/processes/context/tracing";
import { untilExit } from "@otp/processes/spawning/traced_start";
import { Call, Cast, Stop, SystemRequest } from "./messages.ts";
import { Suspension } from "./suspension.ts";
import {
  answerSystem,
  isForSuspended,
  refusesSystem,
} from "./system_messages.ts";
import { crash, exitProcess, failMonitor } from "@otp/processes/process/deaths";

/** The result of `call` if the reply is sent later, by `process.reply(caller, value)`. */
export const NO_REPLY: unique symbol = Symbol("no reply");

/** The reply of the library's servers to requests that are unknown or have invalid fields. */
export const BADARG = { type: "error", reason: "badarg" } as const;

/**
 * A server: it handles messages one at a time. If a method throws or rejects, the server exits with the error, or
 * with the reason of an `ExitError`.
 */
export interface Server {
  /** Answers a call with its result, or later ({@linkcode NO_REPLY}). */
  call(request: unknown, caller: ReplyTo): unknown;
  /** Handles a request without an answer. */
  cast?(request: unknown): unknown;
  /** Handles any other message: an EXIT that is not its parent's, a DOWN, a plain message. */
  info?(message: unknown): unknown;
  /** Cleans up before the server ends. */
  terminate?(reason: unknown): unknown;
  /** Its state, for the report of its crash. */
  readonly state?: unknown;
  /** The name of the program's callback module, for traces. */
  readonly callback?: string;
  /** Called before the first message. */
  begin?(): unknown;
  /** Milliseconds to wait for the next message; if none arrives, `info` gets `"timeout"`. */
  readonly timeout?: number;
  /**
   * Whether the server accepts calls that a node other than the caller's has sent, as servers of Erlang do: the name
   * of the caller may be forged.
   */
  readonly servesForeign?: boolean;
  /**
   * How nodes of another library encode the server's requests and replies: the name of a protocol, or the types that a
   * program declares. Without it, the server receives their terms.
   */
  readonly protocol?: string | ServerBeamTypes;
}

const SERVER_WAIT: WaitOptions = { isServer: true };

/**
 * Ends the server for a reason that is no failure of its own. It is returned and not thrown, because creating an
 * error costs too much.
 */
class Leaving {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/**
 * Serves until the server is stopped, its parent exits, or a method throws, and then ends the process. Call it as code
 * of the process.
 *
 * @param orphan Whether the server has no parent: the EXIT of its starter is then a plain message.
 */
export function serve(
  process: LocalProcess,
  server: Server,
  orphan = false,
): typeof ENDS_ITSELF {
  new ServerLoop(process, server, orphan ? undefined : process.parent).begin();
  return ENDS_ITSELF;
}

/**
 * The loop of one server. It is an object with callbacks, because an `async` function that waits keeps 350 bytes more
 * of each idle server.
 */
class ServerLoop {
  readonly #process: LocalProcess;
  readonly #server: Server;
  readonly #parent: Pid | undefined;
  /** The message that the server handles. */
  #message: unknown = undefined;
  readonly #take: (message: unknown) => void;
  /** Created when a method returns the first promise. */
  #handled: ((result: unknown) => void) | undefined = undefined;
  #failed: ((error: unknown) => void) | undefined = undefined;

  constructor(process: LocalProcess, server: Server, parent: Pid | undefined) {
    this.#process = process;
    this.#server = server;
    this.#parent = parent;
    this.#take = (message) => this.#handle(message);
  }

  begin(): void {
    // The process may have been killed during its initialisation.
    if (!this.#process.alive) return;
    try {
      const begun = this.#server.begin?.();
      if (begun === undefined) this.#receive();
      else this.#await(begun);
    } catch (error) {
      this.#fail(error);
    }
  }

  #receive(): void {
    const { timeout } = this.#server;
    this.#message = undefined;
    const process = this.#process;
    const received = process.mailbox.receive(
      undefined,
      timeout === undefined
        ? SERVER_WAIT
        : { timeout, after: "timeout", hasAfter: true, isServer: true },
      process,
    );
    nativeThen.call(received, this.#take);
  }

  #handle(message: unknown): void {
    const process = this.#process;
    // The process may have been killed since the message arrived.
    if (!process.alive) return;
    this.#message = message;
    try {
      const result = tracing === undefined
        ? dispatch(process, this.#server, message, this.#parent)
        : dispatchTraced(process, this.#server, message, this.#parent);
      if (result instanceof Promise) this.#await(result);
      else this.#goOn(result);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Continues when the work of a method is done. */
  #await(result: unknown): void {
    this.#handled ??= (result) => {
      if (this.#process.alive) this.#goOn(result);
    };
    this.#failed ??= (error) => void this.#fail(error);
    const promise = result instanceof Promise
      ? result
      : Promise.resolve(result);
    nativeThen.call(promise, this.#handled, this.#failed);
  }

  #goOn(result: unknown): void {
    if (result instanceof Leaving) this.#exit(result.reason);
    else this.#receive();
  }

  /** Ends the server for a reason that is no failure of its own. */
  #exit(reason: unknown): void {
    const process = this.#process;
    if (!isOrderly(reason)) this.#noteFailure();
    try {
      const ended = this.#server.terminate?.(reason);
      if (ended === undefined) exitProcess(process, reason);
      else void this.#leaveLater(ended, reason);
    } catch (error) {
      crash(process, error);
    }
  }

  async #leaveLater(ended: unknown, reason: unknown): Promise<void> {
    const process = this.#process;
    try {
      await ended;
      exitProcess(process, reason);
    } catch (error) {
      crash(process, error);
    }
  }

  /** Ends the server after an error of its own. */
  async #fail(error: unknown): Promise<void> {
    const process = this.#process;
    if (!process.alive) return;
    this.#noteFailure();
    let cause = error;
    try {
      await this.#server.terminate?.(reasonOf(error));
    } catch (thrown) {
      cause = thrown;
    }
    crash(process, cause);
  }

  /** Records the server's work when it failed, for the report of its crash. */
  #noteFailure(): void {
    const { lineage } = this.#process;
    if (lineage === undefined) return;
    const server = this.#server;
    const message = this.#message;
    if (message instanceof Call) {
      const { request: lastMessage, from: client } = message;
      lineage.context = { lastMessage, client };
    } else if (message === undefined) lineage.context = {};
    else {
      const lastMessage = message instanceof ServerMessage
        ? message.fields()
        : message;
      lineage.context = { lastMessage };
    }
    if ("state" in server) lineage.context.state = server.state;
  }
}

/** Handles a message. Only a promise and a {@linkcode Leaving} in the result count. */
function dispatch(
  process: LocalProcess,
  server: Server,
  message: unknown,
  parent: Pid | undefined,
): unknown {
  if (message instanceof Call) {
    const { replyTo, isEncoded } = message;
    if (message.isForeign && server.servesForeign !== true) return;
    const request = isEncoded ? decoded(process, server, message) : message;
    if (request === undefined) return;
    const value = server.call(request.request, replyTo);
    return value instanceof Promise
      ? answerLater(process, replyTo, value)
      : answer(process, replyTo, value);
  }
  if (message instanceof Cast) {
    const request = message.isEncoded
      ? decoded(process, server, message)
      : message;
    return request && server.cast?.(request.request);
  }
  if (message instanceof Stop) {
    if (refusesSystem(process, message)) return;
    const stopping = process.lineage?.stopping;
    if (stopping !== undefined && stopping.ref === message.ref) {
      stopping.reply();
    } else answer(process, message.replyTo, "ok");
    return new Leaving(message.reason);
  }
  if (
    parent !== undefined && isExitOrLikeOne(message) &&
    parent.equals(message.from)
  ) return new Leaving(message.reason);
  if (message instanceof SystemRequest) {
    return answerSystem(process, server.state, message, "running") ===
        "suspended"
      ? suspended(process, server, message, parent)
      : undefined;
  }
  return server.info?.(message);
}

/** A function of its own, because a function that creates a closure pays for all variables that it could capture. */
function answerLater(
  process: LocalProcess,
  replyTo: ReplyTo,
  value: Promise<unknown>,
): Promise<void> {
  return value.then((value) => answer(process, replyTo, value));
}

/** Handles a message in the message's trace. */
function dispatchTraced(
  process: LocalProcess,
  server: Server,
  message: unknown,
  parent: Pid | undefined,
): unknown {
  const trace = takeTrace(message);
  const handle = () => dispatch(process, server, message, parent);
  if (tracing === undefined) return handle();
  // The library's own servers create no spans; the processes that they start do.
  if (server.callback === undefined) {
    return trace === undefined ? handle() : tracing.within(trace, handle);
  }
  const fn = message instanceof Call
    ? "handleCall"
    : message instanceof Cast
    ? "handleCast"
    : "handleInfo";
  const name = `${server.callback}.${fn}`;
  const attributes: Record<string, string> = {
    "otp.pid": String(process.pid),
    "otp.node": process.pid.node,
  };
  if (process.name !== undefined) attributes["otp.name"] = process.name;
  const span = { name, kind: "server", attributes, isPart: true } as const;
  let result: unknown;
  const measured = tracing.run(span, trace, () => {
    result = handle();
    return untilExit<unknown>(process, result);
  });
  // The span records the failure; the server fails by `result`.
  if (measured instanceof Promise) measured.catch(() => {});
  return result;
}

/** Serves system messages only, until the server is resumed or leaves. */
async function suspended(
  process: LocalProcess,
  server: Server,
  request: SystemRequest,
  parent: Pid | undefined,
): Promise<Leaving | undefined> {
  using suspension = new Suspension(process, request);
  for (;;) {
    const message = await process.mailbox.receive(
      (message) => suspension.isEnd(message) || isForSuspended(message, parent),
      SERVER_WAIT,
      process,
    );
    process.assertAlive();
    if (suspension.isEnd(message)) return undefined;
    if (!(message instanceof SystemRequest)) {
      const left = await dispatch(process, server, message, parent);
      if (left instanceof Leaving) return left;
      continue;
    }
    const { state } = server;
    const mode = answerSystem(process, state, message, "suspended");
    if (mode === "suspended") suspension.add(message);
    if (mode !== "running") continue;
    suspension.resumed(message);
    return undefined;
  }
}

/** Decodes the request of a node of another library; fails its caller and returns `undefined` if it cannot be served. */
function decoded(
  process: LocalProcess,
  { protocol }: Server,
  message: Call | Cast,
): { request: unknown } | undefined {
  const { request: term } = message;
  const [caller, origin] = message instanceof Call
    ? [message.replyTo]
    : [undefined, message.origin];
  const { border } = process.runtime;
  if (protocol === undefined || border === undefined) return message;
  try {
    return { request: border.request(protocol, term, caller, origin) };
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    if (caller !== undefined) failCaller(process, caller, error.reason);
    else {
      process.runtime.log.report(
        "error",
        () => `Cannot serve ${inspect(term)}: ${inspect(error.reason)}`,
        { what: "casts that a server does not serve" },
      );
    }
    return undefined;
  }
}

/**
 * Answers a call.
 *
 * If the reply cannot be sent, because it exceeds a limit of the caller's node, the call fails with that reason. The
 * server continues: otherwise any caller could end it.
 */
export function answer(
  process: LocalProcess,
  caller: ReplyTo,
  value: unknown,
): void {
  if (value === NO_REPLY || !process.alive) return;
  try {
    process.reply(caller, value);
  } catch (error) {
    failCaller(process, caller, error);
  }
}

/** Fails a call that the server cannot handle; the server continues. */
export function failCaller(
  process: LocalProcess,
  { monitor }: ReplyTo,
  reason: unknown,
): void {
  if (monitor !== undefined) {
    failMonitor(process, monitor, reason);
  }
}

/** Whether a message is a process's EXIT, and not a message that another process sent in its name. */
export function isExitFrom(
  message: unknown,
  pid: Pid | undefined,
): message is { type: "EXIT"; from: Pid; reason: unknown } {
  return pid !== undefined && isExitSignal(message) && pid.equals(message.from);
}

/** Takes the EXIT of a process from the mailbox, if it has arrived. */
export function takeExit(
  process: LocalProcess,
  pid: Pid,
): { reason: unknown } | undefined {
  const mail = process.mailbox.take((message) => isExitFrom(message, pid));
  return mail?.message as { reason: unknown } | undefined;
}
