/** Clients that use up what they may: waiting readers, and producers. */

import { assertEquals } from "@std/assert";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import {
  streams,
  type StreamsHandler,
  type StreamsOptions,
  streamType,
} from "../../packages/streams/mod.ts";
import { Entities } from "../../packages/entities/entities.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { test } from "../../packages/testing/tags.ts";

const POLLS = 10_000;

/** A handler of one stream. */
class OneStream implements AsyncDisposable {
  readonly #handle: StreamsHandler;

  private constructor(handle: StreamsHandler) {
    this.#handle = handle;
  }

  static async start(
    options: Partial<StreamsOptions> = {},
  ): Promise<OneStream> {
    const one = new OneStream(streams({
      ...options.entities ? {} : { store: memoryStore() },
      authorize: () => true,
      address: (request) => request.headers.get("x-address") ?? undefined,
      ...options,
    }));
    assertEquals((await one.ask("PUT")).status, 201);
    return one;
  }

  ask(
    method: string,
    headers: Record<string, string> = {},
    { query = "", body }: { query?: string; body?: string } = {},
  ): Promise<Response> {
    return this.#handle(
      new Request(`http://localhost/a${query}`, {
        ...{ method, body },
        headers: { "content-type": "text/plain", ...headers },
      }),
    );
  }

  poll(address: string): Promise<Response> {
    const query = "?offset=now&live=long-poll";
    return this.ask("GET", { "x-address": address }, { query });
  }

  /** Appends as a producer; returns the status. */
  async produce(id: string, epoch: string, seq: string): Promise<number> {
    const headers = {
      ...{ "producer-id": id, "producer-epoch": epoch, "producer-seq": seq },
    };
    return (await this.ask("POST", headers, { body: "x" })).status;
  }

  async text(): Promise<string> {
    return await (await this.ask("GET")).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** How many responses there are of each status, and the texts of the refusals. */
async function countsOf(responses: readonly Response[]) {
  const counts: Record<string, number> = {};
  for (const response of responses) {
    const text = (await response.text()).trim();
    const name = `${response.status} ${text}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test(`of ${POLLS} long polls from one address, all but a thousand are refused`, async () => {
  await using one = await OneStream.start();
  const refused: Response[] = [];
  const all = Promise.withResolvers<void>();
  const polls = Array.from({ length: POLLS }, async () => {
    const response = await one.poll("1");
    if (response.status === 429 && refused.push(response) === POLLS - 1000) {
      all.resolve();
    }
    return response;
  });
  await all.promise;
  // Others are served meanwhile.
  const other = one.poll("2");
  const body = { body: "one" };
  assertEquals((await one.ask("POST", {}, body)).status, 204);
  assertEquals(await (await other).text(), "one");
  assertEquals(await countsOf(await Promise.all(polls)), {
    "200 one": 1000,
    "429 1000 requests wait for events from 1 already": POLLS - 1000,
  });
});

test(`${POLLS} long polls from many addresses wait, and one more is refused until they have ended`, async () => {
  await using one = await OneStream.start();
  const polls = Array.from({ length: POLLS }, (_, n) => one.poll(`${n}`));
  const more = await one.poll("more");
  assertEquals(await countsOf([more]), {
    [`429 ${POLLS} requests wait for events of a already`]: 1,
  });
  assertEquals((await one.ask("HEAD")).status, 200);
  assertEquals((await one.ask("POST", {}, { body: "one" })).status, 204);
  assertEquals(await countsOf(await Promise.all(polls)), { "200 one": POLLS });
  const again = one.poll("more");
  assertEquals((await one.ask("POST", {}, { body: "two" })).status, 204);
  assertEquals(await (await again).text(), "two");
});

test("a producer has an id of any characters, and no number that is none", async () => {
  await using one = await OneStream.start();
  const ids = ["__proto__", "constructor", "$", "x".repeat(256)];
  for (const id of ids) {
    assertEquals(await one.produce(id, "0", "0"), 200, id);
    assertEquals(await one.produce(id, "0", "0"), 204, id);
    assertEquals(await one.produce(id, "0", "1"), 200, id);
  }
  const most = String(Number.MAX_SAFE_INTEGER);
  for (
    const [id, epoch, seq] of [
      ["x".repeat(257), "0", "0"],
      ...["-1", "1e3", "0x1", "01", "1.0", " ", "NaN", "9".repeat(16)]
        .flatMap((number) => [["a", number, "0"], ["a", "0", number]]),
      // A new epoch begins at 0.
      ["$", most, most],
    ]
  ) assertEquals(await one.produce(id, epoch, seq), 400, `${epoch} ${seq}`);
  assertEquals(await one.produce("$", "0", most), 409);
  assertEquals(await one.text(), "x".repeat(2 * ids.length));
});

test("a producer with a higher epoch fences, and more producers than a stream has are refused", async () => {
  const entities = streamType({ producers: 2 });
  const pid = await Entities.startLink({
    types: [entities],
    store: memoryStore(),
  });
  {
    await using one = await OneStream.start({ entities });
    assertEquals(await one.produce("a", "0", "0"), 200);
    assertEquals(await one.produce("a", "5", "0"), 200);
    assertEquals(await one.produce("a", "0", "1"), 403);
    assertEquals(await one.produce("b", "0", "0"), 200);
    assertEquals(await one.produce("c", "0", "0"), 429);
    assertEquals(await one.produce("a", "5", "1"), 200);
    assertEquals(await one.text(), "xxxx");
  }
  await GenServer.stop(pid);
});
