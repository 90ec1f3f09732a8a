/**
 * Starting processes on nodes: how a function is named in a request, the request, and the wait for its
 * answer.
 *
 * @module
 */

import { checkArgs } from "../values/check_arguments.ts";
import { never, waitingProcess } from "./current_process.ts";
import { NO_NODE } from "./default_node.ts";
import {
  checkName,
  type RemoteFunction,
  spawnError,
} from "../remote/exported_modules.ts";
import type { Pid, Ref } from "../values/pid.ts";
import { PendingReply } from "../processes/pending_answer.ts";
import type { LocalProcess } from "../processes/local_process.ts";
import type { Runtime } from "../processes/runtime.ts";
import type { Runnable, SpawnResult } from "../signals/signal.ts";
import { copyTerm } from "../values/term.ts";

/** The wait for the answer to a spawn request. */
class PendingSpawn extends PendingReply<{ pid: Pid; ref: Ref }> {
  readonly #link: boolean;
  readonly #monitor: boolean;

  constructor(
    process: LocalProcess,
    node: string,
    link: boolean,
    monitor: boolean,
  ) {
    super(process, node);
    this.#link = link;
    this.#monitor = monitor;
  }

  spawned(result: SpawnResult | undefined): void {
    const { node, ref } = this;
    this.close();
    if (result === undefined) {
      this.process.resume(this, () => this.#unreachable());
    } else if ("pid" in result) this.settle({ pid: result.pid, ref });
    else this.settleFailed(() => spawnError(node, result));
  }

  /** As in Erlang, the pid is one of this node that no process has, and the monitor and link end. */
  #unreachable(): void {
    const { process, ref } = this;
    const { runtime } = process;
    const pid = runtime.unusedPid();
    this.resolve({ pid, ref });
    if (this.#monitor) {
      process.addMonitor(ref, pid, pid.node);
      runtime.local.down(pid, process.pid, ref, "noconnection");
    }
    if (this.#link) {
      process.addLink(pid);
      runtime.local.exitLink(pid, process.pid, "noconnection");
    }
  }
}

/**
 * A function as a request for a node names it: by its exported name, as a function kept for this node, or by
 * its source. The arguments for this node are copied; those for another are copied by being written.
 *
 * @param maxDepth The maximum nesting of the arguments, if they are for this node.
 * @throws {TypeError} If the function cannot be sent.
 */
export function requestOf(
  { modules, node: own, maxDepth: most }: Runtime,
  node: string,
  fn: RemoteFunction,
  args: unknown[],
  maxDepth: number = most,
): Runnable {
  const isLocal = node === own;
  return modules.describe(
    fn,
    isLocal ? copyTerm(args, maxDepth) as unknown[] : args,
    isLocal,
  );
}

/** Drops the function that was stored for a request, if the request failed. */
export function forgetRequest({ modules }: Runtime, run: Runnable): void {
  if ("parked" in run) modules.unpark(run.parked);
}

/** Starts a process on a node, linked to or monitored by the caller from its first moment. */
export async function spawnOn(
  node: string,
  fn: RemoteFunction,
  args: unknown[] | undefined,
  link: boolean,
  monitor: boolean,
): Promise<{ pid: Pid; ref: Ref }> {
  checkArgs(args);
  if (typeof fn !== "function") checkName(fn);
  const process = waitingProcess();
  if (process === undefined) return never();
  const { runtime } = process;
  const pending = new PendingSpawn(process, node, link, monitor);
  const { ref } = pending;
  if (node !== runtime.node && runtime.node === NO_NODE) {
    pending.spawned(undefined);
    return pending.promise;
  }
  const run = requestOf(runtime, node, fn, args ?? []);
  process.await(ref, pending);
  try {
    runtime.route(node, true).spawnRequest(process.pid, {
      ref,
      run,
      link,
      monitor,
      groupLeader: process.groupLeader,
    });
  } catch (error) {
    process.unawait(ref);
    forgetRequest(runtime, run);
    throw error;
  }
  return await pending.promise;
}
