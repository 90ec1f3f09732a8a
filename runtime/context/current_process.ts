/**
 * Where am I: the process and the node of the running code.
 *
 * @module
 */

import { ProcessExited } from "../values/errors.ts";
import { insideOf, setDefaultNode } from "./async_context.ts";
import type { Process } from "../processes/process.ts";
import { Neighbour } from "../signals/loopback.ts";
import { Runtime } from "../runtime.ts";
import type { Signals } from "../signals/signal.ts";
import { runOn } from "./stand_in.ts";

/** The name of a node that is not started. */
export const NO_NODE = "nonode@nohost";

let noNode: Runtime | undefined;
let defaultRuntime: Runtime | undefined;
let prepare: ((runtime: Runtime) => void) | undefined;

/** The runtime that code outside any process uses. */
export function currentRuntime(): Runtime {
  return insideOf()?.runtime ?? currentDefault();
}

/** The nodes of this program, as the node that is not started reaches them. */
const neighbours = new Map<string, Signals>();

/** Processes that run code of people, who may start and stop a node by it. */
const followers = new Set<Process>();
const typed = new WeakSet<Process>();

/** The runtime that is there when no node is started, and goes on to be there when one is. */
export function unnamed(): Runtime {
  if (noNode === undefined) {
    noNode = new Runtime({
      node: NO_NODE,
      creation: 0,
      route: (node) => neighbours.get(node),
    });
    prepare?.(noNode);
  }
  return noNode;
}

/** The processes of the node that is not started, as a node of this program reaches them. */
export function unnamedNeighbour(): Signals {
  return toUnnamed ??= new Neighbour(unnamed());
}

let toUnnamed: Signals | undefined;

/** Has a node reached, or no longer, from the node that is not started. */
export function setNeighbour(runtime: Runtime, isThere: boolean): void {
  if (isThere) neighbours.set(runtime.node, new Neighbour(runtime));
  else if (neighbours.delete(runtime.node)) {
    noNode?.nodeDown(runtime.node, false);
  }
}

/** Makes a runtime the default one; without one, it is the one of no node again. */
export function setDefaultRuntime(runtime: Runtime | undefined): void {
  defaultRuntime = runtime;
  setDefaultNode(runtime?.node ?? NO_NODE);
  for (const process of followers) runOn(process, currentDefault());
  const moves = [...listeners].map((fn) => fn());
  moved = moves.length === 0 ? undefined : Promise.all(moves);
}

const listeners = new Set<() => Promise<void>>();
let moved: Promise<unknown> | undefined;

/** Calls back whenever another node is the default one; returns a function that ends that. */
export function onDefaultRuntime(fn: () => Promise<void>): () => void {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/** Resolves when those that were called back have done what they do. */
export async function defaultSettled(): Promise<void> {
  await moved;
}

function currentDefault(): Runtime {
  return defaultRuntime ?? (defaultRuntime = unnamed());
}

/**
 * Has a process run what people type. One of the node that is not started is on the default node from
 * when there is one, as long as that runs.
 */
export function runsTyped(process: Process): void {
  typed.add(process);
  if (process.runtime !== noNode) return;
  followers.add(process);
  process.abortSignal().addEventListener(
    "abort",
    () => void followers.delete(process),
    { once: true },
  );
  runOn(process, currentDefault());
}

/** Whether the running code was typed by people, in a shell or after `--eval`. */
export function isTypedCode(): boolean {
  const process = insideOf();
  return process !== undefined && typed.has(process.standsFor ?? process);
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
