/**
 * Metrics for [Prometheus](https://prometheus.io): a handler of `/metrics`, by `npm:prom-client`.
 *
 * @example With `Deno.serve`
 * ```ts
 * import { metrics } from "@otp/distribution/metrics";
 * import { Node } from "@otp/distribution/node";
 * import { assertStringIncludes } from "@std/assert";
 *
 * await using node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: false });
 * const handler = metrics();
 * const response = await handler(new Request("http://localhost/metrics"));
 * assertStringIncludes(await response!.text(), 'otp_connections{node="web@localhost"} 0');
 * handler.stop();
 * ```
 *
 * @module
 */

import {
  Counter,
  Gauge,
  Histogram,
  Registry as PromRegistry,
} from "prom-client";
import { checkOptions, checkString } from "../core/values/check_arguments.ts";
import { inspect } from "../core/values/inspect.ts";
import {
  DURATION_BUCKETS,
  measureNodes,
  type NodeMeasures,
  onDuration,
} from "./instruments.ts";
import { type WebHandler, webHandler } from "./web_handler.ts";
import type { OptionNames } from "../core/values/options.ts";

export type { HonoContextLike, WebHandler } from "./web_handler.ts";

/** Options for {@linkcode metrics}. */
export interface MetricsOptions {
  /**
   * The path.
   *
   * @default {"/metrics"}
   */
  path?: string;
  /**
   * A registry of `npm:prom-client` with the program's own metrics, which the answer includes.
   *
   * @default {undefined}
   */
  registry?: RegistryLike;
}

const METRICS_OPTIONS: OptionNames<MetricsOptions> = {
  path: true,
  registry: true,
};

/** The part of a registry of `npm:prom-client` that {@linkcode metrics} uses. */
export interface RegistryLike {
  /** Returns the metrics as text. */
  metrics(): Promise<string>;
}

/** The handler of {@linkcode metrics}. */
export type MetricsHandler = WebHandler & {
  /** Ends the measurement of durations. */
  stop(): void;
};

/**
 * Creates a handler of `/metrics`, for all nodes of the program.
 *
 * A scrape visits each process of the nodes. Until `stop` is called, the program measures durations of calls, callbacks
 * and tasks, which adds some microseconds to a call. Anyone who reaches the path learns the names of nodes, servers and
 * functions: serve it where only Prometheus can reach it.
 *
 * | metric                       | labels                   | is                                     |
 * | ---------------------------- | ------------------------ | -------------------------------------- |
 * | `otp_processes`              | `node`                   | live processes                         |
 * | `otp_mailbox_messages`       | `node`                   | messages that wait in all mailboxes    |
 * | `otp_mailbox_longest`        | `node`                   | messages in the longest mailbox        |
 * | `otp_restarts_total`         | `node`                   | restarts of children of supervisors    |
 * | `otp_connections`            | `node`                   | connected nodes                        |
 * | `otp_connection_queue_bytes` | `node`, `peer`           | bytes that wait for a peer             |
 * | `otp_received_bytes_total`   | `node`                   | bytes from all peers                   |
 * | `otp_sent_bytes_total`       | `node`                   | bytes to all peers                     |
 * | `otp_failed_dials_total`     | `node`                   | failed dials                           |
 * | `otp_refused_total`          | `node`                   | refused connections                    |
 * | `otp_refused_signals_total`  | `node`                   | signals of peers beyond a limit        |
 * | `otp_duration_seconds`       | `span`, `kind`, `failed` | calls, callbacks of servers, and tasks |
 *
 * At most 500 names of spans are distinguished; further names, and calls of refused functions, count as `other`. The
 * calls of a function with ten or more arguments share one name, `Mod.fn/10+`.
 *
 * @param options The path, and the program's own metrics.
 * @returns The handler.
 * @throws {TypeError} If the path does not begin with `/`.
 *
 * @example Usage
 * ```ts
 * import { metrics } from "@otp/distribution/metrics";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = metrics({ path: "/internal/metrics" });
 * assertEquals(handler(new Request("http://localhost/metrics")), undefined);
 * handler.stop();
 * ```
 */
export function metrics(options: MetricsOptions = {}): MetricsHandler {
  checkOptions(
    options,
    "make a metrics handler",
    METRICS_OPTIONS,
    '{ path: "/metrics" }',
  );
  const { path = "/metrics", registry } = options;
  checkString(path, "make a metrics handler for the path");
  if (!path.startsWith("/")) {
    throw new TypeError(
      `Cannot make a metrics handler: path is ${
        inspect(path)
      }; give a path that begins with /, such as "/metrics"`,
    );
  }
  const own = new NodeMetrics();
  const answer = async () => ({
    status: 200,
    headers: {
      "content-type": PromRegistry.PROMETHEUS_CONTENT_TYPE,
      "cache-control": "no-store",
    },
    body: await own.text() + (await registry?.metrics() ?? ""),
  });
  const handler = webHandler((asked) => asked === path ? answer : undefined);
  return Object.assign(handler, { stop: () => own.stop() });
}

/** Reads a value of a node, for one of its metrics. */
type Read = (measures: NodeMeasures) => number;

type Metric = readonly [name: string, help: string, read: Read];

const GAUGES: readonly Metric[] = [
  ["otp_processes", "Live processes", ({ processes }) => processes],
  [
    "otp_mailbox_messages",
    "Messages that wait in all mailboxes",
    ({ messages }) => messages,
  ],
  [
    "otp_mailbox_longest",
    "Messages in the longest mailbox",
    ({ longestMailbox }) => longestMailbox,
  ],
  [
    "otp_connections",
    "Connected nodes",
    ({ connections }) => connections.length,
  ],
];

const COUNTERS: readonly Metric[] = [
  [
    "otp_restarts_total",
    "Restarts of children of supervisors",
    ({ restarts }) => restarts,
  ],
  [
    "otp_received_bytes_total",
    "Bytes from all peers",
    ({ receivedBytes }) => receivedBytes,
  ],
  ["otp_sent_bytes_total", "Bytes to all peers", ({ sentBytes }) => sentBytes],
  ["otp_failed_dials_total", "Failed dials", ({ failedDials }) => failedDials],
  ["otp_refused_total", "Refused connections", ({ refused }) => refused],
  [
    "otp_refused_signals_total",
    "Signals of peers that exceeded a limit and were refused alone",
    ({ refusedSignals }) => refusedSignals,
  ],
];

/** The metrics of the program's nodes. */
class NodeMetrics {
  readonly #registry = new PromRegistry();
  readonly #metrics = [
    ...GAUGES.map(([name, help, read]) => ({
      metric: new Gauge({ ...this.#of(name, help), labelNames: ["node"] }),
      read,
    })),
    ...COUNTERS.map(([name, help, read]) => ({
      metric: new Counter({ ...this.#of(name, help), labelNames: ["node"] }),
      read,
    })),
  ];
  readonly #queues = new Gauge({
    ...this.#of("otp_connection_queue_bytes", "Bytes that wait for a peer"),
    labelNames: ["node", "peer"],
  });
  readonly #durations = new Histogram({
    ...this.#of(
      "otp_duration_seconds",
      "Calls, callbacks of servers, and tasks",
    ),
    labelNames: ["span", "kind", "failed"],
    buckets: DURATION_BUCKETS,
  });
  readonly #stopDurations = onDuration((span, kind, seconds, failed) =>
    this.#durations.observe({ span, kind, failed: String(failed) }, seconds)
  );

  #of(name: string, help: string) {
    return { name, help, registers: [this.#registry] };
  }

  /** The metrics now. */
  async text(): Promise<string> {
    // Remove stopped nodes and lost peers.
    for (const { metric } of this.#metrics) metric.reset();
    this.#queues.reset();
    for (const measures of measureNodes()) {
      const { node } = measures;
      for (const { metric, read } of this.#metrics) {
        metric.inc({ node }, read(measures));
      }
      for (const { peer, queued } of measures.connections) {
        this.#queues.set({ node, peer }, queued);
      }
    }
    return await this.#registry.metrics();
  }

  /** Ends the measurement of durations. */
  stop(): void {
    this.#stopDurations();
  }
}
