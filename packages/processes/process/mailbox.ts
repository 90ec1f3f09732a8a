/** A process's mailbox: the messages that have arrived, and the waits for messages. */

import {
  captureFunctions,
  failure,
  ignore,
  newest,
} from "../promises/promises.ts";
import { ReceiveTimeout } from "../values/error_classes.ts";
import { type ProcessSchedule, scheduler } from "../scheduling/scheduler.ts";

/** Returns whether a message is accepted. */
export type Guard = (message: unknown) => boolean;

/**
 * A wait for a message. It is a class, so that the promise's functions have fixed places in the object. It is no
 * `PendingAnswer`, which settles once by its reference: the mailbox removes a receiver before it settles it, and the
 * state of an answer would make a round trip of messages 16 % slower.
 */
class Receiver {
  /** Settles with the message. */
  readonly promise: Promise<unknown>;
  readonly isServer: boolean;
  readonly resolve: (message: unknown) => void;
  /** The message, from its arrival to the process's turn. */
  message: unknown = undefined;

  constructor(isServer = false) {
    this.isServer = isServer;
    // Keep no reject function: its 72 bytes per idle process would serve an error that rarely comes.
    this.promise = new Promise(captureFunctions);
    this.resolve = newest.resolve;
  }

  /** Ends the wait with an error. */
  reject(error: unknown): void {
    const rejected = Promise.reject(error);
    // If the wait has ended already, nothing else handles the rejection.
    rejected.catch(ignore);
    this.resolve(rejected);
  }

  /** Ends the wait with an error that need not be handled. */
  abandon(error: unknown): void {
    this.promise.catch(ignore);
    this.reject(error);
  }
}

/** A receiver in a chain, with its guard and the ends other than a message. */
class ChainedReceiver {
  readonly receiver: Receiver;
  /** Accepts messages; every message by default. */
  readonly guard: Guard | undefined;
  /** Whether the guard is code of the process, and so runs in the process's context. */
  readonly isOwn: boolean;
  /** Called when the receiver leaves: stops its timer, and removes its listener from the abort signal. */
  release: (() => void) | undefined = undefined;
  before: ChainedReceiver | undefined = undefined;
  after: ChainedReceiver | undefined = undefined;

  constructor(receiver: Receiver, guard?: Guard, isOwn = true) {
    this.receiver = receiver;
    this.guard = guard;
    this.isOwn = isOwn;
  }
}

/**
 * A mailbox's receivers apart from the usual one: a chain, because a receiver in the middle may end, and the waits
 * that no message ends. In an object of its own, because most processes never have one.
 */
class Receivers {
  first: ChainedReceiver | undefined = undefined;
  last: ChainedReceiver | undefined = undefined;
  /** Waits that no message ends. */
  #sleepers: Set<ChainedReceiver> | undefined = undefined;
  #chained = 0;

  get size(): number {
    return this.#chained + (this.#sleepers?.size ?? 0);
  }

  /** Adds a place at the end of the chain. */
  add(place: ChainedReceiver): void {
    const before = this.last;
    place.before = before;
    if (before === undefined) this.first = place;
    else before.after = place;
    this.last = place;
    this.#chained++;
  }

  /** Removes a place from the chain, if it is there. */
  remove(place: ChainedReceiver): void {
    const { before, after } = place;
    if (before !== undefined) before.after = after;
    else if (this.first === place) this.first = after;
    else return;
    if (after === undefined) this.last = before;
    else after.before = before;
    place.before = place.after = undefined;
    this.#chained--;
    place.release?.();
  }

  /** Adds a wait that no message ends. */
  sleep(place: ChainedReceiver): void {
    (this.#sleepers ??= new Set()).add(place);
  }

  /** Removes a wait that no message ends; returns false if it has ended already. */
  wake(place: ChainedReceiver): boolean {
    return this.#sleepers?.delete(place) ?? false;
  }

  /** Ends all waits; returns their receivers, sleepers first. */
  release(): Receiver[] {
    const places = [...this.#sleepers ?? []];
    for (let each = this.first; each !== undefined;) {
      places.push(each);
      const { after } = each;
      each.before = each.after = undefined;
      each = after;
    }
    this.first = this.last = this.#sleepers = undefined;
    this.#chained = 0;
    for (const place of places) place.release?.();
    return places.map(({ receiver }) => receiver);
  }
}

/** How a wait for a message may end without a message. */
export interface WaitOptions {
  /** The time limit in milliseconds; 0 only checks the mailbox. */
  timeout?: number;
  /** The value that the wait resolves with at the timeout, instead of rejecting. */
  after?: unknown;
  /** Whether `after` is set. */
  hasAfter?: boolean;
  /** The signal that ends the wait when aborted. */
  signal?: AbortSignal;
  /** Whether the wait stays pending when its process exits. No code need run then, and an error would cost too much. */
  isServer?: boolean;
  /** Whether the guard is the library's: it needs no context, which would cost more than the guard. */
  isPlain?: boolean;
}

/** The parts of a process that its mailbox needs. */
export interface MailboxHost extends ProcessSchedule {
  /** False once it has exited. */
  readonly alive: boolean;
  /** Returns the error that its waits reject with when it exits. */
  exitError(): Error;
  /** Runs a guard as code of the mailbox's process. */
  test(guard: Guard, message: unknown): boolean;
  /** Calls back after `ms` milliseconds; returns a function that cancels the call. */
  after(ms: number, fn: () => void): () => void;
}

const NONE: unknown[] = [];

/** A process that takes this many messages in a row is measured before it continues. */
const BACKLOG = 4;

/** Messages in order of arrival, waits in order of their start. */
export class Mailbox {
  #queue: unknown[] = NONE;
  #head = 0;
  /** The only wait, if it accepts any message and cannot end otherwise: the usual case. */
  #only: Receiver | undefined;
  #others: Receivers | undefined;
  /** The number of messages that have arrived. */
  received = 0;

  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** The number of waits for a message. */
  get waiting(): number {
    return (this.#only === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  /** Whether the process waits for any message, and all that have arrived are handled. */
  get isIdle(): boolean {
    return this.#only !== undefined;
  }

  /** Returns the messages, oldest first. */
  messages(): unknown[] {
    return this.#queue.slice(this.#head);
  }

  /** Returns the message at an index, the oldest at 0. */
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
    // A guard may end waits and start others, which come after `last`.
    const last = others.last;
    let place = others.first;
    while (place !== undefined) {
      const after: ChainedReceiver | undefined = place === last
        ? undefined
        : place.after;
      const { receiver, guard, isOwn } = place;
      let wanted: boolean;
      try {
        wanted = guard === undefined ||
          (isOwn ? host.test(guard, message) : guard(message));
      } catch (error) {
        others.remove(place);
        // The process may await its wait only after a turn of the event loop, so the rejection counts as handled.
        resume(receiver, () => receiver.abandon(error), host);
        place = after;
        continue;
      }
      if (wanted) {
        others.remove(place);
        this.#resume(receiver, message, host);
        return true;
      }
      place = after;
    }
    return false;
  }

  /** Resolves a wait with its message: at once, or at its process's turn. */
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
    // Move up the messages before it, because the messages after it may be many more.
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
      guard === undefined && options?.timeout === undefined &&
      options?.signal === undefined && only === undefined &&
      this.#others?.first === undefined
    ) {
      this.#only = receiver;
      return receiver.promise;
    }
    const place = new ChainedReceiver(receiver, guard, !options?.isPlain);
    const others = this.#others ??= new Receivers();
    if (options !== undefined && !limit(place, options, others, host)) {
      return receiver.promise;
    }
    if (only !== undefined) {
      others.add(new ChainedReceiver(only));
      this.#only = undefined;
    }
    others.add(place);
    return receiver.promise;
  }

  /** Waits for a message that has already arrived. */
  #given(message: unknown, host: MailboxHost): Promise<unknown> {
    if (scheduler.canStepNow(host)) return Promise.resolve(message);
    const receiver = new Receiver();
    giveLater(receiver, message, host);
    return receiver.promise;
  }

  sleep<T>(ms: number, value: T, host: MailboxHost): Promise<T> {
    const receiver = new Receiver();
    const others = this.#others ??= new Receivers();
    const settle = () => receiver.resolve(value);
    settleAfter(ms, new ChainedReceiver(receiver), settle, others, host);
    return receiver.promise as Promise<T>;
  }

  /** Ends every wait when the process has exited, and drops the messages. */
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

/** Settles a wait that no message ends: after `ms` milliseconds, but not before the event loop has turned. */
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
    // Turn the event loop first: a process that polls must not block the event that it polls for.
    settleAfter(0, place, expire, others, host);
    return false;
  }
  let stopTimer: (() => void) | undefined;
  if (timeout !== undefined && timeout !== Infinity) {
    stopTimer = host.after(timeout, () => {
      others.remove(place);
      resume(receiver, expire, host);
    });
  }
  if (signal === undefined) {
    place.release = stopTimer;
    return true;
  }
  watchAbort(place, others, signal, stopTimer);
  return true;
}

/** Ends a wait when its signal is aborted. */
function watchAbort(
  place: ChainedReceiver,
  others: Receivers,
  signal: AbortSignal,
  stopTimer: (() => void) | undefined,
): void {
  const onAbort = () => {
    // A signal aborts once, and removing its listener would make the host search all of them.
    place.release = stopTimer;
    others.remove(place);
    place.receiver.reject(signal.reason);
  };
  signal.addEventListener("abort", onAbort);
  place.release = () => {
    stopTimer?.();
    signal.removeEventListener("abort", onAbort);
  };
}

function resume(
  receiver: Receiver,
  settle: () => void,
  host: MailboxHost,
): void {
  if (scheduler.canStepNow(host)) settle();
  else resumeLater(receiver, settle, host);
}

/** Resolves a wait with its message at its process's turn. */
function giveLater(
  receiver: Receiver,
  message: unknown,
  host: MailboxHost,
): void {
  receiver.message = message;
  scheduler.enqueue(host, give, receiver);
}

function give(host: MailboxHost, receiver: Receiver): void {
  if (host.alive) receiver.resolve(receiver.message);
  else abandon(receiver, host);
}

/** Settles a wait at its process's turn, unless the process has exited by then. */
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
