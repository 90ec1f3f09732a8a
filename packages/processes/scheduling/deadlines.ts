/**
 * Deadlines. Most share a few lengths (a call's 5000 ms) and are cancelled early. All deadlines of one length share
 * one timer of the clock, because a timer of its own would be the most expensive part of a call. A node keeps a few
 * timers that no deadline needs: processes that wait for each other in turn would otherwise start and stop one for
 * each message.
 *
 * After a pause of the program, an answer that arrived in time may still be in a socket. Late deadlines therefore wait
 * until the input is handled, all together, and expire in the order of their times: a timer of 0 ms before one of 30.
 */

import { outside } from "../context/async_context.ts";
import type { Clock } from "../host/clock.ts";
import { scheduler } from "./scheduler.ts";

/** Something that has a deadline. */
export interface Expiring {
  expire(): void;
}

export interface Deadline {
  /** When it passes, on its clock. */
  readonly at?: number;
  cancel(): void;
}

const hostTimeout = setTimeout;

/** A timer that fires at least this many milliseconds after its time is late. */
const LATE = 3;

/** The maximum time without input, in milliseconds, before a late deadline expires. It grows with the delay. */
const MAX_SILENCE = 20;

/** The number of timers that a node keeps. With more lengths, most lengths occur once. */
const MAX_KEPT = 8;

export type DeadlineClock = Omit<Clock, "wall">;

export class Deadlines {
  readonly clock: DeadlineClock;
  readonly #queues = new Map<number, Queue>();
  /** The queues that became empty in this turn. */
  #emptied = new Set<Queue>();
  /** The queues whose time is up, while earlier input is handled. */
  readonly #late = new Set<Queue>();
  #stopWaiting: (() => void) | undefined;
  #keepsTimers = false;

  constructor(clock: DeadlineClock) {
    this.clock = clock;
  }

  add(ms: number, expiring: Expiring): Deadline {
    // Fake timers of tests do not move the clock, so each deadline has a timer of its own.
    if (setTimeout !== hostTimeout) return this.#timed(ms, expiring);
    let queue = this.#queues.get(ms);
    if (queue === undefined) this.#queues.set(ms, queue = new Queue(ms, this));
    return new Queued(queue, this.clock.now() + ms, expiring);
  }

  /** Calls back after `ms` milliseconds, as code of no process; returns a function that cancels the call. */
  after(ms: number, fn: () => void): () => void {
    const deadline = this.add(ms, { expire: fn });
    return () => deadline.cancel();
  }

  /** Calls back every `ms` milliseconds, as code of no process; returns a function that stops the calls. */
  every(ms: number, fn: () => void): () => void {
    return outside(() => this.clock.every(ms, fn));
  }

  #timed(ms: number, expiring: Expiring): Deadline {
    const expire = () => {
      scheduler.beginTurn();
      expiring.expire();
    };
    const at = this.clock.now() + ms;
    return { at, cancel: outside(() => this.clock.after(ms, expire)) };
  }

  /** Keeps unneeded timers until they fire. Something else must keep the program alive until `stop`. */
  keepTimers(): void {
    this.#keepsTimers = true;
  }

  /** Stops the timers that no deadline needs. */
  stop(): void {
    this.#keepsTimers = false;
    for (const queue of this.#queues.values()) {
      if (queue.first === undefined) this.sweep(queue);
    }
  }

  /** Stops the timer of an empty queue after the turn, because the next call may begin in this turn. */
  sweep(queue: Queue): void {
    if (
      this.#keepsTimers && queue.stopTimer !== undefined &&
      this.#queues.size <= MAX_KEPT
    ) return;
    const isFirst = this.#emptied.size === 0;
    this.#emptied.add(queue);
    if (isFirst) scheduler.afterTurn(() => this.#stopEmptied());
  }

  /** Whether queues wait for the input. */
  get areLate(): boolean {
    return this.#late.size > 0;
  }

  /** Expires the due deadlines of a queue when the input is handled, which takes `silence` milliseconds without any. */
  expireLater(queue: Queue, silence: number): void {
    const isFirst = !this.areLate;
    this.#late.add(queue);
    queue.stopTimer = () => this.#dropLate(queue);
    if (!isFirst) return;
    this.#stopWaiting = scheduler.input.whenHandled(silence, () => {
      const queues = [...this.#late];
      this.#late.clear();
      expire(queues, this.clock.now());
    });
  }

  #dropLate(queue: Queue): void {
    this.#late.delete(queue);
    if (!this.areLate) this.#stopWaiting?.();
  }

  #stopEmptied(): void {
    const emptied = this.#emptied;
    this.#emptied = new Set();
    for (const queue of emptied) {
      if (queue.first !== undefined) continue;
      queue.stopTimer?.();
      queue.stopTimer = undefined;
      this.#queues.delete(queue.ms);
    }
  }
}

/** Deadlines of one length, which expire in the order in which they were set. */
class Queue {
  first: Queued | undefined;
  last: Queued | undefined;
  stopTimer: (() => void) | undefined;
  readonly ms: number;
  readonly deadlines: Deadlines;
  #due = 0;

  constructor(ms: number, deadlines: Deadlines) {
    this.ms = ms;
    this.deadlines = deadlines;
  }

  /** Sets the timer for the first deadline, in `ms` milliseconds. */
  arm({ at }: Queued, ms: number): void {
    this.#due = at;
    const { clock } = this.deadlines;
    this.stopTimer = outside(() => clock.after(ms, () => this.#timeIsUp()));
  }

  #timeIsUp(): void {
    const { deadlines } = this;
    const { clock } = deadlines;
    const now = clock.now();
    const late = now - this.#due;
    // Most deadlines are cancelled early, and the timer then fires for none.
    const isDue = this.first !== undefined && this.first.at <= now;
    if (clock.isVirtual || !isDue || (late < LATE && !deadlines.areLate)) {
      return expire([this], now);
    }
    deadlines.expireLater(this, Math.min(late / 10, MAX_SILENCE));
  }

  /** Returns the deadlines that are due, in order. A timer may fire a little early: the deadlines of its time are due. */
  *dueBy(now: number): Generator<Queued> {
    const end = Math.max(now, this.#due);
    for (
      let next = this.first;
      next !== undefined && next.at <= end;
      next = next.next
    ) yield next;
  }

  /** Sets the timer for the deadlines that are left. A callback may have set another deadline, and with it a timer. */
  goOn(now: number): void {
    const { first } = this;
    if (first === undefined) this.deadlines.sweep(this);
    else if (this.stopTimer === undefined) {
      this.arm(first, Math.max(first.at - Math.max(now, this.#due), 0));
    }
  }
}

/** Expires the due deadlines of queues, in the order of their times. */
function expire(queues: readonly Queue[], now: number): void {
  const due = queues.flatMap((queue) => [...queue.dueBy(now)]);
  if (queues.length > 1) due.sort((one, other) => one.at - other.at);
  for (const queue of queues) queue.stopTimer = undefined;
  try {
    for (const deadline of due) deadline.expire();
  } finally {
    for (const queue of queues) queue.goOn(now);
  }
}

class Queued implements Deadline {
  readonly at: number;
  readonly expiring: Expiring;
  /** Its queue, until it is cancelled or has expired. */
  #queue: Queue | undefined;
  #before: Queued | undefined;
  #after: Queued | undefined = undefined;

  /** Adds a deadline at the end of a queue. */
  constructor(queue: Queue, at: number, expiring: Expiring) {
    this.#queue = queue;
    this.at = at;
    this.expiring = expiring;
    const { last } = queue;
    this.#before = last;
    if (last === undefined) queue.first = this;
    else last.#after = this;
    queue.last = this;
    if (queue.stopTimer === undefined) queue.arm(this, queue.ms);
  }

  /** The deadline of its length that was set after this one. */
  get next(): Queued | undefined {
    return this.#after;
  }

  /** Expires, unless it is cancelled. */
  expire(): void {
    if (this.#queue === undefined) return;
    this.cancel();
    this.expiring.expire();
  }

  cancel(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#queue = undefined;
    const before = this.#before;
    const after = this.#after;
    if (before === undefined) queue.first = after;
    else before.#after = after;
    if (after === undefined) queue.last = before;
    else after.#before = before;
    if (queue.first === undefined) queue.deadlines.sweep(queue);
  }
}
