/** The server of a Task.Supervisor: starts tasks on request, restarts them, and ends them. */

import { Pid, Ref } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { SpawnFailure } from "@otp/processes/signals/signal";
import { isChildShutdown, isRestart } from "../server/child_spec.ts";
import {
  DynamicChildren,
  type DynamicLimits,
  type DynamicSpec,
} from "../supervisor/dynamic_children.ts";
import type { DynamicChildInfo } from "../supervisor/dynamic_supervisor_server.ts";
import { isRunnable } from "../server/messages.ts";
import { NO_REPLY, type Server } from "../server/server.ts";
import {
  noteSupervision,
  type SupervisedChild,
  type Supervision,
} from "../supervisor/supervision.ts";
import { failed, type Success } from "../supervisor/child_lifecycle.ts";
import { andThen } from "@otp/processes/promises/promises";
import { type DrainRequest, TaskDrain } from "./task_drain.ts";
import {
  type Occupancy,
  taskSlots,
  type TaskTurns,
} from "../server/task_slots.ts";
import { spawnTask, type TaskRun } from "./task_process.ts";
import type { StartTask } from "./start_task.ts";
import type { Code } from "@otp/processes/remote/exported_modules";
import type { RuntimeSpawnOptions } from "@otp/processes/process/runtime";
import { NoProcessError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import { resolveFor } from "@otp/processes/spawning/spawn_requests";

export type TaskSupervisorRequest =
  | StartTask
  | { type: "which_children" }
  | { type: "count_children" }
  | { type: "terminate_child"; pid: Pid }
  | DrainRequest;

/** The answer to a request for a task that is not started. */
export type TaskRefusal =
  | { type: "error"; reason: "max_children" }
  | { type: "error"; reason: SpawnFailure; message: string };

const DRAINING: TaskRefusal = {
  type: "error",
  reason: "draining",
  message:
    "the supervisor is draining: it finishes its tasks and starts no more; start the task under another one",
};

/** The function of a task, and how the task is restarted and ended. */
interface TaskSpec extends DynamicSpec, TaskRun {
  readonly label: string;
}

/** The links and monitors of a task's owner, from the start of the task. */
type OwnerOptions = Pick<RuntimeSpawnOptions, "link" | "monitor" | "replyTo">;

/** A Task.Supervisor's server; its process traps exits. */
export class TaskSupervisorServer implements Server, Supervision {
  readonly #process: LocalProcess;
  readonly #children: DynamicChildren<TaskSpec>;
  readonly #max: number;
  /** The callers that take turns; created when one of them asks for it. */
  #turns: TaskTurns | undefined;
  /** Ends the renewal of the supervisor's membership in its group. */
  #leaveGroup: (() => void) | undefined;
  /** Set once the supervisor refuses new tasks. */
  #drain: TaskDrain | undefined;

  constructor(process: LocalProcess, limits: DynamicLimits) {
    process.trapExit = true;
    this.#process = process;
    const start = (spec: TaskSpec): Success => (
      {
        type: "ok",
        started: spawnTask(process, spec, undefined, { linkParent: process }),
      }
    );
    this.#children = new DynamicChildren(process, start, limits);
    noteSupervision(process, this);
    this.#max = limits.maxChildren;
  }

  occupancy(): Occupancy {
    return {
      tasks: this.#children.size,
      max: this.#max,
      draining: this.#drain !== undefined,
    };
  }

  /** Joins a group; resolves when the supervisor is a member. Throws a `NoProcessError` if the scope does not run. */
  async join(group: unknown, scope: string): Promise<this> {
    const process = this.#process;
    const { node } = process.runtime;
    const { groups } = taskSlots(process.runtime);
    if (groups === undefined) {
      const named = quote(scope);
      throw new NoProcessError(
        `Cannot join a group of ${named}: no such scope runs on ${node}; start it by pg.startLink(${named})`,
      );
    }
    this.#leaveGroup = await groups.join(process, group, scope);
    return this;
  }

  get kind(): string {
    return "TaskSupervisor";
  }

  size(): number {
    return this.#children.size;
  }

  supervised(): Iterable<SupervisedChild> {
    return this.#children.supervised();
  }

  get protocol(): string {
    return "TaskSupervisor";
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const asked = request as TaskSupervisorRequest | null;
    switch (asked?.type) {
      case "start_task":
        return this.#startTask(asked, caller);
      case "which_children":
        return this.#children.list().map(
          ({ pid }): DynamicChildInfo => ({ pid, type: "worker" }),
        );
      case "count_children":
        return this.#children.count();
      case "terminate_child":
        return asked.pid instanceof Pid
          ? this.#terminate(asked.pid)
          : failed("badarg");
      case "drain":
        return this.#beginDrain(asked.timeout, caller);
      default:
        return this.#ownTurns()?.call(request, caller) ?? failed("badarg");
    }
  }

  info(message: unknown): Promise<void> | undefined {
    if (this.#turns?.info(message)) return;
    const done = this.#children.info(message);
    this.#turns?.changed();
    return this.#drain === undefined
      ? done
      : andThen(done, () => this.#checkDrained()) as Promise<void> | undefined;
  }

  /** Callers that wait for a place, or for the end of a drain, get their answers after earlier messages. */
  childExited(pid: Pid, reason: unknown): boolean {
    return this.#turns === undefined && this.#drain === undefined &&
      this.#children.exited(pid, reason);
  }

  unfinished(): Pid[] {
    return this.#children.list()
      .filter(({ spec }) => spec.restart !== "permanent")
      .map(({ pid }) => pid);
  }

  /** Ends all tasks at once, each within its `shutdown`. */
  async terminate(): Promise<void> {
    await this.#children.terminateAll();
  }

  // The drain.

  /** Leaves the groups first, so that no other pool finds the supervisor there. */
  #beginDrain(timeout: unknown, caller: ReplyTo): unknown {
    if (typeof timeout !== "number" || !(timeout >= 0)) return failed("badarg");
    if (this.#drain === undefined) {
      const permanent = this.#children.list()
        .filter(({ spec }) => spec.restart === "permanent").length;
      this.#drain = new TaskDrain(this.#process, permanent);
      this.#leaveGroup?.();
      taskSlots(this.#process.runtime).groups?.leaveAll(this.#process);
      this.#turns?.draining();
    }
    return this.#isDrained ? "drained" : this.#drain.wait(caller, timeout);
  }

  get #isDrained(): boolean {
    return this.#children.size <= this.#drain!.permanent;
  }

  #checkDrained(): void {
    if (this.#isDrained) this.#drain!.ended();
  }

  #terminate(pid: unknown): unknown {
    const ended = this.#drain === undefined
      ? this.#children.terminate(pid)
      : this.#terminateDraining(pid, this.#drain);
    this.#turns?.changed();
    return ended;
  }

  async #terminateDraining(pid: unknown, drain: TaskDrain): Promise<unknown> {
    if (this.#children.restartOf(pid) === "permanent") drain.permanent--;
    const ended = await this.#children.terminate(pid);
    this.#checkDrained();
    return ended;
  }

  // Tasks.

  #ownTurns(): TaskTurns | undefined {
    const process = this.#process;
    return this.#turns ??= taskSlots(process.runtime).turns?.(
      process,
      () => this.occupancy(),
    );
  }

  /**
   * Starts a task, or returns the refusal. A process of this node may call it while the supervisor is idle.
   *
   * @param caller The process that asks, for the turns of callers.
   * @param ref The alias for the result of a task that is awaited.
   * @param options The links and monitors of the owner.
   */
  start(
    { fn, label }: Code,
    { restart, shutdown }: Pick<StartTask, "restart" | "shutdown">,
    callers: Pid[],
    caller: Pid,
    ref?: Ref,
    options?: OwnerOptions,
  ): Pid | TaskRefusal {
    if (this.#drain !== undefined) return DRAINING;
    const admits = this.#turns?.admits(caller) ?? !this.#children.full;
    if (!admits) return { type: "error", reason: "max_children" };
    const spec: TaskSpec = {
      ...{ fn, label, restart, shutdown, callers },
      type: "worker",
      origin: caller.node,
    };
    const linkParent = this.#process;
    const pid = spawnTask(linkParent, spec, ref, { linkParent, ...options });
    this.#children.add(spec, pid);
    this.#turns?.changed();
    return pid;
  }

  #startTask(asked: StartTask, caller: ReplyTo): unknown {
    if (!isValid(asked, caller)) return failed("badarg");
    const { task, link, run, callers } = asked;
    const { pid } = caller;
    const process = this.#process;
    const found = resolveFor(process.runtime, run, pid.node, "resolve");
    if ("error" in found) {
      return { type: "error", reason: found.error, message: found.message };
    }
    const owner = task && { pid, ref: task };
    const options = owner &&
      { link: link ? pid : undefined, monitor: owner, replyTo: owner };
    const started = this.start(found, asked, callers, pid, task, options);
    if (!(started instanceof Pid)) return started;
    if (task === undefined) return { type: "ok", pid: started };
    // The caller's monitor on the supervisor has become a monitor on the task.
    if (task.equals(caller.alias)) process.runtime.watchers.drop(process, task);
    // An awaited task announces its pid to the owner itself, so that the pid arrives before the result.
    return NO_REPLY;
  }
}

/** Whether a request is valid: any process can send one, and the result goes to its own node only. */
function isValid(asked: StartTask, { pid: { node } }: ReplyTo): boolean {
  const { task, callers, link, restart, shutdown, run } = asked;
  return typeof link === "boolean" &&
    (task === undefined || (task instanceof Ref && task.node === node)) &&
    Array.isArray(callers) && callers.every((each) => each instanceof Pid) &&
    isRestart(restart) && isChildShutdown(shutdown) && isRunnable(run);
}
