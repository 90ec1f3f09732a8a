/**
 * The start of a process in the trace of the code that starts it.
 *
 * A task is a span for as long as it runs. A plain process may run for ever, so its span covers only the start, and
 * its code continues the trace. A server continues the traces of its messages.
 */

import type { LocalProcess } from "../process/local_process.ts";
import { traceNow, tracing } from "../context/tracing.ts";

/** Runs the code of a new process in the trace of the running code. */
export function traced(
  process: LocalProcess,
  fn: () => unknown,
): () => unknown {
  const on = tracing;
  const trace = traceNow();
  const { lineage, pid } = process;
  const label = process.label || "a function";
  if (on === undefined) return fn;
  const attributes = { "otp.pid": String(pid), "otp.node": pid.node };
  if (lineage?.kind === "task") {
    const name = `task ${label}`;
    const run = () => untilExit(process, fn());
    return () => on.run({ name, kind: "server", attributes }, trace, run);
  }
  // The scheduler may be in the trace of any process.
  if (trace === undefined || lineage?.kind === "server") {
    return () => on.within(undefined, fn);
  }
  return () => {
    const span = {
      name: `spawn ${label}`,
      kind: "internal",
      attributes,
    } as const;
    const inner = on.run(span, trace, () => on.current());
    return on.within(inner, fn);
  };
}

/** Returns the result of a process's code; it rejects if the process exits first. */
export function untilExit<T>(process: LocalProcess, result: T): T | Promise<T> {
  if (!(result instanceof Promise)) return result;
  return new Promise((resolve, reject) => {
    const signal = process.abortSignal();
    const exited = () => reject(process.exitError());
    signal.addEventListener("abort", exited, { once: true });
    result.then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", exited));
  });
}
