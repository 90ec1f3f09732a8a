/** The start of processes on this node. */

import { crash, terminate } from "../process/deaths.ts";
import type { LocalProcess } from "../process/local_process.ts";
import { addIdleProcess, addProcess } from "../process/process_table.ts";
import type { Runtime, RuntimeSpawnOptions } from "../process/runtime.ts";
import { tracing } from "../context/tracing.ts";
import { traced } from "./traced_start.ts";
import { currentContext, runInside } from "../context/async_context.ts";
import { isThenable, nativeThen } from "../promises/promises.ts";
import { scheduler } from "../scheduling/scheduler.ts";

/** Starts a process; its code begins after the current one has yielded. */
export function spawnProcess(
  runtime: Runtime,
  fn: () => unknown,
  options: RuntimeSpawnOptions,
): LocalProcess {
  const { link, linkParent, awaitsExit: awaitsExit, monitor, replyTo } =
    options;
  const process = addProcess(runtime, options, linkParent);
  if (linkParent !== undefined) {
    process.addLink(linkParent.pid);
    linkParent.addLink(process.pid, false, awaitsExit);
  }
  if (link !== undefined) process.addLink(link);
  if (monitor !== undefined) {
    runtime.watchers.add(process, monitor.pid, monitor.ref);
  }
  if (replyTo !== undefined) {
    runtime.signalsTo(replyTo.pid.node).spawnReply(
      process.pid,
      replyTo.pid,
      replyTo.ref,
      {
        pid: process.pid,
        link: link !== undefined,
        monitor: monitor !== undefined,
      },
    );
  }
  startSoon(process, tracing === undefined ? fn : traced(process, fn));
  return process;
}

/** Returns the process of code outside any process, and creates a new one if the last has exited. */
export function shellProcess(runtime: Runtime): LocalProcess {
  if (!runtime.shell?.alive) {
    runtime.shell = addIdleProcess(runtime, "shell");
    runtime.shell.shell = true;
  }
  return runtime.shell;
}

/** The result of code that goes on without a promise, and ends its process itself. */
export const ENDS_ITSELF: unique symbol = Symbol("ends itself");

/** The starting process and its code, where `begin` finds them without an argument or a closure. */
let starting: LocalProcess | undefined;
let code: (() => unknown) | undefined;

/**
 * Starts a process at its turn.
 *
 * The scheduler runs in no process's context. There the new process's context inherits nothing, and is created in
 * half the time.
 */
function startSoon(process: LocalProcess, fn: () => unknown): void {
  scheduler.enqueue(process, start, fn);
}

function start(process: LocalProcess, fn: () => unknown): void {
  if (!process.alive) return;
  starting = process;
  code = fn;
  runInside(process, begin);
}

/** Runs the code of a process, and ends the process with it. */
function begin(): void {
  const process = starting!;
  const fn = code!;
  starting = code = undefined;
  try {
    const result = fn();
    if (result === ENDS_ITSELF) return;
    if (isThenable(result)) return runOn(process, result);
  } catch (error) {
    // The result may be any value, and its `then` may have thrown.
    crash(process, error);
    return;
  }
  terminate(process, "normal");
}

/** Ends the process when a promise settles. */
function runOn(process: LocalProcess, result: PromiseLike<unknown>): void {
  // Promise reactions run in this context, so `endOwn` finds the process. Closures took 170 bytes of each process.
  if (result instanceof Promise && result.then === nativeThen) {
    result.then(endOwn, crashOwn);
  } else endWith(process, result);
}

function endOwn(): void {
  const process = ownProcess();
  if (process !== undefined) terminate(process, "normal");
}

function crashOwn(error: unknown): void {
  const process = ownProcess();
  if (process !== undefined) crash(process, error);
}

/** Returns the process that the code belongs to, unless it has exited; not its stand-in. */
function ownProcess(): LocalProcess | undefined {
  return currentContext()?.process as LocalProcess | undefined;
}

/** A function of its own, because a function that creates closures pays for all variables that they could capture. */
function endWith(process: LocalProcess, result: PromiseLike<unknown>): void {
  result.then(
    () => terminate(process, "normal"),
    (error) => crash(process, error),
  );
}
