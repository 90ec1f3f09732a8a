/**
 * The process and the node of the running code.
 *
 * @module
 */

import type { LocalProcess } from "../processes/local_process.ts";
import type { Runtime } from "../processes/runtime.ts";
import { ProcessExited } from "../values/error_classes.ts";
import { currentContext } from "../context/async_context.ts";
import { currentDefault } from "./default_node.ts";

/** The process that the running code is in, if it is in one that is alive. */
export function insideOf(): LocalProcess | undefined {
  // `async_context.ts` cannot name the class of processes, which is above it.
  const process = currentContext()?.process as LocalProcess | undefined;
  return process?.cold?.standIn ?? process;
}

/** The runtime of the running code: of its process, or of the default node. */
export function currentRuntime(): Runtime {
  const context = currentContext();
  if (context === undefined) return currentDefault();
  return (context.process?.cold?.standIn ?? context).runtime as Runtime;
}

/**
 * The process of the running code.
 *
 * @throws {ProcessExited} If it has exited.
 */
export function currentProcess(): LocalProcess {
  const process = insideOf();
  if (process?.alive) return process;
  const context = currentContext();
  if (context === undefined) return currentDefault().shell();
  throw new ProcessExited((process ?? context).exitReason);
}

/** The process of the running code, if it is alive: waits of an exited process never settle. */
export function waitingProcess(): LocalProcess | undefined {
  const process = insideOf();
  if (process?.alive) return process;
  return currentContext() === undefined ? currentDefault().shell() : undefined;
}

/** The promise that a wait of an exited process returns: it never settles. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
