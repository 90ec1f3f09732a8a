/** Starting processes on nodes: the encoding of the function, the request, and the wait for the answer. */

import { checkArgs } from "../values/check_arguments.ts";
import { never, waitingProcess } from "./current_process.ts";
import { NO_NODE } from "./default_node.ts";
import {
  checkName,
  type RemoteFunction,
  spawnError,
} from "../remote/exported_modules.ts";
import type { Pid, Ref } from "../values/pid.ts";
import { PendingReply } from "../process/pending_answer.ts";
import type { LocalProcess } from "../process/local_process.ts";
import type { Runtime } from "../process/runtime.ts";
import type { Runnable, SpawnResult } from "../signals/signal.ts";
import { copyTerm } from "../values/term.ts";

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
    this.wait = undefined;
    this.process.removeIfUnused(this);
    if (result === undefined) {
      this.process.resume(this, () => this.#unreachable());
    } else if ("pid" in result) this.settle({ pid: result.pid, ref });
    else this.settleFailed(() => spawnError(node, result));
  }

  /** Resolves, as in Erlang, with a pid of this node that no process has, and ends the monitor and the link. */
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
 * Describes a function for a request to a node: by its exported name, for this node as it is, or by its source. Arguments for this node, of at most `maxDepth` levels, are copied; a wire copies others when it writes them.
 * Throws a `TypeError` if the function cannot be sent.
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

/** Starts a process on a node, linked to or monitored by the caller from the start. */
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
  process.addEntry(pending);
  try {
    runtime.signalsTo(node, "by_name").spawnRequest(process.pid, {
      ref,
      run,
      link,
      monitor,
      groupLeader: process.groupLeader,
    });
  } catch (error) {
    pending.cancel();
    throw error;
  }
  return await pending.promise;
}
