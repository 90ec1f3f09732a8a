/** Strangers at a socket: each limit, hostile frames, slow readers; and a drain of sockets. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { ClientSocket } from "../../packages/channels/client_socket.ts";
import { FORMAT_2 } from "../../packages/channels/client_format.ts";
import {
  Channel,
  PubSub,
  type SocketHandler,
  Sockets,
  type SocketsOptions,
} from "../../packages/channels/mod.ts";
import { UserBuckets } from "../../packages/channels/socket_limits.ts";
import { receive, self, send } from "../../packages/processes/process.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { SimulatedCluster } from "../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../packages/testing/tags.ts";
import { clusterTest, pairTest } from "../_nodes.ts";
import { RawClient } from "./_client.ts";
import { Judge } from "./_judge.ts";
import { roomOf } from "./_judge_channels.ts";

const Room = roomOf(false);

/** Serves a handler by `Deno.serve`, with the addresses of clients or without. */
function serve(options: Partial<SocketsOptions>, hasAddresses = true) {
  const sockets = Sockets.handler({
    channels: [Room],
    connect: ({ user = "nobody" }) => user,
    ...options,
  });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => sockets(request, hasAddresses ? info : undefined),
  );
  const { port } = server.addr;
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const HEARTBEAT = [null, "1", "phoenix", "heartbeat", {}] as const;

/** Sends messages until the socket is closed; resolves with the code. */
async function flood(client: RawClient): Promise<number> {
  for (;;) {
    const reply = await client.ask([...HEARTBEAT]).catch(() => undefined);
    if (reply === undefined) return client.closed;
  }
}

function nested(levels: number): string {
  return `["1","2","room:a","echo",${"[".repeat(levels)}${"]".repeat(levels)}]`;
}

test("a payload has at most maxDepth levels", async () => {
  await using server = serve({});
  await using client = await RawClient.open(server.url);
  await client.ask(["1", "1", "room:a", "phx_join", {}]);
  client.send(nested(64));
  assertEquals((await client.next())[4].status, "ok");
  for (const levels of [65, 60_000]) {
    const deep = await RawClient.open(server.url);
    deep.send(nested(levels));
    assertEquals(await deep.closed, 1008);
  }
});

test("a socket, and a user, send at most their rate", async () => {
  await using server = serve({ maxMessageRate: 1 });
  const fast = await RawClient.open(server.url);
  assertEquals(await flood(fast), 1008);

  await using users = serve({
    maxMessageRate: 1e6,
    maxUserMessageRate: 1,
    id: (user) => `user:${user}`,
  });
  await using neighbour = await RawClient.open(users.url, "vsn=2.0.0&user=bob");
  const flooding = await RawClient.open(users.url, "vsn=2.0.0&user=ann");
  assertEquals(await flood(flooding), 1008);
  assertEquals((await neighbour.ask([...HEARTBEAT]))[4].status, "ok");
});

test("a user's bucket is kept after its last socket", async () => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  await cluster.run("alex", async () => {
    const runtime = currentRuntime();
    const users = new UserBuckets(10);
    const drained = users.acquire("ann", runtime);
    for (let i = 0; i < 20; i++) assert(drained.take());
    users.release("ann", runtime);
    const next = users.acquire("ann", runtime);
    assert(!next.take());
    users.release("ann", runtime);
    await receive(() => false, { timeout: 100, after: () => {} });
    assert(users.acquire("ann", runtime).take(), "time refills it");
  });
});

test("messages behind a handler that hangs are at most maxWaiting", async () => {
  const release = Promise.withResolvers<void>();
  const Slow = Channel.define("slow", {
    join() {},
    in: { hang: () => release.promise },
  });
  await using server = serve({ channels: [Slow], maxWaiting: 3 });
  const client = await RawClient.open(server.url);
  await client.ask(["1", "1", "slow", "phx_join", {}]);
  for (let i = 0; i < 3; i++) client.send(["1", "2", "slow", "hang", {}]);
  assertEquals((await client.ask([...HEARTBEAT]))[4].status, "ok");
  client.send(["1", "2", "slow", "hang", {}]);
  assertEquals(await client.closed, 1008);
  release.resolve();
});

test("joins that hang do not pile up", async () => {
  const release = Promise.withResolvers<void>();
  const Slow = Channel.define("slow", { join: () => release.promise });
  await using server = serve({ channels: [Slow], maxChannels: 1 });
  await using client = await RawClient.open(server.url);
  for (const ref of ["1", "2"]) {
    client.send([ref, ref, "slow", "phx_join", {}]);
  }
  assertEquals((await client.next())[3], "phx_close");
  assertEquals(
    await client.ask(["3", "3", "slow", "phx_join", {}]),
    ["3", "3", "slow", "phx_reply", {
      status: "error",
      response: { reason: "too many channels joined" },
    }],
  );
  release.resolve();
});

test("an address has at most maxSocketsPerAddress", async () => {
  await using server = serve({ maxSocketsPerAddress: 2 });
  const statusOf = async () => {
    const response = await fetch(
      `http://127.0.0.1:${server.port}/socket/websocket?vsn=2.0.0`,
      { headers: { upgrade: "websocket", connection: "upgrade" } },
    );
    await response.body?.cancel();
    return response.status;
  };
  const clients = [
    await RawClient.open(server.url),
    await RawClient.open(server.url),
  ];
  assertEquals(await statusOf(), 429);
  clients[0].socket.close();
  await clients[0].closed;
  // The server may learn of the close later than the client.
  let again: RawClient | undefined;
  while (again === undefined) {
    again = await RawClient.open(server.url).catch(() => undefined);
  }
  await again[Symbol.asyncDispose]();
  await clients[1][Symbol.asyncDispose]();
  await using unknown = serve({ maxSocketsPerAddress: 2 }, false);
  await RawClient.open(unknown.url).then(
    () => assert(false, "accepted"),
    () => {},
  );
  await using named = serve(
    { maxSocketsPerAddress: 2, address: () => "10.0.0.1" },
    false,
  );
  await using _ = await RawClient.open(named.url);
});

/** Accepts a socket of an address as Bun does: returns its data, or the status of the refusal. */
async function accept(
  sockets: SocketHandler,
  address: string,
): Promise<unknown> {
  let data: unknown;
  const { status } = await sockets(
    new Request("http://localhost/socket/websocket?vsn=2.0.0", {
      headers: { upgrade: "websocket" },
    }),
    {
      requestIP: () => ({ address }),
      upgrade(_request: Request, options: { data: unknown }) {
        ({ data } = options);
        return true;
      },
    },
  );
  return data ?? status;
}

/** Opens an accepted socket as Bun does; returns it, and the codes with which the server closes it. */
function open(sockets: SocketHandler, data: unknown) {
  const codes: (number | undefined)[] = [];
  const socket = {
    data,
    send() {},
    close: (code?: number) => void codes.push(code),
    getBufferedAmount: () => 0,
  };
  sockets.websocket.open(socket);
  return { socket, codes };
}

const pass = (ms: number) => receive(() => false, { timeout: ms, after() {} });

test("a socket that opens long after it was accepted counts for its address", async () => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  await cluster.run("alex", async () => {
    const sockets = Sockets.handler({
      channels: [Room],
      maxSocketsPerAddress: 1,
      timeout: 1e9,
    });
    const [one, two] = ["10.0.0.1", "10.0.0.2"];
    const late = await accept(sockets, one);
    assertEquals(await accept(sockets, one), 429);
    // An accepted client that does not open gives its place back.
    await pass(11_000);
    const first = open(sockets, late);
    assertEquals(first.codes, []);
    assertEquals(await accept(sockets, one), 429, "the late one counts");
    sockets.websocket.close(first.socket);

    const later = await accept(sockets, one);
    await pass(11_000);
    const other = open(sockets, await accept(sockets, one));
    assertEquals(open(sockets, later).codes[0], 1008, "its place is taken");
    assertEquals(other.codes, []);
    assertEquals(await accept(sockets, one), 429);
    sockets.websocket.close(other.socket);
    open(sockets, await accept(sockets, one));
    open(sockets, await accept(sockets, two));
  });
});

test("a socket that opens after a drain is closed with 1012", async () => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  await cluster.run("alex", async () => {
    const sockets = Sockets.handler({ channels: [Room] });
    const accepted = await accept(sockets, "10.0.0.1");
    await Sockets.drain();
    assertEquals(open(sockets, accepted).codes[0], 1012);
    assertEquals(await accept(sockets, "10.0.0.1"), 503);
  });
});

/** A connection of TCP that has asked for a WebSocket, and does not read. */
function rawSocket(url: string): ReturnType<typeof connect> {
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `GET /socket/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${
      btoa("0123456789abcdef")
    }\r\n\r\n`,
  );
  return socket;
}

/** A masked frame of text; the mask is zero. */
function frame(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  return Uint8Array.of(0x81, 0x80 | body.length, 0, 0, 0, 0, ...body);
}

test("a frame of 100 MB is refused by its header", async () => {
  await using judge = await Judge.serve();
  const socket = rawSocket(judge.url);
  const head = new Uint8Array(14);
  head.set([0x81, 0xff]);
  new DataView(head.buffer).setBigUint64(2, 100n << 20n);
  socket.write(head);
  let read = "";
  for await (const chunk of socket) {
    read += (chunk as Uint8Array).reduce(
      (text, byte) => text + String.fromCharCode(byte),
      "",
    );
  }
  // A close with the code 1009.
  assertStringIncludes(read, "\x88\x02\x03\xf1");
});

/** Serves a channel `w` by `node:http`, which tells the caller of joins and ends; resolves with the port. */
async function serveWatched(stack: AsyncDisposableStack): Promise<number> {
  const tester = self();
  const Watched = Channel.define("w", {
    join: () => void send(tester, "joined"),
    terminate: () => void send(tester, "ended"),
  });
  const sockets = Sockets.handler({ channels: [Watched], timeout: 1e9 });
  const server = createServer().on("upgrade", sockets.upgrade);
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  stack.defer(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

test("a client whose program is killed leaves at once: its connection ends without a close", async () => {
  await using stack = new AsyncDisposableStack();
  const port = await serveWatched(stack);
  const socket = rawSocket(`ws://127.0.0.1:${port}`);
  socket.write(frame('["1","1","w","phx_join",{}]'));
  assertEquals(await receive(), "joined");
  socket.end();
  assertEquals(await receive(), "ended");
  socket.destroy();
});

test("a client that does not read is closed at maxUnreadBytes", async () => {
  await using stack = new AsyncDisposableStack();
  const port = await serveWatched(stack);
  const socket = rawSocket(`ws://127.0.0.1:${port}`);
  socket.pause();
  socket.write(frame('["1","1","w","phx_join",{}]'));
  assertEquals(await receive(), "joined");
  const payload = { text: "a".repeat(1 << 20) };
  // The kernel takes some megabytes before anything waits.
  let ended = false;
  for (let i = 0; i < 100 && !ended; i++) {
    PubSub.broadcast("w", "big", payload);
    // safe: it only lets the socket write; the test goes on until the close
    const got = await receive(null, { timeout: 1, after: () => undefined });
    ended = got === "ended";
  }
  assert(ended, "it was not closed");
  socket.destroy();
});

pairTest(
  "drain() closes all sockets with 1012, and clients find the other node",
  async ({ alex, kate }) => {
    await using one = await alex.run(() => Judge.serve());
    await using two = await kate.run(() => Judge.serve());
    const clients = await Promise.all(
      Array.from({ length: 25 }, () => RawClient.open(one.url)),
    );
    const drained = alex.run(() => Sockets.drain({ over: 0 }));
    for (const client of clients) assertEquals(await client.closed, 1012);
    await drained;
    const refused = await RawClient.open(one.url).catch(() => "refused");
    assertEquals(refused, "refused");
    await using _ = await RawClient.open(two.url);
  },
);

test("drain() closes sockets in steps", async () => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  await cluster.run("alex", async () => {
    const runtime = currentRuntime();
    const times: number[] = [];
    const settings = {
      ...{ channels: [], timeout: 1e6, maxChannels: 1, maxUnread: 1 },
      ...{ maxWaiting: 1, maxDepth: 1, maxRate: 1, users: new UserBuckets(1) },
    };
    const close = () => void times.push(runtime.clock.now());
    for (let i = 0; i < 25; i++) {
      const transport = { send() {}, close, unread: 0 };
      const client = { format: FORMAT_2, user: i };
      new ClientSocket(
        runtime,
        transport,
        { ...client, id: undefined, address: undefined },
        settings,
      );
    }
    const start = runtime.clock.now();
    await Sockets.drain({ over: 10_000 });
    // The transport's close is idempotent: the end of the process calls it again.
    const at = new Map<number, number>();
    for (const time of times) {
      at.set(time - start, (at.get(time - start) ?? 0) + 1 / 2);
    }
    assertEquals([...at], [[0, 10], [100, 10], [200, 5]]);
  });
});

clusterTest("no log contains a token", async (cluster) => {
  const alex = await cluster.start("alex");
  const secret = "s3cret-t0ken";
  const Crashing = Channel.define("room:*", {
    join(socket, params: { crash?: boolean }) {
      if (params.crash) throw new Error("the join crashes");
      socket.assigns.token = socket.user.token;
    },
    in: {
      crash() {
        throw new Error("the handler crashes");
      },
    },
  });
  await alex.run(async () => {
    await using server = serve({
      channels: [Crashing],
      connect(params) {
        if (params.deny) throw new Error("no database");
        return params;
      },
    });
    const query = `vsn=2.0.0&token=${secret}`;
    await RawClient.open(server.url, `${query}&deny=1`).catch(() => {});
    await using client = await RawClient.open(server.url, query);
    const crash = { crash: true, token: secret };
    await client.ask(["1", "1", "room:a", "phx_join", crash]);
    await client.ask(["2", "2", "room:a", "phx_join", { token: secret }]);
    await client.ask(["2", "3", "room:a", "crash", { token: secret }]);
  });
  for (const what of ["no database", "the join", "the handler"]) {
    await cluster.logged(new RegExp(what));
  }
  const log = cluster.lines(true).join("\n");
  assert(!log.includes(secret), log);
});

test("connect() that hangs, or answers late, refuses the client", async () => {
  await using cluster = await SimulatedCluster.start({ nodes: ["alex"] });
  await cluster.run("alex", async () => {
    for (const after of [Infinity, 15_000]) {
      const sockets = Sockets.handler({
        channels: [Room],
        connect: () =>
          new Promise((resolve) => {
            if (after < Infinity) {
              currentRuntime().deadlines.after(after, () => resolve("ann"));
            }
          }),
      });
      const url = "http://localhost/socket/websocket?vsn=2.0.0";
      const headers = { upgrade: "websocket" };
      const response = await sockets(new Request(url, { headers }));
      assertEquals(response.status, 500);
      await response.body?.cancel();
    }
  });
});
