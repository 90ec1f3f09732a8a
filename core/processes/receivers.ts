/**
 * Waits for a message: those that may end without one, or in another order than they began.
 *
 * @module
 */

import { ignore } from "../promises/promises.ts";

/** Returns whether a message is accepted. */
export type Guard = (message: unknown) => boolean;

/**
 * A wait for a message. A class, as its promise's functions then have their places in the object from the
 * beginning. Not an `Answer`, which is settled by its reference and only once: the mailbox takes a receiver out
 * before it settles it, and the state of an answer makes a round trip of messages 16 % slower.
 */
export class Receiver {
  /** Settles with the message. */
  readonly promise: Promise<unknown>;
  /** Whether it ends silently with its process. */
  readonly isServer: boolean;
  /** Settles the promise. */
  readonly resolve: (message: unknown) => void;

  /** Begins a wait. */
  constructor(isServer = false) {
    this.isServer = isServer;
    // Without the function that rejects: an idle process would keep its 72 bytes for an error that never comes.
    this.promise = new Promise(keepResolve);
    this.resolve = resolver;
  }

  /** Ends the wait with an error. */
  reject(error: unknown): void {
    const rejected = Promise.reject(error);
    // It has no other handler if the wait has ended already.
    rejected.catch(ignore);
    this.resolve(rejected);
  }

  /** Ends the wait with an error that nobody need handle. */
  abandon(error: unknown): void {
    this.promise.catch(ignore);
    this.reject(error);
  }
}

let resolver: (message: unknown) => void;

/** Not a closure of the receiver, which is 100 bytes for each. */
function keepResolve(resolve: (message: unknown) => void): void {
  resolver = resolve;
}

/** A receiver with its place among others, and with its other ends. */
export class ChainedReceiver {
  /** The wait. */
  readonly receiver: Receiver;
  /** Accepts messages; any, if it is left out. */
  readonly guard: Guard | undefined;
  /** Called when it leaves: stops its timer, and no longer listens to its abort signal. */
  release: (() => void) | undefined = undefined;
  /** The place before it. */
  before: ChainedReceiver | undefined = undefined;
  /** The place after it. */
  after: ChainedReceiver | undefined = undefined;

  /** A receiver that has no place yet. */
  constructor(receiver: Receiver, guard?: Guard) {
    this.receiver = receiver;
    this.guard = guard;
  }
}

/**
 * The receivers of a mailbox that are not its usual one: a chain, as one may end in its middle, and those that
 * no message ends. An object of its own: most processes never have one, and idle ones would keep its fields.
 */
export class Receivers {
  /** The first one of the chain. */
  first: ChainedReceiver | undefined = undefined;
  /** The last one of the chain. */
  last: ChainedReceiver | undefined = undefined;
  /** Waits that no message ends. */
  #sleepers: Set<ChainedReceiver> | undefined = undefined;
  #chained = 0;

  /** The number of all of them. */
  get size(): number {
    return this.#chained + (this.#sleepers?.size ?? 0);
  }

  /** Adds one at the end of the chain. */
  enter(place: ChainedReceiver): void {
    const before = this.last;
    place.before = before;
    if (before === undefined) this.first = place;
    else before.after = place;
    this.last = place;
    this.#chained++;
  }

  /** Takes one out of the chain, if it is there. */
  leave(place: ChainedReceiver): void {
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

  /** Adds one that no message ends. */
  sleep(place: ChainedReceiver): void {
    (this.#sleepers ??= new Set()).add(place);
  }

  /** Takes one out that no message ends; returns false if it had ended. */
  wake(place: ChainedReceiver): boolean {
    return this.#sleepers?.delete(place) ?? false;
  }

  /** Ends them all; returns their receivers in order, those that no message ends first. */
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
