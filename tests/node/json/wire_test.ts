import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { receive, self, send } from "../../../packages/processes/process.ts";
import { TICK } from "../../../packages/node/json/json_frames.ts";
import { clusterTest, nodeDown } from "../../_nodes.ts";
import {
  attachmentOf,
  jsonFrame,
  rawFrameOf,
  rawTest,
  withRaw,
} from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import fc, { runs } from "../../_seeds.ts";
import { anyTerm, exactly } from "../../_terms.ts";

const KATE = "kate@localhost";
const RAW = "raw@localhost";

/** Runs `fn` in a process of alex, connected to kate, which runs an echo. */
function echoTest(
  name: string,
  fn: (back: (value: unknown) => Promise<unknown>) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    await cluster.start("kate");
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      const pid = await Node.spawn(KATE, Remote.echo);
      const from = self();
      await fn((value) => {
        send(pid, { from, value });
        return receive();
      });
    });
  });
}

// Values.

echoTest("any value that can be sent arrives unchanged", async (back) => {
  await fc.assert(
    fc.asyncProperty(anyTerm(), async (term) => {
      assertEquals(exactly(await back(term)), exactly(term));
    }),
    { numRuns: runs(500) },
  );
});

echoTest("keys of tags and classes of errors arrive", async (back) => {
  for (
    const term of [
      { "\ud800": "a\udfff\ud800b" },
      { $pid: [0, 1] },
      { $pid: 1, other: 2 },
      { $object: [["a", 1]] },
      { a: { $undefined: true } },
      new AggregateError([1n, new Error("in it")], "many"),
      new QueueFullError("n@h", 2, 1),
    ]
  ) {
    assertEquals(exactly(await back(term)), exactly(term));
  }
  const full = await back(new QueueFullError("n@h", 2, 1)) as QueueFullError;
  assertEquals([full.node, full.queued], ["n@h", 2]);
});

echoTest("an unsendable value is rejected", async (back) => {
  const circle: unknown[] = [];
  circle.push(circle);
  const deep = (levels: number): unknown =>
    levels === 0 ? 1 : [deep(levels - 1)];
  for (
    const [term, type] of [
      [() => {}, TypeError],
      [{ fn() {} }, TypeError],
      [Symbol("s"), TypeError],
      [new Promise(() => {}), TypeError],
      [new (class Point {})(), TypeError],
      [circle, RangeError],
      [deep(600), RangeError],
    ] as const
  ) {
    assertThrows(() => void back(term), type, "Cannot send");
  }
  // The value is two levels down in the messages from and to the echo.
  assertEquals(await back(deep(511)), deep(511));
  assertEquals(await back("next"), "next");
});

// Messages in parts.

rawTest("parts, ticks and signals may interleave", async (peer) => {
  const { number } = self();
  const text = JSON.stringify(["send", 1, number, "l".repeat(1000)]);
  const large = new TextEncoder().encode(text);
  const attachment = attachmentOf(Uint8Array.of(1, 2, 3, 4));
  const value = JSON.stringify(
    ["send*", 3, number, { $bytes: ["Uint16Array", 0] }],
  );
  await peer.write(rawFrameOf(1, attachment.subarray(0, 6), "attachments"));
  await peer.write(TICK);
  await peer.say([["send", 2, number, "small"]]);
  await peer.write(rawFrameOf(1, attachment.subarray(6), "attachments"));
  await peer.write(rawFrameOf(1, Buffer.from(value), true));
  await peer.write(TICK);
  await peer.say([["large_attached", 1, 0]]);
  await peer.write(rawFrameOf(2, large.subarray(0, 500), false));
  await peer.say([["send", 2, number, "another"]]);
  await peer.write(rawFrameOf(2, large.subarray(500), true));
  await peer.say([["large", 2]]);
  assertEquals(await receive(), "small");
  assertEquals(await receive(), Uint16Array.of(0x0201, 0x0403));
  assertEquals(await receive(), "another");
  assertEquals(await receive(), "l".repeat(1000));
});

// Limits.

clusterTest(
  "an invalid signal closes its connection; the signals before it arrive",
  (cluster) =>
    withRaw(cluster, {}, async (peer) => {
      Node.monitorNodes(true);
      const good = jsonFrame([["send", 1, self().number, "before"]]);
      const bad = jsonFrame([["shout", 1, 2]]);
      await peer.write(Buffer.concat([good, bad, good]));
      assertEquals(await receive(), "before");
      await nodeDown(RAW);
      await peer.closed;
      await cluster.logged(/raw@localhost is down: .*unknown kind: "shout"/);
      assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
    }),
);
