/** The actions of a hostile peer that knows the cookie, and their effects. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import process from "node:process";
import {
  QueueFullError,
  SpawnRefusedError,
} from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { clusterTest, nodeDown } from "../../_nodes.ts";
import { mail } from "../../_processes.ts";
import {
  frameOf,
  rawFrameOf,
  type RawPeer,
  rawTest,
  THEIRS,
  withRaw,
} from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const RAW = "raw@localhost";

/** Sends a value to a process of alex, and returns the message that arrives. */
async function sent(peer: RawPeer, json: string): Promise<unknown> {
  await peer.write(frameOf(`[["send",1,${self().number},${json}]]`));
  return await receive();
}

/** Waits until the peer's signals so far are handled, by sending a message after them. */
async function takenIn(peer: RawPeer): Promise<void> {
  await peer.say([["send", 1, self().number, { type: "taken_in" }]]);
  await receive((m) => m?.type === "taken_in");
}

/** A test whose peer is disconnected for its frame; another peer is not affected. */
function cutOffTest(
  name: string,
  send: (peer: RawPeer) => unknown,
  told: RegExp,
): void {
  clusterTest(name, async (cluster) => {
    const kate = await cluster.start("kate");
    await withRaw(cluster, {}, async (peer) => {
      await Node.connect(KATE);
      Node.monitor(RAW);
      const before = Node.stats()!;
      await send(peer);
      await nodeDown(RAW);
      await peer.closed;
      await cluster.logged(told);
      const after = Node.stats()!;
      assertEquals(after.protocolErrors, before.protocolErrors + 1);
      assertEquals(after.processes, before.processes);
      assertEquals(await mail(), []);
      assertEquals(Node.list(), [KATE]);
      assertEquals(await kate.run(() => Node.list()), [ALEX]);
      assertFalse("polluted" in {});
    });
  });
}

// Row 15.

cutOffTest(
  "row 15: a frame of one byte more than the cap",
  (peer) => peer.write(Uint8Array.of(0, 0x10, 0, 1)),
  /a frame of 1048577 bytes, and 1048576 is the most/,
);

for (const depth of [513, 500_000]) {
  clusterTest(
    `row 15: nesting of ${depth} is refused alone`,
    (cluster) =>
      withRaw(cluster, {}, async (peer) => {
        const { protocolErrors, refusedSignals } = Node.stats()!;
        await peer.write(
          frameOf(
            `[["send_name",1,"x",${"[".repeat(depth)}${"]".repeat(depth)}]]`,
          ),
        );
        await takenIn(peer);
        const after = Node.stats()!;
        assertEquals(after.protocolErrors, protocolErrors);
        assertEquals(after.refusedSignals, refusedSignals + 1);
        await cluster.logged(/Refused a message of .*: .*nested deeper than/);
      }),
  );
}

cutOffTest(
  "row 15: nesting of 1,000,000, in a frame that only opens",
  (peer) => peer.write(frameOf("[".repeat(1_000_000))),
  /a frame is not JSON/,
);

rawTest("row 15: 1 MiB of {} costs what the page says", async (peer) => {
  const count = 349_000;
  const start = process.cpuUsage();
  const got = await sent(peer, `[${"{},".repeat(count - 1)}{}]`);
  // docs/security.md documents its cost. The time of the processor: other programs do not lengthen it.
  const { user, system } = process.cpuUsage(start);
  assertLess((user + system) / 1000, 2000);
  assertEquals((got as unknown[]).length, count);
});

// Row 16.

rawTest("row 16: keys of prototypes are ordinary keys", async (peer) => {
  for (const tagged of [false, true]) {
    const json =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    await peer.write(
      frameOf(`[["send${tagged ? "*" : ""}",1,${self().number},${json}]]`),
    );
    const got = await receive();
    assertStrictEquals(Object.getPrototypeOf(got), Object.prototype);
    assertEquals(Object.keys(got), ["__proto__", "constructor"]);
    assertFalse("polluted" in got);
  }
  await peer.say([["send_name", 1, "__proto__", 1]]);
  await peer.say([["monitor_name", 1, "constructor", 5]]);
  assertEquals((await peer.signal("down")).at(-1), "noproc");
  assertFalse("polluted" in {});
});

// Row 21.

cutOffTest("row 21: two open sequences", async (peer) => {
  for (const id of [1, 2]) {
    await peer.write(rawFrameOf(id, new Uint8Array(1), false));
  }
}, /raw byte array 2 before the signal of array 1/);

cutOffTest("row 21: parts beyond a message's limit", async (peer) => {
  const part = new Uint8Array(1 << 19).fill(0x20);
  await peer.write(rawFrameOf(1, Uint8Array.of(0x5b), false));
  for (let sent = 0; sent < 64; sent++) {
    await peer.write(rawFrameOf(1, part, false));
  }
}, /a message of over 33554432 bytes/);

rawTest("row 21: parts of any size make the bytes", async (peer) => {
  const text = JSON.stringify(["send", 1, self().number, "x".repeat(9000)]);
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  for (const size of [0, 1, 0, 5000, 1, 4095, 2, 0]) {
    await peer.write(rawFrameOf(7, bytes.subarray(at, at + size), false));
    at += size;
  }
  await peer.write(rawFrameOf(7, bytes.subarray(at), true));
  await peer.say([["large", 7]]);
  assertEquals(await receive(), "x".repeat(9000));
});

// Row 22.

rawTest("row 22: a peer never reads", async (peer) => {
  peer.pause();
  Node.monitor(RAW);
  let waited: Promise<void> | undefined;
  let error: unknown;
  while (error === undefined) {
    // safe: only the error ends the loop
    await new Promise((resolve) => setImmediate(resolve));
    try {
      waited = send(THEIRS, "x".repeat(50_000)) ?? waited;
    } catch (thrown) {
      error = thrown;
    }
  }
  assertInstanceOf(error, QueueFullError);
  assert(error.queued < (1 << 20) + 100_000);
  // The tick time would end it, too, but while the queue fills on a slow machine.
  peer.reset();
  await nodeDown(RAW);
  await waited;
}, { limits: { highWaterMark: 1 << 16, maxQueueBytes: 1 << 20 } });

// Limits of one peer.

/** Runs `fn` on alex's node while kate has a Task.Supervisor. */
function withTasks(
  kate: Node,
  alex: Node,
  fn: () => Promise<void>,
): Promise<void> {
  return kate.run(async () => {
    const tasks = await TaskSupervisor.startLink({ name: "Tasks" });
    await alex.run(fn);
    await TaskSupervisor.stop(tasks);
  });
}

clusterTest("a peer's processes are limited", async (cluster) => {
  const kate = await cluster.start("kate", {
    limits: { maxRemoteProcesses: 3 },
  });
  const alex = await cluster.start("alex");
  await withTasks(kate, alex, async () => {
    const pids = [];
    for (let i = 0; i < 3; i++) {
      pids.push(await Node.spawn(KATE, Remote.wait));
    }
    for (
      const ask of [
        () => Node.spawn(KATE, Remote.wait),
        () => TaskSupervisor.async({ name: "Tasks", node: KATE }, Remote.wait),
      ]
    ) {
      const error = await assertRejects(ask, SpawnRefusedError);
      assertEquals(error.code, "limit");
      assertMatch(error.message, /limits\.maxRemoteProcesses/);
    }
    // They count after the connection is lost, too.
    await Node.disconnect(KATE);
    await assertRejects(() => Node.spawn(KATE, Remote.wait), SpawnRefusedError);
    Process.exit(pids[0], "kill");
    const task = await TaskSupervisor.async(
      { name: "Tasks", node: KATE },
      Remote.add,
      [1, 2],
    );
    assertEquals(await Task.await(task), 3);
    for (const pid of pids) Process.exit(pid, "kill");
  });
  await cluster.logged(
    /kate warning: Refused a request of alex@localhost \(limit\)/,
  );
  const stats = await kate.run(() => Node.stats()!);
  assertEquals(stats.refusedRequests.limit, 3);
});
