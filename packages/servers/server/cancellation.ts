/**
 * Ways for callers to end a wait early: an `AbortSignal`, or a deadline.
 *
 * Other waits pay nothing for these options: `PendingAnswer.limit` watches a signal only if there is one, and a
 * deadline becomes a timeout when the wait begins.
 */

import { never } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { PendingReply } from "@otp/processes/process/pending_answer";
import { ignore } from "@otp/processes/promises/promises";
import { SIGNAL, TIMEOUT } from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { type DeclaredRef, locate, type ServerRef } from "./server_ref.ts";
import type { Place } from "@otp/processes/signals/signal";

/**
 * Options that end a wait early. A value of the wrong type throws a `TypeError`, and a deadline of `NaN` a
 * `RangeError`.
 */
export interface CancelOptions {
  /**
   * Ends the wait when the signal is aborted: the promise rejects with `signal.reason` (not a copy), and a later reply
   * is dropped. With an aborted signal, nothing is sent. The listener on the signal is removed when the wait ends.
   *
   * @default {undefined}
   */
  signal?: AbortSignal;
  /**
   * The time at which the wait times out, in milliseconds since 1970, like `Date.now()`. If the deadline has passed,
   * nothing is sent. With a timeout too, the earlier of both counts; without one, the default timeout does not apply.
   * The clock is read once, when the wait begins.
   *
   * @default {Infinity}
   */
  deadline?: number;
}

/** Default options of frequently called functions. They need no check. */
export const NO_OPTIONS: Readonly<Record<never, never>> = Object.freeze({});

/** The checks of {@linkcode CancelOptions}, for interfaces that extend it. */
export const CANCEL_OPTIONS: OptionChecks<CancelOptions> = {
  signal: SIGNAL,
  deadline: {
    accepts: (value) => typeof value === "number" && !Number.isNaN(value),
    give: "milliseconds since 1970, such as Date.now() + 5000, or Infinity",
    isNumber: true,
  },
};

/**
 * Options that limit a wait which has no limit by default. A timeout of the wrong type throws a `TypeError`, one that
 * is negative or `NaN` a `RangeError`.
 */
export interface TimeLimits extends CancelOptions {
  /**
   * How long to wait, in milliseconds; `Infinity` waits forever. When the time expires, the function fails with the
   * reason `"timeout"`.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/** The checks of {@linkcode TimeLimits}, for interfaces that extend it. */
export const TIME_LIMITS: OptionChecks<TimeLimits> = {
  ...CANCEL_OPTIONS,
  timeout: TIMEOUT,
};

/** Returns the milliseconds to the earlier of a timeout and a deadline; 0 if the deadline has passed. */
export function remaining(
  timeout: number,
  deadline: number | undefined,
): number {
  return deadline === undefined
    ? timeout
    : Math.min(timeout, Math.max(0, deadline - Date.now()));
}

/** Whether a deadline has passed. */
export function isOver(deadline: number | undefined): boolean {
  return deadline !== undefined && deadline <= Date.now();
}

/** The wait for a promise that no message settles, such as a registry's lookup. */
class PendingPromise<T> extends PendingReply<T> {
  readonly #late: () => Error;

  constructor(process: LocalProcess, late: () => Error) {
    super(process, process.runtime.node);
    this.#late = late;
    process.addEntry(this);
  }

  override expire(): void {
    this.cancel();
    this.settleFailed(this.#late);
  }

  /** Leaves the promise pending, as after any lookup: the code of an exited process does not continue. */
  override abandon(): void {
    this.disarm();
  }
}

/**
 * Locates a server for a request that its caller may cancel. The signal and the deadline end the lookup too; if the
 * signal is aborted or the deadline has passed, nothing is looked up.
 *
 * @param late Creates the error for a passed deadline.
 * @param timeout The milliseconds after which the lookup fails likewise.
 */
export function locateUntil(
  server: ServerRef | DeclaredRef,
  process: LocalProcess,
  { signal, deadline }: CancelOptions,
  late: () => Error,
  timeout: number = Infinity,
): Place | Promise<Place> {
  if (signal === undefined && deadline === undefined && timeout === Infinity) {
    return locate(server, process);
  }
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (isOver(deadline)) return Promise.reject(late());
  const place = locate(server, process);
  if (!(place instanceof Promise)) return place;
  return within(process, place, remaining(timeout, deadline), signal, late);
}

/**
 * Waits for a promise until a timeout expires or a signal is aborted. Neither ends the work behind the promise.
 *
 * @param late Creates the error for an expired timeout.
 */
export function within<T>(
  process: LocalProcess,
  promise: Promise<T>,
  timeout: number,
  signal: AbortSignal | undefined,
  late: () => Error,
): Promise<T> {
  if (timeout === Infinity && signal === undefined) return promise;
  if (!process.alive) return never();
  if (signal?.aborted) {
    promise.catch(ignore);
    return Promise.reject(signal.reason);
  }
  const pending = new PendingPromise<T>(process, late);
  pending.limit(timeout, signal);
  promise.then(
    (value) => {
      pending.cancel();
      pending.settle(value);
    },
    (error) => {
      pending.cancel();
      pending.settleFailed(() => error);
    },
  );
  return pending.promise;
}
