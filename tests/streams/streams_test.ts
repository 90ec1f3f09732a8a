/** Streams over HTTP: what the conformance suite does not ask. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  DurableStream,
  IdempotentProducer,
} from "npm:@durable-streams/client@^0.2.6";
import { Entities } from "../../packages/entities/entities.ts";
import { MOST_HELD } from "../../packages/entities/held_answers.ts";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import {
  type StreamAction,
  streams,
  type StreamsHandler,
  type StreamsOptions,
  streamType,
  type StreamTypeOptions,
} from "../../packages/streams/mod.ts";
import type { StreamType } from "../../packages/streams/stream_entity.ts";
import { test } from "../../packages/testing/tags.ts";
import { until } from "../_until.ts";
import { serveOnNode } from "./_server.ts";

const URL_BASE = "http://localhost/";

interface Asking {
  headers?: Record<string, string>;
  body?: BodyInit;
}

/** A handler without a server, for requests by the name of their stream. */
class Asked implements AsyncDisposable {
  readonly handle: StreamsHandler;
  readonly #end: () => Promise<void>;

  constructor(handle: StreamsHandler, end: () => Promise<void>) {
    this.handle = handle;
    this.#end = end;
  }

  static async start(
    options: Partial<StreamsOptions> = {},
    typed: StreamTypeOptions = {},
  ): Promise<Asked & { type: StreamType }> {
    const type = streamType(typed) as StreamType;
    const pid = await Entities.startLink({
      types: [type],
      store: memoryStore(),
    });
    const handle = streams({
      entities: type,
      authorize: () => true,
      ...options,
    });
    const asked = new Asked(handle, async () => {
      await handle.close();
      await GenServer.stop(pid);
    });
    return Object.assign(asked, { type });
  }

  ask(
    method: string,
    path: string,
    { headers = {}, body }: Asking = {},
  ): Promise<Response> {
    const type = headers["content-type"] ?? "text/plain";
    return this.handle(
      new Request(URL_BASE + path, {
        method,
        headers: {
          ...headers,
          ...method === "GET" ? {} : { "content-type": type },
        },
        body,
      }),
    );
  }

  /** Makes a request that succeeds; returns the next offset. */
  async do(method: string, path: string, asking: Asking = {}): Promise<string> {
    const response = await this.ask(method, path, asking);
    const text = await response.text();
    assert(response.ok, `${response.status} ${text}`);
    return response.headers.get("stream-next-offset")!;
  }

  /** Reads all pages of a stream. */
  async pages(path: string): Promise<[pages: Uint8Array[], offset: string]> {
    const pages: Uint8Array[] = [];
    for (let offset = "-1";;) {
      const response = await this.ask("GET", `${path}?offset=${offset}`);
      assertEquals(response.status, 200);
      pages.push(await response.bytes());
      offset = response.headers.get("stream-next-offset")!;
      if (response.headers.has("stream-up-to-date")) return [pages, offset];
    }
  }

  async text(path: string): Promise<string> {
    const response = await this.ask("GET", path);
    assertEquals(response.status, 200);
    return await response.text();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}

/** The status and the text of a response. */
async function summary(response: Response): Promise<[number, string]> {
  return [response.status, (await response.text()).trim()];
}

test("streams() refuses to start without authorize and a store", () => {
  const store = memoryStore();
  const authorize = () => true;
  const wrong: [unknown, string][] = [
    [{ store }, "authorize"],
    [{ authorize }, "give a store"],
    [{ store, authorize, entities: streamType() }, "not both"],
    [{ store, authorize, prefix: "streams" }, "prefix"],
    [{ store, authorize, origins: ["example.com"] }, "origins"],
    [{ store, authorize, limits: { body: 6 << 20 } }, "body"],
    [{ store, authorize, limits: { bodies: 1 } }, "bodies"],
  ];
  for (const [options, why] of wrong) {
    assertThrows(() => streams(options as StreamsOptions), Error, why);
  }
});

test("authorize is asked before anything else, and for both ends of a fork", async () => {
  const asked: [string, StreamAction][] = [];
  await using it = await Asked.start({
    authorize(request, stream, action) {
      asked.push([stream, action]);
      if (request.headers.get("x-user") === "alex") return true;
      return action === "read"
        ? new Response("log in", { status: 401 })
        : false;
    },
  });
  const headers = { "x-user": "alex" };
  assertEquals((await it.ask("PUT", "a")).status, 403);
  assertEquals(await summary(await it.ask("GET", "none")), [401, "log in"]);
  assertEquals((await it.ask("DELETE", "none")).status, 403);
  await it.do("PUT", "a/b", { headers });
  asked.length = 0;
  await it.do("PUT", "c", {
    headers: { ...headers, "stream-forked-from": "/a/b" },
  });
  assertEquals(asked, [["c", "create"], ["a/b", "read"]]);
});

test("an error of authorize refuses, and says nothing of the server", async () => {
  await using it = await Asked.start({
    authorize: () => {
      throw new Error("the database at db.example.com");
    },
  });
  assertEquals(await summary(await it.ask("GET", "a")), [
    500,
    "the server has failed",
  ]);
});

test("names that could be read in two ways are refused", async () => {
  const names: string[] = [];
  await using it = await Asked.start({
    prefix: "/v1/",
    authorize(_, name) {
      names.push(name);
      return true;
    },
  });
  for (
    const path of [
      ..."v1/|v1/a//b|v1/a/|v1/a%2Fb|v1/%2e%2e%2fa|v1/a%5Cb|v1/a%00|v1/%ff"
        .split("|"),
      `v1/${"a".repeat(501)}`,
    ]
  ) assertEquals((await it.ask("PUT", path)).status, 400, path);
  for (const path of ["v2/a", "v1", "v1/__ds/a", "v1/%2e%2e/a"]) {
    assertEquals((await it.ask("PUT", path)).status, 404, path);
  }
  assertEquals(names, []);
  await it.do("PUT", "v1/caf%C3%A9%20%25");
  assertEquals(names, ["café %"]);
});

test("bytes of all kinds and lengths come back as they were, also from the middle", async () => {
  await using it = await Asked.start({ limits: { page: 300_000 } });
  const bytes = new Uint8Array(300_000).map((_, n) => (n * 7919) >> 5);
  const parts: Uint8Array[] = [
    new TextEncoder().encode("plain"),
    Uint8Array.of(0, 255, 128),
    new Uint8Array(5000),
    bytes,
    // Longer than an event, with characters of three bytes at its ends.
    new TextEncoder().encode("a" + "€".repeat(600_000)),
    Uint8Array.of(0xe2, 0x82),
  ];
  const headers = { "content-type": "application/octet-stream" };
  await it.do("PUT", "a", { headers, body: parts[0] as BodyInit });
  let end = "";
  for (const part of parts.slice(1)) {
    end = await it.do("POST", "a", { headers, body: part as BodyInit });
  }
  const sent = new Uint8Array(
    await new Blob(parts as BlobPart[]).arrayBuffer(),
  );
  const [got, offset] = await it.pages("a");
  assertEquals(offset, end);
  assert(got.length > 3);
  assertEquals(await new Blob(got as BlobPart[]).bytes(), sent);
});

test("JSON messages keep their digits, and long batches are split between messages", async () => {
  await using it = await Asked.start();
  const headers = { "content-type": "application/json" };
  const body = '[ {"n": 12345678901234567890}, "a,]\\"", [1] ]';
  await it.do("PUT", "a", { headers, body });
  assertEquals(
    await it.text("a"),
    '[{"n": 12345678901234567890}, "a,]\\"", [1]]',
  );
  const long = Array.from({ length: 2000 }, (_, n) => "x".repeat(1000) + n);
  await it.do("POST", "a", { headers, body: JSON.stringify(long) });
  const [pages] = await it.pages("a");
  assert(pages.length > 1);
  const messages = pages.flatMap((page) =>
    JSON.parse(new TextDecoder().decode(page)) as unknown[]
  );
  assert(JSON.stringify(messages.slice(3)) === JSON.stringify(long));
  for (
    const [bad, status] of [
      ["{", 400],
      ["[]", 400],
      [`"${"x".repeat(800_000)}"`, 413],
    ] as const
  ) {
    assertEquals(
      (await it.ask("POST", "a", { headers, body: bad })).status,
      status,
    );
  }
});

test("a stream that is created again has other offsets and tags, and its readers are told", async () => {
  await using it = await Asked.start();
  const body = "one";
  const old = await it.do("PUT", "a", { body });
  const tag = (await it.ask("GET", "a")).headers.get("etag");
  const poll = it.ask("GET", `a?offset=${old}&live=long-poll`);
  const events = await it.ask("GET", `a?offset=${old}&live=sse`);
  const read = events.body!.getReader();
  await read.read();
  await it.do("DELETE", "a");
  assertEquals(await summary(await poll), [404, "the stream was deleted"]);
  let last = "";
  for (;;) {
    const { done, value } = await read.read();
    if (done) break;
    last = new TextDecoder().decode(value);
  }
  assert(last.endsWith(": the stream was deleted\n\n"), last);
  assertEquals(await summary(await it.ask("GET", "a")), [
    404,
    "the stream was deleted",
  ]);
  assertEquals(await summary(await it.ask("GET", "b")), [
    404,
    "there is no such stream",
  ]);
  await it.do("PUT", "a", { body: "two" });
  const again = await it.ask("GET", "a");
  assertNotEquals(again.headers.get("etag"), tag);
  assertEquals(await again.text(), "two");
  assertEquals((await it.ask("GET", `a?offset=${old}`)).status, 410);
  assertEquals((await it.ask("GET", "a?offset=now")).status, 200);
});

test("an append that is repeated because its owner was lost is stored once, also beside the appends of the same write", async () => {
  await using it = await Asked.start();
  await it.do("PUT", "a");
  const append = (d: string, nonce: string, type = "text/plain") =>
    it.type.get("a").append({
      ...{ type, chunks: [{ d }], nonce },
      ...{ close: false, seq: null, producer: null },
    });
  for (let n = 0; n < 2; n++) {
    const others = Array.from(
      { length: MOST_HELD.calls - 2 },
      (_, at) => append(".", String(at).padStart(8, "0")),
    );
    const replies = await Promise.all([
      append("x", "nonce..1"),
      append("w", "nonce..2", "text/html"),
      ...others,
      append("y", "nonce..3"),
    ]);
    const statuses = replies.map(({ status }) => status);
    assertEquals(statuses, statuses.map((_, at) => at === 1 ? 409 : 204));
  }
  await append("x", "nonce..4");
  const text = await it.text("a");
  assertEquals(text.replaceAll(".", "").length, 3);
  assertEquals(text.length, MOST_HELD.calls + 1);
});

test("events that are kept no more are said to be gone, and -1 begins with the first that is", async () => {
  await using it = await Asked.start({}, { keep: { events: 10 } });
  await it.do("PUT", "a");
  const offsets: string[] = [];
  for (let n = 0; n < 400; n++) {
    const body = `${n};`.padEnd(100, ".");
    offsets.push(await it.do("POST", "a", { body }));
  }
  const [status, why] = await summary(
    await it.ask("GET", `a?offset=${offsets[0]}`),
  );
  assertEquals(status, 410);
  assertStringIncludes(why, "kept no more");
  const all = await it.text("a?offset=-1");
  assert(all.endsWith("399;".padEnd(100, ".")));
  assert(!all.includes("0;...0") && !all.startsWith("0;"));
  assertEquals(
    await it.text(`a?offset=${offsets[398]}`),
    "399;".padEnd(100, "."),
  );
});

test("a fork outlives its source, and a source forgets forks that never came to be", async () => {
  await using it = await Asked.start();
  await it.do("PUT", "a", { body: "abc" });
  await it.do("PUT", "b", {
    headers: {
      "stream-forked-from": "/a",
      "stream-fork-offset": "0000000000000000_0000000000000000",
      "stream-fork-sub-offset": "2",
    },
    body: "X",
  });
  assertEquals(await it.text("b"), "abX");
  // The owner of a fork was lost between the two steps of its creation.
  await it.type.get("a").hold("c", "lost", null, null);
  await it.do("DELETE", "a");
  assertEquals((await it.ask("GET", "a")).status, 410);
  assertEquals((await it.ask("PUT", "a")).status, 409);
  assertEquals(await it.text("b"), "abX");
  await it.do("DELETE", "b");
  assertEquals((await it.ask("GET", "a")).status, 404);
  await it.do("PUT", "a");
});

test("too many readers get 429, and close() ends those that are there", async () => {
  await using it = await Asked.start({
    address: (request) => request.headers.get("x-address")!,
    limits: { readersOfAddress: 1, readersOfStream: 2 },
  });
  const offset = await it.do("PUT", "a");
  const path = `a?offset=${offset}&live=`;
  const from = (address: string) => ({ headers: { "x-address": address } });
  const poll = it.ask("GET", `${path}long-poll`, from("1"));
  const sse = await it.ask("GET", `${path}sse`, from("2"));
  const [status, why] = await summary(
    await it.ask("GET", `${path}sse`, from("2")),
  );
  assertEquals([status, why.includes("from 2")], [429, true]);
  const third = await it.ask("GET", `${path}long-poll`, from("3"));
  assertEquals(third.status, 429);
  await it.handle.close();
  const ended = await poll;
  assertEquals(
    [ended.status, ended.headers.get("stream-next-offset")],
    [204, offset],
  );
  assertStringIncludes(await sse.text(), offset);
  // A balancer that has not noticed yet asks another node.
  for (const live of ["long-poll", "sse"]) {
    const late = await it.ask("GET", path + live, from("4"));
    assertEquals([late.status, late.headers.get("retry-after")], [503, "1"]);
    await late.body?.cancel();
  }
});

test("a reader of events that does not read for long gets all of it, once, and the end", async () => {
  await using it = await Asked.start({ limits: { page: 50_000 } });
  await it.do("PUT", "a");
  const events = await it.ask("GET", "a?offset=-1&live=sse");
  const quick = await it.ask("GET", "a?offset=-1&live=sse");
  const seen = quick.text();
  const lines = Array.from({ length: 60 }, (_, n) => `${n}`.repeat(5000));
  for (const body of lines) await it.do("POST", "a", { body });
  const headers = { "stream-closed": "true" };
  await it.do("POST", "a", { headers, body: "end" });
  for (const text of [await events.text(), await seen]) {
    const data = [...text.matchAll(/^data:([^{].*)$/gm)].map(([, line]) =>
      line
    );
    assertEquals(data.join(""), lines.join("") + "end");
    assertStringIncludes(text.slice(-200), '"streamClosed":true');
  }
});

test("an owner creates no more streams than it may, and neither do all", async () => {
  await using it = await Asked.start({
    owner: (_, stream) => stream === "c" ? "a/" : stream.slice(0, 2),
    limits: { streams: 3, streamsOfOwner: 2 },
  });
  await it.do("PUT", "a/1");
  await it.do("PUT", "a/2", { headers: { "stream-forked-from": "/a/1" } });
  const [status, why] = await summary(await it.ask("PUT", "a/3"));
  assertEquals(status, 429);
  assertStringIncludes(why, "2 streams of a/");
  // One that is there is none more.
  assertEquals((await it.ask("PUT", "a/1")).status, 200);
  assertEquals((await it.ask("PUT", "c")).status, 403);
  await it.do("PUT", "b/1");
  assertEquals((await it.ask("PUT", "b/2")).status, 429);
  await it.do("DELETE", "a/2");
  // It counts again when a second has passed.
  await until(async () => (await it.ask("PUT", "b/2")).status === 201);
});

test("caches keep history and not the end, and pages of other origins are refused", async () => {
  await using it = await Asked.start({
    cache: "public",
    origins: ["https://example.com"],
    limits: { page: 1 },
  });
  await it.do("PUT", "a", { body: "one" });
  await it.do("POST", "a", { body: "two" });
  const control = async (offset: string) =>
    (await it.ask("GET", `a?offset=${offset}`)).headers.get("cache-control");
  assertStringIncludes((await control("-1"))!, "max-age=60");
  const end = "0000000000000000_0000000000000001";
  assertEquals(await control(end), "public, no-cache");
  assertEquals(await control("now"), "no-store");
  const cors = async (origin: string) =>
    (await it.ask("OPTIONS", "a", { headers: { origin } })).headers
      .get("access-control-allow-origin");
  assertEquals(await cors("https://example.com"), "https://example.com");
  assertEquals(await cors("https://example.org"), null);
});

test(
  "the client from npm writes by an idempotent producer and reads live, over node:http",
  {
    // The client leaves requests behind.
    sanitizeOps: false,
    sanitizeResources: false,
  },
  async () => {
    await using server = await serveOnNode({});
    const handle = await DurableStream.create({
      url: `${server.url}/chats/1`,
      contentType: "application/json",
    });
    const producer = new IdempotentProducer(handle, "alex", {
      autoClaim: true,
    });
    for (const live of ["sse", "long-poll"] as const) {
      const read = await handle.stream<{ n: number }>({ offset: "now", live });
      const got: number[] = [];
      const all = Promise.withResolvers<void>();
      read.subscribeJson(({ items }) => {
        for (const { n } of items) got.push(n);
        if (got.length === 200) all.resolve();
        return Promise.resolve();
      });
      const sent = Array.from({ length: 200 }, (_, n) => n);
      for (const n of sent) producer.append(JSON.stringify({ n }));
      await producer.flush();
      await all.promise;
      read.cancel();
      assertEquals(got, sent);
    }
    await producer.close();
    const rest = await handle.stream<{ n: number }>({ live: false });
    assertEquals((await rest.json()).length, 400);
    assertEquals(rest.streamClosed, true);
  },
);
