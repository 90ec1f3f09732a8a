/**
 * A process's mailbox: the messages that have arrived, and the waits for messages.
 *
 * @module
 */

import { failure } from "../promises/promises.ts";
import { ReceiveTimeout } from "../values/error_classes.ts";
import { type ProcessSchedule, scheduler } from "../scheduling/scheduler.ts";
import {
  ChainedReceiver,
  type Guard,
  Receiver,
  Receivers,
} from "./receivers.ts";

/** The ways in which a wait for a message ends without one. */
export interface WaitOptions {
  /** After that many milliseconds; 0 only checks. */
  timeout?: number;
  /** The value that the wait resolves with at the timeout, instead of rejecting. */
  after?: unknown;
  /** Whether `after` is set. */
  hasAfter?: boolean;
  /** When it is aborted. */
  signal?: AbortSignal;
  /** Whether it ends silently with its process, as no code need run then: an error would cost too much. */
  isServer?: boolean;
}

/** The parts of a process that its mailbox needs. */
export interface MailboxHost extends ProcessSchedule {
  /** False from the moment that it exits. */
  readonly alive: boolean;
  /** The error that its waits end with then. */
  exitError(): Error;
  /** Runs a guard as code of the mailbox's process. */
  test(guard: Guard, message: unknown): boolean;
  /** Calls back after that many milliseconds; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
}

const NONE: unknown[] = [];

/** A process with that many messages to take in a row is measured before it goes on. */
const BACKLOG = 4;

/** Messages in order of arrival, waits in order of their start. */
export class Mailbox {
  #queue: unknown[] = NONE;
  #head = 0;
  /** The only wait, if it accepts any message and has no other end: the usual one. */
  #only: Receiver | undefined;
  /** Other waits. */
  #others: Receivers | undefined;
  /** The number of messages that have arrived. */
  received = 0;

  /** The number of messages. */
  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** The number of waits for a message. */
  get waiting(): number {
    return (this.#only === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  /** The messages, oldest first. */
  messages(): unknown[] {
    return this.#queue.slice(this.#head);
  }

  /** The message at an index, the oldest at 0. */
  at(index: number): unknown {
    return this.#queue[this.#head + index];
  }

  /** Hands the message to the first wait that accepts it, or keeps it. */
  push(message: unknown, host: MailboxHost): void {
    this.received++;
    const only = this.#only;
    if (only !== undefined) {
      this.#only = undefined;
      this.#resume(only, message, host);
      return;
    }
    const others = this.#others;
    if (others?.first !== undefined && this.#offer(message, others, host)) {
      return;
    }
    if (this.#queue === NONE) this.#queue = [message];
    else if (this.#queue.push(message) - this.#head === BACKLOG) {
      host.measureNext();
    }
  }

  #offer(message: unknown, others: Receivers, host: MailboxHost): boolean {
    // A guard may end waits and start others; those come after these.
    const last = others.last;
    let place = others.first;
    while (place !== undefined) {
      const after: ChainedReceiver | undefined = place === last
        ? undefined
        : place.after;
      const { receiver, guard } = place;
      let wanted: boolean;
      try {
        wanted = guard === undefined || host.test(guard, message);
      } catch (error) {
        others.leave(place);
        // The event loop may turn before its process comes to await it.
        resume(receiver, () => receiver.abandon(error), host);
        place = after;
        continue;
      }
      if (wanted) {
        others.leave(place);
        this.#resume(receiver, message, host);
        return true;
      }
      place = after;
    }
    return false;
  }

  /** Hands a wait its message: at once, or when it is its process's turn. */
  #resume(receiver: Receiver, message: unknown, host: MailboxHost): void {
    if (scheduler.canStepNow(host)) receiver.resolve(message);
    else giveLater(receiver, message, host);
  }

  /** Takes the first message that the guard accepts, in a box; `undefined` if there is none. */
  take(guard: Guard | undefined): { message: unknown } | undefined {
    const queue = this.#queue;
    for (let i = this.#head; i < queue.length; i++) {
      if (guard !== undefined && !guard(queue[i])) continue;
      const message = queue[i];
      this.#removeAt(i);
      return { message };
    }
    return undefined;
  }

  /** Removes this message, if it is still in the mailbox. */
  remove(message: unknown): boolean {
    const index = this.#queue.indexOf(message, this.#head);
    if (index < 0) return false;
    this.#removeAt(index);
    return true;
  }

  #removeAt(index: number): void {
    const queue = this.#queue;
    const head = this.#head;
    if (index - head > queue.length - index) {
      queue.splice(index, 1);
      return;
    }
    // Those before it move up: they were checked, and those after it may be many more.
    for (let i = index; i > head; i--) queue[i] = queue[i - 1];
    queue[head] = undefined;
    this.#head = head + 1;
    if (this.#head === queue.length) {
      if (queue.length > 64) this.#queue = NONE;
      else queue.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > queue.length) {
      queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Waits for a message. */
  receive(
    guard: Guard | undefined,
    options: WaitOptions | undefined,
    host: MailboxHost,
  ): Promise<unknown> {
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
    const queue = this.#queue;
    if (guard === undefined && this.#head < queue.length) {
      const message = queue[this.#head];
      this.#removeAt(this.#head);
      return this.#given(message, host);
    }
    if (guard !== undefined) {
      let found: { message: unknown } | undefined;
      try {
        found = this.take(guard);
      } catch (error) {
        return Promise.reject(error);
      }
      if (found !== undefined) return this.#given(found.message, host);
    }
    const receiver = new Receiver(options?.isServer);
    const only = this.#only;
    if (
      guard === undefined && isUnlimited(options) && only === undefined &&
      this.#others?.first === undefined
    ) {
      this.#only = receiver;
      return receiver.promise;
    }
    const place = new ChainedReceiver(receiver, guard);
    const others = this.#others ??= new Receivers();
    if (options !== undefined && !limit(place, options, others, host)) {
      return receiver.promise;
    }
    if (only !== undefined) {
      others.enter(new ChainedReceiver(only));
      this.#only = undefined;
    }
    others.enter(place);
    return receiver.promise;
  }

  /** A wait for a message that has arrived. */
  #given(message: unknown, host: MailboxHost): Promise<unknown> {
    if (scheduler.canStepNow(host)) return Promise.resolve(message);
    const receiver = new Receiver();
    giveLater(receiver, message, host);
    return receiver.promise;
  }

  /** Waits only for the time. */
  sleep<T>(ms: number, value: T, host: MailboxHost): Promise<T> {
    const receiver = new Receiver();
    const others = this.#others ??= new Receivers();
    const settle = () => receiver.resolve(value);
    settleAfter(ms, new ChainedReceiver(receiver), settle, others, host);
    return receiver.promise as Promise<T>;
  }

  /** Ends every wait, as its process has exited, and discards the messages. */
  close(host: MailboxHost): void {
    this.#queue = NONE;
    this.#head = 0;
    const only = this.#only;
    const others = this.#others;
    if (only === undefined && others === undefined) return;
    this.#only = this.#others = undefined;
    for (const each of others?.release() ?? []) abandon(each, host);
    if (only !== undefined) abandon(only, host);
  }
}

/**
 * Settles a wait that no message ends: after that many milliseconds, and not before the event loop has
 * turned.
 */
function settleAfter(
  ms: number,
  place: ChainedReceiver,
  settle: () => void,
  others: Receivers,
  host: MailboxHost,
): void {
  others.sleep(place);
  const end = () => {
    if (others.wake(place)) resume(place.receiver, settle, host);
  };
  if (ms <= 0) scheduler.afterYield(end);
  else if (ms !== Infinity) place.release = host.after(ms, end);
}

/** Limits a wait; returns whether a message can end it. */
function limit(
  place: ChainedReceiver,
  options: WaitOptions,
  others: Receivers,
  host: MailboxHost,
): boolean {
  const { timeout, signal } = options;
  const { receiver } = place;
  const expire = () => {
    if (options.hasAfter) receiver.resolve(options.after);
    else receiver.resolve(failure(() => new ReceiveTimeout(timeout!)));
  };
  if (timeout !== undefined && timeout <= 0) {
    // A process that polls must not prevent what it polls for.
    settleAfter(0, place, expire, others, host);
    return false;
  }
  let stopTimer: (() => void) | undefined;
  if (timeout !== undefined && timeout !== Infinity) {
    stopTimer = host.after(timeout, () => {
      others.leave(place);
      resume(receiver, expire, host);
    });
  }
  const onAbort = () => {
    // It does not abort twice, and the host searches all listeners to remove one.
    place.release = stopTimer;
    others.leave(place);
    receiver.reject(signal!.reason);
  };
  signal?.addEventListener("abort", onAbort);
  place.release = () => {
    stopTimer?.();
    signal?.removeEventListener("abort", onAbort);
  };
  return true;
}

function resume(
  receiver: Receiver,
  settle: () => void,
  host: MailboxHost,
): void {
  if (scheduler.canStepNow(host)) settle();
  else resumeLater(receiver, settle, host);
}

/** In a function of its own: where a closure is created, its variables cost 60 bytes, used or not. */
function giveLater(
  receiver: Receiver,
  message: unknown,
  host: MailboxHost,
): void {
  resumeLater(receiver, () => receiver.resolve(message), host);
}

/** Settles a wait when it is its process's turn; one that has exited by then is not resumed. */
function resumeLater(
  receiver: Receiver,
  settle: () => void,
  host: MailboxHost,
): void {
  const step = () => {
    if (host.alive) settle();
    else abandon(receiver, host);
  };
  scheduler.enqueue(host, step, undefined);
}

function abandon(receiver: Receiver, host: MailboxHost): void {
  if (!receiver.isServer) receiver.abandon(host.exitError());
}

function isUnlimited(options: WaitOptions | undefined): boolean {
  return options === undefined ||
    (options.timeout === undefined && options.signal === undefined);
}
