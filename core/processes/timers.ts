/**
 * A node's timers: messages that are sent later.
 *
 * @module
 */

import type { Signals } from "../signals/signal.ts";
import { Pid, type Ref } from "../values/pid.ts";

/** The receiver of a timer's message, which has the timers that are for it: its death cancels them. */
export interface TimerReceiver {
  /** Messages that will be sent to it. */
  readonly cold: { timers: Set<PendingTimer> | undefined } | undefined;
  /** Makes room for them. */
  ownCold(): { timers: Set<PendingTimer> | undefined };
}

/** The parts of a node that its timers need. */
export interface TimerHost {
  /** The sender of the messages. */
  readonly nobody: Pid;
  /** Delivers to the processes of the node. */
  readonly local: Pick<Signals, "send" | "sendName">;
  /** The process of a pid, if it is alive. */
  find(pid: Pid): TimerReceiver | undefined;
  /** A new reference. */
  makeRef(): Ref;
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls back after so many milliseconds; returns a function that stops it. */
  after(ms: number, fn: () => void): () => void;
}

/** A message that will be sent. */
export class PendingTimer {
  /** The timer's reference. */
  readonly ref: Ref;
  /** When it is sent, by the node's clock. */
  readonly due: number;
  readonly #all: Map<number, PendingTimer>;
  readonly #receiver: TimerReceiver | undefined;
  readonly #stop: () => void;

  /**
   * A timer of those in `all`.
   *
   * @param receiver The process that it is for, if it is for one and not for a name.
   */
  constructor(
    host: TimerHost,
    all: Map<number, PendingTimer>,
    receiver: TimerReceiver | undefined,
    ref: Ref,
    ms: number,
    send: () => void,
  ) {
    this.ref = ref;
    this.due = host.now() + ms;
    this.#all = all;
    this.#receiver = receiver;
    this.#stop = host.after(ms, () => {
      this.#forget();
      send();
    });
    all.set(ref.number, this);
    if (receiver !== undefined) {
      (receiver.ownCold().timers ??= new Set()).add(this);
    }
  }

  /** Ends it: its message is not sent. */
  cancel(): void {
    this.#stop();
    this.#forget();
  }

  #forget(): void {
    this.#all.delete(this.ref.number);
    const receiver = this.#receiver;
    const timers = receiver?.cold?.timers;
    timers?.delete(this);
    if (timers?.size === 0) receiver!.cold!.timers = undefined;
  }
}

/** The timers of a node, each by its reference's number. */
export class Timers {
  readonly #host: TimerHost;
  readonly #timers = new Map<number, PendingTimer>();

  /** Creates the timers of a node. */
  constructor(host: TimerHost) {
    this.#host = host;
  }

  /** The number of pending timers. */
  get size(): number {
    return this.#timers.size;
  }

  /** Sends a message, a copy by now, to a pid or a name of this node after that many milliseconds. */
  start(to: Pid | string, message: unknown, ms: number): Ref {
    const host = this.#host;
    const { nobody, local } = host;
    const ref = host.makeRef();
    const receiver = to instanceof Pid ? host.find(to) : undefined;
    // A message that no process can receive needs no timer: this one has ended before it began.
    if (to instanceof Pid && receiver === undefined) return ref;
    new PendingTimer(host, this.#timers, receiver, ref, ms, () => {
      if (to instanceof Pid) local.send(nobody, to, message);
      else local.sendName(nobody, to, message);
    });
    return ref;
  }

  /** Milliseconds until the message is sent, if the timer is pending. */
  left(ref: Ref): number | undefined {
    const timer = this.#find(ref);
    return timer && Math.max(timer.due - this.#host.now(), 0);
  }

  /** Cancels a timer; returns whether it was pending. */
  cancel(ref: Ref): boolean {
    const timer = this.#find(ref);
    timer?.cancel();
    return timer !== undefined;
  }

  /** Cancels all timers. */
  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #find(ref: Ref): PendingTimer | undefined {
    const timer = this.#timers.get(ref.number);
    return timer?.ref.equals(ref) ? timer : undefined;
  }
}
