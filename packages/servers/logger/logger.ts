/**
 * The log of a node: messages of the program beside those of the node, with levels and a filter.
 *
 * Follows Elixir's [Logger](https://hexdocs.pm/logger/1.18/Logger.html).
 *
 * @module
 */

import {
  currentRuntime,
  insideOf,
} from "@otp/processes/runtime/current_process";
import type { LogFilter, LogLevel } from "@otp/processes/log/log_event";
import { LOG_LEVEL } from "@otp/processes/log/log_level";
import {
  checkFunction,
  checkRecord,
  checkValue,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";

export type {
  ApplicationReport,
  CrashReport,
  LogEvent,
  RemoteOrigin,
  ReportedChild,
  SupervisorError,
  SupervisorReport,
  TraceIds,
} from "@otp/processes/log/log_event";
export type { Ancestor } from "@otp/processes/values/lineage";
export type { Pid } from "@otp/processes/values/pid";

export type { LogFilter, LogLevel };

/** A message, or a function that makes it, which is called only if the message is logged. */
export type LogMessage = string | (() => string);

/** The log of the node that the calling code runs on. */
export class Logger {
  /**
   * Logs a message of use to the programmer only. Never throws for what a message contains.
   *
   * The event has the calling process as `pid`, its label, and the trace that the code is part of. As in OTP, at most
   * 500 events are logged in a second, including the node's own events; one line reports the number of dropped events.
   *
   * @param metadata Values to log with it.
   * @throws {TypeError} If the message is neither text nor a function, or the metadata is not an object.
   *
   * @example Usage
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Logger.debug(() => "not built: the level is warning"), undefined);
   * ```
   */
  static debug(message: LogMessage, metadata?: Record<string, unknown>): void {
    log("debug", message, metadata);
  }

  /**
   * Logs a message about normal operation; see {@linkcode Logger.debug}.
   *
   * @example Usage
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Logger.info("listening", { port: 8000 }), undefined);
   * ```
   */
  static info(message: LogMessage, metadata?: Record<string, unknown>): void {
    log("info", message, metadata);
  }

  /**
   * Logs a warning; see {@linkcode Logger.debug}.
   *
   * @example Usage
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Logger.warning("the disk is almost full"), undefined);
   * ```
   */
  static warning(
    message: LogMessage,
    metadata?: Record<string, unknown>,
  ): void {
    log("warning", message, metadata);
  }

  /**
   * Logs an error; see {@linkcode Logger.debug}.
   *
   * @example Usage
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Logger.error("the order is lost", { order: 17 }), undefined);
   * ```
   */
  static error(message: LogMessage, metadata?: Record<string, unknown>): void {
    log("error", message, metadata);
  }

  /**
   * Returns the least severe level that the node logs.
   *
   * @returns The level; `"none"` if it logs nothing.
   *
   * @example Usage
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Logger.level(), "warning");
   * ```
   */
  static level(): LogLevel | "none" {
    return currentRuntime().log.level;
  }

  /**
   * Sets the least severe level that the node logs, as the option `logLevel` of `Node.start` does; `"none"` logs
   * nothing.
   *
   * @throws {TypeError} If `level` is not a level.
   *
   * @example Usage
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   * import { assertEquals } from "@std/assert";
   *
   * Logger.setLevel("error");
   * assertEquals(Logger.level(), "error");
   * Logger.setLevel("warning");
   * ```
   */
  static setLevel(level: LogLevel | "none"): void {
    checkValue(level, "set the log level", "level", LOG_LEVEL);
    currentRuntime().log.level = level;
  }

  /**
   * Sets the filter of the node's log, as the option `logFilter` of `Node.start` does. A node has one filter; the new
   * filter replaces the old one, and `undefined` removes it.
   *
   * The filter is called with each event whose level is logged, before the log hook. `false` drops the event, `true`
   * passes it on, and a returned event replaces it. If the filter throws or returns anything else, even a promise, the
   * event is logged unchanged, and an error is written to standard error. Events that a filter or log hook itself logs
   * go to standard error as well, from the level `"warning"` on.
   *
   * @throws {TypeError} If `filter` is not a function.
   *
   * @example Without a secret
   * ```ts
   * import { Logger } from "@otp/distribution/logger";
   *
   * Logger.setFilter((event) => ({ ...event, message: event.message.replaceAll("hunter2", "***") }));
   * Logger.setFilter(undefined);
   * ```
   */
  static setFilter(filter: LogFilter | undefined): void {
    if (filter !== undefined) checkFunction(filter, "set the log filter");
    currentRuntime().log.filter = filter;
  }
}

function log(
  level: LogLevel,
  message: LogMessage,
  metadata: Record<string, unknown> | undefined,
): void {
  const what = `log a message (${level})`;
  if (typeof message !== "string" && typeof message !== "function") {
    throw new TypeError(
      `Cannot ${what}: the message is ${
        inspect(message)
      }; give text, or a function that returns it`,
    );
  }
  if (metadata !== undefined) {
    checkRecord(metadata, `${what}: its metadata`, "{ order: 17 }");
  }
  const runtime = currentRuntime();
  if (!runtime.log.logs(level)) return;
  const process = insideOf();
  runtime.log.report(level, () => ({
    level,
    message: String(typeof message === "string" ? message : message()),
    ...process === undefined ? {} : { pid: process.pid },
    ...process?.ownLabel === undefined ? {} : { label: process.ownLabel },
    ...metadata === undefined ? {} : { metadata },
  }));
}
