/**
 * Starting processes: their code begins when the current one has given way.
 *
 * @module
 */

import { runInside } from "../context/async_context.ts";
import { enqueueStep } from "../scheduling/scheduler.ts";
import type { LocalProcess } from "../processes/local_process.ts";

/**
 * Has a process begin when its turn comes.
 *
 * The scheduler is in no process's context: a process's own context is made there in half the time, as
 * nothing has to be taken over from another.
 */
export function startSoon(
  process: LocalProcess,
  fn: () => unknown,
  run: (process: LocalProcess, fn: () => unknown) => void,
): void {
  enqueueStep(process, () => {
    if (process.alive) runInside(process, run, process, fn);
  });
}
