/** Checks the options of a supervisor. */

import { inspect } from "../../core/values/inspect.ts";
import { assertIntensity } from "./restart_intensity.ts";
import type { SupervisionOptions } from "./supervisor_server.ts";

const STRATEGIES: readonly unknown[] = [
  "one_for_one",
  "one_for_all",
  "rest_for_one",
];
const AUTO_SHUTDOWNS: readonly unknown[] = [
  "never",
  "any_significant",
  "all_significant",
];

/**
 * Checks the options of a supervisor, and fills in the defaults.
 *
 * @throws {TypeError} If an option is missing or invalid.
 * @throws {RangeError} If the number of restarts or seconds is out of bounds.
 */
export function checkSupervision(
  options: Partial<SupervisionOptions> & Pick<SupervisionOptions, "strategy">,
): SupervisionOptions {
  const { strategy, maxRestarts = 3, maxSeconds = 5, autoShutdown = "never" } =
    options;
  if (!STRATEGIES.includes(strategy)) {
    throw new TypeError(
      `Cannot start a supervisor: its strategy is ${
        inspect(strategy)
      }; give "one_for_one", "one_for_all" or "rest_for_one"`,
    );
  }
  if (!AUTO_SHUTDOWNS.includes(autoShutdown)) {
    throw new TypeError(
      `Cannot start a supervisor: its autoShutdown is ${
        inspect(autoShutdown)
      }; give "never", "any_significant" or "all_significant"`,
    );
  }
  assertIntensity("start a supervisor", maxRestarts, maxSeconds);
  return { strategy, maxRestarts, maxSeconds, autoShutdown };
}
