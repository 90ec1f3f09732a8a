/**
 * The process of a task.
 *
 * @module
 */

import type {
  LocalProcess,
  ProcessOptions,
} from "../../core/processes/local_process.ts";
import { andThen } from "../../core/promises/promises.ts";
import type { RuntimeSpawnOptions } from "../../core/runtime.ts";
import type { Pid, Ref } from "../../core/values/pid.ts";

/** A function with its arguments, ready to run. */
export interface TaskCode {
  /** The function. */
  fn: () => unknown;
  /** Its name, for reports. */
  label: string;
}

/** The processes that a task of a process runs for, nearest first: Elixir's `$callers`. */
export function callersOf(process: LocalProcess): Pid[] {
  return [process.pid, ...process.callers ?? []];
}

/**
 * Starts the process of a task.
 *
 * @param parent The process that starts it.
 * @param code The code that it runs.
 * @param callers The processes that it runs for.
 * @param ref The alias for the result; without it, the task is not awaited.
 * @param options Its links and monitors.
 */
export function spawnTask(
  parent: LocalProcess,
  { fn, label }: TaskCode,
  callers: Pid[],
  ref: Ref | undefined,
  options: Omit<RuntimeSpawnOptions, keyof ProcessOptions> & {
    origin?: string;
  },
): LocalProcess {
  const process: LocalProcess = parent.runtime.spawn(
    () => runTask(process, fn, ref),
    {
      label,
      kind: "task",
      parent: parent.pid,
      groupLeader: parent.groupLeader,
      callers,
      ...options,
    },
  );
  return process;
}

/**
 * Runs the function, and then sends its result to the owner's alias. Nothing is awaited that need not be: the
 * result of a function that is not asynchronous leaves in the turn in which the task started.
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
