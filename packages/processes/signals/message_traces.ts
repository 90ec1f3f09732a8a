import { Atom } from "../values/atom.ts";
import { isLeafTerm } from "../values/leaf_term.ts";
import { Pid, Ref } from "../values/pid.ts";
import { traceNow } from "../context/tracing.ts";

const traces = new WeakMap<object, string>();

/**
 * Notes the trace of a message at its delivery. Only objects that a send copies have a trace: any other value may be
 * in several mailboxes, in several traces.
 */
export function noteTrace(message: unknown): void {
  if (typeof message !== "object" || message === null) return;
  if (
    message instanceof Pid || message instanceof Ref ||
    message instanceof Atom || isLeafTerm(message)
  ) return;
  const trace = traceNow();
  if (trace === undefined) traces.delete(message);
  else traces.set(message, trace);
}

export function takeTrace(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const trace = traces.get(message);
  if (trace !== undefined) traces.delete(message);
  return trace;
}
