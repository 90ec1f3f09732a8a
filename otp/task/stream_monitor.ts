/**
 * The tasks of a stream, and the process that they are linked to.
 *
 * @module
 */

import { ignore } from "../../core/promises/promises.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import { OwnedTask, type TaskEnd } from "./owned_task.ts";

/** Starts the tasks of a stream. */
export interface TaskStarter {
  /** Whether they are linked to the stream's process. */
  readonly link: boolean;
  /**
   * Starts a task, as the stream's process. It opens the task, and notifies it of its pid or the refusal.
   * If the call for it fails, the stream's process exits.
   *
   * @param task The stream's end of the task; `task.input` is the first argument.
   * @param callers The processes that it runs for.
   */
  start(task: StreamTask, callers: Pid[]): void;
}

/** The process that a stream's tasks are linked to; it runs as long as the stream and its owner do. */
export class StreamMonitor {
  readonly process: LocalProcess;
  readonly tasks = new Set<StreamTask>();
  readonly #owner: LocalProcess;
  readonly #link: boolean;
  #isEnding = false;
  #isStopped = false;

  constructor(owner: LocalProcess, ref: Ref, link: boolean) {
    const { runtime } = owner;
    this.#owner = owner;
    this.#link = link;
    this.process = runtime.spawn(() => drain(this.process), {
      label: "Task.Supervised.stream_monitor",
      parent: owner.pid,
      groupLeader: owner.groupLeader,
      linkParent: owner,
      tellsEnd: true,
      monitor: { pid: owner.pid, ref },
    });
    this.process.trapExit = owner.trapExit;
    this.process.monitor(owner.pid, undefined, {
      node: runtime.node,
      reply: ignore,
      down: (_object, reason) => this.#ownerDown(reason),
      abandon: ignore,
    });
  }

  /** Whether its tasks were killed; one that was being started is killed when it has started. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Kills the tasks, and ends when they have ended. */
  stop(): void {
    this.#isStopped = true;
    this.process.trapExit = true;
    for (const task of this.tasks) task.exit("kill");
    this.endWhenIdle();
  }

  /** Ends when the tasks have ended. */
  endWhenIdle(): void {
    this.#isEnding = true;
    this.endIfIdle();
  }

  /** Exits if it was asked to and there are no tasks. */
  endIfIdle(): void {
    const { process } = this;
    if (!this.#isEnding || this.tasks.size > 0 || !process.alive) return;
    // The owner must not receive it, if it traps exits.
    process.unlink(this.#owner.pid);
    process.runtime.terminate(process, "normal");
  }

  /** Tasks that are not linked outlive the owner, as in Elixir. */
  #ownerDown(reason: unknown): void {
    const { process } = this;
    if (this.#link) { for (const task of this.tasks) task.exit(reason); }
    process.runtime.terminate(process, reason);
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
  /** It has been started, or not. */
  changed: () => void;
  /** Called when it has exited, or was killed at its timeout. */
  ended: (task: StreamTask, outcome: TaskEnd, isLate: boolean) => void;
}

/** One task of a stream, as the stream's process sees it. */
export class StreamTask extends OwnedTask {
  /** The position of its element. */
  readonly position: number;
  /** The element. */
  readonly input: unknown;
  /** Why it was not started. */
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

  /** Whether its process is not known yet. */
  get isStarting(): boolean {
    return this.by === undefined;
  }

  /** Ends the wait for a task that was not started. */
  close(): void {
    this.owner.unawait(this.ref);
    this.owner.unalias(this.ref);
    this.#monitor.tasks.delete(this);
  }

  /** Its process is known; its time runs. */
  override started(pid: Pid): void {
    super.started(pid);
    const { timeout, changed } = this.#options;
    // It may have exited before the call returns: a timer that is set later would be left.
    if (this.#monitor.isStopped) this.exit("kill");
    else if (timeout !== Infinity) {
      this.#stopTimer = this.owner.runtime.after(timeout, () => {
        this.#isLate = true;
        this.owner.unlink(pid);
        this.exit("kill");
      });
    }
    changed();
  }

  /** It was not started. */
  refused(error: unknown): void {
    this.close();
    this.refusal = { error };
    this.#options.changed();
    this.#monitor.endIfIdle();
  }

  /** Whether the stream was left while it was being started. */
  get isStopped(): boolean {
    return this.#monitor.isStopped;
  }

  /** Sends it an exit signal, if its process is known. */
  exit(reason: unknown): void {
    const { by, owner: { pid, runtime } } = this;
    if (by !== undefined) runtime.route(by.node).exit(pid, by, reason);
  }

  reply(value: unknown): void {
    this.#result ??= { value };
  }

  down(_object: unknown, reason: unknown): void {
    this.#stopTimer?.();
    this.owner.unawait(this.ref);
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
