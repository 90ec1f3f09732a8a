/** The process that the running code belongs to. */

import { tracing, untraced } from "./tracing.ts";
import { setNodeHere } from "../values/pid.ts";
import { AsyncLocalStorage } from "node:async_hooks";

/** The parts of a process that its context needs, because this file is below the class of processes. */
export interface ContextProcess {
  readonly context: ProcessContext;
  readonly runtime: { readonly node: string };
  /** Its rarely needed state, with its stand-in: the process as which its code runs. */
  readonly cold: { readonly standIn: ContextProcess | undefined } | undefined;
}

/**
 * The process of the running code, until the process exits.
 *
 * On Deno, the values of an `AsyncLocalStorage` are in a `WeakMap`, and the garbage collector keeps each new value
 * once, with all that it holds. That cost 430 bytes for each short process, and a fifth of the time from its spawn to
 * its DOWN (a third with 1,000 at a time). So the context of an exited process holds no process.
 */
export class ProcessContext {
  /** The process; `undefined` when it has exited. */
  process: ContextProcess | undefined;
  readonly runtime: ContextProcess["runtime"];
  /** Why the process exited. */
  exitReason: unknown = undefined;

  constructor(process: ContextProcess, runtime: ContextProcess["runtime"]) {
    this.process = process;
    this.runtime = runtime;
  }

  /** Drops the process, which has exited. */
  end(exitReason: unknown): void {
    this.process = undefined;
    this.exitReason = exitReason;
  }
}

const storage = new AsyncLocalStorage<ProcessContext | undefined>();

let defaultNode = "nonode@nohost";

/** Returns the context of the running code, if the code is in a process. */
export function currentContext(): ProcessContext | undefined {
  return storage.getStore();
}

/** Runs `fn` as code of `process`. */
export function runInside<A extends unknown[], R>(
  process: ContextProcess,
  fn: (...args: A) => R,
  ...args: A
): R {
  return storage.run(process.context, fn, ...args);
}

/**
 * Runs `fn` as code of no process. Create sockets and timers that outlive a call in this way: their callbacks would
 * otherwise run as the process that happened to create them.
 */
export function outside<R>(fn: () => R): R {
  const run = tracing === undefined ? fn : () => untraced(fn);
  return storage.getStore() === undefined ? run() : storage.run(undefined, run);
}

/**
 * Returns a function that runs code as a process, but otherwise in the caller's asynchronous context: a user's
 * `AsyncLocalStorage`s, such as a request's trace, reach the process that handles the request.
 */
export function contextFor<R>(): (process: ContextProcess, fn: () => R) => R {
  const restore = AsyncLocalStorage.snapshot();
  return (process, fn) => restore(() => storage.run(process.context, fn));
}

/** Returns the name of the node that the running code is on. */
function hereName(): string {
  const context = currentContext();
  if (context === undefined) return defaultNode;
  return (context.process?.cold?.standIn ?? context).runtime.node;
}

setNodeHere(hereName);

/** Sets the name of the node on which code outside any process runs. */
export function setDefaultNode(name: string): void {
  defaultNode = name;
}
