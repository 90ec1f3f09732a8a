/**
 * Makes a program stall at random places, as on a machine with other work: `deno task fuzz --stalls`.
 *
 * It is loaded before a test file. The clock of the scheduler jumps, so that slices end at random steps, and timers
 * and threads wait now and then while the program computes. `STALL_SEED` repeats the choices of a run; the tests'
 * own input is not repeated exactly.
 *
 * @module
 */

import { SeededRandom } from "../packages/testing/simulation/random.ts";

/** The chance that the clock jumps when it is read, and the shortest and longest jump in milliseconds. */
const JUMPS = { chance: 0.1, least: 8, most: 28 };
/** The chance that a callback computes before it runs, and the least and most of it in milliseconds. */
const STALLS = { chance: 0.01, least: 5, most: 35 };
/** The time after which a program no longer stalls, in milliseconds of stalls: time limits of tests still hold. */
const MOST = 3000;

const random = new SeededRandom(Number(Deno.env.get("STALL_SEED") ?? 1));
const { now } = Date;
const { setTimeout } = globalThis;
const { postMessage } = MessagePort.prototype;
let ahead = 0;
let stalled = 0;

function isNow({ chance }: { chance: number }): boolean {
  return random.between(0, 1) < chance;
}

function stall(): void {
  if (stalled >= MOST || !isNow(STALLS)) return;
  const ms = random.between(STALLS.least, STALLS.most);
  stalled += ms;
  for (const end = performance.now() + ms; performance.now() < end;);
}

Date.now = () => {
  if (isNow(JUMPS)) {
    ahead += Math.floor(random.between(JUMPS.least, JUMPS.most));
  }
  return now() + ahead;
};

// deno-lint-ignore no-explicit-any
globalThis.setTimeout = ((fn: () => void, ...rest: any[]) =>
  setTimeout(() => {
    stall();
    fn();
  }, ...rest)) as typeof setTimeout;

MessagePort.prototype.postMessage = function (this: MessagePort, ...rest) {
  stall();
  return postMessage.apply(this, rest as Parameters<typeof postMessage>);
};
