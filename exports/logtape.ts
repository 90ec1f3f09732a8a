/**
 * Passes the log of a node to [LogTape](https://logtape.org), with its sinks, filters and levels.
 *
 * @module
 */

export * from "@otp/observe/logtape";
