/**
 * Traces and metrics by [OpenTelemetry](https://opentelemetry.io), through `npm:@opentelemetry/api`.
 *
 * `OTEL_DENO=true` exports them on Deno, and the SDK that the program sets up on Node.js and Bun. While telemetry is
 * off, a node pays one comparison for each signal.
 *
 * @module
 */

import {
  type Attributes,
  type BatchObservableResult,
  type Context,
  context,
  isSpanContextValid,
  type Meter,
  metrics,
  type Observable,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Span, Tracing } from "@otp/processes/context/tracing";
import { isTrace } from "@otp/processes/context/tracing";
import { checkOptions } from "@otp/processes/values/check_arguments";
import { formatExit } from "@otp/processes/values/exit_reason";
import { reasonOf } from "@otp/processes/values/error_classes";
import {
  DURATION_BUCKETS,
  onDuration,
  setSpanMaker,
} from "./measures/instruments.ts";
import { DURATIONS, measureNodes, METRICS } from "./measures/measures.ts";
import type { OptionChecks } from "@otp/processes/values/options";

const SCOPE = "@otp/distribution";

/** The maximum length of the description of a failure. */
const MAX_FAILURE = 500;

const UNITS: Record<string, string> = { _bytes: "By", _seconds: "s" };

const KINDS = {
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
};

/** Options for {@linkcode Telemetry.start}. */
export interface TelemetryOptions {
  /**
   * Whether to create spans, and to pass traces on to other nodes.
   *
   * @default {true}
   */
  traces?: boolean;
  /**
   * Whether to create metrics.
   *
   * @default {true}
   */
  metrics?: boolean;
}

const TELEMETRY_OPTIONS: OptionChecks<TelemetryOptions> = {
  traces: true,
  metrics: true,
};

let stops: (() => void)[] | undefined;

/**
 * Traces and metrics of the program's nodes.
 *
 * **Traces.** A trace continues across `GenServer.call`, `cast`, `send` to a server, agents, `Task.async` and
 * `TaskSupervisor.async`, `spawn` and `rpc.call`, within a node and between nodes. On the JSON wire, peers of this
 * version pass the trace on. On Erlang's wire the trace is the label of a trace token of
 * [seq_trace](https://www.erlang.org/doc/apps/kernel/seq_trace.html), which stock nodes pass on: a call to a server in
 * Elixir that in turn calls a server here is one trace. Messages by `send` belong to traces if they are objects or
 * arrays, not text, numbers, atoms or pids.
 *
 * | span                              | is                                                                   |
 * | --------------------------------- | -------------------------------------------------------------------- |
 * | `GenServer.call`, `Agent.get`, …  | a call, from the request to the reply                                |
 * | `room.join`, `type.method`        | a call of an entity, in all its attempts                             |
 * | `rpc.call Mod.fn`                 | the same of a function on a node                                     |
 * | `Mod.handleCall`, `handleCast`, … | a callback of a server, if its message belongs to a trace            |
 * | `task Mod.fn/1`                   | a task, from its start to its end                                    |
 * | `rpc Mod.fn/1`                    | a function that `rpc.call` runs                                      |
 * | `spawn Mod.fn/1`                  | the start of a process; its code continues the trace                 |
 *
 * **Metrics.** They are the metrics of `metrics()` of `@otp/distribution/metrics`, except for the ones of worker threads:
 * `otp_refused_signals_total` is `otp.refused_signals` here, and the label `node` is the attribute
 * `otp.node`. The unit is no part of a name, so `otp_duration_seconds` is `otp.duration`.
 *
 * A thread of `Workers` is a separate program, which turns telemetry on by itself.
 *
 * Metrics distinguish at most 500 names of spans; further names, and calls of refused functions, count as `other`. The
 * calls of a function with ten or more arguments share one name, `Mod.fn/10+`.
 */
export class Telemetry {
  private constructor() {}

  /**
   * Turns traces and metrics on, for all nodes of the program. A later call replaces the options.
   *
   * @throws {TypeError} If an option is not a boolean.
   *
   * @example Only metrics
   * ```ts
   * import { Telemetry } from "@otp/distribution/telemetry";
   *
   * Telemetry.start({ traces: false });
   * Telemetry.stop();
   * ```
   */
  static start(options: TelemetryOptions = {}): void {
    checkOptions(
      options,
      "start telemetry",
      TELEMETRY_OPTIONS,
      "{ traces: false }",
    );
    Telemetry.stop();
    stops = [];
    if (options.traces ?? true) {
      setSpanMaker(new OtelTracing(trace.getTracer(SCOPE)));
      stops.push(() => setSpanMaker(undefined));
    }
    if (options.metrics ?? true) stops.push(...meter(metrics.getMeter(SCOPE)));
  }

  /**
   * Turns traces and metrics off.
   *
   * @example Usage
   * ```ts
   * import { Telemetry } from "@otp/distribution/telemetry";
   *
   * Telemetry.stop();
   * ```
   */
  static stop(): void {
    for (const stop of stops ?? []) stop();
    stops = undefined;
  }
}

/** The spans of OpenTelemetry. */
class OtelTracing implements Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  current(): string | undefined {
    const span = trace.getSpanContext(context.active());
    if (span === undefined || !isSpanContextValid(span)) return undefined;
    const flags = span.traceFlags.toString(16).padStart(2, "0");
    const text = `00-${span.traceId}-${span.spanId}-${flags}`;
    return isTrace(text) ? text : undefined;
  }

  within<T>(parent: string | undefined, fn: () => T): T {
    return context.with(
      parent === undefined ? ROOT_CONTEXT : contextOf(parent),
      fn,
    );
  }

  run<T>(
    { name, kind, attributes, isPart }: Span,
    parent: string | undefined,
    fn: () => T,
  ): T {
    // A message without a trace may be handled by a process that was started in a trace.
    if (isPart && parent === undefined) return context.with(ROOT_CONTEXT, fn);
    const around = parent === undefined ? context.active() : contextOf(parent);
    const span = this.#tracer.startSpan(
      name,
      { kind: KINDS[kind], attributes },
      around,
    );
    const failed = (error: unknown) => {
      const message = formatExit(reasonOf(error)).slice(0, MAX_FAILURE);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      span.end();
    };
    let result: T;
    try {
      result = context.with(trace.setSpan(around, span), fn);
    } catch (error) {
      failed(error);
      throw error;
    }
    if (result instanceof Promise) result.then(() => span.end(), failed);
    else span.end();
    return result;
  }
}

function contextOf(parent: string): Context {
  const [, traceId, spanId, flags] = parent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: parseInt(flags, 16),
    isRemote: true,
  });
}

/** Creates the metrics; returns the functions that end them. */
function meter(meter: Meter): (() => void)[] {
  const instruments = new Map<string, Observable>();
  for (const [metric, description] of METRICS) {
    if (metric === DURATIONS || metric.startsWith("otp_worker_")) continue;
    const isCounter = metric.endsWith("_total");
    const [, name, unit] = metric.match(
      /^(.*?)(_bytes|_seconds)?(?:_total)?$/,
    )!;
    const create = isCounter
      ? "createObservableCounter"
      : "createObservableGauge";
    const options = { description, unit: unit && UNITS[unit] };
    instruments.set(metric, meter[create](name.replace("_", "."), options));
  }
  const all = [...instruments.values()];
  const observe = (result: BatchObservableResult) => {
    for (const [name, labels, value] of measureNodes()) {
      result.observe(instruments.get(name)!, value, attributesOf(labels));
    }
  };
  meter.addBatchObservableCallback(observe, all);
  const duration = meter.createHistogram("otp.duration", {
    unit: "s",
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  const stopDurations = onDuration((node, span, kind, seconds, failed) =>
    duration.record(seconds, attributesOf({ node, span, kind, failed }))
  );
  return [
    () => meter.removeBatchObservableCallback(observe, all),
    stopDurations,
  ];
}

function attributesOf(labels: Record<string, string | boolean>): Attributes {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [`otp.${key}`, value]),
  );
}
