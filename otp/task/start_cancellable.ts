/**
 * The start of a task under a supervisor that a signal or a deadline may end.
 *
 * @module
 */

import {
  callExit,
  describeFunction,
  describeServer,
} from "../gen/server_ref.ts";
import {
  type CancelOptions,
  checkCancel,
  isOver,
} from "../gen/cancellation.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { PendingReply } from "../../core/processes/pending_answer.ts";
import { promised } from "../../core/promises/promises.ts";
import type { Pid } from "../../core/values/pid.ts";
import { checkShutdown } from "../supervisor/child_spec.ts";
import {
  startSupervised,
  type SupervisedTask,
} from "./start_supervised_task.ts";
import type { TaskCancellation } from "./task_cancellation.ts";
import type { TaskState } from "./task_state.ts";

/** The wait for the start of a task that a signal or a deadline may end. */
class CancellableStart extends PendingReply<Pid> {
  readonly #cancellation: TaskCancellation;

  constructor(
    process: LocalProcess,
    cancellation: TaskCancellation,
    late: () => Error,
  ) {
    super(process, process.runtime.node);
    this.#cancellation = cancellation;
    cancellation.onStart = (outcome) => {
      if (outcome.type === "aborted") return this.aborted(outcome.reason);
      this.close();
      this.settleFailed(late);
    };
    process.await(this.ref, this);
  }

  /** The task has started; from now on its waits are cancelled. */
  started(pid: Pid): void {
    this.#cancellation.onStart = undefined;
    this.close();
    this.resolve(pid);
  }

  failed(error: unknown): void {
    this.#cancellation.stop();
    this.close();
    this.rejectWith(error);
  }

  override abandon(error: () => unknown): void {
    this.#cancellation.stop();
    super.abandon(error);
  }
}

/**
 * Has a supervisor start a task that a signal or a deadline ends, also while it is being started.
 *
 * @throws The reason of the signal, if it is aborted.
 * @throws {ExitError} If the deadline passes; as by {@linkcode startSupervised}.
 */
export async function startCancellable(
  process: LocalProcess,
  asked: SupervisedTask,
  task: TaskState,
  options: CancelOptions,
): Promise<Pid> {
  checkCancel(options, "start a task");
  checkShutdown(asked.shutdown, "start a task");
  const late = () => {
    const { server, fn, args } = asked;
    const described = [describeServer(server), describeFunction(fn), args];
    return callExit("timeout", ["TaskSupervisor", asked.api, described]);
  };
  options.signal?.throwIfAborted();
  if (isOver(options.deadline)) throw late();
  const cancellation = task.cancelBy(options, asked.shutdown);
  const pending = new CancellableStart(process, cancellation, late);
  promised(() => startSupervised(process, asked, task)).then(
    (pid) => {
      if (!task.isCancelled) pending.started(pid);
    },
    (error) => pending.failed(error),
  );
  return await pending.promise;
}
