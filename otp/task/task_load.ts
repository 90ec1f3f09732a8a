/**
 * The load of a Task.Supervisor, as the pools that send it tasks see it, and their turns when it is full.
 *
 * A pool asks for the load (`watch_load`), and is then told of each change, at most ten times a second. While the
 * supervisor is full, pools wait for a turn: those that it has refused, and those that say so (`want_turn`). When
 * a task ends, the pool that waits longest is given its place (a load with `turn`): the place is kept for it for
 * half a second. So pools that compete for a supervisor get its places in rotation, and tasks with large arguments
 * are not sent in vain.
 *
 * Messages: `watch_load` is a call, which the first load answers; `load` from the supervisor; `want_turn` and
 * `no_turn` from a pool. The latter declines a turn, which the next pool gets.
 *
 * Races: a pool may start a task before its turn arrives; it takes the kept place all the same. A pool that is lost
 * loses its turn with its monitor; one that is silent loses it after half a second. Other callers of the supervisor
 * are refused while all free places are kept. A peer that lies about itself can at most leave the places that it
 * is given unused, as it could by tasks that do nothing.
 *
 * @module
 */

import { InternalMessage } from "../gen/messages.ts";
import { tellConnected } from "../gen/call.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { type Key, keyOf } from "../../core/processes/links_and_monitors.ts";
import { ignore } from "../../core/promises/promises.ts";
import { onExit } from "../gen/on_exit.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";

/** Milliseconds between the loads that a pool is told. */
const REPORT_INTERVAL = 100;

/** Milliseconds for which a place is kept for a pool. */
const TURN_TIME = 500;

/** The load of a supervisor. */
export interface LoadReport {
  /** Always `"load"`. */
  type: "load";
  /** The number of tasks, and of places that are kept for pools. */
  tasks: number;
  /** The most tasks. */
  max: number | "infinity";
  /** Whether the supervisor takes no new tasks any more. */
  draining: boolean;
  /** Whether a place is kept for the pool that is told. */
  turn?: boolean;
}

/** A message of a pool to a supervisor. */
export interface TurnMessage {
  /** Whether the pool waits for a turn, or declines the one that it has been given. */
  type: "want_turn" | "no_turn";
}

/** A pool that is told the load. */
interface Subscriber {
  readonly pid: Pid;
  readonly ref: Ref;
  /** The load that it was told last; `undefined` if that could not be sent. */
  told: number | undefined;
}

/** The state of the supervisor. */
export interface Occupancy {
  /** The number of tasks. */
  tasks: number;
  /** The most tasks. */
  max: number;
  /** Whether it takes no new tasks any more. */
  draining: boolean;
}

/** The load of one supervisor. */
export class TaskLoad {
  readonly #process: LocalProcess;
  readonly #occupancy: () => Occupancy;
  readonly #subscribers = new Map<Key, Subscriber>();
  /** Those that wait for a turn, the longest first. */
  readonly #waiting = new Map<Key, Subscriber>();
  /** Those for which a place is kept, and what stops its timer. */
  readonly #turns = new Map<Key, () => void>();
  #stopTimer: (() => void) | undefined;

  /**
   * Made for a supervisor.
   *
   * @param process The supervisor's process.
   * @param occupancy Returns its state.
   */
  constructor(process: LocalProcess, occupancy: () => Occupancy) {
    this.#process = process;
    this.#occupancy = occupancy;
    onExit(process, () => {
      this.#stopTimer?.();
      for (const stop of this.#turns.values()) stop();
    });
  }

  /** Tells a pool the load from now on; returns the load, or `undefined` if there are too many of its node. */
  subscribe(pid: Pid): LoadReport | undefined {
    const process = this.#process;
    const key = this.#key(pid);
    const report = this.#report();
    const known = this.#subscribers.get(key);
    if (known !== undefined) known.told = report.tasks;
    else {
      if (!process.keepFor(pid.node)) return undefined;
      const ref = process.monitor(pid, undefined, {
        node: pid.node,
        reply: ignore,
        down: (_object, _reason, ref) => {
          process.unawait(ref);
          this.#forget(key, pid);
        },
        abandon: ignore,
      });
      this.#subscribers.set(key, { pid, ref, told: report.tasks });
    }
    return report;
  }

  /** Whether a caller may start a task now, as far as places are concerned; if so, its turn is used. */
  admits(caller: Pid): boolean {
    const { tasks, max } = this.#occupancy();
    const free = max - tasks;
    if (this.#turns.size === 0 && free > 0) return true;
    const key = this.#key(caller);
    if (free > 0 && this.#endTurn(key)) return true;
    if (free > this.#turns.size) return true;
    const subscriber = this.#subscribers.get(key);
    if (subscriber !== undefined) this.#waiting.set(key, subscriber);
    return false;
  }

  /** Called when a task has started or ended. */
  changed(): void {
    if (this.#subscribers.size === 0) return;
    this.#giveTurns();
    this.#reportSoon();
  }

  #reportSoon(): void {
    this.#stopTimer ??= this.#process.runtime.after(REPORT_INTERVAL, () => {
      this.#stopTimer = undefined;
      const report = this.#report();
      for (const subscriber of this.#subscribers.values()) {
        if (subscriber.told !== report.tasks) this.#tell(subscriber, report);
      }
    });
  }

  /** Tells all pools the load now. */
  tellAll(): void {
    const report = this.#report();
    for (const each of this.#subscribers.values()) this.#tell(each, report);
  }

  /** Takes a message of a pool; returns whether it was one. */
  hear(message: unknown): boolean {
    if (!(message instanceof InternalMessage)) return false;
    const key = this.#key(message.from);
    const subscriber = this.#subscribers.get(key);
    const { type } = (message.message ?? {}) as Partial<TurnMessage>;
    if (subscriber === undefined) {
      // A pool that was forgotten as its node was lost may still believe that it is known.
      return type === "want_turn" || type === "no_turn";
    }
    if (type === "want_turn") this.#waiting.set(key, subscriber);
    else if (type === "no_turn") {
      this.#waiting.delete(key);
      this.#endTurn(key);
    } else return false;
    this.changed();
    return true;
  }

  #giveTurns(): void {
    for (const [key, subscriber] of this.#waiting) {
      const { tasks, max, draining } = this.#occupancy();
      if (draining || max - tasks <= this.#turns.size) return;
      // One turn at a time.
      if (this.#turns.has(key)) continue;
      this.#waiting.delete(key);
      this.#turns.set(
        key,
        this.#process.runtime.after(TURN_TIME, () => {
          this.#turns.delete(key);
          this.changed();
        }),
      );
      this.#tell(subscriber, { ...this.#report(), turn: true });
    }
  }

  #endTurn(key: Key): boolean {
    this.#turns.get(key)?.();
    return this.#turns.delete(key);
  }

  #report(): LoadReport {
    const { tasks, max, draining } = this.#occupancy();
    return {
      type: "load",
      tasks: tasks + this.#turns.size,
      max: max === Infinity ? "infinity" : max,
      draining,
    };
  }

  #tell(subscriber: Subscriber, report: LoadReport): void {
    try {
      tellConnected(this.#process, subscriber.pid, report);
      subscriber.told = report.tasks;
    } catch {
      // A pool that does not read loses its turn, and is told the load later.
      subscriber.told = undefined;
      this.#reportSoon();
    }
  }

  #forget(key: Key, { node }: Pid): void {
    this.#subscribers.delete(key);
    this.#waiting.delete(key);
    this.#process.dropFor(node);
    if (this.#endTurn(key)) this.changed();
  }

  #key(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }
}
