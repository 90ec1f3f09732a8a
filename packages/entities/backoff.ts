/**
 * Pauses that grow before something is tried again.
 *
 * @module
 */

import { countFrom } from "@otp/processes/values/check_arguments";
import type { OptionCheck, OptionChecks } from "@otp/processes/values/options";

/** How something is tried again: each pause is twice the one before. */
export interface Backoff {
  /** The first pause, in milliseconds. */
  min?: number;
  /** The longest pause, in milliseconds. */
  max?: number;
  /** The number of times that it is tried again; `Infinity` for no end. */
  attempts?: number;
}

const PAUSE: OptionCheck = {
  accepts: (value) => typeof value === "number" && value > 0 && value < 2 ** 53,
  give: "milliseconds above 0",
  isNumber: true,
};

/** The checks of these options. */
export const BACKOFF: OptionChecks<Backoff> = {
  min: PAUSE,
  max: PAUSE,
  attempts: countFrom(0),
};

/** Returns the pause after some failures in a row, in milliseconds; `undefined` if it is not tried again. */
export function pauseAfter(
  failures: number,
  { min, max, attempts }: Required<Backoff>,
): number | undefined {
  return failures > attempts
    ? undefined
    : Math.min(max, min * 2 ** (failures - 1));
}
