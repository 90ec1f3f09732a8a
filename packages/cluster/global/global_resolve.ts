/**
 * Conflicts of names: two parts of the cluster that are joined have the same name for two processes. One of
 * them keeps it, or none, as the resolver of the entry decides: one of the known three, or a function that runs on
 * the node of its process.
 */

import { inspectWithin } from "@otp/processes/values/inspect";
import { spawnError } from "@otp/processes/remote/exported_modules";
import { Pid } from "@otp/processes/values/pid";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { OwnRequest } from "@otp/processes/values/server_message";
import {
  GLOBAL_SERVER,
  type GlobalEntry,
  type Resolver,
} from "./global_messages.ts";
import { FOREIGN_GLOBAL } from "./global_view.ts";
import { type RpcOutcome, startRpc } from "@otp/node/rpc/rpc_call";
import { resolveFor } from "@otp/processes/spawning/spawn_requests";

/** Notifies a process that its name was in conflict. */
export interface GlobalNameConflict {
  /** Always `"global_name_conflict"`. */
  type: "global_name_conflict";
  /** The global name that two processes had. */
  name: unknown;
  /** The other process that had it; only present if neither keeps it. */
  pid?: Pid;
}

/** Decides which process keeps a name; `undefined` if neither does. */
type Decision = (
  process: LocalProcess,
  name: unknown,
  first: Pid,
  second: Pid,
) => Pid | undefined;

/** Ends one of the processes, and the other keeps the name. */
export function exitOne(
  process: LocalProcess,
  name: unknown,
  first: Pid,
  second: Pid,
): Pid {
  const [winner, lost] = ordered(first, second);
  process.runtime.log.report(
    "info",
    () =>
      `global: name conflict, terminating ${lost}, which has the name ${
        inspectWithin(name, 256)
      } as well`,
    { what: "name conflicts of global" },
  );
  process.runtime.signalsTo(lost.node, "by_pid").exit(
    process.pid,
    lost,
    "kill",
  );
  return winner;
}

/** Notifies one of the processes that it has lost the name, and the other keeps it. */
export function notifyOne(
  process: LocalProcess,
  name: unknown,
  first: Pid,
  second: Pid,
): Pid {
  const [winner, lost] = ordered(first, second);
  tellConflict(process, lost, name);
  return winner;
}

/** Notifies both processes, and neither keeps the name. */
export function notifyAll(
  process: LocalProcess,
  name: unknown,
  first: Pid,
  second: Pid,
): undefined {
  tellConflict(process, first, name, second);
  tellConflict(process, second, name, first);
  return undefined;
}

/** Notifies a process of a conflict. */
function tellConflict(
  process: LocalProcess,
  to: Pid,
  name: unknown,
  ...pid: [Pid?]
): void {
  const type = "global_name_conflict";
  const message: GlobalNameConflict = { type, name };
  if (pid[0] !== undefined) message.pid = pid[0];
  process.send(to, new OwnRequest(message, GLOBAL_SERVER));
}

/** The order that all nodes use: the process on the node of the smaller name is first. */
function ordered(first: Pid, second: Pid): [winner: Pid, lost: Pid] {
  return first.node < second.node ? [first, second] : [second, first];
}

const DECISIONS: Record<string, Decision> = {
  random_exit_name: exitOne,
  random_notify_name: notifyOne,
  notify_all_name: notifyAll,
};

/** Decides by a known resolver which process keeps a name; `undefined` if neither does. */
export function decide(
  resolve: Resolver & string,
  ...asked: Parameters<Decision>
): Pid | undefined {
  return DECISIONS[resolve](...asked);
}

/** Resolves a conflict of one's own entry with another's; returns the entry that is kept. */
export async function resolveConflict(
  process: LocalProcess,
  own: GlobalEntry,
  other: GlobalEntry,
): Promise<GlobalEntry | undefined> {
  const { name, resolve } = own;
  let winner: unknown;
  if (typeof resolve === "string") {
    winner = decide(resolve, process, name, other.pid, own.pid);
  } else {
    const args = [name, other.pid, own.pid];
    const { node } = own.pid;
    const [called, given] = Array.isArray(resolve)
      ? [resolve, args]
      : FOREIGN_GLOBAL.of(process.runtime)!.resolverCall(resolve, args);
    // It runs on the node of its process, whose program knows how to resolve the conflict.
    const outcome = refusal(process, own, args) ??
      await startRpc(process, node, called, given, Infinity);
    // If it fails, the other process keeps the name; a thrown value is its result.
    winner = outcome.type === "ok" || outcome.type === "throw"
      ? outcome.value
      : other.pid;
    if (
      outcome.type !== "ok" || !(winner instanceof Pid || winner === undefined)
    ) {
      process.runtime.log.report(
        "warning",
        () =>
          `global: ${
            Array.isArray(resolve) ? resolve.join(".") : resolve
          }, asked who keeps the name ${inspectWithin(name, 256)}, gave ${
            inspectWithin(outcome, 1024)
          }`,
        { what: "name conflicts of global that were not decided" },
      );
    }
  }
  if (own.pid.equals(winner)) return own;
  return other.pid.equals(winner) ? other : undefined;
}

/** Why a function of this node is not asked: the node that named it may not have it run here. */
function refusal(
  { runtime }: LocalProcess,
  { pid, resolve, by }: GlobalEntry,
  args: unknown[],
): RpcOutcome | undefined {
  const isOwn = pid.node === runtime.node;
  if (!isOwn || by === undefined || !Array.isArray(resolve)) return undefined;
  const [module, fn] = resolve;
  const found = resolveFor(
    runtime,
    { module, function: fn, args },
    by,
    "resolveWithin",
  );
  if (!("error" in found)) return undefined;
  return {
    type: "error",
    error: spawnError(runtime.node, found, "resolve a conflict"),
  };
}
