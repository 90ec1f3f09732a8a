/**
 * Distributed traces: which trace a signal belongs to.
 *
 * A signal carries the trace of the code that sends it: within a node with the message, between nodes on their wire.
 * The receiving process continues that trace when it handles the message. While tracing is off, `tracing` is
 * `undefined`, and each place that sends or receives a signal compares it once.
 *
 * A trace is a text, a `traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context/), which only the
 * `Tracing` interprets. A trace from another node is checked where it arrives (`isTrace`).
 */

/** A unit of work in a trace. */
export interface Span {
  /** Its name; programs use few distinct names. */
  name: string;
  /** Whether the span asks for work, does requested work, or is internal. */
  kind: "client" | "server" | "internal";
  attributes: Record<string, string | number>;
  /**
   * Whether the span never begins a trace: it is measured always, and is a span only in a trace that exists.
   *
   * @default {false}
   */
  isPart?: boolean;
}

/** Creates the spans of a program, and knows the current one. */
export interface Tracing {
  /** Returns the trace of the running code, if any. */
  current(): string | undefined;
  /**
   * Runs a function in a new span.
   *
   * @param parent The trace to continue; `undefined` for the trace of the running code.
   * @param fn The function; the span ends with it, or with the promise that it returns.
   */
  run<T>(span: Span, parent: string | undefined, fn: () => T): T;
  /** Runs a function in a trace, without a span of its own, or in no trace. */
  within<T>(trace: string | undefined, fn: () => T): T;
}

/** The program's tracing, if it is on. */
export let tracing: Tracing | undefined;

export function setTracing(on: Tracing | undefined): void {
  tracing = on;
}

const TRACE = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function isTrace(value: unknown): value is string {
  return typeof value === "string" && value.length === 55 && TRACE.test(value);
}

/** The trace of another node's signals during their delivery; `undefined` at other times. */
let arriving: string | typeof NONE | undefined;

const NONE = Symbol("no trace");

/**
 * Delivers another node's signals in their trace, or in none. The reading code may itself run in a trace: the one
 * that opened the connection.
 */
export function arrive<T>(trace: string | undefined, deliver: () => T): T {
  if (tracing === undefined) return deliver();
  const before = arriving;
  arriving = trace ?? NONE;
  try {
    return deliver();
  } finally {
    arriving = before;
  }
}

/** Runs code in no trace, for example a server of the library, whose starter may be any process. */
export function untraced<T>(fn: () => T): T {
  const on = tracing;
  return on === undefined
    ? fn()
    : arrive(undefined, () => on.within(undefined, fn));
}

/** Returns the trace of the signal that is being delivered, or else of the running code. */
export function traceNow(): string | undefined {
  if (arriving === undefined) return tracing?.current();
  return arriving === NONE ? undefined : arriving;
}
