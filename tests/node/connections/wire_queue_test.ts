import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import {
  Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { clusterTest } from "../../_nodes.ts";
import { isPending, quiet } from "../../_processes.ts";
import { RawListener, rawTest, THEIRS } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";

const KATE = "kate@localhost";
const RAW = "raw@localhost";

/** Limits that are reached soon. */
const SMALL_QUEUE = { highWaterMark: 1 << 16, maxQueueBytes: 1 << 20 };

rawTest("send() returns a promise, then throws", async (peer) => {
  peer.pause();
  const { number } = self();
  let held: Promise<void> | undefined;
  let sent = 0;
  let error: unknown;
  while (error === undefined) {
    // The event loop turns, so that the kernel takes as much as it can.
    await quiet();
    try {
      const pressure = send(THEIRS, [sent, "x".repeat(50_000)]);
      held = pressure ?? held;
      sent++;
    } catch (thrown) {
      error = thrown;
    }
    assert(sent < 10_000);
  }
  assertInstanceOf(error, QueueFullError);
  assertEquals(error.node, RAW);
  assert(error.queued >= SMALL_QUEUE.maxQueueBytes);
  assertMatch(error.message, /await send\(…\) to be held back/);
  assert(held !== undefined && await isStuck(held));
  assertThrows(() => void send({ name: "x", node: RAW }, 1), QueueFullError);
  Process.link(THEIRS);
  const ref = Process.monitor(THEIRS);
  Process.exit(THEIRS, "sent nevertheless");
  peer.resume();
  await held;
  let next = 0;
  const others: unknown[] = [];
  while (others.length < 3) {
    for (const [kind, from, , ...values] of await peer.hear()) {
      assertEquals(from, number);
      if (kind !== "send*") others.push(kind);
      else for (const [i] of values) assertEquals(i, next++);
    }
  }
  assertEquals(next, sent);
  assertEquals(others, ["link", "monitor", "exit"]);
  assertEquals(send(THEIRS, "again"), undefined);
  await peer.say([["down", 1, number, ref.number, "bye"]]);
  assertEquals((await receive()).reason, "bye");
}, { limits: SMALL_QUEUE });

rawTest("the memory of frames is used once they left", async (peer) => {
  let sent = 0;
  let next = 0;
  for (let round = 0; round < 3; round++) {
    peer.pause();
    for (let turns = 0; turns < 400; turns++) {
      for (let i = 0; i < 30; i++, sent++) {
        send(THEIRS, [sent, `${sent} `.repeat(200)]);
      }
      await quiet();
    }
    peer.resume();
    while (next < sent) {
      for (const [, , , ...values] of await peer.hear()) {
        for (const [i, text] of values) {
          assertEquals(i, next++);
          assertEquals(text, `${i} `.repeat(200));
        }
      }
    }
  }
});

/** Returns whether a promise is still pending after some turns of the event loop: true does not prove that it stays so. */
async function isStuck(promise: Promise<unknown>): Promise<boolean> {
  for (let i = 0; i < 20; i++) if (!await isPending(promise)) return false;
  return true;
}

rawTest("send()'s promise resolves when the node is down", async (peer) => {
  peer.pause();
  // The kernel takes some megabytes first.
  let held: Promise<void> | undefined;
  for (;;) {
    held = send(THEIRS, "x".repeat(50_000));
    if (held !== undefined && await isStuck(held)) break;
  }
  await peer[Symbol.asyncDispose]();
  await held;
  // A later message goes to an unreachable node.
  assertEquals(send(THEIRS, "dropped"), undefined);
}, { limits: SMALL_QUEUE });

rawTest("large messages of one turn count too", async (peer) => {
  let sent = 0;
  const error = assertThrows(() => {
    for (; sent < 100; sent++) {
      send(THEIRS, new Uint8Array(300_000));
    }
  }, QueueFullError);
  assertEquals(sent, 4);
  // With their JSON.
  assert(error.queued > 1_200_000 && error.queued < 1_201_000);
  for (let i = 0; i < sent; i++) await peer.signal("large_attached");
  assertEquals(send(THEIRS, "again"), undefined);
}, { limits: SMALL_QUEUE });

rawTest("small messages pass large ones of others", async (peer) => {
  peer.pause();
  const sent = Promise.withResolvers<void>();
  spawn(() => {
    const held = send(THEIRS, new Uint8Array(30 << 20));
    assert(held !== undefined);
    assert(send(THEIRS, "behind it") !== undefined);
    sent.resolve();
  });
  await sent.promise;
  // The kernel takes some megabytes, and then no more: the large one waits.
  for (let i = 0; i < 20; i++) await quiet();
  assertEquals(send(THEIRS, "small"), undefined);
  assertEquals(Process.send(THEIRS, "small", { nosuspend: true }), "ok");
  // Its own are counted, as anybody's are.
  let held: Promise<void> | undefined;
  for (let i = 0; held === undefined; i++) {
    assert(i < 20_000);
    held = send(THEIRS, "x".repeat(1000));
  }
  peer.resume();
  await held;
  const signal = await peer.signal("send_text");
  assertEquals(signal[0], "send_text");
}, { limits: { highWaterMark: 1 << 19 } });

clusterTest("awaiting send() slows a fast sender", async (cluster) => {
  const kate = await cluster.start("kate");
  const alex = await cluster.start("alex", { limits: SMALL_QUEUE });
  await kate.run(async () => {
    Process.register(self(), "inbox");
    await alex.run(async () => {
      const inbox = { name: "inbox", node: KATE };
      for (let i = 0; i < 300; i++) {
        await send(inbox, { i, bytes: new Uint8Array(100_000) });
      }
    });
    for (let i = 0; i < 300; i++) assertEquals((await receive()).i, i);
  });
});

clusterTest("the queue of a dial is limited", async (cluster) => {
  const alex = await cluster.start("alex", {
    limits: { maxPendingSignals: 1500 },
  });
  await using listener = await RawListener.listen();
  await alex.run(async () => {
    const connected = Node.connect(RAW, { address: listener.address });
    await using peer = await listener.accept();
    let held: Promise<void> | undefined;
    for (let i = 0; i < 1500; i++) held = send(THEIRS, i) ?? held;
    const error = assertThrows(() => void send(THEIRS, "no"), QueueFullError);
    assertEquals([error.limit, error.queued], ["maxPendingSignals", 1500]);
    assertMatch(
      error.message,
      /1500 signals wait already until it is connected, and 1500 is the most; .*raise limits\.maxPendingSignals/,
    );
    Process.link(THEIRS);
    Process.exit(THEIRS, "bye");
    assert(await isPending(held!));
    await peer.say({ status: "not_allowed" });
    assertEquals(await connected, false);
    await held;
  }).catch(({ reason }) => assertEquals(reason, "noconnection"));
});

clusterTest("the signals of a dial are sent", async (cluster) => {
  const kate = await cluster.start("kate");
  const alex = await cluster.start("alex", { limits: SMALL_QUEUE });
  await kate.run(async () => {
    Process.register(self(), "inbox");
    // On the wire, such a number is longer than in memory: the waiting signals are below the limit, and the
    // sent ones above it.
    const numbers = new Array(1000).fill(0.1234567890123456);
    await alex.run(() => {
      for (let i = 0; i < 100; i++) {
        send({ name: "inbox", node: KATE }, { i, numbers });
      }
    });
    for (let i = 0; i < 100; i++) assertEquals((await receive()).i, i);
  });
});

clusterTest("a too large waiting signal closes", async (cluster) => {
  const kate = await cluster.start("kate", {
    limits: { maxMessageBytes: 10_000 },
  });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    const large = new Uint8Array(20_000);
    // Nobody awaits a message, unlike a request.
    send({ name: "inbox", node: KATE }, large);
    const pid = new Pid(KATE, 1, kate.creation);
    const ref = Process.monitor(pid);
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object: pid,
      reason: "noconnection",
    });
    await cluster.logged(
      /alex warning: Lost a signal to kate@localhost: Cannot send a message of 20\d\d\d bytes/,
    );
    await Node.connect(KATE);
    assertThrows(() => void send(pid, large), RangeError);
  });
});

clusterTest("a too large waiting request fails alone", async (cluster) => {
  await cluster.start("kate", { limits: { maxMessageBytes: 10_000 } });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    await assertRejects(
      () =>
        Node.spawnMonitor(KATE, Remote.tell, [self(), new Uint8Array(20_000)]),
      RangeError,
      "10000 is the most",
    );
    assertEquals(Node.list(), [KATE]);
  });
});
