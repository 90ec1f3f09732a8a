/**
 * How many messages per second the processes of a node receive: the difference between two samples of their counters.
 *
 * @module
 */

import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Runtime } from "../../core/processes/runtime.ts";

/** The least time between two samples, in milliseconds: several observers share them. */
const LEAST = 500;

/** Samples are forgotten when that many milliseconds pass without another one. */
const KEPT = 10_000;

/** The rates of a node's processes. */
export class MessageRates {
  readonly #runtime: Runtime;
  /** The counters of the last sample that are not 0, by the number of the process. */
  #counters: Map<number, number> | undefined;
  /** The rates that are not 0. */
  #rates: Map<number, number> | undefined;
  #sampledAt = -Infinity;
  #isUsed = false;

  /** Without samples. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The rate of a process between the last two samples; `undefined` if there are not two. */
  of(process: LocalProcess): number | undefined {
    if (this.#rates === undefined) return undefined;
    return this.#rates.get(process.pid.number) ?? 0;
  }

  /** Takes a sample. */
  sample(): void {
    this.#isUsed = true;
    const now = this.#runtime.now();
    const passed = now - this.#sampledAt;
    if (passed < LEAST) return;
    const before = this.#counters;
    const counters = new Map<number, number>();
    const rates = new Map<number, number>();
    for (const { pid, mailbox } of this.#runtime.processes.values()) {
      const { received } = mailbox;
      if (received === 0) continue;
      counters.set(pid.number, received);
      const more = received - (before?.get(pid.number) ?? 0);
      if (more > 0) rates.set(pid.number, more * 1000 / passed);
    }
    this.#counters = counters;
    this.#rates = before === undefined ? undefined : rates;
    this.#sampledAt = now;
    if (before === undefined) this.#forgetLater();
  }

  /** Forgets the samples when nobody uses them; a process does so, as it ends with its node. */
  #forgetLater(): void {
    const process: LocalProcess = this.#runtime.spawn(
      async () => {
        while (this.#isUsed) {
          this.#isUsed = false;
          await process.mailbox.sleep(KEPT, undefined, process);
        }
        this.#counters = undefined;
        this.#rates = undefined;
        this.#sampledAt = -Infinity;
      },
      { label: "Observer.rates" },
    );
  }
}
