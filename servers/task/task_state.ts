/**
 * Tasks: what a task's process runs, and what its owner knows of it.
 *
 * @module
 */

import { ExitError } from "../../errors.ts";
import { atAwait } from "../../runtime/promises/answer.ts";
import type { Pid, Ref } from "../../runtime/values/pid.ts";
import type { Process } from "../../runtime/processes/process.ts";
import type { Wait } from "../../runtime/processes/wait.ts";
import { isReason } from "../../runtime/values/exit_reason.ts";
import type {
  MonitoredObject,
  SpawnResult,
} from "../../runtime/signals/signal.ts";

/** How a task ended. */
export type TaskOutcome =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

/** Is told how a task ended, or that its owner did. */
export type TaskWaiter = (
  outcome: TaskOutcome | undefined,
  error?: unknown,
) => void;

/** What has come from a task, and whether it is in the owner's mailbox. */
interface Mail<M> {
  message: M;
  posted: boolean;
}

/** On whose behalf the tasks of a process run. */
export function callersOf(process: Process): Pid[] {
  return [process.pid, ...process.callers ?? []];
}

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

/**
 * A task as its owner sees it: the result and the end come here, and to the mailbox if nobody waits.
 *
 * As in Elixir they can be taken once, by whoever comes first: a wait for the task, or a `receive`.
 */
export class TaskState implements Wait {
  readonly node: string;
  readonly ref: Ref;
  by: Pid | undefined;
  readonly tellsEnd = true;
  /** Who started it. */
  readonly owner: Process;
  /** Told when the task has been started. */
  onSpawned: ((pid: Pid) => void) | undefined;
  #reply: Mail<{ value: unknown }> | undefined;
  #down: Mail<{ reason: unknown }> | undefined;
  /** Whether its monitor counts as ended: a DOWN that comes is dropped. */
  #closed = false;
  /** Whether what comes is kept out of the mailbox. */
  #held = false;
  #waiter: TaskWaiter | undefined;
  #waiting: TaskWaiter[] | undefined;

  /** A task of `owner` that is to be started on a node. */
  constructor(owner: Process, node: string, ref: Ref) {
    this.owner = owner;
    this.node = node;
    this.ref = ref;
  }

  /** Begins to wait; what is sent under the reference comes here from now on. `by` is its process, if it is there. */
  open(by?: Pid): void {
    this.by = by;
    this.owner.addAlias(this.ref, "demonitor");
    this.owner.await(this.ref, this);
  }

  /** Ends the monitor and takes its DOWN out of the mail: what comes late is dropped. */
  close(): void {
    this.#closed = true;
    this.owner.unawait(this.ref);
    this.owner.demonitor(this.ref);
    this.takeDown();
  }

  /** Keeps what comes from now on out of the mail. */
  hold(): void {
    this.#held = true;
  }

  spawned(result: SpawnResult | undefined): void {
    if (result === undefined || !("pid" in result)) return;
    this.by = result.pid;
    this.onSpawned?.(result.pid);
  }

  reply(value: unknown): void {
    if (this.#closed || this.#reply !== undefined) return;
    const waiter = this.#nextWaiter();
    if (waiter === undefined) {
      this.#reply = this.#post({ type: "reply", ref: this.ref, value });
      return;
    }
    this.#closed = true;
    waiter({ type: "ok", value });
  }

  down(object: MonitoredObject, reason: unknown): void {
    this.owner.unawait(this.ref);
    if (this.#closed) return;
    const waiter = this.#nextWaiter();
    if (waiter === undefined) {
      this.#down = this.#post({ type: "DOWN", ref: this.ref, object, reason });
      return;
    }
    this.#closed = true;
    waiter({ type: "exit", reason });
  }

  #post<M>(message: M): Mail<M> {
    const posted = !this.#held;
    const mail = { message, posted };
    if (posted) this.owner.mailbox.push(message, this.owner);
    return mail;
  }

  /** What is in the owner's mailbox. */
  mail(): unknown[] {
    return [this.#reply, this.#down].flatMap((mail) =>
      mail === undefined ? [] : [mail.message]
    );
  }

  /** Takes the result, if it has come and nobody took it from the mailbox. */
  takeReply(): { value: unknown } | undefined {
    const mail = this.#reply;
    this.#reply = undefined;
    return this.#take(mail);
  }

  /** Takes the DOWN, likewise. */
  takeDown(): { reason: unknown } | undefined {
    const mail = this.#down;
    this.#down = undefined;
    return this.#take(mail);
  }

  #take<M>(mail: Mail<M> | undefined): M | undefined {
    if (mail === undefined) return undefined;
    const isThere = !mail.posted || this.owner.mailbox.remove(mail.message);
    return isThere ? mail.message : undefined;
  }

  /** Takes the outcome, if there is one: its messages leave the mailbox. */
  claim(): TaskOutcome | undefined {
    const reply = this.takeReply();
    const down = this.takeDown();
    if (reply === undefined) {
      return down && { type: "exit", reason: down.reason };
    }
    this.#closed = true;
    return { type: "ok", value: reply.value };
  }

  /** Has the next outcome told, unless others wait for it already. */
  watch(waiter: TaskWaiter): void {
    if (this.#waiter === undefined) this.#waiter = waiter;
    else (this.#waiting ??= []).push(waiter);
  }

  /** Ends such a wait. */
  unwatch(waiter: TaskWaiter): void {
    if (this.#waiter === waiter) this.#nextWaiter();
    else this.#waiting = this.#waiting?.filter((each) => each !== waiter);
  }

  #nextWaiter(): TaskWaiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = this.#waiting?.shift();
    return waiter;
  }

  /** Waits for the outcome; nothing if it does not come in so many milliseconds. */
  wait(timeout: number): Promise<TaskOutcome | undefined> {
    const { owner } = this;
    const known = this.claim();
    return new Promise((resolve, reject) => {
      const wait = { abandon: (error: () => unknown) => reject(error()) };
      const settle = (outcome: TaskOutcome | undefined) =>
        owner.resume(wait, () => resolve(outcome));
      if (known !== undefined) return settle(known);
      const waiter: TaskWaiter = (outcome, error) => {
        stopTimer?.();
        if (error === undefined) settle(outcome);
        else reject(error);
      };
      const stopTimer = timeout === Infinity
        ? undefined
        : owner.runtime.after(timeout, () => {
          this.unwatch(waiter);
          // The outcome may come before it is the owner's turn.
          owner.resume(wait, () => resolve(this.claim()));
        });
      this.watch(waiter);
    });
  }

  abandon(error: () => unknown): void {
    for (
      let waiter = this.#nextWaiter();
      waiter !== undefined;
      waiter = this.#nextWaiter()
    ) waiter(undefined, error());
  }

  /** The reason as the caller exits with it. */
  reasonOf(reason: unknown): unknown {
    return isReason(reason, "noconnection")
      ? { type: "nodedown", node: this.node }
      : reason;
  }
}

/**
 * Waits for several tasks of one owner: tells of each outcome, in the order in which they came, until
 * it is told that it is enough.
 *
 * @returns Whether the time ran out.
 */
export function waitForTasks(
  owner: Process,
  states: ReadonlySet<TaskState>,
  timeout: number,
  isEnough: (state: TaskState, outcome: TaskOutcome) => boolean,
): Promise<boolean> {
  for (const state of inOrderOfMail(owner, states)) {
    const outcome = state.claim();
    if (outcome !== undefined && isEnough(state, outcome)) {
      return new Promise((resolve, reject) => {
        const abandon = (error: () => unknown) => reject(error());
        owner.resume({ abandon }, () => resolve(false));
      });
    }
  }
  return new Promise((resolve, reject) => {
    const wait = { abandon: (error: () => unknown) => reject(error()) };
    const settle = (isLate: boolean) =>
      owner.resume(wait, () => resolve(isLate));
    const waiters = new Map<TaskState, TaskWaiter>();
    const end = () => {
      stopTimer?.();
      for (const [state, waiter] of waiters) state.unwatch(waiter);
    };
    for (const state of states) {
      const waiter: TaskWaiter = (outcome, error) => {
        waiters.delete(state);
        if (outcome !== undefined && !isEnough(state, outcome)) return;
        end();
        if (outcome === undefined) reject(error);
        else settle(false);
      };
      waiters.set(state, waiter);
      state.watch(waiter);
    }
    const stopTimer = timeout === Infinity
      ? undefined
      : owner.runtime.after(timeout, () => {
        end();
        settle(true);
      });
  });
}

/** The tasks of which there is mail, in its order. */
function inOrderOfMail(
  owner: Process,
  states: ReadonlySet<TaskState>,
): TaskState[] {
  const senders = new Map<unknown, TaskState>();
  for (const state of states) {
    for (const message of state.mail()) senders.set(message, state);
  }
  if (senders.size === 0) return [];
  return owner.mailbox.messages().flatMap((message) =>
    senders.get(message) ?? []
  );
}

/** The exit of a caller whose task failed: what was called, and why it failed. */
export function taskExit(
  reason: unknown,
  fn: string,
  args: unknown[],
): unknown {
  const call = ["Task", fn, args];
  return atAwait(new ExitError({ type: "call", reason, call }), taskExit);
}
