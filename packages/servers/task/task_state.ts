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
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "@otp/processes/scheduling/abort_watch";
import type { Deadline, Expiring } from "@otp/processes/scheduling/deadlines";
import { ignore } from "@otp/processes/promises/promises";
import type {
  Place,
  Runnable,
  SpawnResult,
} from "@otp/processes/signals/signal";
import { isReason } from "@otp/processes/values/exit_reason";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { ChildShutdown } from "../server/child_spec.ts";
import { BrandedObject } from "@otp/processes/values/branded_object";
import type { Wait } from "@otp/processes/process/links_and_monitors";

/** How a task ended. */
export type TaskEnd =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

/** How a task ended for its owner, who may have aborted it. */
export type TaskOutcome =
  | TaskEnd
  /** The owner's signal ended the task: waits reject with the signal's reason itself. */
  | { type: "aborted"; reason: unknown };

/** Receives the signals under the reference of a task: its pid, its result, its exit. */
export abstract class OwnedTask implements Wait {
  /** The node on which the task runs. */
  node: string;
  /** The task's process, once it is known. */
  by: Pid | undefined = undefined;
  /** The monitor of the task, and the alias for its result. */
  readonly ref: Ref;
  /** The process that started the task. */
  readonly owner: LocalProcess;
  /** Whether the task's end is awaited besides the link to the task. */
  readonly tellsEnd: boolean = false;
  /** Whether the owner waits until the task has started. */
  readonly awaitsStart: boolean = false;
  /** The function of a task on a BEAM. */
  run: Runnable | undefined = undefined;

  constructor(owner: LocalProcess) {
    const { runtime } = owner;
    this.owner = owner;
    this.node = runtime.node;
    this.ref = runtime.makeRef();
  }

  /** Whether the owner has ended the task already, even while it was being started. */
  get isCancelled(): boolean {
    return false;
  }

  /** Ends the task at a signal or a deadline of its owner. */
  cancelBy?(
    options: CancelOptions,
    shutdown: ChildShutdown,
    onStart?: (outcome: TaskOutcome) => void,
  ): void;

  /** Accepts signals under the task's reference, from the node on which the task is started. */
  open(node: string): void {
    this.node = node;
    this.owner.await(this.ref, this, "demonitor");
  }

  /** Called when the task's process is known. */
  started(pid: Pid): void {
    this.by = pid;
  }

  /** Called when the task's process on a BEAM is known: links and monitors it. */
  adopt(pid: Pid, link: boolean): void {
    const { owner, ref } = this;
    const signals = owner.runtime.route(pid.node);
    if (link) {
      owner.addLink(pid, false, this.tellsEnd);
      signals.link(owner.pid, pid);
    }
    owner.addMonitor(ref, pid, pid.node);
    signals.monitor(owner.pid, pid, ref);
    this.started(pid);
  }

  /** Called with the result from a BEAM. */
  foreignReply(term: unknown): void {
    const { functions } = this.owner.runtime.border!;
    this.reply(
      this.run === undefined ? term : functions.result(term, this.run),
    );
  }

  spawned(result: SpawnResult | undefined): void {
    if (result === undefined || !("pid" in result)) return;
    this.started(result.pid);
  }

  /** Ends the wait for the task: later signals are dropped. */
  abstract close(): void;
  abstract reply(value: unknown): void;
  abstract down(object: Place, reason: unknown): void;
  abstract abandon(error: () => unknown): void;
}

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
 * States: open (`open`) until closed by a result that a waiter took, by an end, or by `close`; cancelled, if the
 * signal or the deadline ended the task. Messages: the pid (`spawned`), the result (`reply`), the end (`down`).
 * Races: a result and its DOWN may arrive before a wait, and then both are in the mailbox; a wait (`claim`) takes
 * both out, unless a `receive` took one. A closed task drops a late DOWN. As in Elixir an outcome can be taken once,
 * by a wait or a `receive`, whichever comes first.
 */
export class TaskState extends OwnedTask implements Abortable, Expiring {
  override readonly tellsEnd = true;
  override readonly awaitsStart = true;
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
  /** Called if the task is cancelled while it is starting. */
  #onStart: ((outcome: TaskOutcome) => void) | undefined;
  /** The outcome for the owner, if the signal or the deadline ended the task. */
  #cancelled: TaskOutcome | undefined;

  override get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /**
   * Ends the task when the signal, which is not aborted yet, is aborted, or at the deadline.
   *
   * @param onStart Called if the task is ended while it is starting.
   */
  override cancelBy(
    { signal, deadline }: CancelOptions,
    shutdown: ChildShutdown,
    onStart?: (outcome: TaskOutcome) => void,
  ): void {
    this.#shutdown = shutdown;
    this.#onStart = onStart;
    const ms = remaining(Infinity, deadline);
    if (ms !== Infinity) {
      this.#watch = this.owner.runtime.deadlines.add(ms, this);
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
    this.#onStart?.(outcome);
    for (const watcher of watchers) watcher.ended(this, outcome);
  }

  /** Ends the task's process; the owner does not wait for its exit. */
  #end(pid: Pid): void {
    this.owner.unlink(pid);
    endProcess(this.owner, pid, this.#shutdown).catch(ignore);
  }

  #disarm(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  override started(pid: Pid): void {
    super.started(pid);
    this.#onStart = undefined;
    if (this.#cancelled === undefined) return;
    this.#end(pid);
    this.close();
  }

  /** Ends the monitor, and removes the DOWN from the mailbox: later messages are dropped. */
  close(): void {
    this.#disarm();
    this.#closed = true;
    this.owner.release(this.ref);
    this.takeDown();
  }

  /** Makes later messages bypass the mailbox. */
  hold(): void {
    this.#held = true;
  }

  reply(value: unknown): void {
    if (this.#closed || this.#reply !== undefined || this.isCancelled) return;
    this.#disarm();
    const watcher = this.#nextWatcher();
    if (watcher === undefined) {
      this.#reply = this.#post({ type: "reply", ref: this.ref, value });
      return;
    }
    this.#closed = true;
    watcher.ended(this, { type: "ok", value });
  }

  down(object: Place, reason: unknown): void {
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
    if (posted) this.owner.mailbox.push(message, this.owner);
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
    const isThere = !mail.posted || this.owner.mailbox.remove(mail.message);
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
    for (const watcher of this.#takeWatchers()) watcher.abandon(error);
  }

  /** Returns the reason with which the caller exits. */
  reasonOf(reason: unknown): unknown {
    return isReason(reason, "noconnection")
      ? { type: "nodedown", node: this.node }
      : reason;
  }
}

class HiddenState extends BrandedObject {
  readonly #state: TaskState;

  constructor(task: object, state: TaskState) {
    super(task);
    this.#state = state;
  }

  static get(task: object): TaskState | undefined {
    return #state in task ? task.#state : undefined;
  }
}

/** Attaches a state to a task, and returns the task. */
export function withState<T extends object>(task: T, state: TaskState): T {
  new HiddenState(task, state);
  return task;
}

/** Returns the state of a task; `undefined` for a copy, which cannot be awaited. */
export function stateOf(task: object): TaskState | undefined {
  return HiddenState.get(task);
}
