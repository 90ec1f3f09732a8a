/** Live readers while the nodes with their streams are drained and started again, in virtual time. */

import { assert, assertEquals } from "@std/assert";
import { Node } from "../../node.ts";
import {
  streams,
  type StreamsHandler,
  streamType,
} from "../../packages/streams/mod.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  LEASE,
  pass,
  startEntities,
  startNodes,
} from "../entities/_clusters.ts";

const URL = "http://localhost/chats/1";
const HEADERS = { "content-type": "text/plain" };
const TOKENS = Array.from({ length: 90 }, (_, n) => `${n} tök\n`);

/** A client, which asks one node after the other. */
class Reader {
  readonly live: "sse" | "long-poll";
  text = "";
  offset = "-1";
  asked = 0;

  constructor(live: "sse" | "long-poll", asked: number) {
    this.live = live;
    this.asked = asked;
  }

  /** Reads one response, and takes it as the protocol says: data count with the control event after them. */
  async take(handle: StreamsHandler): Promise<void> {
    const url = `${URL}?offset=${this.offset}&live=${this.live}`;
    const response = await handle(new Request(url));
    if (response.status > 204) await pass(50);
    else if (this.live === "sse") await this.#takeEvents(response.body!);
    else {
      this.text += await response.text();
      this.offset = response.headers.get("stream-next-offset")!;
    }
  }

  async #takeEvents(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    let data = "";
    for await (const part of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + part).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const [event, ...lines] = block.split("\n");
        const value = lines.map((line) => line.slice("data:".length)).join(
          "\n",
        );
        if (event === "event: data") data += value;
        else {
          this.text += data;
          data = "";
          this.offset = JSON.parse(value).streamNextOffset;
        }
      }
    }
    assertEquals([rest, data], ["", ""]);
  }
}

test("readers miss nothing and get nothing twice while two nodes are drained and started again", async () => {
  const options = { types: [streamType()], shards: 8 };
  const { cluster, store } = await startNodes({
    alex: options,
    kate: options,
    sophie: undefined,
  });
  await using _ = cluster;
  const handles = new Map<string, StreamsHandler>();
  const serve = async (name: string) => {
    const [entities] = options.types;
    const handle = await cluster.run(name, () => {
      const handle = streams({ entities, authorize: () => true });
      Node.onDrain(async () => {
        handles.delete(name);
        await handle.close();
      });
      return handle;
    });
    handles.set(name, handle);
  };
  await serve("alex");
  await serve("kate");
  /** Has a node that is up do something; fails with it. */
  const ask = (n: number, work: (handle: StreamsHandler) => Promise<void>) => {
    const names = [...handles.keys()];
    const name = names[n % names.length];
    return cluster.run(name, () => work(handles.get(name)!));
  };
  const write = async (seq: number) => {
    let isDone = false;
    for (let n = seq; !isDone; n++) {
      await ask(n, async (handle) => {
        const headers = {
          ...HEADERS,
          ...{ "producer-id": "model", "producer-epoch": "0" },
          "producer-seq": `${seq}`,
          ...seq === TOKENS.length - 1 ? { "stream-closed": "true" } : {},
        };
        const body = TOKENS[seq];
        const response = await handle(
          new Request(URL, { method: "POST", headers, body }),
        );
        isDone = response.ok;
      });
    }
    await pass(20);
  };
  const restart = async (name: string) => {
    assertEquals(await cluster.node(name).drain(), "drained");
    await cluster.restart(name);
    startEntities(cluster, name, { store, ...options });
    await serve(name);
  };

  await ask(0, async (handle) => {
    await handle(new Request(URL, { method: "PUT", headers: HEADERS }));
  });
  const readers = (["sse", "long-poll"] as const).flatMap((live) =>
    [0, 1].map((first) => new Reader(live, first))
  );
  const all = TOKENS.join("");
  const reads = readers.map((reader) =>
    cluster.run("sophie", async () => {
      while (reader.text.length < all.length) {
        await ask(reader.asked++, (handle) => reader.take(handle));
      }
    })
  );
  await cluster.run("sophie", async () => {
    for (let seq = 0; seq < 30; seq++) await write(seq);
    const first = restart("alex");
    for (let seq = 30; seq < 60; seq++) await write(seq);
    await first;
    await pass(2 * LEASE);
    const second = restart("kate");
    for (let seq = 60; seq < TOKENS.length; seq++) await write(seq);
    await second;
  });
  await Promise.all(reads);
  for (const { text, live, asked } of readers) {
    assertEquals(text, all, live);
    assert(asked >= 3, `${live}: ${asked}`);
  }
});
