/**
 * Starting processes: their code begins when the current one has given way.
 *
 * @module
 */

import { runInside } from "./context.ts";
import { afterTurn, isTurnDue } from "./fairness.ts";
import type { Process } from "./process.ts";

/** Runs a process's code from its beginning to its end. */
export type Run = (process: Process, fn: () => unknown) => void;

/** Processes that are to begin, in the order of their spawn, and after each its code. */
const queue: (Process | (() => unknown))[] = [];

let wake: (() => void) | undefined;

/** Has a process begin when the current code has given way. */
export function startSoon(process: Process, fn: () => unknown): void {
  if (queue.push(process, fn) === 2) wake?.();
}

/**
 * Starts all processes of the program, in one loop that is in no process's context: a process's own
 * context is made there in half the time, as nothing has to be taken over from another.
 */
export async function startProcesses(run: Run): Promise<never> {
  for (;;) {
    await new Promise<void>((resolve) => wake = resolve);
    drain(run);
  }
}

function drain(run: Run): void {
  for (let next = 0; next < queue.length; next += 2) {
    if (isTurnDue()) {
      queue.splice(0, next);
      return afterTurn(() => drain(run));
    }
    const process = queue[next] as Process;
    if (!process.alive) continue;
    try {
      runInside(process, run, process, queue[next + 1] as () => unknown);
    } catch (error) {
      // Whoever was told of the process's end has thrown: not a reason to start no others.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
  queue.length = 0;
}
