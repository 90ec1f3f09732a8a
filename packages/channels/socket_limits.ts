/** Limits for clients, which are strangers: how many sockets they open, how fast they send, and how deep. */

import type { Runtime } from "@otp/processes/process/runtime";

/** How many seconds of messages may come at once, after a pause: a client that is back joins all its topics. */
const BURST = 2;

/** A bucket of tokens: each message takes one, and time refills it. */
export class MessageBucket {
  readonly #rate: number;
  readonly #runtime: Runtime;
  #left: number;
  #at: number;

  /** @param rate The messages a second. */
  constructor(rate: number, runtime: Runtime) {
    this.#rate = rate;
    this.#runtime = runtime;
    this.#left = rate * BURST;
    this.#at = runtime.clock.now();
  }

  /** Takes a token; returns false if none is left. */
  take(): boolean {
    const now = this.#runtime.clock.now();
    const refilled = this.#left + (now - this.#at) / 1000 * this.#rate;
    this.#left = Math.min(refilled, this.#rate * BURST);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** The buckets of users, each shared by the sockets of one user. */
export class UserBuckets {
  readonly #rate: number;
  readonly #users = new Map<
    string,
    { bucket: MessageBucket; sockets: number }
  >();
  /** When the last sockets of users were closed, oldest first. */
  readonly #unused = new Map<string, number>();

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Returns the bucket for one socket more. */
  acquire(id: string, runtime: Runtime): MessageBucket {
    this.#forget(runtime.clock.now());
    this.#unused.delete(id);
    let user = this.#users.get(id);
    if (user === undefined) {
      const bucket = new MessageBucket(this.#rate, runtime);
      this.#users.set(id, user = { bucket, sockets: 0 });
    }
    user.sockets++;
    return user.bucket;
  }

  /** Releases the bucket of a socket. It is kept until it would be full, so that it does not help to connect again. */
  release(id: string, runtime: Runtime): void {
    const user = this.#users.get(id);
    if (user === undefined || --user.sockets > 0) return;
    const now = runtime.clock.now();
    this.#unused.set(id, now);
    this.#forget(now);
  }

  #forget(now: number): void {
    for (const [id, since] of this.#unused) {
      if (now - since < BURST * 1000) return;
      this.#unused.delete(id);
      this.#users.delete(id);
    }
  }
}

/** The number of sockets of each address. */
export class AddressCounts {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts a socket; returns `undefined` if the address has as many as it may. */
  acquire(address: string): AddressPlace | undefined {
    const place = new AddressPlace(this.#max, this.#counts, address);
    return place.take() ? place : undefined;
  }
}

/** One of the places that an address has for its sockets. */
export class AddressPlace {
  readonly #max: number;
  readonly #counts: Map<string, number>;
  readonly #address: string;
  #isTaken = false;

  constructor(max: number, counts: Map<string, number>, address: string) {
    this.#max = max;
    this.#counts = counts;
    this.#address = address;
  }

  /** Counts the socket, unless it is counted; returns false if the address has as many as it may. */
  take(): boolean {
    if (this.#isTaken) return true;
    const count = this.#counts.get(this.#address) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(this.#address, count + 1);
    return this.#isTaken = true;
  }

  /** Counts the socket no longer. */
  release(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    const count = this.#counts.get(this.#address)!;
    if (count === 1) this.#counts.delete(this.#address);
    else this.#counts.set(this.#address, count - 1);
  }
}

/** Whether a value of JSON is nested deeper than `levels`. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (
    typeof value !== "object" || value === null || value instanceof Uint8Array
  ) return false;
  if (levels === 0) return true;
  return Object.values(value).some((each) => isDeeper(each, levels - 1));
}
