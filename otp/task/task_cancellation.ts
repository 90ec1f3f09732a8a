/**
 * The end of an awaited task by a signal or a deadline that its owner gave when it started the task.
 *
 * States of the task: starting (its process is unknown), running, ended. Races, and how each is settled:
 *
 * - Its result or its exit has come before: both are lifted then, so that nothing happens.
 * - It is starting: the start fails at once. A supervisor that starts it all the same announces its pid, and the
 *   task is ended then; nobody gets its messages.
 * - It is running: it is unlinked and ended as by `Task.shutdown`, so that its owner survives. A wait for it ends
 *   with the reason; without one, its DOWN goes to the mailbox, and the next wait ends with the reason.
 * - Its result arrives later: it is dropped.
 * - Its owner exits: both are lifted. A link ends the task then; without a link it goes on, as always.
 *
 * @module
 */

import { type CancelOptions, remaining } from "../gen/cancellation.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "../../core/scheduling/abort_watch.ts";
import type { Deadline, Expiring } from "../../core/scheduling/deadlines.ts";
import type { ChildShutdown } from "../supervisor/child_spec.ts";
import type { TaskOutcome } from "./task_outcome.ts";

/** Watches the signal and the deadline of one task. */
export class TaskCancellation implements Abortable, Expiring {
  /** How long the task may take to exit; then it is killed. */
  readonly shutdown: number | "brutal_kill";
  /** While the task is started: called when it is cancelled. */
  onStart: ((outcome: TaskOutcome) => void) | undefined;
  readonly #cancelled: (outcome: TaskOutcome) => void;
  #watch: Deadline | undefined;

  constructor(
    { runtime }: LocalProcess,
    { signal, deadline }: CancelOptions,
    shutdown: ChildShutdown,
    cancelled: (outcome: TaskOutcome) => void,
  ) {
    this.shutdown = shutdown === "infinity" ? Infinity : shutdown;
    this.#cancelled = cancelled;
    const ms = remaining(Infinity, deadline);
    if (ms !== Infinity) this.#watch = runtime.deadlines.add(ms, this);
    if (signal === undefined) return;
    this.#watch = cancelTogether(this.#watch, watchSignal(signal, this));
  }

  aborted(reason: unknown): void {
    this.stop();
    this.#cancelled({ type: "aborted", reason });
  }

  expire(): void {
    this.stop();
    this.#cancelled({ type: "exit", reason: "timeout" });
  }

  /** Ends the watch. */
  stop(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }
}
