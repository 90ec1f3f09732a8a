/**
 * The answers to calls of one entity that wait for the same write: what these calls have changed is stored together.
 *
 * All of it is bounded. An answer must not wait for many slow methods of other callers, and a store that is away must not
 * fill the memory with values that nobody may have yet. A bound is checked after each call, so the last call may exceed it.
 *
 * @module
 */

import { valueBytes } from "@otp/processes/values/value_bytes";
import type { From } from "@otp/servers/gen_server/gen_server";
import type { EntityReply } from "./requests.ts";

/** The bounds of the answers that wait for one write. */
export const MOST_HELD = {
  calls: 500,
  /** The values in the answers and in the broadcasts before them, and their bytes, about. */
  values: 20_000,
  bytes: 1 << 20,
  /** Milliseconds since the end of the first call. */
  time: 10,
} as const;

/** A broadcast that has not left. */
export interface PendingBroadcast {
  readonly number: number;
  readonly message: unknown;
}

/** The answer to a call, and the broadcasts of the call. */
export interface HeldAnswer {
  readonly from: From;
  readonly reply: EntityReply;
  readonly outbox: readonly PendingBroadcast[];
}

/** Answers that wait for one write. */
export class HeldAnswers {
  readonly #all: HeldAnswer[] = [];
  readonly #values = { left: 0 };
  #bytes = 0;
  #since = 0;

  get size(): number {
    return this.#all.length;
  }

  /** Adds the answer to a call that has ended `now`; returns whether no other may be added. */
  add(answer: HeldAnswer, now: number): boolean {
    if (this.#all.length === 0) {
      this.#values.left = MOST_HELD.values;
      this.#bytes = 0;
      this.#since = now;
    }
    const { reply, outbox } = answer;
    this.#bytes += valueBytes([reply, outbox], this.#values, MOST_HELD.values);
    return this.#all.push(answer) >= MOST_HELD.calls ||
      this.#values.left <= 0 ||
      this.#bytes >= MOST_HELD.bytes || now - this.#since >= MOST_HELD.time;
  }

  /** Returns the answers, in the order of their calls, and forgets them. */
  take(): HeldAnswer[] {
    return this.#all.splice(0);
  }
}
