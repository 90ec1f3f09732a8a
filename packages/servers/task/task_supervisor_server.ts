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
import { isRunnable, type StartTask } from "../server/messages.ts";
import { NO_REPLY, type Server } from "../server/server.ts";
import {
  noteSupervision,
  type SupervisedChild,
  type Supervision,
} from "../supervisor/supervision.ts";
import {
  OtpTask,
  type TaskWork,
  WORK_TIMEOUT,
  workFromOtp,
} from "@otp/beam/servers/task_otp";
import { failed, type Success } from "../supervisor/child_lifecycle.ts";
import { andThen } from "@otp/processes/promises/promises";
import { type DrainRequest, TaskDrain } from "./task_drain.ts";
import {
  type Occupancy,
  taskSlots,
  type TaskTurns,
} from "../server/task_slots.ts";
import { spawnTask } from "./task_process.ts";
import type { Resolved } from "@otp/processes/remote/exported_modules";
import { ExitError, NoProcessError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import { resolveOtpFunction } from "@otp/beam/functions/otp_function";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { tuple } from "@otp/processes/values/tuple";
import { resolveFor } from "@otp/processes/spawning/spawn_requests";

export type TaskSupervisorRequest =
  | StartTask
  | { type: "which_children" }
  | { type: "count_children" }
  | { type: "terminate_child"; pid: Pid }
  | DrainRequest;

/** A task to start, without its function. */
export type TaskStartRequest = Omit<StartTask, "type" | "run">;

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
interface TaskSpec extends DynamicSpec {
  readonly fn: () => unknown;
  readonly label: string;
  readonly callers: Pid[];
  readonly origin: string;
}

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
      { type: "ok", started: this.#start(spec) }
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
    if (request instanceof OtpTask) return this.#startOtpTask(request, caller);
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

  #admits(caller: Pid): boolean {
    return this.#turns === undefined
      ? !this.#children.full
      : this.#turns.admits(caller);
  }

  /** Whether a message would be handled at once: the server waits for any, and is neither busy nor suspended. */
  get isIdle(): boolean {
    return this.#process.mailbox.isIdle;
  }

  /**
   * Starts a task, which announces its pid to its owner if it is awaited, or returns the refusal.
   *
   * @param find Returns the function; called once the supervisor has a place for the task.
   */
  start(
    { task, link, callers, restart, shutdown }: TaskStartRequest,
    owner: Pid,
    find: () => Resolved,
  ): { type: "ok"; pid: Pid } | TaskRefusal {
    if (this.#drain !== undefined) return DRAINING;
    if (!this.#admits(owner)) return { type: "error", reason: "max_children" };
    const found = find();
    if ("error" in found) {
      // The request may have used a turn.
      this.#turns?.changed();
      return { type: "error", reason: found.error, message: found.message };
    }
    const spec: TaskSpec = {
      fn: found.fn,
      label: found.label,
      restart,
      shutdown,
      type: "worker",
      callers,
      origin: owner.node,
    };
    const pid = this.#start(spec, task && { owner, task, link });
    this.#children.add(spec, pid);
    this.#turns?.changed();
    return { type: "ok", pid };
  }

  #startTask(asked: StartTask, caller: ReplyTo): unknown {
    if (!isValid(asked, caller)) return failed("badarg");
    const { runtime } = this.#process;
    const started = this.start(
      asked,
      caller.pid,
      () => resolveFor(runtime, asked.run, caller.pid.node, "resolve"),
    );
    const { task } = asked;
    if (task === undefined || started.type === "error") return started;
    // The caller's monitor on the supervisor has become a monitor on the task.
    if (task.equals(caller.alias)) runtime.watchers.drop(this.#process, task);
    // An awaited task announces its pid to the owner itself, so that the pid arrives before the result.
    return NO_REPLY;
  }

  /** Starts a task for a BEAM, which sends the work to the task, or has sent it with the request. */
  #startOtpTask(asked: OtpTask, { pid: { node } }: ReplyTo): unknown {
    const { owner, work, restart, shutdown } = asked;
    if (owner.node !== node) return failed("badarg");
    const { isDraining } = this.#process.runtime;
    if (isDraining || this.#drain !== undefined) return DRAINING;
    if (!this.#admits(owner)) return failed("max_children");
    const limit = this.#process.runtime.quotas.refusal(node, "processes");
    if (limit !== undefined) return failed("system_limit");
    const spec: TaskSpec = {
      fn: otpTaskCode(asked),
      label: "Task.Supervised",
      restart,
      shutdown,
      type: "worker",
      callers: work?.callers ?? [owner],
      origin: node,
    };
    const started = this.#start(spec);
    this.#children.add(spec, started);
    this.#turns?.changed();
    return { type: "ok", started };
  }

  #start(
    spec: TaskSpec,
    awaited?: { owner: Pid; task: Ref; link: boolean },
  ): Pid {
    const watch = awaited && { pid: awaited.owner, ref: awaited.task };
    return spawnTask(this.#process, spec, spec.callers, awaited?.task, {
      origin: spec.origin,
      linkParent: this.#process,
      link: awaited?.link ? awaited.owner : undefined,
      monitor: watch,
      replyTo: watch,
    }).pid;
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

/**
 * Milliseconds before the owner is monitored. The owner sends the work as soon as it has the pid, so a monitor from
 * the start would cost two signals for each task, and find nothing.
 */
const UNWATCHED = 100;

/**
 * The process of a task that a BEAM requested: it receives its work as a message, runs the work, and sends the
 * result in the form that the owner's BEAM expects. `task_otp.ts` describes the two steps.
 *
 * Races: the owner may exit before it sends the work, which ends the task (`shutdown`), or never send it, which
 * ends the task after 5 s, as in Elixir. The owner is monitored only if the work does not arrive soon: if the owner
 * has exited by then, the reason is `noproc`.
 */
function otpTaskCode({ owner, work }: OtpTask): () => unknown {
  return () => {
    const process = currentProcess();
    return work === undefined
      ? receiveAndRun(process, owner)
      : resolveOtpFunction(process.runtime, owner.node, work.mfa).fn();
  };
}

/** Receives the work, and runs it without needless awaits. */
function receiveAndRun(process: LocalProcess, owner: Pid): Promise<void> {
  let work: TaskWork | undefined;
  const isWork = (message: unknown) =>
    (work = workFromOtp(message, owner)) !== undefined;
  return process.mailbox.receive(
    isWork,
    { timeout: UNWATCHED, after: undefined, hasAfter: true, isPlain: true },
    process,
  ).then(() =>
    work !== undefined
      ? run(process, owner, work)
      : receiveLate(process, owner).then((late) => run(process, owner, late))
  );
}

/** Runs the work, and sends its result. */
function run(
  process: LocalProcess,
  owner: Pid,
  { ref, replyTo, callers, mfa }: TaskWork,
): void | Promise<void> {
  process.lineage?.callers.splice(0, Infinity, ...callers);
  const { fn } = resolveOtpFunction(process.runtime, owner.node, mfa);
  return andThen(fn(), (result) => {
    if (!process.alive) return;
    const message = tuple(ref, result);
    if (replyTo instanceof Pid) process.send(replyTo, message);
    else process.sendAlias(replyTo, message);
  });
}

async function receiveLate(
  process: LocalProcess,
  owner: Pid,
): Promise<TaskWork> {
  const monitor = process.monitor(owner);
  const message = await process.mailbox.receive(
    (each) =>
      workFromOtp(each, owner) !== undefined ||
      isDownOf(process, monitor, each),
    { timeout: WORK_TIMEOUT - UNWATCHED, after: undefined, hasAfter: true },
    process,
  );
  process.demonitor(monitor);
  const work = workFromOtp(message, owner);
  if (work !== undefined) return work;
  if (message === undefined) throw new ExitError("timeout");
  const { reason } = message as { reason: unknown };
  throw new ExitError({ type: "shutdown", reason });
}

function isDownOf(
  process: LocalProcess,
  monitor: Ref,
  message: unknown,
): boolean {
  const { type, ref } = (message ?? {}) as { type?: unknown; ref?: unknown };
  return type === "DOWN" && monitor.equals(ref) && process.isDown(ref);
}
