/** The levels of log events. */

import { inspect } from "../values/inspect.ts";
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

/** @throws {TypeError} If a value is not a level. */
export function checkLogLevel(level: unknown, what: string): void {
  if (level === "none" || LOG_LEVELS.includes(level as LogLevel)) return;
  throw new TypeError(
    `Cannot ${what}: the log level is ${
      inspect(level)
    }; give "debug", "info", "warning", "error" or "none"`,
  );
}
