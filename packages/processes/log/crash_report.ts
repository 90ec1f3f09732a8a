/** Reports of processes that ended by an error or a logged exit. */

import type { Ancestor } from "../values/lineage.ts";
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

/** The maximum number of named ancestors. */
const MAX_ANCESTORS = 20;

const KINDS = { process: "Process", server: "GenServer", task: "Task" };

export function crashEvent(crash: CrashReport): RuntimeEvent {
  const { reason } = crash;
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

function ancestor(of: Ancestor): string {
  return typeof of === "string" ? printableName(of) : of.toString();
}

/** Creates the event of an exit signal that ends the process shared by all code outside any process. */
export function sharedExitEvent(
  shared: Pid,
  from: Pid,
  reason: unknown,
): RuntimeEvent {
  return {
    level: "warning",
    message:
      `All waits of code outside any process fail: that code shares the process ${shared}, which ends because ${from}, linked to it, exited with ${
        exitWords(reason)
      }. Node.run(fn) runs fn in a process of its own, so that a link made there ends nothing else`,
  };
}
