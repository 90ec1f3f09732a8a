/** Which requests of other nodes to start a process, or to run a function in one, are refused. */

import type { Runtime } from "../process/runtime.ts";
import type { Runnable } from "../signals/signal.ts";
import type { Modules, Resolved } from "../remote/exported_modules.ts";

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
