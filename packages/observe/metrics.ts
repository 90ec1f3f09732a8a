/**
 * Metrics for [Prometheus](https://prometheus.io): a handler of `/metrics`.
 *
 * @module
 */

import { checkOptions } from "@otp/processes/values/check_arguments";
import {
  DurationHistogram,
  DURATIONS,
  measureProgram,
  METRICS,
  type MetricSample,
} from "./measures/measures.ts";
import { type WebHandler, webHandler } from "./web_handler.ts";
import type { OptionChecks } from "@otp/processes/values/options";

export type {
  HonoContextLike,
  NodeRequestLike,
  NodeResponseLike,
  WebHandler,
} from "./web_handler.ts";

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

const METRICS_OPTIONS: OptionChecks<MetricsOptions> = {
  path: {
    accepts: (path) => typeof path === "string" && path.startsWith("/"),
    give: 'a path that begins with /, such as "/metrics"',
  },
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
 * Creates a handler of `/metrics`, for all nodes of the program and its worker threads.
 *
 * A scrape visits each process of the nodes. Until `stop` is called, the program measures durations of calls, callbacks
 * and tasks, which adds some microseconds to a call; a worker thread measures them from the first scrape on. Anyone who
 * reaches the path learns the names of nodes, servers and functions: serve it where only Prometheus can reach it.
 *
 * Each metric has the label `node`. A thread that computes without a pause does not answer a scrape: the answer then
 * has only `otp_worker_answer_seconds` of its node, which grows.
 *
 * | metric                         | more labels              | is                                                      |
 * | ------------------------------ | ------------------------ | ------------------------------------------------------- |
 * | `otp_processes`                |                          | live processes                                          |
 * | `otp_mailbox_messages`         |                          | messages that wait in all mailboxes                     |
 * | `otp_mailbox_longest`          |                          | messages in the longest mailbox                         |
 * | `otp_restarts_total`           |                          | restarts of children of supervisors                     |
 * | `otp_draining`                 |                          | 1 while the node drains, else 0                         |
 * | `otp_event_loop_delay_seconds` |                          | the longest delay of the event loop since the last scrape |
 * | `otp_memory_bytes`             |                          | resident memory of the program                          |
 * | `otp_heap_bytes`               |                          | used heap of the node's thread                          |
 * | `otp_cpu_seconds_total`        |                          | CPU time of the program                                 |
 * | `otp_connections`              |                          | connected nodes                                         |
 * | `otp_connection_queue_bytes`   | `peer`                   | bytes that wait for a peer                              |
 * | `otp_received_bytes_total`     |                          | bytes from all peers                                    |
 * | `otp_sent_bytes_total`         |                          | bytes to all peers                                      |
 * | `otp_polls_total`              |                          | waits for traffic without sleep (`poll`)                |
 * | `otp_polls_answered_total`     |                          | waits without sleep that traffic has ended in time      |
 * | `otp_poll_seconds_total`       |                          | the time of the waits without sleep                     |
 * | `otp_failed_dials_total`       |                          | failed dials                                            |
 * | `otp_refused_total`            |                          | refused connections                                     |
 * | `otp_refused_signals_total`    |                          | signals of peers beyond a limit                         |
 * | `otp_tasks`                    | `supervisor`             | tasks of task supervisors, by their registered name     |
 * | `otp_tasks_max`                | `supervisor`             | the most tasks that they run, `maxChildren`             |
 * | `otp_pool_queue`               | `pool`                   | runs that wait                                          |
 * | `otp_pool_running`             | `pool`                   | tasks in flight                                         |
 * | `otp_pool_places`              | `pool`                   | tasks that the pool's supervisors can run               |
 * | `otp_pool_runs_total`          | `pool`, `outcome`        | ended runs: `done`, `exited`, `queue_full`, `deadline`, `no_node`, `lost` |
 * | `otp_pool_retried_total`       | `pool`                   | runs that started again when their node was lost        |
 * | `otp_pool_refused_total`       | `pool`                   | tasks that a supervisor refused                         |
 * | `otp_entities`                 | `type`                   | entities in memory                                      |
 * | `otp_entity_shards`            | `type`                   | shards that the node owns                               |
 * | `otp_entity_parked`            | `type`                   | entities that have crashed too often                    |
 * | `otp_entity_runs`              | `type`, `state`          | runs of durable methods in memory that have not ended   |
 * | `otp_entity_runs_late`         | `type`                   | keys whose runs should go on, and do not                |
 * | `otp_entity_runs_total`        | `type`, `outcome`        | runs that have ended: `done`, `failed` or `cancelled`   |
 * | `otp_entity_late_alarms`       | `type`                   | alarms that have failed, or were due a lease ago        |
 * | `otp_entity_serving`           |                          | 1 while the node's lease is valid, else 0               |
 * | `otp_entity_held_calls`        |                          | calls that wait on the node                             |
 * | `otp_entity_moves_total`       |                          | shards that have come to the node                       |
 * | `otp_entity_calls_total`       | `type`, `outcome`        | calls that have ended: `ok`, or the code of the error   |
 * | `otp_entity_store_calls_total` | `fn`                     | calls of the store                                      |
 * | `otp_entity_store_failures_total` | `fn`                  | calls of the store that have failed                     |
 * | `otp_entity_store_seconds_total` | `fn`                   | time of the store                                       |
 * | `otp_sockets`                  | `transport`, `version`   | open sockets of clients                                 |
 * | `otp_socket_unread_bytes`      |                          | bytes that wait for clients                             |
 * | `otp_sockets_draining`         |                          | 1 once the node drains its sockets, else 0              |
 * | `otp_sockets_refused_total`    | `reason`                 | clients that were not accepted: for their `origin` or `version`, by `connect`, for too many sockets of their `address`, by a node in a `drain`, or for an `error` |
 * | `otp_sockets_closed_total`     | `reason`                 | ended sockets: the client has `left` or was `silent`; its messages were `malformed`, or beyond a limit (`size`, `depth`, `rate`, `waiting`, `slow`, `address`); closed by `disconnect` or `drain`, or `killed` |
 * | `otp_socket_received_total`    |                          | messages from clients                                   |
 * | `otp_socket_sent_total`        |                          | messages to clients                                     |
 * | `otp_channels`                 |                          | channels that clients have joined, or are joining       |
 * | `otp_channel_joins_total`      | `outcome`                | ended joins: `ok`, `refused`, `crashed`, of an `unmatched` topic, or of a `full` socket |
 * | `otp_topics`                   |                          | topics with a subscriber on the node                    |
 * | `otp_presences`                | `of`                     | entries of presence: of the node's `own` processes, and of `others` |
 * | `otp_streams_followed`         |                          | streams with live readers on the node                   |
 * | `otp_stream_readers`           | `kind`                   | live readers of streams: `long-poll` or `sse`           |
 * | `otp_stream_requests_total`    | `method`, `status`       | answered requests to streams; an append is `POST`       |
 * | `otp_stream_received_bytes_total` |                       | bytes from the writers of streams                       |
 * | `otp_stream_sent_bytes_total`  |                          | bytes to the readers of streams                         |
 * | `otp_worker_answer_seconds`    |                          | how long the thread's last answer took, or is missing   |
 * | `otp_worker_restarts_total`    |                          | restarts of the thread                                  |
 * | `otp_duration_seconds`         | `span`, `kind`, `failed` | calls, callbacks of servers, and tasks                  |
 *
 * At most 500 names of spans are distinguished; further names, and calls of refused functions, count as `other`. The
 * calls of a function with ten or more arguments share one name, `Mod.fn/10+`. At most 200 names of supervisors and
 * pools of a node are distinguished.
 *
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
  const durations = new DurationHistogram();
  const answer = async () => ({
    status: 200,
    headers: {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "cache-control": "no-store",
    },
    body: textOf([...await measureProgram(), ...durations.samples()]) +
      (await registry?.metrics() ?? ""),
  });
  const handler = webHandler((asked) => asked === path ? answer : undefined);
  return Object.assign(handler, { stop: () => durations.stop() });
}

/** Writes samples in the text format of Prometheus. */
function textOf(samples: readonly MetricSample[]): string {
  const lines: string[] = [];
  for (const [name, help] of METRICS) {
    const type = name === DURATIONS
      ? "histogram"
      : name.endsWith("_total")
      ? "counter"
      : "gauge";
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    const isOf = ([sample]: MetricSample) =>
      sample === name || (name === DURATIONS && sample.startsWith(DURATIONS));
    lines.push(...samples.filter(isOf).map(lineOf));
  }
  return `${lines.join("\n")}\n`;
}

function lineOf([name, labels, value]: MetricSample): string {
  const pairs = Object.entries(labels).map(([key, text]) =>
    `${key}="${text.replace(/[\\"\n]/g, escaped)}"`
  );
  const number = value === Infinity ? "+Inf" : String(value);
  return `${name}{${pairs.join(",")}} ${number}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
