/**
 * The start of a task under a Task.Supervisor, on this node or another: the one path for awaited tasks, tasks that
 * are not awaited, and the tasks of streams.
 *
 * A supervisor of this node that is idle starts the task at once, without a message (`startHere`): its mailbox is
 * empty, so a message would be handled next. A supervisor that is busy, suspended, starting or stopping, or on another
 * node, gets a message:
 *
 * 1. The supervisor is located, and the function is named for its node (`StartTask`). On this node the
 *    function is kept under a key until the request is answered.
 * 2. The caller sends the request as a call, for an awaited task under the reference of the task.
 * 3. The supervisor answers with the pid of a task that is not awaited, or with its refusal. It does not
 *    answer for an awaited task: the task itself announces its pid (`spawnReply`), so that the pid arrives
 *    before the result. Then both ends turn the monitor on the supervisor into a monitor on the task, and the
 *    alias of the call becomes the alias for the result.
 *
 * Races: the supervisor may die after the task has started; the announced pid counts, as the monitor is on the
 * task by then. If the call fails, the reference is closed, so that a task that starts later has no owner. If the
 * caller cancels the start, the reference stays open until the task has announced itself and is ended, or the call has
 * failed. If the caller exits, the call is abandoned; the caller's links end a linked task.
 */

import { ExitError } from "@otp/processes/errors";
import { PendingCall, type RequestOptions } from "../server/call.ts";
import {
  callExit,
  describeFunction,
  describeServer,
  locate,
  type ServerRef,
  toSendLater,
  whenLocated,
} from "../server/server_ref.ts";
import type {
  Mfa,
  Place,
  Runnable,
  SpawnFailure,
  SpawnResult,
} from "@otp/processes/signals/signal";
import { type CancelOptions, locateUntil } from "../server/cancellation.ts";
import type { StartTask } from "../server/messages.ts";
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  type RemoteFunction,
  spawnError,
} from "@otp/processes/remote/exported_modules";
import { forgetRequest } from "@otp/processes/runtime/spawn_on_node";
import { isExitError } from "@otp/processes/values/error_classes";
import { inspect } from "@otp/processes/values/inspect";
import { Pid, type Ref } from "@otp/processes/values/pid";
import type { OwnedTask } from "./task_state.ts";
import type { StreamTask, TaskStarter } from "./stream_monitor.ts";
import { callersOf } from "./task_process.ts";
import { TaskSupervisorServer } from "./task_supervisor_server.ts";
import { supervisionOf } from "../supervisor/supervision.ts";
import {
  isInTwoSteps,
  startTaskToOtp,
  workToOtp,
} from "@otp/beam/servers/task_otp";
import {
  type CopyField,
  ServerRequest,
} from "@otp/processes/values/server_message";
import { copyTerm } from "@otp/processes/values/term";

/** A request for a task. */
export class StartTaskRequest extends ServerRequest implements StartTask {
  readonly type = "start_task";
  readonly run: Runnable;
  readonly link: boolean;
  /** Absent, not `undefined`, without a reference: an `undefined` field would be sent. */
  declare readonly task?: Ref;
  readonly callers: Pid[];
  readonly restart: StartTask["restart"];
  readonly shutdown: StartTask["shutdown"];
  /** An object that the copies of this request share. */
  readonly #otp: { owner: LocalProcess; mfa: Mfa | undefined };

  /** Creates a request from its fields and the process for which the task runs. */
  constructor(
    { run, link, task, callers, restart, shutdown }: Omit<StartTask, "type">,
    owner: LocalProcess,
    otp: { owner: LocalProcess; mfa: Mfa | undefined } = {
      owner,
      mfa: undefined,
    },
  ) {
    super();
    this.run = run;
    this.link = link;
    if (task !== undefined) (this as { task?: Ref }).task = task;
    this.callers = callers;
    this.restart = restart;
    this.shutdown = shutdown;
    this.#otp = otp;
  }

  /** The function and the arguments at the moment when this request was sent to a BEAM. */
  get mfa(): Mfa | undefined {
    return this.#otp.mfa;
  }

  override get protocol(): string {
    return "TaskSupervisor";
  }

  toOtp(): unknown {
    const { owner } = this.#otp;
    const { border, maxDepth } = owner.runtime;
    const [module, name, args] = border!.functions.called(this.run);
    // The arguments are sent in the second step, and the caller may have changed them by then.
    const mfa: Mfa = [module, name, copyTerm(args, maxDepth) as unknown[]];
    this.#otp.mfa = mfa;
    return startTaskToOtp(this, owner.pid, mfa);
  }

  override kept(copy: CopyField, left: number, max: number): this {
    const fields = copy({ ...this }, left + 1, max) as StartTask;
    const otp = this.#otp;
    return new StartTaskRequest(fields, otp.owner, otp) as this;
  }
}

/** A task for a supervisor to start, and the function of the API that requests it. */
export interface SupervisedTask
  extends Pick<StartTask, "link" | "restart" | "shutdown"> {
  server: ServerRef;
  fn: RemoteFunction;
  args: unknown[];
  /** The function of `TaskSupervisor` that was called. */
  api: string;
  /** Advice for the error, if the supervisor of an awaited task is full. */
  advice?: string;
  /** Makes the error of a refused start from the supervisor's reply; by default, the error of the API. */
  refused?: (reply: unknown) => Error;
  /** Makes the error of a start whose call fails from the reason; by default, an exit. */
  failed?: (reason: unknown) => Error;
  /** Limits of the start of a task that is not awaited; `end` is the time of the runtime's clock. */
  limits?: CancelOptions & { end: number };
  /** Ends an awaited task, even while it is being started. */
  cancel?: CancelOptions;
}

/**
 * Requests a task from a supervisor.
 *
 * @param process The caller.
 * @param asked The task.
 * @param task The caller's end of the task, if the caller awaits the task.
 * @throws {TypeError} If the function cannot be sent.
 * @throws {ExitError} If the call of the supervisor fails; with `"max_children"`, if the supervisor is full
 *   and the task is not awaited.
 * @throws {Error} If the supervisor is full and the task is awaited.
 * @throws The reason of the signal, if it is aborted.
 */
export function startSupervised(
  process: LocalProcess,
  asked: SupervisedTask,
  task?: OwnedTask,
  callers: Pid[] = callersOf(process),
): Promise<Pid> {
  const { server, limits, cancel } = asked;
  const ends = limits ?? cancel;
  const place = ends === undefined ? locate(server, process) : locateUntil(
    server,
    process,
    ends,
    () => callExit("timeout", describeStart(process, asked)),
    limits && leftOf(limits, process),
  );
  if (!(place instanceof Promise)) {
    return startAt(process, place, asked, task, callers);
  }
  const args = toSendLater(place, process, asked.args);
  return whenLocated(
    place,
    process,
    (place) => startAt(process, place, { ...asked, args }, task, callers),
  ) as Promise<Pid>;
}

function leftOf({ end }: { end: number }, { runtime }: LocalProcess): number {
  return Math.max(0, end - runtime.now());
}

function startAt(
  process: LocalProcess,
  place: Place,
  asked: SupervisedTask,
  task: OwnedTask | undefined,
  callers: Pid[],
): Promise<Pid> {
  asked.cancel?.signal?.throwIfAborted();
  const supervisor = idleSupervisor(process, place);
  if (supervisor !== undefined) {
    return startHere(process, supervisor, asked, task, callers);
  }
  const { fn, args, link, restart, shutdown } = asked;
  const { modules, node } = process.runtime;
  const run = modules.describe(fn, args, place.node === node);
  const request = new StartTaskRequest(
    { run, link, task: task?.ref, callers, restart, shutdown },
    process,
  );
  return new TaskStart(process, place, request, asked, task).send(place)
    .promise;
}

/** Returns a supervisor of this node that would handle a message at once. */
function idleSupervisor(
  process: LocalProcess,
  place: Place,
): TaskSupervisorServer | undefined {
  if (!(place instanceof Pid) || !process.alive) return undefined;
  const found = process.runtime.find(place);
  const supervisor = found && supervisionOf(found);
  return supervisor instanceof TaskSupervisorServer && supervisor.isIdle
    ? supervisor
    : undefined;
}

/** Starts a task under a supervisor of this node, without a message. */
function startHere(
  process: LocalProcess,
  supervisor: TaskSupervisorServer,
  asked: SupervisedTask,
  task: OwnedTask | undefined,
  callers: Pid[],
): Promise<Pid> {
  const { link, restart, shutdown, cancel } = asked;
  const { pid: owner, runtime: { modules, node, maxDepth } } = process;
  const args = copyTerm(asked.args, maxDepth) as unknown[];
  const found = modules.ownFunction(asked.fn, args);
  task?.open(node);
  const request = { task: task?.ref, link, callers, restart, shutdown };
  const started = supervisor.start(request, owner, () => found);
  if (started.type === "error") {
    task?.close();
    throw refusalOf(started, node, asked, task);
  }
  if (cancel !== undefined) task?.cancelBy?.(cancel, shutdown);
  return Promise.resolve(started.pid);
}

/**
 * The start of a task: a call of the supervisor, for an awaited task under the task's own reference. When an awaited
 * task has announced itself, the monitor and alias of the call belong to the task. A start that the owner cancels fails
 * at once, and keeps the reference.
 */
class TaskStart extends PendingCall<Pid> implements RequestOptions<Pid> {
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline: number | undefined;
  readonly tellsEnd: boolean;
  readonly #request: StartTaskRequest;
  readonly #asked: SupervisedTask;
  /** The caller's end of the task, if the caller awaits the task. */
  readonly #task: OwnedTask | undefined;

  constructor(
    process: LocalProcess,
    place: Place,
    request: StartTaskRequest,
    asked: SupervisedTask,
    task?: OwnedTask,
  ) {
    super(process, place, request, undefined, task?.ref);
    const { limits, cancel, shutdown } = asked;
    this.timeout = limits === undefined ? Infinity : leftOf(limits, process);
    this.signal = limits?.signal;
    this.deadline = limits?.deadline;
    this.tellsEnd = task?.tellsEnd ?? false;
    this.#request = request;
    this.#asked = asked;
    this.#task = task;
    if (task === undefined) return;
    task.node = place.node;
    if (cancel === undefined) return;
    task.cancelBy?.(cancel, shutdown, (outcome) => {
      if (outcome.type !== "aborted") this.failFor("timeout");
      else process.resume(this, () => this.rejectWith(outcome.reason));
    });
  }

  as(): Mfa {
    return describeStart(this.process, this.#asked, this.#request.run);
  }

  failed(reason: unknown): Error | undefined {
    return this.#asked.failed?.(reason);
  }

  read(reply: unknown): Pid {
    const request = this.#request;
    const task = this.#task;
    const pid = pidOf(reply, this.node, this.#asked, task, request.mfa);
    if (request.mfa !== undefined) sendWork(this.process, pid, request, task);
    return pid;
  }

  spawned(result: SpawnResult | undefined): void {
    const task = this.#task;
    if (task === undefined || result === undefined || !("pid" in result)) {
      return;
    }
    task.open(this.node);
    task.spawned(result);
    // A stream awaits no start: that would cost some 3 µs for each task.
    if (task.awaitsStart) this.resolve(result.pid);
  }

  override resolve(pid: Pid): void {
    // The rejection of a cancelled start may wait for the owner's turn.
    if (this.#task?.isCancelled !== true) super.resolve(pid);
  }

  override fail(make: () => unknown): void {
    this.#drop();
    super.fail(make);
  }

  override rejectWith(error: unknown): void {
    this.#drop();
    super.rejectWith(error);
  }

  override abandon(error: () => unknown): void {
    forgetRequest(this.process.runtime, this.#request.run);
    this.#task?.abandon(error);
    super.abandon(error);
  }

  /** Drops what is kept for a task that was not started. */
  #drop(): void {
    const { alive, runtime } = this.process;
    forgetRequest(runtime, this.#request.run);
    if (alive && this.#task?.isCancelled === false) this.#task.close();
  }
}

/** Describes the call of the API, for an exit reason. */
function describeStart(
  { runtime: { node } }: LocalProcess,
  { server, fn, args, api }: SupervisedTask,
  run?: Runnable,
): Mfa {
  const described = typeof server === "string"
    ? { name: server, node }
    : describeServer(server);
  const what = run !== undefined && "module" in run
    ? [run.module, run.function]
    : describeFunction(fn);
  return ["TaskSupervisor", api, [described, what, run?.args ?? args]];
}

/** Reads the reply of a supervisor. On another node, any process can have its name, and reply anything. */
function pidOf(
  reply: unknown,
  node: string,
  asked: SupervisedTask,
  task: OwnedTask | undefined,
  mfa: Mfa | undefined,
): Pid {
  const { type, pid } = (reply ?? {}) as { type?: unknown; pid?: unknown };
  // Only a BEAM's supervisor replies with the pid of an awaited task.
  if (
    type === "ok" && pid instanceof Pid &&
    (task === undefined || mfa !== undefined)
  ) return pid;
  throw refusalOf(reply, node, asked, task);
}

/** Makes the error of a start that a supervisor has refused. */
function refusalOf(
  reply: unknown,
  node: string,
  { advice = "", refused }: SupervisedTask,
  task: OwnedTask | undefined,
): Error {
  const { reason, message } = (reply ?? {}) as Record<string, unknown>;
  if (refused !== undefined) return refused(reply);
  // As in Elixir, `start_child` returns the reason, and `async` raises an error. No argument is at fault.
  if (reason === "max_children") {
    return task === undefined ? new ExitError(reason) : new Error(
      `Cannot start a task: the supervisor has the maximum number of children (maxChildren)${advice}`,
    );
  }
  if (reason === "draining") {
    // A BEAM receives only the reason.
    const why = typeof message === "string"
      ? message
      : "its supervisor is draining";
    return spawnError(node, { error: reason, message: why }, "start a task");
  }
  return typeof reason === "string" && typeof message === "string"
    ? spawnError(node, { error: reason as SpawnFailure, message })
    : new TypeError(
      `Cannot start a task: its supervisor answered ${inspect(reply)}`,
    );
}

/** Links and monitors a task on a BEAM, then sends the task its work. */
function sendWork(
  process: LocalProcess,
  pid: Pid,
  request: StartTaskRequest,
  task: OwnedTask | undefined,
): void {
  const { link, callers, mfa, run } = request;
  if (!process.alive || !isInTwoSteps(request)) return;
  if (task !== undefined) {
    task.run = run;
    task.open(pid.node);
    task.adopt(pid, link);
    // Without the work, the task would wait for it.
    if (task.isCancelled) return;
  }
  const ref = task?.ref ?? process.runtime.makeRef();
  const work = { ref, replyTo: ref, callers, mfa: mfa! };
  process.send(pid, workToOtp(process.pid, work));
}

/** Starts the tasks of a stream under a supervisor; the arguments `asked.args` follow the element. */
export function supervisedStarter(asked: SupervisedTask): TaskStarter {
  return {
    link: asked.link,
    start: (task, callers) => void startInStream(asked, task, callers),
  };
}

async function startInStream(
  asked: SupervisedTask,
  task: StreamTask,
  callers: Pid[],
): Promise<void> {
  const { owner: host } = task;
  const args = [task.input, ...asked.args];
  try {
    await startSupervised(host, { ...asked, args }, task, callers);
  } catch (error) {
    // As in Elixir, the stream's process makes the call, and exits if the call fails.
    if (isExitError(error) && !task.isStopped) host.runtime.crash(host, error);
    else task.refused(error);
  }
}
