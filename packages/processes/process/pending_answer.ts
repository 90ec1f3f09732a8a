/**
 * Answers that a process awaits: the base of calls, starts, spawns, stops, calls of functions and tasks.
 *
 * A pending answer is open until the first of these; later ones change nothing:
 *
 * - `settle`, `settleBy` or `settleFailed`: the answer has arrived, and the process continues at its turn. An error
 *   is created for the awaiting code, so that its stack shows that code.
 * - `expire`: the deadline that `limit` set has passed. The result is `undefined`, unless the class defines another one.
 * - `aborted`: the signal that `limit` watches was aborted. The promise rejects with the signal's reason.
 * - `abandon`: the process has exited. No code handles the rejection then; it is no error of the program.
 *
 * Each event cancels the deadline, and ends the watch of the signal. Races: an answer and the deadline can both be
 * due in one turn of the event loop, and an answer can wait for the process's turn while the process is killed. The
 * promise keeps the first, and an answer whose process has exited meanwhile is abandoned.
 */

import {
  captureFunctions,
  failure,
  ignore,
  newest,
} from "../promises/promises.ts";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "../scheduling/abort_watch.ts";
import type { Deadline, Expiring } from "../scheduling/deadlines.ts";
import { scheduler } from "../scheduling/scheduler.ts";
import type { Place, Target } from "../signals/signal.ts";
import { Pid, type Ref } from "../values/pid.ts";
import type { AliasMode, Wait } from "./links_and_monitors.ts";
import type { Entry, LocalProcess } from "./local_process.ts";

/** An answer that a process awaits, settled once. */
export class PendingAnswer<T> implements Expiring, Abortable {
  /** The process that awaits it. */
  readonly process: LocalProcess;
  /** Settles when the answer has arrived. */
  readonly promise: Promise<T>;
  readonly #mayBeLeft: boolean;
  readonly #resolve: (value: T | Promise<never>) => void;
  readonly #reject: (error: unknown) => void;
  #isSettled = false;
  #deadline: Deadline | undefined;

  /** With `mayBeLeft`, callers often do not await the answer: a failure must then not end the program. */
  constructor(process: LocalProcess, mayBeLeft = false) {
    this.process = process;
    this.#mayBeLeft = mayBeLeft;
    this.promise = new Promise(captureFunctions);
    this.#resolve = newest.resolve;
    this.#reject = newest.reject;
  }

  /**
   * Sets a deadline in `timeout` milliseconds, unless that is `Infinity`, and watches `signal`, which must not be
   * aborted.
   */
  limit(timeout: number, signal?: AbortSignal): void {
    if (timeout !== Infinity) {
      this.#deadline = this.process.runtime.deadlines.add(timeout, this);
    }
    if (signal === undefined) return;
    this.#deadline = cancelTogether(this.#deadline, watchSignal(signal, this));
  }

  /** When the deadline passes or has passed, on the node's clock; `undefined` without a deadline. */
  get due(): number | undefined {
    return this.#deadline?.at;
  }

  /** Called when the deadline has passed. */
  expire(): void {
    this.settle(undefined as T);
  }

  /**
   * Called when the signal is aborted: rejects with the signal's reason itself, unchanged, as other waits may share it.
   */
  aborted(reason: unknown): void {
    this.disarm();
    this.process.resume(this, () => this.rejectWith(reason));
  }

  /** Cancels the deadline, and ends the watch of the signal. */
  disarm(): void {
    this.#deadline?.cancel();
  }

  /** Settles with the answer. */
  settle(value: T): void {
    this.disarm();
    if (scheduler.canAnswerNow(this.process)) this.resolve(value);
    else this.#settleLater(value);
  }

  /** A function of its own, because a function that creates a closure pays for all variables that it could capture. */
  #settleLater(value: T): void {
    this.process.resumeLater(this, () => this.resolve(value));
  }

  /** Settles with the answer at the process's turn: `read` returns the value, or throws the failure. */
  settleBy(read: () => T): void {
    this.disarm();
    this.process.resume(this, () => {
      try {
        this.resolve(read());
      } catch (error) {
        this.fail(() => error);
      }
    });
  }

  /** Settles with a failure at the process's turn: the error is created for the awaiting code. */
  settleFailed(make: () => unknown): void {
    this.disarm();
    this.process.resume(this, () => this.fail(make));
  }

  /** Settles with a value at once. */
  resolve(value: T): void {
    this.#isSettled = true;
    this.#resolve(value);
  }

  /** Settles with a failure at once: the error is created for the awaiting code. */
  fail(make: () => unknown): void {
    // A second failure would reject a promise that nothing awaits.
    if (this.#isSettled) return;
    this.#isSettled = true;
    // A second reaction on the promise would hide the awaiting code from the stack.
    const made = this.#mayBeLeft ? () => this.#ignoreRejection() : undefined;
    this.#resolve(failure(make, made));
  }

  /** Rejects at once with an error, and keeps the error's stack. */
  rejectWith(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#mayBeLeft) this.#ignoreRejection();
    this.#reject(error);
  }

  /** Called when the process has exited. An unhandled rejection of its waits is no error of the program. */
  abandon(error: () => unknown): void {
    this.disarm();
    this.#ignoreRejection();
    if (!this.#isSettled) this.#reject(error());
    this.#isSettled = true;
  }

  #ignoreRejection(): void {
    this.promise.catch(ignore);
  }
}

/**
 * An answer to a request with a reference: the alias, the monitor or the spawn request. It is the entry of its reference
 * in the table of the process.
 */
export class PendingReply<T> extends PendingAnswer<T> implements Wait, Entry {
  readonly node: string;
  /** The reference of the request: monitor and alias of the answer. */
  readonly ref: Ref;
  target: Target | undefined = undefined;
  alias: AliasMode | undefined = undefined;
  /** The reply itself, until the wait ends. */
  wait: Wait | undefined = this;

  /** Creates the wait of a process for a reply from `node`. */
  constructor(process: LocalProcess, node: string, mayBeLeft = false) {
    super(process, mayBeLeft);
    this.node = node;
    this.ref = process.runtime.makeRef();
  }

  get pid(): Pid {
    return this.process.pid;
  }

  /** Monitors a place under the reference, which is an alias too; returns false if the wait has ended at once. */
  monitor(place: Place, alias: AliasMode, isCall = false): boolean {
    this.target = place instanceof Pid ? place : place.name;
    this.alias = alias;
    this.process.watch(this, isCall);
    return this.wait !== undefined;
  }

  /** Stops waiting: monitor and alias end, and a later answer is dropped. */
  cancel(): void {
    this.disarm();
    if (this.wait !== undefined) this.process.releaseEntry(this);
  }

  override aborted(reason: unknown): void {
    this.cancel();
    super.aborted(reason);
  }

  /** Fails with an error, as if the request had been refused when it was made. */
  refused(error: Error): void {
    this.cancel();
    this.settleFailed(() => error);
  }

  reply(_value: unknown): void {}

  down(_object: unknown, _reason: unknown): void {}
}
