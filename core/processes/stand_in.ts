/**
 * Code that goes on as a process of a node that was started meanwhile.
 *
 * A runtime belongs to one node for life, and so do its processes. Code that people type on no node, and
 * that starts one, is on that node from then on, as in iex. So its process gets a *stand-in* there: all
 * its code runs as the stand-in (`insideOf`), also what was running as it was made. The two share mailbox
 * and dictionary, so that what is sent to either pid arrives; each has its own links, monitors, aliases
 * and timers, and they end together. When the node stops, the stand-in is released before the
 * node's processes end, and the code is that of the first process again.
 *
 * @module
 */

import { Mailbox } from "./mailbox.ts";
import type { LocalProcess } from "./local_process.ts";
import type { Runtime } from "./runtime.ts";

/** Makes the code of a process run on another node of this program; on its own node, without a stand-in. */
export function runOn(process: LocalProcess, runtime: Runtime): void {
  if (process.cold?.standIn?.runtime === runtime || !process.alive) return;
  const before = process.cold?.standIn;
  if (before !== undefined) release(process, before);
  if (process.runtime !== runtime) standIn(process, runtime);
}

function standIn(process: LocalProcess, runtime: Runtime): void {
  const made = runtime.makeStandIn(process.label);
  process.dictionary ??= new Map();
  made.dictionary = process.dictionary;
  made.mailbox = process.mailbox;
  made.trapExit = process.trapExit;
  made.ownCold().standsFor = process;
  process.ownCold().standIn = made;
  if (process.name !== undefined) runtime.register(process.name, made);
}

function release(process: LocalProcess, made: LocalProcess): void {
  process.ownCold().standIn = undefined;
  made.ownCold().standsFor = undefined;
  // Its exit, which comes with that of its node, closes its mailbox.
  made.mailbox = new Mailbox();
  if (made.name !== undefined) process.runtime.register(made.name, process);
}

/** Ends the other one of a process and its stand-in, when one of them has exited. */
export function endBoth(
  { cold, exitReason }: LocalProcess,
): void {
  const other = cold?.standIn ?? cold?.standsFor;
  if (other !== undefined) other.runtime.terminate(other, exitReason);
}
