/** Code that people type, in a shell or after `--eval`. It runs on the node that it starts, until that node stops. */

import type { LocalProcess } from "../process/local_process.ts";
import {
  currentContext,
  type ProcessContext,
} from "../context/async_context.ts";
import { insideOf } from "./current_process.ts";
import { followDefaultRuntime, isUnnamed } from "./default_node.ts";
import { runOn } from "../process/stand_in.ts";

const typed = new WeakSet<ProcessContext>();

/**
 * Marks a process as running typed code. If the process is on the unnamed node, it moves to the default node when a
 * node starts, and back when that node stops.
 */
export function runsTyped(process: LocalProcess): void {
  typed.add(process.context);
  if (!isUnnamed(process.runtime)) return;
  const stop = followDefaultRuntime((runtime) => runOn(process, runtime));
  process.abortSignal().addEventListener("abort", stop, { once: true });
}

export function isTypedCode(): boolean {
  const context = insideOf()?.cold?.standsFor?.context ?? currentContext();
  return context !== undefined && typed.has(context);
}
