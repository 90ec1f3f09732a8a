/** The log of connections, as the parts of a network write to it. */

import type { LogLevel } from "@otp/processes/log/log_event";
import type { LogCause } from "@otp/processes/log/node_log";

/** Takes a line for the log, which is escaped and cut there, and may be suppressed. */
export type NetworkLog = (
  level: LogLevel,
  message: string | (() => string),
  cause?: LogCause,
) => void;
