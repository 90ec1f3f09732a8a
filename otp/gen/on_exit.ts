/**
 * Code that runs when a server's process exits, however it does: `terminate` of a server does not run if its
 * process is killed.
 */

import type { LocalProcess } from "../../core/processes/local_process.ts";
import { ignore } from "../../core/promises/promises.ts";

/** Calls back when a process exits, as code of no process in particular. */
export function onExit(process: LocalProcess, fn: () => void): void {
  const { runtime } = process;
  process.await(runtime.makeRef(), {
    node: runtime.node,
    reply: ignore,
    down: ignore,
    abandon: fn,
  });
}
