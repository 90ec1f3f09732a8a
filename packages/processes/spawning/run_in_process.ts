/**
 * Runs a function in a process of its own, for code outside any process: a program's top level, or the handler of a
 * web server.
 */

import { ExitError } from "../values/error_classes.ts";
import { checkOptions, SIGNAL } from "../values/check_arguments.ts";
import { contextFor } from "../context/async_context.ts";
import { assertFunction } from "../remote/exported_modules.ts";
import type { LocalProcess } from "../process/local_process.ts";
import type { Runtime } from "../process/runtime.ts";
import type { OptionChecks } from "../values/options.ts";
import { terminate } from "../process/deaths.ts";
import { spawnProcess } from "./spawn_process.ts";

/** Options for running a function in a process of its own. */
export interface RunOptions {
  /**
   * A signal whose abort ends the process, like an exit signal with the reason `"shutdown"`.
   *
   * @default {undefined}
   */
  signal?: AbortSignal;
}

const RUN_OPTIONS: OptionChecks<RunOptions> = { signal: SIGNAL };

/**
 * Runs a function in a new process of a node; the promise settles as the function does.
 *
 * The process exits when the function's promise settles. If an exit signal ends the process first, the promise
 * rejects with `ExitError`; an abort rejects it with the signal's reason.
 */
export function runIn<T>(
  runtime: Runtime,
  fn: () => T | Promise<T>,
  options: RunOptions = {},
): Promise<T> {
  assertFunction(fn);
  checkOptions(options, "run a function", RUN_OPTIONS, "{ signal }");
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const runAs = contextFor<T | Promise<T>>();
  const process: LocalProcess = spawnProcess(runtime, async () => {
    try {
      resolve(await runAs(process, fn));
    } catch (error) {
      reject(error);
      // The caller receives the error, so no crash report repeats it.
      if (process.alive) {
        terminate(
          process,
          error instanceof ExitError ? error.reason : error,
        );
      }
    }
  }, { groupLeader: runtime.names.get("user")?.pid, label: "run" });
  process.abortSignal().addEventListener("abort", () => {
    signal?.removeEventListener("abort", end);
    reject(new ExitError(process.exitReason));
  });
  function end(): void {
    reject(signal!.reason);
    runtime.local.exit(runtime.nobody, process.pid, "shutdown");
  }
  signal?.addEventListener("abort", end);
  return promise;
}
