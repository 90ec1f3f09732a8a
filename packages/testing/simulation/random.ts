/** Random numbers that a seed determines. */

/** Generates the same numbers for the same seed; not for secrets. */
export class SeededRandom {
  #state: number;

  /** Starts from the lower 32 bits of `seed`. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An unsigned 32-bit number. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer below `end`. */
  below(end: number): number {
    return this.next() % end;
  }

  between(min: number, max: number): number {
    return min + (max - min) * (this.next() / 2 ** 32);
  }

  randomBytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.below(256));
  }
}
