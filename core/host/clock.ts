/**
 * Clocks: the time of nodes, which is the machine's unless it is simulated.
 *
 * @module
 */

/** The time, as a runtime uses it. */
export interface Clock {
  /** Whether it is a simulation's: no input of the host comes before a timer that is late. */
  readonly isVirtual?: true;
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back after that many milliseconds; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
  /** Calls back at that interval in milliseconds, for background work; returns a function that stops it. */
  every(ms: number, fn: () => void): () => void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => {
    // A timer of the host holds at most 2^31 - 1 ms: longer waits take several.
    const limit = 2 ** 31 - 1;
    let id: ReturnType<typeof setTimeout>;
    const arm = (left: number) => {
      id = setTimeout(
        () => left > limit ? arm(left - limit) : fn(),
        Math.min(left, limit),
      );
    };
    // The host drops fractions, and no timer may fire too early.
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
