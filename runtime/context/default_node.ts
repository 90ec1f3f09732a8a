/**
 * The default node: code outside any process is on it. It is the first node of the program that is
 * started, as long as that runs, and the node that is not started otherwise.
 *
 * @module
 */

import { NodeRuntime } from "../node_runtime.ts";
import type { Runtime } from "../runtime.ts";
import { Loopback } from "../signals/loopback.ts";
import type { Signals } from "../signals/signal.ts";
import { setDefaultNode } from "./async_context.ts";

/** The name of a node that is not started. */
export const NO_NODE = "nonode@nohost";

let noNode: Runtime | undefined;
let noNodeLoopback: Signals | undefined;
let defaultRuntime: Runtime | undefined;
let prepare: ((runtime: Runtime) => void) | undefined;

/** The nodes of this program, as the node that is not started reaches them. */
const loopbacks = new Map<string, Signals>();

/** Are called when another node is the default one: first what follows it, then those that wait for it. */
const followers = new Set<(runtime: Runtime) => void>();
const listeners = new Set<() => Promise<void>>();
let moved: Promise<unknown> | undefined;

/** The runtime that is there when no node is started, and goes on to be there when one is. */
export function unnamed(): Runtime {
  if (noNode === undefined) {
    noNode = new NodeRuntime({
      node: NO_NODE,
      creation: 0,
      route: (node) => loopbacks.get(node),
    });
    prepare?.(noNode);
  }
  return noNode;
}

/** Whether a runtime is that of the node that is not started. */
export function isUnnamed(runtime: Runtime): boolean {
  return runtime === noNode;
}

/** Has the runtime of no node prepared when it is first used. */
export function onUnnamedRuntime(fn: (runtime: Runtime) => void): void {
  prepare = fn;
  if (noNode !== undefined) fn(noNode);
}

/** The processes of the node that is not started, as a node of this program reaches them. */
export function unnamedLoopback(): Signals {
  return noNodeLoopback ??= new Loopback(unnamed());
}

/** Has a node reached, or no longer, from the node that is not started. */
export function setLoopback(runtime: Runtime, isThere: boolean): void {
  if (isThere) loopbacks.set(runtime.node, new Loopback(runtime));
  else if (loopbacks.delete(runtime.node)) {
    noNode?.nodeDown(runtime.node, false);
  }
}

/** The runtime of the default node. */
export function currentDefault(): Runtime {
  return defaultRuntime ?? (defaultRuntime = unnamed());
}

/** Makes a runtime the default one; without one, it is the one of no node again. */
export function setDefaultRuntime(runtime: Runtime | undefined): void {
  defaultRuntime = runtime;
  setDefaultNode(runtime?.node ?? NO_NODE);
  for (const follow of followers) follow(currentDefault());
  const moves = [...listeners].map((fn) => fn());
  moved = moves.length === 0 ? undefined : Promise.all(moves);
}

/** Calls back with the default node, now and whenever it is another one; returns a function that ends that. */
export function followDefaultRuntime(
  fn: (runtime: Runtime) => void,
): () => void {
  followers.add(fn);
  fn(currentDefault());
  return () => void followers.delete(fn);
}

/** Calls back whenever another node is the default one; returns a function that ends that. */
export function onDefaultRuntime(fn: () => Promise<void>): () => void {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/** Resolves when those that were called back have done what they do. */
export async function defaultSettled(): Promise<void> {
  await moved;
}
