/**
 * The tasks of a stream, and the process that they are linked to.
 *
 * @module
 */

import { ignore } from "../../runtime/promises/ignore.ts";
import type { Pid, Ref } from "../../runtime/values/pid.ts";
import type { Process } from "../../runtime/processes/process.ts";
import type { Wait } from "../../runtime/processes/wait.ts";
import type { SpawnResult } from "../../runtime/signals/signal.ts";
import type { TaskOutcome } from "./task_state.ts";

/** Starts the tasks of a stream. */
export interface TaskStarter {
  /** Whether they are linked to the stream's process. */
  readonly link: boolean;
  /**
   * Starts one on an element, as the stream's process, and tells `task` of its pid, or that it was
   * refused; if the call for it fails, `task` fails.
   *
   * @param host The stream's process.
   * @param task What is told; it has the task's alias and monitor.
   * @param element What it runs on.
   * @param callers On whose behalf it runs.
   */
  start(
    host: Process,
    task: StreamTask,
    element: unknown,
    callers: Pid[],
  ): void;
}

/** The process that a stream's tasks are linked to; it lives as long as the stream and its owner do. */
export class StreamMonitor {
  readonly process: Process;
  readonly tasks = new Set<StreamTask>();
  readonly #owner: Process;
  readonly #link: boolean;
  #isEnding = false;

  constructor(owner: Process, ref: Ref, link: boolean) {
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
    this.process.monitor(owner.pid, runtime.node, undefined, {
      node: runtime.node,
      reply: ignore,
      down: (_object, reason) => this.#ownerDown(reason),
      abandon: ignore,
    });
  }

  /** Kills the tasks, and ends when they have ended. */
  stop(): void {
    this.process.trapExit = true;
    for (const task of this.tasks) task.exit("kill");
    this.endWhenIdle();
  }

  /** Ends when the tasks have ended. */
  endWhenIdle(): void {
    this.#isEnding = true;
    this.endIfIdle();
  }

  /** Ends, if it is to and there are no tasks. */
  endIfIdle(): void {
    const { process } = this;
    if (!this.#isEnding || this.tasks.size > 0 || !process.alive) return;
    // The owner is not to hear of it, should it trap exits.
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

/** Takes EXITs of tasks out of the mail: their DOWNs tell enough. */
async function drain(process: Process): Promise<never> {
  const wait = { isServer: true };
  for (;;) await process.mailbox.receive(undefined, wait, process);
}

/** What a task of a stream tells, and how long it may run. */
export interface StreamTaskOptions {
  timeout: number;
  /** It has been started, or not. */
  changed: () => void;
  /** It has ended, or was killed as it took too long. */
  ended: (task: StreamTask, outcome: TaskOutcome, isLate: boolean) => void;
}

/** One task of a stream, as the stream's process sees it. */
export class StreamTask implements Wait {
  node: string;
  by: Pid | undefined;
  /** Its monitor, and the alias of its result. */
  readonly ref: Ref;
  /** Which element it runs on. */
  readonly position: number;
  /** The element. */
  readonly input: unknown;
  /** Told when another process has started it. */
  onSpawned: ((pid: Pid) => void) | undefined;
  /** Why it was not started. */
  refusal: { error: unknown } | undefined;
  readonly #host: StreamMonitor;
  readonly #process: Process;
  readonly #options: StreamTaskOptions;
  #pid: Pid | undefined;
  #result: { value: unknown } | undefined;
  #isLate = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    host: StreamMonitor,
    position: number,
    input: unknown,
    options: StreamTaskOptions,
  ) {
    this.#host = host;
    this.#process = host.process;
    this.position = position;
    this.input = input;
    this.#options = options;
    this.node = host.process.runtime.node;
    this.ref = host.process.runtime.makeRef();
    host.tasks.add(this);
  }

  /** Whether it is not there yet. */
  get isStarting(): boolean {
    return this.#pid === undefined;
  }

  /** Begins to wait for what comes from the node on which it is started. */
  open(node: string): void {
    this.node = node;
    this.#process.addAlias(this.ref, "demonitor");
    this.#process.await(this.ref, this);
  }

  /** Ends the wait for a task that was not started. */
  close(): void {
    this.#process.unawait(this.ref);
    this.#process.unalias(this.ref);
    this.#host.tasks.delete(this);
  }

  /** It is there; its time runs. */
  started(pid: Pid): void {
    this.by = this.#pid = pid;
    const { timeout, changed } = this.#options;
    if (timeout !== Infinity) {
      this.#stopTimer = this.#process.runtime.after(timeout, () => {
        this.#isLate = true;
        this.#process.unlink(pid);
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
  }

  /** Sends it an exit signal, if it is there. */
  exit(reason: unknown): void {
    const { pid, runtime } = this.#process;
    const to = this.#pid;
    if (to !== undefined) runtime.route(to.node).exit(pid, to, reason);
  }

  spawned(result: SpawnResult | undefined): void {
    if (result === undefined || !("pid" in result)) return;
    this.onSpawned?.(result.pid);
  }

  reply(value: unknown): void {
    this.#result ??= { value };
  }

  down(_object: unknown, reason: unknown): void {
    this.#stopTimer?.();
    this.#process.unawait(this.ref);
    this.#host.tasks.delete(this);
    const result = this.#result;
    const why = this.#isLate ? "timeout" : reason;
    const outcome: TaskOutcome = result === undefined
      ? { type: "exit", reason: why }
      : { type: "ok", value: result.value };
    this.#options.ended(this, outcome, this.#isLate && result === undefined);
    this.#host.endIfIdle();
  }

  abandon(): void {
    this.#stopTimer?.();
  }
}
