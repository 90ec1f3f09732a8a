/**
 * What a Task.Supervisor does: it starts tasks for others, and sees to their end.
 *
 * @module
 */

import { ExitError } from "../errors.ts";
import { Pid, Ref } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import { isOrderly } from "../runtime/reason.ts";
import type { SpawnFailure } from "../runtime/signal.ts";
import {
  type ChildRestart,
  type ChildShutdown,
  RestartIntensity,
  shutdownChild,
} from "./child.ts";
import { isTyped, type StartTask } from "./messages.ts";
import { type Caller, NO_REPLY, type Server } from "./server.ts";
import { runTask } from "./task.ts";

/** What a Task.Supervisor is asked. */
export type TaskSupervisorRequest =
  | StartTask
  | { type: "which_children" }
  | { type: "terminate_child"; pid: Pid };

/** What a Task.Supervisor answers when it starts no task. */
export type TaskRefusal =
  | { type: "error"; reason: "max_children" }
  | { type: "error"; reason: SpawnFailure; message: string };

/** How a Task.Supervisor limits and restarts. */
export interface TaskSupervision {
  maxChildren: number;
  maxRestarts: number;
  maxSeconds: number;
}

interface Child {
  readonly pid: Pid;
  readonly fn: () => unknown;
  readonly label: string;
  readonly restart: ChildRestart;
  readonly shutdown: ChildShutdown;
  readonly callers: Pid[];
  readonly origin: string;
}

/** A Task.Supervisor's server; its process traps exits. */
export class TaskSupervisorServer implements Server {
  readonly #process: Process;
  readonly #maxChildren: number;
  readonly #intensity: RestartIntensity;
  /** The tasks, by number of their process. */
  readonly #children = new Map<number, Child>();

  constructor(process: Process, options: TaskSupervision) {
    process.trapExit = true;
    this.#process = process;
    this.#maxChildren = options.maxChildren;
    this.#intensity = new RestartIntensity(
      options.maxRestarts,
      options.maxSeconds,
    );
  }

  call(request: unknown, caller: Caller): unknown {
    const asked = request as TaskSupervisorRequest | null;
    switch (asked?.type) {
      case "start_task":
        return this.#startTask(asked, caller);
      case "which_children":
        return [...this.#children.values()].map(({ pid }) => pid);
      case "terminate_child":
        return this.#terminateChild(asked.pid);
      default:
        return { type: "error", reason: "badarg" };
    }
  }

  info(message: unknown): void {
    if (!isTyped(message, "EXIT")) return;
    const { from, reason } = message as unknown as {
      from: Pid;
      reason: unknown;
    };
    const child = this.#children.get(from.number);
    if (child === undefined || !from.equals(child.pid)) return;
    this.#children.delete(from.number);
    const { restart } = child;
    if (
      restart === "permanent" || (restart === "transient" && !isOrderly(reason))
    ) this.#restart(child);
  }

  /** Ends all tasks at once, each within its time. */
  async terminate(): Promise<void> {
    const children = [...this.#children.values()];
    await Promise.all(children.map((child) => this.#end(child)));
  }

  #startTask(asked: StartTask, caller: Caller): unknown {
    const { task, callers, restart, shutdown } = asked;
    if (!isValid(asked)) return { type: "error", reason: "badarg" };
    if (this.#children.size >= this.#maxChildren) {
      return { type: "error", reason: "max_children" };
    }
    const found = this.#process.runtime.resolve(
      asked.run,
      caller.pid.node,
    );
    if ("error" in found) {
      const { error, message } = found;
      return { type: "error", reason: error, message };
    }
    const { fn, label } = found;
    const pid = this.#start(
      { fn, label, restart, shutdown, callers, origin: caller.pid.node },
      task === undefined ? undefined : { ...asked, owner: caller.pid, task },
    );
    // An owner that awaits the task learns of it from the task itself, before its result.
    return task === undefined ? { type: "ok", pid } : NO_REPLY;
  }

  #start(
    child: Omit<Child, "pid">,
    awaited?: { owner: Pid; task: Ref; link: boolean },
  ): Pid {
    const supervisor = this.#process;
    const { runtime } = supervisor;
    const watch = awaited && { pid: awaited.owner, ref: awaited.task };
    const process: Process = runtime.spawn(
      () => runTask(process, child.fn, awaited?.task),
      {
        label: child.label,
        parent: supervisor.pid,
        groupLeader: supervisor.groupLeader,
        callers: child.callers,
        origin: child.origin,
        linkParent: supervisor,
        link: awaited?.link ? awaited.owner : undefined,
        monitor: watch,
        replyTo: watch,
      },
    );
    this.#children.set(process.pid.number, { ...child, pid: process.pid });
    return process.pid;
  }

  #restart(child: Child): void {
    const { runtime } = this.#process;
    if (!this.#intensity.add(runtime.now())) throw new ExitError("shutdown");
    this.#start(child);
  }

  async #terminateChild(pid: unknown): Promise<unknown> {
    const child = pid instanceof Pid
      ? this.#children.get(pid.number)
      : undefined;
    if (child === undefined || !child.pid.equals(pid)) {
      return { type: "error", reason: "not_found" };
    }
    this.#children.delete(child.pid.number);
    await this.#end(child);
    return "ok";
  }

  #end({ pid, shutdown }: Child): Promise<unknown> {
    return shutdownChild(this.#process, pid, shutdown);
  }
}

const RESTARTS: readonly unknown[] = ["temporary", "transient", "permanent"];

/** Whether a request is one that can be served: it may come from anywhere. */
function isValid(asked: StartTask): boolean {
  const { task, callers, restart, shutdown, run } = asked;
  return (task === undefined || task instanceof Ref) &&
    Array.isArray(callers) && callers.every((each) => each instanceof Pid) &&
    RESTARTS.includes(restart) &&
    (shutdown === "brutal_kill" || shutdown === "infinity" ||
      (typeof shutdown === "number" && shutdown >= 0)) &&
    typeof run === "object" && run !== null && Array.isArray(run.args) &&
    namesFunction(run as Record<string, unknown>);
}

function namesFunction(run: Record<string, unknown>): boolean {
  return typeof run.source === "string" || typeof run.parked === "string" ||
    (typeof run.module === "string" && typeof run.function === "string");
}
