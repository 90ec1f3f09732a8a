/**
 * Turns of the host's event loop.
 *
 * A program that computes in slices must let the host poll its sockets between the slices. Node and Bun poll
 * once in each turn of the event loop, and `setImmediate` calls back after a turn. Deno 2.9 polls only when it
 * has nothing else to run, or at about every 30th turn: beside slices of 5 ms that `setImmediate` separates, an
 * echo over a socket takes 152 ms. Two other ways to wait make Deno poll:
 *
 * - A result of Deno's thread pool costs 0.03 ms, and the echo takes 2 ms. It makes Deno poll unless the
 *   result is there before Deno waits for it, which is rare on a machine with a free core.
 * - A timer costs 1 ms, and always makes Deno poll.
 *
 * So most turns use the first way, and one turn of {@linkcode CERTAIN} the second.
 *
 * @module
 */

import nodeProcess from "node:process";
import { setImmediate, setTimeout } from "node:timers";

/** One turn of that many waits for a timer. */
const CERTAIN = 4;

/** Calls back when the event loop has turned; the host may not have polled its sockets. */
export function afterImmediate(fn: () => void): void {
  setImmediate(fn);
}

let poll = nodeProcess.versions.deno === undefined
  ? afterImmediate
  : denoPoll();

/** Calls back when the event loop has turned and, nearly always, the host has polled its sockets. */
export function afterPoll(fn: () => void): void {
  poll(fn);
}

/**
 * Waits for plain turns from now on. The test harness calls it: Deno's test runner would report the wait of a
 * busy node for the thread pool or for a timer as a leak of the test.
 */
export function waitForPlainTurns(): void {
  poll = afterImmediate;
}

function denoPoll(): (fn: () => void) => void {
  const input = new Uint8Array(1);
  // Captured at load, because tests replace the timers.
  const later = setTimeout;
  let turns = 0;
  return (fn) => {
    // A timer that is due fires before the turn after the poll.
    const turn = () => afterImmediate(fn);
    if (++turns % CERTAIN === 0) later(turn, 0);
    else crypto.subtle.digest("SHA-1", input).then(turn, turn);
  };
}
