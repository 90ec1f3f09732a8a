/**
 * Turns of the host's event loop.
 *
 * A program that computes in slices must let the host poll its sockets between slices. Node and Bun poll once in each
 * turn of the event loop. Deno 2.9 polls when nothing is ready to run, and otherwise after every 61st turn, the
 * number of turns that its runtime, Tokio, runs between two polls. `setImmediate` makes the next turn ready at once.
 * So beside slices of 5 ms with one `setImmediate` in between, an echo over a socket takes 300 ms.
 *
 * On Deno, {@linkcode afterPoll} therefore waits for {@linkcode POLLING_TURNS} turns, one of which polls. An empty
 * turn costs 0.9 µs, so the wait costs 0.7 % of a slice. Other waits are worse: a timer always makes Deno poll, but
 * costs 1 ms; a result of the thread pool makes it poll only after all other work.
 */

import nodeProcess from "node:process";
import { setImmediate } from "node:timers";

/**
 * The number of turns after which the host has polled its sockets and called back for their bytes. Node needs two: a
 * first turn that begins in a socket's callback does not poll.
 */
const POLLING_TURNS = nodeProcess.versions.deno === undefined ? 2 : 64;

/**
 * The time in milliseconds after which no more turns follow. Other callbacks compute in the turns, and processes must
 * not wait for 64 of them.
 */
const MAX_POLL = 8;

// Captured at load because tests replace the clock.
const now = Date.now;

/** Calls back after the host has polled its sockets, or other callbacks have computed for {@linkcode MAX_POLL}. */
export function afterPoll(fn: () => void): void {
  const began = now();
  let turns = 0;
  const turn = () => {
    if (++turns === POLLING_TURNS || now() - began >= MAX_POLL) fn();
    else setImmediate(turn);
  };
  setImmediate(turn);
}
