/**
 * Deadlines. Most share a few lengths (a call's 5000 ms) and are cancelled early. All deadlines of one length share
 * one timer of the clock, because a timer of its own would be the most expensive part of a call. A node keeps a few
 * timers that no deadline needs: processes that wait for each other in turn would otherwise start and stop one for
 * each message.
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

export type DeadlineClock = Pick<Clock, "isVirtual" | "now" | "after">;

export class Deadlines {
  readonly clock: DeadlineClock;
  readonly #queues = new Map<number, Queue>();
  /** The queues that became empty in this turn. */
  #emptied = new Set<Queue>();
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

  #timed(ms: number, expiring: Expiring): Deadline {
    const expire = () => {
      scheduler.noteTurn();
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
    const { clock } = this.deadlines;
    const now = clock.now();
    const late = now - this.#due;
    // Most deadlines are cancelled early, and the timer then fires for none.
    const isDue = this.first !== undefined && this.first.at <= now;
    if (late < LATE || clock.isVirtual || !isDue) return this.#expire();
    // The program was paused or busy: an answer that arrived in time may still be in a socket.
    const silence = Math.min(late / 10, MAX_SILENCE);
    this.stopTimer = scheduler.input.whenHandled(
      silence,
      () => this.#expire(),
    );
  }

  #expire(): void {
    this.stopTimer = undefined;
    // A timer may fire a little early; the deadlines of its time expire anyway.
    const now = Math.max(this.deadlines.clock.now(), this.#due);
    try {
      while (this.first !== undefined && this.first.at <= now) {
        const { first } = this;
        first.cancel();
        first.expiring.expire();
      }
    } finally {
      // A deadline's callback may have set another deadline, and with it a timer.
      if (this.first !== undefined && this.stopTimer === undefined) {
        this.arm(this.first, Math.max(this.first.at - now, 0));
      } else if (this.first === undefined) this.deadlines.sweep(this);
    }
  }
}

class Queued implements Deadline {
  readonly at: number;
  readonly expiring: Expiring;
  /** Its queue, until it is cancelled. */
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
