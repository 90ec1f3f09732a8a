/**
 * The metrics of a program's nodes, as samples for Prometheus and OpenTelemetry: the metrics of this thread's nodes, and
 * of other threads, which `addThread` adds.
 *
 * The nodes count all the time; a collection reads the counts.
 *
 * @module
 */

import { BOUNDS } from "@otp/processes/values/bounds";
import nodeProcess from "node:process";
import type { NodeRuntime } from "@otp/processes/runtime/node_runtime";
import { LoopDelay } from "./loop_delay.ts";
import { entitiesOf, type EntitiesSource } from "../observed_entities.ts";
import { viewsOf } from "../observed_views.ts";
import { restartsOf, supervisionOf } from "@otp/servers/supervisor/supervision";
import {
  poolOf,
  type TaskPoolServer,
} from "@otp/cluster/task_pool/task_pool_server";
import { DURATION_BUCKETS, onDuration } from "./instruments.ts";
import {
  allInternals,
  type NodeInternals,
} from "@otp/node/start/node_internals";

/** A metric: its name, and what it counts. A name that ends with `_total` is a counter, any other a gauge. */
export type Metric = readonly [name: string, help: string];

/** A value of a metric. `node` is one of the labels. */
export type MetricSample = readonly [
  name: string,
  labels: Record<string, string>,
  value: number,
];

/** The histogram of durations. */
export const DURATIONS = "otp_duration_seconds";

/** The metrics of all nodes. */
export const METRICS: readonly Metric[] = [
  ["otp_processes", "Live processes"],
  ["otp_mailbox_messages", "Messages that wait in all mailboxes"],
  ["otp_mailbox_longest", "Messages in the longest mailbox"],
  ["otp_restarts_total", "Restarts of children of supervisors"],
  ["otp_draining", "1 while the node drains, else 0"],
  ["otp_event_loop_delay_seconds", "Longest delay since the last scrape"],
  ["otp_memory_bytes", "Resident memory of the node's program"],
  ["otp_heap_bytes", "Used heap of the node's thread"],
  ["otp_cpu_seconds_total", "CPU time of the node's program"],
  ["otp_connections", "Connected nodes"],
  ["otp_connection_queue_bytes", "Bytes that wait for a peer"],
  ["otp_received_bytes_total", "Bytes from all peers"],
  ["otp_sent_bytes_total", "Bytes to all peers"],
  ["otp_polls_total", "Waits for traffic without sleep"],
  ["otp_polls_answered_total", "Waits without sleep that traffic has ended"],
  ["otp_poll_seconds_total", "Time of the waits without sleep"],
  ["otp_failed_dials_total", "Failed dials"],
  ["otp_refused_total", "Refused connections"],
  ["otp_refused_signals_total", "Signals of peers beyond a limit"],
  ["otp_tasks", "Tasks of a task supervisor"],
  ["otp_tasks_max", "The most tasks that a task supervisor runs"],
  ["otp_pool_queue", "Runs that wait in a task pool"],
  ["otp_pool_running", "Tasks of a task pool"],
  ["otp_pool_places", "Tasks that the supervisors of a task pool can run"],
  ["otp_pool_runs_total", "Runs of a task pool that have ended"],
  ["otp_pool_retried_total", "Runs sent to another supervisor after a loss"],
  ["otp_pool_refused_total", "Tasks that a supervisor of the pool refused"],
  ["otp_entities", "Entities in memory"],
  ["otp_entity_shards", "Shards that the node owns"],
  ["otp_entity_parked", "Entities that have crashed too often"],
  ["otp_entity_runs", "Runs of durable methods that have not ended"],
  ["otp_entity_runs_late", "Keys whose runs should go on, and do not"],
  ["otp_entity_runs_total", "Runs that have ended or failed"],
  [
    "otp_entity_late_alarms",
    "Alarms that have failed, or were due a lease ago",
  ],
  ["otp_entity_serving", "1 while the node's lease is valid, else 0"],
  ["otp_entity_held_calls", "Calls that wait on the node"],
  ["otp_entity_moves_total", "Shards that have come to the node"],
  ["otp_entity_calls_total", "Calls of entities that have ended"],
  ["otp_entity_store_calls_total", "Calls of the store of entities"],
  ["otp_entity_store_failures_total", "Calls of the store that have failed"],
  ["otp_entity_store_seconds_total", "Time of the store of entities"],
  ["otp_sockets", "Open sockets of clients"],
  ["otp_socket_unread_bytes", "Bytes that wait for clients"],
  ["otp_sockets_draining", "1 once the node drains its sockets, else 0"],
  ["otp_sockets_refused_total", "Clients that were not accepted"],
  ["otp_sockets_closed_total", "Sockets that have ended"],
  ["otp_socket_received_total", "Messages from clients"],
  ["otp_socket_sent_total", "Messages to clients"],
  ["otp_channels", "Channels of clients"],
  ["otp_channel_joins_total", "Joins that have ended"],
  ["otp_topics", "Topics with a subscriber on the node"],
  ["otp_presences", "Entries of presence that the node knows"],
  ["otp_streams_followed", "Streams with live readers on the node"],
  ["otp_stream_readers", "Live readers of streams"],
  ["otp_stream_requests_total", "Answered requests to streams"],
  ["otp_stream_received_bytes_total", "Bytes from the writers of streams"],
  ["otp_stream_sent_bytes_total", "Bytes to the readers of streams"],
  ["otp_worker_answer_seconds", "Time of a worker thread's last answer"],
  ["otp_worker_restarts_total", "Restarts of a worker thread"],
  [DURATIONS, "Calls, callbacks of servers, and tasks"],
];

/** The outcomes of the runs of a pool. */
const OUTCOMES = [
  "done",
  "exited",
  "queue_full",
  "deadline",
  "no_node",
  "lost",
] as const;

/** The maximum number of pools and task supervisors of a node with samples of their own. */
const MAX_NAMES = 200;

/** The number of intervals without a collection after which the delay of the event loop is not measured: 10 minutes. */
const IDLE_INTERVALS = 6000;

/** The samples of another thread. */
type Thread = () => Promise<MetricSample[]>;

const threads = new Set<Thread>();
const delays = new WeakMap<NodeRuntime, LoopDelay>();

/** Adds the samples of another thread; returns a function that removes them. */
export function addThread(thread: Thread): () => void {
  threads.add(thread);
  return () => void threads.delete(thread);
}

/** Returns the samples of all nodes of the program, and of their threads. */
export async function measureProgram(): Promise<MetricSample[]> {
  const others = Promise.all(Array.from(threads, (thread) => thread()));
  return [...measureNodes(), ...(await others).flat()];
}

/** Returns the samples of this thread's nodes. */
export function measureNodes(): MetricSample[] {
  return allInternals().filter((node) => !node.isStopped()).flatMap(measure);
}

/** The samples of one node. */
class Samples {
  readonly #node: string;
  readonly #samples = new Map<string, MetricSample>();
  readonly #names = new Set<string>();

  constructor(node: string) {
    this.#node = node;
  }

  /** Adds to a sample: processes of one name are one sample. */
  add(name: string, value: number, more: Record<string, string> = {}): void {
    const labels = { node: this.#node, ...more };
    const key = JSON.stringify([name, more]);
    const before = this.#samples.get(key)?.[2] ?? 0;
    this.#samples.set(key, [name, labels, before + value]);
  }

  /** Returns a name for a label: programs can invent names, so the length and the number are limited. */
  bounded(given: string | undefined): string {
    const name = (given ?? "").slice(0, BOUNDS.metricName);
    if (this.#names.size >= MAX_NAMES && !this.#names.has(name)) return "other";
    this.#names.add(name);
    return name;
  }

  all(): MetricSample[] {
    return [...this.#samples.values()];
  }
}

function measure({ runtime, network }: NodeInternals): MetricSample[] {
  const samples = new Samples(runtime.node);
  const { rss, heapUsed } = nodeProcess.memoryUsage();
  const { user, system } = nodeProcess.cpuUsage();
  const { refused, ...stats } = network.stats();
  const connections = network.connections();
  samples.add("otp_processes", runtime.processes.size);
  measureProcesses(runtime, samples);
  for (const source of entitiesOf(runtime)) measureEntities(source, samples);
  for (const source of viewsOf(runtime).values()) {
    for (const sample of source.samples()) samples.add(...sample);
  }
  samples.add("otp_restarts_total", restartsOf(runtime));
  samples.add("otp_draining", Number(runtime.isDraining));
  samples.add("otp_event_loop_delay_seconds", delayOf(runtime) / 1000);
  samples.add("otp_memory_bytes", rss);
  samples.add("otp_heap_bytes", heapUsed);
  samples.add("otp_cpu_seconds_total", (user + system) / 1e6);
  samples.add("otp_connections", connections.length);
  for (const { node: peer, queuedBytes } of connections) {
    samples.add("otp_connection_queue_bytes", queuedBytes, { peer });
  }
  samples.add("otp_received_bytes_total", stats.receivedBytes);
  samples.add("otp_sent_bytes_total", stats.sentBytes);
  samples.add("otp_polls_total", stats.polls);
  samples.add("otp_polls_answered_total", stats.answeredPolls);
  samples.add("otp_poll_seconds_total", stats.polledMicroseconds / 1e6);
  samples.add("otp_failed_dials_total", stats.failedDials);
  for (const count of Object.values(refused)) {
    samples.add("otp_refused_total", count);
  }
  samples.add("otp_refused_signals_total", stats.refusedSignals);
  return samples.all();
}

function measureProcesses(runtime: NodeRuntime, samples: Samples): void {
  let messages = 0;
  let longest = 0;
  for (const process of runtime.processes.unordered()) {
    const { length } = process.mailbox;
    messages += length;
    longest = Math.max(longest, length);
    const occupancy = supervisionOf(process)?.occupancy?.();
    if (occupancy !== undefined) {
      const supervisor = samples.bounded(process.name);
      samples.add("otp_tasks", occupancy.tasks, { supervisor });
      samples.add("otp_tasks_max", occupancy.max, { supervisor });
    }
    const pool = poolOf(process);
    if (pool !== undefined) measurePool(pool, samples);
  }
  samples.add("otp_mailbox_messages", messages);
  samples.add("otp_mailbox_longest", longest);
}

function measurePool(server: TaskPoolServer, samples: Samples): void {
  const { queued, running, members, counts } = server.describe();
  const pool = samples.bounded(server.label);
  samples.add("otp_pool_queue", queued, { pool });
  samples.add("otp_pool_running", running, { pool });
  const places = members
    .filter(({ state }) => state === "ready" || state === "full")
    .map(({ max }) => max === "infinity" ? Infinity : max)
    .reduce((sum, max) => sum + max, 0);
  samples.add("otp_pool_places", places, { pool });
  samples.add("otp_pool_retried_total", counts.retried, { pool });
  samples.add("otp_pool_refused_total", counts.refused, { pool });
  for (const outcome of OUTCOMES) {
    samples.add("otp_pool_runs_total", counts[outcome], { pool, outcome });
  }
}

function measureEntities(source: EntitiesSource, samples: Samples): void {
  const { types, isServing, held } = source.observe();
  for (
    const { type: name, shards, entities, parked, lateAlarms, runs, lateRuns }
      of types
  ) {
    const type = samples.bounded(name);
    samples.add("otp_entities", entities, { type });
    samples.add("otp_entity_shards", shards, { type });
    samples.add("otp_entity_parked", parked, { type });
    samples.add("otp_entity_late_alarms", lateAlarms, { type });
    for (const [state, count] of Object.entries(runs)) {
      samples.add("otp_entity_runs", count, { type, state });
    }
    samples.add("otp_entity_runs_late", lateRuns, { type });
  }
  for (const [key, count] of source.endedRuns) {
    const [name, outcome] = key.split(" ");
    const type = samples.bounded(name);
    samples.add("otp_entity_runs_total", count, { type, outcome });
  }
  samples.add("otp_entity_serving", Number(isServing));
  samples.add("otp_entity_held_calls", held);
  samples.add("otp_entity_moves_total", source.taken);
  for (const [key, count] of source.outcomes) {
    const [name, outcome] = key.split(" ");
    const type = samples.bounded(name);
    samples.add("otp_entity_calls_total", count, { type, outcome });
  }
  for (const [fn, { calls, failures, time }] of source.storeTimes) {
    samples.add("otp_entity_store_calls_total", calls, { fn });
    samples.add("otp_entity_store_failures_total", failures, { fn });
    samples.add("otp_entity_store_seconds_total", time / 1000, { fn });
  }
}

function delayOf(runtime: NodeRuntime): number {
  let delay = delays.get(runtime);
  if (delay === undefined) {
    delays.set(runtime, delay = new LoopDelay(runtime, IDLE_INTERVALS));
  }
  return delay.take();
}

/** The durations of calls, callbacks and tasks from now on, as a histogram. */
export class DurationHistogram {
  readonly #series = new Map<
    string,
    { labels: Record<string, string>; counts: number[]; sum: number }
  >();
  /** Ends the measurement. */
  readonly stop: () => void = onDuration(
    (node, span, kind, seconds, failed) => {
      const key = `${node} ${kind} ${failed} ${span}`;
      let series = this.#series.get(key);
      if (series === undefined) {
        series = {
          labels: { node, span, kind, failed: String(failed) },
          counts: [...DURATION_BUCKETS, Infinity].fill(0),
          sum: 0,
        };
        this.#series.set(key, series);
      }
      const { counts } = series;
      const bucket = DURATION_BUCKETS.findIndex((most) => seconds <= most);
      counts[bucket < 0 ? counts.length - 1 : bucket]++;
      series.sum += seconds;
    },
  );

  samples(): MetricSample[] {
    return [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let count = 0;
      const buckets = counts.map((each, i): MetricSample => [
        `${DURATIONS}_bucket`,
        { ...labels, le: String(DURATION_BUCKETS[i] ?? "+Inf") },
        count += each,
      ]);
      return [
        ...buckets,
        [`${DURATIONS}_sum`, labels, sum],
        [`${DURATIONS}_count`, labels, count],
      ];
    });
  }
}
