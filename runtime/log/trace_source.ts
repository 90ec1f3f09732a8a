/**
 * The source of the trace of the running code, for log events.
 *
 * @module
 */

import type { TraceIds } from "./log_event.ts";

let source: (() => TraceIds | undefined) | undefined;

/** Sets the function that returns the trace of the running code; `undefined` ends that. */
export function setTraceSource(
  fn: (() => TraceIds | undefined) | undefined,
): void {
  source = fn;
}

/** The trace of the running code, if tracing is on. */
export function currentTrace(): TraceIds | undefined {
  return source?.();
}
