/**
 * Frames that a decoder must refuse; and values that a receiver would refuse are rejected at the sender.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { Node, type NodeOptions } from "../../../node.ts";
import {
  Pid,
  Process,
  receive,
  Ref,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { Atom } from "../../../packages/processes/values/atom.ts";
import { test } from "../../../packages/testing/tags.ts";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { portTo, signalsTo } from "../wires/_ports.ts";
import { VECTORS } from "../../../tools/protocol_vectors.ts";
import { clusterTest } from "../../_nodes.ts";
import {
  attachmentOf,
  frameOf,
  hello,
  jsonFrame,
  rawFrameOf,
  RawPeer,
  rawTest,
} from "../../_raw_peer.ts";

const KATE = "kate@localhost";
const ALEX = "alex@localhost";

// deno-lint-ignore no-explicit-any
const FILE: any = JSON.parse(await Deno.readTextFile(VECTORS));

/** A raw frame of these bytes, including those of its header. */
function rawBody(...bytes: number[]): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE((0x8000_0000 + bytes.length) >>> 0);
  return Buffer.concat([head, Uint8Array.from(bytes)]);
}

/** A raw byte array with attachments, in parts, and its signal. */
function attachedArray(
  parts: [bytes: Uint8Array, kind: boolean | "attachments"][],
  signal: unknown[] = ["large_attached", 1, 0],
): Uint8Array {
  return Buffer.concat([
    ...parts.map(([bytes, kind]) => rawFrameOf(1, bytes, kind)),
    jsonFrame([signal]),
  ]);
}

/** Raw byte arrays with attachments that close a connection, by reason. */
function refusedArrays(): [string, Uint8Array][] {
  const json = Buffer.from('["send*",1,100,{"$bytes":0}]');
  const twice = Buffer.from(
    '["send*",1,100,[{"$bytes":0},{"$bytes":0}]]',
  );
  const ofBytes = (bytes: Uint8Array): Record<string, Uint8Array> => {
    const two = Buffer.concat([bytes, bytes]);
    const arrayOf = (attached: Uint8Array, text = json, signal?: unknown[]) =>
      attachedArray([[attached, "attachments"], [text, true]], signal);
    return {
      "attachments and a large": arrayOf(bytes, json, ["large", 1]),
      "attachments behind JSON": attachedArray([
        [json.subarray(0, 9), false],
        [bytes, "attachments"],
        [json.subarray(9), true],
      ]),
      "attachments behind all JSON": attachedArray([
        [json, true],
        [bytes, "attachments"],
      ]),
      "a cut attachment": arrayOf(bytes.subarray(0, -1)),
      "a cut head of an attachment": arrayOf(
        two.subarray(0, bytes.length + 3),
      ),
      "an attachment that nothing uses": arrayOf(two),
      "an attachment of a large signal twice": arrayOf(two, twice),
      "an attachment of another number": arrayOf(
        bytes,
        json,
        ["large_attached", 1, 1],
      ),
      "an attachment of a number that is a text": arrayOf(
        bytes,
        json,
        ["large_attached", 1, "0"],
      ),
      "a large_attached with an item more": arrayOf(
        bytes,
        json,
        ["large_attached", 1, 0, 0],
      ),
      "no end of the JSON": attachedArray([
        [bytes, "attachments"],
        [json, false],
      ]),
    };
  };
  return [
    ...[20_000, 300].map((length) => attachmentOf(new Uint8Array(length)))
      .flatMap((bytes) => Object.entries(ofBytes(bytes))),
    ["a large_attached without attachments", attachedArray([[json, true]])],
    [
      "an attachment that is longer than a message may be",
      attachedArray([
        [Buffer.from([0x7f, 0xff, 0xff, 0xff, 1]), "attachments"],
        [json, true],
      ]),
    ],
  ];
}

/** A signal in parts, and its number. */
function large(signal: unknown, ...more: number[]): Uint8Array {
  return Buffer.concat([
    rawFrameOf(1, Buffer.from(JSON.stringify(signal)), true),
    jsonFrame([["large", 1, ...more]]),
  ]);
}

const REFUSED: [string, Uint8Array][] = [
  ["a raw frame without a number", rawBody(0, 0, 1)],
  ["a raw frame whose fifth byte is 3", rawBody(0, 0, 0, 1, 3, 9)],
  ...refusedArrays(),
  ...FILE.refusedSignals.slice(0, 40).map((
    { why, signal }: { why: string; signal: unknown },
  ) => [`${why}, as a large signal`, large(signal)]),
  ["a large with two numbers", large(["send", 1, 100, "hi"], 1)],
  ["a large in a large", large(["large", 1])],
  ["a large that is no array", large({})],
  ["a frame that is too long", Uint8Array.of(0x7f, 0xff, 0xff, 0xff)],
  ["a sender of 1e999", frameOf('[["send",1e999,100,"hi"]]')],
];

test("a decoder refuses these, besides the vectors", () => {
  const here = { name: ALEX, creation: 5 };
  const there = { name: KATE, creation: 7 };
  for (const [why, bytes] of REFUSED) {
    const deliver = signalsTo(() => {});
    const port = portTo(() => {});
    const decoder = new Decoder(here, there, DEFAULT_LIMITS, port, deliver);
    assertThrows(() => decoder.receive(bytes), ProtocolError, undefined, why);
  }
});

clusterTest("an unknown ack or field closes nothing", async (cluster) => {
  const alex = await cluster.start("alex");
  await using peer = await RawPeer.entered(alex, "raw@localhost");
  await peer.say([
    ["unlink_ack", 1, 100, 0],
    ["spawn*", 1, 2, {
      run: { module: "Nobody", function: "x", args: [], more: 1 },
      link: false,
      monitor: false,
      groupLeader: { $pid: [0, 1, 7] },
      more: 1,
    }],
  ]);
  assertEquals((await peer.signal("not_spawned")).slice(0, 4), [
    "not_spawned",
    1,
    2,
    "undef",
  ]);
});

// Sent values.

/** A test of alex, with kate, whose process `mirror` sends all messages back. */
function kateTest(
  name: string,
  fn: () => Promise<void>,
  limits: NodeOptions["limits"] = {},
): void {
  clusterTest(name, async (cluster) => {
    const [kate, alex] = await cluster.startAll(["kate", "alex"], { limits });
    kate.run(async () => {
      Process.register(self(), "mirror");
      for (;;) send({ name: "inbox", node: ALEX }, await receive());
    }).catch(() => {});
    await alex.run(async () => {
      Process.register(self(), "inbox");
      await fn();
      assertEquals(Node.list(), [KATE]);
      send({ name: "mirror", node: KATE }, "still there");
      assertEquals(await receive(), "still there");
    });
  });
}

const MIRROR = { name: "mirror", node: KATE };
const LONG_NAME = `${"a".repeat(128)}@${"b".repeat(127)}`;

kateTest("send() accepts values of maximum length", async () => {
  await Node.connect(KATE);
  for (
    const value of [
      10n ** 10_000n - 1n,
      -(10n ** 10_000n - 1n),
      2n ** 64n,
      new Atom("a".repeat(255)),
      new Pid(LONG_NAME.slice(0, 255), 2 ** 53 - 1, 2 ** 53 - 1),
      Array.from({ length: 1500 }, (_, i) => new Uint8Array(4096).fill(i)),
      new Set(Array.from({ length: 5000 }, (_, i) => i * 65536)),
      new Set(Array.from({ length: 5000 }, (_, i) => 1.7e12 + i * 1000)),
      new Set(Array.from({ length: 5000 }, (_, i) => i / 7)),
      new Set(Array.from({ length: 5000 }, (_, i) => BigInt(i) << 40n)),
      new Set(Array.from({ length: 1024 }, (_, i) => BigInt(i) << 64n)),
      new Map(Array.from({ length: 5000 }, (_, i) => [`${i}`, i])),
    ]
  ) {
    send(self(), [value]);
    const [here] = await receive();
    assertEquals(here, value);
    send(MIRROR, [value]);
    const [there] = await receive();
    assertEquals(there, value);
  }
});

kateTest("send() rejects what others would refuse", async () => {
  await Node.connect(KATE);
  const crowded = Array.from({ length: 5000 }, (_, i) => BigInt(i) << 64n);
  const values: [unknown, typeof RangeError | typeof TypeError][] = [
    [10n ** 10_000n, RangeError],
    [-(10n ** 10_000n), RangeError],
    [10n ** 100_000n, RangeError],
    [new Pid(`${LONG_NAME}b`, 1, 1), TypeError],
    [new Set(crowded), RangeError],
    [new Map(crowded.map((key) => [key, 1])), RangeError],
    [new Pid("no name\n", 1, 1), TypeError],
    [new Ref("", 1, 1), TypeError],
  ];
  const around: ((value: unknown) => unknown)[] = [
    (value) => value,
    (value) => [value],
    (value) => ({ value }),
    (value) => ({ $value: value }),
    (value) => new Map([[value, 1]]),
    (value) => new Set([value]),
    (value) => new Error("x", { cause: value }),
    (value) => [...new Array(20).fill(0), value],
  ];
  const dialled = { name: "mirror", node: "nobody@localhost" };
  for (const [value, type] of values) {
    for (const each of around) {
      for (const to of [self(), MIRROR, dialled]) {
        assertThrows(() => void send(to, each(value)), type, "Cannot send");
      }
    }
  }
});

kateTest("send() rejects what exceeds maxMessageBytes", async () => {
  const large = [
    new Uint8Array(1_000_001),
    "x".repeat(1_000_001),
    { deep: [new Map([["x".repeat(600_000), new Uint8Array(600_000)]])] },
  ];
  const allowed = [
    new Uint8Array(999_000),
    "x".repeat(999_000),
    // More in memory than on the wire.
    Array.from({ length: 30_000 }, () => self()),
    new Array(400_000).fill(1),
  ];
  for (let round = 0; round < 2; round++) {
    assertEquals(Node.list(), round === 0 ? [] : [KATE]);
    for (const message of large) {
      assertThrows(
        () => void send(MIRROR, message),
        RangeError,
        "1000000 is the most",
      );
    }
    for (const message of allowed) send(MIRROR, message);
    for (const message of allowed) assertEquals(await receive(), message);
  }
}, { maxMessageBytes: 1_000_000 });

test("Pid, Ref and Atom reject values that no receiver would accept", () => {
  for (const numbers of [[-1, 1], [1, -1], [1.5, 1], [1, 2 ** 53], [NaN, 1]]) {
    const [number, creation] = numbers;
    for (const type of [Pid, Ref]) {
      assertThrows(
        () => new type(KATE, number, creation),
        TypeError,
        "Cannot make a",
      );
    }
  }
  assertThrows(() => new Atom("a".repeat(256)), RangeError, "Cannot make");
});

kateTest("a refused message leaves no bytes behind", async () => {
  await Node.connect(KATE);
  // A peer keeps 1,024 byte arrays that nothing refers to, and then no more.
  for (let i = 0; i < 1100; i++) {
    assertThrows(
      () => void send(MIRROR, [new Uint8Array(4096), () => {}]),
      TypeError,
    );
    Process.demonitor(Process.monitor(MIRROR));
    send(MIRROR, i);
    assertEquals(await receive(), i);
  }
});

// Names of nodes.

clusterTest("a node's name has at most 255 characters", async (cluster) => {
  const [name, longer] = [LONG_NAME.slice(0, 255), LONG_NAME];
  assertEquals([name.length, longer.length], [255, 256]);
  await assertRejects(
    () => cluster.start(longer),
    TypeError,
    "is not a node name",
  );
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    await assertRejects(
      () => Node.connect(longer),
      RangeError,
      " 256 characters",
    );
    const kate = await cluster.start("kate");
    await Node.connect(KATE);
    for (const refused of [longer, `a@${"b".repeat(300)}`]) {
      await using peer = await RawPeer.dial(alex.port);
      await peer.say({ versions: [1], to: ALEX, ...hello(refused) });
      assertEquals(await peer.next(), undefined);
    }
    // One with a name of maximum length is accepted, and introduced to others, which stay connected.
    await using _ = await RawPeer.entered(alex, name);
    const moebi = await cluster.start("moebi");
    await moebi.run(() => Node.connect(ALEX));
    await cluster.logged(/moebi warning: Cannot connect to a{128}@/);
    assertEquals(Node.list().toSorted(), [name, KATE, "moebi@localhost"]);
    assert(await kate.run(() => Node.list().includes(ALEX)));
  });
});

rawTest("a `send` loses only the values that are refused", async (peer) => {
  const long = { $bigint: "1".repeat(10_001) };
  let deep: unknown = 0;
  for (let i = 0; i < 600; i++) deep = [deep];
  const { number } = self();
  await peer.say([["send*", 100, number, "a", long, "b", deep, "c"]]);
  await peer.say([["send", 100, number, deep, "d"]]);
  const received: unknown[] = [];
  for (let i = 0; i < 4; i++) received.push(await receive());
  assertEquals(received, ["a", "b", "c", "d"]);
});

rawTest("characters of names are code points", async (peer) => {
  const emoji = "😀".repeat(255);
  Process.register(self(), emoji);
  await peer.say([["send_name", 100, emoji, "hi"]]);
  assertEquals(await receive(), "hi");
  await peer.say([["send_name", 100, `${emoji}x`, "hi"]]);
  await peer.closed;
});
