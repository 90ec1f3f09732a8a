/**
 * Where am I: the process and the node of the running code.
 *
 * @module
 */

import { ProcessExited } from "./errors.ts";
import { insideOf, setDefaultNode } from "./context.ts";
import type { Process } from "./process.ts";
import { Runtime } from "./runtime.ts";

/** The name of a node that is not started. */
export const NO_NODE = "nonode@nohost";

let noNode: Runtime | undefined;
let defaultRuntime: Runtime | undefined;
let prepare: ((runtime: Runtime) => void) | undefined;

/** The runtime that code outside any process uses. */
export function currentRuntime(): Runtime {
  return insideOf()?.runtime ?? defaultRuntime ?? (defaultRuntime = unnamed());
}

/** The runtime that is there when no node is started. */
function unnamed(): Runtime {
  if (noNode === undefined) {
    noNode = new Runtime({ node: NO_NODE, creation: 0 });
    prepare?.(noNode);
  }
  return noNode;
}

/** Makes a runtime the default one; without one, it is the one of no node again. */
export function setDefaultRuntime(runtime: Runtime | undefined): void {
  defaultRuntime = runtime;
  setDefaultNode(runtime?.node ?? NO_NODE);
}

/** Has the runtime of no node prepared when it is first used. */
export function onUnnamedRuntime(fn: (runtime: Runtime) => void): void {
  prepare = fn;
  if (noNode !== undefined) fn(noNode);
}

/**
 * The process of the running code.
 *
 * @throws {ProcessExited} If it has exited.
 */
export function currentProcess(): Process {
  const process = insideOf();
  if (process === undefined) return currentRuntime().shell();
  if (!process.alive) throw new ProcessExited(process.exitReason);
  return process;
}

/** The process of the running code if it is alive; a dead one's waits never settle. */
export function waitingProcess(): Process | undefined {
  const process = insideOf();
  if (process === undefined) return currentRuntime().shell();
  return process.alive ? process : undefined;
}

/** What a wait in a dead process gives: a promise that never settles. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
