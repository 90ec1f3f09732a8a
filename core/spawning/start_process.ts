/**
 * Starting processes: their code begins when the current one has yielded.
 *
 * @module
 */

import { currentContext, runInside } from "../context/async_context.ts";
import type { LocalProcess } from "../processes/local_process.ts";
import { isThenable } from "../promises/promises.ts";
import { scheduler } from "../scheduling/scheduler.ts";

/** The process that starts, and its code: `begin` takes them from here, and not from arguments or a closure. */
let starting: LocalProcess | undefined;
let code: (() => unknown) | undefined;

// Taken now: a function of the program may run in another context than the code that calls `then`.
const nativeThen = Promise.prototype.then;

/**
 * Starts a process when its turn comes.
 *
 * The scheduler runs in no process's context: a process's own context is created there in half the time, as
 * nothing is inherited from another.
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

/** Runs the code of a process, which ends with it. */
function begin(): void {
  const process = starting!;
  const fn = code!;
  starting = code = undefined;
  try {
    const result = fn();
    if (isThenable(result)) return runOn(process, result);
  } catch (error) {
    // It may be `then` that throws, of a result that is anything.
    process.runtime.crash(process, error);
    return;
  }
  process.runtime.terminate(process, "normal");
}

/** The process ends with a promise. */
function runOn(process: LocalProcess, result: PromiseLike<unknown>): void {
  // A reaction of a promise runs in this context. Closures in its place were 170 bytes of each process.
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

/** The process whose code this is, unless it has exited; not the stand-in that it may run as. */
function ownProcess(): LocalProcess | undefined {
  return currentContext()?.process as LocalProcess | undefined;
}

/** In a function of its own, as closures cost their variables where they are created. */
function endWith(process: LocalProcess, result: PromiseLike<unknown>): void {
  result.then(
    () => process.runtime.terminate(process, "normal"),
    (error) => process.runtime.crash(process, error),
  );
}
