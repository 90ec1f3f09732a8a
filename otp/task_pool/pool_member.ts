/**
 * A supervisor of a pool's group, as the pool sees it: the tasks that the pool has in flight there, and its load by
 * what it has said last.
 *
 * @module
 */

import type { Pid, Ref } from "../../core/values/pid.ts";
import type { LoadReport } from "../task/task_load.ts";

/** Milliseconds after which a supervisor that has not answered is passed over, until it does. */
const PATIENCE = 1000;

/** The places that a supervisor without a limit is taken to have, compared with those that have one. */
const MANY_PLACES = 1000;

/** Milliseconds until a supervisor that has refused a task, and tells no load, is asked again: at first, and at most. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1000;

/** The time of a pool. */
export interface PoolClock {
  /** Calls back after that many milliseconds; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
  /** Called when a supervisor may be sent tasks again. */
  changed(): void;
}

/** A task of a pool, as its supervisor is concerned. */
export interface TaskInFlight {
  /** When its supervisor was asked something about it that it has not answered. */
  askedAt: number;
}

/** A supervisor of a group. */
export class PoolMember {
  /** Its process. */
  readonly pid: Pid;
  /** The monitor on it. */
  readonly ref: Ref;
  /** The pool's tasks there: those that are starting, that run, and that are being ended. */
  readonly attempts: Set<TaskInFlight> = new Set();
  /** Whether it exited, or its node was lost. */
  isDown = false;
  /** Whether it has left the group. */
  hasLeft = false;
  /** Whether it takes no new tasks. */
  isDraining = false;
  /** Whether the pool has said that it waits for a turn. */
  waitsForTurn = false;
  /** Whether it tells its load; `undefined` until it has answered. */
  tellsLoad: boolean | undefined = undefined;
  /** Those of the tasks of which it has to say something, the longest first. */
  readonly #unanswered = new Set<TaskInFlight>();
  #max = Infinity;
  /** The number of others' tasks there. */
  #others = 0;
  #isPaused = false;
  #pause = FIRST_PAUSE;
  #stopTimer: (() => void) | undefined;

  /** A supervisor that has just joined. */
  constructor(pid: Pid, ref: Ref) {
    this.pid = pid;
    this.ref = ref;
  }

  /** The number of tasks there. */
  get load(): number {
    return this.attempts.size + this.#others;
  }

  /** The most tasks there. */
  get max(): number {
    return this.#max;
  }

  /** The part of its places that is taken. */
  get use(): number {
    return this.load / (this.#max === Infinity ? MANY_PLACES : this.#max);
  }

  /** Whether the pool may send it a task. */
  canTake(now: number): boolean {
    if (
      this.isDown || this.isDraining || this.#isPaused || this.waitsForTurn
    ) return false;
    // Its places are not known yet.
    if (this.tellsLoad === undefined && this.attempts.size > 0) return false;
    return this.load < this.#max && !this.isSilent(now);
  }

  /** Whether it has not answered for too long. */
  isSilent(now: number): boolean {
    for (const { askedAt } of this.#unanswered) return now - askedAt > PATIENCE;
    return false;
  }

  /** Whether the pool is to say that it waits for a turn. */
  mayWantTurn(now: number): boolean {
    return this.tellsLoad === true && !this.isDown && !this.isDraining &&
      !this.waitsForTurn && !this.isSilent(now);
  }

  /** It has been sent a request about a task. */
  asked(attempt: TaskInFlight, now: number): void {
    attempt.askedAt = now;
    this.#unanswered.delete(attempt);
    this.#unanswered.add(attempt);
  }

  /** It has answered. */
  answered(attempt: TaskInFlight): void {
    this.#unanswered.delete(attempt);
  }

  /** A task is over, or was not started. */
  ended(attempt: TaskInFlight): void {
    this.#unanswered.delete(attempt);
    this.attempts.delete(attempt);
  }

  /** It has told its load. */
  report({ tasks, max, draining, turn }: LoadReport): void {
    this.tellsLoad = true;
    this.#max = max === "infinity" ? Infinity : max;
    this.isDraining = draining;
    const kept = turn === true ? 1 : 0;
    this.#others = Math.max(0, tasks - kept - this.attempts.size);
    if (kept === 1 || tasks < this.#max) this.resume();
  }

  /** Passes it over for some time, as it has refused a task: until its next turn, if it gives turns. */
  pause(clock: PoolClock): void {
    if (this.tellsLoad === true) return this.waitForTurn(clock);
    this.#isPaused = true;
    this.#arm(this.#pause, clock);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  /** Passes it over until it gives the pool a turn, or says that it has places. */
  waitForTurn(clock: PoolClock): void {
    this.waitsForTurn = true;
    // It may have been unable to say so.
    this.#arm(LONGEST_PAUSE, clock);
  }

  #arm(ms: number, { after, changed }: PoolClock): void {
    this.#stopTimer?.();
    this.#stopTimer = after(ms, () => {
      this.resume();
      changed();
    });
  }

  /** No longer passes it over. */
  resume(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#isPaused = false;
    this.waitsForTurn = false;
  }

  /** It has started a task. */
  tookOne(): void {
    this.#pause = FIRST_PAUSE;
  }
}

/** Whether a message is the load of a supervisor: it may be anything. */
export function isLoadReport(value: unknown): value is LoadReport {
  if (typeof value !== "object" || value === null) return false;
  const { type, tasks, max, draining, turn } = value as Record<string, unknown>;
  return type === "load" && isCount(tasks) &&
    (max === "infinity" || isCount(max)) && typeof draining === "boolean" &&
    (turn === undefined || typeof turn === "boolean");
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
