/**
 * The share of a node's time that answers to other nodes may take: a quarter of a core, over all who ask.
 *
 * One answer takes as long as the node has many processes, and peers may ask as often as they like. Answers come one
 * after the other. Each is charged four times its own time; while more than `BURST` of that is left, the next ones
 * wait. A caller that has given up meanwhile, so that its process is dead, costs nothing.
 *
 * @module
 */

import { currentProcess } from "../../core/runtime/current_process.ts";
import type { Runtime } from "../../core/processes/runtime.ts";

/** The time that passes for a time of answers. */
const FACTOR = 4;

/** The time that may be charged before answers wait, in milliseconds. */
const BURST = 100;

/** The number of answers that may wait: whoever asked for one has given up after some seconds. */
const MAX_WAITING = 100;

/** The share of the answers of one node. */
export class ObserverShare {
  readonly #runtime: Runtime;
  #waiting = 0;
  /** Settles when the last answer has been given, and its time has passed. */
  #last: Promise<void> | undefined;
  /** The time at which all that was charged has passed. */
  #paidAt = -Infinity;

  /** The share of a node's observer. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Gives an answer when it may take its time.
   *
   * @throws {Error} If too many wait.
   */
  async take<T>(answer: () => T): Promise<T | undefined> {
    const process = currentProcess();
    if (this.#waiting >= MAX_WAITING) {
      throw new Error(
        `Cannot observe ${this.#runtime.node}: ${MAX_WAITING} answers wait for their turn; ask again later, and less often`,
      );
    }
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    this.#waiting++;
    if (before !== undefined) await before;
    this.#waiting--;
    if (!process.alive) {
      resolve();
      return undefined;
    }
    const started = performance.now();
    try {
      return answer();
    } finally {
      const now = performance.now();
      this.#paidAt = Math.max(this.#paidAt, now) + (now - started) * FACTOR;
      const wait = this.#paidAt - now - BURST;
      if (wait > 0) this.#runtime.after(wait, resolve);
      else resolve();
      // Waits of a node that has stopped are never over, and keep nothing.
      if (this.#last === promise && wait <= 0) this.#last = undefined;
    }
  }
}
