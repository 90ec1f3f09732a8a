/** The tasks of a stream, and the process that links them to the owner. */

import { onDown } from "../server/on_exit.ts";
import type { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { isExitError } from "@otp/processes/values/error_classes";
import { OwnedTask } from "./owned_task.ts";
import type { TaskEnd } from "./task_state.ts";
import { crash, terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** Starts the tasks of a stream. */
export interface TaskStarter {
  /** Whether the tasks are linked to the stream's process. */
  readonly link: boolean;
  /**
   * Starts a task, as the stream's process. The task is notified of the outcome.
   *
   * @param task The stream's end of the task; `task.input` is the first argument.
   * @param callers The processes for which the task runs.
   */
  start(task: StreamTask, callers: Pid[]): void;
}

/** The process between a stream's tasks and the owner; it runs as long as the stream and its owner do. */
export class StreamMonitor {
  readonly process: LocalProcess;
  readonly tasks: Set<StreamTask> = new Set();
  readonly #owner: LocalProcess;
  readonly #link: boolean;
  #isEnding = false;
  #isStopped = false;

  constructor(owner: LocalProcess, link: boolean) {
    this.#owner = owner;
    this.#link = link;
    this.process = spawnProcess(owner.runtime, () => drain(this.process), {
      label: "Task.Supervised.stream_monitor",
      parent: owner.pid,
      groupLeader: owner.groupLeader,
      linkParent: owner,
      awaitsExit: true,
    });
    this.process.trapExit = owner.trapExit;
    onDown(this.process, owner.pid, (reason) => this.#ownerDown(reason));
  }

  /** Whether the tasks were killed; a task that is still being started is killed once it has started. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Kills the tasks; the stream's process exits when they have exited. */
  stop(): void {
    this.#isStopped = true;
    this.process.trapExit = true;
    for (const task of this.tasks) task.exit("kill");
    this.endWhenIdle();
  }

  /** Makes the stream's process exit as soon as it has no tasks. */
  endWhenIdle(): void {
    this.#isEnding = true;
    this.endIfIdle();
  }

  /** Exits if an exit was requested and no task is left. */
  endIfIdle(): void {
    const { process } = this;
    if (!this.#isEnding || this.tasks.size > 0 || !process.alive) return;
    // An owner that traps exits must not receive this exit.
    process.unlink(this.#owner.pid);
    terminate(process, "normal");
  }

  /** Tasks that are not linked outlive the owner, as in Elixir. */
  #ownerDown(reason: unknown): void {
    const { process } = this;
    if (this.#link) { for (const task of this.tasks) task.exit(reason); }
    terminate(process, reason);
  }
}

/** Removes EXITs of tasks from the mailbox: their DOWNs are enough. */
async function drain(process: LocalProcess): Promise<never> {
  const wait = { isServer: true };
  for (;;) await process.mailbox.receive(undefined, wait, process);
}

/** The callbacks of a task of a stream, and its time limit. */
export interface StreamTaskOptions {
  timeout: number;
  /** Called when the start has succeeded or failed. */
  changed: () => void;
  /** Called when the task has exited, or was killed at its timeout. */
  ended: (task: StreamTask, outcome: TaskEnd, isLate: boolean) => void;
}

/** One task of a stream, as the stream's process sees it. */
export class StreamTask extends OwnedTask {
  /** The position of the element in the input. */
  readonly position: number;
  readonly input: unknown;
  /** The error of a failed start. */
  refusal: { error: unknown } | undefined;
  readonly #monitor: StreamMonitor;
  readonly #options: StreamTaskOptions;
  #result: { value: unknown } | undefined;
  #isLate = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    monitor: StreamMonitor,
    position: number,
    input: unknown,
    options: StreamTaskOptions,
  ) {
    super(monitor.process);
    this.#monitor = monitor;
    this.position = position;
    this.input = input;
    this.#options = options;
    monitor.tasks.add(this);
  }

  /** Whether the task's process is not known yet. */
  get isStarting(): boolean {
    return this.by === undefined;
  }

  /** Ends the wait for a task that was not started. */
  close(): void {
    this.process.release(this.ref);
    this.#monitor.tasks.delete(this);
  }

  /** Called when the task's process is known: starts its timeout. */
  override started(pid: Pid): void {
    super.started(pid);
    const { timeout, changed } = this.#options;
    // The task may exit before the call returns: a timer that is set later would never be stopped.
    if (this.#monitor.isStopped) this.exit("kill");
    else if (timeout !== Infinity) {
      this.#stopTimer = this.process.runtime.deadlines.after(timeout, () => {
        this.#isLate = true;
        this.process.unlink(pid);
        this.exit("kill");
      });
    }
    changed();
  }

  /** As in Elixir, the stream's process makes the call of the supervisor, and exits if the call fails. */
  notStarted(make: () => unknown): void {
    this.close();
    const error = make();
    const { process } = this;
    if (isExitError(error) && !this.isStopped) {
      return crash(process, error);
    }
    this.refusal = { error };
    this.#options.changed();
    this.#monitor.endIfIdle();
  }

  /** Whether the owner left the stream, possibly while the task was being started. */
  get isStopped(): boolean {
    return this.#monitor.isStopped;
  }

  /** Sends the task an exit signal, if its process is known. */
  exit(reason: unknown): void {
    const { by, process: { pid, runtime } } = this;
    if (by !== undefined) {
      runtime.signalsTo(by.node, "by_pid").exit(pid, by, reason);
    }
  }

  result(value: unknown): void {
    this.#result ??= { value };
  }

  exited(_object: unknown, reason: unknown): void {
    this.#stopTimer?.();
    this.#monitor.tasks.delete(this);
    const result = this.#result;
    const why = this.#isLate ? "timeout" : reason;
    const outcome: TaskEnd = result === undefined
      ? { type: "exit", reason: why }
      : { type: "ok", value: result.value };
    this.#options.ended(this, outcome, this.#isLate && result === undefined);
    this.#monitor.endIfIdle();
  }

  abandon(): void {
    this.#stopTimer?.();
  }
}
