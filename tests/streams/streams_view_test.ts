/** Observers and metrics see the readers, requests and bytes of streams, on any node, and no content. */

import { assert, assertEquals } from "@std/assert";
import { metrics } from "../../packages/observe/metrics.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { Node } from "../../packages/node/node.ts";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import { receive, spawn } from "../../packages/processes/process.ts";
import { streams, type StreamsHandler } from "../../packages/streams/mod.ts";
import { clusterTest } from "../_nodes.ts";
import { until } from "../_until.ts";

const CONTENT = "s3cret content";

clusterTest(
  "metrics and observers count readers, requests and bytes of streams, and have no content",
  async (cluster) => {
    const scrape = metrics();
    const alex = await cluster.start("alex", { allowObserve: true });
    const kate = await cluster.start("kate");
    await kate.run(() => Node.connect(alex.name));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => scrape.stop());
    const { promise, resolve } = Promise.withResolvers<StreamsHandler>();
    // The entities are linked to the process that starts them.
    alex.run(() =>
      void spawn(() => {
        resolve(streams({
          store: memoryStore(),
          authorize: (_request, name) => name !== "private",
          limits: { body: 100, readersOfStream: 2 },
        }));
        return receive(() => false);
      })
    );
    const handle = stack.use(await promise);
    const ask = (method: string, path: string, body?: string) =>
      alex.run(() =>
        handle(
          new Request(`http://localhost/${path}`, {
            method,
            body,
            headers: method === "GET" ? {} : { "content-type": "text/plain" },
          }),
        )
      );
    const status = async (method: string, path: string, body?: string) => {
      const response = await ask(method, path, body);
      await response.body?.cancel();
      return response.status;
    };
    const samples = async () => {
      const answer = await scrape(new Request("http://localhost/metrics"));
      const text = await answer!.text();
      assert(!text.includes(CONTENT), text);
      const lines = text.matchAll(/^(otp_stream\w+)\{([^}]*)\} (.*)$/gm);
      return Object.fromEntries(
        Array.from(lines, ([, name, labels, value]) => [
          `${name} ${labels.replace(/node="[^"]*",?/, "")}`,
          Number(value),
        ]),
      );
    };

    assertEquals(await status("PUT", "chat/1"), 201);
    assertEquals(await status("POST", "chat/1", CONTENT), 204);
    assertEquals(await status("POST", "chat/1", "x".repeat(101)), 413);
    assertEquals(await status("GET", "private"), 403);
    assertEquals(await status("GET", "none"), 404);
    assertEquals(await status("PATCH", "chat/1", "x"), 405);
    const page = await ask("GET", "chat/1?offset=-1");
    assertEquals(await page.text(), CONTENT);
    const events = await ask("GET", "chat/1?offset=-1&live=sse");
    const reader = events.body!.getReader();
    const { value } = await reader.read();
    const polled = ask("GET", "chat/1?offset=now&live=long-poll");
    const both = async () => {
      const counts = await samples();
      return counts['otp_stream_readers kind="long-poll"'] === 1 &&
        counts['otp_stream_readers kind="sse"'] === 1;
    };
    await until(both);
    assertEquals(await status("GET", "chat/1?offset=now&live=sse"), 429);

    const counts = await samples();
    for (
      const [name, count] of [
        ["otp_streams_followed ", 1],
        ['otp_stream_requests_total method="PUT",status="201"', 1],
        ['otp_stream_requests_total method="POST",status="204"', 1],
        ['otp_stream_requests_total method="POST",status="413"', 1],
        ['otp_stream_requests_total method="GET",status="200"', 2],
        ['otp_stream_requests_total method="GET",status="403"', 1],
        ['otp_stream_requests_total method="GET",status="404"', 1],
        ['otp_stream_requests_total method="GET",status="429"', 1],
        ['otp_stream_requests_total method="other",status="405"', 1],
        ["otp_stream_received_bytes_total ", CONTENT.length],
      ] as const
    ) assertEquals([name, counts[name]], [name, count]);
    const sent = counts["otp_stream_sent_bytes_total "];
    assert(sent >= CONTENT.length + value!.length, `${sent}`);

    const viewOf = async () =>
      (await kate.run(() => Observer.view("streams", { node: alex.name })))!;
    const view = await viewOf();
    assertEquals(view.counts, {
      ...{ "followed streams": 1, "long polls": 1, "event readers": 1 },
      ...{ "answered requests": 9, "beyond limits": 2, failed: 0 },
    });
    assertEquals(
      view.tables.map(({ rows }) => rows),
      [[["chat/1", 1, 1]]],
    );
    assert(!Deno.inspect(view, { depth: 9 }).includes(CONTENT));

    // An append ends the long poll; the reader of events leaves.
    assertEquals(await status("POST", "chat/1", "more"), 204);
    assertEquals(await (await polled).text(), "more");
    await reader.cancel();
    await until(async () => (await samples())["otp_streams_followed "] === 0);
    assertEquals((await viewOf()).tables[0].rows, []);
  },
);
