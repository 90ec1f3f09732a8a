/** Erlang's External Term Format: values there and back, values that are refused, and bytes that are. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { Pid, Ref } from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Bitstring } from "../../../packages/processes/values/bitstring.ts";
import { Float } from "../../../packages/processes/values/float.ts";
import {
  ExternalFunction,
  LocalFunction,
} from "../../../packages/processes/values/functions.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { pidOf, refOf } from "../../../packages/processes/values/pid.ts";
import { ReplyTo } from "../../../packages/processes/values/reply_to.ts";
import {
  copyTerm,
  DEFAULT_MAX_DEPTH,
} from "../../../packages/processes/values/term.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { test } from "../../../packages/testing/tags.ts";
import {
  knownAtom,
  knownKey,
  NameTable,
} from "../../../packages/beam/wire/atoms.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import { TermWriter } from "../../../packages/beam/wire/etf_encoder.ts";
import { backFromBeam, beamTerm, described, edges } from "./_beam_terms.ts";
import { atomOf, term, u32 } from "./_etf_bytes.ts";
import { mutatedBytes } from "../../_fuzz.ts";
import fc, { fuzz, Random, runs, SEED } from "../../_seeds.ts";

const writer = new TermWriter();
const reader = new TermReader();

function written(value: unknown, maxDepth?: number): Uint8Array {
  writer.term(value, maxDepth);
  return writer.take();
}

function read(bytes: Uint8Array, maxDepth?: number): unknown {
  const value = reader.open(bytes).term(maxDepth);
  reader.finish();
  return value;
}

function back(value: unknown): unknown {
  return read(written(value));
}

const NODE = atomOf("kate@localhost");
const PID = term(88, NODE, u32(1), u32(0), u32(7));

function assertRefused(bytes: Uint8Array, maxDepth?: number): ProtocolError {
  return assertThrows(() => read(bytes, maxDepth), ProtocolError);
}

test("every value comes back from a BEAM as the table of docs/elixir.md has it", () => {
  fc.assert(
    fc.property(beamTerm(), (value) => {
      assertEquals(described(back(value)), described(backFromBeam(value)));
    }),
    { numRuns: runs(500) },
  );
});

test("a value that came back once comes back as itself from then on", () => {
  fc.assert(
    fc.property(beamTerm(), (value) => {
      const once = back(value);
      const bytes = written(once);
      assertEquals(described(read(bytes)), described(once));
      assertEquals(Buffer.compare(written(read(bytes)), bytes), 0);
    }),
    { numRuns: runs(500) },
  );
});

test("values are written as OTP writes them", () => {
  const cases: [unknown, number[] | Uint8Array][] = [
    [0, [97, 0]],
    [-0, [70, 128, 0, 0, 0, 0, 0, 0, 0]],
    [255, [97, 255]],
    [256, [98, 0, 0, 1, 0]],
    [-1, [98, 255, 255, 255, 255]],
    [-(2 ** 31), [98, 128, 0, 0, 0]],
    [2 ** 31, [110, 4, 0, 0, 0, 0, 128]],
    [-(2 ** 31) - 1, [110, 4, 1, 1, 0, 0, 128]],
    [5_000_000_000, [110, 5, 0, 0, 242, 5, 42, 1]],
    [7n, [97, 7]],
    [1.5, [70, 63, 248, 0, 0, 0, 0, 0, 0]],
    [new Float(1), [70, 63, 240, 0, 0, 0, 0, 0, 0]],
    [2 ** 53, [70, 67, 64, 0, 0, 0, 0, 0, 0]],
    ["hi", term(109, u32(2), "hi")],
    [[], [106]],
    [tuple(), [104, 0]],
    [null, atomOf("nil")],
    [undefined, atomOf("undefined")],
    [true, atomOf("true")],
    [improperList([1], 2), [108, 0, 0, 0, 1, 97, 1, 97, 2]],
    [new Bitstring(Uint8Array.of(32), 3), [77, 0, 0, 0, 1, 3, 32]],
    [pidOf("kate@localhost", 1, 0, 7), PID],
    [
      refOf("kate@localhost", [1, 2, 3], 7),
      term(90, 0, 3, NODE, u32(7), u32(1), u32(2), u32(3)),
    ],
    [
      new Ref("kate@localhost", 2 ** 32 + 5, 7),
      term(90, 0, 2, NODE, u32(7), u32(5), u32(1)),
    ],
    [
      new ExternalFunction("Elixir.IO", "puts", 1),
      term(113, atomOf("Elixir.IO"), atomOf("puts"), 97, 1),
    ],
    [{ a: 1 }, term(116, u32(1), 109, u32(1), "a", 97, 1)],
  ];
  for (const [value, bytes] of cases) {
    assertEquals([...written(value)], [...bytes]);
  }
});

test("a list of small integers is an array of numbers", () => {
  assertEquals(read(term(107, 0, 2, "hi")), [104, 105]);
  assertEquals(back([104, 105]), [104, 105]);
});

test("a key __proto__ is a key like any other", () => {
  for (const value of [{ polluted: 1 }, 1, null]) {
    const object = JSON.parse(`{"a":1,"__proto__":${JSON.stringify(value)}}`);
    const result = back(object) as object;
    assertEquals(Object.getPrototypeOf(result), Object.prototype);
    assertEquals(Object.keys(result), ["a", "__proto__"]);
    assertEquals(JSON.stringify(result), JSON.stringify(object));
  }
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

test("bytes are copies of those of the frame", () => {
  const bytes = written([
    Uint8Array.of(255, 1),
    new Bitstring(Uint8Array.of(255), 1),
  ]);
  const [one, other] = read(bytes) as [Uint8Array, Bitstring];
  bytes.fill(7);
  assertEquals([...one], [255, 1]);
  assertEquals([...other.bytes], [128]);
});

test("an error is a RuntimeError with its name, and comes back without its stack and fields", () => {
  const error = new TypeError("boom", { cause: 1 });
  const received = back(error) as TypeError;
  assertInstanceOf(received, TypeError);
  assertEquals(received.message, "boom");
  assertEquals(received.cause, undefined);
  for (const message of ["plain", "(TypeError) x", "(a b) c", "", "\ud800"]) {
    assertInstanceOf(back(new Error(message)), Error);
  }
});

test("a struct that no class stands for is a Map", () => {
  const struct = (name: string, ...fields: [unknown, unknown][]) =>
    new Map<unknown, unknown>([
      [atom("__struct__"), atom(`Elixir.${name}`)],
      ...fields.map(([key, value]): [unknown, unknown] => [
        atom(key as string),
        value,
      ]),
    ]);
  for (
    const map of [
      struct("ArgumentError", ["message", "x"], ["__exception__", true]),
      struct("RuntimeError", ["message", atom("x")], ["__exception__", true]),
      struct("RuntimeError", ["message", "x"]),
      struct("MapSet", ["map", new Map([[1, 2]])]),
      struct("MapSet", ["map", 1]),
      struct("DateTime", ["year", 2024]),
      new Map<unknown, unknown>([[atom("map"), new Map([[1, []]])], [1, 2]]),
      new Map<unknown, unknown>([[atom("map"), { a: [] }], [1, 2]]),
    ]
  ) assertEquals(described(back(map)), described(map));
});

test("a DateTime that a Date cannot be is a Map", () => {
  const date = new Date("2024-02-29T23:59:58.007Z");
  assertEquals(back(date), date);
  const bytes = Buffer.from(written(date));
  const change = (from: string, to: string) =>
    read(Buffer.from(bytes.toString("latin1").replace(from, to), "latin1"));
  const us = (value: number, digits: number) =>
    String.fromCharCode(...term(104, 2, 98, u32(value), 97, digits));
  const field = (name: string, value: number) =>
    name + String.fromCharCode(97, value);
  for (
    const [from, to] of [
      ["Etc/UTC", "Etc/GMT"],
      ["Calendar.ISO", "Calendar.XYZ"],
      [us(7000, 3), us(7001, 3)],
      [us(7000, 3), us(7000, 6)],
      [field("day", 29), field("day", 30)],
      [field("second", 58), field("second", 60)],
      [field("utc_offset", 0), field("utc_offset", 1)],
    ]
  ) {
    const value = change(from, to);
    assertInstanceOf(value, Map, from);
    assertEquals(described(back(value)), described(value));
  }
});

test("the From of a call is a pid and a tag", () => {
  const pid = pidOf("kate@localhost", 1, 0, 7);
  const alias = refOf("kate@localhost", [1, 2, 3], 7);
  assertEquals(
    back(new ReplyTo(pid, alias)),
    tuple(pid, improperList([atom("alias")], alias)),
  );
  const own = tuple(alias, atom("x"));
  assertEquals(back(new ReplyTo(pid, undefined, own)), tuple(pid, own));
});

test("a value that a BEAM does not have is refused, and nothing of it is written", () => {
  const pid = (creation: number) => new Pid("kate@localhost", 1, creation);
  const cases: [unknown, RegExp][] = [
    [NaN, /Cannot send NaN to an Erlang node.* send an atom or null/],
    [-Infinity, /Cannot send -Infinity/],
    ["a\ud800", /half a surrogate pair.*toWellFormed/],
    ["é".repeat(100) + "\ud800", /half a surrogate pair/],
    [{ "\udfff": 1 }, /half a surrogate pair/],
    [atom("\ud800"), /half a surrogate pair/],
    [new Date(NaN), /Cannot send an invalid Date/],
    [new Date(Date.UTC(10_000, 0)), /a Date of the year 10000/],
    [() => {}, /Cannot send the function/],
    [Symbol("x"), /Cannot send Symbol/],
    [new WeakMap(), /Cannot send an instance of WeakMap/],
    [new DataView(new ArrayBuffer(1)), /Cannot send an instance of DataView/],
    [10n ** 10_000n, /more than 10000 digits/],
    [pid(2 ** 32), /Cannot send the creation 4294967296/],
    [new Pid("nobody", 1, 1), /not a node name/],
    [new LocalFunction("m", 0, 0, 0, Uint8Array.of(97, 1)), /LocalFunction/],
    [new LocalFunction("m", 0, 0, 0, Uint8Array.of(112)), /LocalFunction/],
    [new Map([[1, 1], [1n, 1]] as [unknown, number][]), /another key/],
    [new Map([[[1], 1], [[1], 2]]), /the key \[1\].*another key of it/],
    [new Map([["é", 1], [Buffer.from("é"), 2]] as [unknown, number][]), /key/],
    [new Map([[null, 1], [atom("nil"), 2]] as [unknown, number][]), /key/],
    [
      new Map([
        [new Map<unknown, unknown>([[1, { a: 1, b: 2 }], [2, 2]]), 1],
        [new Map<unknown, unknown>([[2, 2], [1, { b: 2, a: 1 }]]), 2],
      ] as [unknown, number][]),
      /another key/,
    ],
  ];
  for (const [value, message] of cases) {
    for (const around of [value, [1, value], { a: tuple(value) }]) {
      const error = assertThrows(() => writer.term(around), Error);
      assertMatch(error.message, message);
      assertEquals(writer.length, 0);
    }
  }
});

test("items of a Set that are one term are sent once", () => {
  assertEquals(back(new Set([[1], [1], 2, 2n])), new Set([[1], 2]));
});

test("keys of one type may be as many as there are", () => {
  const many = Array.from({ length: 2000 }, (_, i) => i);
  const map = new Map(many.map((i) => [i, i]));
  assertEquals(back(map), map);
  const set = new Set(many.map((i) => atom(`a${i}`)));
  assertEquals(back(set), set);
});

test("keys whose hash was chosen are refused, in Maps and in Sets", () => {
  const keys = Array.from(
    { length: 3000 },
    (_, i) => (BigInt(i + 1) << 64n) + 5n,
  );
  const map = Buffer.concat([
    term(116, u32(3000)),
    ...keys.map((key) => Buffer.concat([written(key), Uint8Array.of(106)])),
  ]);
  assertMatch(assertRefused(map).message, /same hash/);
  const name = term(atomOf("__struct__"), atomOf("Elixir.MapSet"));
  assertMatch(
    assertRefused(term(116, u32(2), atomOf("map"), map, name)).message,
    /same hash/,
  );
  assertMatch(
    assertRefused(term(116, u32(2), name, atomOf("map"), map)).message,
    /same hash/,
  );
});

/** Each kind of level: a value of one more level. */
const LEVELS: Record<string, (inner: unknown) => unknown> = {
  array: (inner) => [inner],
  object: (inner) => ({ a: inner }),
  tuple: (inner) => tuple(inner),
  improper: (inner) => improperList([inner], 1),
  tail: (inner) => improperList([1], tuple(inner)),
  Map: (inner) => new Map([[atom("a"), inner]]),
  key: (inner) => new Map([[inner, 1]]),
  map: (inner) => new Map([[atom("map"), inner], [atom("a"), 1]]),
  Set: (inner) => new Set([inner]),
};

const LEAVES: Record<string, unknown> = {
  number: 1,
  pid: pidOf("kate@localhost", 1, 0, 7),
  date: new Date(0),
  bytes: Uint8Array.of(255),
};

function nested(
  level: (inner: unknown) => unknown,
  levels: number,
  leaf: unknown,
) {
  let value = leaf;
  for (let i = 0; i < levels; i++) value = level(value);
  return value;
}

test("levels are counted as copyTerm counts them, at both ends", () => {
  for (const [name, level] of Object.entries(LEVELS)) {
    // A tuple in a tail is two.
    const each = name === "tail" ? 2 : 1;
    for (const [kind, leaf] of Object.entries(LEAVES)) {
      for (const max of [DEFAULT_MAX_DEPTH, 2, 0]) {
        const most = Math.floor(max / each);
        const deepest = nested(level, most, leaf);
        copyTerm(deepest, max);
        const bytes = written(deepest, max);
        assertEquals(described(read(bytes, max)), described(deepest), name);
        const deeper = nested(level, most + 1, leaf);
        assertThrows(() => copyTerm(deeper, max), RangeError);
        assertThrows(() => written(deeper, max), RangeError, "nested deeper");
        const error = assertRefused(written(deeper, max + 2), max);
        assertMatch(error.message, /nested deeper than/, `${name} of ${kind}`);
      }
    }
  }
});

test("dates, sets and errors are as deep in any place as copyTerm has them", () => {
  const random = new Random(SEED);
  const kinds = Object.values(LEVELS);
  for (let i = 0; i < 2000; i++) {
    let value: unknown = random.of([
      1,
      new Date(i),
      new Set(),
      [],
      new Error("x"),
      new Map([[atom("map"), new Date(i)], [atom("a"), new Date(1)]]),
      { a: new Date(i), b: [] },
      new Map([[new Date(i), new Set([new Date(1)])]]),
    ]);
    for (let n = random.below(6); n > 0; n--) value = random.of(kinds)(value);
    for (let max = 0; max < 12; max++) {
      let fits = true;
      try {
        copyTerm(value, max);
      } catch {
        fits = false;
      }
      let isRead = true;
      try {
        read(written(value), max);
      } catch (error) {
        assertInstanceOf(error, ProtocolError);
        isRead = false;
      }
      assertEquals(isRead, fits, `${described(value)} in ${max}`);
    }
  }
});

test("nesting without end is refused, whatever it consists of", () => {
  const times = 200_000;
  const run = (unit: Uint8Array) => Buffer.concat(new Array(times).fill(unit));
  const date = term(116, u32(13), 97, 1);
  const set = term(116, u32(2), atomOf("map"), 116, u32(1));
  const fun = term(112, u32(2000), 0, new Uint8Array(16), u32(0), u32(1));
  for (
    const unit of [
      term(108, u32(1)),
      term(104, 1),
      term(105, u32(1)),
      term(116, u32(1)),
      term(116, u32(1), 97, 1),
      term(116, u32(2), atomOf("map")),
      set,
      term(set, 97, 1),
      date,
      term(116, u32(13)),
      term(fun, atomOf("m"), 97, 0, 97, 0, PID),
    ]
  ) {
    const before = performance.now();
    assertRefused(run(unit));
    // safe: a hang guard
    assert(performance.now() - before < 30_000);
    for (const max of [0, 1, 2]) assertRefused(run(unit), max);
  }
});

test("sizes and counts beyond the frame are refused before anything is made for them", () => {
  const MAX = 0xffff_ffff;
  for (const tag of [105, 108, 109, 111, 112, 116]) {
    for (const count of [1, 1000, MAX]) assertRefused(term(tag, u32(count)));
  }
  assertRefused(term(77, u32(MAX), 1));
  assertRefused(term(107, 255, 255, 1));
  assertRefused(term(118, 255, 255, 1));
  assertRefused(term(119, 255, 1));
  assertRefused(term(110, 255, 0, 1));
  assertRefused(term(104, 255));
  // A list at each level that announces all bytes that are left.
  const size = 4 << 20;
  const lists = Buffer.alloc(size, 106);
  for (let i = 0; i < DEFAULT_MAX_DEPTH; i++) {
    lists.set(term(108, u32(size - 5 * (i + 1))), 5 * i);
  }
  const before = Deno.memoryUsage().heapTotal;
  assertRefused(lists);
  const grown = Deno.memoryUsage().heapTotal - before;
  assert(grown < 100 * size, `${grown}`);
});

test("a term that is cut at any byte is refused", () => {
  const fun = term(new Uint8Array(16), u32(1), u32(1), atomOf("m"));
  const rest = term(97, 1, 97, 2, PID, 97, 3);
  const size = 4 + 1 + fun.length + rest.length;
  const terms = [
    ...fc.sample(beamTerm(), { numRuns: runs(100) }).map((value) =>
      new Uint8Array(written(value))
    ).filter(({ length }) => length < 1000),
    term(112, u32(size), 2, fun, rest),
    term(89, NODE, u32(1), u32(2)),
    term(118, 0, 3, "abc"),
    term(105, u32(1), 97, 1),
    term(107, 0, 2, 1, 2),
    term(111, u32(300), 0, Buffer.alloc(300, 1)),
    ...[new Date(0), new Set([1]), new Error("x")].map((each) =>
      new Uint8Array(written(each))
    ),
  ];
  for (const bytes of terms) {
    read(bytes);
    for (let end = 0; end < bytes.length; end++) {
      assertRefused(bytes.subarray(0, end));
    }
    // Also when the bytes behind it are there, but of another frame.
    for (let end = 0; end < bytes.length; end++) {
      assertThrows(() => reader.open(bytes, 0, end).term(), ProtocolError);
    }
    assertThrows(() => read(term(bytes, 0)), ProtocolError, "after a term");
  }
});

test("all tags but those that OTP 25 to 28 send are refused", () => {
  const read = new Set(
    [70, 77, 88, 89, 90, 97, 98, 104, 105, 106, 107, 108, 109, 110, 111, 112],
  );
  // 82 is the number of an atom of the header.
  for (const tag of [82, 113, 116, 118, 119, 120]) read.add(tag);
  for (let tag = 0; tag < 256; tag++) {
    if (read.has(tag)) continue;
    const error = assertRefused(term(tag, new Uint8Array(100)));
    assertMatch(error.message, new RegExp(`the tag ${tag}`));
  }
});

test("encodings at the edge of the format are read as OTP reads them, or refused", async () => {
  for (const { bytes, written, isStricter } of await edges()) {
    const text = bytes.toHex();
    if (written === undefined || isStricter) {
      assertThrows(() => read(bytes), ProtocolError, undefined, text);
      continue;
    }
    const value = read(bytes);
    // OTP writes its own functions, without the creator of this one.
    if (value instanceof LocalFunction) continue;
    assertEquals(described(value), described(read(written)), text);
  }
});

test("invalid terms are refused", () => {
  const ref = (words: number) =>
    term(90, 0, words, NODE, u32(7), new Uint8Array(4 * words));
  read(ref(5));
  for (
    const bytes of [
      // Not finite.
      term(70, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0),
      term(70, 0xff, 0xf8, 0, 0, 0, 0, 0, 1),
      ref(0),
      ref(6),
      // Names that are no node's, and no atom.
      term(88, atomOf("kate"), new Uint8Array(12)),
      term(88, 109, u32(1), "x", new Uint8Array(12)),
      term(119, 1, 255),
      term(118, 1, 4, "x".repeat(260)),
      // A sign that is neither 0 nor 1, and too many digits.
      term(110, 1, 2, 1),
      term(111, u32(4154), 0, Buffer.alloc(4154, 255)),
      term(77, u32(1), 0, 1),
      term(77, u32(1), 9, 1),
      term(77, u32(0), 3),
      // Lists whose tail is a list.
      term(108, u32(1), 97, 1, 107, 0, 1, 1),
      term(108, u32(1), 97, 1, 108, u32(1), 97, 1, 106),
      term(108, u32(1), 97, 1, 108, u32(1), 97, 1, 97, 2),
      term(108, u32(0), 97, 1),
      // Keys twice.
      term(116, u32(2), 97, 1, 97, 1, 97, 1, 97, 2),
      term(113, atomOf("m"), atomOf("f"), 98, u32(1)),
      term(113, 97, 1, atomOf("f"), 97, 1),
    ]
  ) assertRefused(bytes);
});

test("an integer has as many digits as a bigint that can be sent", () => {
  for (const value of [10n ** 10_000n - 1n, -(10n ** 10_000n) + 1n]) {
    assertEquals(back(value), value);
  }
  const more = Buffer.from(
    (10n ** 10_000n).toString(16).padStart(8306, "0"),
    "hex",
  )
    .reverse();
  const error = assertRefused(term(111, u32(more.length), 0, more));
  assertMatch(error.message, /more than 10000 digits/);
  // Zeros in front.
  assertEquals(read(term(110, 9, 1, 5, new Uint8Array(8))), -5);
  assertEquals(read(term(110, 0, 1)), 0);
});

test("0 and -0.0 are one key here, and close no connection", () => {
  const zeros = term(97, 0, 97, 1, 70, 128, new Uint8Array(7), 97, 2);
  assertEquals(read(term(116, u32(2), zeros)), new Map([[0, 2]]));
});

test("a local function is kept as it is, with all that it closes over", () => {
  const other = term(0, new Uint8Array(16), u32(0), u32(0));
  const names = term(atomOf("m"), 97, 0, 97, 0, PID);
  const nested = term(
    112,
    u32(other.length + names.length + 4),
    other,
    names,
  );
  const variables = [
    written([1, { a: tuple(1) }]),
    // Keys that differ, though nothing is kept of them.
    term(116, u32(2), nested, 97, 1, nested.with(5, 1), 97, 2),
  ];
  const head = term(new Uint8Array(16).fill(9), u32(3), u32(2));
  const rest = term(atomOf("Elixir.Chat"), 97, 3, 98, u32(77), PID);
  const inner = term(2, head, rest, ...variables);
  const bytes = term(112, u32(inner.length + 4), inner);
  const fun = read(bytes) as LocalFunction;
  assertInstanceOf(fun, LocalFunction);
  assertEquals([fun.module, fun.index, fun.uniq, fun.arity], [
    "Elixir.Chat",
    3,
    77,
    2,
  ]);
  assertEquals(Buffer.compare(written(fun), bytes), 0);
  // Its size has to be right.
  for (const size of [0, inner.length + 3, inner.length + 5]) {
    assertRefused(term(112, u32(size), inner, 97, 1));
  }
});

test("a writer keeps to its bytes, and the next term is written as if it were the first", () => {
  const small = new TermWriter(1000);
  small.term("x".repeat(995));
  assertEquals(small.take().length, 1000);
  for (
    const value of [
      "x".repeat(996),
      "é".repeat(500),
      new Uint8Array(1 << 20),
      Array.from({ length: 100_000 }, (_, i) => i),
      { a: ["y".repeat(10), { b: "z".repeat(990) }] },
    ]
  ) {
    small.u32(5);
    assertThrows(() => small.term(value), RangeError, "more than 1000 bytes");
    assertEquals(small.length, 4);
    small.term(1);
    assertEquals([...small.take()], [0, 0, 0, 5, 97, 1]);
  }
});

test("bytes that were taken do not change", () => {
  const taken: [Uint8Array, string][] = [];
  for (let i = 0; i < 3000; i++) {
    const text = `${i}`.repeat(1 + i % 50);
    writer.term(text);
    taken.push([writer.take(), text]);
  }
  for (const [bytes, text] of taken) assertEquals(read(bytes), text);
});

test("random bytes are a term or refused, and a term can be sent on", async () => {
  const count = runs(10_000);
  const terms = fc.sample(beamTerm(), { numRuns: runs(500) }).map(
    (value) => new Uint8Array(written(value)),
  );
  let accepted = 0;
  await fuzz(count, (random) => {
    let bytes = mutatedBytes(random, random.of(terms));
    if (random.below(3) === 0 && bytes.length > 0) {
      bytes = mutatedBytes(random, bytes);
    }
    let value: unknown;
    try {
      value = read(bytes);
    } catch (error) {
      assertInstanceOf(error, ProtocolError, `${error}: ${bytes}`);
      return;
    }
    accepted++;
    const copy = copyTerm(value);
    try {
      assertEquals(described(back(copy)), described(value));
    } catch (error) {
      // Keys that are equal tuples: a BEAM sends no such map.
      assertMatch(`${error}`, /another key of it is the same term/);
    }
  });
  assert(accepted > count / 10, `${accepted}`);
});

test("an atom has up to 255 characters, whatever their bytes are", () => {
  for (
    const [character, bytes] of [["x", 1], ["é", 2], ["日", 3], [
      "\u{1f600}",
      4,
    ]] as const
  ) {
    for (const count of [63, 64, 85, 86, 127, 128, 255]) {
      const name = character.repeat(count);
      const size = count * bytes;
      const head = size < 256 ? [119, size] : [118, size >> 8, size & 0xff];
      const encoded = term(...head, name);
      assertEquals(Buffer.compare(written(atom(name)), encoded), 0);
      assertStrictEquals(read(encoded), atom(name));
    }
    const long = character.repeat(256);
    assertRefused(term(118, 256 * bytes >> 8, 256 * bytes & 0xff, long));
  }
});

test("names that alternate are kept, if they differ in any letter", () => {
  const atoms = new NameTable(knownAtom);
  const keys = new NameTable(knownKey);
  const ping = Buffer.from("ping");
  const known = atoms.find(ping, 0, 4);
  for (let i = 0; i < 4; i++) {
    for (const letter of "abxyzAZ09_") {
      const other = Buffer.from(ping);
      other[i] = letter.charCodeAt(0);
      if (other.equals(ping)) continue;
      assertEquals(atoms.find(other, 0, 4).atom.name, other.toString());
      assertEquals(keys.find(other, 0, 4), other.toString());
      assertStrictEquals(atoms.find(ping, 0, 4), known, other.toString());
      assertEquals(keys.find(ping, 0, 4), "ping");
    }
  }
});

test("a name is found whatever others were before it", () => {
  const atoms = new NameTable(knownAtom);
  const keys = new NameTable(knownKey);
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-c]{1,5}$/), { maxLength: 2000 }),
      (names) => {
        for (const name of names) {
          const bytes = Buffer.from(`..${name}`);
          assertEquals(atoms.find(bytes, 2, name.length).atom.name, name);
          assertEquals(keys.find(bytes, 2, name.length), name);
        }
      },
    ),
  );
  assertEquals(atoms.find(Buffer.of(), 0, 0).atom.name, "");
});

test("a control message begins with a tuple of either form", () => {
  const arity = (...bytes: number[]) =>
    reader.open(Uint8Array.of(...bytes)).tuple();
  assertEquals([arity(104, 2, 106, 106), arity(105, 0, 0, 0, 1, 106)], [2, 1]);
  assertThrows(() => arity(106, 0, 0, 0, 0), ProtocolError, "a tuple");
});
