/** Measures the delay of the event loop of a node, while somebody asks for it. */

import { untraced } from "@otp/processes/context/tracing";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** The interval of the timer, in milliseconds. */
export const INTERVAL = 100;

export class LoopDelay {
  readonly #runtime: Runtime;
  readonly #idleIntervals: number;
  #longest = 0;
  #idle = 0;
  #meter: LocalProcess | undefined;

  /**
   * @param idleIntervals The number of intervals without a `take` after which the measurement ends.
   */
  constructor(runtime: Runtime, idleIntervals: number) {
    this.#runtime = runtime;
    this.#idleIntervals = idleIntervals;
  }

  /** Returns the longest delay since the last `take`, in milliseconds, and measures from now on. */
  take(): number {
    const longest = this.#longest;
    this.#longest = 0;
    this.#idle = 0;
    // An observer may have ended the process.
    if (this.#meter?.alive) return longest;
    // The timer runs in a process, which ends with its node.
    const process: LocalProcess = untraced(() =>
      spawnProcess(this.#runtime, async () => {
        while (++this.#idle < this.#idleIntervals) {
          const due = performance.now() + INTERVAL;
          await process.mailbox.sleep(INTERVAL, undefined, process);
          const late = Math.round(performance.now() - due);
          this.#longest = Math.max(this.#longest, late);
        }
      }, { label: "Observer.delay" })
    );
    this.#meter = process;
    return longest;
  }
}
