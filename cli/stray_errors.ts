/**
 * Errors that nobody handled: a rejection that was not awaited, a throw in a timer.
 *
 * They belong to the work that is watched, if there is any. Otherwise they are told, and end neither
 * the node nor, as they would, this whole program.
 *
 * @module
 */

import nodeProcess from "node:process";
import { ProcessExited } from "../errors.ts";
import { systemClock } from "../runtime/host/clock.ts";
import { NodeLog } from "../runtime/log/node_log.ts";
import { complain } from "./output.ts";
import { formatThrown } from "./report.ts";

const EVENTS = ["unhandledRejection", "uncaughtException"] as const;

/** Takes the errors that nobody handled, until it is disposed of. */
export class StrayErrors implements Disposable {
  #fail: ((error: unknown) => void) | undefined;
  readonly #onError: (error: unknown) => void;
  /** As many at a time as a node's log takes: an error may come with each turn of the event loop. */
  readonly #log = new NodeLog({
    node: "",
    hook: ({ level, message }) => complain(`[${level}] ${message}`),
    clock: systemClock,
  });

  constructor() {
    this.#onError = (error) => {
      // The wait of a process that has been told to exit: nobody is left to handle it.
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

  /** What a work gives; rejects with the first error that nobody handled while it goes on. */
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

/** Whether an error is the exit of a process; it may be a proxy, which throws when it is looked at. */
function isExited(error: unknown): boolean {
  try {
    return error instanceof ProcessExited;
  } catch {
    return false;
  }
}
