/** Sockets and channels, by frames written by hand. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { assert, assertEquals } from "@std/assert";
import {
  Channel,
  PubSub,
  Sockets,
  type SocketsOptions,
} from "../../packages/channels/mod.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../packages/processes/process.ts";
import { FrameBatch } from "../../packages/channels/frame_batch.ts";
import { test } from "../../packages/testing/tags.ts";
import { RawClient } from "./_client.ts";
import { Judge } from "./_judge.ts";
import { roomOf } from "./_judge_channels.ts";

const Room = roomOf(false);

const ok = (response: unknown = {}) => ({ status: "ok", response });
const error = (reason: string) => ({ status: "error", response: { reason } });
const joined = (room: string) => ok({ room, user: "nobody", got: {} });

/** Serves a handler by `Deno.serve`. */
function serve(options: SocketsOptions) {
  const sockets = Sockets.handler(options);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => sockets(request),
  );
  return {
    url: `ws://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The same test by `node:http` and by `Deno.serve`. */
function both(name: string, fn: (url: string) => Promise<void>): void {
  test(`${name}, by node:http`, async () => {
    await using judge = await Judge.serve();
    await fn(judge.url);
  });
  test(`${name}, by Deno.serve`, async () => {
    await using server = serve({
      channels: [Room],
      connect: ({ user = "nobody" }) => user,
    });
    await fn(server.url);
  });
}

both("a client joins, pushes, and leaves", async (url) => {
  await using client = await RawClient.open(url);
  assertEquals(
    await client.ask([null, "1", "phoenix", "heartbeat", {}]),
    [null, "1", "phoenix", "phx_reply", ok()],
  );
  assertEquals(
    await client.ask(["2", "2", "room:a", "phx_join", {}]),
    ["2", "2", "room:a", "phx_reply", joined("a")],
  );
  const echo = { text: "ü", __proto__: null, deep: [{ a: null }] };
  assertEquals(
    await client.ask(["2", "3", "room:a", "echo", echo]),
    ["2", "3", "room:a", "phx_reply", ok(echo)],
  );
  // A push without join_ref is taken, one of an earlier join is dropped.
  client.send(["1", "4", "room:a", "echo", {}]);
  assertEquals(
    await client.ask([null, "5", "room:a", "error", { reason: "so" }]),
    ["2", "5", "room:a", "phx_reply", error("so")],
  );
  client.send(["2", "6", "room:a", "phx_leave", {}]);
  assertEquals(
    await client.next(),
    ["2", "6", "room:a", "phx_reply", ok()],
  );
  assertEquals(await client.next(), ["2", "2", "room:a", "phx_close", {}]);
  assertEquals(
    await client.ask(["2", "7", "room:a", "phx_leave", {}]),
    ["2", "7", "room:a", "phx_reply", ok()],
  );
  assertEquals(
    await client.ask(["2", "8", "room:a", "echo", {}]),
    [null, "8", "room:a", "phx_reply", error("unmatched topic")],
  );
});

both("a second join closes the first channel before its reply", async (url) => {
  await using client = await RawClient.open(url);
  await client.ask(["1", "1", "room:a", "phx_join", {}]);
  client.send(["2", "2", "room:a", "phx_join", {}]);
  assertEquals(await client.next(), ["1", "1", "room:a", "phx_close", {}]);
  assertEquals(
    await client.next(),
    ["2", "2", "room:a", "phx_reply", joined("a")],
  );
  client.send(["1", "3", "room:a", "phx_leave", {}]); // of the first: dropped
  assertEquals(
    await client.ask(["2", "4", "room:a", "echo", { n: 1 }]),
    ["2", "4", "room:a", "phx_reply", ok({ n: 1 })],
  );
});

both("version 1.0.0 has objects, and no bytes", async (url) => {
  await using first = await RawClient.open(url, "vsn=1.0.0");
  await using second = await RawClient.open(url);
  await second.ask(["1", "1", "room:a", "phx_join", {}]);
  const message = (event: string, ref: string, payload: unknown) => ({
    ...{ topic: "room:a", event, ref, payload },
    join_ref: "1",
  });
  assertEquals(
    await first.ask(message("phx_join", "1", {})),
    { topic: "room:a", event: "phx_reply", ref: "1", payload: joined("a") },
  );
  // A broadcast of bytes has no form there.
  const bytes = Uint8Array.of(
    0,
    1,
    1,
    6,
    10,
    ...new TextEncoder().encode("12room:asay_binary"),
    9,
  );
  second.send(bytes);
  assertEquals(
    await second.next(),
    Uint8Array.of(
      2,
      6,
      11,
      ...new TextEncoder().encode("room:asaid_binary"),
      9,
    ),
  );
  assertEquals(
    await second.next(),
    ["1", "2", "room:a", "phx_reply", ok()],
  );
  first.send(message("say", "2", { text: "hi" }));
  const payload = { from: "nobody", text: "hi" };
  assertEquals(
    await first.next(),
    { topic: "room:a", event: "said", ref: null, payload },
  );
  assertEquals(await second.next(), [null, null, "room:a", "said", payload]);
});

test("frames that are no messages close the socket with 1011", async () => {
  await using judge = await Judge.serve();
  for (
    const frame of [
      "",
      "{",
      "{}",
      "[]",
      '[null,"1","room:a","echo"]',
      '[1,"1","room:a","echo",{}]',
      '[null,"1",null,"echo",{}]',
      Uint8Array.of(0, 255, 255, 255, 255),
      Uint8Array.of(3, 0, 0, 0, 0),
      Uint8Array.of(0),
    ]
  ) {
    const client = await RawClient.open(judge.url);
    client.send(frame);
    assertEquals(await client.closed, 1011, String(frame));
  }
});

test("a socket has at most maxChannels, and topics and events may have any name", async () => {
  await using server = serve({ channels: [Room], maxChannels: 3 });
  await using client = await RawClient.open(server.url);
  const topics = ['room:"\n\u0000', "room:__proto__", "room:"];
  for (const topic of topics) {
    const reply = await client.ask(["1", "1", topic, "phx_join", {}]);
    assertEquals(reply[4].status, "ok");
  }
  assertEquals(
    await client.ask(["1", "2", "room:more", "phx_join", {}]),
    ["1", "2", "room:more", "phx_reply", error("too many channels joined")],
  );
  for (const event of ["__proto__", "toString", "phx_error", ""]) {
    const [topic] = topics;
    assertEquals(
      await client.ask(["1", "3", topic, event, {}]),
      ["1", "1", topic, "phx_error", { reason: "channel_crash" }],
    );
    await client.ask(["1", "1", topic, "phx_join", {}]);
  }
});

test("a message that is too big, and silence, close the socket", async () => {
  await using server = serve({
    channels: [Room],
    maxMessageBytes: 100,
    // safe: waits for the close, however late
    timeout: 50,
  });
  const big = await RawClient.open(server.url);
  big.send(["1", "1", "room:a", "phx_join", { text: "a".repeat(100) }]);
  assertEquals(await big.closed, 1009);
  const silent = await RawClient.open(server.url);
  assertEquals(await silent.closed, 1001);
  await using judge = await Judge.serve();
  const chatty = await RawClient.open(judge.url);
  chatty.send(`["1","1","room:a","phx_join",${" ".repeat(200_000)}{}]`);
  assertEquals(await chatty.closed, 1009);
});

test("a handler answers other requests by their status", async () => {
  const late = Promise.withResolvers<never>();
  const sockets = Sockets.handler({
    channels: [Room],
    origins: ["https://app.example"],
    connect(params) {
      if (params.how === "throw") throw new Error("no database");
      if (params.how === "refuse") return Sockets.refuse();
      return params.how === "never" ? late.promise : {};
    },
  });
  const status = async (query: string, headers = {}, path = "/socket") => {
    const url = `http://here.example${path}/websocket?${query}`;
    const request = new Request(url, {
      headers: { upgrade: "websocket", ...headers },
    });
    const response = await sockets(request);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("vsn=3.0.0"), 403);
  assertEquals(
    await status("vsn=2.0.0", { origin: "https://evil.example" }),
    403,
  );
  assertEquals(await status("vsn=2.0.0", { origin: "null" }), 403);
  assertEquals(await status("vsn=2.0.0&how=refuse"), 403);
  assertEquals(await status("vsn=2.0.0", {}, "/other"), 404);
  assertEquals(await status("vsn=2.0.0", { upgrade: "h2c" }), 400);
  // Refused after the origin is found right.
  for (const origin of ["https://app.example", "http://here.example"]) {
    assertEquals(await status("vsn=2.0.0&how=refuse", { origin }), 403);
    assertEquals(await status("vsn=2.0.0&how=throw", { origin }), 500);
  }
});

test("a path with two slashes is no host that an origin could be equal to", async () => {
  const sockets = Sockets.handler({ channels: [Room] });
  const server = createServer(sockets.respond).on("upgrade", sockets.upgrade);
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = server.address() as AddressInfo;
  const lineOf = async (path: string, upgrade: string) => {
    using connection = await Deno.connect({ port });
    await connection.write(new TextEncoder().encode(
      `GET ${path}?vsn=2.0.0 HTTP/1.1\r\nhost: app.example\r\n` +
        `origin: https://evil.example\r\nconnection: ${upgrade}\r\n` +
        "upgrade: websocket\r\nsec-websocket-version: 13\r\n" +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ));
    const buffer = new Uint8Array(12);
    const length = await connection.read(buffer) ?? 0;
    return new TextDecoder().decode(buffer.subarray(0, length));
  };
  assertEquals(await lineOf("/socket/websocket", "Upgrade"), "HTTP/1.1 403");
  for (const path of ["//evil.example/socket", "http://evil.example/socket"]) {
    const url = `${path}/websocket`;
    assertEquals(await lineOf(url, "Upgrade"), "HTTP/1.1 404", url);
  }
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test("channels end with their socket, and a killed socket closes its connection", async () => {
  const tester = self();
  const Watched = Channel.define("watched", {
    join(socket) {
      send(tester, ["joined", socket.pid]);
    },
    in: { hang: () => new Promise(() => {}) },
    terminate: (_socket, reason) => void send(tester, ["ends", reason]),
  });
  await using server = serve({ channels: [Watched] });
  const client = await RawClient.open(server.url);
  await client.ask(["1", "1", "watched", "phx_join", {}]);
  const [, pid] = await receive();
  const ref = Process.monitor(pid);
  client.socket.close();
  assertEquals(await receive(), ["ends", {
    type: "shutdown",
    reason: "closed",
  }]);
  const down = await receive((message) => ref.equals(message.ref));
  assertEquals(down.reason, { type: "shutdown", reason: "closed" });

  const other = await RawClient.open(server.url);
  await other.ask(["1", "1", "watched", "phx_join", {}]);
  const { parent } = Process.info((await receive())[1])!;
  Process.exit(parent!, "kill");
  assertEquals(await other.closed, 1001);
  assertEquals((await receive())[0], "ends");
});

test("processes subscribe, and are forgotten when they exit", async () => {
  await PubSub.subscribe("news");
  await PubSub.subscribe("news");
  PubSub.broadcast("news", "out", { n: 1 });
  const message = {
    type: "broadcast",
    topic: "news",
    event: "out",
    payload: { n: 1 },
  };
  assertEquals([await receive(), await receive()], [message, message]);
  PubSub.broadcastFrom(self(), "news", "out", { n: 2 });
  PubSub.unsubscribe("news");
  PubSub.broadcast("news", "out", { n: 3 });
  assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
  for (const payload of [1, "text", null, [1], undefined]) {
    let thrown: unknown;
    try {
      PubSub.broadcast("news", "out", payload);
    } catch (error) {
      thrown = error;
    }
    assert(thrown instanceof TypeError);
  }
});

test("the frames of a turn leave in order, and sockets with the same ones share the bytes", async () => {
  const [one, two, three] = [1, 2, 3].map((byte) =>
    new FrameBatch(Uint8Array.of(byte, byte))
  );
  const { bytes } = one.and(two).and(three);
  assertEquals([...bytes], [1, 1, 2, 2, 3, 3]);
  assert(one.and(two).and(three).bytes === bytes);
  assertEquals([...one.and(three).bytes], [1, 1, 3, 3]);

  await using judge = await Judge.serve();
  await using ann = await RawClient.open(judge.url);
  await using bob = await RawClient.open(judge.url);
  for (const client of [ann, bob]) {
    await client.ask(["1", "1", "room:a", "phx_join", {}]);
  }
  // Some are too long to be copied.
  const texts = Array.from({ length: 9 }, (_, n) => `${n}`.repeat(20_000 * n));
  for (const text of texts) PubSub.broadcast("room:a", "said", { text });
  for (const client of [ann, bob]) {
    for (const text of texts) {
      assertEquals((await client.next())[4], { text });
    }
  }
});
