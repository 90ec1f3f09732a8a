/** Observers and metrics see each figure of sockets and topics, on any node, and no secret. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  Channel,
  Presence,
  PubSub,
  Sockets,
  type SocketsOptions,
} from "../../packages/channels/mod.ts";
import { metrics } from "../../packages/observe/metrics.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { Node } from "../../packages/node/node.ts";
import {
  type Pid,
  Process,
  receive,
  spawn,
} from "../../packages/processes/process.ts";
import { clusterTest } from "../_nodes.ts";
import { until } from "../_until.ts";
import { RawClient } from "./_client.ts";

const SECRET = "s3cret-t0ken";
const WEBSOCKET = { upgrade: "websocket", connection: "upgrade" };

const Room = Channel.define("room:*", {
  join(_socket, { how }: { how?: string }) {
    if (how === "refuse") return Channel.refuse({ reason: SECRET });
    if (how === "crash") throw new Error("the join crashes");
  },
});

/** The user that `connect` returns; its object has the token. */
interface User {
  name: string;
  token?: string;
}

/** Serves the channels of the caller's node by `Deno.serve`. */
function serve(more: Partial<SocketsOptions> = {}) {
  const sockets = Sockets.handler({
    channels: [Room],
    connect({ name, token }): unknown {
      if (name === "stranger") return Sockets.refuse();
      if (name === "crash") throw new Error("no database");
      return { name, token };
    },
    id: ({ name }: User) => `user:${name}`,
    ...more,
  });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => sockets(request, info),
  );
  const { port } = server.addr;
  return {
    http: `http://127.0.0.1:${port}/socket`,
    url: `ws://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Starts a process that waits. */
function waiter(): Pid {
  return spawn(() => receive(() => false));
}

/** The samples of a node, by their names and labels. */
async function samplesOf(
  handler: ReturnType<typeof metrics>,
  node: string,
): Promise<Map<string, number>> {
  const response = await handler(new Request("http://localhost/metrics"));
  const text = await response!.text();
  assert(!text.includes(SECRET), "the metrics have a secret");
  const lines = text.matchAll(/^(\w+)\{node="([^"]+)",?([^}]*)\} (.*)$/gm);
  return new Map(
    [...lines].filter(([, , from]) => from === node)
      .map(([, name, , labels, value]) => [`${name} ${labels}`, Number(value)]),
  );
}

clusterTest(
  "metrics and observers count the sockets, channels and topics of a node, and have no secret",
  async (cluster) => {
    const handler = metrics();
    const alex = await cluster.start("alex", { allowObserve: true });
    const kate = await cluster.start("kate");
    await kate.run(() => Node.connect(alex.name));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => handler.stop());
    const server = stack.use(await alex.run(() => serve({ maxChannels: 2 })));
    const open = async (query: string) =>
      stack.use(await RawClient.open(server.url, query));
    await alex.run(() =>
      Presence.track({ topic: "room:a", pid: waiter() }, "me", { a: SECRET })
    );

    const ann = await open(`vsn=2.0.0&name=ann&token=${SECRET}`);
    const asked = async (topic: string, params: object) => {
      const message = ["1", "1", topic, "phx_join", params];
      const [, , , , { status, response }] = await ann.ask(message);
      return [status, response.reason];
    };
    assertEquals(await asked("room:b", { how: "refuse" }), ["error", SECRET]);
    assertEquals(
      await asked("room:b", { how: "crash" }),
      ["error", "join crashed"],
    );
    assertEquals(await asked("nothing", {}), ["error", "unmatched topic"]);
    assertEquals(await asked("room:a", {}), ["ok", undefined]);
    assertEquals(await asked("room:b", {}), ["ok", undefined]);
    assertEquals(
      await asked("room:c", {}),
      ["error", "too many channels joined"],
    );
    await alex.run(() => PubSub.broadcast("room:a", "said", { a: SECRET }));
    assertEquals((await ann.next())[3], "said");

    await open("vsn=1.0.0&name=bob");
    const poll = await fetch(`${server.http}/longpoll?vsn=2.0.0&name=eve`);
    const { token } = await poll.json();
    const secret = Buffer.from(token, "base64url").toString().split("/")[1];
    const deep = await open("vsn=2.0.0&name=deep");
    deep.send(`["1","2","room:a","x",${"[".repeat(65)}${"]".repeat(65)}]`);
    assertEquals(await deep.closed, 1008);
    for (
      const [query, more, status] of [
        ["vsn=2.0.0&name=ann", { origin: "https://evil.example" }, 403],
        ["vsn=3.0.0&name=ann", {}, 403],
        ["vsn=2.0.0&name=stranger", {}, 403],
        ["vsn=2.0.0&name=crash", {}, 500],
      ] as const
    ) {
      const headers = { ...WEBSOCKET, ...more };
      const address = `${server.http}/websocket?${query}`;
      const response = await fetch(address, { headers });
      assertEquals(response.status, status);
      await response.body?.cancel();
    }

    const samples = await samplesOf(handler, alex.name);
    const wanted = {
      'otp_sockets transport="websocket",version="1.0.0"': 1,
      'otp_sockets transport="websocket",version="2.0.0"': 1,
      'otp_sockets transport="longpoll",version="1.0.0"': 0,
      'otp_sockets transport="longpoll",version="2.0.0"': 1,
      "otp_socket_unread_bytes ": 0,
      "otp_sockets_draining ": 0,
      'otp_sockets_refused_total reason="origin"': 1,
      'otp_sockets_refused_total reason="version"': 1,
      'otp_sockets_refused_total reason="connect"': 1,
      'otp_sockets_refused_total reason="address"': 0,
      'otp_sockets_refused_total reason="drain"': 0,
      'otp_sockets_refused_total reason="error"': 1,
      'otp_sockets_closed_total reason="depth"': 1,
      'otp_sockets_closed_total reason="left"': 0,
      'otp_sockets_closed_total reason="slow"': 0,
      "otp_socket_received_total ": 7,
      "otp_socket_sent_total ": 7,
      "otp_channels ": 2,
      'otp_channel_joins_total outcome="ok"': 2,
      'otp_channel_joins_total outcome="refused"': 1,
      'otp_channel_joins_total outcome="crashed"': 1,
      'otp_channel_joins_total outcome="unmatched"': 1,
      'otp_channel_joins_total outcome="full"': 1,
      "otp_topics ": 2,
      'otp_presences of="own"': 1,
      'otp_presences of="others"': 0,
    };
    for (const [name, value] of Object.entries(wanted)) {
      assertEquals([name, samples.get(name)], [name, value]);
    }

    const { views } = await kate.run(() => Observer.node({ node: alex.name }));
    assertEquals(views, ["channels"]);
    const viewOf = (limit?: number) =>
      kate.run(() => Observer.view("channels", { node: alex.name, limit }));
    const view = (await viewOf())!;
    assertEquals(view.counts, {
      ...{ sockets: 3, "long polls": 1, channels: 2, topics: 2 },
      ...{ "own presences": 1, "other presences": 0, "refused sockets": 4 },
      ...{ "closed for limits": 1, draining: 0 },
    });
    const [sockets, topics] = view.tables;
    const cells = sockets.rows.map((row) =>
      sockets.columns.map(({ kind }, i) => kind === "time" ? "" : row[i])
    );
    const rest = (channels: number) => ["", channels, 0, 0];
    assertEquals(cells.map((row) => row.slice(0, -1)), [
      ["user:ann", "127.0.0.1", "websocket 2.0.0", ...rest(2)],
      ["user:bob", "127.0.0.1", "websocket 1.0.0", ...rest(0)],
      ["user:eve", "127.0.0.1", "longpoll 2.0.0", ...rest(0)],
    ]);
    assertEquals(topics.rows, [["room:a", 1, 1], ["room:b", 1, 0]]);
    const few = (await viewOf(1))!;
    assertEquals(
      few.tables.map(({ rows, more }) => [rows.length, more]),
      [[1, 2], [1, 1]],
    );
    const none = await kate.run(() =>
      Observer.view("nothing", { node: alex.name })
    );
    assertEquals(none, undefined);

    // Nobody learns a secret from what observers show: not a client's, and not the one of a long poll.
    const shown = [
      ...[view, await alex.run(() => Observer.names())],
      await alex.run(() => Observer.processes({ limit: 500 })),
    ];
    const text = shown.map((each) => Deno.inspect(each, { depth: 9 })).join();
    assert(text.includes("Channels.LongPoll."), text);
    assert(!text.includes(SECRET) && !text.includes(secret), text);

    await kate.run(() =>
      Presence.track({ topic: "room:a", pid: waiter() }, "you")
    );
    await until(async () => (await viewOf())!.counts["other presences"] === 1);
  },
  // Presence keeps the entries of the processes that end with the nodes for a moment.
  { sanitizeOps: false, sanitizeResources: false },
);

clusterTest(
  "each end of a socket is counted by its reason",
  async (cluster) => {
    const handler = metrics();
    const alex = await cluster.start("alex");
    await using stack = new AsyncDisposableStack();
    stack.defer(() => handler.stop());
    const server = stack.use(
      await alex.run(() => serve({ maxMessageBytes: 1000, maxMessageRate: 1 })),
    );
    const open = async (name: string) =>
      stack.use(await RawClient.open(server.url, `vsn=2.0.0&name=${name}`));
    const closed = async () => {
      const samples = await samplesOf(handler, alex.name);
      const found = [...samples].flatMap(([name, value]) => {
        const [, reason] = /closed_total reason="(\w+)"/.exec(name) ?? [];
        return reason === undefined || value === 0 ? [] : [[reason, value]];
      });
      return Object.fromEntries(found);
    };

    (await open("leaves")).socket.close();
    await until(async () => (await closed()).left === 1);
    (await open("malformed")).send("{");
    (await open("size")).send("x".repeat(1001));
    const flooding = await open("rate");
    const heartbeat = [null, "1", "phoenix", "heartbeat", {}];
    for (let i = 0; i < 500; i++) flooding.send(heartbeat);
    await flooding.closed;
    const disconnected = await open("disconnected");
    await alex.run(() => Sockets.disconnect("user:disconnected"));
    assertEquals(await disconnected.closed, 1001);
    const killed = await open("killed");
    await alex.run(async () => {
      const view = await Observer.view("channels");
      const row = view!.tables[0].rows.find(([user]) => user === "user:killed");
      Process.exit(row!.at(-1) as Pid, "kill");
    });
    assertEquals(await killed.closed, 1001);
    const counts = { left: 1, malformed: 1, size: 1, rate: 1, disconnect: 1 };
    await until(async () => (await closed()).killed === 1);
    await until(async () => (await closed()).size === 1);
    await until(async () => (await closed()).malformed === 1);
    const last = await open("last");
    await alex.run(() => Sockets.drain({ over: 0 }));
    assertEquals(await last.closed, 1012);
    assertEquals(await closed(), { ...counts, killed: 1, drain: 1 });
    const samples = await samplesOf(handler, alex.name);
    assertEquals(samples.get("otp_sockets_draining "), 1);
  },
);
