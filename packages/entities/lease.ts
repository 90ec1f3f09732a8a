/**
 * The lease of a node: whether its answers count, by a clock that nobody sets.
 *
 * The lease lasts from before a renewal was sent, so no delay on the way can prolong it. Its owner serves for two
 * thirds of it. Others remove a node when its beat in the store has not changed for three quarters of it, on their own
 * clock. The rest between them is for clocks of different speed.
 *
 * The clock is the monotonic one, which stands still while a virtual machine is suspended. So the wall clock counts
 * too, and only to end a lease: a wall clock that is set forward costs one renewal.
 *
 * @module
 */

import type { Runtime } from "@otp/processes/process/runtime";
import { scheduler } from "@otp/processes/scheduling/scheduler";

/** The part of a lease during which its owner serves. */
const SERVES = 2 / 3;

/** The part of a lease after which a node that does not renew it is removed. */
const DEAD = 3 / 4;

/** The time after which an unchanged beat says that a node with such a lease is dead, in milliseconds. */
export function patienceWith(lease: number): number {
  return lease * DEAD;
}

/** Resolves when all code that can go on has done so. */
export function turned(): Promise<void> {
  return new Promise((resolve) => scheduler.afterTurn(resolve));
}

/** Notifies those who wait for a change. */
export class Changes {
  #next = Promise.withResolvers<void>();

  /** Resolves at the next change. */
  wait(): Promise<void> {
    return this.#next.promise;
  }

  /** Resolves at the next change, or after some milliseconds. */
  async waitFor(runtime: Runtime, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = runtime.deadlines.after(ms, resolve);
    await Promise.race([this.#next.promise, promise]);
    stop();
  }

  /** Notifies them. */
  notify(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    resolve();
  }
}

/** The lease of one node. */
export class StoreLease {
  /** The id of the node in the store, from when it has joined until it was removed. */
  id: string | undefined;
  readonly #runtime: Runtime;
  readonly #length: number;
  #until = -Infinity;
  #wallUntil = -Infinity;
  /** The last moment that was read, on both clocks, and the scheduler's period then. */
  #wall = NaN;
  #period = 0;
  #now = -Infinity;

  /** A lease of some milliseconds, which has not begun. */
  constructor(runtime: Runtime, length: number) {
    this.#runtime = runtime;
    this.#length = length;
  }

  /**
   * Whether answers of this node count. Both clocks are asked, the monotonic one once in each millisecond of the other in
   * which the program was never idle: reading it costs as much as the rest of a quick method.
   */
  get isValid(): boolean {
    const wall = this.#runtime.clock.wall();
    const { period } = scheduler;
    if (wall !== this.#wall || period !== this.#period) {
      this.#wall = wall;
      this.#period = period;
      this.#now = this.#runtime.clock.now();
    }
    return this.#now < this.#until && wall < this.#wallUntil;
  }

  /** The time when {@linkcode isValid} was read, on the node's clock, to a millisecond. */
  get readAt(): number {
    return this.#now;
  }

  /** The time between renewals, in milliseconds. */
  get interval(): number {
    return this.#length / 10;
  }

  /** The time that the store may take for an answer, in milliseconds. */
  get storeTimeout(): number {
    return this.#length / 3;
  }

  /** Renews the lease by an answer to a renewal that was sent at those moments. */
  renew(sentAt: number, wallAt: number): void {
    this.#until = Math.max(this.#until, sentAt + this.#length * SERVES);
    this.#wallUntil = wallAt + this.#length * SERVES;
  }

  /** Whether a renewal that was sent at that moment of the node's clock, or later, was answered. */
  wasRenewedSince(at: number): boolean {
    return this.#until >= at + this.#length * SERVES;
  }

  /** Ends the lease. */
  end(): void {
    this.#until = -Infinity;
    this.id = undefined;
  }
}

/** The answer of a store, or an error after some milliseconds: what was asked may have happened. */
export function answeredWithin<T>(
  runtime: Runtime,
  ms: number,
  answer: () => Promise<T>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = runtime.deadlines.after(
    ms,
    () =>
      reject(new Error(`the store has not answered in ${Math.round(ms)} ms`)),
  );
  // A client's function may throw.
  Promise.resolve().then(answer).then(resolve, reject).finally(stop);
  return promise;
}

/** Returns the value of a method; rejects if it is a promise that takes longer. */
export function endedWithin(
  runtime: Runtime,
  limit: number,
  value: unknown,
): unknown {
  if (!(value instanceof Promise) || limit === Infinity) return value;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = runtime.deadlines.after(
    limit,
    () => reject(new Error(`it takes more than ${limit} ms`)),
  );
  return Promise.race([value, promise]).finally(stop);
}
