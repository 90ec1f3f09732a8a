/**
 * The process that the running code belongs to.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

/** The part of a process that its context needs: the context depends on no process. */
export interface ContextProcess {
  /** The process's pid. */
  readonly pid: { readonly node: string };
  /** The process of another node that its code runs as, if there is one. */
  readonly standIn: ContextProcess | undefined;
}

const storage = new AsyncLocalStorage<ContextProcess | undefined>();

let defaultNode = "nonode@nohost";

/** The process that the running code is in, if it is in one. */
export function contextProcess(): ContextProcess | undefined {
  const process = storage.getStore();
  return process?.standIn ?? process;
}

/** Runs `fn` as code of `process`. */
export function runInside<A extends unknown[], R>(
  process: ContextProcess,
  fn: (...args: A) => R,
  ...args: A
): R {
  return storage.run(process, fn, ...args);
}

/**
 * Runs `fn` as code of no process.
 *
 * Sockets, servers and timers that outlive a call are created in this way: their callbacks would otherwise
 * run for ever as the process that happened to create them.
 */
export function outside<R>(fn: () => R): R {
  return storage.getStore() === undefined ? fn() : storage.run(undefined, fn);
}

/**
 * A function that runs code as a process and otherwise in the caller's asynchronous context: the
 * `AsyncLocalStorage`s of a user, such as a request's trace, reach the process that handles it.
 */
export function contextFor<R>(): (
  process: ContextProcess,
  fn: () => R,
) => R {
  const restore = AsyncLocalStorage.snapshot();
  return (process, fn) => restore(() => storage.run(process, fn));
}

/** The name of the node that the running code is on. */
export function hereName(): string {
  return contextProcess()?.pid.node ?? defaultNode;
}

/** Names the node that code outside any process is on. */
export function setDefaultNode(name: string): void {
  defaultNode = name;
}
