/**
 * Starting processes: their code begins when the current one has yielded.
 *
 * @module
 */

import { runInside } from "../context/async_context.ts";
import { enqueueStep } from "../scheduling/scheduler.ts";
import type { LocalProcess } from "../processes/local_process.ts";

/**
 * Starts a process when its turn comes.
 *
 * The scheduler runs in no process's context: a process's own context is created there in half the time, as
 * nothing is inherited from another.
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
