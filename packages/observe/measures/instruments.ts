/**
 * The durations of a program's calls, tasks and callbacks, for OpenTelemetry and Prometheus.
 *
 * The `Tracing` that makes spans also measures durations while there are listeners.
 *
 * @module
 */

import { BOUNDS } from "@otp/processes/values/bounds";
import {
  SpawnRefusedError,
  UndefinedFunctionError,
} from "@otp/processes/errors";
import {
  setTracing,
  type Span,
  type Tracing,
} from "@otp/processes/context/tracing";
import { currentRuntime } from "@otp/processes/runtime/current_process";

/** The maximum number of distinct names of spans; further names count as `OTHER`. */
const MAX_NAMES = 500;

const OTHER = "other";

/** The upper bounds of the classes of durations, in seconds. */
export const DURATION_BUCKETS: number[] = [
  0.0001,
  0.0005,
  0.001,
  0.005,
  0.01,
  0.05,
  0.1,
  0.5,
  1,
  5,
  10,
];

/** Receives the duration of a call, task or callback, in seconds, the node that ran it, and whether it failed. */
export type DurationListener = (
  node: string,
  name: string,
  kind: Span["kind"],
  seconds: number,
  failed: boolean,
) => void;

const listeners = new Set<DurationListener>();
const names = new Set<string>();
let maker: Tracing | undefined;

/** Turns spans on or off. */
export function setSpanMaker(on: Tracing | undefined): void {
  maker = on;
  update();
}

/** Adds a listener for durations; returns a function that removes it. */
export function onDuration(listener: DurationListener): () => void {
  listeners.add(listener);
  update();
  return () => {
    listeners.delete(listener);
    update();
  };
}

/** Turns the runtime's measurement on or off: without listeners, it measures nothing. */
function update(): void {
  setTracing(
    maker === undefined && listeners.size === 0 ? undefined : instruments,
  );
}

const instruments: Tracing = {
  current: () => maker?.current(),
  within: (trace, fn) => maker === undefined ? fn() : maker.within(trace, fn),
  run<T>(span: Span, parent: string | undefined, fn: () => T): T {
    const run = () => maker === undefined ? fn() : maker.run(span, parent, fn);
    return listeners.size === 0 ? run() : timed(span, run);
  },
};

function timed<T>({ name, kind }: Span, fn: () => T): T {
  const started = performance.now();
  const { node } = currentRuntime();
  const done = (failed: boolean, error?: unknown) => {
    const seconds = (performance.now() - started) / 1000;
    const known = knownName(name, isRefusal(error));
    for (const listener of listeners) {
      listener(node, known, kind, seconds, failed);
    }
  };
  let result: T;
  try {
    result = fn();
  } catch (error) {
    done(true, error);
    throw error;
  }
  if (!(result instanceof Promise)) {
    done(false);
    return result;
  }
  result.then(() => done(false), (error) => done(true, error));
  return result;
}

/**
 * Returns a name for the metrics, limited in length and number, because programs can invent names. Refused names, and
 * the numbers of arguments from ten on, add no names.
 */
function knownName(given: string, isRefused: boolean): string {
  const name = given.slice(0, BOUNDS.metricName).replace(/\/\d{2,}$/, "/10+");
  if (names.has(name)) return name;
  if (isRefused || names.size >= MAX_NAMES) return OTHER;
  names.add(name);
  return name;
}

/** Whether an error says that a function does not exist, or may not be called. */
function isRefusal(error: unknown): boolean {
  return error instanceof UndefinedFunctionError ||
    error instanceof SpawnRefusedError;
}
