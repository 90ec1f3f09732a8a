/** The restart intensity of a supervisor. */

import { integerFrom } from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";

/** How often a supervisor restarts its children. */
export interface RestartLimits {
  /**
   * The maximum number of restarts within `maxSeconds`. At one more, the supervisor ends its children and exits.
   *
   * @default {3}
   */
  maxRestarts?: number;
  /**
   * The time window for counting restarts, in whole seconds, at least 1. As in OTP, the clock is read in
   * whole seconds, so a restart can count for up to one second longer.
   *
   * @default {5}
   */
  maxSeconds?: number;
}

export const INTENSITY: Required<OptionChecks<RestartLimits>> = {
  maxRestarts: integerFrom(0),
  maxSeconds: integerFrom(1),
};

/** Counts restarts against a maximum within a number of seconds. */
export class RestartIntensity {
  readonly #max: number;
  readonly #period: number;
  /** The times of restarts, in whole seconds as in OTP: crashes 1.9 s apart can be 1 s apart. */
  #times: number[] | undefined = undefined;

  constructor(maxRestarts: number, maxSeconds: number) {
    this.#max = maxRestarts;
    this.#period = maxSeconds;
  }

  /** Counts a restart; returns whether it is allowed. */
  add(now: number): boolean {
    const times = this.#times ??= [];
    let old = 0;
    const second = Math.floor(now / 1000);
    while (old < times.length && second - times[old] > this.#period) old++;
    if (old > 0) times.splice(0, old);
    times.push(second);
    return times.length <= this.#max;
  }

  /** Uncounts the last restart, because the children's names are on other nodes. */
  uncount(): void {
    this.#times?.pop();
  }
}
