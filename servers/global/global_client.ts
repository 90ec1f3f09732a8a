/**
 * Names and locks of the whole cluster, as the processes of a node use them.
 *
 * @module
 */

import {
  never,
  waitingProcess,
} from "../../runtime/context/current_process.ts";
import { Pid } from "../../runtime/values/pid.ts";
import type { LocalProcess } from "../../runtime/processes/local_process.ts";
import { inspect } from "../../runtime/values/inspect.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { copyTerm } from "../../runtime/values/term.ts";
import { placeOf } from "../../gen/locate.ts";
import { startCall } from "../../gen/call.ts";
import { OwnRequest } from "../../runtime/values/server_message.ts";
import {
  askServer,
  GLOBAL_SERVER,
  type GlobalChange,
  type GlobalRequest,
  type Resolver,
  TOO_MANY,
} from "./global_messages.ts";
import { globalServer } from "./global_server.ts";
import { Pauses } from "./global_worker.ts";
import {
  installGlobalRegistry,
  type NameRegistry,
} from "../../gen/server_names.ts";
import { spawnOn } from "../../runtime/spawning/spawn_on_node.ts";
import { Ending } from "../../gen/stop.ts";

/** The name of the service that starts a node's server. */
const GLOBAL_SERVICE = "$global";

/** Has a node start its server when another needs it. */
export function serveGlobal(runtime: Runtime): void {
  runtime.modules.services.set(GLOBAL_SERVICE, () => ({
    fn: () => void globalServer(runtime),
    label: GLOBAL_SERVICE,
  }));
}

/** A lock's resource, and the requester that holds it: processes with the same requester share the lock. */
export type GlobalLockId = readonly [resource: unknown, requester: unknown];

/** Asks the server of the caller's node. */
async function request<T>(asked: GlobalRequest): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return await never();
  const { pid } = globalServer(process.runtime).process;
  return await startCall<T>(process, placeOf(pid), new OwnRequest(asked), {
    timeout: Infinity,
    as: () => ["global", asked.type, []],
  }).promise;
}

function change(asked: GlobalChange): Promise<boolean> {
  return request({ type: "change", change: asked });
}

/** Registers a name; returns `false` if it is taken. */
export async function registerGlobal(
  type: "register" | "re_register",
  name: unknown,
  pid: Pid,
  resolve: Resolver,
): Promise<boolean> {
  if (!(pid instanceof Pid)) {
    throw new TypeError(
      `Cannot register the global name ${inspect(name)} for ${
        inspect(pid)
      }: give a pid`,
    );
  }
  return await change({ type, entry: { name, pid, resolve } });
}

/** Removes a name. */
export async function unregister(name: unknown): Promise<void> {
  await change({ type: "unregister", name });
}

/** Looks a name up; at once if this node has the names of the others. */
export function whereis(
  name: unknown,
): Pid | undefined | Promise<Pid | undefined> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const server = globalServer(process.runtime);
  return server.isSynced
    ? server.names.lookup(name)
    : request({ type: "whereis", name });
}

/** All names. */
export function registeredGlobalNames(): Promise<unknown[]> {
  return request({ type: "registered_names" });
}

/** Waits until this node has the same names as all that it is connected to. */
export function sync(): Promise<"ok"> {
  return request({ type: "sync" });
}

/** Acquires a lock on all of the nodes or none; returns `false` if it fails after that many retries. */
export async function lock(
  [resource, requester]: GlobalLockId,
  nodes: readonly string[] | undefined,
  retries: number,
): Promise<boolean> {
  const process = waitingProcess();
  if (process === undefined) return await never();
  const { runtime } = process;
  const id = copyTerm({ resource, requester }, runtime.maxDepth) as {
    resource: unknown;
    requester: unknown;
  };
  const asked: GlobalRequest = { type: "set_lock", ...id };
  const attempt = async (node: string) => {
    const answer = await askNode(process, node, asked);
    // The nodes of a list are those that the lock is for; else it is enough that this one has it.
    return answer === undefined && nodes !== undefined &&
        await startThere(process, node)
      ? await askNode(process, node, asked)
      : answer;
  };
  const pauses = new Pauses(process);
  for (let times = 0;; times++) {
    const own = globalServer(runtime);
    const all = nodes ?? connected(process);
    if (
      all.length < 2 || !all.includes(runtime.node) ||
      own.isFree(resource, requester)
    ) {
      const answers = await Promise.all(all.map(attempt));
      const full = all.filter((_, i) => answers[i] === TOO_MANY);
      if (!answers.includes(false) && full.length === 0) return true;
      const given = all.filter((_, i) => answers[i] === true);
      await askNodes(process, given, { type: "del_lock", ...id });
      if (full.length > 0) throw tooManyLocks(resource, full);
    }
    if (times >= retries) return false;
    await pauses.wait(times);
  }
}

function tooManyLocks(resource: unknown, nodes: string[]): RangeError {
  return new RangeError(
    `Cannot take the lock ${inspect(resource)}: ${
      nodes.join(", ")
    } keeps no more for this node, or no name as large (limits.maxRemoteEntries there); give some back first`,
  );
}

/** Releases a lock. */
export async function unlock(
  [resource, requester]: GlobalLockId,
  nodes: readonly string[] | undefined,
): Promise<true> {
  const process = waitingProcess();
  if (process === undefined) return await never();
  await askNodes(process, nodes ?? connected(process), {
    type: "del_lock",
    resource,
    requester,
  });
  return true;
}

function connected({ runtime }: LocalProcess): string[] {
  return [runtime.node, ...runtime.visible];
}

function askNodes(
  process: LocalProcess,
  nodes: readonly string[],
  asked: GlobalRequest,
): Promise<unknown[]> {
  return Promise.all(nodes.map((node) => askNode(process, node, asked)));
}

function askNode(
  process: LocalProcess,
  node: string,
  asked: GlobalRequest,
): Promise<unknown> {
  return askServer(process, { node, target: GLOBAL_SERVER }, asked);
}

/** Has a node answer that has not: a node has a server from its first use on, and this is one. */
async function startThere(
  process: LocalProcess,
  node: string,
): Promise<boolean> {
  const start = [GLOBAL_SERVICE, "start"] as const;
  try {
    const { pid } = await spawnOn(node, start, [], false, false);
    await new Ending(process, pid, pid.node).within(Infinity);
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
    return registerGlobal("register", name, pid, "random_exit_name");
  },
  unregisterName: unregister,
  whereisName: whereis,
};

installGlobalRegistry(globalNames);
