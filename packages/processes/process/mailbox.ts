/**
 * A process's mailbox: the messages that no receive has taken yet, and the pending receives, each in order.
 *
 * A message that arrives goes to the first receive whose guard accepts it, or waits. A receive that begins looks through
 * the waiting messages first, oldest first. Either is settled at the process's turn (`receivers.ts`). When the process
 * exits, its messages are dropped and its receives end.
 */

import { scheduler } from "../scheduling/scheduler.ts";
import {
  abandon,
  ChainedReceiver,
  giveLater,
  type Guard,
  limit,
  type MailboxHost,
  Receiver,
  Receivers,
  resume,
  settleAfter,
  type WaitOptions,
} from "./receivers.ts";

const NONE: unknown[] = [];

/** A process that takes this many messages in a row is measured before it continues. */
const BACKLOG = 4;

/** Messages in order of arrival, waits in order of their start. */
export class Mailbox {
  #queue: unknown[] = NONE;
  #head = 0;
  /** The only wait, if it accepts any message and cannot end otherwise: the usual case. */
  #only: Receiver | undefined;
  #others: Receivers | undefined;
  /** The number of messages that have arrived. */
  received = 0;

  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** The number of waits for a message. */
  get waiting(): number {
    return (this.#only === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  /** Whether the process waits for any message, and all that have arrived are handled. */
  get isIdle(): boolean {
    return this.#only !== undefined;
  }

  /** Returns the messages, oldest first. */
  messages(): unknown[] {
    return this.#queue.slice(this.#head);
  }

  /** Returns the message at an index, the oldest at 0. */
  at(index: number): unknown {
    return this.#queue[this.#head + index];
  }

  /** Hands the message to the first wait that accepts it, or keeps it. */
  push(message: unknown, host: MailboxHost): void {
    this.received++;
    const only = this.#only;
    if (only !== undefined) {
      this.#only = undefined;
      this.#resume(only, message, host);
      return;
    }
    const others = this.#others;
    if (others?.first !== undefined && this.#offer(message, others, host)) {
      return;
    }
    if (this.#queue === NONE) this.#queue = [message];
    else if (this.#queue.push(message) - this.#head === BACKLOG) {
      host.measureNext();
    }
  }

  #offer(message: unknown, others: Receivers, host: MailboxHost): boolean {
    // A guard may end waits and start others, which come after `last`.
    const last = others.last;
    let place = others.first;
    while (place !== undefined) {
      const after: ChainedReceiver | undefined = place === last
        ? undefined
        : place.after;
      const { receiver, guard, isOwn } = place;
      let wanted: boolean;
      try {
        wanted = guard === undefined ||
          (isOwn ? host.test(guard, message) : guard(message));
      } catch (error) {
        others.remove(place);
        // The process may await its wait only after a turn of the event loop, so the rejection counts as handled.
        resume(receiver, () => receiver.abandon(error), host);
        place = after;
        continue;
      }
      if (wanted) {
        others.remove(place);
        this.#resume(receiver, message, host);
        return true;
      }
      place = after;
    }
    return false;
  }

  /** Resolves a wait with its message: at once, or at its process's turn. */
  #resume(receiver: Receiver, message: unknown, host: MailboxHost): void {
    if (scheduler.canStepNow(host)) receiver.resolve(message);
    else giveLater(receiver, message, host);
  }

  /** Takes the first message that the guard accepts, in a box; `undefined` if there is none. */
  take(guard: Guard | undefined): { message: unknown } | undefined {
    const queue = this.#queue;
    for (let i = this.#head; i < queue.length; i++) {
      if (guard !== undefined && !guard(queue[i])) continue;
      const message = queue[i];
      this.#removeAt(i);
      return { message };
    }
    return undefined;
  }

  /** Removes this message, if it is still in the mailbox. */
  remove(message: unknown): boolean {
    const index = this.#queue.indexOf(message, this.#head);
    if (index < 0) return false;
    this.#removeAt(index);
    return true;
  }

  #removeAt(index: number): void {
    const queue = this.#queue;
    const head = this.#head;
    if (index - head > queue.length - index) {
      queue.splice(index, 1);
      return;
    }
    // Move up the messages before it, because the messages after it may be many more.
    for (let i = index; i > head; i--) queue[i] = queue[i - 1];
    queue[head] = undefined;
    this.#head = head + 1;
    if (this.#head === queue.length) {
      if (queue.length > 64) this.#queue = NONE;
      else queue.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > queue.length) {
      queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  receive(
    guard: Guard | undefined,
    options: WaitOptions | undefined,
    host: MailboxHost,
  ): Promise<unknown> {
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
    const queue = this.#queue;
    if (guard === undefined && this.#head < queue.length) {
      const message = queue[this.#head];
      this.#removeAt(this.#head);
      return this.#given(message, host);
    }
    if (guard !== undefined) {
      let found: { message: unknown } | undefined;
      try {
        found = this.take(guard);
      } catch (error) {
        return Promise.reject(error);
      }
      if (found !== undefined) return this.#given(found.message, host);
    }
    const receiver = new Receiver(options?.isServer);
    const only = this.#only;
    if (
      guard === undefined && options?.timeout === undefined &&
      options?.signal === undefined && only === undefined &&
      this.#others?.first === undefined
    ) {
      this.#only = receiver;
      return receiver.promise;
    }
    const place = new ChainedReceiver(receiver, guard, !options?.isPlain);
    const others = this.#others ??= new Receivers();
    if (options !== undefined && !limit(place, options, others, host)) {
      return receiver.promise;
    }
    if (only !== undefined) {
      others.add(new ChainedReceiver(only));
      this.#only = undefined;
    }
    others.add(place);
    return receiver.promise;
  }

  /** Waits for a message that has already arrived. */
  #given(message: unknown, host: MailboxHost): Promise<unknown> {
    if (scheduler.canStepNow(host)) return Promise.resolve(message);
    const receiver = new Receiver();
    giveLater(receiver, message, host);
    return receiver.promise;
  }

  sleep<T>(ms: number, value: T, host: MailboxHost): Promise<T> {
    const receiver = new Receiver();
    const others = this.#others ??= new Receivers();
    const settle = () => receiver.resolve(value);
    settleAfter(ms, new ChainedReceiver(receiver), settle, others, host);
    return receiver.promise as Promise<T>;
  }

  /** Ends every wait when the process has exited, and drops the messages. */
  close(host: MailboxHost): void {
    this.#queue = NONE;
    this.#head = 0;
    const only = this.#only;
    const others = this.#others;
    if (only === undefined && others === undefined) return;
    this.#only = this.#others = undefined;
    for (const each of others?.release() ?? []) abandon(each, host);
    if (only !== undefined) abandon(only, host);
  }
}
