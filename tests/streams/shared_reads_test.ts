/** One read of the store for all readers that begin at the same time. */

import { assertEquals, assertRejects } from "@std/assert";
import { Entities } from "../../packages/entities/entities.ts";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import { storeThrough } from "../../packages/entities/store_calls.ts";
import { Process, spawn } from "../../packages/processes/process.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { streams, streamType } from "../../packages/streams/mod.ts";
import { type Page, Pages } from "../../packages/streams/pages.ts";
import type { StreamInfo } from "../../packages/streams/stream_state.ts";
import type { StreamType } from "../../packages/streams/stream_entity.ts";
import { test } from "../../packages/testing/tags.ts";
import { serveOnDeno, serveOnNode } from "./_server.ts";

const READERS = 50;

const headers = { "content-type": "text/plain" };

/** A store that counts the reads of logs. */
class Counted {
  reads = 0;
  /** Makes a read of the store. */
  read = (call: () => Promise<unknown>): Promise<unknown> => call();

  readonly store = storeThrough(memoryStore(), (name, call) => {
    if (name !== "readLog") return call();
    this.reads++;
    return this.read(call);
  });
}

for (const serve of [serveOnNode, serveOnDeno]) {
  test(`${READERS} readers that begin at the same time read the store once, with ${serve.name}`, async () => {
    const counted = new Counted();
    const all = Promise.withResolvers<void>();
    let asked = 0;
    await using server = await serve({
      store: counted.store,
      authorize(_, __, action) {
        if (action === "read" && ++asked === READERS) all.resolve();
        return true;
      },
    });
    const url = `${server.url}/a`;
    const created = await fetch(url, { method: "PUT", headers, body: "one" });
    assertEquals(created.status, 201);
    await created.body?.cancel();
    counted.reads = 0;
    counted.read = (call) => all.promise.then(call);
    const texts = await Promise.all(
      Array.from({ length: READERS }, async (_, n) => {
        const live = n % 2 === 0 ? "" : "&live=long-poll";
        return await (await fetch(`${url}?offset=-1${live}`)).text();
      }),
    );
    assertEquals(texts, Array(READERS).fill("one"));
    assertEquals(counted.reads, 1);
  });
}

/** The pages of a stream with one event, of which a read of the store waits for `read`. */
async function pagesOf(
  { store }: Counted,
): Promise<AsyncDisposable & { ask: () => Promise<Page> }> {
  const type = streamType() as StreamType;
  const pid = await Entities.startLink({ types: [type], store });
  const handle = streams({ entities: type, authorize: () => true });
  const url = "http://localhost/a";
  await handle(new Request(url, { method: "PUT", headers, body: "one" }));
  const info = await type.get("a").info(true) as StreamInfo;
  const pages = new Pages(type, 5000, 1000);
  return {
    ask: () => pages.read(info, 0, true),
    async [Symbol.asyncDispose]() {
      await GenServer.stop(pid);
    },
  };
}

test("a read that fails is no answer to later requests", async () => {
  const counted = new Counted();
  await using pages = await pagesOf(counted);
  counted.read = () => Promise.resolve({ first: 1, last: 1, events: [] });
  await assertRejects(pages.ask, Error, "the store lacks events");
  counted.read = (call) => call();
  assertEquals((await pages.ask()).chunks, [{ d: "one" }]);
});

test("a read goes on for others when the process of its first request exits", async () => {
  const counted = new Counted();
  await using pages = await pagesOf(counted);
  const begun = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<void>();
  counted.read = (call) => {
    counted.read = (call) => call();
    begun.resolve();
    return failed.promise.then(call);
  };
  const first = spawn(() => pages.ask().then(() => {}));
  await begun.promise;
  const second = pages.ask();
  Process.exit(first, "kill");
  failed.reject(new Error("the store is lost"));
  assertEquals((await second).chunks, [{ d: "one" }]);
});
