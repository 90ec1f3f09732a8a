/**
 * The default node, on which code outside any process runs: the program's earliest started node that is still
 * running, or else the unnamed node, `nonode@nohost`.
 */

import { NodeRuntime } from "./node_runtime.ts";
import type { Runtime } from "../processes/runtime.ts";
import type {
  Backpressure,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
  UnlinkId,
} from "../signals/signal.ts";
import { setDefaultNode } from "../context/async_context.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { ReplyTarget } from "../values/reply_to.ts";
import { copyTerm } from "../values/term.ts";

/** Delivers signals to a node of this program without a connection. Values are copied, as within a node. */
class Loopback implements Signals {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  #copy<T>(value: T): T {
    return copyTerm(value, this.#runtime.maxDepth) as T;
  }

  send(from: Pid, to: Pid, message: unknown): Backpressure {
    return this.#runtime.local.send(from, to, this.#copy(message));
  }

  sendName(from: Pid, name: string, message: unknown): Backpressure {
    return this.#runtime.local.sendName(from, name, this.#copy(message));
  }

  sendAlias(from: Pid, alias: Ref, message: unknown): Backpressure {
    return this.#runtime.local.sendAlias(from, alias, this.#copy(message));
  }

  reply(
    from: Pid,
    to: ReplyTarget,
    value: unknown,
    endsMonitor?: boolean,
  ): void {
    this.#runtime.local.reply(from, to, this.#copy(value), endsMonitor);
  }

  link(from: Pid, to: Pid): void {
    this.#runtime.local.link(from, to);
  }

  unlink(from: Pid, to: Pid, id: UnlinkId): void {
    this.#runtime.local.unlink(from, to, id);
  }

  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void {
    this.#runtime.local.unlinkAck(from, to, id);
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    this.#runtime.local.exit(from, to, this.#copy(reason));
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    this.#runtime.local.exitLink(from, to, this.#copy(reason));
  }

  monitor(from: Pid, target: Target, ref: Ref, isCall?: boolean): void {
    this.#runtime.local.monitor(from, target, ref, isCall);
  }

  demonitor(from: Pid, ref: Ref, target?: Target): void {
    this.#runtime.local.demonitor(from, ref, target);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown, name?: string): void {
    this.#runtime.local.down(from, to, ref, this.#copy(reason), name);
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const { run } = request;
    const args = this.#copy(run.args);
    this.#runtime.local.spawnRequest(from, {
      ...request,
      run: { ...run, args },
    });
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    this.#runtime.local.spawnReply(from, to, ref, result);
  }

  groupLeader(from: Pid, to: Pid, leader: Pid): void {
    this.#runtime.local.groupLeader(from, to, leader);
  }
}

export const NO_NODE = "nonode@nohost";

let noNode: Runtime | undefined;
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
      route: (node) => loopbacks.get(node),
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
  return noNodeLoopback ??= new Loopback(unnamed());
}

/** Makes a node reachable or unreachable from the unnamed node. */
export function setLoopback(runtime: Runtime, isReachable: boolean): void {
  if (isReachable) loopbacks.set(runtime.node, new Loopback(runtime));
  else if (loopbacks.delete(runtime.node)) {
    noNode?.nodeDown(runtime.node, false);
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
