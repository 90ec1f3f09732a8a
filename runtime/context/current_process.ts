/**
 * The process and the node of the running code.
 *
 * @module
 */

import type { LocalProcess } from "../processes/local_process.ts";
import type { Runtime } from "../runtime.ts";
import { ProcessExited } from "../values/errors.ts";
import { contextProcess } from "./async_context.ts";
import { currentDefault } from "./default_node.ts";

/** The process that the running code is in, if it is in one. */
export function insideOf(): LocalProcess | undefined {
  // Only processes run code: `async_context.ts` cannot name their class, as they depend on it.
  return contextProcess() as LocalProcess | undefined;
}

/** The runtime of the running code: of its process, or of the default node. */
export function currentRuntime(): Runtime {
  return insideOf()?.runtime ?? currentDefault();
}

/**
 * The process of the running code.
 *
 * @throws {ProcessExited} If it has exited.
 */
export function currentProcess(): LocalProcess {
  const process = insideOf();
  if (process === undefined) return currentRuntime().shell();
  if (!process.alive) throw new ProcessExited(process.exitReason);
  return process;
}

/** The process of the running code if it is alive; a dead one's waits never settle. */
export function waitingProcess(): LocalProcess | undefined {
  const process = insideOf();
  if (process === undefined) return currentRuntime().shell();
  return process.alive ? process : undefined;
}

/** The promise that a wait in a dead process returns: it never settles. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
