/**
 * An awaited task, as its owner sees it.
 *
 * @module
 */

import type { MonitoredObject } from "../../runtime/signals/signal.ts";
import { isReason } from "../../runtime/values/exit_reason.ts";
import { OwnedTask } from "./owned_task.ts";

/** How a task ended. */
export type TaskOutcome =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown };

/** A message of a task, and whether it is in the owner's mailbox. */
interface Mail<M> {
  message: M;
  posted: boolean;
}

/** Is notified of the outcomes of the tasks that it watches, or of their owner's exit. */
export interface TaskWatcher {
  /** Called when a watched task has an outcome. */
  ended(state: TaskState, outcome: TaskOutcome): void;
  /** Called when the owner has exited. */
  abandon(error: () => unknown): void;
}

/**
 * A task as its owner sees it, awaited or not. Its result and its end come here; they go to the mailbox if
 * nobody waits.
 *
 * States: open (`open`) until closed by a result that a waiter took, by an end, or by `close`. Messages: the
 * pid (`spawned`), the result (`reply`), the end (`down`). Races: a result and the DOWN after it may come
 * before anybody waits, and then both are in the mailbox; a wait (`claim`) takes both out, unless a `receive`
 * took one. A closed task drops a DOWN that comes late. As in Elixir an outcome can be taken once, by the
 * first that comes: a wait, or a `receive`.
 */
export class TaskState extends OwnedTask {
  override readonly tellsEnd = true;
  override readonly awaitsStart = true;
  #reply: Mail<{ value: unknown }> | undefined;
  #down: Mail<{ reason: unknown }> | undefined;
  /** Whether its monitor counts as ended: a later DOWN is dropped. */
  #closed = false;
  /** Whether its messages bypass the mailbox. */
  #held = false;
  #watcher: TaskWatcher | undefined;
  #watchers: TaskWatcher[] | undefined;

  /** Ends the monitor and removes its DOWN from the mailbox: later messages are dropped. */
  close(): void {
    this.#closed = true;
    this.owner.unawait(this.ref);
    this.owner.demonitor(this.ref);
    this.takeDown();
  }

  /** Makes later messages bypass the mailbox. */
  hold(): void {
    this.#held = true;
  }

  reply(value: unknown): void {
    if (this.#closed || this.#reply !== undefined) return;
    const watcher = this.#nextWatcher();
    if (watcher === undefined) {
      this.#reply = this.#post({ type: "reply", ref: this.ref, value });
      return;
    }
    this.#closed = true;
    watcher.ended(this, { type: "ok", value });
  }

  down(object: MonitoredObject, reason: unknown): void {
    this.owner.unawait(this.ref);
    if (this.#closed) return;
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

  /** Its messages in the owner's mailbox. */
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

  /** Has a watcher get the outcome, after those that watch already. */
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

  abandon(error: () => unknown): void {
    for (
      let watcher = this.#nextWatcher();
      watcher !== undefined;
      watcher = this.#nextWatcher()
    ) watcher.abandon(error);
  }

  /** The reason as the caller exits with it. */
  reasonOf(reason: unknown): unknown {
    return isReason(reason, "noconnection")
      ? { type: "nodedown", node: this.node }
      : reason;
  }
}
