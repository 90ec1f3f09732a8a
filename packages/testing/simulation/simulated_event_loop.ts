/**
 * The host's event loop during a simulation: processes yield to it after a fixed number of steps instead
 * of a fixed time, so that each run is the same.
 */

import { setImmediate } from "node:timers";
import { type EventLoop, scheduler } from "@otp/processes/scheduling/scheduler";

/** The limit of turns of the event loop at one moment of virtual time. */
const MAX_TURNS = 4000;

/** The number of steps that processes take in a millisecond. */
const STEPS_PER_MS = 512;

let simulations = 0;
let steps = 0;
let waiting = 0;

const loop: EventLoop = {
  now: (made) => (steps += made) / STEPS_PER_MS,
  afterTurn: turn,
  // A simulation has no sockets to poll.
  afterPoll: turn,
  // `quiet` detects when nothing is left to run.
  whenIdle: () => {},
};

function turn(fn: () => void): void {
  waiting++;
  setImmediate(() => {
    waiting--;
    fn();
  });
}

function reset(): void {
  steps = 0;
  scheduler.useLoop(loop);
}

export function enterSimulation(): void {
  if (++simulations === 1) reset();
}

export function leaveSimulation(): void {
  if (--simulations === 0) scheduler.useLoop();
}

/** Waits until everything that can run has run. Throws an `Error` if processes never stop running. */
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
