/**
 * The host's event loop, while a simulation runs: it turns for processes after so many of their
 * steps, not after so much time, so that they do the same each time.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import {
  type EventLoop,
  standInForEventLoop,
} from "../../runtime/scheduling/scheduler.ts";

/** How often processes may have the event loop turn at one moment of virtual time. */
const MAX_TURNS = 4000;

/** How many steps processes make in a millisecond. */
const STEPS_PER_MS = 512;

let simulations = 0;
let steps = 0;
let waiting = 0;

const loop: EventLoop = {
  // Each step takes as long as any other.
  now: (made) => (steps += made) / STEPS_PER_MS,
  afterTurn(fn) {
    waiting++;
    setImmediate(() => {
      waiting--;
      fn();
    });
  },
  // It is known when nothing is left to do: see `quiet`.
  whenIdle: () => {},
};

function reset(): void {
  steps = 0;
  standInForEventLoop(loop);
}

/** A simulation begins. */
export function enterSimulation(): void {
  if (++simulations === 1) reset();
}

/** A simulation has ended. */
export function leaveSimulation(): void {
  if (--simulations === 0) standInForEventLoop(undefined);
}

/**
 * Waits until all that can run has run.
 *
 * @throws {Error} If that has no end.
 */
export async function quiet(): Promise<void> {
  reset();
  for (let turns = 0; turns < MAX_TURNS; turns++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (waiting === 0) return;
  }
  throw new Error(
    "Cannot go on: processes keep each other busy for ever, and no time passes; have one of them wait",
  );
}
