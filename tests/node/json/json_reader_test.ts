/** The reader of frames' JSON, compared with `JSON.parse`. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { test } from "../../../packages/testing/tags.ts";
import { JsonReader, UNREAD } from "../../../packages/node/json/json_reader.ts";
import { parseJson } from "../../../packages/node/json/parse_json.ts";
import fc, { runs } from "../../_seeds.ts";

const encoder = new TextEncoder();

/** Reads a text that stands between other bytes. */
function read(text: string, reader = new JsonReader(64)): unknown {
  const bytes = encoder.encode(`1"[{${text}]"0}`);
  return reader.read(bytes, 4, bytes.length - 4);
}

/** What `assertEquals` takes for equal: the order of fields, -0, prototypes and own fields. */
function assertSame(value: unknown, expected: unknown): void {
  if (typeof expected !== "object" || expected === null) {
    assert(Object.is(value, expected), `${value}, not ${expected}`);
    return;
  }
  assertStrictEquals(
    Object.getPrototypeOf(value),
    Object.getPrototypeOf(expected),
  );
  assertEquals(Reflect.ownKeys(value as object), Reflect.ownKeys(expected));
  for (const key of Object.keys(expected)) {
    assertSame(
      (value as Record<string, unknown>)[key],
      (expected as Record<string, unknown>)[key],
    );
  }
}

/** The value of `JSON.parse`, or `UNREAD`. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return UNREAD;
  }
}

/** JSON as frames have it, with everything that the reader leaves to `JSON.parse`. */
const texts = fc.letrec((tie) => ({
  word: fc.oneof(
    fc.constantFrom("type", "msg", "n", "", "__proto__", "12345678", "0", "ü"),
    fc.string({ unit: "binary-ascii", maxLength: 40 }),
    fc.string({ maxLength: 4 }),
  ).map((word) => JSON.stringify(word)),
  number: fc.oneof(
    fc.integer().map((n) => `${n}`),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => `${n}`),
    fc.tuple(fc.integer(), fc.nat({ max: 9_999_999 })).map(([n, f]) =>
      `${n}.${f}`
    ),
    fc.tuple(fc.nat(), fc.nat({ max: 7 })).map(([n, zeros]) =>
      `-0.${"0".repeat(zeros)}${n}`
    ),
    fc.constantFrom("-0", "00", "01", "-", "1.", ".5", "1e3", "1E-3", "-0.0"),
    fc.constantFrom("999999999999999", "9007199254740993", "0.1", "1e999"),
  ),
  value: fc.oneof(
    { maxDepth: 6 },
    tie("number"),
    tie("word"),
    fc.constantFrom("true", "false", "null", "tru", "nul", " 1", "[]", "{}"),
    fc.array(tie("value"), { maxLength: 5 }).map((items) => `[${items}]`),
    fc.array(tie("number"), { maxLength: 5 }).map((items) => `[${items}]`),
    fc.array(fc.tuple(tie("word"), tie("value")), { maxLength: 15 }).map((
      fields,
    ) => `{${fields.map(([name, value]) => `${name}:${value}`)}}`),
  ),
})).value as fc.Arbitrary<string>;

test("JsonReader reads the value that JSON.parse returns, or leaves the text to it", () => {
  const reader = new JsonReader(64);
  let count = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const value = read(text, reader);
      if (value === UNREAD) return;
      count++;
      assertSame(value, parsed(text));
    }),
    { numRuns: runs(3000) },
  );
  assert(count > runs(3000) / 6, `only ${count} were read`);
});

test("JsonReader leaves texts that are cut or changed to JSON.parse, which refuses them", () => {
  const reader = new JsonReader(64);
  fc.assert(
    fc.property(
      texts,
      fc.nat(),
      fc.constantFrom("", '"', ",", "]", "}", ":", "0", "-", "\\", "\n", "t"),
      (text, at, other) => {
        const place = at % (text.length + 1);
        for (
          const changed of [
            text.slice(0, place),
            text.slice(0, place) + other + text.slice(place),
            text.slice(0, place) + other + text.slice(place + 1),
          ]
        ) {
          const value = read(changed, reader);
          if (value !== UNREAD) assertSame(value, parsed(changed));
        }
      },
    ),
    { numRuns: runs(2000) },
  );
});

test("JsonReader reads the usual frames", () => {
  for (
    const text of [
      '[["send",1,2,{"type":"msg","n":1},{"type":"msg","n":2}]]',
      '[["send*",1,2,{"from":{"$pid":[0,1,1795698610]},"ok":true}]]',
      '[["call_name",12,"Bench.Echo",3,[null,false,-1.25,[1,"a",2.5]]]]',
      "[]",
      "{}",
      '""',
    ]
  ) assertEquals(read(text), JSON.parse(text));
});

test("JsonReader returns equal texts for words that share a place with others", () => {
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 5000; n++) {
      const words = [`a${n}`, `${n}`, `word${n % 100}`, "x".repeat(n % 50)];
      const text = JSON.stringify([words, { [words[0]]: words[2] }]);
      assertEquals(read(text), JSON.parse(text));
    }
  }
});

test("JsonReader counts levels, and reads no more of them than it may", () => {
  const reader = new JsonReader(5);
  for (let levels = 0; levels < 10; levels++) {
    const text = '[{"a":'.repeat(levels >> 1) + "[".repeat(levels % 2) + "1" +
      "]".repeat(levels % 2) + "}]".repeat(levels >> 1);
    const value = read(`${text}`, reader);
    if (levels > 5) assertStrictEquals(value, UNREAD);
    else {
      assertEquals(value, JSON.parse(text));
      assertEquals(reader.levels, levels);
    }
  }
});

test("parseJson() escapes strings that spell a large array index", () => {
  const { parse } = JSON;
  const parsed: string[] = [];
  JSON.parse = (text) => parse((parsed.push(text), text));
  const text = (first: string) =>
    `["${first}0000000","${first}000000000","1000000","1000000x",{"10000000":1}]`;
  try {
    parseJson(encoder.encode(text("1")), 64);
  } finally {
    JSON.parse = parse;
  }
  assertEquals(parsed, [text("\\u0031")]);
});
