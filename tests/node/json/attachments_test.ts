/** Long texts and byte arrays, which travel beside the JSON of their frame. */

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Budget } from "../../../packages/node/connections/budget.ts";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { Pid } from "../../../packages/processes/values/pid.ts";
import { test } from "../../../exports/testing.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { Encoder } from "../../../packages/node/json/json_encoder.ts";
import {
  copyInBuffers,
  FRAME_BUFFER,
} from "../../../packages/node/wires/frame_buffers.ts";
import { assertLinear } from "../../_linear.ts";
import { flushed, portTo, signalsTo } from "../wires/_ports.ts";
import { attachedFrameOf, attachmentOf, rawFrameOf } from "../../_raw_peer.ts";
import fc, { runs } from "../../_seeds.ts";

const ALEX = { name: "alex@localhost", creation: 5 };
const KATE = { name: "kate@localhost", creation: 6 };
const from = new Pid(ALEX.name, 1, ALEX.creation);
const other = new Pid(ALEX.name, 3, ALEX.creation);
const to = new Pid(KATE.name, 2, KATE.creation);

const SINK = portTo(() => {});

function encoderTo(frames: Uint8Array[], limits = DEFAULT_LIMITS): Encoder {
  const port = portTo((frame) => frames.push(frame.slice()));
  return new Encoder(ALEX, KATE, limits, limits, port);
}

/** The messages that a peer decodes from bytes. */
function received(...pieces: Uint8Array[]): unknown[] {
  const messages: unknown[] = [];
  const deliver = signalsTo((_kind, _from, _to, message) => {
    messages.push(message);
  });
  const decoder = new Decoder(KATE, ALEX, DEFAULT_LIMITS, SINK, deliver);
  for (const piece of pieces) decoder.receive(piece);
  return messages;
}

const KINDS = [Uint8Array, Int16Array, Float64Array, BigUint64Array];

/** Texts of all alphabets and lengths, including lone surrogates; byte arrays; and containers of both. */
const values = fc.letrec((tie) => ({
  text: fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 600 }),
    fc.string({ unit: "binary", maxLength: 600 }),
    fc.array(fc.integer({ min: 0, max: 0xff }), { maxLength: 600 })
      .map((codes) => String.fromCharCode(...codes)),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 600 })
      .map((codes) => String.fromCharCode(...codes)),
    fc.nat({ max: 70_000 }).map((length) => "l".repeat(length)),
  ),
  bytes: fc.tuple(fc.constantFrom(...KINDS), fc.nat({ max: 90 })).map(
    ([Kind, length]) => {
      const bytes = new Uint8Array(length * 8).map((_, i) => i * 7);
      return new Kind(bytes.buffer);
    },
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    tie("text"),
    tie("bytes"),
    fc.integer(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
    fc.array(fc.tuple(tie("text"), tie("value")), { maxLength: 3 })
      .map((entries) => new Map(entries as [unknown, unknown][])),
  ),
})).value;

test("texts and byte arrays of any length and alphabet arrive unchanged and in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(values, fc.boolean(), fc.boolean()), { maxLength: 12 }),
      fc.nat(),
      (messages, cut) => {
        const frames: Uint8Array[] = [];
        const encoder = encoderTo(frames);
        for (const [message, isOther, flushes] of messages) {
          encoder.send(isOther ? other : from, to, message);
          if (flushes) encoder.flush(1);
        }
        flushed(encoder);
        const all = new Uint8Array(frames.flatMap((frame) => [...frame]));
        const at = cut % (all.length + 1);
        const got = received(all.subarray(0, at), all.subarray(at));
        // Signals of another sender may overtake a large one.
        const key = (message: unknown) => JSON.stringify(message) ?? "";
        const sent = messages.map(([message]) => message);
        assertEquals(got.length, sent.length);
        if (messages.every(([, isOther]) => !isOther)) assertEquals(got, sent);
        else {
          const sorted = (list: unknown[]) =>
            list.toSorted((a, b) => key(a) < key(b) ? -1 : 1);
          const plain = sent.every((each) => typeof each === "string");
          if (plain) assertEquals(sorted(got), sorted(sent));
        }
      },
    ),
    { numRuns: runs(300) },
  );
});

test("frames in memory that is used again arrive unchanged, and no other memory is used", () => {
  const message = fc.oneof(
    fc.nat({ max: 12_000 }).map((length) => "t".repeat(length)),
    fc.nat({ max: 9000 }).map((length) => new Uint8Array(length).fill(length)),
    fc.array(fc.string({ maxLength: 150 }), { maxLength: 200 }),
  );
  const uses = fc.constantFrom("at once", "later", "never");
  let reused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(message, uses, fc.boolean()), { maxLength: 30 }),
      (steps) => {
        const frames: Uint8Array[] = [];
        const written = new Set<ArrayBufferLike>();
        const held: { bytes: Uint8Array; copy: Uint8Array }[] = [];
        let use = "never";
        const port = {
          ...SINK,
          write(bytes: Uint8Array) {
            if (written.has(bytes.buffer)) reused++;
            written.add(bytes.buffer);
            const copy = bytes.slice();
            frames.push(copy);
            if (use === "later" || use === "never") held.push({ bytes, copy });
            else encoder.reuse(bytes);
            if (use === "later" && held.length > 3) {
              const { bytes, copy } = held.shift()!;
              assertEquals(bytes, copy);
              encoder.reuse(bytes);
            }
          },
        };
        const encoder = new Encoder(
          ALEX,
          KATE,
          DEFAULT_LIMITS,
          DEFAULT_LIMITS,
          port,
        );
        const foreign = new Uint8Array(FRAME_BUFFER);
        encoder.reuse(foreign);
        for (const [message, next, isBlocked] of steps) {
          use = next;
          port.room = isBlocked ? 0 : 1 << 20;
          encoder.send(from, to, message);
          flushed(encoder);
        }
        for (const { bytes, copy } of held) assertEquals(bytes, copy);
        assert(!written.has(foreign.buffer));
        assertEquals(received(...frames), steps.map(([message]) => message));
      },
    ),
    { numRuns: runs(100) },
  );
  assert(reused > 0);
});

test("a message that is refused after some of its texts leaves none in the frame", () => {
  const frames: Uint8Array[] = [];
  const encoder = encoderTo(frames);
  const text = "a text that is attached ".repeat(10);
  encoder.send(from, to, text);
  assertThrows(() => encoder.send(from, to, [text, () => {}]), TypeError);
  assertThrows(
    () => encoder.reply(from, { ...to } as never, Symbol()),
    TypeError,
  );
  encoder.send(from, to, [text, "last"]);
  flushed(encoder);
  assertEquals(received(...frames), [text, [text, "last"]]);
});

test("send() counts attachments towards maxMessageBytes and the queue", () => {
  const frames: Uint8Array[] = [];
  const limits = { ...DEFAULT_LIMITS, maxMessageBytes: 10_000 };
  const encoder = encoderTo(frames, limits);
  for (const message of ["x".repeat(1000), new Uint8Array(700)]) {
    const before = encoder.pending;
    encoder.send(from, to, message);
    assert(encoder.pending >= before + message.length);
  }
  encoder.send(from, to, "x".repeat(9990));
  for (const message of ["x".repeat(10_000), new Uint8Array(10_000)]) {
    const before = encoder.pending;
    assertThrows(() => encoder.send(from, to, message), RangeError, "10000");
    assertEquals(encoder.pending, before);
  }
  flushed(encoder);
  assertEquals(received(...frames).length, 3);
});

test("many long texts are split into frames that a peer accepts", () => {
  for (
    const text of ["x".repeat(1000), "ü".repeat(30_000), "€".repeat(60_000)]
  ) {
    const frames: Uint8Array[] = [];
    const encoder = encoderTo(frames);
    for (let i = 0; i < 50; i++) encoder.send(from, to, text);
    flushed(encoder);
    for (const frame of frames) {
      assert(frame.length <= DEFAULT_LIMITS.maxFrameBytes);
    }
    assertEquals(received(...frames), Array(50).fill(text));
  }
});

test("received byte arrays share no memory with each other or the frame", () => {
  const one = Uint8Array.from({ length: 300 }, (_, i) => i);
  const frame = attachedFrameOf(
    '[["send*",1,2,{"$bytes":["Uint8Array",0]},{"$bytes":["Uint8Array",1]}]]',
    [one, one],
  );
  const [a, b] = received(frame) as Uint8Array[];
  assertEquals([a.buffer.byteLength, b.buffer.byteLength], [300, 300]);
  a.fill(9);
  frame.fill(9);
  assertEquals(b, one);
});

/** A frame with these bytes as its attachments, valid or not. */
function forged(json: string, attached: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(json);
  const frame = new Uint8Array(8 + attached.length + text.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0x4000_0000 + frame.length - 4);
  view.setUint32(4, attached.length);
  frame.set(attached, 8);
  frame.set(text, 8 + attached.length);
  return frame;
}

test("missing, mistyped, unused and doubly used attachments close the connection", () => {
  const text = "ü".repeat(3);
  const bytes = Uint8Array.of(1, 2, 3);
  const taken: [string, (string | Uint8Array)[]][] = [
    ['["send_text",1,2,0]', [text]],
    ['["send_text",1,2,1,0]', [text, bytes]],
    ['["send*",1,2,{"$text":1},{"$bytes":["Uint8Array",0]}]', [bytes, text]],
    ['["send*",1,2,{"$text":1},{"$bytes":0}]', [bytes, text]],
    ['["send*",1,2,[{"$text":0},{"a":{"$text":1}}]]', [text, text]],
    ['["send_text",1,2,0]', [""]],
  ];
  for (const [json, attachments] of taken) {
    assert(received(attachedFrameOf(`[${json}]`, attachments)).length > 0);
    // One unused more, one missing, and none.
    for (const wrong of [[...attachments, text], attachments.slice(1), []]) {
      assertThrows(
        () => received(attachedFrameOf(`[${json}]`, wrong)),
        ProtocolError,
        undefined,
        `${json} with ${wrong.length}`,
      );
    }
    // Used twice.
    assertThrows(
      () => received(attachedFrameOf(`[${json},${json}]`, attachments)),
      ProtocolError,
      "twice",
    );
  }
  const refused: [string, (string | Uint8Array)[], string][] = [
    ['["send_text",1,2,-1]', [text], "natural"],
    ['["send_text",1,2,0.5]', [text], "natural"],
    ['["send_text",1,2,"0"]', [text], "natural"],
    ['["send_text",1,2]', [], "items"],
    ['["send*",1,2,{"$bytes":["Uint8Array",0]}]', [text], "is a text"],
    ['["send*",1,2,{"$bytes":0}]', [text], "is a text"],
    ['["send*",1,2,{"$bytes":0.5}]', [bytes], "natural"],
    ['["send*",1,2,{"$bytes":-1}]', [bytes], "natural"],
    ['["send*",1,2,{"$bytes":["Uint16Array",0]}]', [bytes], "no Uint16Array"],
    ['["send*",1,2,{"$text":0,"a":1}]', [text], "beside others"],
    ['["send",1,2,{"$text":0}]', [text], "nothing uses"],
    ['["send_text*",1,2,0]', [text], "unknown kind"],
  ];
  for (const [json, attachments, message] of refused) {
    assertThrows(
      () => received(attachedFrameOf(`[${json}]`, attachments)),
      ProtocolError,
      message,
      json,
    );
  }
});

test("a text may have one byte per character, or be UTF-8 if marked as such", () => {
  const any = Uint8Array.from({ length: 256 }, (_, i) => i);
  const [text] = received(attachedFrameOf('[["send_text",1,2,0]]', [any]));
  assertEquals(text, String.fromCharCode(...any));
  const invalid = [[0x80], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0, 0, 0], [
    0xc0,
    0x80,
  ]];
  for (const bytes of invalid) {
    const attachment = attachmentOf(Uint8Array.from(bytes));
    attachment[0] |= 0x80;
    assertThrows(
      () => received(forged('[["send_text",1,2,0]]', attachment)),
      ProtocolError,
      "UTF-8",
    );
  }
  const bom = attachmentOf("\ufeffhi");
  assertEquals(received(forged('[["send_text",1,2,0]]', bom)), ["\ufeffhi"]);
});

test("false lengths close the connection, wherever a frame is split", () => {
  const whole = attachedFrameOf('[["send_text",1,2,0,1]]', ["ü", "abc"]);
  assertEquals(received(whole), ["ü", "abc"]);
  // A shorter frame, whose bytes are cut too: its other lengths exceed it.
  for (let length = 4; length < whole.length; length++) {
    const cut = whole.slice(0, length);
    new DataView(cut.buffer).setUint32(0, 0x4000_0000 + length - 4);
    assertThrows(() => received(cut), ProtocolError, undefined, `${length}`);
  }
  // Each length with every other value nearby, or far away.
  for (const at of [4, 8, 14]) {
    const view = new DataView(whole.buffer);
    const right = view.getUint32(at);
    const wrong = [0, 1, 2, 3, 4, 5, 6, 7, 0x7fff_ffff, 0xffff_ffff];
    for (const value of wrong) {
      if (value === right || ((value ^ right) >>> 0) === 0x8000_0000) continue;
      const changed = whole.slice();
      new DataView(changed.buffer).setUint32(at, value);
      assertThrows(
        () => received(changed),
        ProtocolError,
        undefined,
        `${value} at ${at}`,
      );
    }
  }
});

test("large texts and byte arrays arrive unchanged, however their parts are cut", () => {
  const LENGTHS = [0, 199, 200, 16_383, 16_384, 65_535, 65_536, 140_000];
  const length = fc.oneof(fc.constantFrom(...LENGTHS), fc.nat(70_000));
  const content = fc.oneof(
    length.map((n) => new Uint8Array(n).map((_, i) => i * 7)),
    length.map((n) => new Float64Array(n >>> 3).map((_, i) => i / 3)),
    length.map((n) => "l".repeat(n)),
    length.map((n) => "é".repeat(n)),
    // Some frame is full within a character.
    fc.tuple(fc.nat(3), length).map(([before, n]) =>
      "x".repeat(before) + "🐕€".repeat(n >>> 2)
    ),
    // Not an attachment: UTF-8 has no lone surrogates.
    length.map((n) => "x".repeat(n) + "\ud800"),
    // Large JSON.
    length.map((n) => Array(n >>> 4).fill(["🐕", n])),
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(content, { minLength: 1, maxLength: 4 }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1 }),
      (messages, sizes) => {
        const frames: Uint8Array[] = [];
        const encoder = encoderTo(frames);
        for (const message of messages) encoder.send(from, to, message);
        flushed(encoder);
        const all = Buffer.concat(frames);
        const pieces: Uint8Array[] = [];
        for (let at = 0, i = 0; at < all.length; i++) {
          // Pieces of all sizes, of one byte too, but not too many.
          const any = sizes[i % sizes.length];
          const size = i % 3 === 0 ? 2000 + any : i % 3 === 1 ? any : 1;
          pieces.push(all.subarray(at, at + size));
          at += size;
        }
        const got = received(...pieces);
        assertEquals(got.length, messages.length);
        got.forEach((message, i) => {
          (message as unknown[]).forEach((each, j) =>
            assert(isSame(each, messages[i][j]), `${i}, ${j}`)
          );
        });
      },
    ),
    { numRuns: runs(60) },
  );
});

/** Compares quickly: `assertEquals` looks at each byte. */
function isSame(one: unknown, other: unknown): boolean {
  if (!ArrayBuffer.isView(one) || !ArrayBuffer.isView(other)) {
    return JSON.stringify(one) === JSON.stringify(other);
  }
  return one.constructor === other.constructor &&
    Buffer.from(one.buffer).equals(new Uint8Array(other.buffer));
}

test("a large message is a copy of what was sent, whatever becomes of that", () => {
  const frames: Uint8Array[] = [];
  const encoder = encoderTo(frames);
  const bytes = new Uint8Array(300_000).fill(1);
  const list = [bytes, bytes.subarray(7, 100_000), "x"];
  encoder.send(from, to, list);
  encoder.flush(1);
  bytes.fill(2);
  list.pop();
  flushed(encoder);
  const [[first, second, third]] = received(...frames) as [Uint8Array[]];
  assertEquals(first, new Uint8Array(300_000).fill(1));
  assertEquals(second, new Uint8Array(99_993).fill(1));
  assertEquals(third as unknown, "x");
  // Each has its own memory, and no more than that.
  assertEquals(first.buffer.byteLength, 300_000);
  assertEquals(second.buffer.byteLength, 99_993);
});

test("bytes that wait take little more memory than the queue counts", () => {
  for (const length of [65_536, 65_537, 98_304, 131_073]) {
    const copies = copyInBuffers(new Uint8Array(length));
    const memory = copies.reduce(
      (sum, { buffer }) => sum + buffer.byteLength,
      0,
    );
    assert(memory < 1.4 * length, `${memory} bytes for ${length}`);
  }
});

test("an attachment that was announced and does not come holds little memory", () => {
  const budget = new Budget(Infinity);
  const decoder = new Decoder(
    KATE,
    ALEX,
    DEFAULT_LIMITS,
    SINK,
    signalsTo(() => {}),
    budget,
  );
  const length = 30 << 20;
  const head = Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, 0);
  decoder.receive(rawFrameOf(1, head, "attachments"));
  assert(budget.used <= 1 << 16);
  const part = new Uint8Array(1 << 16);
  for (let sent = 0; sent < length; sent += part.length) {
    decoder.receive(rawFrameOf(1, part, "attachments"));
    const most = Math.min(length, 32 * (sent + part.length));
    assert(budget.used >= sent + part.length && budget.used <= most);
  }
  assertEquals(budget.used, length);
  decoder.close();
  assertEquals(budget.used, 0);
});

test("the memory of small parts and attachments in transit is what the budget counts", () => {
  const budget = new Budget(Infinity);
  const decoder = new Decoder(
    KATE,
    ALEX,
    DEFAULT_LIMITS,
    SINK,
    signalsTo(() => {}),
    budget,
  );
  // Empty attachments, and JSON that is a bracket and spaces.
  for (const [kind, byte] of [["attachments", 0], [false, 0x20]] as const) {
    let sent = 0;
    const before = budget.used;
    for (let i = 0; i < 2000; i++) {
      const part = new Uint8Array(1 + i % 300).fill(byte);
      if (i === 0 && kind === false) part[0] = 0x5b;
      decoder.receive(rawFrameOf(1, part, kind));
      sent += part.length;
      const counted = budget.used - before;
      // A head counts when it is complete.
      assert(counted + 4 > sent, `${counted} of ${sent} are counted`);
      assert(counted <= 4096 + 2 * sent, `${counted} of ${sent} are counted`);
    }
  }
  decoder.close();
  assertEquals(budget.used, 0);
});

test("frames with attachments are decoded in linear time", () => {
  const SIZE = 200_000;
  const many = (count: number) => Array(count).fill("");
  const textsOf = (numbers: number[]) =>
    JSON.stringify([["send_text", 1, 2, ...numbers]]);
  const numbers = Array.from({ length: SIZE / 10 }, (_, i) => i);
  const frames: Record<string, Uint8Array> = {
    "empty ones that nothing uses": attachedFrameOf("[]", many(SIZE / 4)),
    "empty ones": attachedFrameOf(textsOf(numbers), many(numbers.length)),
    "one that is referred to often": attachedFrameOf(
      textsOf(Array(SIZE / 100).fill(0)),
      ["x".repeat(SIZE)],
    ),
  };
  for (const [what, frame] of Object.entries(frames)) {
    assertLinear(what, frame.length, () => received(frame));
  }
});
