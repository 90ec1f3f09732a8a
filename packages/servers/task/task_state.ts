/**
 * The owner's state of an awaited task, and the task's end by a signal or a deadline of the owner.
 *
 * A signal or a deadline can end the task while it is starting (its process is unknown) and while it runs. Races,
 * and how each is settled:
 *
 * - The result or the exit arrives first: signal and deadline are cancelled, so that nothing happens.
 * - The task is starting: the start fails at once. If the supervisor still starts the task, it announces the pid;
 *   then the task is ended, and its messages are dropped.
 * - The task is running: it is unlinked and ended as by `Task.shutdown`, so that the owner survives. A pending wait
 *   ends with the reason; without one, the DOWN goes to the mailbox, and the next wait ends with the reason.
 * - The result arrives later: it is dropped.
 * - The owner exits: signal and deadline are cancelled. A linked task exits with the owner; another task continues.
 */

import { type CancelOptions, remaining } from "../server/cancellation.ts";
import { endProcess } from "../server/stop.ts";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "@otp/processes/scheduling/abort_watch";
import type { Deadline, Expiring } from "@otp/processes/scheduling/deadlines";
import { ignore } from "@otp/processes/promises/promises";
import { PendingAnswer } from "@otp/processes/process/pending_answer";
import type { Place } from "@otp/processes/signals/signal";
import { isReason } from "@otp/processes/values/exit_reason";
import type { Pid } from "@otp/processes/values/pid";
import type { ChildShutdown } from "../server/child_spec.ts";
import { BrandedObject } from "@otp/processes/values/branded_object";
import { OwnedTask, type PendingStart } from "./owned_task.ts";

/** How a task ended. */
export type TaskEnd =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

/** How a task ended for its owner, who may have aborted it. */
export type TaskOutcome =
  | TaskEnd
  /** The owner's signal ended the task: waits reject with the signal's reason itself. */
  | { type: "aborted"; reason: unknown };

/** A message of a task, and whether it is in the owner's mailbox. */
interface Mail<M> {
  message: M;
  posted: boolean;
}

/** Watches tasks for their outcomes, and for the exit of their owner. */
export interface TaskWatcher {
  /** Called when a watched task has an outcome. */
  ended(state: TaskState, outcome: TaskOutcome): void;
  /** Called when the owner has exited. */
  abandon(error: () => unknown): void;
}

/**
 * The owner's state of a task. Receives the task's result and exit, and passes them to the wait, or to the mailbox if
 * there is no wait.
 *
 * States: open until closed by a result that a waiter took, by an end, or by `close`; cancelled, if the
 * signal or the deadline ended the task. Messages: the pid (`started`), the result (`result`), the end (`exited`).
 * Races: a result and its DOWN may arrive before a wait, and then both are in the mailbox; a wait (`claim`) takes
 * both out, unless a `receive` took one. A closed task drops a late DOWN. As in Elixir an outcome can be taken once,
 * by a wait or a `receive`, whichever comes first.
 */
export class TaskState extends OwnedTask implements Abortable, Expiring {
  override readonly awaitsExit = true;
  /** The owner's wait for the start, if the supervisor gets a message. */
  #start: PendingAnswer<Pid> | undefined;
  /** Makes the error of a start that its deadline has ended. */
  #late: (() => unknown) | undefined;
  #reply: Mail<{ value: unknown }> | undefined;
  #down: Mail<{ reason: unknown }> | undefined;
  /** Whether the monitor counts as ended: a later DOWN is dropped. */
  #closed = false;
  /** Whether the task's messages bypass the mailbox. */
  #held = false;
  #watcher: TaskWatcher | undefined;
  #watchers: TaskWatcher[] | undefined;
  /** Cancels the signal and the deadline. */
  #watch: Deadline | undefined;
  /** How long the task may take to exit when the signal or the deadline ends it. */
  #shutdown: ChildShutdown = "brutal_kill";
  /** The outcome for the owner, if the signal or the deadline ended the task. */
  #cancelled: TaskOutcome | undefined;

  override get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Resolves with the pid when the task has started; `undefined` for a task that was started without a message. */
  get starting(): Promise<Pid> | undefined {
    return this.#start?.promise;
  }

  override send(place: Place, start: PendingStart): void {
    this.#start = new PendingAnswer(this.process);
    this.#late = () => start.failure("timeout");
    super.send(place, start);
  }

  notStarted(make: () => unknown): void {
    this.#start?.settleFailed(make);
  }

  /** Ends the task when the signal, which is not aborted yet, is aborted, or at the deadline. */
  override cancelBy(
    { signal, deadline }: CancelOptions,
    shutdown: ChildShutdown,
  ): void {
    this.#shutdown = shutdown;
    const ms = remaining(Infinity, deadline);
    if (ms !== Infinity) {
      this.#watch = this.process.runtime.deadlines.add(ms, this);
    }
    if (signal === undefined) return;
    this.#watch = cancelTogether(this.#watch, watchSignal(signal, this));
  }

  aborted(reason: unknown): void {
    this.#cancel({ type: "aborted", reason });
  }

  expire(): void {
    this.#cancel({ type: "exit", reason: "timeout" });
  }

  #cancel(outcome: TaskOutcome): void {
    this.#disarm();
    this.#cancelled = outcome;
    const watchers = this.#takeWatchers();
    const { by } = this;
    if (by !== undefined) {
      // The watchers get the outcome; the DOWN, which may come in this turn, must not reach the mailbox.
      if (watchers.length > 0) this.close();
      this.#end(by);
    }
    if (by === undefined) this.#cancelStart(outcome);
    for (const watcher of watchers) watcher.ended(this, outcome);
  }

  #cancelStart(outcome: TaskOutcome): void {
    if (outcome.type === "aborted") this.#start?.aborted(outcome.reason);
    else this.#start?.settleFailed(() => this.#late!());
  }

  /** Ends the task's process; the owner does not wait for its exit. */
  #end(pid: Pid): void {
    this.process.unlink(pid);
    endProcess(this.process, pid, this.#shutdown).catch(ignore);
  }

  #disarm(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  override started(pid: Pid): void {
    super.started(pid);
    if (this.#cancelled === undefined) this.#start?.resolve(pid);
    else {
      this.#end(pid);
      this.close();
    }
  }

  /** Ends the monitor, and removes the DOWN from the mailbox: later messages are dropped. */
  close(): void {
    this.#disarm();
    this.#closed = true;
    this.process.release(this.ref);
    this.takeDown();
  }

  /** Makes later messages bypass the mailbox. */
  hold(): void {
    this.#held = true;
  }

  result(value: unknown): void {
    if (
      this.#closed || this.#reply !== undefined || this.#cancelled !== undefined
    ) return;
    this.#disarm();
    const watcher = this.#nextWatcher();
    if (watcher === undefined) {
      this.#reply = this.#post({ type: "reply", ref: this.ref, value });
      return;
    }
    this.#closed = true;
    watcher.ended(this, { type: "ok", value });
  }

  exited(object: Place, reason: unknown): void {
    if (this.#closed) return;
    this.#disarm();
    const watcher = this.#nextWatcher();
    if (watcher === undefined) {
      this.#down = this.#post({ type: "DOWN", ref: this.ref, object, reason });
      return;
    }
    this.#closed = true;
    watcher.ended(this, { type: "exit", reason });
  }

  #post<M>(message: M): Mail<M> {
    const posted = !this.#held;
    const mail = { message, posted };
    if (posted) this.process.mailbox.push(message, this.process);
    return mail;
  }

  /** Returns the task's messages in the owner's mailbox. */
  mail(): unknown[] {
    return [this.#reply, this.#down].flatMap((mail) =>
      mail === undefined ? [] : [mail.message]
    );
  }

  /** Takes the result, if it has arrived and was not taken from the mailbox. */
  takeReply(): { value: unknown } | undefined {
    const mail = this.#reply;
    this.#reply = undefined;
    return this.#take(mail);
  }

  /** Takes the DOWN, if it has arrived and was not taken from the mailbox. */
  takeDown(): { reason: unknown } | undefined {
    const mail = this.#down;
    this.#down = undefined;
    return this.#take(mail);
  }

  #take<M>(mail: Mail<M> | undefined): M | undefined {
    if (mail === undefined) return undefined;
    const isThere = !mail.posted || this.process.mailbox.remove(mail.message);
    return isThere ? mail.message : undefined;
  }

  /** Takes the outcome, if there is one: its messages leave the mailbox. */
  claim(): TaskOutcome | undefined {
    const reply = this.takeReply();
    const down = this.takeDown();
    if (reply === undefined) {
      return this.#claimCancelled() ??
        (down && { type: "exit", reason: down.reason });
    }
    this.#closed = true;
    return { type: "ok", value: reply.value };
  }

  #claimCancelled(): TaskOutcome | undefined {
    if (this.#cancelled === undefined || this.#closed) return undefined;
    this.close();
    return this.#cancelled;
  }

  /** Adds a watcher, which gets the outcome after the earlier watchers. */
  watch(watcher: TaskWatcher): void {
    if (this.#watcher === undefined) this.#watcher = watcher;
    else (this.#watchers ??= []).push(watcher);
  }

  /** Removes a watcher. */
  unwatch(watcher: TaskWatcher): void {
    if (this.#watcher === watcher) this.#nextWatcher();
    else this.#watchers = this.#watchers?.filter((each) => each !== watcher);
  }

  #nextWatcher(): TaskWatcher | undefined {
    const watcher = this.#watcher;
    this.#watcher = this.#watchers?.shift();
    return watcher;
  }

  #takeWatchers(): TaskWatcher[] {
    const watchers: TaskWatcher[] = [];
    for (
      let watcher = this.#nextWatcher();
      watcher !== undefined;
      watcher = this.#nextWatcher()
    ) watchers.push(watcher);
    return watchers;
  }

  abandon(error: () => unknown): void {
    this.#disarm();
    this.#start?.abandon(error);
    for (const watcher of this.#takeWatchers()) watcher.abandon(error);
  }

  /** Returns the reason with which the caller exits. */
  reasonOf(reason: unknown): unknown {
    return isReason(reason, "noconnection")
      ? { type: "nodedown", node: this.node }
      : reason;
  }
}

/** Hides the owner's state in a task. Copies of a task, which cannot be awaited, have none. */
export class HiddenState extends BrandedObject {
  readonly #state: TaskState;

  /** Puts the state into the task. */
  constructor(task: object, state: TaskState) {
    super(task);
    this.#state = state;
  }

  /** Returns the state of a task, if it has one. */
  static of(task: object): TaskState | undefined {
    return #state in task ? task.#state : undefined;
  }
}

/** Attaches a state to a task, and returns the task. */
export function withState<T extends object>(task: T, state: TaskState): T {
  new HiddenState(task, state);
  return task;
}
