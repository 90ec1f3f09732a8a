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
interface Waiting {
  /** The number of bytes that wait. */
  left: number;
  /** Writes the next part; returns the number of its bytes. */
  readonly write: () => number;
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

  /** Adds a signal of `bytes` bytes to its sender's lane. `write` writes its next part, and returns the part's bytes. */
  add(sender: number, bytes: number, write: () => number): void {
    const signal: Waiting = { left: bytes, write };
    const lane = this.#lanes.get(sender);
    if (lane === undefined) this.#lanes.set(sender, [signal]);
    else lane.push(signal);
    this.bytes += bytes;
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
      lane[0].left -= written;
      if (lane[0].left > 0) continue;
      lane.shift();
      if (lane.length === 0) this.#lanes.delete(sender);
    }
  }
}
