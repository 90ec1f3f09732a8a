/**
 * Answers that a process awaits: the base of calls, starts, spawns, stops, calls of functions and tasks.
 *
 * A pending answer is open until the first of these; later ones change nothing:
 *
 * - `settle`, `settleBy` or `settleFailed`: the answer has arrived, and the process goes on at its turn. An
 *   error is made for the code that awaits, so that its stack shows that code.
 * - `expire`: the deadline that `limit` set has passed. Each class defines the result.
 * - `aborted`: the signal that `limit` watches was aborted. The promise rejects with its reason.
 * - `abandon`: the process has exited. Nobody handles the rejection then, which is no error of the program.
 *
 * Each of them cancels the deadline, and ends the watch of the signal. Races: an answer and the deadline can both be
 * due in one turn of the event loop, and an answer can wait for the process's turn while the process is killed. The
 * promise keeps the first, and an answer whose process has exited meanwhile is abandoned.
 *
 * @module
 */

import { failure, ignore } from "../promises/promises.ts";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "../scheduling/abort_watch.ts";
import type { Deadline, Expiring } from "../scheduling/deadlines.ts";
import { scheduler } from "../scheduling/scheduler.ts";
import type { Ref } from "../values/pid.ts";
import type { Wait } from "./links_and_monitors.ts";
import type { LocalProcess } from "./local_process.ts";

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

  /**
   * Creates a pending answer.
   *
   * @param process The process that awaits it.
   * @param mayBeLeft Whether callers often do not await it: a failure must then not end the program.
   */
  constructor(process: LocalProcess, mayBeLeft = false) {
    this.process = process;
    this.#mayBeLeft = mayBeLeft;
    this.promise = new Promise(keep);
    this.#resolve = kept.resolve;
    this.#reject = kept.reject;
  }

  /**
   * Sets the deadline, in milliseconds from now, `Infinity` sets none; and watches a signal, which is not aborted.
   */
  limit(timeout: number, signal?: AbortSignal): void {
    if (timeout !== Infinity) {
      this.#deadline = this.process.runtime.deadlines.add(timeout, this);
    }
    if (signal === undefined) return;
    this.#deadline = cancelTogether(this.#deadline, watchSignal(signal, this));
  }

  /** Called when the deadline has passed. */
  expire(): void {}

  /** Called when the signal was aborted: rejects with its reason, which may be shared, so that it stays as it is. */
  aborted(reason: unknown): void {
    this.disarm();
    this.process.resume(this, () => this.rejectWith(reason));
  }

  /** Cancels the deadline, and no longer watches the signal. */
  disarm(): void {
    this.#deadline?.cancel();
  }

  /** Settles with the answer. */
  settle(value: T): void {
    this.disarm();
    if (scheduler.canAnswerNow(this.process)) this.resolve(value);
    else this.#settleLater(value);
  }

  /** In a function of its own: where a closure is created, its variables cost memory, used or not. */
  #settleLater(value: T): void {
    this.process.resumeLater(this, () => this.resolve(value));
  }

  /**
   * Settles with the answer; `read` creates its value, or throws the failure, when it is the process's turn.
   */
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

  /** Settles with a failure: the error is created for the code that awaits. */
  settleFailed(make: () => unknown): void {
    this.disarm();
    this.process.resume(this, () => this.fail(make));
  }

  /** Settles with the answer at once. */
  resolve(value: T): void {
    this.#isSettled = true;
    this.#resolve(value);
  }

  /** Settles with a failure at once: the error is created for the code that awaits. */
  fail(make: () => unknown): void {
    // The error of a second failure would reject a promise that is not awaited.
    if (this.#isSettled) return;
    this.#isSettled = true;
    // A second reaction would hide the code that awaits.
    const made = this.#mayBeLeft ? () => this.#leave() : undefined;
    this.#resolve(failure(make, made));
  }

  /** Settles at once with a failure whose error is kept as it is, with its stack. */
  rejectWith(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#mayBeLeft) this.#leave();
    this.#reject(error);
  }

  /** Called when the process has exited: an unhandled rejection of its waits is no error of the program. */
  abandon(error: () => unknown): void {
    this.disarm();
    this.#leave();
    if (!this.#isSettled) this.#reject(error());
    this.#isSettled = true;
  }

  #leave(): void {
    this.promise.catch(ignore);
  }
}

const kept = { resolve: ignore, reject: ignore } as {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};

/** No closure of the answer: one would cost 100 bytes for each. */
function keep(
  resolve: (value: never) => void,
  reject: (error: unknown) => void,
): void {
  kept.resolve = resolve as (value: unknown) => void;
  kept.reject = reject;
}

/** An answer under a reference: to an alias, of a monitor, or of a spawn request. */
export class PendingReply<T> extends PendingAnswer<T> implements Wait {
  readonly node: string;
  /** Names the request; monitor and alias of its answer. */
  readonly ref: Ref;

  /**
   * A reply that has not come.
   *
   * @param process The process that awaits it.
   * @param node The node that it comes from.
   * @param mayBeLeft Whether callers often do not await it.
   * @param ref The reference; a new one, if it is left out.
   */
  constructor(
    process: LocalProcess,
    node: string,
    mayBeLeft = false,
    ref: Ref = process.runtime.makeRef(),
  ) {
    super(process, mayBeLeft);
    this.node = node;
    this.ref = ref;
  }

  /** Stops waiting, as the reference has ended: a later answer is dropped. */
  close(): void {
    this.disarm();
    this.process.unawait(this.ref);
  }

  /** Stops waiting, and ends the monitor: a later answer is dropped. */
  cancel(): void {
    this.close();
    this.process.demonitor(this.ref);
  }

  override aborted(reason: unknown): void {
    this.cancel();
    super.aborted(reason);
  }

  /** Fails with the error, as if the request had been refused when it was made. */
  refused(error: Error): void {
    this.cancel();
    this.settleFailed(() => error);
  }

  reply(_value: unknown): void {}

  down(_object: unknown, _reason: unknown): void {}
}
