/** The drain of the nodes of a program when the operating system asks it to stop. */

import nodeProcess from "node:process";
import {
  onStopSignal,
  STOP_SIGNALS,
  type StopSignal,
} from "@otp/processes/host/stop_signals";
import {
  checkOptions,
  FLAG,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";

/** Options for `Node.drainOnSignal`. */
export interface DrainSignalOptions {
  /**
   * The signals: of `"SIGTERM"`, `"SIGINT"` and `"SIGHUP"`.
   *
   * @default {["SIGTERM"]}
   */
  signals?: readonly StopSignal[];
  /**
   * How long to wait for work to finish, in milliseconds.
   *
   * @default {drainTimeout of the node}
   */
  timeout?: number;
  /**
   * Whether the program ends, with the exit code 0, when the node, or the last of several, has stopped.
   *
   * @default {true}
   */
  exit?: boolean;
}

const SIGNAL_OPTIONS: OptionChecks<DrainSignalOptions> = {
  signals: {
    accepts: (signals) =>
      Array.isArray(signals) &&
      signals.every((each) => STOP_SIGNALS.includes(each)),
    give: 'a list of "SIGTERM", "SIGINT" or "SIGHUP"',
  },
  timeout: TIMEOUT,
  exit: FLAG,
};

/** The drains of all nodes of the program that signals have begun. */
const draining = new Set<Promise<unknown>>();

/** Calls `drain` when a signal arrives; returns a function that removes the handlers. */
export function drainOnSignal(
  drain: () => Promise<unknown>,
  { signals = ["SIGTERM"], exit = true }: DrainSignalOptions,
): () => void {
  return onStopSignal(signals, async () => {
    const drained = drain();
    draining.add(drained);
    await drained;
    draining.delete(drained);
    // A supervision tree that ended has set `exitCode`.
    if (exit && draining.size === 0) nodeProcess.exit();
  });
}

/** @throws {TypeError} If an option is invalid. */
export function checkSignalOptions(options: DrainSignalOptions): void {
  checkOptions(
    options,
    "drain on a signal",
    SIGNAL_OPTIONS,
    '{ signals: ["SIGTERM"] }',
  );
}
