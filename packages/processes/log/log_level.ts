/** The levels of log events. */

import type { OptionCheck } from "../values/options.ts";
import type { LogLevel } from "./log_event.ts";

/** The levels, least severe first. */
export const LOG_LEVELS: readonly LogLevel[] = [
  "debug",
  "info",
  "warning",
  "error",
];

/** Returns the rank of a level; `"none"` ranks above all levels. */
export function rankOf(level: LogLevel | "none"): number {
  return level === "none" ? LOG_LEVELS.length : LOG_LEVELS.indexOf(level);
}

export const LOG_LEVEL: OptionCheck = {
  accepts: (level) =>
    level === "none" || LOG_LEVELS.includes(level as LogLevel),
  give: '"debug", "info", "warning", "error" or "none"',
};
