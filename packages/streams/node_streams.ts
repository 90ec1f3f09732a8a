/**
 * The live readers of a node's streams, and the counts of its requests; and how observers and metrics see them. A view has
 * the names of streams, and nothing of their content.
 *
 * @module
 */

import {
  addView,
  type ObservedView,
  type TableLayout,
  tableOf,
  type ViewSample,
  type ViewSource,
} from "@otp/observe/observed_views";
import type { Runtime } from "@otp/processes/process/runtime";
import { BOUNDS } from "@otp/processes/values/bounds";

/** How a live reader waits. */
export type ReaderKind = "long-poll" | "sse";

/** The live readers of a stream. */
interface Followed {
  stream: string;
  readonly readers: Record<ReaderKind, number>;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/** The statuses of requests beyond a limit. */
const BEYOND_LIMITS = /413|429/;

/** The live readers and the counts of one node, of all its handlers. */
export class NodeStreams implements ViewSource {
  readonly name = "streams";
  /** The bytes of the bodies of requests, and of events in responses. */
  received = 0;
  sent = 0;
  /** The streams that have live readers. */
  readonly #followed = new Map<string, Followed>();
  /** The number of answered requests by method and status, as `POST 204`. */
  readonly #answered = new Map<string, number>();

  /** Counts an answered request. */
  answer(method: string, status: number): void {
    const known = METHODS.includes(method) ? method : "other";
    const key = `${known} ${status}`;
    this.#answered.set(key, (this.#answered.get(key) ?? 0) + 1);
  }

  /** Counts a live reader that comes or leaves. */
  count(stream: string, kind: ReaderKind, by: 1 | -1): void {
    const followed = this.#followed.get(stream) ??
      { stream, readers: { "long-poll": 0, sse: 0 } };
    this.#followed.set(stream, followed);
    followed.readers[kind] += by;
    if (countOf(followed) === 0) this.#followed.delete(stream);
  }

  observe(rows: number): ObservedView {
    const { "long-poll": polls, sse } = this.#readers();
    const answered = (isMeant: (status: string) => boolean) =>
      Array.from(this.#answered)
        .filter(([key]) => isMeant(key.split(" ")[1]))
        .reduce((sum, [, count]) => sum + count, 0);
    return {
      counts: {
        "followed streams": this.#followed.size,
        ...{ "long polls": polls, "event readers": sse },
        "answered requests": answered(() => true),
        "beyond limits": answered((status) => BEYOND_LIMITS.test(status)),
        failed: answered((status) => status >= "500"),
      },
      tables: [tableOf(this.#followed.values(), LAYOUT, rows)],
    };
  }

  *samples(): Iterable<ViewSample> {
    yield ["otp_streams_followed", this.#followed.size];
    for (const [kind, count] of Object.entries(this.#readers())) {
      yield ["otp_stream_readers", count, { kind }];
    }
    for (const [key, count] of this.#answered) {
      const [method, status] = key.split(" ");
      yield ["otp_stream_requests_total", count, { method, status }];
    }
    yield ["otp_stream_received_bytes_total", this.received];
    yield ["otp_stream_sent_bytes_total", this.sent];
  }

  #readers(): Record<ReaderKind, number> {
    const sum = { "long-poll": 0, sse: 0 };
    for (const { readers } of this.#followed.values()) {
      sum["long-poll"] += readers["long-poll"];
      sum.sse += readers.sse;
    }
    return sum;
  }
}

const LAYOUT: TableLayout<Followed> = {
  title: "Followed streams",
  columns: {
    Stream: "text",
    "Long polls": "number",
    "Event readers": "number",
  },
  rank: (followed) => countOf(followed),
  row: ({ stream, readers }) => [
    stream.slice(0, BOUNDS.observedLabel),
    readers["long-poll"],
    readers.sse,
  ],
};

function countOf({ readers }: Followed): number {
  return readers["long-poll"] + readers.sse;
}

const nodes = new WeakMap<Runtime, NodeStreams>();

/** Returns the live readers and the counts of a node. */
export function nodeStreamsOf(runtime: Runtime): NodeStreams {
  let found = nodes.get(runtime);
  if (found === undefined) {
    nodes.set(runtime, found = new NodeStreams());
    addView(runtime, found);
  }
  return found;
}
