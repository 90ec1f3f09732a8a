/** How a process enters the tables of its node, and leaves them. */

import { LocalProcess, type ProcessOptions } from "./local_process.ts";
import type { Runtime } from "./runtime.ts";

/** Creates a process of a node, and lists it; `starter` is the parent, if that is a process of this node. */
export function addProcess(
  runtime: Runtime,
  options: ProcessOptions,
  starter?: LocalProcess,
): LocalProcess {
  const process = new LocalProcess(runtime, options, starter);
  runtime.processes.set(process.pid.number, process);
  const origin = process.cold?.origin;
  if (origin !== undefined) runtime.quotas.acquire(origin, "processes");
  return process;
}

/** Creates a process without code of its own, whose group leader is the node's own. */
export function addIdleProcess(
  runtime: Runtime,
  label: string | undefined,
): LocalProcess {
  const groupLeader = runtime.names.get("user")?.pid;
  return addProcess(runtime, { label, groupLeader });
}

/** Frees the number, the name and the aliases of an exited process. */
export function removeFromTables(process: LocalProcess): void {
  const { runtime, pid, name, entries } = process;
  runtime.processes.delete(pid.number);
  if (name !== undefined) runtime.names.delete(name);
  for (const entry of entries?.values() ?? []) {
    if (entry.alias !== undefined) runtime.aliases.delete(entry.ref.number);
    entry.alias = undefined;
  }
}
