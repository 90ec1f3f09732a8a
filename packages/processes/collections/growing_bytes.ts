/** Bytes that are collected in one array, which grows as they arrive. */

/** Counts memory before it is allocated. Throws if it would be too much. */
export type Hold = (bytes: number) => void;

/** The sizes of the first array, in bytes: of bytes whose number is not known, and at most of others. */
const FIRST = { unknown: 1 << 12, known: 1 << 16 };

/** An array of more bytes grows by a quarter, so that little of it is unused. */
const MANY = 1 << 17;

/**
 * If the final number is known, the array doubles until 1/AHEAD of the bytes has arrived, then takes its full length. So
 * a peer that announces much and sends little makes this node hold at most AHEAD times the bytes sent. If the array
 * doubled up to its full length, the last doubling of 100 MB would copy half of it, in 40 ms.
 */
const AHEAD = 32;

/** Bytes that arrive in parts. */
export class GrowingBytes {
  /** The bytes; those from `end` on are not used yet. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The number of bytes. */
  end = 0;
  readonly #hold: Hold;
  readonly #most: number;

  /** Collects bytes: `most` of them, or any number. Calls `hold` before each allocation. */
  constructor(hold: Hold, most: number = Infinity) {
    this.#hold = hold;
    this.#most = most;
  }

  /** Appends bytes. */
  append(more: Uint8Array): void {
    const end = this.end + more.length;
    if (end > this.bytes.length) this.#grow(end);
    this.bytes.set(more, this.end);
    this.end = end;
  }

  /** Drops the bytes before `start`. */
  drop(start: number): void {
    this.bytes.copyWithin(0, start, this.end);
    this.end -= start;
  }

  #grow(least: number): void {
    const { length } = this.bytes;
    const most = this.#most;
    const next = most === Infinity
      ? Math.max(FIRST.unknown, length < MANY ? 2 * length : 1.25 * length)
      : AHEAD * length < most
      ? Math.min(most, Math.max(FIRST.known, 2 * length))
      : most;
    const size = Math.max(least, Math.ceil(next));
    this.#hold(size - length);
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }
}
