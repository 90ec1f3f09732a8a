/**
 * The default node, on which code outside any process runs: the program's earliest started node that is still
 * running, or else the unnamed node, `nonode@nohost`.
 */

import { NodeRuntime } from "./node_runtime.ts";
import type { Runtime } from "../process/runtime.ts";
import type { Signals } from "../signals/signal.ts";
import { setDefaultNode } from "../context/async_context.ts";
import { copyTerm } from "../values/term.ts";

/** Returns the channel to a node of this program, without a connection. Values are copied, as within a node. */
function loopback({ local, maxDepth }: Runtime): Signals {
  const copy = (value: unknown) => copyTerm(value, maxDepth);
  return {
    send: (from, to, message) => local.send(from, to, copy(message)),
    sendName: (from, name, message) =>
      local.sendName(from, name, copy(message)),
    sendAlias: (from, alias, message) =>
      local.sendAlias(from, alias, copy(message)),
    reply: (from, to, value, endsMonitor) =>
      local.reply(from, to, copy(value), endsMonitor),
    link: (from, to) => local.link(from, to),
    unlink: (from, to, id) => local.unlink(from, to, id),
    unlinkAck: (from, to, id) => local.unlinkAck(from, to, id),
    exit: (from, to, reason) => local.exit(from, to, copy(reason)),
    exitLink: (from, to, reason) => local.exitLink(from, to, copy(reason)),
    monitor: (from, target, ref, isCall) =>
      local.monitor(from, target, ref, isCall),
    demonitor: (from, ref, target) => local.demonitor(from, ref, target),
    down: (from, to, ref, reason, name) =>
      local.down(from, to, ref, copy(reason), name),
    spawnRequest(from, request) {
      const args = copy(request.run.args) as unknown[];
      local.spawnRequest(from, { ...request, run: { ...request.run, args } });
    },
    spawnReply: (from, to, ref, result) =>
      local.spawnReply(from, to, ref, result),
    groupLeader: (from, to, leader) => local.groupLeader(from, to, leader),
  };
}

export const NO_NODE = "nonode@nohost";

let noNode: NodeRuntime | undefined;
let noNodeLoopback: Signals | undefined;
let defaultRuntime: Runtime | undefined;
let prepare: ((runtime: Runtime) => void) | undefined;

/** The channels from the unnamed node to the started nodes of this program. */
const loopbacks = new Map<string, Signals>();

/** Called when the default node changes: first the followers, then the listeners, whose promises are awaited. */
const followers = new Set<(runtime: Runtime) => void>();
const listeners = new Set<() => Promise<void>>();
let moved: Promise<unknown> | undefined;

/** Returns the runtime of the unnamed node, which continues to exist when a node starts. */
export function unnamed(): Runtime {
  if (noNode === undefined) {
    noNode = new NodeRuntime({
      node: NO_NODE,
      creation: 0,
      signalsTo: (node) => loopbacks.get(node),
    });
    prepare?.(noNode);
  }
  return noNode;
}

export function isUnnamed(runtime: Runtime): boolean {
  return runtime === noNode;
}

/** Sets a function that prepares the unnamed node before its first use. */
export function onUnnamedRuntime(fn: (runtime: Runtime) => void): void {
  if (prepare === fn) return;
  prepare = fn;
  if (noNode !== undefined) fn(noNode);
}

/** Returns the channel from this program's nodes to the processes of the unnamed node. */
export function unnamedLoopback(): Signals {
  return noNodeLoopback ??= loopback(unnamed());
}

/** Makes a node reachable or unreachable from the unnamed node. */
export function setLoopback(runtime: Runtime, isReachable: boolean): void {
  if (isReachable) loopbacks.set(runtime.node, loopback(runtime));
  else if (loopbacks.delete(runtime.node)) {
    noNode?.nodes.down(runtime.node, false);
  }
}

export function currentDefault(): Runtime {
  return defaultRuntime ?? (defaultRuntime = unnamed());
}

/** Sets the default node; `undefined` selects the unnamed node. */
export function setDefaultRuntime(runtime: Runtime | undefined): void {
  defaultRuntime = runtime;
  setDefaultNode(runtime?.node ?? NO_NODE);
  for (const follow of followers) follow(currentDefault());
  const moves = [...listeners].map((fn) => fn());
  moved = moves.length === 0 ? undefined : Promise.all(moves);
}

/** Calls back with the default node, now and whenever it changes; returns a function that stops the calls. */
export function followDefaultRuntime(
  fn: (runtime: Runtime) => void,
): () => void {
  followers.add(fn);
  fn(currentDefault());
  return () => void followers.delete(fn);
}

/** Calls back whenever the default node changes; returns a function that stops the calls. */
export function onDefaultRuntime(fn: () => Promise<void>): () => void {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/** Resolves when all listeners have completed. */
export async function defaultSettled(): Promise<void> {
  await moved;
}
