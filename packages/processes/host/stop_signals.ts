/** The signals of the operating system that ask a program to stop. */

import nodeProcess from "node:process";

/** A signal that asks a program to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** The signals that ask a program to stop. */
export const STOP_SIGNALS: readonly unknown[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * The time in milliseconds within which signals count as one: `deno task` forwards the Ctrl-C that the terminal has
 * already sent to all of its processes.
 */
const ONE_SIGNAL = 200;

/** The exit code after a second signal. */
const FAILED = 1;

let hasSignalPipe = false;

/**
 * Makes the host open its pipe for signals, once. Deno 2.9 opens the pipe when a program takes its first signal, or
 * in its first second, and panics if no file descriptor is left then: a node calls this before it listens.
 */
export function openSignalPipe(): void {
  if (hasSignalPipe) return;
  hasSignalPipe = true;
  // By default, this signal has no effect.
  nodeProcess.on("SIGWINCH", ignore);
  nodeProcess.off("SIGWINCH", ignore);
}

function ignore(): void {}

/**
 * Calls back at the first stop signal; a second signal ends the program at once. Returns a function that removes the
 * handlers.
 */
export function onStopSignal(
  signals: readonly StopSignal[],
  first: (signal: StopSignal) => void,
): () => void {
  let since: number | undefined;
  const listener = (signal: string) => {
    const now = performance.now();
    if (since === undefined) {
      since = now;
      first(signal as StopSignal);
    } else if (now - since > ONE_SIGNAL) nodeProcess.exit(FAILED);
  };
  for (const each of signals) nodeProcess.on(each, listener);
  return () => {
    for (const each of signals) nodeProcess.off(each, listener);
  };
}
