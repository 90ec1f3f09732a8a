/** Clocks: the time of nodes, the machine's or a simulated one. */

/** The time, as a runtime uses it. */
export interface Clock {
  /** Whether the time is simulated: a late timer then has no pending input of the host to wait for. */
  readonly isVirtual?: true;
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Milliseconds since 1970, on a clock that can be set. */
  wall(): number;
  /** Calls back after `ms` milliseconds; returns a function that cancels the call. */
  after(ms: number, fn: () => void): () => void;
  /** Calls back every `ms` milliseconds, for background work; returns a function that stops the calls. */
  every(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fn) => {
    // The host's timers hold at most 2^31 - 1 ms, so longer waits take several.
    const limit = 2 ** 31 - 1;
    let id: ReturnType<typeof setTimeout>;
    const arm = (left: number) => {
      id = setTimeout(
        () => left > limit ? arm(left - limit) : fn(),
        Math.min(left, limit),
      );
    };
    // Rounded up, because the host drops fractions and no timer may fire early.
    arm(Math.ceil(ms));
    return () => clearTimeout(id);
  },
  every: (ms, fn) => {
    let stop: () => void;
    const turn = () => {
      stop = systemClock.after(ms, turn);
      fn();
    };
    stop = systemClock.after(ms, turn);
    return () => stop();
  },
};
