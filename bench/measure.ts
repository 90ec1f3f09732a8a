/**
 * What the measured programs share: how a run becomes one line of JSON.
 *
 * @module
 */

/** What one run of a latency row gives, in microseconds. */
export interface Latencies {
  /** Half of the rounds took at most this. */
  median: number;
  /** All rounds together, divided by their number. */
  mean: number;
  /** 99 of 100 rounds took at most this. */
  p99: number;
}

/** What one run of a throughput row gives. */
export interface Rate {
  /** Messages a second, from the first send to the receiver's confirmation. */
  rate: number;
}

/** What one run gives of rounds that are too short to be timed one by one. */
export interface Cost {
  /** Microseconds for a round, all rounds together. */
  cost: number;
}

/** What one run gives that measures memory. */
export interface Size {
  /** Bytes for each. */
  bytes: number;
}

/** Sums up the rounds of one run, given in milliseconds. */
export function latencies(times: Float64Array): Latencies {
  const sorted = times.toSorted();
  const at = (part: number): number =>
    sorted[Math.floor(sorted.length * part)] * 1000;
  const total = sorted.reduce((sum, time) => sum + time, 0);
  return { median: at(0.5), mean: total / sorted.length * 1000, p99: at(0.99) };
}

/** Ends the process when stdin closes, so that no peer outlives the runner. */
export async function exitAtEndOfInput(): Promise<never> {
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}
