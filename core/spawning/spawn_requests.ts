/** Requests of any node to start a process, and the replies to them. */

import { endMonitor } from "../processes/local_process.ts";
import type { Runtime } from "../processes/runtime.ts";
import type { Runnable, SpawnRequest, SpawnResult } from "../signals/signal.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { Modules, Resolved } from "../remote/exported_modules.ts";

/** Starts a requested process, or replies with the refusal. */
export function startRequested(
  runtime: Runtime,
  from: Pid,
  request: SpawnRequest,
): void {
  const { ref, run, link, monitor, groupLeader } = request;
  const found = resolveFor(runtime, run, from.node, "resolveSpawn");
  if ("error" in found) {
    runtime.back(from.node).spawnReply(runtime.nobody, from, ref, found);
    return;
  }
  runtime.spawn(found.fn, {
    parent: from,
    groupLeader,
    label: found.label,
    kind: found.kind,
    link: link ? from : undefined,
    monitor: monitor ? { pid: from, ref } : undefined,
    replyTo: { pid: from, ref },
    origin: from.node,
  });
}

/** The refusal by a draining node, which tells other nodes to ask elsewhere. */
export const NODE_DRAINS: Resolved & { error: unknown } = {
  error: "draining",
  message:
    "the node is draining: it finishes its work and takes nothing new; ask another node",
};

/** Returns the requested function, ready to run, or the reason of the refusal. */
export function resolveFor(
  { node: own, modules, quotas, isDraining }: Runtime,
  run: Runnable,
  node: string,
  by: "resolve" | "resolveSpawn" | "resolveWithin",
): Resolved {
  const how = by === "resolveSpawn" ? by : "resolve";
  if (node === own) return modules[how](run);
  const limit = quotas.refusal(node, "processes");
  const found: Resolved = limit !== undefined
    ? { error: "limit", message: limit }
    : isDraining && isNew(run, modules, by)
    ? NODE_DRAINS
    : modules[how](run, node);
  if ("error" in found) quotas.refused(node, found.error, found.message);
  return found;
}

/** Whether a request brings new work. A service of the node decides for itself. */
function isNew(run: Runnable, { services }: Modules, by: string): boolean {
  if (by === "resolve") return true;
  return by === "resolveSpawn" &&
    !("module" in run && services.has(run.module));
}

/** Delivers the reply to a spawn request to the waiting process. */
export function deliverSpawnReply(
  runtime: Runtime,
  from: Pid,
  to: Pid,
  ref: Ref,
  result: SpawnResult,
): void {
  const process = runtime.find(to);
  const wait = process?.entries?.get(ref.number)?.wait;
  if (
    process === undefined || wait?.spawned === undefined ||
    wait.node !== from.node || ref.creation !== runtime.creation
  ) {
    // The caller has exited, or asked another node: end the new process's link and monitor.
    if ("pid" in result) {
      const back = runtime.back(from.node);
      if (result.link) back.exitLink(to, from, "noproc");
      if (result.monitor) {
        endMonitor({ runtime, pid: to }, ref, from, from.node);
      }
    }
    return;
  }
  if ("pid" in result) {
    // The process may have learned of the new process from others, and have linked and unlinked it by now.
    if (result.link && process.links?.get(result.pid) === undefined) {
      process.addLink(result.pid, false, wait.tellsEnd);
    }
    if (result.monitor) process.addMonitor(ref, result.pid, from.node);
  }
  wait.spawned(result);
}
