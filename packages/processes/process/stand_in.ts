/**
 * Lets the code of a process continue on a node that has been started meanwhile.
 *
 * A runtime belongs to one node for life, and so do its processes. If typed code outside a started node starts one, the
 * code is on that node from then on, as in iex. So the code's process gets a *stand-in* there. All its code, including
 * code that was running already, then runs as the stand-in (`insideOf`). The two share mailbox and dictionary, so
 * messages to either pid arrive; each has its own links, monitors, aliases and timers, and they end together. When the
 * node stops, the stand-in is released before the node's processes end, and the code runs as the first process again.
 */

import { Mailbox } from "./mailbox.ts";
import type { LocalProcess } from "./local_process.ts";
import { addIdleProcess } from "./process_table.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Makes the code of a process run on another node of this program; on the process's own node, it removes the stand-in.
 */
export function runOn(process: LocalProcess, runtime: Runtime): void {
  if (process.cold?.standIn?.runtime === runtime || !process.alive) return;
  const before = process.cold?.standIn;
  if (before !== undefined) release(process, before);
  if (process.runtime !== runtime) standIn(process, runtime);
}

function standIn(process: LocalProcess, runtime: Runtime): void {
  const made = addIdleProcess(runtime, process.label);
  process.dictionary ??= new Map();
  made.dictionary = process.dictionary;
  made.mailbox = process.mailbox;
  made.trapExit = process.trapExit;
  made.ownCold().standsFor = process;
  process.ownCold().standIn = made;
  if (process.name !== undefined) runtime.names.register(process.name, made);
}

function release(process: LocalProcess, made: LocalProcess): void {
  process.ownCold().standIn = undefined;
  made.ownCold().standsFor = undefined;
  // The exit of the stand-in, when its node stops, would close the shared mailbox.
  made.mailbox = new Mailbox();
  if (made.name !== undefined) {
    process.runtime.names.register(made.name, process);
  }
}
