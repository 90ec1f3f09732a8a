/**
 * Bytes that are kept for all peers of a node together.
 *
 * @module
 */

import type { ByteBudget } from "./wire.ts";

/** Counts bytes against a limit. */
export class Budget implements ByteBudget {
  /** The limit. */
  readonly max: number;
  #used = 0;

  /** Nothing is kept yet. */
  constructor(max: number) {
    this.max = max;
  }

  /** The bytes that are kept. */
  get used(): number {
    return this.#used;
  }

  /** Whether no more may be kept. */
  get isFull(): boolean {
    return this.#used >= this.max;
  }

  /** Counts bytes that are kept from now on, or, below 0, no longer. */
  add(bytes: number): void {
    this.#used += bytes;
  }
}
