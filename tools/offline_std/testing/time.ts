// Offline stand-in for `@std/testing/time`, so that a clone works without JSR;
// the published package depends on the genuine one. The clock is that of
// `@sinonjs/fake-timers`.

import { type Clock, withGlobal } from "@sinonjs/fake-timers";

/** The error that {@linkcode FakeTime} throws when it is misused. */
export class TimeError extends Error {
  /** @param message What cannot be done, and why. */
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

/** Options for {@linkcode FakeTime}. */
export interface FakeTimeOptions {
  /** Fake milliseconds that pass for each real one; 0 for a clock that stands. */
  advanceRate: number;
  /** Real milliseconds between two advances; 10 by default. */
  advanceFrequency?: number;
}

/** Options for {@linkcode FakeTime.delay}. */
export interface DelayOptions {
  /** Ends the delay early. */
  signal?: AbortSignal;
  /** Whether the delay keeps the program running. */
  persistent?: boolean;
}

const real = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  abortAfter: AbortSignal.timeout,
};

let current: FakeTime | undefined;

/**
 * Replaces `Date`, timeouts, intervals and `AbortSignal.timeout` by ones that
 * move only when they are told to, until {@linkcode FakeTime.restore}.
 */
export class FakeTime {
  readonly #clock: Clock;
  readonly #fakes: Timing;
  readonly #start: number;
  readonly #advancing: ReturnType<typeof setInterval> | undefined;

  /**
   * @param start The time that it is; now by default.
   * @param options Whether it moves by itself.
   */
  constructor(
    start?: number | string | Date | null,
    options?: FakeTimeOptions,
  ) {
    if (current !== undefined) {
      throw new TimeError(
        "Cannot fake time: it is faked already; restore it first",
      );
    }
    this.#start = Math.floor(new Date(start ?? Date.now()).getTime());
    if (Number.isNaN(this.#start)) {
      throw new TypeError(
        `Cannot fake time: no such start as ${start}`,
      );
    }
    this.#clock = withGlobal(globalThis).createClock(this.#start);
    this.#fakes = fakesOf(this.#clock);
    install(this.#fakes);
    current = this;
    const rate = Math.max(0, options?.advanceRate ?? 0);
    const frequency = Math.max(0, options?.advanceFrequency ?? 10);
    if (rate > 0) {
      this.#advancing = real.setInterval(
        () => this.tick(rate * frequency),
        frequency,
      );
    }
  }

  /** Restores the time of the one {@linkcode FakeTime} there is. */
  static restore(): void {
    if (current === undefined) {
      throw new TimeError("Cannot restore time: it is not faked");
    }
    current.restore();
  }

  /** Calls a function in real time. */
  static async restoreFor<T>(
    // deno-lint-ignore no-explicit-any
    callback: (...args: any[]) => Promise<T> | T,
    // deno-lint-ignore no-explicit-any
    ...args: any[]
  ): Promise<T> {
    if (current === undefined) {
      throw new TimeError("Cannot restore time: it is not faked");
    }
    const fakes = current.#fakes;
    install(real);
    let result: Promise<T> | T;
    try {
      result = callback(...args);
    } catch (error) {
      install(fakes);
      throw error;
    }
    // A callback that is done at once must not leave real time to others.
    if (!(result instanceof Promise)) {
      install(fakes);
      return result;
    }
    return await result.finally(() => install(fakes));
  }

  /** The fake time; set it to a later one to run what is due by then. */
  get now(): number {
    return this.#clock.now;
  }
  set now(value: number) {
    if (value < this.now) {
      throw new RangeError(
        `Cannot move time back from ${this.now} to ${value}`,
      );
    }
    this.#clock.tick(value - this.now);
  }

  /** The time at which it started. */
  get start(): number {
    return this.#start;
  }

  /** Waits in real time. */
  async delay(ms: number, options: DelayOptions = {}): Promise<void> {
    const { signal } = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () =>
      reject(new DOMException("The delay was aborted", "AbortError"));
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const timer = real.setTimeout(resolve, ms);
    try {
      await promise;
    } finally {
      real.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Lets pending promise callbacks run. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Moves on by some milliseconds, and runs what is due. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** Lets pending promise callbacks run, then does {@linkcode FakeTime.tick}. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  /** Advances to the next timer; returns whether there was one. */
  next(): boolean {
    if (this.#clock.countTimers() === 0) return false;
    this.#clock.next();
    this.#clock.tick(0);
    return true;
  }

  /** Lets pending promise callbacks run, then does {@linkcode FakeTime.next}. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves on until no timer is left. */
  runAll(): void {
    while (this.next());
  }

  /** Moves on until no timer is left, with promise callbacks in between. */
  async runAllAsync(): Promise<void> {
    while (this.#clock.countTimers() > 0) await this.nextAsync();
  }

  /** Restores real time. */
  restore(): void {
    if (current === undefined) {
      throw new TimeError("Cannot restore time: it is not faked");
    }
    current = undefined;
    real.clearInterval(this.#advancing);
    install(real);
  }

  /** Restores real time. */
  [Symbol.dispose](): void {
    this.restore();
  }
}

type Callback = (...args: unknown[]) => void;

/** The functions that {@linkcode FakeTime} replaces. */
interface Timing {
  Date: unknown;
  setTimeout: unknown;
  clearTimeout: unknown;
  setInterval: unknown;
  clearInterval: unknown;
  abortAfter: typeof AbortSignal.timeout;
}

function fakesOf(clock: Clock): Timing {
  // The genuine package's timers are numbers, with neither `ref` nor `unref`.
  const timeout = (callback: Callback, ms?: number, ...args: unknown[]) =>
    Number(clock.setTimeout(callback, ms, ...args));
  const interval = (callback: Callback, ms?: number, ...args: unknown[]) =>
    Number(clock.setInterval(callback, ms, ...args));
  return {
    Date: clock.Date,
    setTimeout: timeout,
    clearTimeout: (id?: unknown) => clock.clearTimeout(id as number),
    setInterval: interval,
    clearInterval: (id?: unknown) => clock.clearInterval(id as number),
    abortAfter: (ms) => {
      const controller = new AbortController();
      const reason = new DOMException("Signal timed out.", "TimeoutError");
      timeout(() => controller.abort(reason), ms);
      return controller.signal;
    },
  };
}

function install({ abortAfter, ...globals }: Timing): void {
  Object.assign(globalThis, globals);
  AbortSignal.timeout = abortAfter;
}
