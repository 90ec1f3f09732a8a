/** The JSON of large signals, which is parsed while it arrives: however it is cut, the result is that of the whole. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  ArrivingJson,
  CHUNK,
  RefusedItem,
} from "../../../packages/node/json/arriving_json.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { Budget } from "../../../packages/node/connections/budget.ts";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { Call, Cast } from "../../../packages/servers/server/messages.ts";
import { test } from "../../../exports/testing.ts";
import { portTo, signalsTo } from "../wires/_ports.ts";
import { attachmentOf, frameOf, rawFrameOf } from "../../_raw_peer.ts";
import fc, { runs } from "../../_seeds.ts";

const ALEX = { name: "alex@localhost", creation: 5 };
const KATE = { name: "kate@localhost", creation: 6 };

const SINK = portTo(() => {});

/** Levels that no test exceeds, unless it wants to. */
const DEEP = 3000;

/** The signal of bytes that arrive in pieces of these sizes, and are parsed in chunks. */
function arrived(
  bytes: Uint8Array,
  sizes: number[],
  chunk: number,
  levels = DEEP,
): unknown[] {
  const json = new ArrivingJson(levels, () => {}, chunk);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    json.add(bytes.subarray(at, at + size));
    json.readAhead();
    at += size;
  }
  return json.finish().items;
}

/** The result; "refused" for an invalid text. */
function outcome(fn: () => unknown): unknown {
  try {
    return { value: fn() };
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SyntaxError) {
      return "refused";
    }
    throw error;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 });
const chunk = fc.integer({ min: 1, max: 80 });

/** JSON with spaces in any place where it may have them. */
const json = fc.tuple(
  fc.oneof(
    fc.jsonValue({ maxDepth: 6 }),
    fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 30 }),
    fc.array(fc.record({ a: fc.integer(), b: fc.array(fc.string()) }), {
      maxLength: 30,
    }),
    fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
    fc.constantFrom(
      { __proto__: 1 },
      JSON.parse('{"__proto__":{"a":[1]},"type":"$call"}'),
      { "": { "": [] } },
      "12345678",
      ["4294967290", { "99999999": "12345678" }],
    ),
  ),
  fc.constantFrom(undefined, 1, "\t", "\r\n"),
).map(([value, space]) => JSON.stringify(value, null, space));

const signal = fc.array(json, { maxLength: 4 }).map((values) =>
  `["send",1,2${values.map((value) => `,${value}`).join("")}]`
);

const PIECES = [
  ...'[]{}",: \n\\-0e.tfn'.split(""),
  ...["[]", "{}", "},{", "],[", '"a":', '{"$map":[', '{"$pid":', "\u00fc"],
];

test("JSON arrives as JSON.parse reads it, however it is cut", () => {
  fc.assert(
    fc.property(signal, sizes, chunk, (text, sizes, chunk) => {
      const bytes = new TextEncoder().encode(text);
      assertEquals(arrived(bytes, sizes, chunk), JSON.parse(text));
    }),
    { numRuns: runs(1000) },
  );
});

test("what JSON.parse refuses closes the connection, however it is cut", () => {
  let refused = 0;
  const change = fc.tuple(
    fc.nat(),
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom(...PIECES, ""),
  );
  fc.assert(
    fc.property(
      signal,
      change,
      sizes,
      chunk,
      (text, [at, length, piece], sizes, chunk) => {
        const start = 1 + at % text.length;
        const changed = (text.slice(0, start) + piece +
          text.slice(start + length)).toWellFormed();
        const expected = outcome(() => JSON.parse(changed));
        if (expected === "refused") refused++;
        const bytes = new TextEncoder().encode(changed);
        const found = outcome(() => arrived(bytes, sizes, chunk));
        assertEquals(found, expected, changed);
      },
    ),
    { numRuns: runs(3000) },
  );
  assert(refused > 0);
});

test("an item that is too deep is refused alone, however its signal is cut", () => {
  const deep = `${'[{"a":'.repeat(20)}"]}{["${"}]".repeat(20)}`;
  const items = fc.array(fc.constantFrom(deep, "[[1],[2]]", '{"a":"b"}', "7"));
  fc.assert(
    fc.property(items, sizes, chunk, (items, sizes, chunk) => {
      const bytes = new TextEncoder().encode(`["send",1,2,${[1, ...items]}]`);
      const found = arrived(bytes, sizes, chunk, 12).slice(4);
      assertEquals(
        found.map((item) => item instanceof RefusedItem || item),
        items.map((item) => item === deep || JSON.parse(item)),
      );
    }),
    { numRuns: runs(500) },
  );
});

test("the JSON of an item has linear cost, however long it is", () => {
  // Each reads the bytes of the string, and of the few that wait, again.
  let parsed = 0;
  const text = `["send",1,2,"${"ü".repeat(200_000)}"]`;
  const bytes = new TextEncoder().encode(text);
  const json = new ArrivingJson(DEEP, (held) => parsed += held, 64);
  for (let at = 0; at < bytes.length; at += 50) {
    json.add(bytes.subarray(at, at + 50));
    json.readAhead();
  }
  assertEquals(json.finish().items, JSON.parse(text));
  assert(parsed < 4 * bytes.length);
});

/** A large signal in parts of 60,000 bytes. */
function* largeFrames(text: string, attached?: Uint8Array) {
  const bytes = Buffer.from(text);
  if (attached !== undefined) yield rawFrameOf(1, attached, "attachments");
  for (let at = 0; at < bytes.length; at += 60_000) {
    const part = bytes.subarray(at, at + 60_000);
    yield rawFrameOf(1, part, at + 60_000 >= bytes.length);
  }
  const more = attached === undefined ? "" : "_attached";
  yield frameOf(`[["large${more}",1${more === "" ? "" : ",0"}]]`);
}

/** The messages of a large signal. */
function received(text: string, attached?: Uint8Array): unknown[] {
  const got: unknown[] = [];
  const deliver = signalsTo((_kind, _from, _to, message) => got.push(message));
  const decoder = new Decoder(KATE, ALEX, DEFAULT_LIMITS, SINK, deliver);
  for (const frame of largeFrames(text, attached)) decoder.receive(frame);
  return got;
}

/** The lengths of the texts that `fn` parses. */
function parsedBy(fn: () => void): number[] {
  const { parse } = JSON;
  const lengths: number[] = [];
  JSON.parse = (text) => {
    lengths.push(text.length);
    return parse(text);
  };
  try {
    fn();
  } finally {
    JSON.parse = parse;
  }
  return lengths;
}

test("a large signal is parsed in parts, none of which is long", () => {
  const users = Array.from(
    { length: 40_000 },
    (_, id) => ({ id, name: `Jürgen ${id}`, tags: ["a", { b: [id] }] }),
  );
  const entries = users.map((user) => [`key ${user.id}`, user]);
  for (
    const value of [
      JSON.stringify(users),
      JSON.stringify({ a: 1, list: [[users]] }),
      JSON.stringify(Object.fromEntries(entries)),
      `{"$map":${JSON.stringify(entries)}}`,
      `[{"$date":1},{"$set":[{"$tuple":${JSON.stringify(users)}}]}]`,
      JSON.stringify(users.map(({ name }) => name)),
    ]
  ) {
    const text = `["send${value.includes("$") ? "*" : ""}",1,2,${value}]`;
    const lengths = parsedBy(() => assertEquals(received(text).length, 1));
    const sum = lengths.reduce((a, b) => a + b);
    assert(sum < 1.2 * text.length, `${sum} characters of ${text.length}`);
    assert(Math.max(...lengths) < 2 * CHUNK, `${Math.max(...lengths)}`);
  }
});

test("a large message is a server's message exactly if a small one is", () => {
  const list = JSON.stringify(Array.from({ length: 9000 }, (_, i) => [`${i}`]));
  const from = '{"$pid":[0,1,5]},"ref":{"$ref":[0,2,5]}';
  const call = `"from":${from},"request":`;
  const wrapped = (value: string) => `["send*",1,2,${value}]`;
  const [one] = received(wrapped(`{"type":"$call",${call}${list}}`));
  assert(one instanceof Call);
  assertEquals(one.request, JSON.parse(list));
  const [two] = received(wrapped(`{${call}${list},"type":"$call"}`));
  assert(two instanceof Call);
  const [three] = received(wrapped(`{"type":"$cast","request":${list}}`));
  assert(three instanceof Cast);
  // The type is data in all of these, or the sender is no process of the peer.
  const entries =
    `["type","$call"],["request",${list}],["from",{"$pid":[0,1,5]}]`;
  for (
    const value of [
      `{"$object":[${entries},["ref",{"$ref":[0,2,5]}]]}`,
      `{"type":{"$object":[["a",${list}]]},${call}1}`,
      `{"type":"$call","type":["$call",${list}],${call}1}`,
      `[{"type":"$call",${call}${list}}]`,
    ]
  ) {
    const [data] = received(wrapped(value));
    assert(!(data instanceof Call) && typeof data === "object");
  }
  const type = attachmentOf("$call");
  const [data] = received(
    wrapped(`{"type":{"$text":0},${call}${list}}`),
    type,
  );
  assert(!(data instanceof Call));
  const forged = `{"type":"$call","from":{"$pid":["x@y",1,5]},"request":`;
  assertEquals(received(wrapped(`${forged}${list}}`)), []);
});

test("values that are parsed ahead take at most half of the budget; others have the rest", () => {
  const limits = { ...DEFAULT_LIMITS, maxTotalMessageBytes: 32 << 20 };
  const budget = new Budget(limits.maxTotalMessageBytes);
  const newDecoder = (deliver = signalsTo(() => {})) =>
    new Decoder(KATE, ALEX, limits, SINK, deliver, budget);
  const count = 700_000;
  const text = `["send",1,2,[${"{},".repeat(count)}{}]]`;
  let got: unknown;
  const costly = newDecoder(signalsTo((_kind, _from, _to, message) => {
    got = message;
  }));
  const frames = [...largeFrames(text)];
  const last = frames.pop()!;
  for (const frame of frames) costly.receive(frame);
  // More than half: the last bytes wait as bytes.
  const half = budget.max / 2;
  assert(budget.used > half && budget.used < half + 1.5 * text.length);
  const other = newDecoder();
  for (let i = 0; i < 20; i++) {
    other.receive(rawFrameOf(1, Buffer.alloc(60_000, "[ "), false));
  }
  other.close();
  costly.receive(last);
  assertEquals((got as unknown[]).length, count + 1);
  assertEquals(budget.used, 0);
  const closed = newDecoder();
  for (const frame of frames) closed.receive(frame);
  closed.close();
  assertEquals(budget.used, 0);
});
