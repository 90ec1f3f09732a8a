/** The process and the node of the running code. */

import type { LocalProcess } from "../process/local_process.ts";
import type { Runtime } from "../process/runtime.ts";
import { ProcessExited } from "../values/error_classes.ts";
import { currentContext } from "../context/async_context.ts";
import { currentDefault } from "./default_node.ts";
import { shellProcess } from "../spawning/spawn_process.ts";

/** Returns the process of the running code, if the code is in a living process. */
export function insideOf(): LocalProcess | undefined {
  // `async_context.ts` is below the class of processes, and cannot name it.
  const process = currentContext()?.process as LocalProcess | undefined;
  return process?.cold?.standIn ?? process;
}

/** Returns the runtime of the running code: of its process, or of the default node. */
export function currentRuntime(): Runtime {
  const context = currentContext();
  if (context === undefined) return currentDefault();
  return (context.process?.cold?.standIn ?? context).runtime as Runtime;
}

/** Returns the process of the running code. Throws a `ProcessExited` if the process has exited. */
export function currentProcess(): LocalProcess {
  const process = insideOf();
  if (process?.alive) return process;
  const context = currentContext();
  if (context === undefined) return shellProcess(currentDefault());
  throw new ProcessExited((process ?? context).exitReason);
}

/** Returns the process of the running code, if alive: waits of an exited process never settle. */
export function waitingProcess(): LocalProcess | undefined {
  const process = insideOf();
  if (process?.alive) return process;
  return currentContext() === undefined
    ? shellProcess(currentDefault())
    : undefined;
}

/** Returns the promise for a wait of an exited process: it never settles. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
