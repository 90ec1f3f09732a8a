/**
 * Lanes: large signals leave in parts, so that they do not hold up the connection.
 *
 * A large signal and all later signals of its sender wait in the sender's lane; signals of other senders pass them. A lane
 * is first in, first out, so the order between any two processes holds. The oldest lane advances first: the receiver then
 * keeps the parts of one signal, not of all. An empty lane is removed.
 */

/** A signal of more bytes than this is large. */
export const LARGE = 1 << 16;

/** A signal in a lane. */
export interface Waiting {
  /** The number of bytes that wait. */
  readonly bytes: number;
  /** Whether nothing is left to write. */
  readonly isDone: boolean;
  /** Writes the next part; returns the number of its bytes, of those that wait. */
  write(): number;
}

/** A signal that waits for a large signal, and is written at once. */
export class SmallWaiting implements Waiting {
  readonly bytes: number;
  readonly isDone = true;
  readonly #write: () => void;

  /** Creates a signal of that size. */
  constructor(bytes: number, write: () => void) {
    this.bytes = bytes;
    this.#write = write;
  }

  write(): number {
    this.#write();
    return this.bytes;
  }
}

/** The lanes of one connection. */
export class Lanes {
  readonly #lanes = new Map<number, Waiting[]>();
  /** The number of bytes that wait. */
  bytes = 0;

  /** Whether no signal waits. */
  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Whether a sender has a lane, which its next signals must use. */
  has(sender: number): boolean {
    return this.#lanes.size > 0 && this.#lanes.has(sender);
  }

  /** Adds a signal to its sender's lane. */
  add(sender: number, signal: Waiting): void {
    const lane = this.#lanes.get(sender);
    if (lane === undefined) this.#lanes.set(sender, [signal]);
    else lane.push(signal);
    this.bytes += signal.bytes;
  }

  /** Returns the number of waiting bytes that messages of a sender pass: none if it has a lane. */
  passedBy(sender: number): number {
    return this.#lanes.size === 0 || this.#lanes.has(sender) ? 0 : this.bytes;
  }

  /** Writes about `room` bytes. */
  write(room: number): void {
    for (let left = room; left > 0 && this.#lanes.size > 0;) {
      const [sender, lane] = this.#lanes.entries().next().value!;
      const written = lane[0].write();
      left -= written;
      this.bytes -= written;
      if (!lane[0].isDone) continue;
      lane.shift();
      if (lane.length === 0) this.#lanes.delete(sender);
    }
  }
}
