/**
 * Signals that are read later: the JSON of large signals, and the signals that must not pass it.
 *
 * Bytes arrive faster than their JSON is parsed. So the JSON of a large signal waits here, and is parsed in turns of the
 * event loop of its own: signals of other senders are delivered meanwhile. Later signals of its sender wait in the same
 * queue, so the order between any two processes holds. Acks for the window of large messages wait here too: the sender
 * sends on when the bytes have been parsed.
 */

import { Fifo } from "@otp/processes/collections/fifo";
import type { ByteBudget } from "../wire.ts";

/** At most this many bytes wait, as many as the budget of all peers has room for. Older bytes are read at once. */
const MOST = 1 << 20;

/** A part of fewer bytes is read at once if nothing waits: attachments have little JSON. */
const SHORT = 1 << 12;

/** A part of a signal, or a signal. */
type Late = { sender: number; bytes: number; read: () => void };

/** The late signals of one connection. */
export class LateSignals {
  readonly #budget: ByteBudget;
  readonly #wake: (() => void) | undefined;
  #queue = new Fifo<Late>();
  #bytes = 0;
  /** The number of waiting parts and signals of each sender. */
  readonly #senders = new Map<number, number>();

  /**
   * Creates an empty queue, whose bytes are counted in `budget`. It calls `wake` to ask for a call of `read`; without
   * `wake`, everything is read at once.
   */
  constructor(budget: ByteBudget, wake?: () => void) {
    this.#budget = budget;
    this.#wake = wake;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#senders.size === 0;
  }

  /** Whether something of a sender waits, so that its next signals must wait too. */
  has(sender: number): boolean {
    return this.#senders.has(sender);
  }

  /** Adds a part or a signal of `bytes` bytes. */
  add(sender: number, bytes: number, read: () => void): void {
    if (this.isEmpty && bytes < SHORT) return read();
    this.#queue.push({ sender, bytes, read });
    this.#senders.set(sender, (this.#senders.get(sender) ?? 0) + 1);
    this.#count(bytes);
    const { used, max } = this.#budget;
    const isFull = this.#wake === undefined || used > max;
    this.read(isFull ? Infinity : this.#bytes - MOST);
  }

  /** Reads about `room` bytes. */
  read(room: number): void {
    for (let left = room; left > 0 && this.#queue.length > 0;) {
      const { sender, bytes, read } = this.#queue.shift()!;
      this.#count(-bytes);
      read();
      left -= Math.max(1, bytes);
      const others = this.#senders.get(sender)! - 1;
      if (others > 0) this.#senders.set(sender, others);
      else this.#senders.delete(sender);
    }
    if (!this.isEmpty) this.#wake?.();
  }

  /** Discards everything. */
  clear(): void {
    this.#queue = new Fifo();
    this.#count(-this.#bytes);
    this.#senders.clear();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.add(bytes);
  }
}
