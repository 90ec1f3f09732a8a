/** Starting processes: the code of a process begins after the current code has yielded. */

import { currentContext, runInside } from "../context/async_context.ts";
import type { LocalProcess } from "../processes/local_process.ts";
import { isThenable } from "../promises/promises.ts";
import { scheduler } from "../scheduling/scheduler.ts";

/** The starting process and its code, where `begin` finds them without an argument or a closure. */
let starting: LocalProcess | undefined;
let code: (() => unknown) | undefined;

// Captured at load: a program's own `then` may run its callbacks in another context.
const nativeThen = Promise.prototype.then;

/**
 * Starts a process at its turn.
 *
 * The scheduler runs in no process's context. There the new process's context inherits nothing, and is created in
 * half the time.
 */
export function startSoon(process: LocalProcess, fn: () => unknown): void {
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
    if (isThenable(result)) return runOn(process, result);
  } catch (error) {
    // The result may be any value, and its `then` may have thrown.
    process.runtime.crash(process, error);
    return;
  }
  process.runtime.terminate(process, "normal");
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
  process?.runtime.terminate(process, "normal");
}

function crashOwn(error: unknown): void {
  const process = ownProcess();
  process?.runtime.crash(process, error);
}

/** Returns the process that the code belongs to, unless it has exited; not its stand-in. */
function ownProcess(): LocalProcess | undefined {
  return currentContext()?.process as LocalProcess | undefined;
}

/** A function of its own, because a function that creates closures pays for all variables that they could capture. */
function endWith(process: LocalProcess, result: PromiseLike<unknown>): void {
  result.then(
    () => process.runtime.terminate(process, "normal"),
    (error) => process.runtime.crash(process, error),
  );
}
