/**
 * Fairness: processes that message each other for ever must not keep the rest of the program, its
 * sockets and timers, from their turn.
 *
 * Waits are resumed by microtasks, and those all run before the event loop turns. So once in a while
 * one is resumed by the event loop itself.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { outside } from "./context.ts";

/** How long processes go on before the event loop turns, in milliseconds. */
const SLICE = 10;

/** The clock is asked once in so many steps, a power of two: asking costs as much as a step. */
const STEPS = 256;

/** The event loop, as processes share it. */
export interface EventLoop {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back when it has turned. */
  afterTurn(fn: () => void): void;
}

const hostLoop: EventLoop = {
  now: () => performance.now(),
  afterTurn: (fn) => void setImmediate(fn),
};

let loop = hostLoop;
let steps = 0;
let turned = 0;

/**
 * Has something stand in for the event loop, and counts from the beginning: turns then come at the
 * same steps each time. Without it, the host's own is taken again.
 */
export function standInForEventLoop(standIn: EventLoop | undefined): void {
  loop = standIn ?? hostLoop;
  steps = 0;
  turned = 0;
}

/** Counts a step of some process; whether the next one is to be taken by {@linkcode afterTurn}. */
export function isTurnDue(): boolean {
  if ((++steps & (STEPS - 1)) !== 0) return false;
  const now = loop.now();
  if (now - turned < SLICE) return false;
  turned = now;
  return true;
}

/** Calls back when the event loop has turned. */
export function afterTurn(fn: () => void): void {
  outside(() => loop.afterTurn(fn));
}
