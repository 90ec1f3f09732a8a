/** Names and locks of the whole cluster, as the processes of a node use them. */

import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { inspect } from "@otp/processes/values/inspect";
import type { Runtime } from "@otp/processes/process/runtime";
import { keyToKeep } from "@otp/processes/values/term_key";
import { copyTerm } from "@otp/processes/values/term";
import {
  callExit,
  installGlobalRegistry,
  type NameRegistry,
} from "@otp/servers/server/server_ref";
import { type RequestOptions, startCall } from "@otp/servers/server/call";
import { isOver, remaining, within } from "@otp/servers/server/cancellation";
import { ignore } from "@otp/processes/promises/promises";
import { OwnRequest } from "@otp/processes/values/server_message";
import {
  type GlobalChange,
  type GlobalRequest,
  type Resolver,
  TOO_MANY,
} from "./global_messages.ts";
import { askServer } from "./ask_server.ts";
import { globalServer } from "./global_server.ts";
import { Pauses } from "./global_worker.ts";
import { spawnOn } from "@otp/processes/runtime/spawn_on_node";
import { awaitExit } from "@otp/servers/server/stop";

/** The name of the service that starts a node's server. */
const GLOBAL_SERVICE = "$global";

/** Has a node start its server when another node needs it. */
export function serveGlobal(runtime: Runtime): void {
  runtime.modules.services.set(GLOBAL_SERVICE, () => ({
    fn: () => void globalServer(runtime),
    label: GLOBAL_SERVICE,
  }));
}

/** A lock's resource, and the requester that holds it: processes with the same requester share the lock. */
export type GlobalLockId = readonly [resource: unknown, requester: unknown];

/** The limits of a call of `global`, and its description in errors. */
export type GlobalCall = Pick<
  RequestOptions,
  "as" | "timeout" | "signal" | "deadline"
>;

/** Fails if a call ends before it has begun. */
function assertOpen({ signal, deadline, as }: GlobalCall): void {
  signal?.throwIfAborted();
  if (isOver(deadline)) throw callExit("timeout", as());
}

/** A call without limits. */
function unlimited(fn: string, ...args: unknown[]): GlobalCall {
  return { timeout: Infinity, as: () => ["global", fn, args] };
}

/** Asks the server of the caller's node. */
export async function requestGlobal<T>(
  asked: GlobalRequest,
  call: GlobalCall,
): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return await never();
  const { pid } = globalServer(process.runtime).process;
  const sent = new OwnRequest(asked);
  return await startCall<T>(process, pid, sent, call).promise;
}

/** Registers a name; returns `false` if it is taken. */
export async function registerGlobal(
  type: "register" | "re_register",
  name: unknown,
  pid: Pid,
  resolve: Resolver,
  call: GlobalCall,
): Promise<boolean> {
  if (!(pid instanceof Pid)) {
    throw new TypeError(
      `Cannot register the global name ${inspect(name)} for ${
        inspect(pid)
      }: give a pid`,
    );
  }
  // Other nodes keep it with the name of the resolver.
  keyToKeep(name, "register the global name", undefined, `${resolve}`.length);
  const change: GlobalChange = { type, entry: { name, pid, resolve } };
  return await requestGlobal({ type: "change", change }, call);
}

/** Removes a name. */
export async function unregister(
  name: unknown,
  call: GlobalCall = unlimited("unregisterName", name),
): Promise<void> {
  const change: GlobalChange = { type: "unregister", name };
  await requestGlobal({ type: "change", change }, call);
}

/** Looks a name up; at once if this node has the names of the others. */
export function whereis(
  name: unknown,
  call: GlobalCall = unlimited("whereisName", name),
): Pid | undefined | Promise<Pid | undefined> {
  const process = waitingProcess();
  if (process === undefined) return never();
  assertOpen(call);
  const server = globalServer(process.runtime);
  return server.isSynced
    ? server.names.lookup(name)
    : requestGlobal({ type: "whereis", name }, call);
}

/**
 * Acquires a lock on all of the nodes or none; returns `false` if it fails after that many retries. If a limit of the
 * call is reached, a request to release the lock follows each request for it.
 */
export async function lock(
  id: GlobalLockId,
  nodes: readonly string[] | undefined,
  retries: number,
  call: GlobalCall,
): Promise<boolean> {
  const process = waitingProcess();
  if (process === undefined) return await never();
  assertOpen(call);
  const taken = new Taking(process, id);
  try {
    return await limited(process, taken.acquire(nodes, retries), call);
  } catch (error) {
    process.assertAlive();
    taken.giveUp();
    throw error;
  }
}

/** Waits for a promise until a limit of a call is reached. */
export function limited<T>(
  process: LocalProcess,
  promise: Promise<T>,
  { timeout, signal, deadline, as }: GlobalCall,
): Promise<T> {
  const late = () => callExit("timeout", as());
  return within(process, promise, remaining(timeout, deadline), signal, late);
}

type LockTerm = { resource: unknown; requester: unknown };

/** The requests of a process for one lock. */
class Taking {
  readonly #process: LocalProcess;
  readonly #id: LockTerm;
  readonly #asked = new Set<string>();
  #isOver = false;

  constructor(process: LocalProcess, [resource, requester]: GlobalLockId) {
    this.#process = process;
    const { maxDepth } = process.runtime;
    keyToKeep([resource, requester], "take the lock", maxDepth);
    this.#id = copyTerm({ resource, requester }, maxDepth) as LockTerm;
  }

  /** Asks for the lock until it is acquired, or that many retries have failed. */
  async acquire(
    nodes: readonly string[] | undefined,
    retries: number,
  ): Promise<boolean> {
    const process = this.#process;
    const { resource, requester } = this.#id;
    const pauses = new Pauses(process);
    for (let times = 0; !this.#isOver; times++) {
      const own = globalServer(process.runtime);
      const all = nodes ?? connected(process);
      if (
        all.length < 2 || !all.includes(process.runtime.node) ||
        own.isFree(resource, requester)
      ) {
        const answers = await Promise.all(
          all.map((node) => this.#attempt(node, nodes !== undefined)),
        );
        if (this.#isOver) break;
        const full = all.filter((_, i) => answers[i] === TOO_MANY);
        if (!answers.includes(false) && full.length === 0) return true;
        await this.#release(all.filter((_, i) => answers[i] === true));
        if (full.length > 0) throw tooManyLocks(resource, full);
      }
      if (times >= retries) return false;
      await pauses.wait(times);
    }
    return false;
  }

  /** Asks one node; starts its server if that does not run, and the node is one of a list. */
  async #attempt(node: string, isListed: boolean): Promise<unknown> {
    const answer = await this.#ask(node);
    // The nodes of a list are those that the lock is for; else it is enough that this one has it.
    if (answer !== undefined || !isListed || this.#isOver) return answer;
    return await startThere(this.#process, node) && !this.#isOver
      ? await this.#ask(node)
      : answer;
  }

  #ask(node: string): Promise<unknown> {
    this.#asked.add(node);
    return askServer(this.#process, node, { type: "set_lock", ...this.#id });
  }

  #release(nodes: string[]): Promise<unknown> {
    return askNodes(this.#process, nodes, { type: "del_lock", ...this.#id });
  }

  /** Releases the lock on all nodes that were asked for it, without waiting for them, and asks no more. */
  giveUp(): void {
    this.#isOver = true;
    this.#release([...this.#asked]).catch(ignore);
  }
}

function tooManyLocks(resource: unknown, nodes: string[]): RangeError {
  return new RangeError(
    `Cannot take the lock ${inspect(resource)}: ${
      nodes.join(", ")
    } keeps no more for this node, or no name as large (limits.maxRemoteEntries there); give some back first`,
  );
}

/** Releases a lock; the requests are sent even if a limit of the call is reached already. */
export async function unlock(
  [resource, requester]: GlobalLockId,
  nodes: readonly string[] | undefined,
  call: GlobalCall,
): Promise<true> {
  const process = waitingProcess();
  if (process === undefined) return await never();
  const answers = askNodes(process, nodes ?? connected(process), {
    type: "del_lock",
    resource,
    requester,
  });
  await limited(process, answers, call);
  return true;
}

function connected({ runtime }: LocalProcess): string[] {
  return [runtime.node, ...runtime.visible.keys()];
}

function askNodes(
  process: LocalProcess,
  nodes: readonly string[],
  asked: GlobalRequest,
): Promise<unknown[]> {
  return Promise.all(nodes.map((node) => askServer(process, node, asked)));
}

/** Has a node answer that has not: a node has a server from its first use on, and this is one. */
async function startThere(
  process: LocalProcess,
  node: string,
): Promise<boolean> {
  const start = [GLOBAL_SERVICE, "start"] as const;
  try {
    const { pid } = await spawnOn(node, start, [], false, false);
    await awaitExit(process, pid);
    return true;
  } catch {
    // It does not serve that. An exited process sends no more requests.
    process.assertAlive();
    return false;
  }
}

/** The names of the cluster as a registry: that of `{ global: name }`. */
export const globalNames: NameRegistry = {
  registerName(name: unknown, pid: Pid): Promise<boolean> {
    const call = unlimited("registerName", name, pid);
    return registerGlobal("register", name, pid, "random_exit_name", call);
  },
  unregisterName: (name: unknown) => unregister(name),
  whereisName: (name: unknown) => whereis(name),
};

installGlobalRegistry(globalNames);
