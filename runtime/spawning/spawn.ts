/**
 * Starting processes on nodes: the request, and the wait for its answer.
 *
 * @module
 */

import { Answer } from "../promises/answer.ts";
import { checkArgs } from "../values/check_arguments.ts";
import { never, waitingProcess } from "../context/current_process.ts";
import { NO_NODE } from "../context/default_node.ts";
import { checkName, spawnError } from "./modules.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { Process } from "../processes/process.ts";
import type { Wait } from "../processes/wait.ts";
import type { SpawnResult } from "../signals/signal.ts";
import { copyTerm } from "../values/term.ts";

/** What a process on a node runs: a function, or the name of one that is exported there. */
export type SpawnFunction =
  // deno-lint-ignore no-explicit-any
  | ((...args: any[]) => unknown)
  | readonly [module: string, function: string];

/** Waits for the answer to a spawn request. */
class SpawnWait implements Wait {
  readonly node: string;
  readonly #answer = new Answer<{ pid: Pid; ref: Ref }>();
  readonly #process: Process;
  readonly #ref: Ref;
  readonly #link: boolean;
  readonly #monitor: boolean;

  constructor(
    process: Process,
    node: string,
    ref: Ref,
    link: boolean,
    monitor: boolean,
  ) {
    this.node = node;
    this.#process = process;
    this.#ref = ref;
    this.#link = link;
    this.#monitor = monitor;
  }

  get promise(): Promise<{ pid: Pid; ref: Ref }> {
    return this.#answer.promise;
  }

  reply(): void {}

  down(): void {}

  spawned(result: SpawnResult | undefined): void {
    this.#process.unawait(this.#ref);
    this.#process.resume(this, () => this.#settle(result));
  }

  #settle(result: SpawnResult | undefined): void {
    if (result === undefined) this.#unreachable();
    else if ("pid" in result) {
      this.#answer.resolve({ pid: result.pid, ref: this.#ref });
    } else this.#answer.fail(() => spawnError(this.node, result));
  }

  /** The pid of no process, and then what its end gives. */
  #unreachable(): void {
    const process = this.#process;
    const { runtime } = process;
    // As in Erlang, it is a pid of this node.
    const pid = runtime.unusedPid();
    this.#answer.resolve({ pid, ref: this.#ref });
    if (this.#monitor) {
      process.addMonitor(this.#ref, pid, pid.node);
      runtime.local.down(pid, process.pid, this.#ref, "noconnection");
    }
    if (this.#link) {
      process.addLink(pid);
      runtime.local.exitLink(pid, process.pid, "noconnection");
    }
  }

  abandon(error: () => unknown): void {
    this.#answer.abandon(error);
  }
}

/** Starts a process on a node, linked to or monitored by the caller from its first moment. */
export async function spawnOn(
  node: string,
  fn: SpawnFunction,
  args: unknown[] | undefined,
  link: boolean,
  monitor: boolean,
): Promise<{ pid: Pid; ref: Ref }> {
  checkArgs(args);
  if (typeof fn !== "function") checkName(fn);
  const process = waitingProcess();
  if (process === undefined) return never();
  const { runtime } = process;
  const ref = runtime.makeRef();
  const wait = new SpawnWait(process, node, ref, link, monitor);
  const isLocal = node === runtime.node;
  if (!isLocal && runtime.node === NO_NODE) {
    wait.spawned(undefined);
    return wait.promise;
  }
  const run = runtime.modules.describe(fn, args ?? [], isLocal);
  process.await(ref, wait);
  try {
    runtime.route(node).spawnRequest(process.pid, {
      ref,
      run: isLocal
        ? { ...run, args: copyTerm(run.args, runtime.maxDepth) as unknown[] }
        : run,
      link,
      monitor,
      groupLeader: process.groupLeader,
    });
  } catch (error) {
    process.unawait(ref);
    throw error;
  }
  return await wait.promise;
}
