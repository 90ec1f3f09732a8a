/** Values that count for a time only. */

import type { Clock } from "./clock.ts";

/** Keeps the last value of each key for a time, and no longer. */
export class Recent<V> {
  readonly #clock: Pick<Clock, "now">;
  readonly #time: number;
  /** In the order of the times. */
  readonly #noted = new Map<string, { readonly at: number; value: V }>();

  /** Keeps values for `time` milliseconds. */
  constructor(clock: Pick<Clock, "now">, time: number) {
    this.#clock = clock;
    this.#time = time;
  }

  /** Notes a value, and drops the old ones. */
  note(key: string, value: V): void {
    const at = this.#clock.now();
    for (const [other, noted] of this.#noted) {
      if (at - noted.at < this.#time) break;
      this.#noted.delete(other);
    }
    this.#noted.delete(key);
    this.#noted.set(key, { at, value });
  }

  /** Returns the value of a key, unless it is too old. */
  get(key: string): V | undefined {
    const noted = this.#noted.get(key);
    if (noted === undefined) return undefined;
    return this.#clock.now() - noted.at < this.#time ? noted.value : undefined;
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#noted.delete(key);
  }
}
