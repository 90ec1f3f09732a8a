/**
 * Calling a server: a monitor whose reference is also the alias that the reply goes to.
 *
 * @module
 */

import { ExitError, formatExit, IoError } from "../errors.ts";
import {
  checkOptions,
  checkTimeout,
} from "../runtime/values/check_arguments.ts";
import { Answer } from "../runtime/promises/answer.ts";
import { never, waitingProcess } from "../runtime/context/current_process.ts";
import type { Deadline, Expiring } from "../runtime/scheduling/deadlines.ts";
import { ignore } from "../runtime/promises/ignore.ts";
import { Pid, type Ref } from "../runtime/values/pid.ts";
import type { Process } from "../runtime/processes/process.ts";
import type { Wait } from "../runtime/processes/wait.ts";
import type { Backpressure } from "../runtime/signals/signal.ts";
import { copyTerm } from "../runtime/values/term.ts";
import {
  Call,
  Cast,
  type IoOperation,
  type IoRequest,
  type ServerRef,
  Tell,
} from "./messages.ts";
import { whereisName } from "./server_names.ts";

/** How a call is made and, if it fails, described. */
export interface CallOptions<T = unknown> {
  /** Milliseconds to wait; `Infinity` waits for ever. */
  timeout: number;
  /** What is called, for the exit reason. */
  as: () => [module: string, fn: string, args: unknown[]];
  /** Makes the call's result of the reply, or throws what the call rejects with. */
  read?: (reply: unknown) => unknown;
  /** Makes what the call rejects with of the reason why it failed; an exit if it is left out. */
  failed?: (reason: unknown) => Error;
  /** Whether the promise is often not awaited: that it fails must then not end the program. */
  mayBeLeft?: boolean;
}

/** A node, and a pid or name there. */
export interface Place {
  /** The node. */
  node: string;
  /** The pid, or the name on that node. */
  target: Pid | string;
}

/**
 * Where a server is. It is known at once, unless its name is kept by a registry that takes its time.
 *
 * A name that nobody has there is at the pid of no process, so that what is asked of it fails as it does
 * with one that is dead.
 */
export function locate(
  server: ServerRef,
  process: Process,
): Place | Promise<Place> {
  if (server instanceof Pid) return { node: server.node, target: server };
  if (typeof server === "string") {
    return { node: process.runtime.node, target: server };
  }
  if ("node" in server) return { node: server.node, target: server.name };
  const { nobody } = process.runtime;
  const found = whereisName(server);
  return found instanceof Promise
    ? found.then((pid) => placeOf(pid ?? nobody))
    : placeOf(found ?? nobody);
}

/** Where a server is that is not asked for an answer: with nobody, if its registry fails. */
export function locateForCast(
  server: ServerRef,
  process: Process,
): Place | Promise<Place> {
  const nobody = placeOf(process.runtime.nobody);
  try {
    const place = locate(server, process);
    return place instanceof Promise ? place.catch(() => nobody) : place;
  } catch {
    return nobody;
  }
}

/** Where a process is. */
export function placeOf(pid: Pid): Place {
  return { node: pid.node, target: pid };
}

/** Whether a place is the process itself, which would wait for itself for ever. */
export function isSelf(process: Process, { node, target }: Place): boolean {
  if (typeof target !== "string") return process.pid.equals(target);
  return node === process.runtime.node && target === process.name;
}

/** Sends to a server wherever it is. */
export function sendTo(
  process: Process,
  { node, target }: Place,
  message: unknown,
): Backpressure {
  return typeof target === "string"
    ? process.sendName(target, node, message)
    : process.send(target, message);
}

/** Waits for the answer to one request, by reference. */
export class PendingCall<T> implements Expiring, Wait {
  readonly node: string;
  readonly isOpen = true;
  readonly #answer: Answer<T>;
  readonly #process: Process;
  readonly #options: CallOptions<T>;
  #ref: Ref | undefined;
  #deadline: Deadline | undefined;

  constructor(process: Process, node: string, options: CallOptions<T>) {
    this.node = node;
    this.#process = process;
    this.#options = options;
    this.#answer = new Answer<T>(options.mayBeLeft);
  }

  get promise(): Promise<T> {
    return this.#answer.promise;
  }

  /** Starts the wait; the request goes out after this. */
  start(ref: Ref): void {
    const { timeout } = this.#options;
    if (timeout === Infinity) return;
    this.#ref = ref;
    this.#deadline = this.#process.runtime.deadlines.add(timeout, this);
  }

  expire(): void {
    this.cancel(this.#ref!);
    this.fail("timeout");
  }

  /** Ends the wait without an answer: a late one is dropped. */
  cancel(ref: Ref): void {
    this.#deadline?.lift();
    this.#process.unawait(ref);
    this.#process.demonitor(ref);
  }

  reply(value: unknown, ref: Ref): void {
    this.cancel(ref);
    this.#process.resume(this, () => {
      const { read } = this.#options;
      try {
        this.#answer.resolve((read === undefined ? value : read(value)) as T);
      } catch (error) {
        this.#answer.fail(() => error);
      }
    });
  }

  down(_object: unknown, reason: unknown, ref: Ref): void {
    this.#deadline?.lift();
    this.#process.unawait(ref);
    this.fail(
      reason === "noconnection"
        ? { type: "nodedown", node: this.node }
        : reason,
    );
  }

  /** Ends the wait with what was thrown when the request was to be sent. */
  throws(error: unknown): void {
    this.#answer.fail(() => error);
  }

  /** Ends the wait with an exit that says what was called. */
  fail(reason: unknown): void {
    const { as, failed } = this.#options;
    this.#process.resume(this, () => {
      this.#answer.fail(() =>
        failed?.(reason) ?? new ExitError({ type: "call", reason, call: as() })
      );
    });
  }

  abandon(error: () => unknown): void {
    this.#deadline?.lift();
    this.#answer.abandon(error);
  }
}

/**
 * The timeout that options give, or the usual one.
 *
 * @throws {TypeError} If they are none: a timeout where Elixir has it, for one.
 * @throws {TypeError} If a timeout is not a number.
 * @throws {RangeError} If a timeout is negative or `NaN`.
 */
export function timeoutOf(
  options: { timeout?: number },
  usual: number,
  doing: string,
): number {
  checkOptions(options, doing);
  const { timeout = usual } = options;
  checkTimeout(timeout, doing);
  return timeout;
}

/** That something has been sent: at once, or when there is room again where it goes. */
export function sent(pressure: Backpressure): "ok" | Promise<"ok"> {
  return pressure === undefined
    ? "ok"
    : mayBeLeft(pressure.then(() => "ok" as const));
}

/** What is often not awaited, as it is no answer: should it fail, that must not end the whole program. */
export function mayBeLeft<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** A request that is under way. */
export interface Asked<T> {
  /** The answer. */
  promise: Promise<T>;
  /** Ends the wait: an answer that comes later is dropped. */
  cancel(): void;
}

/** Asks a server, and waits for its reply. */
export function call<T>(
  server: ServerRef,
  request: unknown,
  options: CallOptions,
): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const place = locate(server, process);
  if (!(place instanceof Promise)) {
    return startCall<T>(process, place, request, options).promise;
  }
  return place.then((place) =>
    process.alive
      ? startCall<T>(process, place, request, options).promise
      : never()
  );
}

/** Tells a server something that is not answered; if it is not there, nobody is told. */
export function cast(
  process: Process,
  server: ServerRef,
  request: unknown,
): Backpressure {
  const message = new Cast(request);
  const place = locateForCast(server, process);
  if (!(place instanceof Promise)) return sendTo(process, place, message);
  // The copy is made now, as that of any message.
  const copy = copyTerm(message, process.runtime.maxDepth);
  return mayBeLeft(
    place.then((place) =>
      process.alive ? sendTo(process, place, copy) : undefined
    ),
  );
}

/** Tells a process something, and who does. */
export function tell(process: Process, to: Pid, message: unknown): void {
  process.send(to, new Tell(process.pid, message));
}

/** Asks a server for a process. */
export function startCall<T>(
  process: Process,
  place: Place,
  request: unknown,
  options: CallOptions,
): Asked<T> {
  return ask<T>(
    process,
    place,
    options,
    (from, ref) => new Call(from, ref, request),
  );
}

function leaderGone(reason: unknown): Error {
  return new IoError(
    "terminated",
    `the group leader is gone: ${formatExit(reason)}`,
  );
}

/** Asks a group leader, and waits for its reply. */
export function requestIo<T>(
  request: IoOperation,
  leader: Pid | undefined,
  read: (reply: unknown) => T,
): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const target = leader ?? process.groupLeader;
  return ask<T>(
    process,
    { node: target.node, target },
    {
      timeout: Infinity,
      as: () => ["IO", request.type, []],
      read,
      failed: leaderGone,
      // A leader may be gone.
      mayBeLeft: true,
    },
    (from, replyAs): IoRequest => ({
      type: "io_request",
      from,
      replyAs,
      request,
    }),
  ).promise;
}

function ask<T>(
  process: Process,
  place: Place,
  options: CallOptions<T>,
  messageOf: (from: Pid, ref: Ref) => unknown,
): Asked<T> {
  // Nothing would end the wait of a process that has ended.
  if (!process.alive) return { promise: never(), cancel: () => {} };
  const pending = new PendingCall<T>(process, place.node, options);
  const ref = process.runtime.makeRef();
  if (isSelf(process, place)) {
    pending.fail("calling_self");
    return { promise: pending.promise, cancel: () => {} };
  }
  try {
    process.monitor(place.target, place.node, "reply_demonitor", pending, ref);
    if (process.waits?.has(ref.number)) {
      pending.start(ref);
      sendTo(process, place, messageOf(process.pid, ref));
    }
  } catch (error) {
    pending.cancel(ref);
    pending.throws(error);
  }
  return { promise: pending.promise, cancel: () => pending.cancel(ref) };
}
