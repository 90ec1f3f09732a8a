/** The signals that ask a program to stop, SIGINT and SIGTERM; a second one ends it immediately. */

import {
  onStopSignal,
  type StopSignal,
} from "@otp/processes/host/stop_signals";
import { EXIT } from "./report.ts";

export class StopSignals implements Disposable {
  /** Resolves with the exit code when the program is asked to stop. */
  readonly received: Promise<number>;
  first: StopSignal | undefined;
  readonly #off: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.received = promise;
    this.#off = onStopSignal(["SIGINT", "SIGTERM"], (signal) => {
      this.first = signal;
      resolve(EXIT.OK);
    });
  }

  [Symbol.dispose](): void {
    this.#off();
  }
}
