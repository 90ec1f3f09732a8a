/**
 * Attempts to reach another node: how many at a time, for how long, and when one is repeated.
 *
 * @module
 */

import type { Runtime } from "../core/processes/runtime.ts";
import { HandshakeError, type Local } from "./wire.ts";

/** The number of attempts at a time; others wait. Each takes a file descriptor or two. */
const AT_ONCE = 128;

/**
 * The number of times that an attempt is repeated whose connection was closed without any bytes: a listener
 * closes some when too many handshakes are pending, and accepts them a moment later.
 */
export const REPEATS = 5;

/**
 * The delay of the first repeat, in milliseconds, plus as much again at random; each delay is twice the
 * previous one.
 */
const REPEAT_AFTER = 25;

/** The parts of a node that attempts need. */
export interface AttemptsOptions {
  /** The node's processes. */
  runtime: Runtime;
  /** The data of the node that a handshake needs. */
  local: Local;
}

/** The attempts of one node. */
export class Attempts {
  readonly #options: AttemptsOptions;
  #atOnce = 0;
  /** Attempts that wait until there are fewer at once. */
  #waiting: (() => void)[] = [];
  #stopped = false;

  /** Starts without attempts. */
  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Runs one attempt, when there are not too many at once. */
  async inTurn<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#atOnce >= AT_ONCE && !this.#stopped) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#atOnce++;
    try {
      return await attempt();
    } finally {
      const next = this.#waiting.shift();
      // The next one takes the place over.
      if (next === undefined) this.#atOnce--;
      else next();
    }
  }

  /**
   * Runs one attempt within a time limit, by default the limit of a handshake; `stop` ends it before. The attempt may
   * restart its time.
   */
  async inTime<T>(
    stop: AbortSignal,
    attempt: (signal: AbortSignal, restart: () => void) => Promise<T>,
    ms: number = this.#options.local.limits.handshakeTimeout,
  ): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort(stop.reason);
    stop.addEventListener("abort", abort);
    if (stop.aborted) abort();
    const start = () =>
      this.#options.runtime.after(ms, () => {
        controller.abort(
          new HandshakeError(
            "timeout",
            `no answer within ${Math.round(ms)} ms`,
          ),
        );
      });
    let stopTimer = start();
    const restart = () => {
      stopTimer();
      stopTimer = start();
    };
    try {
      return await attempt(controller.signal, restart);
    } finally {
      stopTimer();
      stop.removeEventListener("abort", abort);
    }
  }

  /** The delay before a repeat, in milliseconds, after that many repeats. */
  repeatAfter(repeats: number): number {
    const [chance] = this.#options.local.randomBytes(1);
    return REPEAT_AFTER * 2 ** repeats * (1 + chance / 256);
  }

  /** Lets all waiting attempts begin, which then find that they are ended. */
  stop(): void {
    this.#stopped = true;
    for (const proceed of this.#waiting.splice(0)) {
      this.#atOnce++;
      proceed();
    }
  }
}
