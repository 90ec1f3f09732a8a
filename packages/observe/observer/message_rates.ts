/** The messages per second that the processes of a node receive, from two samples of their counters. */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** The minimum time between two samples, in milliseconds, since several observers share the samples. */
const LEAST = 500;

/** The time without a new sample after which samples are discarded, in milliseconds. */
const KEPT = 10_000;

export class MessageRates {
  readonly #runtime: Runtime;
  /** The nonzero counters of the last sample, by the number of the process. */
  #counters: Map<number, number> | undefined;
  /** The nonzero rates, by the number of the process. */
  #rates: Map<number, number> | undefined;
  #sampledAt = -Infinity;
  #isUsed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Returns the rate of a process between the last two samples; `undefined` without two samples. */
  of(process: LocalProcess): number | undefined {
    if (this.#rates === undefined) return undefined;
    return this.#rates.get(process.pid.number) ?? 0;
  }

  sample(): void {
    this.#isUsed = true;
    const now = this.#runtime.clock.now();
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

  /** Discards unused samples later, in a process, which ends with its node. */
  #forgetLater(): void {
    const process: LocalProcess = spawnProcess(this.#runtime, async () => {
      while (this.#isUsed) {
        this.#isUsed = false;
        await process.mailbox.sleep(KEPT, undefined, process);
      }
      this.#counters = undefined;
      this.#rates = undefined;
      this.#sampledAt = -Infinity;
    }, { label: "Observer.rates" });
  }
}
