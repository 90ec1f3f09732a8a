/** The start of processes on this node. */

import { LocalProcess, type ProcessOptions } from "../process/local_process.ts";
import type { Watchers } from "../process/watchers.ts";
import type { Runtime, RuntimeSpawnOptions } from "../process/runtime.ts";
import { tracing } from "../context/tracing.ts";
import { traced } from "./traced_start.ts";
import { currentContext, runInside } from "../context/async_context.ts";
import { isThenable, nativeThen } from "../promises/promises.ts";
import { scheduler } from "../scheduling/scheduler.ts";

export class Spawner {
  readonly #runtime: Runtime;
  readonly #watchers: Watchers;
  #shell: LocalProcess | undefined;

  constructor(runtime: Runtime, watchers: Watchers) {
    this.#runtime = runtime;
    this.#watchers = watchers;
  }

  #make(options: ProcessOptions, starter?: LocalProcess): LocalProcess {
    const runtime = this.#runtime;
    const process = new LocalProcess(runtime, options, starter);
    runtime.processes.set(process.pid.number, process);
    const origin = process.cold?.origin;
    if (origin !== undefined) runtime.quotas.acquire(origin, "processes");
    return process;
  }

  spawn(fn: () => unknown, options: RuntimeSpawnOptions): LocalProcess {
    const { link, linkParent, tellsEnd, monitor, replyTo } = options;
    const process = this.#make(options, linkParent);
    if (linkParent !== undefined) {
      process.addLink(linkParent.pid);
      linkParent.addLink(process.pid, false, tellsEnd);
    }
    if (link !== undefined) process.addLink(link);
    if (monitor !== undefined) {
      this.#watchers.add(process, monitor.pid, monitor.ref);
    }
    if (replyTo !== undefined) {
      this.#runtime.back(replyTo.pid.node).spawnReply(
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

  shell(): LocalProcess {
    if (this.#shell === undefined || !this.#shell.alive) {
      this.#shell = this.makeStandIn("shell");
      this.#shell.shell = true;
    }
    return this.#shell;
  }

  /** Creates a process without code of its own, whose group leader is the node's own. */
  makeStandIn(label: string | undefined): LocalProcess {
    const groupLeader = this.#runtime.names.get("user")?.pid;
    return this.#make({ label, groupLeader });
  }
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
