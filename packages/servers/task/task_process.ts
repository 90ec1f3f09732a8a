/** The processes of tasks, and the start of tasks without a supervisor. */

import type {
  LocalProcess,
  ProcessOptions,
} from "@otp/processes/process/local_process";
import { andThen } from "@otp/processes/promises/promises";
import type { RuntimeSpawnOptions } from "@otp/processes/process/runtime";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { CancelOptions } from "../server/cancellation.ts";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { checkArgs } from "@otp/processes/values/check_arguments";
import {
  assertFunction,
  type Code,
  type RemoteFunction,
  spawnError,
} from "@otp/processes/remote/exported_modules";
import { copyTerm } from "@otp/processes/values/term";
import type { OwnedTask } from "./owned_task.ts";
import { TaskState } from "./task_state.ts";
import type { TaskStarter } from "./stream_monitor.ts";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** Returns the processes for which a task of `process` runs, nearest first: Elixir's `$callers`. */
export function callersOf(process: LocalProcess): Pid[] {
  return [process.pid, ...process.lineage?.callers ?? []];
}

/** The code of a task, and for whom it runs. */
export interface TaskRun extends Code {
  /** The processes for which the task runs. */
  readonly callers: Pid[];
  /** The node that the task is started for. */
  readonly origin?: string;
}

/**
 * Starts the process of a task.
 *
 * @param parent The process that starts the task.
 * @param ref The alias for the result; without it, the task is not awaited.
 * @param options The links and monitors of the process.
 */
export function spawnTask(
  parent: LocalProcess,
  { fn, label, callers, origin }: TaskRun,
  ref: Ref | undefined,
  options: Omit<RuntimeSpawnOptions, keyof ProcessOptions>,
): Pid {
  const process: LocalProcess = spawnProcess(
    parent.runtime,
    () => runTask(process, fn, ref),
    {
      label,
      kind: "task",
      parent: parent.pid,
      groupLeader: parent.groupLeader,
      callers,
      origin,
      ...options,
    },
  );
  return process.pid;
}

/**
 * Runs the function, and then sends its result to the owner's alias. The result of a function that is not
 * asynchronous leaves in the turn in which the task started, without an await.
 */
function runTask(
  process: LocalProcess,
  fn: () => unknown,
  ref: Ref | undefined,
): unknown {
  const result = fn();
  if (ref === undefined) return result;
  return andThen(result, (value) => {
    if (process.alive) process.reply(ref, value);
  });
}

/** Milliseconds in which a cancelled task may exit by itself. */
const SHUTDOWN = 5000;

// deno-lint-ignore no-explicit-any
type TaskBody = (...args: any[]) => unknown;

/** Starts a task that is not awaited. */
export function startUnawaited(
  fn: TaskBody,
  args: unknown[] | undefined,
  link: boolean,
): Pid {
  assertFunction(fn);
  checkArgs(args);
  const owner = currentProcess();
  const run = { ...codeOf(owner, fn, args), callers: callersOf(owner) };
  return spawnTask(owner, run, undefined, {
    linkParent: link ? owner : undefined,
  });
}

/** Starts a task that the caller awaits. */
export function startAwaited(
  fn: TaskBody,
  args: unknown[] | undefined,
  options: CancelOptions | undefined,
): TaskState {
  const owner = currentProcess();
  const state = new TaskState(owner);
  startOwned(state, codeOf(owner, fn, args), callersOf(owner));
  if (options !== undefined) state.cancelBy(options, SHUTDOWN);
  return state;
}

export function completedTask(value: unknown): TaskState {
  const owner = currentProcess();
  const state = new TaskState(owner);
  state.result(copyTerm(value, owner.runtime.maxDepth));
  return state;
}

/** Returns the starter of a stream's tasks on this node. */
export function localStarter(fn: RemoteFunction, args: unknown[]): TaskStarter {
  return {
    link: true,
    start(task, callers) {
      const { modules, maxDepth, node } = task.process.runtime;
      const copy = copyTerm([task.input, ...args], maxDepth) as unknown[];
      const found = modules.ownFunction(fn, copy);
      if ("fn" in found) startOwned(task, found, callers);
      else task.notStarted(() => spawnError(node, found));
    },
  };
}

/** Starts a task, linked to its owner. */
function startOwned(
  task: OwnedTask,
  { fn, label }: Code,
  callers: Pid[],
): void {
  const { process: owner, ref } = task;
  const run = { fn, label, callers };
  task.adopt(spawnTask(owner, run, ref, { link: owner.pid }), true);
}

function codeOf(
  { runtime }: LocalProcess,
  fn: TaskBody,
  args: unknown[] = [],
): Code {
  const copy = copyTerm(args, runtime.maxDepth) as unknown[];
  return { fn: () => fn(...copy), label: fn.name };
}
