/**
 * Streams of three nodes on PostgreSQL, behind a round-robin: the client from npm writes and reads while nodes are killed,
 * frozen and drained.
 *
 * `FUZZ_TIMES=5` repeats the faults. Then the conformance suite runs, too, while owners of its streams are lost.
 */

import { assert, assertEquals } from "@std/assert";
import {
  DurableStream,
  IdempotentProducer,
  stream,
} from "npm:@durable-streams/client@^0.2.6";
import { test } from "../../packages/testing/tags.ts";
import { runs } from "../_seeds.ts";
import { until } from "../_until.ts";
import { type RoundRobin, StreamCluster } from "./_cluster.ts";
import { Suite } from "./_suite.ts";

/** The number of streams: each node owns some. */
const STREAMS = 12;

/** A stream with an idempotent producer that writes all the time, and readers. */
class Written {
  readonly #url: string;
  readonly #handle: DurableStream;
  /** The number of lines that were acknowledged. */
  acknowledged = 0;
  readonly #errors: unknown[] = [];
  #isOver = false;
  readonly #ended: Promise<unknown>;

  private constructor(url: string, handle: DurableStream) {
    this.#url = url;
    this.#handle = handle;
    this.#ended = Promise.all([
      this.#write(),
      this.#read("sse"),
      this.#read("long-poll"),
    ]);
    this.#ended.catch(() => {});
  }

  static async start({ url }: RoundRobin, name: string): Promise<Written> {
    const contentType = "text/plain";
    const at = `${url}/${name}`;
    return new Written(
      at,
      await DurableStream.create({ url: at, contentType }),
    );
  }

  static text(lines: number): string {
    return Array.from({ length: lines }, (_, n) => `line ${n} of é\n`).join("");
  }

  async #write(): Promise<void> {
    const producer = new IdempotentProducer(this.#handle, "alex", {
      lingerMs: 1,
      onError: (error) => this.#errors.push(error),
    });
    let lines = 0;
    while (!this.#isOver) {
      for (let n = 0; n < 5; n++) producer.append(`line ${lines++} of é\n`);
      await producer.flush();
      this.acknowledged = lines;
    }
    await producer.close();
    assertEquals(this.#errors, []);
  }

  /** Reads until the stream is closed. */
  async #read(live: "sse" | "long-poll"): Promise<void> {
    let text = "";
    for (let offset = "-1", isClosed = false; !isClosed;) {
      const read = await stream({ url: this.#url, offset, live });
      const ended = Promise.withResolvers<void>();
      let hasEnded = false;
      read.subscribeText((batch) => {
        if (hasEnded) return;
        text += batch.text;
        offset = batch.offset;
        isClosed = batch.streamClosed;
        if (isClosed) ended.resolve();
      });
      // The client reports a response that ends in the middle; its user goes on from the last offset.
      read.closed.catch(() => ended.resolve());
      await ended.promise;
      hasEnded = true;
    }
    assertEquals(text, Written.text(this.acknowledged), live);
  }

  /** Waits for more acknowledged lines. */
  async more(): Promise<void> {
    const before = this.acknowledged;
    const isWritten = until(() => this.acknowledged > before);
    await Promise.race([isWritten, this.#ended]);
  }

  /** Ends the writer; asserts that its readers have got all lines, and that they are in the store, each once. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
    const all = await stream({ url: this.#url, live: false });
    assertEquals(await all.text(), Written.text(this.acknowledged));
  }
}

test(
  "writers and readers lose nothing and get nothing twice while nodes are killed, frozen and drained",
  {
    timeout: runs(1) * 300_000,
    programs: ["postgres"],
    tags: ["slow", "npm"],
    // The client leaves requests behind.
    sanitizeOps: false,
    sanitizeResources: false,
  },
  async () => {
    await using cluster = await StreamCluster.start();
    const { proxy } = cluster;
    const written = await Promise.all(
      Array.from({ length: STREAMS }, (_, n) => Written.start(proxy, `s/${n}`)),
    );
    const serves = async () => {
      await Promise.all(written.map((each) => each.more()));
    };
    for (let n = 0; n < runs(1); n++) await cluster.faults(serves);
    await Promise.all(written.map((each) => each.end()));
    assert(written.every(({ acknowledged }) => acknowledged > 0));
  },
);

// The suite fails on a machine so slow that a stream has no owner for longer than a request waits.
if (runs(1) > 1) {
  test(
    "the conformance suite passes while the owners of its streams are killed, frozen and drained",
    {
      timeout: 600_000,
      programs: ["postgres"],
      tags: ["slow", "npm"],
    },
    async () => {
      await using cluster = await StreamCluster.start();
      await using suite = await Suite.install();
      const { url } = cluster.proxy;
      const ask = async (method: string, n: number) => {
        const response = await fetch(`${url}/probe/${n}`, { method });
        await response.body?.cancel();
        return response.ok;
      };
      const all = (method: string) =>
        Promise.all(
          Array.from(
            { length: STREAMS },
            (_, n) => until(() => ask(method, n)),
          ),
        );
      await all("PUT");
      let isOver = false;
      let faults = 0;
      const passes = suite.passes(url).finally(() => isOver = true);
      passes.catch(() => {}); // It is awaited below.
      for (; !isOver; faults++) {
        await cluster.ownerFaults(async () => void await all("HEAD"));
      }
      await passes;
      assert(faults > 0);
    },
  );
}
