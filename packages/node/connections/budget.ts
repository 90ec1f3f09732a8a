/** Bytes that are retained for all peers of a node together. */

import type { ByteBudget } from "../wire.ts";

/** Counts bytes against a limit. */
export class Budget implements ByteBudget {
  /** The limit. */
  readonly max: number;
  #used = 0;

  /** Creates an empty budget. */
  constructor(max: number) {
    this.max = max;
  }

  /** The retained bytes. */
  get used(): number {
    return this.#used;
  }

  /** Whether the limit is reached. */
  get isFull(): boolean {
    return this.#used >= this.max;
  }

  /** Counts bytes that are retained from now on; a negative number counts released bytes. */
  add(bytes: number): void {
    this.#used += bytes;
  }
}
