/**
 * The default node: code outside any process is on it. It is the first started node of the program, as long as
 * that runs, and otherwise the node that is not started.
 *
 * @module
 */

import { NodeRuntime } from "./node_runtime.ts";
import type { Runtime } from "../processes/runtime.ts";
import { Loopback } from "./loopback.ts";
import type { Signals } from "../signals/signal.ts";
import { setDefaultNode } from "../context/async_context.ts";

/** The name of a node that is not started. */
export const NO_NODE = "nonode@nohost";

let noNode: Runtime | undefined;
let noNodeLoopback: Signals | undefined;
let defaultRuntime: Runtime | undefined;
let prepare: ((runtime: Runtime) => void) | undefined;

/** The nodes of this program, as the node that is not started reaches them. */
const loopbacks = new Map<string, Signals>();

/**
 * Called when another node becomes the default one: first the followers, then the callbacks that are awaited.
 */
const followers = new Set<(runtime: Runtime) => void>();
const listeners = new Set<() => Promise<void>>();
let moved: Promise<unknown> | undefined;

/** The runtime of the node that is not started; it continues to exist when one is started. */
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

/** Calls back when the runtime of no node is first used, to prepare it. */
export function onUnnamedRuntime(fn: (runtime: Runtime) => void): void {
  prepare = fn;
  if (noNode !== undefined) fn(noNode);
}

/** The processes of the node that is not started, as a node of this program reaches them. */
export function unnamedLoopback(): Signals {
  return noNodeLoopback ??= new Loopback(unnamed());
}

/** Makes a node reachable, or unreachable, from the node that is not started. */
export function setLoopback(runtime: Runtime, isReachable: boolean): void {
  if (isReachable) loopbacks.set(runtime.node, new Loopback(runtime));
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

/** Calls back with the default node, now and whenever it changes; returns a function that ends that. */
export function followDefaultRuntime(
  fn: (runtime: Runtime) => void,
): () => void {
  followers.add(fn);
  fn(currentDefault());
  return () => void followers.delete(fn);
}

/** Calls back whenever the default node changes; returns a function that ends that. */
export function onDefaultRuntime(fn: () => Promise<void>): () => void {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/** Resolves when the callbacks have completed. */
export async function defaultSettled(): Promise<void> {
  await moved;
}
