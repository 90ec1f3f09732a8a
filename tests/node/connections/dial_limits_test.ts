/** Limits of dials: introduced nodes, concurrent dials, and signals that wait for them. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { parseNodeName } from "../../../packages/node/addresses/node_name.ts";
import { Network } from "../../../packages/node/network/network.ts";
import {
  DEFAULT_LIMITS,
  type Ends,
  type Limits,
  type Transport,
  type TransportHandlers,
} from "../../../packages/node/wire.ts";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import {
  Pid,
  Process,
  receive,
  Ref,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { runIn } from "../../../packages/processes/spawning/run_in_process.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";
import { jsonWire } from "../../../packages/node/json/json_wire.ts";
import { numbersIn } from "../../_pages.ts";
import { clusterTest, COOKIE } from "../../_nodes.ts";
import { isPending, quiet } from "../../_processes.ts";
import {
  hello,
  jsonFrame,
  ours,
  proofOf,
  rawFrameOf,
  RawListener,
  RawPeer,
  THEIRS,
} from "../../_raw_peer.ts";

const ALEX = "alex@localhost";
const RAW = "raw@localhost";
const OTHER = "other@localhost";

const SECURITY = "docs/security.md";
const [INTRODUCED, AT_A_TIME] = numbersIn(
  SECURITY,
  "other nodes, # for each connection, which this node then dials, # at a time",
);
const [DIALS, WAITING] = numbersIn(
  SECURITY,
  "at most # nodes at a time for all causes, and at most # more wait (`maxConnections`)",
);

/** A network that counts dials, and lets them fail on request. */
class CountedDials {
  /** The nodes that are being dialled. */
  readonly active = new Map<string, () => void>();
  /** The number of dials so far. */
  total = 0;
  /** The highest number of concurrent dials. */
  most = 0;
  /** How near the host of each dialled name may be. */
  readonly nearest: (number | undefined)[] = [];
  readonly network: Network;

  constructor(limits: Partial<Limits> = {}) {
    const runtime = new NodeRuntime({
      node: ALEX,
      creation: 5,
      // No time passes: a slow machine does not dial an introduced node again.
      clock: new Timeline(),
      report() {},
    });
    this.network = new Network({
      runtime,
      name: parseNodeName(ALEX),
      hidden: false,
      connectAll: true,
      cookie: COOKIE,
      limits: { ...DEFAULT_LIMITS, ...limits },
      tickTime: 60_000,
      wires: [jsonWire],
      host: {
        randomBytes,
        connect: (peer, address, signal, nearest) =>
          new Promise((_, reject) => {
            this.nearest.push(nearest);
            const full = peer?.full ?? address!;
            const fail = () => {
              this.active.delete(full);
              reject(new Error("nobody is there"));
            };
            signal.addEventListener("abort", fail);
            this.active.set(full, fail);
            if (signal.aborted) return fail();
            this.total++;
            this.most = Math.max(this.most, this.active.size);
          }),
      },
      log() {},
    });
  }

  /** Lets all dials fail, including those that start in their place. */
  async failAll(): Promise<void> {
    while (this.active.size > 0) {
      for (const fail of [...this.active.values()]) fail();
      await quiet();
    }
  }
}

/** The other end of a connection to such a network, in memory. */
class Peer implements Transport {
  readonly remote = "127.0.0.1:1";
  readonly buffered = 0;
  isEnded = false;
  #handlers: TransportHandlers | undefined;
  #said: Uint8Array[] = [];

  readonly ends: Ends | undefined;

  constructor(ends: Ends | undefined) {
    this.ends = ends;
  }

  static async enter(
    network: Network,
    name: string,
    ends?: Ends,
  ): Promise<Peer> {
    const peer = new Peer(ends);
    network.accept(peer);
    const mine = hello(name);
    peer.say({ versions: [1], to: ALEX, ...mine });
    const theirs = await peer.#hear();
    peer.say({ proof: proofOf("dialler", mine, theirs) });
    await peer.#hear();
    await quiet();
    return peer;
  }

  // deno-lint-ignore no-explicit-any
  async #hear(): Promise<any> {
    while (this.#said.length === 0) await quiet();
    return JSON.parse(Buffer.from(this.#said.shift()!.subarray(4)).toString());
  }

  say(value: unknown): void {
    this.#handlers!.bytes(jsonFrame(value));
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    this.#said.push(bytes);
    return true;
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    queueMicrotask(() => this.#handlers!.closed());
  }
}

function names(count: number, prefix = "n"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}@localhost`);
}

// Introductions.

test("a peer that introduces 102,400 nodes causes dials of few, and fewer at a time", async () => {
  const dials = new CountedDials();
  const peer = await Peer.enter(dials.network, RAW);
  const all = names(102_400);
  for (let i = 0; i < all.length; i += 1024) {
    peer.say([["peers", all.slice(i, i + 1024)]]);
  }
  assertEquals(dials.active.size, AT_A_TIME);
  await dials.failAll();
  assertEquals([dials.total, dials.most], [INTRODUCED, AT_A_TIME]);
  assert(!peer.isEnded);
  await dials.network.stop();
});

test("peers that introduce nodes share the limit of dials, and cause none when they are gone", async () => {
  const dials = new CountedDials({ maxConnections: 100 });
  const peers: Peer[] = [];
  for (const [i, name] of names(5, "peer").entries()) {
    const peer = await Peer.enter(dials.network, name);
    peer.say([["peers", names(100, `n${i}x`)]]);
    peers.push(peer);
  }
  assertEquals(dials.active.size, AT_A_TIME);
  for (const peer of peers) peer.destroy();
  await quiet();
  await dials.failAll();
  assertEquals(dials.total, AT_A_TIME);
  await dials.network.stop();
});

test("an introduced node is dialled at once when it is used", async () => {
  const dials = new CountedDials();
  const peer = await Peer.enter(dials.network, RAW);
  peer.say([["peers", names(500)]]);
  const connected = dials.network.connect("n499@localhost");
  assert(dials.active.has("n499@localhost"));
  await dials.failAll();
  assertEquals(await connected, false);
  assertEquals(dials.total, 500);
  await dials.network.stop();
});

test("the host of an introduced node or of a pid is no nearer than the peer, unless the program names the node", async () => {
  const dials = new CountedDials();
  for (
    const [host, nearest] of [
      ["10.0.0.2", 2],
      ["169.254.3.4", 1],
      ["127.0.0.1", 0],
    ] as const
  ) {
    const ends = { localHost: "10.0.0.1", remoteHost: host, remotePort: 1 };
    const peer = await Peer.enter(dials.network, RAW, ends);
    peer.say([["peers", [OTHER]]]);
    assertEquals(dials.nearest.splice(0), [nearest]);
    // The program may dial it where the peer must not lead.
    const connected = dials.network.connect(OTHER);
    await dials.failAll();
    assertEquals(await connected, false);
    assertEquals(dials.nearest.splice(0), [undefined]);
    // A pid may be from any peer so far, of which the first was the farthest.
    const [ofPid, named] = [`p${nearest}@localhost`, `n${nearest}@localhost`];
    dials.network.signalsTo(ofPid, "by_pid");
    dials.network.signalsTo(named, "by_name");
    dials.network.signalsTo(named, "by_pid");
    await quiet();
    assertEquals(dials.nearest.splice(0), [2, undefined]);
    await dials.failAll();
    assertEquals(dials.nearest.splice(0), []);
    // A failure at far addresses says nothing about near ones.
    dials.network.signalsTo(ofPid, "by_name");
    await quiet();
    assertEquals(dials.nearest.splice(0), [undefined]);
    await dials.failAll();
    peer.destroy();
    await quiet();
  }
  await dials.network.stop();
});

test("a signal names a node by a pid or a reference, or the program names it", async () => {
  const named: unknown[] = [];
  const runtime = new NodeRuntime({
    node: ALEX,
    creation: 5,
    signalsTo: (_node, connect) => void named.push(connect),
    report() {},
  });
  const pid = new Pid(OTHER, 1, 1);
  const at = { name: "Chat", node: OTHER };
  await runIn(runtime, async () => {
    for (const to of [pid, new Ref(OTHER, 1, 1), at]) {
      send(to, "hi");
      Process.send(to, "hi", { nosuspend: true });
    }
    for (const to of [pid, at]) Process.monitor(to);
    Process.exit(pid, "kill");
    await rpc.call(OTHER, ["A", "b"]).catch(String);
    await Node.spawn(OTHER, ["A", "b"]).catch(String);
  });
  runtime.stop("normal");
  assertEquals(
    named,
    // Process.send() asks for the channel twice.
    [..."000000", ..."111", "0", "1", "0", "1", "1"].map((bit) =>
      bit === "1" ? "by_name" : "by_pid"
    ),
  );
});

// Concurrent dials.

test("a number of nodes is dialled at a time, and the others in their turn", async () => {
  const dials = new CountedDials();
  const connected = names(WAITING).map((name) => dials.network.connect(name));
  assertEquals(dials.active.size, DIALS);
  assertEquals(await dials.network.connect("more@localhost"), false);
  await dials.failAll();
  for (const each of connected) assertEquals(await each, false);
  assertEquals([dials.total, dials.most], [WAITING, DIALS]);
  // A dial that waits for its turn does not reject a connection from that node.
  const again = names(200).map((name) => dials.network.connect(name));
  const peer = await Peer.enter(dials.network, "n199@localhost");
  assertEquals(await again[199], true);
  assert(!peer.isEnded);
  await dials.network.stop();
  for (const each of again.slice(0, 199)) assertEquals(await each, false);
});

test("no more nodes are dialled at once than maxConnections, whatever causes the dials", async () => {
  const dials = new CountedDials({ maxConnections: 50 });
  for (const name of names(1000)) {
    const isDialled = dials.network.signalsTo(name, "by_name") !== undefined;
    assertEquals(isDialled, dials.active.has(name));
  }
  assertEquals(dials.active.size, 50);
  assertEquals(await dials.network.connect("more@localhost"), false);
  await dials.failAll();
  // The limit has room again.
  assert(dials.network.signalsTo("more@localhost", "by_name") !== undefined);
  await dials.network.stop();
});

clusterTest("monitor() beyond the dial limit sends DOWN", async (cluster) => {
  const alex = await cluster.start("alex", { limits: { maxConnections: 1 } });
  await using listener = await RawListener.listen();
  await alex.run(async () => {
    const connected = Node.connect(RAW, { address: listener.address });
    await using peer = await listener.accept();
    const ref = Process.monitor({ name: "x", node: OTHER });
    Node.monitor(OTHER);
    const [first, second] = [await receive(), await receive()];
    assertEquals(first, {
      type: "DOWN",
      ref,
      object: { name: "x", node: OTHER },
      reason: "noconnection",
    });
    assertEquals(second, { type: "nodedown", node: OTHER });
    await cluster.logged(/other@localhost: .*limits\.maxConnections/);
    assert(await isPending(connected));
    await peer.say({ status: "not_allowed" });
    assertEquals(await connected, false);
  });
});

// Signals that wait for a dial.

const SMALL = { highWaterMark: 100_000, maxQueueBytes: 1_000_000 };

/** Runs `fn` in a process of alex while it dials a number of nodes in vain. */
function whileDialling(
  title: string,
  limits: Partial<Limits>,
  nodes: string[],
  fn: () => Promise<void>,
): void {
  clusterTest(title, async (cluster) => {
    const alex = await cluster.start("alex", { limits });
    await using listener = await RawListener.listen();
    await alex.run(async () => {
      const peers: RawPeer[] = [];
      const connected: Promise<unknown>[] = [];
      for (const node of nodes) {
        connected.push(Node.connect(node, { address: listener.address }));
        peers.push(await listener.accept());
      }
      await fn();
      for (const peer of peers) {
        await peer.say({ status: "not_allowed" });
        await peer.closed;
      }
      for (const each of connected) assertEquals(await each, false);
    });
  });
}

function fullOf(fn: () => void): QueueFullError {
  return assertThrows(fn, QueueFullError);
}

whileDialling(
  "the queue of a node that is being dialled has the limit of a connected one",
  SMALL,
  [RAW],
  async () => {
    const text = "x".repeat(50_000);
    assertEquals(send(THEIRS, text), undefined);
    const held = send(THEIRS, { text });
    assert(held !== undefined && await isPending(held));
    let sent = 2;
    const error = fullOf(() => {
      for (; sent < 100; sent++) void send(THEIRS, new Map([[text, [sent]]]));
    });
    assertEquals([sent, error.limit, error.node], [20, "maxQueueBytes", RAW]);
    assert(error.queued >= SMALL.maxQueueBytes);
    assertMatch(
      error.message,
      /Cannot send to raw@localhost: \d+ bytes wait already, and 1000000 is the most; .*raise limits\.maxQueueBytes/,
    );
  },
);

whileDialling(
  "the queues of all nodes that are being dialled share a limit",
  { ...SMALL, maxTotalQueueBytes: 1_500_000 },
  [RAW, OTHER],
  () => {
    const others = new Pid(OTHER, 1, 1);
    const bytes = new Uint8Array(50_000);
    for (let i = 0; i < 19; i++) void send(THEIRS, bytes);
    let sent = 0;
    const error = fullOf(() => {
      for (; sent < 100; sent++) void send(others, bytes);
    });
    assertEquals([sent, error.limit], [11, "maxTotalQueueBytes"]);
    assertMatch(error.message, /bytes wait already for all nodes together/);
    // A node with a short queue has room.
    void send({ name: "x", node: "a third@localhost" }, 1);
    return Promise.resolve();
  },
);

for (
  const [what, ask] of [
    ["monitors", (i: number) => Process.monitor(new Pid(RAW, i, 7))],
    ["links", (i: number) => Process.link(new Pid(RAW, i, 7))],
    ["exit signals", (i: number) => Process.exit(new Pid(RAW, i, 7), "bye")],
  ] as const
) {
  whileDialling(
    `a dial is given up when too many ${what} wait for it, and all waiting processes are notified`,
    { maxPendingSignals: 100 },
    [RAW],
    async () => {
      Process.trapExit(true);
      Node.monitor(RAW);
      for (let i = 1; i <= 300; i++) ask(i);
      let told = 0;
      for (let message = await receive();; message = await receive()) {
        if (message.type === "nodedown") break;
        assertEquals(message.reason, "noconnection");
        told++;
      }
      assertEquals(told, what === "exit signals" ? 0 : 300);
    },
  );
}

// Connections.

clusterTest("maxConnections spares a replaced connection", async (cluster) => {
  const kate = await cluster.start("kate", { limits: { maxConnections: 2 } });
  await using first = await RawPeer.entered(kate, "n1@localhost");
  await using second = await RawPeer.entered(kate, "n2@localhost");
  await using third = await RawPeer.dial(kate.port);
  const error = await third.enter("n3@localhost", kate.name).then(
    () => "in",
    String,
  );
  assertMatch(error, /refused: full/);
  await third.closed;
  await cluster.logged(/n3@localhost .*limits\.maxConnections/);
  await using _again = await RawPeer.entered(kate, "n2@localhost", {
    creation: 8,
  });
  await second.closed;
  await kate.run(async () => {
    assertEquals(Node.list().sort(), ["n1@localhost", "n2@localhost"]);
    assertEquals(Node.stats()!.refused.full, 1);
    // Nor does the node dial one more.
    assertEquals(await Node.connect("n3@localhost"), false);
  });
  // Without the cookie, a peer does not learn that the limit is reached.
  await using stranger = await RawPeer.dial(kate.port);
  await stranger.say({ versions: [1], to: kate.name, ...hello(RAW) });
  assertEquals((await stranger.hear()).status, "ok");
  await first[Symbol.asyncDispose]();
  await cluster.logged(/n1@localhost is down/);
  await using _late = await RawPeer.entered(kate, "n4@localhost");
});

clusterTest("maxConnections is logged when it is reached", async (cluster) => {
  const kate = await cluster.start("kate", { limits: { maxConnections: 1 } });
  await using _first = await RawPeer.entered(kate, RAW);
  const alex = await cluster.start("alex");
  assertEquals(await alex.run(() => Node.connect(kate.name)), false);
  await cluster.logged(
    /alex warning: .*it has the maximum number of connections \(its limits\.maxConnections\)/,
  );
});

// The limits of a peer, and those that all peers share.

/** Signals of a peer about a process of the node. */
interface Holding {
  ask: (i: number, own: Pid) => unknown[];
  refusal: (i: number, own: Pid) => unknown[];
  release: (i: number, own: Pid) => unknown[];
}

/** What a peer can hold of a node. */
const HOLDINGS: Record<"Links" | "Monitors" | "Processes", Holding> = {
  Links: {
    ask: (i, { number, creation }) => ["link", i, number, creation],
    refusal: (i, { number, creation }) => [
      "exit_link",
      ...[number, creation, i, "system_limit"],
    ],
    release: (i, { number, creation }) => ["unlink", i, number, creation, 1],
  },
  Monitors: {
    ask: (i, { number, creation }) => ["monitor", 1, number, creation, i],
    refusal: (i, { number }) => ["down", number, 1, i, "system_limit"],
    release: (i) => ["demonitor", 1, i],
  },
  Processes: {
    ask: (i, own) => ["spawn*", 1, i, {
      run: { module: "Remote", function: "wait", args: [] },
      link: false,
      monitor: false,
      groupLeader: ours(own),
    }],
    refusal: (i) => ["not_spawned", 1, i, "limit"],
    // The process is the first that was started.
    release: (_, own) => ["exit", 1, own.number + 1, "kill"],
  },
};

for (const [what, { ask, refusal, release }] of Object.entries(HOLDINGS)) {
  const kind = what.toLowerCase() as "links" | "monitors" | "processes";
  for (const isShared of [false, true]) {
    const limit = `max${isShared ? "Total" : ""}Remote${what}`;
    clusterTest(
      `${limit} refuses one more, and a release makes room`,
      async (cluster) => {
        const kate = await cluster.start("kate", { limits: { [limit]: 3 } });
        await using one = await RawPeer.entered(kate, "n1@localhost");
        await using other = await RawPeer.entered(kate, "n2@localhost");
        await kate.run(async () => {
          Process.trapExit(true);
          const own = self();
          const held = () => Node.stats()!.held[kind];
          await one.say([1, 2].map((i) => ask(i, own)));
          await one.takenIn();
          const asker = isShared ? other : one;
          await asker.say([3, 4].map((i) => ask(i, own)));
          const refused = refusal(4, own);
          const signal = await asker.signal(`${refused[0]}`);
          assertEquals(signal.slice(0, refused.length), refused);
          if (what === "Processes") assertMatch(`${signal[4]}`, RegExp(limit));
          assertEquals(held(), 3);
          const { [kind === "processes" ? "limit" : kind]: count } =
            Node.stats()!.refusedRequests;
          assertEquals(count, 1);
          // The other peer has a limit of its own, if it is not shared.
          if (!isShared) {
            await other.say([ask(1, own)]);
            await other.takenIn();
            assertEquals(held(), 4);
          }
          await one.say([release(1, own)]);
          await one.takenIn();
          await asker.say([5, 6].map((i) => ask(i, own)));
          assertEquals(
            (await asker.signal(`${refused[0]}`)).slice(0, refused.length),
            refusal(6, own),
          );
          if (what === "Processes") return;
          for (const peer of [one, other]) {
            Node.monitor(peer === one ? "n1@localhost" : "n2@localhost");
            await peer[Symbol.asyncDispose]();
            await receive((m) => m?.type === "nodedown");
          }
          assertEquals(held(), 0);
        });
      },
    );
  }
}

clusterTest("parts of messages are limited, and released", async (cluster) => {
  const kate = await cluster.start("kate", {
    limits: { maxMessageBytes: 700_000, maxTotalMessageBytes: 1_000_000 },
  });
  const part = rawFrameOf(1, new Uint8Array(600_000), false);
  await using one = await RawPeer.entered(kate, "n1@localhost");
  await one.write(part);
  await kate.run(async () => {
    while (Node.stats()!.receivedBytes < 600_000) await quiet();
  });
  await using two = await RawPeer.entered(kate, "n2@localhost");
  await two.write(part);
  await two.closed;
  await cluster.logged(/n2@localhost is down: .*maxTotalMessageBytes/);
  await one[Symbol.asyncDispose]();
  await cluster.logged(/n1@localhost is down/);
  await using three = await RawPeer.entered(kate, "n3@localhost");
  await three.write(part);
  await three.say([["monitor_name", 1, "nobody", 1]]);
  await three.signal("down");
});

test("messages dial a dead node once in 100 ms; calls at once", async () => {
  const KATE = "kate@localhost";
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
  });
  await cluster.kill("kate");
  const ear = { name: "ear", node: KATE };
  const failed = () => Node.stats()!.failedDials;
  await cluster.run("alex", async () => {
    for (let i = 0; i < 500; i++) {
      send(ear, i);
      await Process.sleep(2);
    }
    assert(failed() >= 5 && failed() <= 10, `${failed()} dials in 1 s`);
    send(ear, "one more");
    await Process.sleep(50);
    const before = failed();
    assertEquals(await Node.connect(KATE), false);
    assertEquals(failed(), before + 1);
    const ref = Process.monitor(ear);
    const down = await receive((m) => ref.equals(m?.ref));
    assertEquals(down.reason, "noconnection");
    assertEquals(failed(), before + 2);
  });
  await cluster.restart("kate");
  const heard = cluster.run("kate", async () => {
    Process.register(self(), "ear");
    return await receive();
  });
  await cluster.run("alex", async () => {
    await Process.sleep(100);
    send(ear, "after 100 ms");
  });
  assertEquals(await heard, "after 100 ms");
});

for (
  const { ms, isConnected, after } of [
    { ms: 1200, isConnected: true, after: 7200 },
    { ms: 1300, isConnected: false, after: 7600 },
    { ms: 2600, isConnected: false, after: 5000 },
  ]
) {
  test(
    `a dial over a network with ${ms} ms of delay ${
      isConnected ? "succeeds" : "fails"
    }, since connecting and the handshake have 5 s each`,
    async () => {
      await using cluster = await SimulatedCluster.start({
        nodes: ["alex", "kate"],
        delay: { min: ms, max: ms },
      });
      const connect = () => Node.connect("kate@localhost");
      assertEquals(await cluster.run("alex", connect), isConnected);
      assertEquals(cluster.now(), after);
    },
  );
}
