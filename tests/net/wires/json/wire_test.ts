import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { QueueFullError } from "../../../../core/errors.ts";
import { Node } from "../../../../node.ts";
import {
  Pid,
  receive,
  Ref,
  self,
  send,
  spawn,
} from "../../../../otp/process/process.ts";
import { atom } from "../../../../core/values/atom.ts";
import { TICK } from "../../../../net/wires/json/json_frames.ts";
import { clusterTest, nodeDown } from "../../../_nodes.ts";
import {
  attachmentOf,
  jsonFrame,
  rawFrameOf,
  rawTest,
  THEIRS,
  withRaw,
} from "../../../_raw_peer.ts";
import * as Remote from "../../../_remote.ts";
import fc, { runs } from "../../../_seeds.ts";
import { anyTerm, exactly, objectOf } from "../../../_terms.ts";

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

echoTest("values of special meaning arrive unchanged", async (back) => {
  const nested = objectOf([["__proto__", objectOf([["__proto__", 1]])]]);
  for (
    const term of [
      -0,
      [-0, 0],
      { zero: -0 },
      NaN,
      Infinity,
      -Infinity,
      2 ** 53,
      Number.MIN_VALUE,
      undefined,
      [undefined],
      { a: undefined },
      10n ** 100n,
      "\ud800",
      "a\udc00b",
      { "\ud800": "\udfff\ud800" },
      "\u0000\u001f\u007f\u2028\ufeff",
      "ünïcode 🐔",
      "x".repeat(257) + "🐔",
      "",
      {},
      [],
      nested,
      { $pid: [0, 1] },
      { $pid: 1, other: 2 },
      { $: 1 },
      { $object: [["a", 1]] },
      { a: { $undefined: true } },
      { then: 1, constructor: 2, toJSON: 3, length: 4 },
      new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])], [NaN, -0]]),
      new Set([new Map(), undefined]),
      new Date(0),
      new Date(NaN),
      self(),
      new Pid(KATE, 5, 6),
      new Pid("other@localhost", 5, 6),
      new Ref("other@localhost", 5, 6),
      atom("ok"),
      [atom("ok"), "ok"],
      new TypeError("bad", { cause: new RangeError("worse") }),
      new AggregateError([1n, new Error("in it")], "many"),
      new QueueFullError("n@h", 2, 1),
    ]
  ) {
    assertEquals(exactly(await back(term)), exactly(term));
  }
  assertEquals(Object.getPrototypeOf(await back(nested)), Object.prototype);
  const full = await back(new QueueFullError("n@h", 2, 1));
  assertInstanceOf(full, QueueFullError);
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

clusterTest("senders of all sizes keep their order", async (cluster) => {
  const kate = await cluster.start("kate");
  const alex = await cluster.start("alex");
  const senders = 8;
  const each = 30;
  await kate.run(async () => {
    const here = self();
    await alex.run(async () => {
      await Node.connect(KATE);
      for (let sender = 0; sender < senders; sender++) {
        spawn(() => {
          for (let i = 0; i < each; i++) {
            const filler = i % 3 === sender % 3
              ? new Uint8Array(200_000)
              : i % 3 === 0
              ? "y".repeat(100_000)
              : i;
            send(here, { sender, i, filler });
          }
        });
      }
    });
    const next = new Array(senders).fill(0);
    for (let n = 0; n < senders * each; n++) {
      const { sender, i } = await receive();
      assertEquals(i, next[sender]++);
    }
    assertEquals(next, new Array(senders).fill(each));
  });
});

rawTest("signals pass between the parts of a message", async (peer) => {
  send(THEIRS, new Uint8Array(16 << 20));
  send(THEIRS, "after the large one");
  assert((await peer.next())!.raw);
  spawn(() => void send(THEIRS, "of another"));
  const seen = ["raw"];
  while (!seen.includes("after")) {
    const frame = await peer.next();
    if (frame!.raw !== undefined) {
      if (seen.at(-1) !== "raw") seen.push("raw");
      continue;
    }
    for (const [kind, , , value] of (frame!.json ?? []) as unknown[][]) {
      if (value === "of another") seen.push("other");
      else if (value === "after the large one") seen.push("after");
      else assertEquals(kind, "large_attached");
    }
  }
  assertEquals(seen, ["raw", "other", "raw", "after"]);
}, { limits: { highWaterMark: 1 << 16 } });

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
  await peer.write(rawFrameOf(2, large.subarray(0, 500), false));
  await peer.say([["send", 2, number, "small"]]);
  await peer.write(rawFrameOf(1, attachment.subarray(6), "attachments"));
  await peer.write(rawFrameOf(1, Buffer.from(value), true));
  await peer.write(TICK);
  await peer.write(rawFrameOf(2, large.subarray(500), true));
  await peer.say([["large", 2], ["large_attached", 1, 0]]);
  assertEquals(await receive(), "small");
  assertEquals(await receive(), "l".repeat(1000));
  assertEquals(await receive(), Uint16Array.of(0x0201, 0x0403));
});

// Limits.

clusterTest("send() of too large a message sends nothing", async (cluster) => {
  await cluster.start("kate", { limits: { maxMessageBytes: 100_000 } });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    const pid = await Node.spawn(KATE, Remote.echo);
    const from = self();
    const tell = (value: unknown) => send(pid, { from, value });
    for (
      const value of [
        new Uint8Array(100_001),
        "x".repeat(100_001),
        "ü".repeat(70_000),
      ]
    ) {
      tell("before");
      const error = assertThrows(() => void tell(value), RangeError);
      assertMatch(
        error.message,
        /Cannot send a message of \d+ bytes to kate@localhost: 100000 is the most/,
      );
      tell("after");
      assertEquals([await receive(), await receive()], ["before", "after"]);
    }
    // Its JSON counts as well.
    tell(new Uint8Array(99_900));
    assertEquals((await receive()).length, 99_900);
    assertEquals(Node.list(), [KATE]);
  });
});

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
