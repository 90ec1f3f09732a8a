/**
 * Tasks of this node that no supervisor starts, and how a task is ended.
 *
 * @module
 */

import { checkArgs } from "../../runtime/values/check_arguments.ts";
import { currentProcess } from "../../runtime/context/current_process.ts";
import { assertFunction, spawnError } from "../../runtime/spawning/modules.ts";
import type { Pid } from "../../runtime/values/pid.ts";
import type { Process } from "../../runtime/processes/process.ts";
import { copyTerm } from "../../runtime/values/term.ts";
import type { SpawnFunction } from "../../runtime/spawning/spawn.ts";
import { Ending, LATE } from "../../gen/stop.ts";
import type { StreamTask, TaskStarter } from "./stream_monitor.ts";
import { callersOf, runTask } from "./task_state.ts";

/** Starts a task that nobody awaits. */
export function startAlone<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args: A | undefined,
  link: boolean,
): Pid {
  assertFunction(fn);
  checkArgs(args);
  const owner = currentProcess();
  const { runtime } = owner;
  const copy =
    (args === undefined ? [] : copyTerm(args, runtime.maxDepth)) as A;
  return runtime.spawn(() => fn(...copy), {
    label: fn.name,
    kind: "task",
    parent: owner.pid,
    groupLeader: owner.groupLeader,
    callers: callersOf(owner),
    linkParent: link ? owner : undefined,
  }).pid;
}

/** Starts the tasks of a stream on this node. */
export function localStarter(
  fn: SpawnFunction,
  args: unknown[],
): TaskStarter {
  return {
    link: true,
    start: (host, task, element, callers) =>
      startInStream(host, task, fn, [element, ...args], callers),
  };
}

function startInStream(
  host: Process,
  task: StreamTask,
  fn: SpawnFunction,
  args: unknown[],
  callers: Pid[],
): void {
  const { runtime } = host;
  const copy = copyTerm(args, runtime.maxDepth) as unknown[];
  const found = typeof fn === "function"
    ? { fn: () => fn(...copy), label: fn.name }
    : runtime.modules.resolve({ module: fn[0], function: fn[1], args: copy });
  if ("error" in found) {
    task.refused(spawnError(runtime.node, found));
    return;
  }
  task.open(runtime.node);
  const process: Process = runtime.spawn(
    () => runTask(process, found.fn, task.ref),
    {
      label: found.label,
      kind: "task",
      parent: host.pid,
      groupLeader: host.groupLeader,
      callers,
      linkParent: host,
      monitor: { pid: host.pid, ref: task.ref },
    },
  );
  host.addMonitor(task.ref, process.pid, runtime.node);
  task.started(process.pid);
}

/** Tells a task's process to end, and waits until it has; gives the reason. */
export async function endTask(
  owner: Process,
  pid: Pid,
  timeout: number | "brutal_kill",
): Promise<unknown> {
  const signals = owner.runtime.route(pid.node);
  const ending = new Ending(owner, pid, pid.node);
  owner.unlink(pid);
  const isBrutal = timeout === "brutal_kill";
  signals.exit(owner.pid, pid, isBrutal ? "kill" : "shutdown");
  const reason = await ending.within(isBrutal ? Infinity : timeout);
  if (reason !== LATE) return reason;
  signals.exit(owner.pid, pid, "kill");
  return await ending.within(Infinity);
}
