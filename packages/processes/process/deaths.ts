/**
 * The end of processes.
 *
 * `terminate` is the only end. The process is dead at once: its number, name and aliases are free, and no signal
 * finds it. Then every linked or monitoring process is notified. A death may cause others, which wait in a queue,
 * because a chain of links can be longer than the stack. No step of a death throws: that would keep other processes
 * from being notified of this death, or of the deaths after it.
 */

import { Fifo } from "../collections/fifo.ts";
import type { Runtime } from "./runtime.ts";
import { isExitError, reasonOf } from "../values/error_classes.ts";
import { sendableReason, sendReason } from "../values/sendable_reason.ts";
import type { Pid, Ref } from "../values/pid.ts";
import { isReported, reportCrash } from "./crash_reports.ts";
import type { Link, Watcher } from "./links_and_monitors.ts";
import {
  type ColdState,
  endMonitor,
  type LocalProcess,
} from "./local_process.ts";

import { removeFromTables } from "./process_table.ts";

/** Exited processes of all nodes of the program whose exit is not yet announced. */
const ended = new Fifo<LocalProcess>();
let isAnnouncing = false;

/** Ends a process: other processes find it dead from now on. */
export function terminate(process: LocalProcess, reason: unknown): void {
  if (!process.alive) return;
  process.alive = false;
  process.context.end(sendableReason(reason, process.runtime.maxDepth));
  removeFromTables(process);
  if (process.cold !== undefined) endCold(process, process.cold);
  if (isAlone(process) && !isAnnouncing) return process.close();
  ended.push(process);
  if (isAnnouncing) return;
  isAnnouncing = true;
  try {
    for (let next; (next = ended.shift()) !== undefined;) {
      announce(next);
      next.close();
    }
  } finally {
    isAnnouncing = false;
  }
}

/** Ends a process whose code threw or rejected. */
export function crash(process: LocalProcess, error: unknown): void {
  if (isExitError(error)) exitProcess(process, reasonOf(error));
  else if (process.alive) {
    const reason = reasonOf(error);
    reportCrash(process, reason);
    terminate(process, reason);
  }
}

/** Ends a process that exits of its own accord. */
export function exitProcess(process: LocalProcess, reason: unknown): void {
  if (!process.alive) return;
  if (isReported(process, reason)) reportCrash(process, reason);
  terminate(process, reason);
}

/** Sends the DOWN of one monitor on a living process, which cannot do the work that the monitor waits for. */
export function failMonitor(
  process: LocalProcess,
  ref: Ref,
  reason: unknown,
): void {
  const { watchers, maxDepth } = process.runtime;
  const watcher = watchers.drop(process, ref);
  if (watcher === undefined) return;
  sendDown(process, watcher, sendableReason(reason, maxDepth));
}

function endCold(process: LocalProcess, cold: ColdState): void {
  const { origin, standIn, standsFor } = cold;
  if (origin !== undefined) process.runtime.quotas.release(origin, "processes");
  process.dropAll();
  process.cancelTimers();
  // A process and its stand-in end together.
  const other = standIn ?? standsFor;
  if (other !== undefined) terminate(other, process.exitReason);
}

function announce(process: LocalProcess): void {
  const { exitReason: reason, links, watchers, indexedWatchers, lineage } =
    process;
  process.links = process.watchers = process.indexedWatchers = undefined;
  // Servers often have tables that are empty by now.
  if (links?.only !== undefined) endLink(process, links.only, reason);
  else if (links !== undefined && links.size > 0) {
    for (const link of links.values()) endLink(process, link, reason);
  }
  lineage?.starting?.exited(reason);
  if (watchers !== undefined && watchers.size > 0) {
    for (const watcher of watchers.values()) sendDown(process, watcher, reason);
  }
  lineage?.stopping?.exited(reason);
  if (indexedWatchers !== undefined) {
    for (const watcher of indexedWatchers) {
      process.runtime.watchers.removeFromIndex(watcher);
      sendDown(process, watcher, reason);
    }
  }
  if (isEmpty(process.entries)) return;
  for (const { ref, target, node } of process.monitors()) {
    try {
      endMonitor(process, ref, target, node);
    } catch {
      // The monitor then ends with the connection.
    }
  }
}

function endLink(process: LocalProcess, link: Link, reason: unknown): void {
  process.releaseLink(link);
  if (link.unlinking === 0) sendExit(process, link, reason);
}

// Sends without `sendReason` first, because its closure costs 100 bytes per signal, more than the signal itself.

function sendExit(
  { runtime, pid }: LocalProcess,
  { pid: to }: Link,
  reason: unknown,
): void {
  try {
    runtime.signalsTo(to.node).exitLink(pid, to, reason);
  } catch {
    sendExitPlainly(runtime, pid, to, reason);
  }
}

function sendExitPlainly(
  runtime: Runtime,
  pid: Pid,
  to: Pid,
  reason: unknown,
): void {
  sendReason(
    reason,
    (plain) => runtime.signalsTo(to.node).exitLink(pid, to, plain),
  );
}

function sendDown(
  { runtime, pid }: LocalProcess,
  watcher: Watcher,
  reason: unknown,
): void {
  const { pid: to, ref, name } = watcher;
  try {
    runtime.signalsTo(to.node).down(pid, to, ref, reason, name);
  } catch {
    sendDownPlainly(runtime, pid, watcher, reason);
  }
}

function sendDownPlainly(
  runtime: Runtime,
  pid: Pid,
  { pid: to, ref, name }: Watcher,
  reason: unknown,
): void {
  sendReason(
    reason,
    (plain) => runtime.signalsTo(to.node).down(pid, to, ref, plain, name),
  );
}

/** Whether no process must be notified of an exit. */
function isAlone(
  { lineage, links, watchers, indexedWatchers, entries }: LocalProcess,
): boolean {
  return lineage?.starting === undefined && lineage?.stopping === undefined &&
    isEmpty(links) && isEmpty(watchers) && isEmpty(entries) &&
    (indexedWatchers === undefined || indexedWatchers.isEmpty);
}

function isEmpty(table: { readonly size: number } | undefined): boolean {
  return table === undefined || table.size === 0;
}
