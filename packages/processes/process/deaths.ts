/**
 * The end of processes.
 *
 * `terminate` is the only end. The process is dead at once: its number, name and aliases are free, and no signal
 * finds it. Then every linked or monitoring process is notified. A death may cause others, which wait in a queue,
 * because a chain of links can be longer than the stack. No step of a death throws: that would keep other processes
 * from being notified of this death, or of the deaths after it.
 */

import { Fifo } from "../collections/fifo.ts";
import { endBoth } from "./stand_in.ts";
import { crashEvent } from "../log/crash_report.ts";
import type { CrashReport } from "../log/log_event.ts";
import type { Runtime } from "./runtime.ts";
import { isExitError, reasonOf } from "../values/error_classes.ts";
import { isOrderly } from "../values/exit_reason.ts";
import { sendableReason, sendReason } from "../values/sendable_reason.ts";
import type { Pid, Ref } from "../values/pid.ts";
import type { Link, Watcher } from "./links_and_monitors.ts";
import {
  type ColdState,
  endMonitor,
  type LocalProcess,
} from "./local_process.ts";
import type { Watchers } from "./watchers.ts";

export class Deaths {
  readonly #runtime: Runtime;
  readonly #watchers: Watchers;
  /** Exited processes whose exit is not yet announced. */
  readonly #ended = new Fifo<LocalProcess>();
  #isEnding = false;

  constructor(runtime: Runtime, watchers: Watchers) {
    this.#runtime = runtime;
    this.#watchers = watchers;
  }

  terminate(process: LocalProcess, reason: unknown): void {
    if (!process.alive) return;
    process.alive = false;
    process.context.end(sendableReason(reason, this.#runtime.maxDepth));
    this.#runtime.forget(process);
    if (process.cold !== undefined) this.#endCold(process, process.cold);
    if (isAlone(process) && !this.#isEnding) return process.close();
    if (this.#isEnding) return this.#ended.push(process);
    this.#isEnding = true;
    try {
      for (
        let next: LocalProcess | undefined = process;
        next !== undefined;
        next = this.#ended.shift()
      ) {
        this.#announce(next);
        next.close();
      }
    } finally {
      this.#isEnding = false;
    }
  }

  #endCold(process: LocalProcess, { origin }: ColdState): void {
    if (origin !== undefined) this.#runtime.quotas.release(origin, "processes");
    process.dropAll();
    process.cancelTimers();
    endBoth(process);
  }

  #announce(process: LocalProcess): void {
    const { exitReason: reason, links, watchers, indexedWatchers, lineage } =
      process;
    process.links = process.watchers = process.indexedWatchers = undefined;
    // Servers often have tables that are empty by now.
    if (links?.only !== undefined) this.#endLink(process, links.only, reason);
    else if (links !== undefined && links.size > 0) {
      for (const link of links.values()) this.#endLink(process, link, reason);
    }
    lineage?.starting?.exited(reason);
    if (watchers !== undefined && watchers.size > 0) {
      for (const watcher of watchers.values()) {
        this.#down(process, watcher, reason);
      }
    }
    lineage?.stopping?.exited(reason);
    if (indexedWatchers !== undefined) {
      for (const watcher of indexedWatchers) {
        this.#watchers.forget(watcher);
        this.#down(process, watcher, reason);
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

  #endLink(process: LocalProcess, link: Link, reason: unknown): void {
    process.releaseLink(link);
    if (link.unlinking === 0) this.#exitLink(process, link, reason);
  }

  // Sends without `sendReason` first, because its closure costs 100 bytes per signal, more than the signal itself.

  #exitLink({ pid }: LocalProcess, { pid: to }: Link, reason: unknown): void {
    try {
      this.#runtime.back(to.node).exitLink(pid, to, reason);
    } catch {
      this.#exitLinkPlainly(pid, to, reason);
    }
  }

  #exitLinkPlainly(pid: Pid, to: Pid, reason: unknown): void {
    sendReason(
      reason,
      (plain) => this.#runtime.back(to.node).exitLink(pid, to, plain),
    );
  }

  #down({ pid }: LocalProcess, watcher: Watcher, reason: unknown): void {
    const { pid: to, ref, name } = watcher;
    try {
      this.#runtime.back(to.node).down(pid, to, ref, reason, name);
    } catch {
      this.#downPlainly(pid, watcher, reason);
    }
  }

  #downPlainly(
    pid: Pid,
    { pid: to, ref, name }: Watcher,
    reason: unknown,
  ): void {
    sendReason(
      reason,
      (plain) => this.#runtime.back(to.node).down(pid, to, ref, plain, name),
    );
  }

  failMonitor(process: LocalProcess, ref: Ref, reason: unknown): void {
    const watcher = this.#watchers.drop(process, ref);
    if (watcher === undefined) return;
    this.#down(
      process,
      watcher,
      sendableReason(reason, this.#runtime.maxDepth),
    );
  }

  crash(process: LocalProcess, error: unknown): void {
    if (isExitError(error)) this.leave(process, reasonOf(error));
    else if (process.alive) {
      const reason = reasonOf(error);
      this.#reportCrash(process, reason);
      this.terminate(process, reason);
    }
  }

  leave(process: LocalProcess, reason: unknown): void {
    if (!process.alive) return;
    if (this.#isReported(process, reason)) this.#reportCrash(process, reason);
    this.terminate(process, reason);
  }

  #reportCrash(process: LocalProcess, reason: unknown): void {
    const origin = process.cold?.origin;
    this.#runtime.log.report(
      "error",
      () => crashEvent(crashReportOf(process, reason)),
      origin === undefined
        ? undefined
        : { what: "crashes of processes started", peer: origin },
    );
  }

  /** Whether an exit is logged like a crash: an abnormal exit of a process with a lineage is. */
  #isReported({ lineage }: LocalProcess, reason: unknown): boolean {
    return lineage !== undefined && lineage.starting === undefined &&
      reason !== "normal" &&
      !isOrderly(sendableReason(reason, this.#runtime.maxDepth));
  }
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
