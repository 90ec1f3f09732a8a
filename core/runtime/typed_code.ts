/**
 * Code that people type, in a shell or after `--eval`: it runs on the node that it starts, until that node stops.
 *
 * @module
 */

import type { LocalProcess } from "../processes/local_process.ts";
import {
  currentContext,
  type ProcessContext,
} from "../context/async_context.ts";
import { insideOf } from "./current_process.ts";
import { followDefaultRuntime, isUnnamed } from "./default_node.ts";
import { runOn } from "../processes/stand_in.ts";

/** The contexts of code that people type. */
const typed = new WeakSet<ProcessContext>();

/**
 * Marks a process as running code that people type. A process of the unnamed node moves to the default node as soon
 * as a node is started, and back when that node stops.
 */
export function runsTyped(process: LocalProcess): void {
  typed.add(process.context);
  if (!isUnnamed(process.runtime)) return;
  const stop = followDefaultRuntime((runtime) => runOn(process, runtime));
  process.abortSignal().addEventListener("abort", stop, { once: true });
}

/** Whether the running code was typed by people, in a shell or after `--eval`. */
export function isTypedCode(): boolean {
  const context = insideOf()?.cold?.standsFor?.context ?? currentContext();
  return context !== undefined && typed.has(context);
}
