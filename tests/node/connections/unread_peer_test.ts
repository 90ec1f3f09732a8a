/** Peers that send requests and do not read the answers. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { clusterTest, nodeDown } from "../../_nodes.ts";
import { isPending, quiet } from "../../_processes.ts";
import { runs } from "../../_seeds.ts";
import {
  jsonFrame,
  type RawPeer,
  rawTest,
  THEIRS,
  withRaw,
} from "../../_raw_peer.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const RAW = "raw@localhost";
const MIB = 1 << 20;

/** The number of requests in a frame. */
const REQUESTS = 1000;

/** Monitors of a missing process: each is answered by a DOWN that is longer than the monitor. */
function requests(creation: number, frame: number): Uint8Array {
  return jsonFrame(
    Array.from(
      { length: REQUESTS },
      (_, i) => ["monitor", 1, 1, creation, frame * REQUESTS + i + 1],
    ),
  );
}

/** Sends requests until a number of bytes have left or the node has closed the connection. */
async function ask(
  peer: RawPeer,
  creation: number,
  bytes: number,
): Promise<void> {
  for (let frame = 0; bytes > 0 && !peer.isClosed; frame++) {
    const chunk = requests(creation, frame);
    await Promise.race([peer.write(chunk), peer.closed]);
    bytes -= chunk.length;
  }
}

clusterTest(
  "a peer that does not read is down in time",
  (cluster) =>
    withRaw(cluster, {
      tickTime: 1000,
      limits: { highWaterMark: 1 << 16, maxQueueBytes: MIB },
    }, async (peer, alex) => {
      peer.pause();
      Node.monitor(RAW);
      const asked = ask(peer, alex.creation, 256 * MIB);
      await nodeDown(RAW);
      const { receivedBytes, unread, silent } = Node.stats()!;
      assertEquals([unread, silent], [1, 0]);
      // The kernel takes some megabytes of answers, the queue one; a request is half as long.
      assert(receivedBytes < 24 * MIB, `${receivedBytes} bytes were read`);
      peer.resume();
      await asked;
      assertMatch(
        await cluster.logged(/raw@localhost is down/),
        /has read nothing for longer than the tick time|asks more than it reads/,
      );
    }),
  { timeout: 120_000, tags: ["slow"] },
);

rawTest("a peer that reads late receives all", async (peer, alex) => {
  const frames = 400;
  peer.pause();
  const written = (async () => {
    for (let frame = 0; frame < frames; frame++) {
      await peer.write(requests(alex.creation, frame));
    }
  })();
  // Until the node has stopped reading.
  let before = -1;
  while (before !== Node.stats()!.receivedBytes) {
    before = Node.stats()!.receivedBytes;
    for (let i = 0; i < 20; i++) await quiet();
  }
  assert(await isPending(written));
  peer.resume();
  let next = 1;
  while (next <= frames * REQUESTS) {
    for (const signal of await peer.hear()) {
      if (signal[0] === "down") assertEquals(signal[3], next++);
    }
  }
  await written;
  assertEquals(Node.list(), [RAW]);
}, { limits: { highWaterMark: 1 << 16, maxQueueBytes: MIB } });

rawTest(
  "a peer whose acks of large answers wait behind its requests is held back",
  async (peer) => {
    peer.isAcking = false;
    peer.pause();
    Process.register(self(), "asked");
    // As an answer, an exit signal is not refused.
    const answer = () => Process.exit(THEIRS, "x".repeat(70_000));
    const queued = () => Node.connections()[0].queuedBytes;
    while (queued() < 3 * MIB) {
      while (queued() < 3 * MIB) answer();
      for (let i = 0; i < 20; i++) await quiet();
    }
    peer.resume();
    // Twice as long as an answer, as much as is read for each.
    const requests = 40;
    for (let i = 0; i < requests; i++) {
      void peer.say([["send_name", 1, "asked", "x".repeat(150_000)]]);
    }
    for (let i = 0; i < requests; i++) {
      await receive();
      answer();
    }
    assertEquals(Node.list(), [RAW]);
  },
  { limits: { highWaterMark: 1 << 16, maxQueueBytes: 2 * MIB } },
);

clusterTest(
  "large answers end at twice maxQueueBytes",
  (cluster) =>
    withRaw(cluster, {
      limits: { highWaterMark: 1 << 16, maxQueueBytes: MIB },
    }, async (peer) => {
      peer.pause();
      Node.monitor(RAW);
      Process.register(self(), "asked");
      await peer.say(
        Array.from({ length: 300 }, () => ["send_name", 1, "asked", "more"]),
      );
      for (;;) {
        const message = await receive();
        if (message !== "more") break;
        // As an answer, an exit signal is not refused.
        Process.exit(THEIRS, "x".repeat(100_000));
      }
      assertEquals(Node.stats()!.unread, 1);
      assertEquals(Node.list(), []);
      await cluster.logged(/bytes wait for it, as it asks more than it reads/);
    }),
);

/** Fills the queue to a node with numbered messages; returns their number. */
function fill(to: Pid): number {
  for (let i = 0;; i++) {
    try {
      void send(to, [i, "x".repeat(1000)]);
    } catch (error) {
      if (error instanceof QueueFullError) return i;
      throw error;
    }
  }
}

/** Takes numbered messages in order, until `count` have arrived. */
async function take(count: () => number): Promise<void> {
  for (let i = 0; i < count(); i++) assertEquals((await receive())[0], i);
}

/**
 * Makes a process of each of two nodes fill the queue to the other one, at once, and then take the messages
 * of the other.
 */
async function flood(run: (node: number, fn: () => Promise<void>) => unknown) {
  const pids: Pid[] = [];
  const sent: number[] = [];
  const ready = Promise.withResolvers<void>();
  await Promise.all([0, 1].map((i) =>
    run(i, async () => {
      pids[i] = self();
      if (pids[0] !== undefined && pids[1] !== undefined) ready.resolve();
      await ready.promise;
      sent[i] = fill(pids[1 - i]);
      await take(() => sent[1 - i] ?? Infinity);
    })
  ));
  return sent;
}

clusterTest("nodes that block each other's queue go on", async (cluster) => {
  const limits = { highWaterMark: 1 << 16, maxQueueBytes: 16 * MIB };
  const [kate, alex] = await cluster.startAll(["kate", "alex"], { limits });
  await alex.run(() => Node.connect(KATE));
  for (let round = 0; round < 3; round++) {
    const sent = await flood((i, fn) => [alex, kate][i].run(fn));
    for (const count of sent) assert(count > 10_000);
  }
  assertEquals(await alex.run(() => Node.list()), [KATE]);
  assertEquals(cluster.lines(), []);
});

test(
  "simulated nodes that flood each other over slow connections stay connected, for seeds from 1",
  { timeout: 300_000 },
  async () => {
    for (let seed = 1; seed <= runs(20); seed++) {
      await using cluster = await SimulatedCluster.start({
        nodes: ["alex", "kate"],
        seed,
        // About 5 s for the queue, as 256 KiB are under way at a time.
        delay: { min: 50, max: 500 },
        tickTime: 2000,
        limits: { highWaterMark: 1 << 16, maxQueueBytes: 4 * MIB },
      });
      await cluster.run("alex", () => Node.connect(KATE));
      await flood((i, fn) => cluster.run(["alex", "kate"][i], fn));
      assertEquals(await cluster.run("kate", () => Node.list()), [ALEX]);
    }
  },
);
