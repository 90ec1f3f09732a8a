/**
 * The load of a Task.Supervisor, which it reports to the pools that send it tasks, and the pools' turns when it is
 * full.
 *
 * A pool asks for the load (`watch_load`), and then receives each change, at most ten times a second. While the
 * supervisor is full, pools wait for a turn: a pool that was refused, and a pool that asks for a turn (`want_turn`).
 * When a task ends, the pool that has waited longest gets the place (a load with `turn`): the place is kept for that
 * pool for half a second. So pools that compete for a supervisor get its places in rotation, and do not send large
 * arguments only to be refused.
 *
 * Messages: `watch_load` is a call, which the first load answers; `load` from the supervisor; `want_turn` and
 * `no_turn` from a pool. `no_turn` declines a turn, which the next pool gets.
 *
 * Races: a pool may start a task before its turn arrives; the task takes the kept place. A lost pool loses its turn
 * with its monitor; a silent pool loses it after half a second. Other callers of the supervisor are refused while all
 * free places are kept. A lying peer can at most leave its kept places unused, as it could by tasks that do nothing.
 */

import { InternalMessage, isTyped } from "@otp/servers/server/messages";
import { tellConnected } from "@otp/servers/server/call";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { type Key, keyOf } from "@otp/processes/process/links_and_monitors";
import { onDown, onExit } from "@otp/servers/server/on_exit";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { Runtime } from "@otp/processes/process/runtime";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import {
  type Occupancy,
  taskSlots,
  type TaskTurns,
} from "@otp/servers/server/task_slots";

/** Milliseconds between two reports to a pool. */
const REPORT_INTERVAL = 100;

/** Milliseconds for which a place is kept for a pool. */
const TURN_TIME = 500;

/** The maximum number of pools of one node that are told the load: each report is sent to all in one turn. */
const MAX_POOLS = 100;

/** A report of a supervisor's load to a pool. */
export interface LoadReport {
  type: "load";
  /** The number of tasks and of places that are kept for pools. */
  tasks: number;
  /** The maximum number of tasks. */
  max: number | "infinity";
  /** Whether the supervisor refuses new tasks. */
  draining: boolean;
  /** Whether a place is kept for the receiving pool. */
  turn?: boolean;
}

/** A message of a pool to a supervisor. */
export interface TurnMessage {
  /** Whether the pool waits for a turn, or declines its turn. */
  type: "want_turn" | "no_turn";
}

/** A pool that receives the load. */
interface Subscriber {
  readonly pid: Pid;
  readonly ref: Ref;
  /** The last reported load; `undefined` if the last report could not be sent. */
  told: number | undefined;
}

/** Makes the supervisors of a node report their load to the pools that ask for it. */
export function serveTaskLoad(runtime: Runtime): void {
  taskSlots(runtime).turns ??= (process, occupancy) =>
    new TaskLoad(process, occupancy);
}

/** The load of one supervisor. */
export class TaskLoad implements TaskTurns {
  readonly #process: LocalProcess;
  readonly #occupancy: () => Occupancy;
  readonly #subscribers = new Map<Key, Subscriber>();
  /** The pools that wait for a turn, the longest wait first. */
  readonly #waiting = new Map<Key, Subscriber>();
  /** The pools for which a place is kept, each with a function that stops the timer of the place. */
  readonly #turns = new Map<Key, () => void>();
  #stopTimer: (() => void) | undefined;

  /**
   * @param process The supervisor's process.
   * @param occupancy Returns the supervisor's state.
   */
  constructor(process: LocalProcess, occupancy: () => Occupancy) {
    this.#process = process;
    this.#occupancy = occupancy;
    onExit(process, () => {
      this.#stopTimer?.();
      for (const stop of this.#turns.values()) stop();
    });
  }

  call(request: unknown, { pid }: ReplyTo): unknown {
    return isTyped(request, "watch_load")
      ? this.subscribe(pid) ?? { type: "error", reason: "system_limit" }
      : undefined;
  }

  /** Reports the load to a pool from now on; returns the load, or `undefined` if the pool's node has too many pools. */
  subscribe(pid: Pid): LoadReport | undefined {
    const process = this.#process;
    const key = this.#key(pid);
    const report = this.#report();
    const known = this.#subscribers.get(key);
    if (known !== undefined) known.told = report.tasks;
    else {
      if (this.#isFullFor(pid.node)) return undefined;
      if (!process.keepFor(pid.node)) return undefined;
      const ref = onDown(process, pid, () => this.#unsubscribe(key, pid));
      this.#subscribers.set(key, { pid, ref, told: report.tasks });
    }
    return report;
  }

  #isFullFor(node: string): boolean {
    let pools = 0;
    for (const { pid } of this.#subscribers.values()) {
      if (pid.node === node) pools++;
    }
    return pools >= MAX_POOLS;
  }

  /** Returns whether the caller may start a task, which may use its turn; if not, a pool waits for a turn. */
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
    this.#stopTimer ??= this.#process.runtime.deadlines.after(
      REPORT_INTERVAL,
      () => {
        this.#stopTimer = undefined;
        const report = this.#report();
        for (const subscriber of this.#subscribers.values()) {
          if (subscriber.told !== report.tasks) this.#tell(subscriber, report);
        }
      },
    );
  }

  /** Reports to all pools now that the supervisor drains. */
  draining(): void {
    const report = this.#report();
    for (const each of this.#subscribers.values()) this.#tell(each, report);
  }

  /** Handles a message of a pool; returns false for any other message. */
  info(message: unknown): boolean {
    if (!(message instanceof InternalMessage)) return false;
    const key = this.#key(message.from);
    const subscriber = this.#subscribers.get(key);
    const { type } = (message.message ?? {}) as Partial<TurnMessage>;
    if (subscriber === undefined) {
      // A pool whose connection was lost is forgotten here, and may not have noticed the loss.
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
      // A pool has one turn at a time.
      if (this.#turns.has(key)) continue;
      this.#waiting.delete(key);
      this.#turns.set(
        key,
        this.#process.runtime.deadlines.after(TURN_TIME, () => {
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
      // A pool that does not read loses its turn, and gets the load later.
      subscriber.told = undefined;
      this.#reportSoon();
    }
  }

  #unsubscribe(key: Key, { node }: Pid): void {
    this.#subscribers.delete(key);
    this.#waiting.delete(key);
    this.#process.dropFor(node);
    if (this.#endTurn(key)) this.changed();
  }

  #key(pid: Pid): Key {
    return keyOf(pid, this.#process.runtime);
  }
}
