/**
 * The signals that ask a program to stop, SIGINT and SIGTERM; a second one ends it immediately.
 *
 * @module
 */

import nodeProcess from "node:process";
import { EXIT } from "./report.ts";

/**
 * Signals within this time, in milliseconds, count as one: `deno task` forwards the Ctrl-C that
 * the terminal has already sent to all of its processes.
 */
const ONE_SIGNAL = 200;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Handles the stop signals until it is disposed of. */
export class StopSignals implements Disposable {
  /** Resolves with the exit code when the program is asked to stop. */
  readonly received: Promise<number>;
  readonly #onSignal: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    let first: number | undefined;
    this.received = promise;
    this.#onSignal = () => {
      const now = performance.now();
      first ??= now;
      if (now - first > ONE_SIGNAL) nodeProcess.exit(EXIT.FAILED);
      resolve(EXIT.OK);
    };
    for (const each of SIGNALS) nodeProcess.on(each, this.#onSignal);
  }

  [Symbol.dispose](): void {
    for (const each of SIGNALS) nodeProcess.off(each, this.#onSignal);
  }
}
