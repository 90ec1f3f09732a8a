/**
 * The start of a task under a Task.Supervisor, on this node or another.
 *
 * A supervisor of this node that is idle starts the task at once, without a message: its mailbox is empty, so a message
 * would be handled next. A supervisor that is busy, suspended, starting or stopping, or on another node, gets a
 * message: a call, which is the task's own wait (`OwnedTask`), or a plain call for a task that nobody awaits.
 */

import { ExitError } from "@otp/processes/errors";
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  type Code,
  type RemoteFunction,
  spawnError,
} from "@otp/processes/remote/exported_modules";
import type {
  Mfa,
  Place,
  Runnable,
  SpawnFailure,
} from "@otp/processes/signals/signal";
import { inspect } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import { copyTerm } from "@otp/processes/values/term";
import { startCall } from "../server/call.ts";
import { type CancelOptions, locateUntil } from "../server/cancellation.ts";
import {
  callExit,
  describeFunction,
  describeServer,
  locate,
  type ServerRef,
  toSendLater,
  whenLocated,
} from "../server/server_ref.ts";
import type { OwnedTask } from "./owned_task.ts";
import { type StartTask, StartTaskRequest } from "./start_task.ts";
import type { TaskStarter } from "./stream_monitor.ts";
import { callersOf } from "./task_process.ts";
import {
  type TaskRefusal,
  TaskSupervisorServer,
} from "./task_supervisor_server.ts";

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
  /** Ends an awaited task, even while it is being started. */
  cancel?: CancelOptions;
}

/**
 * Requests a task from a supervisor, for the owner that awaits the task. The task is notified of the outcome.
 *
 * @returns A promise that resolves once the supervisor is located, if that takes time.
 * @throws {TypeError} If the function cannot be sent.
 * @throws {Error} If an idle supervisor refuses the task.
 * @throws The reason of the signal, if it is aborted.
 */
export function startSupervised(
  task: OwnedTask,
  asked: SupervisedTask,
  callers: Pid[] = callersOf(task.process),
): Promise<void> | void {
  const { process } = task;
  const { server, cancel } = asked;
  const place = cancel === undefined
    ? locate(server, process)
    : locateUntil(server, process, cancel, () => lateStart(process, asked));
  if (!(place instanceof Promise)) return startAt(task, place, asked, callers);
  const args = toSendLater(place, process, asked.args);
  return whenLocated(
    place,
    process,
    (place) => startAt(task, place, { ...asked, args }, callers),
  );
}

function lateStart(process: LocalProcess, asked: SupervisedTask): ExitError {
  return callExit("timeout", describeStart(process, asked));
}

function startAt(
  task: OwnedTask,
  place: Place,
  asked: SupervisedTask,
  callers: Pid[],
): void {
  const { process, ref } = task;
  const { cancel, link, shutdown } = asked;
  cancel?.signal?.throwIfAborted();
  const supervisor = idleSupervisor(process, place);
  if (supervisor === undefined) {
    if (cancel !== undefined) task.cancelBy?.(cancel, shutdown);
    return sendStart(task, place, asked, callers);
  }
  const { pid } = process;
  const code = readyFunction(process, asked);
  const options = { link: link ? pid : undefined };
  const started = supervisor.start(code, asked, callers, pid, ref, options);
  if (!(started instanceof Pid)) {
    task.close();
    throw refusalOf(started, place.node, asked, true);
  }
  task.adopt(started, link);
  if (cancel !== undefined) task.cancelBy?.(cancel, shutdown);
}

/** Asks a supervisor for a task by a message, under the reference of the task. */
function sendStart(
  task: OwnedTask,
  place: Place,
  asked: SupervisedTask,
  callers: Pid[],
): void {
  const { process, ref } = task;
  const { link, restart, shutdown } = asked;
  const run = requestedFunction(process, place, asked);
  task.send(place, {
    request: new StartTaskRequest(
      { type: "start_task", run, link, task: ref, callers, restart, shutdown },
      process,
    ),
    refusal: (reply) => refusalOf(reply, place.node, asked, true),
    failure: (reason) =>
      asked.failed?.(reason) ??
        callExit(reason, describeStart(process, asked, run)),
  });
}

/**
 * Starts a task that nobody awaits.
 *
 * @param limits The limits of the start; `end` is the time of the runtime's clock.
 * @throws {TypeError} If the function cannot be sent.
 * @throws {ExitError} If the call of the supervisor fails; with `"max_children"`, if the supervisor is full.
 */
export function startSupervisedChild(
  process: LocalProcess,
  asked: SupervisedTask,
  limits: CancelOptions & { end: number },
): Promise<Pid> {
  const { runtime } = process;
  const left = () => Math.max(0, limits.end - runtime.clock.now());
  const place = locateUntil(
    asked.server,
    process,
    limits,
    () => lateStart(process, asked),
    left(),
  );
  const args = toSendLater(place, process, asked.args);
  return whenLocated(
    place,
    process,
    (place) => startChildAt(process, place, { ...asked, args }, limits, left()),
  ) as Promise<Pid>;
}

function startChildAt(
  process: LocalProcess,
  place: Place,
  asked: SupervisedTask,
  { signal, deadline }: CancelOptions,
  timeout: number,
): Promise<Pid> {
  const { restart, shutdown } = asked;
  const { pid, runtime } = process;
  const callers = callersOf(process);
  const supervisor = idleSupervisor(process, place);
  if (supervisor !== undefined) {
    const code = readyFunction(process, asked);
    const started = supervisor.start(code, asked, callers, pid);
    if (started instanceof Pid) return Promise.resolve(started);
    throw refusalOf(started, place.node, asked, false);
  }
  const run = requestedFunction(process, place, asked);
  const request = new StartTaskRequest(
    { type: "start_task", run, link: false, callers, restart, shutdown },
    process,
  );
  return startCall<Pid>(process, place, request, {
    timeout,
    signal,
    deadline,
    as: () => describeStart(process, asked, run),
    read(reply) {
      const { type, pid } = Object(reply) as { type?: unknown; pid?: unknown };
      if (type !== "ok" || !(pid instanceof Pid)) {
        throw refusalOf(reply, place.node, asked, false);
      }
      const { work } = request;
      if (work !== undefined) process.send(pid, work(runtime.makeRef()));
      return pid;
    },
  }).promise;
}

/** Names the function for the supervisor's node. Throws a `TypeError` if the function cannot be sent there. */
function requestedFunction(
  { runtime: { modules, node } }: LocalProcess,
  place: Place,
  { fn, args }: SupervisedTask,
): Runnable {
  return modules.describe(fn, args, place.node === node);
}

/** Returns the function ready to run on this node, with a copy of its arguments; throws the error if it has none. */
function readyFunction(
  { runtime: { modules, maxDepth, node } }: LocalProcess,
  { fn, args }: SupervisedTask,
): Code {
  const found = modules.ownFunction(fn, copyTerm(args, maxDepth) as unknown[]);
  if ("error" in found) throw spawnError(node, found);
  return found;
}

/** Returns a supervisor of this node that would handle a message at once. */
function idleSupervisor(
  { alive, runtime }: LocalProcess,
  place: Place,
): TaskSupervisorServer | undefined {
  if (!(place instanceof Pid) || !alive) return undefined;
  const found = runtime.find(place);
  if (found === undefined || !found.mailbox.isIdle) return undefined;
  const supervisor = found.lineage?.supervision;
  return supervisor instanceof TaskSupervisorServer ? supervisor : undefined;
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
  return ["TaskSupervisor", api, [described, what, args]];
}

/**
 * Makes the error of a start that a supervisor has refused. On another node, any process can have the supervisor's name,
 * and reply anything.
 */
function refusalOf(
  reply: unknown,
  node: string,
  { advice = "", refused }: SupervisedTask,
  isAwaited: boolean,
): Error {
  if (refused !== undefined) return refused(reply);
  const { reason, message } = Object(reply) as Partial<TaskRefusal> & {
    message?: unknown;
  };
  // As in Elixir, `start_child` returns the reason, and `async` raises an error. No argument is at fault.
  if (reason === "max_children") {
    return isAwaited
      ? new Error(
        `Cannot start a task: the supervisor has the maximum number of children (maxChildren)${advice}`,
      )
      : new ExitError(reason);
  }
  if (reason === "draining") {
    // Some wires carry only the reason.
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

/** Starts the tasks of a stream under a supervisor; the arguments `asked.args` follow the element. */
export function supervisedStarter(asked: SupervisedTask): TaskStarter {
  return {
    link: asked.link,
    start(task, callers) {
      const failed = (error: unknown) => task.notStarted(() => error);
      const args = [task.input, ...asked.args];
      try {
        startSupervised(task, { ...asked, args }, callers)?.catch(failed);
      } catch (error) {
        failed(error);
      }
    },
  };
}
