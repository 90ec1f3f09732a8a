/** Waits for messages, including waits that may end without a message or out of order. */

import { ignore } from "../promises/promises.ts";

/** Returns whether a message is accepted. */
export type Guard = (message: unknown) => boolean;

/**
 * A wait for a message. It is a class, so that the promise's functions have fixed places in the object. It is no
 * `PendingAnswer`, which settles once by its reference: the mailbox removes a receiver before it settles it, and the
 * state of an answer would make a round trip of messages 16 % slower.
 */
export class Receiver {
  /** Settles with the message. */
  readonly promise: Promise<unknown>;
  /** Whether the wait stays pending when its process exits. */
  readonly isServer: boolean;
  /** Settles the promise. */
  readonly resolve: (message: unknown) => void;

  constructor(isServer = false) {
    this.isServer = isServer;
    // Keep no reject function: its 72 bytes per idle process would serve an error that rarely comes.
    this.promise = new Promise(keepResolve);
    this.resolve = resolver;
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

let resolver: (message: unknown) => void;

/** Shared by all receivers, because a closure for each would cost 100 bytes. */
function keepResolve(resolve: (message: unknown) => void): void {
  resolver = resolve;
}

/** A receiver in a chain, with its guard and the ends other than a message. */
export class ChainedReceiver {
  /** The wait. */
  readonly receiver: Receiver;
  /** Accepts messages; every message by default. */
  readonly guard: Guard | undefined;
  /** Called when the receiver leaves: stops its timer, and removes its listener from the abort signal. */
  release: (() => void) | undefined = undefined;
  /** The previous place. */
  before: ChainedReceiver | undefined = undefined;
  /** The next place. */
  after: ChainedReceiver | undefined = undefined;

  /** Creates a place outside any chain. */
  constructor(receiver: Receiver, guard?: Guard) {
    this.receiver = receiver;
    this.guard = guard;
  }
}

/**
 * A mailbox's receivers apart from the usual one: a chain, because a receiver in the middle may end, and the waits
 * that no message ends. In an object of its own, because most processes never have one.
 */
export class Receivers {
  /** The first place of the chain. */
  first: ChainedReceiver | undefined = undefined;
  /** The last place of the chain. */
  last: ChainedReceiver | undefined = undefined;
  /** Waits that no message ends. */
  #sleepers: Set<ChainedReceiver> | undefined = undefined;
  #chained = 0;

  get size(): number {
    return this.#chained + (this.#sleepers?.size ?? 0);
  }

  /** Adds a place at the end of the chain. */
  enter(place: ChainedReceiver): void {
    const before = this.last;
    place.before = before;
    if (before === undefined) this.first = place;
    else before.after = place;
    this.last = place;
    this.#chained++;
  }

  /** Removes a place from the chain, if it is there. */
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
