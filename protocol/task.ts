/**
 * Tasks: what a task's process runs, and what its owner knows of it.
 *
 * @module
 */

import { ExitError } from "../errors.ts";
import type { Pid, Ref } from "../runtime/pid.ts";
import type { Process, Wait } from "../runtime/process.ts";
import { isReason } from "../runtime/reason.ts";
import type { SpawnResult } from "../runtime/signal.ts";

/** How a task ended. */
export type TaskOutcome =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

type Waiter = (outcome: TaskOutcome | undefined, error?: unknown) => void;

/**
 * What a task's process runs: the function, and then its result to the owner's alias.
 *
 * Nothing is awaited that need not be: the result of a function that is not asynchronous leaves
 * in the turn in which the task started.
 */
export function runTask(
  process: Process,
  fn: () => unknown,
  ref: Ref | undefined,
): unknown {
  const result = fn();
  if (ref === undefined) return result;
  if (result instanceof Promise) {
    return result.then((value) => answer(process, ref, value));
  }
  answer(process, ref, result);
}

function answer(process: Process, ref: Ref, value: unknown): void {
  if (process.alive) process.reply(ref, value);
}

/** A task as its owner sees it: the result and the end come here, and to the mailbox if nobody waits. */
export class TaskState implements Wait {
  readonly node: string;
  readonly ref: Ref;
  readonly #owner: Process;
  /** Told when the task has been started. */
  onSpawned: ((pid: Pid) => void) | undefined;
  #outcome: TaskOutcome | undefined;
  #mail: unknown[] = [];
  #claimed = false;
  #waiter: Waiter | undefined;

  /** A task of `owner` that is to be started on a node. */
  constructor(owner: Process, node: string, ref: Ref) {
    this.#owner = owner;
    this.node = node;
    this.ref = ref;
  }

  /** Begins to wait; what is sent under the reference comes here from now on. */
  open(): void {
    this.#owner.addAlias(this.ref, "demonitor");
    this.#owner.await(this.ref, this);
  }

  /** Stops to wait: late messages are dropped. */
  close(): void {
    this.#claimed = true;
    this.#owner.unawait(this.ref);
    this.#owner.demonitor(this.ref);
    this.#owner.unalias(this.ref);
  }

  spawned(result: SpawnResult | undefined): void {
    if (result !== undefined && "pid" in result) this.onSpawned?.(result.pid);
  }

  reply(value: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#settle({ type: "ok", value }, {
      type: "reply",
      ref: this.ref,
      value,
    });
  }

  down(object: unknown, reason: unknown): void {
    this.#owner.unawait(this.ref);
    const message = { type: "DOWN", ref: this.ref, object, reason };
    if (this.#outcome === undefined) {
      this.#settle({ type: "exit", reason }, message);
    } else if (!this.#claimed) this.#post(message);
  }

  #settle(outcome: TaskOutcome, message: unknown): void {
    this.#outcome = outcome;
    const waiter = this.#waiter;
    if (waiter === undefined) {
      if (!this.#claimed) this.#post(message);
      return;
    }
    this.#waiter = undefined;
    this.#claimed = true;
    waiter(outcome);
  }

  #post(message: unknown): void {
    this.#mail.push(message);
    this.#owner.mailbox.push(message, this.#owner);
  }

  /** Takes the outcome, if there is one: its messages leave the mailbox. */
  claim(): TaskOutcome | undefined {
    if (this.#outcome === undefined) return undefined;
    this.#claimed = true;
    for (const message of this.#mail) this.#owner.mailbox.remove(message);
    this.#mail = [];
    return this.#outcome;
  }

  /** Waits for the outcome; nothing if it does not come in so many milliseconds. */
  wait(timeout: number): Promise<TaskOutcome | undefined> {
    const outcome = this.claim();
    if (outcome !== undefined) return Promise.resolve(outcome);
    return new Promise((resolve, reject) => {
      const stopTimer = timeout === Infinity
        ? undefined
        : this.#owner.runtime.after(timeout, () => {
          this.#waiter = undefined;
          resolve(undefined);
        });
      this.#waiter = (outcome, error) => {
        stopTimer?.();
        if (error === undefined) resolve(outcome);
        else reject(error);
      };
    });
  }

  abandon(error: () => unknown): void {
    this.#waiter?.(undefined, error());
    this.#waiter = undefined;
  }

  /** The reason as the caller exits with it. */
  reasonOf(reason: unknown): unknown {
    return isReason(reason, "noconnection")
      ? { type: "nodedown", node: this.node }
      : reason;
  }
}

/** The exit of a caller whose task failed: what was called, and why it failed. */
export function taskExit(
  reason: unknown,
  fn: string,
  args: unknown[],
): ExitError {
  return new ExitError({ type: "call", reason, call: ["Task", fn, args] });
}
