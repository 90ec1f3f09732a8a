/** The log of crashes: which exits are logged, and what the log says of the process. */

import { crashEvent } from "../log/crash_report.ts";
import type { CrashReport } from "../log/log_event.ts";
import { isOrderly } from "../values/exit_reason.ts";
import { sendableReason } from "../values/sendable_reason.ts";
import type { LocalProcess } from "./local_process.ts";

/** Logs the crash of a process. */
export function reportCrash(process: LocalProcess, reason: unknown): void {
  const origin = process.cold?.origin;
  process.runtime.log.report(
    "error",
    () => crashEvent(crashReportOf(process, reason)),
    origin === undefined
      ? undefined
      : { what: "crashes of processes started", peer: origin },
  );
}

/** Whether an exit is logged like a crash: an abnormal exit of a process with a lineage is. */
export function isReported(
  { lineage, runtime }: LocalProcess,
  reason: unknown,
): boolean {
  return lineage !== undefined && lineage.starting === undefined &&
    reason !== "normal" &&
    !isOrderly(sendableReason(reason, runtime.maxDepth));
}

function crashReportOf(process: LocalProcess, reason: unknown): CrashReport {
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
