/** A node's timers: messages to be sent later. */

import type { Deadlines } from "../scheduling/deadlines.ts";
import type { Signals } from "../signals/signal.ts";
import { Pid, type Ref } from "../values/pid.ts";

/** The receiver of a timer's message. It keeps the timer, so that its death cancels the timer. */
export interface TimerReceiver {
  /** Timers whose messages go to it. */
  readonly cold: { timers: Set<PendingTimer> | undefined } | undefined;
  /** Creates the state for its timers. */
  ownCold(): { timers: Set<PendingTimer> | undefined };
}

/** The parts of a node that its timers need. */
export interface TimerHost {
  readonly nobody: Pid;
  /** Delivers to the processes of the node. */
  readonly local: Pick<Signals, "send" | "sendName">;
  /** Returns the process of a pid, if it is alive. */
  find(pid: Pid): TimerReceiver | undefined;
  makeRef(): Ref;
  readonly deadlines: Pick<Deadlines, "clock" | "after">;
}

/** A message to be sent later. */
export class PendingTimer {
  readonly ref: Ref;
  /** The time at which it is sent, by the node's clock. */
  readonly due: number;
  readonly #all: Map<number, PendingTimer>;
  readonly #receiver: TimerReceiver | undefined;
  readonly #stop: () => void;

  /** Creates a timer that is listed in `all`; without `receiver`, its message goes to a name. */
  constructor(
    host: TimerHost,
    all: Map<number, PendingTimer>,
    receiver: TimerReceiver | undefined,
    ref: Ref,
    ms: number,
    send: () => void,
  ) {
    this.ref = ref;
    this.due = host.deadlines.clock.now() + ms;
    this.#all = all;
    this.#receiver = receiver;
    this.#stop = host.deadlines.after(ms, () => {
      this.#remove();
      send();
    });
    all.set(ref.number, this);
    if (receiver !== undefined) {
      (receiver.ownCold().timers ??= new Set()).add(this);
    }
  }

  cancel(): void {
    this.#stop();
    this.#remove();
  }

  #remove(): void {
    this.#all.delete(this.ref.number);
    const receiver = this.#receiver;
    const timers = receiver?.cold?.timers;
    timers?.delete(this);
    if (timers?.size === 0) receiver!.cold!.timers = undefined;
  }
}

export class Timers {
  readonly #host: TimerHost;
  readonly #timers = new Map<number, PendingTimer>();

  constructor(host: TimerHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#timers.size;
  }

  /** Sends a message, which is a copy already, to a pid or a name of this node after `ms` milliseconds. */
  start(to: Pid | string, message: unknown, ms: number): Ref {
    const host = this.#host;
    const { nobody, local } = host;
    const ref = host.makeRef();
    const receiver = to instanceof Pid ? host.find(to) : undefined;
    // A dead receiver needs no timer: return the reference of a timer that has ended.
    if (to instanceof Pid && receiver === undefined) return ref;
    new PendingTimer(host, this.#timers, receiver, ref, ms, () => {
      if (to instanceof Pid) local.send(nobody, to, message);
      else local.sendName(nobody, to, message);
    });
    return ref;
  }

  /** Returns the milliseconds until the message is sent, if the timer is pending. */
  left(ref: Ref): number | undefined {
    const timer = this.#find(ref);
    const { clock } = this.#host.deadlines;
    return timer && Math.max(timer.due - clock.now(), 0);
  }

  /** Cancels a timer; returns whether it was pending. */
  cancel(ref: Ref): boolean {
    const timer = this.#find(ref);
    timer?.cancel();
    return timer !== undefined;
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #find(ref: Ref): PendingTimer | undefined {
    const timer = this.#timers.get(ref.number);
    return timer?.ref.equals(ref) ? timer : undefined;
  }
}
