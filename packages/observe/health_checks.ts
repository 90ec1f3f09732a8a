/**
 * Checks of a program's health. Each runs at most once per `maxAge`, because anyone can request the results.
 *
 * States of a check: it has a result, which is reused until it is too old; or it runs, and all requests wait for the
 * run. A run that exceeds its time limit has failed for the waiting requests, but continues. No second run starts
 * beside it, so a hanging check costs one run.
 */

import { outside } from "@otp/processes/context/async_context";
import { inspectWithin } from "@otp/processes/values/inspect";

/** A check: it fails if it returns `false`, throws, rejects, or takes too long. */
export type HealthCheck = () => unknown;

export interface CheckOptions {
  /** How long a run may take, in milliseconds. */
  timeout: number;
  /** How long a result is reused, in milliseconds. */
  maxAge: number;
  /** Runs a check in its own process. */
  run(check: HealthCheck): Promise<unknown>;
  /** Called when a check fails that did not fail before, with the reason. */
  failed(name: string, reason: string): void;
}

/** The longest reason of a failed check, in characters. */
const MAX_REASON = 1024;

/** The longest timer of the host, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;

/** One check, and its last result. */
class Checked {
  readonly name: string;
  readonly #check: HealthCheck;
  readonly #options: CheckOptions;
  #isFine = true;
  /** When the last run ended or exceeded its time limit. */
  #since = -Infinity;
  /** Settles with the run, or at its time limit. */
  #result: Promise<boolean> | undefined;
  #isRunning = false;

  constructor(name: string, check: HealthCheck, options: CheckOptions) {
    this.name = name;
    this.#check = check;
    this.#options = options;
  }

  isFine(): boolean | Promise<boolean> {
    if (this.#result !== undefined) return this.#result;
    const isOld = performance.now() - this.#since >= this.#options.maxAge;
    if (!isOld || this.#isRunning) return this.#isFine;
    return this.#result = outside(() => this.#runOnce());
  }

  async #runOnce(): Promise<boolean> {
    const { timeout, run } = this.#options;
    this.#isRunning = true;
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(
      () => late.resolve(`it takes longer than ${timeout} ms`),
      Math.min(timeout, MAX_TIMER),
    );
    const reason = run(this.#check)
      .then(
        (value) => value === false ? "it returned false" : undefined,
        (error) => inspectWithin(error, MAX_REASON),
      )
      .finally(() => this.#isRunning = false);
    const why = await Promise.race([reason, late.promise]);
    clearTimeout(timer);
    if (why !== undefined && this.#isFine) this.#options.failed(this.name, why);
    this.#isFine = why === undefined;
    this.#since = performance.now();
    this.#result = undefined;
    return this.#isFine;
  }
}

/** Creates checks that have not run; returns a function that resolves with their results. */
export function healthChecks(
  checks: Record<string, HealthCheck>,
  options: CheckOptions,
): () => Promise<[name: string, isFine: boolean][]> {
  const all = Object.entries(checks).map(([name, check]) =>
    new Checked(name, check, options)
  );
  return () =>
    Promise.all(
      all.map(async (each): Promise<[string, boolean]> => [
        each.name,
        await each.isFine(),
      ]),
    );
}
