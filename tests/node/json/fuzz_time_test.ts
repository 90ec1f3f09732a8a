/**
 * Decoding takes linear time for every input: time per byte, against a plain text of the same size that is
 * read in the same run.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  isNodeName,
  parseNodeName,
} from "../../../packages/node/addresses/node_name.ts";
import {
  decodeLookupReply,
  decodeNamesReply,
  decodeRequest,
} from "../../../packages/epmd/epmd_protocol.ts";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import {
  inspect,
  printable,
  quote,
} from "../../../packages/processes/values/inspect.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { copyTerm } from "../../../packages/processes/values/term.ts";
import { termKey } from "../../../packages/processes/values/term_key.ts";
import { test } from "../../../packages/testing/tags.ts";
import { Process } from "../../../packages/processes/process.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { FrameReader } from "../../../packages/node/json/json_frames.ts";
import { jsonWire } from "../../../packages/node/json/json_wire.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { localOf } from "../../_local.ts";
import {
  assertLinear,
  decode,
  digitsOfOneHash,
  floatsOfOneHash,
  HERE,
  integersOfOneHash,
  newDecoder,
  nothing,
  PORT,
  RANDOM,
  SIZE,
  THERE,
  timeOf,
} from "../../_linear.ts";
import { frameOf, hello, rawFrameOf } from "../../_raw_peer.ts";
import { commandOf, Random, runs, SEED } from "../../_seeds.ts";

/** Texts of about that size in all: one repeated, or one for each number. */
function repeated(text: string | ((i: number) => string)): string {
  if (typeof text === "string") {
    return new Array(Math.ceil(SIZE / (text.length + 1))).fill(text).join(",");
  }
  let all = text(0);
  for (let i = 1; all.length < SIZE; i++) all += `,${text(i)}`;
  return all;
}

function run(text: string): string {
  return text.repeat(Math.ceil(SIZE / text.length));
}

function levels(open: string, close: string, count: number): string {
  return open.repeat(count) + "1" + close.repeat(count);
}

const ERROR = '{"$error":{"name":"","message":""}}';
const CAUSE = '{"$error":{"name":"","message":"","fields":{"cause":';

/** Frames, and values in them. */
const FRAMES: Record<string, string> = {
  "quotes that are escaped, and no end": `[1e5,"${run('\\"')}`,
  "quotes and no end": `[1e5,"${run('""')}`,
  "backslashes and no end": `[1e5,"${run("\\\\")}`,
  "digits and no end": `[${run("9")}`,
  "signs": `[${run("-")}`,
  "exponents": `[${run("1e")}`,
  "points": `[${run("1.")}`,
  "spaces": `[${run(" ")}`,
  "brackets": run("["),
  "a tagged kind of that length": `[["${run("x")}*",1]]`,
  "signals": `[${repeated('["send",1,2,3]')}]`,
  "a name of that length": `[["send_name",1,"${run("x")}",1]]`,
};

const VALUES: Record<string, string> = {
  "numbers with exponents": `[${repeated("1e5")}]`,
  "numbers of 400 digits": `[${repeated("9".repeat(400))}]`,
  "a number of that length": run("9"),
  "a fraction of that length": `0.${run("3")}`,
  "escapes": `"${run("\\u00fc")}"`,
  "surrogates": `"${run("\\ud800")}"`,
  "objects": `[${repeated("{}")}]`,
  "arrays of 60 levels": `[${repeated(levels("[", "]", 60))}]`,
  "maps of 60 levels": `[${repeated(levels('{"$map":[[1,', "]]}", 60))}]`,
  "sets of 60 levels": `[${repeated(levels('{"$set":[', "]}", 60))}]`,
  "objects of 60 levels": `[${
    repeated(levels('{"$object":[["$",', "]]}", 60))
  }]`,
  "errors of 60 levels": `[${repeated(levels(CAUSE, "}}}", 60))}]`,
  "many bigints": `[${repeated(`{"$bigint":"${"9".repeat(10_000)}"}`)}]`,
  "a bigint of that length": `{"$bigint":"${run("9")}"}`,
  "atoms": `[${repeated((i) => `{"$atom":"a${i}"}`)}]`,
  "pids of many nodes": `[${repeated((i) => `{"$pid":["n${i}@h",1,2]}`)}]`,
  "errors": `[${repeated(ERROR)}]`,
  "an error of many fields": `{"$error":{"name":"","message":"","fields":{${
    repeated((i) => `"f${i}":1`)
  }}}}`,
  "keys": `{${repeated((i) => `"k${i}":1`)}}`,
  "keys that are the same": `{${repeated('"k":1')}}`,
  "keys that are numbers": `{${repeated((i) => `"${4294967290 - i * 7}":1`)}}`,
  "keys before a tag": `{${repeated((i) => `"k${i}":{}`)},"$x":1}`,
  "keys that need a tag": `{"$object":[${repeated((i) => `["$${i}",1]`)}]}`,
  "keys that need a tag, and are the same": `{"$object":[${
    repeated('["$",1]')
  }]}`,
  "entries of one key": `{"$map":[${repeated('["a",1]')}]}`,
  "entries of many keys": `{"$map":[${repeated((i) => `[${i},1]`)}]}`,
  "items of a set": `{"$set":[${repeated((i) => `"${i}"`)}]}`,
  "a set of bigints of one hash": `{"$set":[${
    repeated((i) => `{"$bigint":"${BigInt(i + 1) << 64n}"}`)
  }]}`,
  "a map of bigints of one hash": `{"$map":[${
    repeated((i) => `[{"$bigint":"${-(BigInt(i + 1) << 64n) - 7n}"},1]`)
  }]}`,
  "a set of integers of one hash": `{"$set":[${integersOfOneHash()}]}`,
  "a set of floats of one hash": `{"$set":[${floatsOfOneHash()}]}`,
  "a set of digits of one hash": `{"$set":${
    JSON.stringify(digitsOfOneHash(30_000))
  }}`,
  "a map of digits of one hash": `{"$map":[${
    digitsOfOneHash(30_000).map((digits) => `["${digits}",1]`)
  }]}`,
  "atoms of digits of one hash": `[${
    digitsOfOneHash(17_000).map((digits) => `{"$atom":"${digits}"}`)
  }]`,
  "few bytes": `[${repeated('{"$bytes":["Uint8Array",""]}')}]`,
  "bytes of that length": `{"$bytes":["Uint8Array","${run("AAAA")}"]}`,
  "bytes that are spaces": `{"$bytes":["Uint8Array","${run(" ")}"]}`,
  "dates": `[${repeated('{"$date":1e999}')}]`,
};

/** They compare times, so each runs alone. */
const SLOW = { tags: ["slow"] };

test("a frame takes time linear in its length", SLOW, () => {
  for (const [what, frame] of Object.entries(FRAMES)) {
    assertLinear(what, frame.length, () => decode(frame));
  }
});

/** Asserts that one function takes about as long as another, in one of three attempts. */
function assertAsFast(what: string, fn: () => void, other: () => void): void {
  timeOf(other);
  let worst = "";
  for (let attempt = 0; attempt < 3; attempt++) {
    const expected = timeOf(other);
    const taken = timeOf(fn);
    if (taken < 5 * expected) return;
    worst = `${taken} ms, and others ${expected} ms`;
  }
  throw new Error(`${what} take ${worst}`);
}

test("texts of digits take as long as other texts", SLOW, () => {
  // Few in each frame: the table in which V8 keeps them belongs to the program.
  const framesOf = (texts: string[]) =>
    Array.from(
      { length: 60 },
      (_, i) => `[["send",1,2,${JSON.stringify(texts.splice(0, 1000))},${i}]]`,
    );
  const chosen = framesOf(digitsOfOneHash(60_000));
  const others = framesOf(
    Array.from({ length: 60_000 }, (_, i) => `${(i + 1) * 70_001}`),
  );
  assertAsFast(
    "texts of digits of one hash",
    () => chosen.forEach(decode),
    () => others.forEach(decode),
  );
});

test("names of digits are looked up as fast as other names", SLOW, () => {
  const COUNT = 20_000;
  const look = (name: string) => assertEquals(Process.whereis(name), undefined);
  assertAsFast(
    "names of digits of one hash",
    () => digitsOfOneHash(COUNT).forEach(look),
    () => Array.from({ length: COUNT }, (_, i) => `a${i}`).forEach(look),
  );
});

test("texts of digits arrive unchanged, in any position", () => {
  const got: unknown[] = [];
  const decoder = new Decoder(HERE, THERE, DEFAULT_LIMITS, PORT, {
    send: (_from: unknown, _to: unknown, message: unknown) =>
      void got.push(message),
  } as unknown as Signals);
  const json = String
    .raw`{"12345678":"12345678","a\\":["\"87654321\"","\\","1234567890","a\"12345678"],
 "99999999" : "9999999999","12345678x":["x12345678","01234567","1234567","12345678901","\u00312345678"]}`;
  decoder.receive(frameOf(`[["send",1,2,${json}],["send*",1,2,[${json}]]]`));
  assertEquals(got, [JSON.parse(json), [JSON.parse(json)]]);
});

test("equal keys with the same hash are found as fast as others", SLOW, () => {
  const keys = (values: unknown[]) => {
    const found = new Map();
    for (const value of values) found.set(termKey(value), value);
    assertEquals(found.size, values.length);
  };
  for (
    const values of [
      integersOfOneHash(),
      floatsOfOneHash(),
      Array.from({ length: 20_000 }, (_, i) => BigInt(i + 1) << 64n),
      digitsOfOneHash(30_000),
    ]
  ) assertLinear(`keys like ${values[0]}`, SIZE, () => keys(values));
});

test(
  "the key of a value takes linear time, however deep the value is",
  SLOW,
  () => {
    const levels: ((value: unknown) => unknown)[] = [
      (value) => [value, 1],
      (value) => ({ a: value, b: 1 }),
      (value) => new Set([value, 1]),
      (value) => new Map([[value, 1], [1, 2]]),
      (value) => new Map([[1, value], [2, 2]]),
    ];
    for (const level of levels) {
      let value: unknown = "x".repeat(SIZE);
      for (let i = 0; i < 400; i++) value = level(value);
      const key = () => new Map([[termKey(value), 1]]);
      assertLinear(`the key of ${level}`, SIZE, key, 60);
    }
  },
);

test("a value takes time linear in its length", SLOW, () => {
  for (const [what, value] of Object.entries(VALUES)) {
    for (const kind of ["send", "send*"]) {
      const frame = `[["${kind}",1,2,${value}]]`;
      assertLinear(`${kind}: ${what}`, frame.length, () => decode(frame));
    }
  }
});

/** The pieces of random inputs. */
const PIECES = [
  ...['"', '\\"', "\\", "\\\\", "\\u", "[", "]", "{", "}", ":", ",", " ", "\n"],
  ..."1 9 0 - + . e E 1e5 1.5 null \u00fc \ufeff".split(" "),
  ...['"a"', '"a":', "[]", "{}", '"$', '{"$set":[', '{"$map":['],
  ...['{"$bigint":"', '{"$error":', '["send*",1,2,', '"send"'],
  ...["@", "name ", " at port ", "\0"],
];

test(`fuzz: time per byte of ${RANDOM} repeated patterns`, SLOW, () => {
  for (let i = 0; i < runs(RANDOM); i++) {
    const random = new Random(SEED + i);
    const some = () =>
      Array.from({ length: 1 + random.below(3) }, () => random.of(PIECES))
        .join("");
    const text = some() + run(some()) + some();
    const what = `${commandOf(SEED + i)}: ${
      JSON.stringify(text.slice(0, 60))
    }…`;
    const starts = ["", '[["send*",1,2,', '[["send",1,2,[1e5,"'];
    const frame = (random.of(starts) + text).slice(0, SIZE);
    assertLinear(`frame, ${what}`, SIZE, () => decode(frame));
    const bytes = new TextEncoder().encode(text);
    assertLinear(`text, ${what}`, SIZE, () => {
      printable(text);
      quote(text);
      inspect([text, { [text]: text }]);
      isNodeName(text);
      isNodeName(`a@${text}`);
    });
    assertLinear(`name, ${what}`, SIZE, () => void parseNodeName(text));
    for (const codec of [decodeRequest, decodeNamesReply, decodeLookupReply]) {
      for (const start of [[], [0, 0, 0, 0], [120], [122], [119, 0]]) {
        const body = Uint8Array.from([...start, ...bytes.subarray(0, 60_000)]);
        assertLinear(`EPMD, ${what}`, SIZE, () => void codec(body));
      }
    }
  }
});

test("a first frame takes time linear in its length", SLOW, async () => {
  const local = localOf({ ...HERE, cookie: "secret" });
  const transport = {
    remote: "test",
    buffered: 0,
    start: nothing,
    write: () => true,
    end: nothing,
    destroy: nothing,
    pause: nothing,
    resume: nothing,
  };
  const handshakes = async (frames: Uint8Array[]): Promise<number> => {
    const start = performance.now();
    for (const frame of frames) {
      await jsonWire.accept(transport, () => frame, local).catch(() => {});
    }
    return performance.now() - start;
  };
  const plain = JSON.stringify({
    versions: [2],
    to: HERE.name,
    ...hello(THERE.name),
    more: "x".repeat(3000),
  });
  const frames = (text: string) => new Array(100).fill(frameOf(text));
  await handshakes(frames(plain));
  let expected = await handshakes(frames(plain));
  for (const piece of PIECES) {
    for (const start of ['{"versions":[1],"to":"', '{"a":1e5,"b":"', "[1e5,"]) {
      const text = start + piece.repeat(1000);
      const cut = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
        new TextEncoder().encode(text).subarray(0, 4000),
      );
      let taken = await handshakes(frames(cut));
      // Other programs use this machine too: a slow input is slow again.
      for (let i = 0; i < 3 && taken > 30 * expected; i++) {
        expected = Math.max(expected, await handshakes(frames(plain)));
        taken = await handshakes(frames(cut));
      }
      assert(taken < 30 * expected, `${start}${piece}…: ${taken} ms`);
    }
  }
});

test("bytes in pieces of one take time linear in their number", SLOW, () => {
  const frame = frameOf(`[["send",1,2,"${"x".repeat(SIZE)}"]]`);
  let read = 0;
  const handler = { text: () => read++, attached: nothing, raw: nothing };
  const reader = new FrameReader(DEFAULT_LIMITS.maxFrameBytes);
  assertLinear("a frame in pieces of one byte", SIZE, () => {
    for (let i = 0; i < frame.length; i++) {
      reader.read(frame.subarray(i, i + 1), handler);
    }
  });
  assert(read > 0);
  assertLinear("raw frames of one byte", SIZE, () => {
    const decoder = newDecoder();
    const piece = rawFrameOf(1, Uint8Array.of(1), false);
    for (let i = 0; i < SIZE / piece.length; i++) decoder.receive(piece);
    decoder.receive(rawFrameOf(1, Uint8Array.of(1), true));
    assertThrows(
      () => decoder.receive(frameOf('[["large",1]]')),
      ProtocolError,
      "not JSON",
    );
  });
  assertLinear("raw frames of nothing", SIZE, () => {
    const decoder = newDecoder();
    const piece = rawFrameOf(1, new Uint8Array(), false);
    for (let i = 0; i < SIZE / piece.length; i++) decoder.receive(piece);
  });
});

test("send() refuses a set of digits with the same hash", () => {
  const few = new Set(digitsOfOneHash(1000));
  assertEquals(copyTerm(few), few);
  assertThrows(
    () => copyTerm(new Set(digitsOfOneHash(3000))),
    RangeError,
    "texts of digits have the same hash",
  );
});

test("maps and sets whose keys have the same hash are refused, and others are not", () => {
  const many = (of: (i: number) => unknown) =>
    `${Array.from({ length: 20_000 }, (_, i) => of(i))}`;
  const pairs = (items: number[]) => items.map((item) => `[${item},1]`);
  for (
    const value of [
      `{"$set":[${many((i) => `{"$bigint":"${BigInt(i) << 64n}"}`)}]}`,
      `{"$map":[${many((i) => `[{"$bigint":"-${BigInt(i) << 64n}"},1]`)}]}`,
      `{"$set":[${integersOfOneHash()}]}`,
      `{"$map":[${pairs(floatsOfOneHash())}]}`,
      `{"$set":${JSON.stringify(digitsOfOneHash(20_000))}}`,
      `{"$map":[${
        digitsOfOneHash(20_000).map((digits) => `["${digits}",1]`)
      }]}`,
    ]
  ) {
    assertThrows(
      () => decode(`[["send*",1,2,${value}]]`),
      ProtocolError,
      "have the same hash",
    );
  }
  for (
    const of of [
      (i: number) => i,
      (i: number) => -i * 65_536,
      (i: number) => i / 3,
      (i: number) => 1.7e12 + i * 1000,
      (i: number) => `{"$bigint":"${BigInt(i) << 32n}"}`,
      (i: number) => `"${i}"`,
      (i: number) => `"${i * 1000}"`,
      (i: number) => `"n${i * 65_536}"`,
      (i: number) => `"${1.7e12 + i * 65_536}"`,
    ]
  ) decode(`[["send*",1,2,{"$set":[${many(of)}]}]]`);
});
