/**
 * Requests to servers. A call is a monitor whose reference is also the alias for the reply; a cast is a message
 * without a reply.
 *
 * Races of a call: a reply ends the monitor, so no DOWN follows. A reply from the server's own node ends the monitor
 * there too, and says so; after any other reply (from a third node, or from another library) the caller sends a
 * demonitor. At the deadline, alias and monitor end together, so a later reply is dropped for lack of the alias. An abort
 * of the caller's signal does the same (`cancellation.ts`). Of a reply and an abort in one turn, the first wins. The
 * death of the caller abandons the call (`packages/processes/process/pending_answer.ts`).
 */

import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { PendingReply } from "@otp/processes/process/pending_answer";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { ignore } from "@otp/processes/promises/promises";
import type { Backpressure, Mfa, Place } from "@otp/processes/signals/signal";
import { checkOptions } from "@otp/processes/values/check_arguments";
import { Pid, type Ref } from "@otp/processes/values/pid";
import { ReplyTo } from "@otp/processes/values/reply_to";
import { ServerRequest } from "@otp/processes/values/server_message";
import type { BeamType, RequestTypes } from "@otp/processes/values/beam_types";
import { copyTerm } from "@otp/processes/values/term";
import { tracing } from "@otp/processes/context/tracing";
import { inspectArgument } from "@otp/processes/values/inspect";
import {
  callExit,
  type DeclaredRef,
  locate,
  locateForCast,
  sendTo,
  type ServerRef,
  toSendLater,
  whenLocated,
} from "./server_ref.ts";
import {
  type CancelOptions,
  isOver,
  locateUntil,
  NO_OPTIONS,
  remaining,
} from "./cancellation.ts";
import { Call, Cast, InternalMessage } from "./messages.ts";
import { areValid, type OptionChecks } from "@otp/processes/values/options";

/** The options of a call, including its description in errors. */
export interface RequestOptions<T = unknown> extends CancelOptions {
  /** Milliseconds to wait; `Infinity` waits for ever. */
  timeout: number;
  /** The function of the API that was called, for the exit reason. */
  as: () => Mfa;
  /** Converts the reply into the call's result, or throws the error that the call rejects with. */
  read?: (reply: unknown) => T;
  /** Converts the reason of a failure into the error that the call rejects with; an exit by default. */
  failed?: (reason: unknown) => Error | undefined;
  /** The declared types of the request and its reply, if the server is declared. */
  types?: RequestTypes;
  /** Creates the message that carries the request, from the caller and the alias of the reply; a `Call` by default. */
  message?: (from: Pid, ref: Ref) => unknown;
  /** Whether callers often do not await the promise: a failure must then not end the program. */
  mayBeLeft?: boolean;
}

/** A call: the wait for the answer to one request. */
export class PendingCall<T> extends PendingReply<T> {
  readonly acceptsAnySender = true;
  readonly #options: RequestOptions<T>;
  #request: unknown;

  /** Creates a call without sending it. */
  constructor(
    process: LocalProcess,
    place: Place,
    request: unknown,
    options: RequestOptions<T>,
  ) {
    super(process, place.node, options.mayBeLeft);
    this.#options = options;
    this.#request = request;
  }

  /** Sends the request, unless the call has ended before that. */
  send(place: Place): this {
    const { process } = this;
    const { timeout, signal, deadline } = this.#options;
    // Waits for ever: nothing may end the wait of an exited process.
    if (!process.alive) return this;
    if (signal?.aborted) this.aborted(signal.reason);
    else if (deadline !== undefined && isOver(deadline)) {
      this.failFor("timeout");
    } else if (process.pid.equals(place)) this.failFor("calling_self");
    else {
      try {
        if (this.monitor(place, "reply_demonitor", true)) {
          this.limit(
            deadline === undefined ? timeout : remaining(timeout, deadline),
            signal,
          );
          this.#post(place);
        }
      } catch (error) {
        this.cancel();
        this.fail(() => error);
      }
    }
    return this;
  }

  #post(place: Place): void {
    const { process, ref } = this;
    const { types, message } = this.#options;
    if (message !== undefined) {
      this.#request = message(process.pid, ref);
      return void sendTo(process, place, this.#request);
    }
    sendCall(process, place, ref, this.#request, types?.request);
  }

  override expire(): void {
    this.cancel();
    this.failFor("timeout");
  }

  override reply(value: unknown): void {
    if (this.#options.read === undefined) this.settle(value as T);
    else this.#settleRead(value);
  }

  #settleRead(value: unknown): void {
    this.settleBy(() => this.#options.read!(value));
  }

  foreignReply(term: unknown): void {
    const options = this.#options;
    const isDeclared = options.types !== undefined ||
      this.#request instanceof ServerRequest;
    // A subclass may take replies in its own way.
    if (!isDeclared) return this.reply(term);
    this.settleBy(() => {
      const { border } = this.process.runtime;
      const type = options.types?.reply;
      const value = border!.reply(this.#request, term, type);
      return options.read === undefined ? value as T : options.read(value);
    });
  }

  override down(_object: unknown, reason: unknown): void {
    this.failFor(
      reason === "noconnection"
        ? { type: "nodedown", node: this.node }
        : reason,
    );
  }

  /** Fails with an exit that describes the call. */
  failFor(reason: unknown): void {
    this.settleFailed(() => failureOf(reason, this.#options));
  }
}

/** Sends the message of a call, whose reply goes to the alias `ref`. */
export function sendCall(
  process: LocalProcess,
  place: Place,
  ref: Ref,
  request: unknown,
  sentAs?: BeamType,
): void {
  const { pid, runtime: { node, maxDepth } } = process;
  const replyTo = new ReplyTo(pid, ref);
  if (place instanceof Pid && place.node === node) {
    // Copies only the request: `send` would make a second call.
    const copy = copyTerm(request, maxDepth - 1, maxDepth);
    process.send(place, new Call(replyTo, copy), true);
  } else {
    sendTo(process, place, new Call(replyTo, request, false, false, sentAs));
  }
}

/** Creates the error of a failed call: by the option `failed`, or as an exit that describes the call. */
function failureOf<T>(reason: unknown, options: RequestOptions<T>): Error {
  return options.failed?.(reason) ?? callExit(reason, options.as());
}

/**
 * Checks `options`, and returns the milliseconds to wait: the timeout or the default, shortened by an earlier deadline.
 * Throws a `TypeError` if `options` is no object, such as a number (in Elixir the timeout), or has an unknown option.
 * Throws a `TypeError` if a timeout or a deadline is not a number, or a signal no `AbortSignal`. Throws a `RangeError`
 * if a timeout is negative or `NaN`, or a deadline `NaN`.
 */
export function timeoutOf<O extends { timeout?: number } & CancelOptions>(
  options: O,
  usual: number,
  doing: string,
  known: OptionChecks<NoInfer<O>>,
): number {
  if (options === NO_OPTIONS) return usual;
  // Calls usually have valid options in an object of their own: only those that are given are looked at.
  if (options?.constructor !== Object || !areValid(options, known)) {
    checkOptions(options, doing, known);
  }
  const { deadline } = options;
  const { timeout = deadline === undefined ? usual : Infinity } = options;
  return remaining(timeout, deadline);
}

/** Returns the result of a sent message: `"ok"`, at once or when the queue has room again. */
export function sent(pressure: Backpressure): "ok" | Promise<"ok"> {
  return pressure === undefined
    ? "ok"
    : mayBeLeft(pressure.then(() => "ok" as const));
}

/** Marks a promise that callers often do not await, as it is no answer: its failure must not end the program. */
export function mayBeLeft<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** Sends a server a program's request, and waits for its reply. */
export function callWithData<T>(
  server: ServerRef | DeclaredRef,
  request: unknown,
  options: RequestOptions<T>,
  isTraced: boolean = tracing !== undefined,
): Promise<T> {
  if (isTraced) return callTraced(server, request, options);
  const process = waitingProcess();
  if (process === undefined) return never();
  const place = options.signal === undefined && options.deadline === undefined
    ? locate(server, process)
    : locateInTime(server, process, options);
  return place instanceof Promise
    ? callLater(process, place, request, options)
    : new PendingCall(process, place, request, options).send(place).promise;
}

// Functions of their own, because a function that creates a closure pays for all variables that it could capture.

function callTraced<T>(
  server: ServerRef | DeclaredRef,
  request: unknown,
  options: RequestOptions<T>,
): Promise<T> {
  return tracedCall(
    () => options.as(),
    () => callWithData(server, request, options, false),
  );
}

function locateInTime<T>(
  server: ServerRef | DeclaredRef,
  process: LocalProcess,
  options: RequestOptions<T>,
): Place | Promise<Place> {
  return locateUntil(
    server,
    process,
    options,
    () => failureOf("timeout", options),
  );
}

function callLater<T>(
  process: LocalProcess,
  place: Promise<Place>,
  request: unknown,
  options: RequestOptions<T>,
): Promise<T> {
  const copy = toSendLater(place, process, request);
  return whenLocated(
    place,
    process,
    (place) => startCallWithData(process, place, copy, options).promise,
  ) as Promise<T>;
}

/** Sends a server a request of the library's own, and waits for its reply. */
export const call: <T>(
  server: ServerRef | DeclaredRef,
  request: ServerRequest,
  options: RequestOptions<T>,
) => Promise<T> = callWithData;

/** Measures a call as a span, in the trace of the running code or a new one, if tracing is on. */
export function tracedCall<T>(
  as: () => Mfa,
  call: () => Promise<T>,
): Promise<T> {
  if (tracing === undefined) return call();
  const [module, fn, [server]] = as();
  const name = `${module}.${fn}`;
  const attributes = { "otp.server": shownServer(server) };
  return tracing.run({ name, kind: "client", attributes }, undefined, call);
}

function shownServer(server: unknown): string {
  return typeof server === "string" ? server : inspectArgument(server);
}

/** Sends a server a program's request without an answer; it is dropped if there is no such server. */
export function cast(
  process: LocalProcess,
  server: ServerRef | DeclaredRef,
  request: unknown,
  sentAs?: BeamType,
): Backpressure {
  const message = new Cast(request, false, undefined, sentAs);
  const place = locateForCast(server, process);
  if (!(place instanceof Promise)) return sendTo(process, place, message);
  const copy = toSendLater(place, process, message);
  return mayBeLeft(
    Promise.resolve(
      whenLocated(place, process, (place) => sendTo(process, place, copy)),
    ),
  );
}

/** Sends a process a message with its sender. */
export function tell(process: LocalProcess, to: Pid, message: unknown): void {
  process.send(to, new InternalMessage(process.pid, message));
}

/**
 * Like `tell`, but drops the message if the receiver's node is not connected, instead of dialling it. Throws a
 * `QueueFullError` if the queue of the connection is full.
 */
export function tellConnected(
  process: LocalProcess,
  to: Pid,
  message: unknown,
): void {
  const { pid, runtime } = process;
  if (to.node === runtime.node) return tell(process, to, message);
  runtime.signalsTo(to.node).send(pid, to, new InternalMessage(pid, message));
}

/** Sends a program's request to a place, for a process. */
export function startCallWithData<T>(
  process: LocalProcess,
  place: Place,
  request: unknown,
  options: RequestOptions<T>,
): PendingCall<T> {
  return new PendingCall(process, place, request, options).send(place);
}

/** Sends a request of the library's own to a place, for a process. */
export const startCall: <T>(
  process: LocalProcess,
  place: Place,
  request: ServerRequest,
  options: RequestOptions<T>,
) => PendingCall<T> = startCallWithData;
