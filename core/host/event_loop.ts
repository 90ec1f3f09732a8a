/**
 * Turns of the host's event loop.
 *
 * A program that computes in slices must let the host poll its sockets between the slices. Node and Bun poll
 * once in each turn of the event loop. Deno 2.9 polls when nothing is ready to run, and otherwise after
 * every 61st turn: its runtime, Tokio, gives a thread that many turns between two polls. `setImmediate` makes
 * the next turn ready at once. So beside slices of 5 ms that one `setImmediate` separates, an echo over a socket
 * takes 300 ms.
 *
 * On Deno, {@linkcode afterPoll} therefore waits for {@linkcode POLLING_TURNS} turns, and one of these turns polls.
 * An empty turn costs 0.9 µs, so the wait costs 0.7 % of a slice. Other ways to wait are not as good: a timer
 * always makes Deno poll, but costs 1 ms; a result of the thread pool makes it poll only if all other work is done
 * before.
 *
 * @module
 */

import nodeProcess from "node:process";
import { setImmediate } from "node:timers";

/**
 * The number of turns after which the host has polled its sockets, and called back for the bytes that it found.
 * Node needs two: the first one does not poll if it begins in a callback of a socket.
 */
const POLLING_TURNS = nodeProcess.versions.deno === undefined ? 2 : 64;

/**
 * The time in milliseconds after which no more turns follow: other callbacks compute in them, and processes must
 * not wait for 64 of these.
 */
const MAX_POLL = 8;

// Captured at load, because tests replace the clock.
const now = Date.now;

/** Calls back when the event loop has turned; the host may not have polled its sockets. */
export function afterImmediate(fn: () => void): void {
  setImmediate(fn);
}

/** Calls back when the host has polled its sockets, or other callbacks have computed for {@linkcode MAX_POLL}. */
export function afterPoll(fn: () => void): void {
  const began = now();
  let turns = 0;
  const turn = () => {
    if (++turns === POLLING_TURNS || now() - began >= MAX_POLL) fn();
    else setImmediate(turn);
  };
  setImmediate(turn);
}
