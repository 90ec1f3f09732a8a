/**
 * Unhandled errors: a rejection that was not awaited, a throw in a timer.
 *
 * An unhandled error fails the watched work, if there is any. Otherwise it is logged, and ends neither
 * the node nor the program; the host would end the program.
 */

import nodeProcess from "node:process";
import { ProcessExited } from "@otp/processes/errors";
import { systemClock } from "@otp/processes/host/clock";
import { NodeLog } from "@otp/processes/log/node_log";
import { complain } from "./output.ts";
import { formatThrown } from "./report.ts";

const EVENTS = ["unhandledRejection", "uncaughtException"] as const;

/** Handles unhandled errors until it is disposed of. */
export class StrayErrors implements Disposable {
  #fail: ((error: unknown) => void) | undefined;
  readonly #onError: (error: unknown) => void;
  /** Limits the number of logged errors like a node's log: each turn of the event loop may produce an error. */
  readonly #log = new NodeLog({
    node: "",
    hook: ({ level, message }) => complain(`[${level}] ${message}`),
    clock: systemClock,
  });

  constructor() {
    this.#onError = (error) => {
      // The rejected wait of an exiting process, whose code can no longer handle it.
      if (isExited(error)) return;
      if (this.#fail !== undefined) this.#fail(error);
      else {
        this.#log.report(
          "error",
          () => `Nobody handled ${formatThrown(error)}`,
        );
      }
    };
    for (const each of EVENTS) nodeProcess.on(each, this.#onError);
  }

  /** The result of work; rejects with the first unhandled error while it runs. */
  async during<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#fail = reject;
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#fail = undefined;
    }
  }

  [Symbol.dispose](): void {
    for (const each of EVENTS) nodeProcess.off(each, this.#onError);
    this.#log.stop();
  }
}

/** Whether an error is the exit of a process. The error may be a proxy that throws when it is inspected. */
function isExited(error: unknown): boolean {
  try {
    return error instanceof ProcessExited;
  } catch {
    return false;
  }
}
