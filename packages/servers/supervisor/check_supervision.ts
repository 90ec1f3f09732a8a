/** The options of a supervisor's supervision. */

import { oneOf } from "@otp/processes/values/check_arguments";
import type { OptionCheck, OptionChecks } from "@otp/processes/values/options";
import { INTENSITY } from "./restart_intensity.ts";
import type { SupervisionOptions } from "./supervisor_server.ts";

export const STRATEGY: OptionCheck = oneOf(
  "one_for_one",
  "one_for_all",
  "rest_for_one",
);

export const SUPERVISION: OptionChecks<SupervisionOptions> = {
  strategy: { ...STRATEGY, isRequired: true },
  ...INTENSITY,
  autoShutdown: oneOf("never", "any_significant", "all_significant"),
};

/** Returns the options of a supervision, with the defaults filled in. */
export function supervisionOptions(
  { strategy, maxRestarts = 3, maxSeconds = 5, autoShutdown = "never" }:
    & Partial<SupervisionOptions>
    & Pick<SupervisionOptions, "strategy">,
): SupervisionOptions {
  return { strategy, maxRestarts, maxSeconds, autoShutdown };
}
