/** The scopes that run on each node. Code that does not start scopes finds them here, and loads none of their code. */

import { NoProcessError } from "@otp/processes/errors";
import { quote } from "@otp/processes/values/inspect";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import type { GroupMembers, Where } from "./pg_groups.ts";

/** A request to a scope's process from processes of its node. */
export type PgRequest =
  | { type: "join"; group: unknown; pids: Pid[] }
  | { type: "leave"; group: unknown; pids: Pid[] }
  | { type: "monitor"; group: unknown }
  | { type: "monitor_scope" }
  | { type: "demonitor"; ref: Ref };

/** The server of a scope, as other code of its node uses it. */
export interface ScopeServer {
  readonly isRunning: boolean;
  members(group: unknown, where: Where): Pid[];
  /** Returns the groups that have processes. */
  which(where: Where): GroupMembers[];
  /** Removes this node's supervisors from the groups at the peers. */
  withdraw(): void;
  /** Resolves when all peers have handled this node's changes, and what they sent before has arrived. */
  settle(): Promise<void>;
  /** Removes a process of this node from all groups, as often as it is in them. */
  leaveAll(pid: Pid): void;
}

const scopes = new WeakMap<Runtime, Map<string, ScopeServer>>();

export function noteScope(
  runtime: Runtime,
  name: string,
  scope: ScopeServer,
): void {
  let known = scopes.get(runtime);
  if (known === undefined) scopes.set(runtime, known = new Map());
  known.set(name, scope);
}

/** Returns a node's scope by its name, if it runs. */
export function findScope(
  runtime: Runtime,
  name: string,
): ScopeServer | undefined {
  const known = scopes.get(runtime);
  const scope = known?.get(name);
  if (scope === undefined || scope.isRunning) return scope;
  known!.delete(name);
  return undefined;
}

/** Returns the scopes that run on a node, by name. */
export function runningScopes(runtime: Runtime): [string, ScopeServer][] {
  return [...scopes.get(runtime) ?? []].filter(([, scope]) => scope.isRunning);
}

/** Returns a node's scope by its name. Throws a `NoProcessError` if the scope does not run. */
export function runningScope(runtime: Runtime, name: string): ScopeServer {
  const scope = findScope(runtime, name);
  if (scope !== undefined) return scope;
  throw new NoProcessError(
    `Cannot tell the groups of ${
      quote(name)
    }: no such scope runs on ${runtime.node}; start it by pg.startLink(${
      quote(name)
    })`,
  );
}

/**
 * Removes the supervisors of a draining node from all groups of all scopes on other nodes, which can start nothing under
 * them any more. On their own node they remain members, so that running work can finish.
 */
export function withdrawSupervisors(runtime: Runtime): void {
  for (const [, scope] of runningScopes(runtime)) scope.withdraw();
}

/**
 * Resolves when the other nodes have handled all changes of this node's groups, and all messages that they sent to
 * former members before have arrived.
 */
export async function settleGroups(runtime: Runtime): Promise<void> {
  const scopes = runningScopes(runtime);
  await Promise.all(scopes.map(([, scope]) => scope.settle()));
}

/** Removes a process of a node from all groups of all scopes, here and, in order, on other nodes. */
export function leaveAllGroups({ pid, runtime }: LocalProcess): void {
  for (const [, scope] of runningScopes(runtime)) scope.leaveAll(pid);
}
