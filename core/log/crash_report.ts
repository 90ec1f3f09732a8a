/**
 * Reports of processes that ended by an error, or by an exit that is logged.
 *
 * @module
 */

import type { Ancestor } from "../processes/lineage.ts";
import type { LocalProcess } from "../processes/local_process.ts";
import { inspectArgument } from "../values/inspect.ts";
import type { Pid } from "../values/pid.ts";
import {
  exitLine,
  exitWords,
  indented,
  printableName,
  shownValue,
} from "./event_text.ts";
import type { CrashReport, RuntimeEvent } from "./log_event.ts";

/** The maximum number of ancestors. */
const MAX_ANCESTORS = 20;

const KINDS = { process: "Process", server: "GenServer", task: "Task" };

/** The event of a process that ended by an error. */
export function crashEvent(
  process: LocalProcess,
  reason: unknown,
): RuntimeEvent {
  const crash = crashReport(process, reason);
  const { pid, name, kind, initialCall, parent, ancestors, callers } = crash;
  const who = name === undefined ? "" : ` (${printableName(name)})`;
  const starter = callers[0] ?? parent;
  const from = kind === "task" && starter !== undefined
    ? ` started from ${starter}`
    : "";
  const lines = [
    `${KINDS[kind]} ${pid}${who}${from} terminating`,
    `** ${exitLine(reason)}`,
    `Initial call: ${printableName(initialCall ?? "a function")}`,
  ];
  if ("label" in crash) lines.push(`Process Label: ${shownValue(crash.label)}`);
  if ("lastMessage" in crash) {
    const client = crash.client === undefined ? "" : ` (from ${crash.client})`;
    lines.push(`Last message${client}: ${inspectArgument(crash.lastMessage)}`);
  }
  if ("state" in crash) lines.push(`State: ${shownValue(crash.state)}`);
  if (kind === "process" && parent !== undefined) {
    lines.push(`Started by: ${parent}`);
  }
  if (ancestors.length > 0) {
    const nearest = ancestors.slice(0, MAX_ANCESTORS).map(ancestor);
    if (ancestors.length > MAX_ANCESTORS) nearest.push("...");
    lines.push(`Ancestors: [${nearest.join(", ")}]`);
  }
  if (callers.length > 0) lines.push(`Callers: ${shownValue(callers)}`);
  if (crash.links.length > 0) lines.push(`Links: ${shownValue(crash.links)}`);
  if (crash.messageQueueLen > 0) {
    lines.push(`Messages waiting: ${crash.messageQueueLen}`);
  }
  return { level: "error", message: indented(lines), crash };
}

function crashReport(process: LocalProcess, reason: unknown): CrashReport {
  const { pid, name, label, parent, lineage, trapExit, mailbox } = process;
  const { ownLabel } = process;
  return {
    pid,
    name,
    kind: lineage?.kind ?? "process",
    initialCall: label || undefined,
    ...(ownLabel === undefined ? {} : { label: ownLabel }),
    reason,
    parent,
    ancestors: [...lineage?.ancestors ?? []],
    callers: [...lineage?.callers ?? []],
    links: process.activeLinks(),
    monitors: process.monitored(),
    trapExit,
    messageQueueLen: mailbox.length,
    ...lineage?.context,
  };
}

function ancestor(of: Ancestor): string {
  return typeof of === "string" ? printableName(of) : of.toString();
}

/** The event of an exit signal over a link that ends the process that all code outside any process shares. */
export function sharedExitEvent(
  { pid }: LocalProcess,
  from: Pid,
  reason: unknown,
): RuntimeEvent {
  return {
    level: "warning",
    message:
      `All waits of code outside any process fail: that code shares the process ${pid}, which ends because ${from}, linked to it, exited with ${
        exitWords(reason)
      }. Node.run(fn) runs fn in a process of its own, so that a link made there ends nothing else`,
  };
}
