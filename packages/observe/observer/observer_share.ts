/**
 * Limits the time that answers to other nodes' observers take: a quarter of a core, for all peers together.
 *
 * The time of an answer grows with the number of processes, and peers can ask at any rate. Answers are given one after
 * the other. Each answer is charged FACTOR times its own time; while more than `BURST` of the charge is left, the next
 * answers wait. A caller whose process has exited meanwhile costs nothing.
 */

import { Process } from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import type { Runtime } from "@otp/processes/process/runtime";

/** The charge for an answer, as a multiple of its time. */
const FACTOR = 4;

/** The charge above which answers wait, in milliseconds. */
const BURST = 100;

/** The maximum number of waiting answers, since callers give up after some seconds. */
const MAX_WAITING = 100;

/** The share of the answers of one node. */
export class ObserverShare {
  readonly #runtime: Runtime;
  #waiting = 0;
  /** Settles when the last answer has been given. */
  #last: Promise<void> | undefined;
  /** The time when the whole charge has passed, on the node's clock. */
  #paidAt = -Infinity;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Runs `answer` when the charge allows it. Throws an `Error` if too many answers wait. */
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
    // The asking process waits: its timer ends with it, and so with the node.
    const wait = this.#paidAt - BURST - this.#runtime.clock.now();
    if (wait > 0 && process.alive) await Process.sleep(wait).catch(() => {});
    this.#waiting--;
    const started = performance.now();
    try {
      return process.alive ? answer() : undefined;
    } finally {
      const charge = (performance.now() - started) * FACTOR;
      this.#paidAt = Math.max(this.#paidAt, this.#runtime.clock.now()) + charge;
      resolve();
      if (this.#last === promise) this.#last = undefined;
    }
  }
}
