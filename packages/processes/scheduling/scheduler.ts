/**
 * The scheduler: processes share the event loop with sockets and timers.
 *
 * Promises settle in microtasks, and all microtasks run before the event loop turns. Processes that keep each other
 * busy would stop sockets and timers for ever. So the scheduler decides when each *step* of a process runs: its start,
 * a message that it takes, an answer that it awaited. After a *slice* of time it turns the event loop. The rules:
 *
 * 1. One queue holds the steps of all processes, and one loop runs them in order. After each step the loop asks
 *    the clock. When the slice is over, the event loop turns before the next step. One look at the clock per burst
 *    is not enough: one turn may deliver 300 messages, each to a process that then computes for 20 ms.
 * 2. The queue and the clock cost as much as a short step. So a process that has taken {@linkcode PROVEN} quick steps
 *    in a row skips the queue, as long as there is an allowance: the number of steps until the next look at the
 * clock. All processes share the allowance, which doubles while steps are quick.
 * 3. A new *period* begins when the program was idle, and when a step took 2 ms or more. Then each process must prove
 *    itself again.
 * 4. No step runs while the event loop is about to turn: the step of any process would delay the turn.
 * 5. The loop waits a few microtasks for the code that a step has resumed, and a step may need more. A slice that
 *    overran shows that. It limits the number of steps in the next slices, and each slice in time doubles the limit.
 * 6. Sockets deliver many messages before a step can run. Connections that have read for long pause
 *    ({@linkcode InputShare}).
 * 7. A process that yields ({@linkcode Scheduler.afterYield}) goes on after the steps that the turn has brought.
 *    Two processes that compute and yield in turn would otherwise run before all others.
 * 8. A process is *slow* after three steps in a row of a millisecond or more, until a step took less. Steps of slow
 *    processes have a queue of their own. They run one at a time: when no other step waits, when connections have
 *    written the messages of the steps before, and when the sockets were asked at most {@linkcode UNPOLLED} ago. So a
 *    request to a node that computes waits for the rest of one step, and its answer for none.
 *
 * The steps of one process keep their order: none goes past a step of that process in a queue.
 */

import { nextTick } from "node:process";
import { setImmediate } from "node:timers";
import { outside } from "../context/async_context.ts";
import { afterPoll } from "../host/event_loop.ts";
import { InputShare, throwLater } from "./input_share.ts";

/** The length of a slice, in milliseconds. */
const SLICE = 8;

/** The number of steps through the queue after which a process skips the queue. */
const PROVEN = 16;

/** The number of steps between two looks at the clock, at first and at most. */
const ALLOWANCE = { first: 4, most: 256 };

/**
 * The number of microtasks between two steps when more than `CROWD` steps wait: an `async` function around a wait
 * needs some. A short queue gets one microtask: it often holds the answer and the next message of one sender.
 */
const HOPS = 4;
const CROWD = 4;

/** The number of steps in a row, negative, after which a process is slow: it loads code, or loses its core, before. */
const SLOW = -3;

/** The number of processes that start in a row before their code continues beyond its first wait. */
const STARTS = 4;

/** The longest time before a step of a slow process in which the sockets are not asked, in milliseconds. */
const UNPOLLED = 2;

/** The number of times that other steps run before a step of a slow process runs although others wait. */
const ROUNDS = 4;

/** The number of array elements per step in the queue. */
const PLACES = 3;

/** The loop keeps an emptied queue for later steps unless it is longer than this. */
const MAX_SPARE = 2048;

/** The event loop, as the scheduler uses it. */
export interface EventLoop {
  /**
   * Milliseconds since some fixed moment.
   *
   * @param steps The number of steps since the last call.
   */
  now(steps: number): number;
  /** Calls back after the event loop has turned. */
  afterTurn(fn: () => void): void;
  /** Calls back after the event loop has turned and polled its sockets. */
  afterPoll(fn: () => void): void;
  /** Calls back when no microtask is left. */
  whenIdle(fn: () => void): void;
}

// Captured at load because tests replace Date.now. performance.now() is twice as slow.
const hostNow = Date.now;

/**
 * The loop's times are 32-bit integers since the load, because V8 allocates larger numbers. They wrap around after 25
 * days, which is like a clock that is set back.
 */
const loaded = hostNow();

const hostLoop: EventLoop = {
  now: () => (hostNow() - loaded) | 0,
  // The host may not have polled its sockets then.
  afterTurn: (fn) => void setImmediate(fn),
  afterPoll,
  whenIdle: afterMicrotasks,
};

function afterMicrotasks(fn: () => void): void {
  // In a callback of the host, ticks run before microtasks; in a microtask, after all others.
  queueMicrotask(() => nextTick(fn));
}

/** The scheduler's record of one process. */
export class ProcessSchedule {
  /** The period of its last step. */
  period = 0;
  /** The number of its quick steps through the queue in that period, or the number of slow steps in a row, negative. */
  steps = 0;
  /** The number of its steps in the queue. */
  queued = 0;

  /** Sends its next step through the queue. */
  measureNext(): void {
    if (this.steps === PROVEN) this.steps--;
  }
}

/** A step: a function that takes the process, and an argument. */
type Step<P extends ProcessSchedule, A> = (process: P, argument: A) => void;

/** A step of a slow process. */
interface SlowStep {
  step: unknown;
  process: ProcessSchedule;
  argument: unknown;
}

/** Runs the steps of processes in turns of an event loop. */
export class Scheduler {
  /** The pauses of connections. */
  readonly input: InputShare;
  #loop: EventLoop;

  /**
   * The waiting steps, oldest first: a function, its process and its argument for each, as a closure over them would
   * take 110 bytes. The first `queued` places are in use; emptying the array for each step would cost 150 bytes.
   */
  #queue: unknown[] = [];
  #queued = 0;
  /** The next `#queue`: it takes new steps while the loop runs the present ones. */
  #spare: unknown[] = [];
  /** The steps of slow processes, oldest first. */
  #slow: SlowStep[] = [];
  /** The number of times that the loop has run all other steps since the last step of a slow process. */
  #rounds = 0;
  /** Whether connections may have messages of steps to write. */
  #isUnwritten = false;
  /** Wakes the loop, which sleeps while no step waits. */
  #wake: (() => void) | undefined;

  /** Whether a turn of the event loop, or the end of the microtasks, is due before the next step. */
  #isTurning = false;
  /** Ends the wait for the turn. */
  #endTurn: (() => void) | undefined;
  /** The continuations of processes that have yielded in this turn. */
  #yielded: (() => void)[] = [];

  /** Whether the loop has asked to be called when the program is idle. */
  #awaitsIdle = false;
  /** Whether the program was idle, and no step has run since. */
  #isIdle = true;
  #idleSince = 0;

  /**
   * When the slice began. Idle time is added to it: otherwise a step that ends an idle time would wait for a turn
   * that the event loop has just made.
   */
  #sliceBegan = 0;
  #stepsInSlice = 0;
  #maxStepsInSlice = Infinity;
  /** The time of the last look at the clock. */
  #looked = 0;
  /** Whether no step has skipped the queue between the last look at the clock and the step that the next one measures. */
  #isAlone = true;
  /** Whether at most one step took the last millisecond. */
  #isSlow = false;
  /** Whether one answer may skip the queue before the next look at the clock. */
  #answerMayPass = true;

  #period = 1;
  /** The number of steps that may still skip the queue. */
  #allowance = 0;
  /** The allowance at the last look at the clock; `#granted - #allowance` steps have skipped the queue since. */
  #granted = 0;
  #grant = ALLOWANCE.first;

  constructor(loop: EventLoop = hostLoop) {
    this.#loop = loop;
    this.input = new InputShare({
      now: () => this.#loop.now(0),
      afterPoll: (fn) => outside(() => hostLoop.afterPoll(fn)),
      isTurning: () => this.#isTurning,
      hasSteps: () => this.#queued > 0,
    });
    this.useLoop(loop);
    this.#run();
  }

  /**
   * Replaces the event loop and resets all counts, so that the same steps cause the same turns in each run. Without
   * an argument, the scheduler uses the event loop of the host.
   */
  useLoop(loop: EventLoop = hostLoop): void {
    const before = this.#loop;
    this.#loop = loop;
    // Steps may wait for a turn of the previous event loop.
    if (loop !== before && this.#endTurn !== undefined) {
      loop.afterPoll(this.#endTurn);
    }
    this.#awaitsIdle = false;
    this.#isIdle = true;
    this.#maxStepsInSlice = Infinity;
    this.#idleSince = loop.now(0);
    this.#beginSlice(this.#idleSince);
    this.#beginPeriod();
  }

  /**
   * Counts a step of a process. Returns whether the step can run at once; otherwise the caller hands it to
   * {@linkcode Scheduler.enqueue}.
   */
  canStepNow(process: ProcessSchedule): boolean {
    if (process.period !== this.#period) {
      process.period = this.#period;
      if (process.steps > 0) process.steps = 0;
    }
    if (process.steps === SLOW) return false;
    if (process.steps < PROVEN) {
      if (process.steps >= 0) process.steps++;
      return this.#isIdle && this.#endsIdle();
    }
    return process.queued === 0 && --this.#allowance >= 0;
  }

  /**
   * Counts a step of a process that awaited an answer.
   *
   * Other signals of the sender, such as its DOWN, often follow the answer, and the process should react to the answer
   * first. So one such step skips the queue between two looks at the clock. Returns whether the step can run at once;
   * otherwise the caller hands it to {@linkcode Scheduler.enqueue}.
   */
  canAnswerNow(process: ProcessSchedule): boolean {
    if (this.canStepNow(process)) return true;
    if (
      !this.#answerMayPass || this.#isTurning || process.queued > 0 ||
      process.steps === SLOW
    ) return false;
    this.#answerMayPass = false;
    this.#stepsInSlice++;
    return this.#loop.now(1) - this.#sliceBegan < SLICE;
  }

  /** Runs a step of a process at its turn. */
  enqueue<P extends ProcessSchedule, A>(
    process: P,
    step: Step<P, A>,
    argument: A,
  ): void {
    process.queued++;
    if (process.steps !== SLOW) this.#push(step, process, argument);
    else {
      // The steps that the process has in the other queue run before.
      if (this.#slow.length === 0) this.#rounds = 0;
      this.#slow.push({ step, process, argument });
    }
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #push(step: unknown, process: ProcessSchedule, argument: unknown): void {
    const queued = this.#queued;
    const queue = this.#queue;
    queue[queued] = step;
    queue[queued + 1] = process;
    queue[queued + 2] = argument;
    this.#queued = queued + PLACES;
  }

  /** A number that grows whenever the program was idle, or busy for some milliseconds. */
  get period(): number {
    return this.#period;
  }

  /** Whether a step waits for its turn, or for the event loop. */
  get hasSteps(): boolean {
    return this.#isTurning || this.#queued > 0 || this.#slow.length > 0;
  }

  /** Calls back after the event loop has turned. */
  afterTurn(fn: () => void): void {
    outside(() => this.#loop.afterTurn(fn));
  }

  /** Calls back after the event loop has turned and polled its sockets. */
  afterPoll(fn: () => void): void {
    outside(() => this.#loop.afterPoll(fn));
  }

  /**
   * Calls back after the event loop has turned. If steps wait for that turn too, the steps that its sockets bring run
   * first: a process that yields again and again lets all others continue.
   */
  afterYield(fn: () => void): void {
    this.afterTurn(() => {
      if (this.#isTurning) this.#yielded.push(fn);
      else fn();
    });
  }

  /** Begins a slice: a test's timer, in place of the host's, counts as a turn of the event loop. */
  beginTurn(): void {
    if (this.#isTurning) return;
    this.#beginSlice(this.#loop.now(0));
    this.#isIdle = true;
    this.#idleSince = this.#sliceBegan;
  }

  // Runs in no process's context, so that the loop's callees inherit none.
  async #run(): Promise<never> {
    let starts = 0;
    for (;;) {
      if (this.#isSlowDue) await this.#runSlow();
      if (this.#queued === 0) {
        starts = 0;
        if (this.#slow.length === 0) await new Promise<void>(this.#sleep);
        continue;
      }
      this.#rounds++;
      this.#isUnwritten = true;
      if (this.#isSliceOver()) await this.#turn();
      else if (this.#isSlow) await this.#finishMicrotasks();
      const steps = this.#queue;
      const count = this.#queued;
      this.#queue = this.#spare;
      this.#queued = 0;
      for (let next = 0; next < count; next += PLACES) {
        const step = steps[next] as Step<ProcessSchedule, unknown>;
        const process = steps[next + 1] as ProcessSchedule;
        const argument = steps[next + 2];
        steps[next] = steps[next + 1] = steps[next + 2] = undefined;
        const isStart = process.period === 0;
        process.queued--;
        if (this.#isProven(process) && --this.#allowance >= 0) {
          runStep(step, process, argument);
          continue;
        }
        // No other process runs until the next look at the clock, which then measures this step alone.
        this.#isAlone = this.#allowance === this.#granted;
        this.#allowance = this.#granted = 0;
        runStep(step, process, argument);
        // A start runs as a whole. The code that other steps resume runs in microtasks.
        if (!isStart || ++starts === STARTS) {
          starts = 0;
          const hops = count - next > PLACES * CROWD ? HOPS : 1;
          for (let hop = 0; hop < hops; hop++) await undefined;
        }
        if (this.#isSliceOver(process)) {
          starts = 0;
          await this.#turn();
        } else if (this.#isSlow) await this.#finishMicrotasks();
      }
      this.#spare = count > MAX_SPARE ? [] : steps;
    }
  }

  get #isSlowDue(): boolean {
    return this.#slow.length > 0 &&
      (this.#queued === 0 || this.#rounds >= ROUNDS);
  }

  /** Runs a step of a slow process, unless the sockets bring others. */
  async #runSlow(): Promise<void> {
    const now = this.#loop.now(0);
    if (this.#isIdle) this.#endIdle(now);
    if (now - this.#sliceBegan >= UNPOLLED) {
      await this.#turn();
      if (!this.#isSlowDue) return;
    } else if (this.#isUnwritten) await this.#finishMicrotasks(false);
    const { step, process, argument } = this.#slow.shift()!;
    this.#rounds = 0;
    process.queued--;
    this.#allowance = this.#granted = 0;
    this.#isAlone = this.#isUnwritten = true;
    // Do not count the time that connections and other code took before the step.
    this.#looked = this.#loop.now(0);
    runStep(step as Step<ProcessSchedule, unknown>, process, argument);
    for (let hop = 0; hop < HOPS; hop++) await undefined;
    this.#look(process);
  }

  /** A field, because a closure in the loop would take 64 bytes for each step that comes alone. */
  readonly #sleep = (resolve: () => void): void => {
    this.#wake = resolve;
  };

  #isProven({ steps, period }: ProcessSchedule): boolean {
    return steps >= PROVEN && period === this.#period;
  }

  /** Looks at the clock, after one step of a process or several steps that skipped the queue. */
  #isSliceOver(process?: ProcessSchedule): boolean {
    const elapsed = this.#look(process);
    // The host's clock may be set back.
    if (
      this.#stepsInSlice < this.#maxStepsInSlice && elapsed < SLICE &&
      elapsed >= 0
    ) return false;
    this.#endSlice(elapsed);
    return true;
  }

  /** Looks at the clock; returns the time since the slice began. */
  #look(process: ProcessSchedule | undefined): number {
    const isUsedUp = this.#granted > 0 && this.#allowance <= 0;
    const made = this.#granted - Math.max(this.#allowance, 0) +
      (process === undefined ? 0 : 1);
    this.#stepsInSlice += made;
    const now = this.#loop.now(made);
    if (this.#isIdle) this.#endIdle(now);
    else this.#awaitIdle();
    this.#answerMayPass = true;
    const passed = now - this.#looked;
    this.#looked = now;
    // The clock may have been about to tick: one millisecond does not prove a slow step.
    if (process !== undefined) this.#judge(process, passed >= 1);
    this.#isSlow = passed >= 1 && made <= 1;
    if (passed >= 2 || passed < 0) this.#beginPeriod();
    if (passed >= 1) this.#grant = ALLOWANCE.first;
    else if (isUsedUp) this.#grant = Math.min(this.#grant * 2, ALLOWANCE.most);
    this.#allowance = this.#granted = this.#grant;
    return now - this.#sliceBegan;
  }

  /** Notes whether a step of a process was slow. If it was quick, the other steps of a slow process are moved. */
  #judge(process: ProcessSchedule, isSlow: boolean): void {
    const { steps } = process;
    if (isSlow) {
      const counted = this.#isAlone ? 1 : 0;
      process.steps = Math.max(SLOW, Math.min(steps, 0) - counted);
      return;
    }
    if (steps < 0) process.steps = 0;
    if (steps !== SLOW || process.queued === 0) return;
    const waiting = this.#slow;
    this.#slow = [];
    for (const each of waiting) {
      if (each.process !== process) this.#slow.push(each);
      else this.#push(each.step, process, each.argument);
    }
  }

  #beginSlice(now: number): void {
    this.#sliceBegan = this.#looked = now;
    this.#stepsInSlice = 0;
  }

  /** Limits the steps of the next slices if this one overran. */
  #endSlice(elapsed: number): void {
    this.#maxStepsInSlice = elapsed >= 2 * SLICE
      ? Math.max(1, Math.floor(this.#stepsInSlice * SLICE / elapsed))
      : this.#maxStepsInSlice < 256
      ? 2 * this.#maxStepsInSlice
      : Infinity;
  }

  #beginPeriod(): void {
    this.#period++;
    this.#grant = ALLOWANCE.first;
    this.#allowance = this.#granted = 0;
  }

  async #turn(): Promise<void> {
    this.#isTurning = true;
    this.#allowance = this.#granted = 0;
    await new Promise<void>((resolve) => {
      this.#endTurn = resolve;
      this.#loop.afterPoll(resolve);
    });
    this.#endTurn = undefined;
    this.#isTurning = false;
    this.#beginSlice(this.#loop.now(0));
    this.input.endShare();
    const yielded = this.#yielded;
    this.#yielded = [];
    for (const goOn of yielded) runStep(goOn, undefined, undefined);
    this.#awaitIdle();
  }

  /** Waits until no microtask is left, so that connections write the messages of the steps so far. */
  async #finishMicrotasks(endsShare = true): Promise<void> {
    this.#isSlow = false;
    this.#isTurning = true;
    await new Promise<void>(afterMicrotasks);
    this.#isTurning = false;
    if (endsShare) this.input.endShare();
    this.#awaitIdle();
  }

  #awaitIdle(): void {
    if (this.#awaitsIdle) return;
    this.#awaitsIdle = true;
    this.#loop.whenIdle(this.#becomeIdle);
  }

  /** Called when no microtask is left. The program is idle unless steps wait for a turn. */
  readonly #becomeIdle = (): void => {
    this.#awaitsIdle = false;
    if (this.#isTurning) return;
    this.#isIdle = true;
    this.input.reset();
    this.#idleSince = this.#loop.now(0);
    this.#beginPeriod();
  };

  /** Counts the first step after idle time; returns whether the slice has time for the step. */
  #endsIdle(): boolean {
    const now = this.#loop.now(1);
    this.#stepsInSlice++;
    this.#endIdle(now);
    return now - this.#sliceBegan < SLICE;
  }

  #endIdle(now: number): void {
    this.#isIdle = false;
    this.#sliceBegan += now - this.#idleSince;
    this.#looked = now;
    this.#awaitIdle();
  }
}

function runStep<P, A>(
  step: (process: P, argument: A) => void,
  process: P,
  argument: A,
): void {
  try {
    step(process, argument);
  } catch (error) {
    throwLater(error);
  }
}

export const scheduler: Scheduler = new Scheduler();
