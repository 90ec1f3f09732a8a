/**
 * Waits for a message: receives, polls and sleeps.
 *
 * A receiver settles the promise of one wait. Most processes have one receiver at a time, which takes any message; the
 * mailbox keeps it by itself. All others are in a chain with their guards, in the order in which they began. A wait
 * also ends by its time, by its abort signal, or with its process, and is then taken out of the chain before it is
 * settled. A wait is settled at its process's turn.
 */

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

/**
 * A wait for a message. It is a class, so that the promise's functions have fixed places in the object. It is no
 * `PendingAnswer`, which settles once by its reference: the mailbox removes a receiver before it settles it, and the
 * state of an answer would make a round trip of messages 16 % slower.
 */
export class Receiver {
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
export class ChainedReceiver {
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
export class Receivers {
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

/** Settles a wait that no message ends: after `ms` milliseconds, but not before the event loop has turned. */
export function settleAfter(
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
export function limit(
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

export function resume(
  receiver: Receiver,
  settle: () => void,
  host: MailboxHost,
): void {
  if (scheduler.canStepNow(host)) settle();
  else resumeLater(receiver, settle, host);
}

/** Resolves a wait with its message at its process's turn. */
export function giveLater(
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

export function abandon(receiver: Receiver, host: MailboxHost): void {
  if (!receiver.isServer) receiver.abandon(host.exitError());
}
