/**
 * A node's timers: messages that are sent later.
 *
 * @module
 */

import { Pid, type Ref } from "../values/pid.ts";
import type { Process } from "./process.ts";
import type { Runtime } from "../runtime.ts";

/** A message that is to be sent. */
export interface Timer {
  /** The timer's reference. */
  readonly ref: Ref;
  /** When it is sent, by the runtime's clock. */
  readonly due: number;
  /** The process that it is for, if it is for one and not for a name. */
  readonly process: Process | undefined;
  /** Takes the callback away from the clock. */
  stop(): void;
}

/** The timers of a runtime, each by its reference's number. */
export class Timers {
  readonly #runtime: Runtime;
  readonly #timers = new Map<number, Timer>();

  /** Made by a runtime. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** How many messages are to be sent. */
  get size(): number {
    return this.#timers.size;
  }

  /** Has a message, a copy by now, sent to a pid or a name of this node in so many milliseconds. */
  start(to: Pid | string, message: unknown, ms: number): Ref {
    const runtime = this.#runtime;
    const ref = runtime.makeRef();
    const process = to instanceof Pid ? runtime.find(to) : undefined;
    // What nobody can get needs no timer: this one has ended before it began.
    if (to instanceof Pid && process === undefined) return ref;
    const stop = runtime.after(ms, () => {
      this.#forget(timer);
      if (to instanceof Pid) runtime.send(runtime.nobody, to, message);
      else runtime.sendName(runtime.nobody, to, message);
    });
    const timer: Timer = { ref, due: runtime.now() + ms, process, stop };
    this.#timers.set(ref.number, timer);
    if (process !== undefined) (process.timers ??= new Set()).add(timer);
    return ref;
  }

  /** Milliseconds until the message is sent, if it is still to be. */
  left(ref: Ref): number | undefined {
    const timer = this.#find(ref);
    return timer && Math.max(timer.due - this.#runtime.now(), 0);
  }

  /** Ends a timer; whether its message was still to be sent. */
  cancel(ref: Ref): boolean {
    const timer = this.#find(ref);
    if (timer === undefined) return false;
    this.#end(timer);
    return true;
  }

  /** Ends the timers for a process. */
  cancelFor(process: Process): void {
    for (const timer of process.timers ?? []) this.#end(timer);
  }

  /** Ends all timers. */
  stop(): void {
    for (const timer of this.#timers.values()) this.#end(timer);
  }

  #find(ref: Ref): Timer | undefined {
    const timer = this.#timers.get(ref.number);
    return timer?.ref.equals(ref) ? timer : undefined;
  }

  #end(timer: Timer): void {
    timer.stop();
    this.#forget(timer);
  }

  #forget(timer: Timer): void {
    this.#timers.delete(timer.ref.number);
    const { process } = timer;
    process?.timers?.delete(timer);
    if (process?.timers?.size === 0) process.timers = undefined;
  }
}
