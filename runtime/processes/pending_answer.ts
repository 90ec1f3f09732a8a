/**
 * Answers that a process awaits: the base of calls, starts, spawns, stops, calls of functions and tasks.
 *
 * A pending answer is open until the first of these; later ones change nothing:
 *
 * - `settle`, `settleBy` or `settleFailed`: the answer has come, and the process goes on at its turn. An
 *   error is made for the code that awaits, so that its stack shows that code.
 * - `expire`: the deadline that `limit` set is over. Each class says what that means.
 * - `aborted`: the signal that `limit` watches was aborted. The promise rejects with its reason.
 * - `abandon`: the process has exited. Nobody handles the rejection then, which is no error of the program.
 *
 * Each of them lifts the deadline, and ends the watch of the signal. Races: an answer and the deadline can both be due in one turn of the
 * event loop, and an answer can wait for the process's turn while the process is killed. The promise keeps
 * the first, and `LocalProcess.resume` abandons an answer whose process has exited meanwhile.
 *
 * @module
 */

import { Answer } from "../promises/answer.ts";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "../scheduling/abort_watch.ts";
import type { Deadline, Expiring } from "../scheduling/deadlines.ts";
import type { Ref } from "../values/pid.ts";
import type { LocalProcess } from "./local_process.ts";
import type { Wait } from "./wait.ts";

/** An answer that a process awaits. */
export class PendingAnswer<T> extends Answer<T> implements Expiring, Abortable {
  /** The process that awaits it. */
  readonly process: LocalProcess;
  #deadline: Deadline | undefined;

  /**
   * Creates a pending answer.
   *
   * @param process The process that awaits it.
   * @param mayBeLeft Whether callers often do not await it: a failure must then not end the program.
   */
  constructor(process: LocalProcess, mayBeLeft = false) {
    super(mayBeLeft);
    this.process = process;
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

  /** Called when the deadline is over. */
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
    this.process.resume(this, () => this.resolve(value));
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

  override abandon(error: () => unknown): void {
    this.disarm();
    super.abandon(error);
  }
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
