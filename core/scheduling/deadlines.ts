/**
 * Deadlines. Most share a few lengths (a call's 5000 ms) and are cancelled early. All deadlines of one length share
 * one timer of the clock, because a timer of its own would be the most expensive part of a call. A node keeps a few
 * timers that no deadline needs: processes that wait for each other in turn would otherwise start and stop one for
 * each message.
 */

import { scheduler } from "./scheduler.ts";

/** Something that has a deadline. */
export interface Expiring {
  /** Called when the deadline has passed. */
  expire(): void;
}

/** A pending deadline. */
export interface Deadline {
  /** When it passes, on its clock. */
  readonly at?: number;
  /** Cancels the deadline. */
  cancel(): void;
}

/** The clock that deadlines follow. */
export interface DeadlineClock {
  /** Whether the time is simulated: a late timer then has no pending input of the host to wait for. */
  isVirtual?(): boolean;
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back after `ms` milliseconds, as code of no process; returns a function that cancels the call. */
  timer(ms: number, fn: () => void): () => void;
}

const hostTimeout = setTimeout;

/** A timer that fires at least this many milliseconds after its time is late. */
const LATE = 3;

/** The maximum time without input, in milliseconds, before a late deadline expires. It grows with the delay. */
const MAX_SILENCE = 20;

/** The number of timers that a node keeps. With more lengths, most lengths occur once. */
const MAX_KEPT = 8;

/** The deadlines of a node. */
export class Deadlines {
  readonly #clock: DeadlineClock;
  /** The queues by length. */
  readonly #queues = new Map<number, Queue>();
  /** The queues that became empty in this turn. */
  #emptied = new Set<Queue>();
  #keepsTimers = false;

  /** Creates the deadlines of a node, by its clock. */
  constructor(clock: DeadlineClock) {
    this.#clock = clock;
  }

  /** Sets a deadline in `ms` milliseconds. */
  add(ms: number, expiring: Expiring): Deadline {
    // Fake timers of tests do not move the clock, so each deadline has a timer of its own.
    if (setTimeout !== hostTimeout) {
      const expire = () => {
        scheduler.noteTurn();
        expiring.expire();
      };
      const at = this.#clock.now() + ms;
      return { at, cancel: this.#clock.timer(ms, expire) };
    }
    let queue = this.#queues.get(ms);
    if (queue === undefined) {
      queue = new Queue(ms, this.#clock, (queue) => this.#sweep(queue));
      this.#queues.set(ms, queue);
    }
    return queue.add(expiring);
  }

  /** Keeps unneeded timers until they fire. Something else must keep the program alive until `stop`. */
  keepTimers(): void {
    this.#keepsTimers = true;
  }

  /** Stops the timers that no deadline needs. */
  stop(): void {
    this.#keepsTimers = false;
    for (const queue of this.#queues.values()) {
      if (queue.first === undefined) this.#sweep(queue);
    }
  }

  /** Stops the timer of an empty queue after the turn, because the next call may begin in this turn. */
  #sweep(queue: Queue): void {
    if (
      this.#keepsTimers && queue.isArmed && this.#queues.size <= MAX_KEPT
    ) return;
    const isFirst = this.#emptied.size === 0;
    this.#emptied.add(queue);
    if (!isFirst) return;
    scheduler.afterTurn(() => {
      const emptied = this.#emptied;
      this.#emptied = new Set();
      for (const queue of emptied) {
        if (queue.first !== undefined) continue;
        queue.stop();
        this.#queues.delete(queue.ms);
      }
    });
  }
}

/** Deadlines of one length, which expire in the order in which they were set. */
class Queue {
  first: Queued | undefined;
  readonly ms: number;
  readonly #clock: DeadlineClock;
  readonly #onEmpty: (queue: Queue) => void;
  #last: Queued | undefined;
  #stopTimer: (() => void) | undefined;
  /** The time at which the timer is due. */
  #due = 0;

  constructor(
    ms: number,
    clock: DeadlineClock,
    onEmpty: (queue: Queue) => void,
  ) {
    this.ms = ms;
    this.#clock = clock;
    this.#onEmpty = onEmpty;
  }

  add(expiring: Expiring): Deadline {
    const queued = new Queued(this, this.#clock.now() + this.ms, expiring);
    const before = this.#last;
    queued.before = before;
    if (before === undefined) this.first = queued;
    else before.after = queued;
    this.#last = queued;
    if (this.#stopTimer === undefined) this.#arm(queued, this.ms);
    return queued;
  }

  remove({ before, after }: Queued): void {
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    if (this.first === undefined) this.#onEmpty(this);
  }

  /** Whether the queue has a timer. */
  get isArmed(): boolean {
    return this.#stopTimer !== undefined;
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #arm({ at }: Queued, ms: number): void {
    this.#due = at;
    this.#stopTimer = this.#clock.timer(ms, () => this.#timeIsUp());
  }

  #timeIsUp(): void {
    const late = this.#clock.now() - this.#due;
    if (late < LATE || this.#clock.isVirtual?.()) return this.#expire();
    // The program was paused or busy: an answer that arrived in time may still be in a socket.
    const silence = Math.min(late / 10, MAX_SILENCE);
    this.#stopTimer = scheduler.input.whenHandled(
      silence,
      () => this.#expire(),
    );
  }

  #expire(): void {
    this.#stopTimer = undefined;
    // A timer may fire a little early; the deadlines of its time expire anyway.
    const now = Math.max(this.#clock.now(), this.#due);
    try {
      while (this.first !== undefined && this.first.at <= now) {
        const { first } = this;
        first.cancel();
        first.expiring.expire();
      }
    } finally {
      // A deadline's callback may have set another deadline, and with it a timer.
      if (this.first !== undefined && this.#stopTimer === undefined) {
        this.#arm(this.first, Math.max(this.first.at - now, 0));
      } else if (this.first === undefined) this.#onEmpty(this);
    }
  }
}

class Queued implements Deadline {
  readonly at: number;
  readonly expiring: Expiring;
  before: Queued | undefined = undefined;
  after: Queued | undefined = undefined;
  readonly #queue: Queue;
  #cancelled = false;

  constructor(queue: Queue, at: number, expiring: Expiring) {
    this.#queue = queue;
    this.at = at;
    this.expiring = expiring;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#queue.remove(this);
  }
}
