/**
 * The ids of requests that one entity has run, with their replies. They are a part of its stored form.
 *
 * An id is forgotten when enough later calls had an id, and enough time has passed: both, so that neither a rush of calls
 * nor a long pause makes a repeated call run again. The time is the store's.
 *
 * @module
 */

import { assertJson } from "./json_value.ts";

/** How long an entity remembers an id. */
export interface Remember {
  /** The number of later calls with an id. */
  readonly calls: number;
  /** Milliseconds. */
  readonly for: number;
}

/** The most ids that one entity remembers for a time: each write of its state has all of them. */
export const MAX_IDS = 10_000;

/** A reply, and when it was given if ids live for a time. */
type Reply = [value: unknown, at?: number];

export type StoredId = [id: string, ...reply: Reply];

/** Returns a copy of a reply, which may be a part of the state; throws a `TypeError` if JSON does not keep it as it is. */
export function rememberedReply(id: string, value: unknown): unknown {
  if (value !== undefined) assertJson(value, `the reply to ${id}`);
  return structuredClone(value);
}

/** The ids that one entity remembers, the oldest first. */
export class RememberedIds {
  readonly #remember: Remember;
  readonly #replies = new Map<string, Reply>();

  constructor(remember: Remember) {
    this.#remember = remember;
  }

  /** Adds what is stored. */
  adopt(stored: readonly StoredId[]): void {
    for (const [id, ...reply] of stored) this.#replies.set(id, reply);
  }

  has(id: string): boolean {
    return this.#replies.has(id);
  }

  /** The reply to a request that has run. */
  reply(id: string): unknown {
    return this.#replies.get(id)?.[0];
  }

  /** Whether another id would need the place of one that is still to be remembered. */
  isFull(now: number): boolean {
    const { calls } = this.#remember;
    if (this.#replies.size < Math.max(MAX_IDS, calls)) return false;
    const [oldest] = this.#replies.values();
    return !this.#isOver(oldest, now);
  }

  /** Adds the reply to a request that has run, of {@linkcode rememberedReply}; forgets the oldest ones whose time is over. */
  add(id: string, reply: unknown, now: number): void {
    this.#replies.set(id, this.#remember.for > 0 ? [reply, now] : [reply]);
    for (const [old, reply] of this.#replies) {
      const { size } = this.#replies;
      if (size <= this.#remember.calls || !this.#isOver(reply, now)) break;
      this.#replies.delete(old);
    }
  }

  #isOver([, at = -Infinity]: Reply, now: number): boolean {
    return at + this.#remember.for <= now;
  }

  /** The stored form; `undefined` if there are none. */
  stored(): StoredId[] | undefined {
    return this.#replies.size === 0
      ? undefined
      : Array.from(this.#replies, ([id, reply]) => [id, ...reply]);
  }
}
