/**
 * The supervision trees of a node, as an observer sees them: read from the supervisors' tables, without a message to any
 * supervisor.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { suspensionOf } from "@otp/servers/server/suspension";
import {
  type SupervisedChild,
  supervisionOf,
} from "@otp/servers/supervisor/supervision";
import { kindOf, labelOf, MAX_TEXT } from "./observed_texts.ts";
import type { ObservedChild, ObservedTree } from "./observed_terms.ts";

/** The maximum number of children of a supervisor, and of entries of a tree. */
const MAX_CHILDREN = 200;
const MAX_ENTRIES = 2000;

/** The maximum depth of a tree, since supervisors can be nested to any depth. */
const MAX_DEPTH = 30;

interface Budget {
  left: number;
}

export function observeTree(runtime: Runtime): ObservedTree {
  const budget = { left: MAX_ENTRIES };
  const roots: ObservedChild[] = [];
  const supervisors = runtime.processes.unordered()
    .filter((process) => supervisionOf(process) !== undefined)
    .sort((one, other) => one.pid.number - other.pid.number);
  const supervised = supervisedNumbers(runtime, supervisors);
  let more = 0;
  for (const process of supervisors) {
    if (supervised.has(process.pid.number)) continue;
    if (budget.left <= 0) more++;
    else roots.push(entryOf(process, undefined, budget, MAX_DEPTH));
  }
  return { roots, more };
}

export function childrenOf(
  process: LocalProcess,
): Pick<ObservedChild, "children" | "more"> {
  return children(process, { left: MAX_CHILDREN }, 1);
}

/** Returns the numbers of the supervisors that are children of other supervisors. */
function supervisedNumbers(
  runtime: Runtime,
  supervisors: readonly LocalProcess[],
): Set<number> {
  const all = new Set(supervisors.map(({ pid }) => pid.number));
  const numbers = new Set<number>();
  for (const process of supervisors) {
    for (const { pid } of supervisionOf(process)!.supervised()) {
      if (pid?.node !== runtime.node || !all.has(pid.number)) continue;
      numbers.add(pid.number);
    }
  }
  return numbers;
}

function children(
  process: LocalProcess,
  budget: Budget,
  depth: number,
): Pick<ObservedChild, "children" | "more"> {
  const supervision = supervisionOf(process);
  const found: ObservedChild[] = [];
  if (supervision === undefined || depth <= 0) {
    return { children: found, more: supervision?.size() ?? 0 };
  }
  for (const child of supervision.supervised()) {
    if (found.length >= MAX_CHILDREN || budget.left <= 0) break;
    found.push(childOf(process.runtime, child, budget, depth - 1));
  }
  return { children: found, more: supervision.size() - found.length };
}

function childOf(
  runtime: Runtime,
  child: SupervisedChild,
  budget: Budget,
  depth: number,
): ObservedChild {
  const { pid } = child;
  const process = pid && runtime.find(pid);
  if (process !== undefined) return entryOf(process, child, budget, depth);
  budget.left--;
  return {
    ...detailsOf(child),
    pid,
    name: (child.id ?? String(pid)).slice(0, MAX_TEXT),
    kind: child.type,
    messageQueueLen: 0,
    suspendedBy: undefined,
    children: [],
    more: 0,
  };
}

function entryOf(
  process: LocalProcess,
  child: SupervisedChild | undefined,
  budget: Budget,
  depth: number,
): ObservedChild {
  budget.left--;
  const { pid, name, label, mailbox } = process;
  return {
    ...detailsOf(child),
    pid,
    name: (name ?? labelOf(process) ?? label ?? "a function").slice(
      0,
      MAX_TEXT,
    ),
    kind: kindOf(process),
    messageQueueLen: mailbox.length,
    suspendedBy: suspensionOf(process)?.by,
    ...children(process, budget, depth),
  };
}

function detailsOf(child: SupervisedChild | undefined): Pick<
  ObservedChild,
  "id" | "restarting" | "restarts" | "lastReason" | "lastRestart"
> {
  const { restarts } = child ?? {};
  return {
    id: child?.id?.slice(0, MAX_TEXT),
    restarting: child?.restarting ?? false,
    restarts: restarts?.count ?? 0,
    lastReason: restarts?.reason,
    lastRestart: restarts?.at,
  };
}
