/**
 * A supervisor of a pool's group, as the pool sees it: the pool's tasks in flight there, and the load that the
 * supervisor reported last.
 */

import type { Pid, Ref } from "@otp/processes/values/pid";
import type { LoadReport } from "./task_load.ts";

/** A supervisor that has not answered for this many milliseconds is passed over until it answers. */
const PATIENCE = 1000;

/** The assumed number of places of a supervisor without a limit, to compare it with others. */
const ASSUMED_PLACES = 1000;

/** The first and the longest pause after a supervisor that reports no load has refused a task, in milliseconds. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1000;

/** The time of a pool. */
export interface PoolClock {
  /** Calls `fn` after `ms` milliseconds; returns a function that cancels the call. */
  after(ms: number, fn: () => void): () => void;
  /** Called when a supervisor can take tasks again. */
  changed(): void;
}

/** A task of a pool, as {@linkcode PoolMember} sees it. */
export interface TaskInFlight {
  /** When the supervisor was sent the request about the task that it has not answered. */
  askedAt: number;
}

/** A supervisor of a group. */
export class PoolMember {
  /** The supervisor's process. */
  readonly pid: Pid;
  /** The monitor on the supervisor. */
  readonly ref: Ref;
  /** The pool's tasks there: starting, running, or being ended. */
  readonly attempts: Set<TaskInFlight> = new Set();
  /** Whether the supervisor has exited, or its node was lost. */
  isDown = false;
  /** Whether the supervisor has left the group. */
  hasLeft = false;
  /** Whether the supervisor takes no new tasks. */
  isDraining = false;
  /** Whether the pool has told the supervisor that it waits for a turn. */
  waitsForTurn = false;
  /** Whether the supervisor reports its load; `undefined` until it has answered. */
  tellsLoad: boolean | undefined = undefined;
  /** The tasks with an unanswered request, the oldest request first. */
  readonly #unanswered = new Set<TaskInFlight>();
  #max = Infinity;
  /** The number of other owners' tasks there. */
  #others = 0;
  #isPaused = false;
  #pause = FIRST_PAUSE;
  #stopTimer: (() => void) | undefined;

  constructor(pid: Pid, ref: Ref) {
    this.pid = pid;
    this.ref = ref;
  }

  /** The number of tasks at the supervisor. */
  get load(): number {
    return this.attempts.size + this.#others;
  }

  /** The maximum number of tasks at the supervisor. */
  get max(): number {
    return this.#max;
  }

  /** The fraction of the supervisor's places that are taken. */
  get use(): number {
    return this.load / (this.#max === Infinity ? ASSUMED_PLACES : this.#max);
  }

  /** Returns whether the pool may send a task. */
  canTake(now: number): boolean {
    if (
      this.isDown || this.isDraining || this.#isPaused || this.waitsForTurn
    ) return false;
    // Send only one task until the number of places is known.
    if (this.tellsLoad === undefined && this.attempts.size > 0) return false;
    return this.load < this.#max && !this.isSilent(now);
  }

  /** Returns whether the supervisor has not answered for too long. */
  isSilent(now: number): boolean {
    for (const { askedAt } of this.#unanswered) return now - askedAt > PATIENCE;
    return false;
  }

  /** Returns whether to tell the supervisor that the pool waits for a turn. */
  mayWantTurn(now: number): boolean {
    return this.tellsLoad === true && !this.isDown && !this.isDraining &&
      !this.waitsForTurn && !this.isSilent(now);
  }

  /** Notes a request about a task. */
  asked(attempt: TaskInFlight, now: number): void {
    attempt.askedAt = now;
    this.#unanswered.delete(attempt);
    this.#unanswered.add(attempt);
  }

  /** Notes the answer to a request. */
  answered(attempt: TaskInFlight): void {
    this.#unanswered.delete(attempt);
  }

  /** Notes that a task has ended, or was not started. */
  ended(attempt: TaskInFlight): void {
    this.#unanswered.delete(attempt);
    this.attempts.delete(attempt);
  }

  /** Stores the reported load. */
  report({ tasks, max, draining, turn }: LoadReport): void {
    this.tellsLoad = true;
    this.#max = max === "infinity" ? Infinity : max;
    this.isDraining = draining;
    const reserved = turn === true ? 1 : 0;
    this.#others = Math.max(0, tasks - reserved - this.attempts.size);
    if (reserved === 1 || tasks < this.#max) this.resume();
  }

  /** Passes the supervisor over after it has refused a task: until its next turn if it gives turns, or for some time. */
  pause(clock: PoolClock): void {
    if (this.tellsLoad === true) return this.waitForTurn(clock);
    this.#isPaused = true;
    this.#arm(this.#pause, clock);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  /** Passes the supervisor over until it gives the pool a turn, or reports free places. */
  waitForTurn(clock: PoolClock): void {
    this.waitsForTurn = true;
    // The supervisor's report may be lost if its connection is full.
    this.#arm(LONGEST_PAUSE, clock);
  }

  #arm(ms: number, { after, changed }: PoolClock): void {
    this.#stopTimer?.();
    this.#stopTimer = after(ms, () => {
      this.resume();
      changed();
    });
  }

  /** Stops passing the supervisor over. */
  resume(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#isPaused = false;
    this.waitsForTurn = false;
  }

  /** Notes that the supervisor has started a task. */
  tookOne(): void {
    this.#pause = FIRST_PAUSE;
  }
}

/** Returns whether `value`, which any process may have sent, is a load report. */
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
