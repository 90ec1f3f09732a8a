/**
 * The drain of the nodes of a program when the operating system asks it to stop.
 *
 * @module
 */

import nodeProcess from "node:process";
import {
  onStopSignal,
  STOP_SIGNALS,
  type StopSignal,
} from "../core/host/stop_signals.ts";
import {
  checkBoolean,
  checkList,
  checkOptions,
} from "../core/values/check_arguments.ts";
import { inspect } from "../core/values/inspect.ts";
import type { OptionNames } from "../core/values/options.ts";

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
   * Whether the program ends, with the exit code 0, when the node has stopped; of several nodes, the last.
   *
   * @default {true}
   */
  exit?: boolean;
}

const SIGNAL_OPTIONS: OptionNames<DrainSignalOptions> = {
  signals: true,
  timeout: true,
  exit: true,
};

/** The drains that signals have begun, of all nodes of the program. */
const draining = new Set<Promise<unknown>>();

/** Drains by a function when one of the signals arrives; returns a function that ends this. */
export function drainOnSignal(
  drain: () => Promise<unknown>,
  { signals = ["SIGTERM"], exit = true }: DrainSignalOptions,
): () => void {
  return onStopSignal(signals, async () => {
    const drained = drain();
    draining.add(drained);
    await drained;
    draining.delete(drained);
    // With the code of a supervision tree that has ended meanwhile, if one has.
    if (exit && draining.size === 0) nodeProcess.exit();
  });
}

/**
 * @throws {TypeError} If one is invalid.
 */
export function checkSignalOptions(options: DrainSignalOptions): void {
  const what = "drain on a signal";
  checkOptions(options, what, SIGNAL_OPTIONS, '{ signals: ["SIGTERM"] }');
  const { signals, exit } = options;
  if (exit !== undefined) checkBoolean(exit, `${what} and exit:`);
  if (signals === undefined) return;
  checkList(signals, what);
  for (const signal of signals) {
    if (STOP_SIGNALS.includes(signal)) continue;
    throw new TypeError(
      `Cannot ${what} ${inspect(signal)}: give "SIGTERM", "SIGINT" or "SIGHUP"`,
    );
  }
}
