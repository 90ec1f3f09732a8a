/**
 * Asking a Task.Supervisor, here or on another node, for a task.
 *
 * @module
 */

import { never } from "../../runtime/context/current_process.ts";
import { isExitError } from "../../runtime/values/errors.ts";
import { inspect } from "../../runtime/values/inspect.ts";
import { spawnError } from "../../runtime/spawning/modules.ts";
import type { SpawnFailure } from "../../runtime/signals/signal.ts";
import type { Pid } from "../../runtime/values/pid.ts";
import type { Process } from "../../runtime/processes/process.ts";
import { type CallOptions, startCall } from "../../gen/call.ts";
import { locate, type Place } from "../../gen/locate.ts";
import { checkRestart, checkShutdown } from "../supervisor/child_spec.ts";
import { describeFunction } from "../../gen/call_description.ts";
import type { ServerRef, StartTask } from "../../gen/messages.ts";
import { describeServer } from "../../gen/server_names.ts";
import type { SpawnFunction } from "../../runtime/spawning/spawn.ts";
import type { TaskRefusal } from "./task_supervisor_server.ts";
import type { StreamTask, TaskStarter } from "./stream_monitor.ts";

/** Drops a function that was kept for a request that came to nothing. */
export function forgetTask(process: Process, { run }: StartTask): void {
  if ("parked" in run) process.runtime.modules.unpark(run.parked);
}

/**
 * The request for a task, as it can be sent to a place.
 *
 * @throws {TypeError} If `restart` or `shutdown` is invalid, or the function cannot be sent.
 * @throws {RangeError} If `shutdown` is a number out of bounds.
 */
export function startTask(
  { runtime }: Process,
  { node }: Place,
  fn: SpawnFunction,
  args: unknown[],
  options: Omit<StartTask, "type" | "run">,
): StartTask {
  const { restart, shutdown } = options;
  checkRestart(restart, "start a task");
  checkShutdown(shutdown, "start a task");
  const run = runtime.modules.describe(fn, args, node === runtime.node);
  return { type: "start_task", run, ...options };
}

/** How the request is made: without a limit, and described as the call of the function `api`. */
export function taskCall<T>(
  api: string,
  ref: ServerRef,
  { runtime: { node } }: Process,
  fn: SpawnFunction,
  { run }: StartTask,
): CallOptions<T> {
  const as = (): [string, string, unknown[]] => {
    const server = typeof ref === "string"
      ? { name: ref, node }
      : describeServer(ref);
    const what = "module" in run
      ? [run.module, run.function]
      : describeFunction(fn);
    return ["TaskSupervisor", api, [server, what, run.args]];
  };
  return { timeout: Infinity, as };
}

/** Why a supervisor started no task. */
export function taskRefused(
  { node }: Place,
  refusal: TaskRefusal,
  advice = "",
): Error {
  // It may be anything: on another node, anybody can have the supervisor's name.
  const { reason, message } = (refusal ?? {}) as Record<string, unknown>;
  if (reason === "max_children") {
    // No RangeError: no argument is at fault. Elixir raises a RuntimeError here.
    return new Error(
      `Cannot start a task: the supervisor has as many as it may have (maxChildren)${advice}`,
    );
  }
  return typeof reason === "string" && typeof message === "string"
    ? spawnError(node, { error: reason as SpawnFailure, message })
    : new TypeError(
      `Cannot start a task: its supervisor answered ${inspect(refusal)}`,
    );
}

/** Starts the tasks of a stream under a supervisor. */
export function supervisedStarter(
  server: ServerRef,
  fn: SpawnFunction,
  args: unknown[],
  { api, ...options }: {
    api: string;
    link: boolean;
    shutdown: StartTask["shutdown"];
  },
): TaskStarter {
  const ask = (
    host: Process,
    place: Place,
    task: StreamTask,
    element: unknown,
    callers: Pid[],
  ) => {
    const request = startTask(host, place, fn, [element, ...args], {
      ...options,
      task: task.ref,
      callers,
      restart: "temporary",
    });
    task.open(place.node);
    const asked = startCall<TaskRefusal>(
      host,
      place,
      request,
      taskCall(api, server, host, fn, request),
    );
    task.onSpawned = (pid) => {
      asked.cancel();
      task.started(pid);
    };
    return asked.promise.then((refusal) => {
      const advice = "; give the stream a maxConcurrency that is not above it";
      throw taskRefused(place, refusal, advice);
    }).catch((error) => {
      forgetTask(host, request);
      throw error;
    });
  };
  const start: TaskStarter["start"] = (host, task, element, callers) => {
    const fail = (error: unknown) => {
      // As in Elixir, it is the stream's process that calls, and exits if that fails.
      if (isExitError(error)) host.runtime.crash(host, error);
      else task.refused(error);
    };
    try {
      const place = locate(server, host);
      const asked = place instanceof Promise
        ? place.then((place) =>
          host.alive ? ask(host, place, task, element, callers) : never<never>()
        )
        : ask(host, place, task, element, callers);
      asked.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
  return { link: options.link, start };
}
