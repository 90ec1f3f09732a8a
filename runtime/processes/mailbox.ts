/**
 * A process's mailbox: the messages that have arrived, and the waits for messages.
 *
 * @module
 */

import { failure } from "../promises/answer.ts";
import { ReceiveTimeout } from "../values/errors.ts";
import {
  afterTurn,
  canStepNow,
  enqueueStep,
  type Pace,
} from "../scheduling/scheduler.ts";
import { ignore } from "../promises/ignore.ts";

/** Returns whether a message is accepted. */
export type Guard = (message: unknown) => boolean;

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
export interface MailboxHost extends Pace {
  /** False from the moment that it exits. */
  readonly alive: boolean;
  /** The error that its waits end with then. */
  exitError(): Error;
  /** Runs a guard as code of the mailbox's process. */
  test(guard: Guard, message: unknown): boolean;
  /** Calls back after that many milliseconds; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
}

/**
 * A wait for a message. A class, as its promise's functions then have their places in the object from the
 * beginning. Not an `Answer`, which is settled by its reference and only once: the mailbox takes a receiver out
 * before it settles it, and the state of an answer makes a round trip of messages 16 % slower.
 */
class Receiver {
  readonly guard: Guard | undefined;
  readonly isServer: boolean;
  readonly promise: Promise<unknown>;
  resolve!: (message: unknown) => void;
  reject!: (error: unknown) => void;
  release: (() => void) | undefined = undefined;
  before: Receiver | undefined = undefined;
  after: Receiver | undefined = undefined;

  constructor(guard?: Guard, isServer = false) {
    this.guard = guard;
    this.isServer = isServer;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
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
  /** Other waits: the first and the last of a chain, as one may end in its middle. */
  #first: Receiver | undefined;
  #last: Receiver | undefined;
  #waiting = 0;
  /** Waits that no message ends. */
  #sleepers: Set<Receiver> | undefined;

  /** The number of messages. */
  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** The number of waits for a message. */
  get waiting(): number {
    return this.#waiting + (this.#only === undefined ? 0 : 1) +
      (this.#sleepers?.size ?? 0);
  }

  /** The messages, oldest first. */
  messages(): unknown[] {
    return this.#queue.slice(this.#head);
  }

  /** Hands the message to the first wait that accepts it, or keeps it. */
  push(message: unknown, host: MailboxHost): void {
    const only = this.#only;
    if (only !== undefined) {
      this.#only = undefined;
      this.#resume(only, message, host);
      return;
    }
    if (this.#first !== undefined && this.#offer(message, host)) return;
    if (this.#queue === NONE) this.#queue = [message];
    else if (this.#queue.push(message) - this.#head === BACKLOG) {
      host.measureNext();
    }
  }

  #offer(message: unknown, host: MailboxHost): boolean {
    // A guard may end waits and start others; those come after these.
    const last = this.#last;
    let receiver = this.#first;
    while (receiver !== undefined) {
      const after: Receiver | undefined = receiver === last
        ? undefined
        : receiver.after;
      let wanted: boolean;
      try {
        wanted = receiver.guard === undefined ||
          host.test(receiver.guard, message);
      } catch (error) {
        this.#leave(receiver);
        // The event loop may turn before its process comes to await it.
        receiver.promise.catch(ignore);
        const { reject } = receiver;
        resume(receiver, () => reject(error), host);
        receiver = after;
        continue;
      }
      if (wanted) {
        this.#leave(receiver);
        this.#resume(receiver, message, host);
        return true;
      }
      receiver = after;
    }
    return false;
  }

  /** Hands a wait its message: at once, or when it is its process's turn. */
  #resume(receiver: Receiver, message: unknown, host: MailboxHost): void {
    if (canStepNow(host)) receiver.resolve(message);
    else giveLater(receiver, message, host);
  }

  #enter(receiver: Receiver): void {
    const before = this.#last;
    receiver.before = before;
    if (before === undefined) this.#first = receiver;
    else before.after = receiver;
    this.#last = receiver;
    this.#waiting++;
  }

  #leave(receiver: Receiver): void {
    const { before, after } = receiver;
    if (before !== undefined) before.after = after;
    else if (this.#first === receiver) this.#first = after;
    else return;
    if (after === undefined) this.#last = before;
    else after.before = before;
    receiver.before = receiver.after = undefined;
    this.#waiting--;
    receiver.release?.();
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
    const receiver = new Receiver(guard, options?.isServer);
    if (
      guard === undefined && isUnlimited(options) &&
      this.#first === undefined && this.#only === undefined
    ) {
      this.#only = receiver;
      return receiver.promise;
    }
    if (options !== undefined && !this.#limit(receiver, options, host)) {
      return receiver.promise;
    }
    if (this.#only !== undefined) {
      this.#enter(this.#only);
      this.#only = undefined;
    }
    this.#enter(receiver);
    return receiver.promise;
  }

  /** A wait for a message that has arrived. */
  #given(message: unknown, host: MailboxHost): Promise<unknown> {
    if (canStepNow(host)) return Promise.resolve(message);
    const receiver = new Receiver();
    giveLater(receiver, message, host);
    return receiver.promise;
  }

  /** Waits only for the time. */
  sleep<T>(ms: number, value: T, host: MailboxHost): Promise<T> {
    const receiver = new Receiver();
    this.#settleAfter(ms, receiver, () => receiver.resolve(value), host);
    return receiver.promise as Promise<T>;
  }

  /**
   * Settles a wait that no message ends: after that many milliseconds, and not before the event loop has
   * turned.
   */
  #settleAfter(
    ms: number,
    receiver: Receiver,
    settle: () => void,
    host: MailboxHost,
  ): void {
    const sleepers = this.#sleepers ??= new Set();
    sleepers.add(receiver);
    const end = () => {
      if (sleepers.delete(receiver)) resume(receiver, settle, host);
    };
    if (ms <= 0) afterTurn(end);
    else if (ms !== Infinity) receiver.release = host.after(ms, end);
  }

  #limit(
    receiver: Receiver,
    options: WaitOptions,
    host: MailboxHost,
  ): boolean {
    const { timeout, signal } = options;
    const expire = () => {
      if (options.hasAfter) receiver.resolve(options.after);
      else receiver.resolve(failure(() => new ReceiveTimeout(timeout!)));
    };
    if (timeout !== undefined && timeout <= 0) {
      // A process that polls must not prevent what it polls for.
      this.#settleAfter(0, receiver, expire, host);
      return false;
    }
    let stopTimer: (() => void) | undefined;
    if (timeout !== undefined && timeout !== Infinity) {
      stopTimer = host.after(timeout, () => {
        this.#leave(receiver);
        resume(receiver, expire, host);
      });
    }
    const onAbort = () => {
      // It does not abort twice, and the host searches all listeners to remove one.
      receiver.release = stopTimer;
      this.#leave(receiver);
      receiver.reject(signal!.reason);
    };
    signal?.addEventListener("abort", onAbort);
    receiver.release = () => {
      stopTimer?.();
      signal?.removeEventListener("abort", onAbort);
    };
    return true;
  }

  /** Ends every wait, as its process has exited, and discards the messages. */
  close(host: MailboxHost): void {
    this.#queue = NONE;
    this.#head = 0;
    if (
      this.#only === undefined && this.#first === undefined &&
      this.#sleepers === undefined
    ) return;
    const receivers = [...this.#sleepers ?? []];
    for (let each = this.#first; each !== undefined;) {
      receivers.push(each);
      const { after } = each;
      each.before = each.after = undefined;
      each = after;
    }
    if (this.#only !== undefined) receivers.push(this.#only);
    this.#only =
      this.#first =
      this.#last =
      this.#sleepers =
        undefined;
    this.#waiting = 0;
    for (const receiver of receivers) {
      receiver.release?.();
      abandon(receiver, host);
    }
  }
}

function resume(
  receiver: Receiver,
  settle: () => void,
  host: MailboxHost,
): void {
  if (canStepNow(host)) settle();
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
  enqueueStep(host, () => {
    if (host.alive) settle();
    else abandon(receiver, host);
  });
}

function abandon(receiver: Receiver, host: MailboxHost): void {
  if (receiver.isServer) return;
  receiver.promise.catch(ignore);
  receiver.reject(host.exitError());
}

function isUnlimited(options: WaitOptions | undefined): boolean {
  return options === undefined ||
    (options.timeout === undefined && options.signal === undefined);
}
