/** The log of connections, as the parts of a network write to it. */

import type { LogLevel } from "../core/log/log_event.ts";
import type { LogCause } from "../core/log/node_log.ts";

/** Takes a line for the log, which is escaped and cut there, and may be suppressed. */
export type NetworkLog = (
  level: LogLevel,
  message: string | (() => string),
  cause?: LogCause,
) => void;
