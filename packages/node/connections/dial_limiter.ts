/** Limits the attempts to connect to other nodes: how many run at a time, for how long, and when one is repeated. */

import type { Runtime } from "@otp/processes/process/runtime";
import { HandshakeError, type Local } from "../wire.ts";

/** The maximum number of concurrent attempts; each takes a file descriptor or two. */
const AT_ONCE = 128;

/**
 * How often an attempt is repeated whose connection was closed without any bytes: a listener closes some when too
 * many handshakes are pending, and accepts them a moment later.
 */
export const REPEATS = 5;

/** The delay of the first repeat, in milliseconds, plus as much again at random. Each further delay is twice as long. */
const REPEAT_AFTER = 25;

/** Limits the attempts of one node. */
export class DialLimiter {
  readonly #runtime: Pick<Runtime, "deadlines">;
  readonly #local: Pick<Local, "limits" | "randomBytes">;
  #running = 0;
  /** Lets waiting attempts begin. */
  #waiting: (() => void)[] = [];
  #stopped = false;

  /** Creates a limiter without attempts. */
  constructor(
    runtime: Pick<Runtime, "deadlines">,
    local: Pick<Local, "limits" | "randomBytes">,
  ) {
    this.#runtime = runtime;
    this.#local = local;
  }

  /** Runs an attempt when fewer than {@linkcode AT_ONCE} others run. */
  async inTurn<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE && !this.#stopped) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await attempt();
    } finally {
      const next = this.#waiting.shift();
      // Hand the place over to the next attempt.
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /**
   * Runs an attempt within a time limit, by default the limit of a handshake; `stop` ends it before. The attempt may
   * restart its time.
   */
  async inTime<T>(
    stop: AbortSignal,
    attempt: (signal: AbortSignal, restart: () => void) => Promise<T>,
    ms: number = this.#local.limits.handshakeTimeout,
  ): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort(stop.reason);
    stop.addEventListener("abort", abort);
    if (stop.aborted) abort();
    const start = () =>
      this.#runtime.deadlines.after(ms, () => {
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

  /** Returns the delay before the next repeat, in milliseconds, after this number of repeats. */
  repeatAfter(repeats: number): number {
    const [chance] = this.#local.randomBytes(1);
    return REPEAT_AFTER * 2 ** repeats * (1 + chance / 256);
  }

  /** Waits; each of the signals ends the wait early, without an error. */
  pause(ms: number, ...signals: AbortSignal[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = this.#runtime.deadlines.after(ms, resolve);
    const proceed = () => resolve();
    for (const signal of signals) {
      signal.addEventListener("abort", proceed);
      if (signal.aborted) proceed();
    }
    return promise.finally(() => {
      stopTimer();
      for (const signal of signals) {
        signal.removeEventListener("abort", proceed);
      }
    });
  }

  /** Lets all waiting attempts begin; each attempt then finds that its dial has ended. */
  stop(): void {
    this.#stopped = true;
    for (const proceed of this.#waiting.splice(0)) {
      this.#running++;
      proceed();
    }
  }
}
