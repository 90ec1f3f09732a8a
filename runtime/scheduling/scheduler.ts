/**
 * The scheduler. It is fair: processes must not keep the rest of the program, its sockets and timers, from
 * their turn.
 *
 * Promises are settled in microtasks, and all of those run before the event loop turns. So a *step*
 * of a process (its start, a message that it takes, an answer that it awaited) is bounded by a slice of
 * time. The rules:
 *
 * 1. A step goes into one queue, of which one loop takes one after the other. The loop lets the step
 *    run, then asks the clock. When the slice is over, the event loop turns before the next step.
 *    Reading the clock once per burst is not enough: 300 messages may be delivered in one turn, each
 *    to a process that then computes for 20 ms.
 * 2. The queue and the clock cost as much as a short step. So a process that has taken
 *    {@linkcode PROVEN} steps in a row goes on without the queue, as long as there is an allowance:
 *    a number of such steps until the next look at the clock. It is the same for all processes and
 *    grows while they are quick.
 * 3. A process has to prove itself again when the program was idle, and when a slice took much longer
 *    than it should have.
 * 4. While the event loop is to turn, all steps wait: another process's step would delay it too.
 * 5. A step may need more microtasks than the loop waits for. A slice that overran limits how many
 *    steps the next ones have, by the time that a step took. That limit doubles with each slice in time.
 * 6. Connections deliver many messages before a step can run: a host reads 32 times 64 KiB from one socket
 *    without a microtask between, and twice as much while the event loop turns. So a connection that has read
 *    for {@linkcode SHARE} pauses until the microtasks have run, or the event loop has turned
 *    ({@linkcode canReadOn}). No mailbox is looked at: one that nobody empties stops no connection.
 * 7. A process that yields ({@linkcode afterYield}) goes on after the steps that a turn has brought. Two processes
 *    that compute and yield by turns would otherwise both go first.
 *
 * Steps of one process keep their order: none goes past one that is in the queue.
 *
 * @module
 */

import { nextTick } from "node:process";
import { outside } from "../context/async_context.ts";
import { afterImmediate, afterPoll } from "../host/event_loop.ts";

/** The time that processes run before the event loop turns, in milliseconds. */
const SLICE = 8;

/**
 * The time in which connections read while no step can run, in milliseconds. Without that limit 127,000 of
 * 800,000 objects waited in one mailbox, and 220 MB were used for them instead of 115.
 */
const SHARE = 2;

/**
 * The number of bytes that connections deliver before they ask the clock: that takes a small part of a share. To
 * ask it twice for each small frame, and to wait for the microtasks, takes 0.3 µs of a round trip of 24.
 */
const UNTIMED = 1 << 13;

/** After that many steps through the queue, a process goes on without it. */
const PROVEN = 16;

/** The number of steps between checks of the clock, at first and at most. */
const ALLOWANCE = { first: 4, most: 256 };

/**
 * That many microtasks pass between two steps when more than a few wait, as an `async` function around a wait
 * needs some. A few are made as soon as possible: a process often has an answer and a message of one sender.
 */
const HOPS = 4;
const CROWD = 4;

/** That many processes start in a row before the code that they have begun runs. */
const STARTS = 4;

/** The number of places that a step takes in the queue. */
const PLACES = 3;

/** A longer array is not kept for the next steps. */
const MAX_SPARE = 2048;

/** A read of the host takes more than one turn. */
const SILENT_TURNS = 8;

/** A peer that sends all the time must not postpone a deadline longer than this, in milliseconds. */
const MAX_INPUT = 100;

/** The event loop, as processes share it. */
export interface EventLoop {
  /**
   * Milliseconds since some fixed moment.
   *
   * @param steps How many steps were made since it was last asked.
   */
  now(steps: number): number;
  /** Calls back when it has turned. */
  afterTurn(fn: () => void): void;
  /** Calls back when it has turned and polled its sockets. */
  afterPoll(fn: () => void): void;
  /** Calls back when no microtask is left. */
  whenIdle(fn: () => void): void;
}

// Taken now: tests replace the clock, and a millisecond is precise enough for what costs half.
const hostNow = Date.now;

const hostLoop: EventLoop = {
  now: () => hostNow(),
  afterTurn: afterImmediate,
  afterPoll,
  whenIdle: afterMicrotasks,
};

/** The scheduler's record of a process. */
export class ProcessSchedule {
  /** The period in which it last made a step. */
  period = 0;
  /** The number of steps that it made through the queue in that period. */
  steps = 0;
  /** The number of its steps in the queue. */
  queued = 0;

  /** Makes its next step go through the queue. */
  measureNext(): void {
    if (this.steps === PROVEN) this.steps--;
  }
}

let loop = hostLoop;
/** A step of a process. */
type Step<P extends ProcessSchedule, A> = (process: P, argument: A) => void;

/**
 * Steps that wait, oldest first: of each the function, its process and its argument, as a closure over them is
 * 110 bytes. `queued` of its places are used: an array that is emptied, or created anew, for each step
 * allocates 150 bytes each time.
 */
let queue: unknown[] = [];
let queued = 0;
/** The other array: the loop takes steps from one of them while new ones are added to the other. */
let spare: typeof queue = [];
let wake: (() => void) | undefined;
/** Processes prove themselves anew in each period. */
let period = 1;
let isBusy = false;
let isTurning = false;
/** Ends the turn of the event loop that steps wait for. */
let turned: (() => void) | undefined;
/** Whether more than a few bytes have arrived since microtasks last ran, or the event loop turned. */
let isReading = false;
let readingBegan = 0;
/** The bytes that have arrived meanwhile, up to those from which on it is timed. */
let untimed = 0;
/** Connections that pause until steps have run. */
let pausedReaders: (() => void)[] = [];
/** Processes that yielded, and go on at the end of the turn. */
let yielded: (() => void)[] = [];
/** The number of times that bytes came from a peer. */
let inputs = 0;
/** Whether an answer can go past the queue. */
let hasPass = true;
/** Whether no step is under way, and none was since the program was idle. */
let isFresh = true;
let idleSince = 0;
/**
 * A slice lasts from one turn to the next, without the time in which the program was idle: a step that
 * ends an idle time would otherwise wait for turns that timers and sockets have just had. The moment is
 * that at which the slice would have begun without them.
 */
let sliceBegan = 0;
/** When the clock was last asked. */
let looked = 0;
/** Whether at most one step took the last millisecond. */
let isSlow = false;
let stepsInSlice = 0;
let maxStepsInSlice = Infinity;
let allowance = 0;
/** The next allowance. */
let grant = ALLOWANCE.first;
/** The allowance as it was granted: steps without a look at the clock are the difference. */
let granted = 0;

/**
 * Replaces the event loop, and counts from the beginning: turns then come at the same steps in each run.
 * Without an argument, the host's own event loop is used again.
 */
export function standInForEventLoop(standIn: EventLoop | undefined): void {
  const before = loop;
  loop = standIn ?? hostLoop;
  // Steps may wait for a turn of the one before, which nobody counts any more.
  if (loop !== before && turned !== undefined) loop.afterPoll(turned);
  isBusy = false;
  isFresh = true;
  maxStepsInSlice = Infinity;
  idleSince = loop.now(0);
  beginSlice(idleSince);
  newPeriod();
}

function newPeriod(): void {
  period++;
  grant = ALLOWANCE.first;
  allowance = granted = 0;
}

/**
 * Counts a step of a process.
 *
 * @returns Whether it can be made at once; it goes to {@linkcode enqueueStep} if not.
 */
export function canStepNow(pace: ProcessSchedule): boolean {
  if (pace.period !== period) {
    pace.period = period;
    pace.steps = 0;
  }
  if (pace.steps < PROVEN) {
    pace.steps++;
    return isFresh && isFirst();
  }
  return pace.queued === 0 && --allowance >= 0;
}

/**
 * Counts a step of a process that awaited an answer.
 *
 * The answer is often followed by other signals of its sender, for example its DOWN: the process reacts to the
 * answer first, if possible. So one such step goes past the queue between two checks of the clock.
 *
 * @returns Whether it can be made at once; it goes to {@linkcode enqueueStep} if not.
 */
export function canAnswerNow(pace: ProcessSchedule): boolean {
  if (canStepNow(pace)) return true;
  if (!hasPass || isTurning || pace.queued > 0) return false;
  hasPass = false;
  stepsInSlice++;
  return loop.now(1) - sliceBegan < SLICE;
}

/** Whether the first step after the program was idle can be made at once: none is under way. */
function isFirst(): boolean {
  const now = loop.now(1);
  stepsInSlice++;
  endIdle(now);
  return now - sliceBegan < SLICE;
}

function endIdle(now: number): void {
  isFresh = false;
  sliceBegan += now - idleSince;
  looked = now;
  waitForIdle();
}

/**
 * Begins a slice: a timer that stands in for one of the host's calls back, and the event loop counts as
 * turned.
 */
export function noteTurn(): void {
  if (isTurning) return;
  beginSlice(loop.now(0));
  isFresh = true;
  idleSince = sliceBegan;
}

/** Runs a step of a process when its turn comes: a function that takes the process, and an argument. */
export function enqueueStep<P extends ProcessSchedule, A>(
  process: P,
  step: Step<P, A>,
  argument: A,
): void {
  process.queued++;
  queue[queued] = step;
  queue[queued + 1] = process;
  queue[queued + 2] = argument;
  queued += PLACES;
  if (queued > PLACES) return;
  const resume = wake;
  wake = undefined;
  resume?.();
}

/** Whether a step waits for its turn, or for the event loop. Tests wait until none does. */
export function hasSteps(): boolean {
  return isTurning || queued > 0;
}

/** Calls back when the event loop has turned. */
export function afterTurn(fn: () => void): void {
  outside(() => loop.afterTurn(fn));
}

/**
 * Calls back when the event loop has turned. If steps wait for the turn too, those that sockets bring in it come
 * first: a process that yields again and again lets all others go on.
 */
export function afterYield(fn: () => void): void {
  afterTurn(() => {
    if (isTurning) yielded.push(fn);
    else fn();
  });
}

/** Notes that so many bytes arrived from a peer, before they are delivered. */
export function noteInput(bytes: number): void {
  inputs++;
  if (isReading) return;
  untimed += bytes;
  if (untimed < UNTIMED) return;
  isReading = true;
  readingBegan = loop.now(0);
  if (!isTurning) queueMicrotask(endReading);
}

/**
 * Returns whether a connection that has just delivered can read on at once. If not, `readOn` is called when
 * steps had their turn.
 */
export function canReadOn(readOn: () => void): boolean {
  if (!isReading) return true;
  const elapsed = loop.now(0) - readingBegan;
  // The host's clock may be set back.
  if (elapsed >= 0 && elapsed < SHARE) return true;
  pausedReaders.push(readOn);
  return false;
}

function endReading(): void {
  // The end of the turn does it.
  if (isTurning) return;
  isReading = false;
  untimed = 0;
  if (pausedReaders.length === 0) return;
  const readers = pausedReaders;
  pausedReaders = [];
  for (const readOn of readers) make(readOn, undefined, undefined);
}

/**
 * Calls back when the program has handled all its input, in sockets and in waiting steps. Only real time and
 * real turns count here: nothing is late when the event loop is replaced.
 *
 * @param ms How long it must have been silent.
 * @returns A function that stops it.
 */
export function afterInput(ms: number, fn: () => void): () => void {
  let isStopped = false;
  let before = inputs;
  let silentTurns = 0;
  const began = hostNow();
  let silentSince = began;
  const turn = () => {
    if (isStopped) return;
    const now = hostNow();
    if (inputs !== before || queued > 0) {
      before = inputs;
      silentTurns = 0;
      silentSince = now;
    }
    const isSilent = ++silentTurns > SILENT_TURNS && now - silentSince >= ms;
    if (isSilent || now - began >= MAX_INPUT) fn();
    else hostLoop.afterPoll(turn);
  };
  outside(() => hostLoop.afterPoll(turn));
  return () => isStopped = true;
}

/** Not a closure, which is 64 bytes for each step that comes alone. */
function sleep(resolve: () => void): void {
  wake = resolve;
}

/** Runs in no process's context: what it starts does not inherit one. */
async function run(): Promise<never> {
  let starts = 0;
  for (;;) {
    if (queued === 0) {
      starts = 0;
      await new Promise<void>(sleep);
    }
    if (isSliceOver()) await turn();
    else if (isSlow) await finishMicrotasks();
    const steps = queue;
    const count = queued;
    queue = spare;
    queued = 0;
    for (let next = 0; next < count; next += PLACES) {
      const step = steps[next] as Step<ProcessSchedule, unknown>;
      const pace = steps[next + 1] as ProcessSchedule;
      const argument = steps[next + 2];
      steps[next] = steps[next + 1] = steps[next + 2] = undefined;
      const isStart = pace.period === 0;
      pace.queued--;
      if (isProven(pace) && --allowance >= 0) {
        make(step, pace, argument);
        continue;
      }
      // It is measured by itself: no other process runs meanwhile.
      allowance = granted = 0;
      make(step, pace, argument);
      // A start runs here, so that it can be measured at once; code that it has begun cannot.
      if (!isStart || ++starts === STARTS) {
        starts = 0;
        const hops = count - next > PLACES * CROWD ? HOPS : 1;
        for (let hop = 0; hop < hops; hop++) await undefined;
      }
      if (isSliceOver(pace)) {
        starts = 0;
        await turn();
      } else if (isSlow) await finishMicrotasks();
    }
    spare = count > MAX_SPARE ? [] : steps;
  }
}

function isProven(pace: ProcessSchedule): boolean {
  return pace.steps >= PROVEN && pace.period === period;
}

function make<P, A>(
  step: (process: P, argument: A) => void,
  process: P,
  argument: A,
): void {
  try {
    step(process, argument);
  } catch (error) {
    // A callback for a process's exit has thrown: the other steps must still run.
    queueMicrotask(() => {
      throw error;
    });
  }
}

function waitForIdle(): void {
  if (isBusy) return;
  isBusy = true;
  loop.whenIdle(idle);
}

/** Looks at the clock, after a step of a process or some of several. */
function isSliceOver(pace?: ProcessSchedule): boolean {
  const isUsedUp = granted > 0 && allowance <= 0;
  const made = granted - Math.max(allowance, 0) + (pace === undefined ? 0 : 1);
  stepsInSlice += made;
  const now = loop.now(made);
  if (isFresh) endIdle(now);
  else waitForIdle();
  hasPass = true;
  const passed = now - looked;
  looked = now;
  // The clock may have been about to change, so that one millisecond says little.
  if (passed >= 1 && pace !== undefined) pace.steps = 0;
  isSlow = passed >= 1 && made <= 1;
  if (passed >= 2 || passed < 0) newPeriod();
  const elapsed = now - sliceBegan;
  // The host's clock may be set back.
  if (stepsInSlice >= maxStepsInSlice || elapsed >= SLICE || elapsed < 0) {
    endSlice(elapsed);
    return true;
  }
  if (passed >= 1) grant = ALLOWANCE.first;
  else if (isUsedUp) grant = Math.min(grant * 2, ALLOWANCE.most);
  allowance = granted = grant;
  return false;
}

function beginSlice(now: number): void {
  sliceBegan = looked = now;
  stepsInSlice = 0;
}

function endSlice(busy: number): void {
  if (busy < 2 * SLICE) {
    maxStepsInSlice = maxStepsInSlice < 256 ? 2 * maxStepsInSlice : Infinity;
    return;
  }
  maxStepsInSlice = Math.max(1, Math.floor(stepsInSlice * SLICE / busy));
}

/** Lets connections write the messages of steps so far, which they do when no microtask is left. */
async function finishMicrotasks(): Promise<void> {
  isSlow = false;
  isTurning = true;
  await new Promise<void>(afterMicrotasks);
  isTurning = false;
  endReading();
  waitForIdle();
}

function afterMicrotasks(fn: () => void): void {
  // In a callback of the host, ticks come before microtasks; in a microtask, after all others.
  queueMicrotask(() => nextTick(fn));
}

async function turn(): Promise<void> {
  isTurning = true;
  allowance = granted = 0;
  await new Promise<void>((resolve) => {
    turned = resolve;
    loop.afterPoll(resolve);
  });
  turned = undefined;
  isTurning = false;
  beginSlice(loop.now(0));
  endReading();
  const continued = yielded;
  yielded = [];
  for (const goOn of continued) make(goOn, undefined, undefined);
  // The program may be idle now.
  waitForIdle();
}

/** No process has anything to do, unless the event loop is only to turn. */
function idle(): void {
  isBusy = false;
  if (isTurning) return;
  isFresh = true;
  untimed = 0;
  idleSince = loop.now(0);
  newPeriod();
}

run();
