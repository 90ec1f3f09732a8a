// Offline stand-in for the parts of `@std/testing/time` that this repository
// uses, so that a clone works without JSR; the published package depends on the
// genuine one. `@sinonjs/fake-timers` is the clock.

import { type Clock, withGlobal } from "@sinonjs/fake-timers";

/** The functions that {@linkcode FakeTime} replaces. */
interface Timing {
  Date: unknown;
  setTimeout: unknown;
  clearTimeout: unknown;
  setInterval: unknown;
  clearInterval: unknown;
  abortAfter: typeof AbortSignal.timeout;
}

const real = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  abortAfter: AbortSignal.timeout,
};

let isFaked = false;

/**
 * Replaces `Date`, timeouts, intervals and `AbortSignal.timeout` by ones that
 * move only when they are told to, until it goes out of scope.
 */
export class FakeTime implements Disposable {
  readonly #clock: Clock;

  constructor() {
    if (isFaked) throw new Error("Cannot fake time: it is faked already");
    this.#clock = withGlobal(globalThis).createClock(Date.now());
    install(fakesOf(this.#clock));
    isFaked = true;
  }

  /** Moves on by some milliseconds, and runs what is due. */
  tick(ms = 0): void {
    this.#clock.tick(ms);
  }

  /** Lets pending promise callbacks run, then does {@linkcode FakeTime.tick}. */
  async tickAsync(ms = 0): Promise<void> {
    await new Promise<void>((resolve) => void real.setTimeout(resolve, 0));
    this.tick(ms);
  }

  [Symbol.dispose](): void {
    isFaked = false;
    install(real);
  }
}

type Callback = (...args: unknown[]) => void;

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
