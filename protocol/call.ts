/**
 * Calling a server: a monitor whose reference is also the alias that the reply goes to.
 *
 * @module
 */

import { ExitError } from "../errors.ts";
import { never, waitingProcess } from "../runtime/current.ts";
import { Pid, type Ref } from "../runtime/pid.ts";
import type { Process, Wait } from "../runtime/process.ts";
import type { Call, IoOperation, IoRequest, ServerRef } from "./messages.ts";

/** How a call is made and, if it fails, described. */
export interface CallOptions<T = unknown> {
  /** Milliseconds to wait; `Infinity` waits for ever. */
  timeout: number;
  /** What is called, for the exit reason. */
  as: () => [module: string, fn: string, args: unknown[]];
  /** Makes the call's result of the reply, or throws what the call rejects with. */
  read?: (reply: unknown) => unknown;
}

/** A node, and a pid or name there. */
export interface Place {
  /** The node. */
  node: string;
  /** The pid, or the name on that node. */
  target: Pid | string;
}

/** Where a server is. */
export function locate(server: ServerRef, process: Process): Place {
  if (server instanceof Pid) return { node: server.node, target: server };
  if (typeof server === "string") {
    return { node: process.runtime.node, target: server };
  }
  return { node: server.node, target: server.name };
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
): void {
  if (typeof target === "string") process.sendName(target, node, message);
  else process.send(target, message);
}

/** Waits for the answer to one request, by reference. */
export class PendingCall<T> implements Wait {
  readonly node: string;
  readonly promise: Promise<T>;
  readonly #process: Process;
  readonly #options: CallOptions<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #stopTimer: (() => void) | undefined;

  constructor(process: Process, node: string, options: CallOptions<T>) {
    this.node = node;
    this.#process = process;
    this.#options = options;
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Starts the wait; the request goes out after this. */
  start(ref: Ref): void {
    const { timeout } = this.#options;
    if (timeout === Infinity) return;
    this.#stopTimer = this.#process.runtime.after(timeout, () => {
      this.cancel(ref);
      this.fail("timeout");
    });
  }

  /** Ends the wait without an answer: a late one is dropped. */
  cancel(ref: Ref): void {
    this.#stopTimer?.();
    this.#process.unawait(ref);
    this.#process.demonitor(ref);
  }

  reply(value: unknown, ref: Ref): void {
    this.cancel(ref);
    const { read } = this.#options;
    try {
      this.#resolve((read === undefined ? value : read(value)) as T);
    } catch (error) {
      this.#reject(error);
    }
  }

  down(_object: unknown, reason: unknown, ref: Ref): void {
    this.#stopTimer?.();
    this.#process.unawait(ref);
    this.fail(
      reason === "noconnection"
        ? { type: "nodedown", node: this.node }
        : reason,
    );
  }

  /** Ends the wait with an exit that says what was called. */
  fail(reason: unknown): void {
    const call = this.#options.as();
    this.#reject(new ExitError({ type: "call", reason, call }));
  }

  abandon(error: () => unknown): void {
    this.#stopTimer?.();
    this.promise.catch(ignore);
    this.#reject(error());
  }
}

function ignore(): void {}

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
  return startCall<T>(process, locate(server, process), request, options)
    .promise;
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
    (from, ref): Call => ({ type: "$call", from, ref, request }),
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
  const { promise } = ask<T>(
    process,
    { node: target.node, target },
    { timeout: Infinity, as: () => ["IO", request.type, []], read },
    (from, replyAs): IoRequest => ({
      type: "io_request",
      from,
      replyAs,
      request,
    }),
  );
  // Output is often left unawaited: a leader that is gone must not end the whole program.
  promise.catch(ignore);
  return promise;
}

function ask<T>(
  process: Process,
  place: Place,
  options: CallOptions<T>,
  messageOf: (from: Pid, ref: Ref) => unknown,
): Asked<T> {
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
    return { promise: Promise.reject(error), cancel: () => {} };
  }
  return { promise: pending.promise, cancel: () => pending.cancel(ref) };
}
