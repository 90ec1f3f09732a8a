/**
 * Terms of Erlang are read in linear time, whatever they are.
 */

import { Buffer } from "node:buffer";
import { test } from "../../../packages/testing/tags.ts";
import { fromBeamName } from "../../../packages/processes/values/beam_names.ts";
import { Budget } from "../../../packages/node/connections/budget.ts";
import { AtomCache } from "../../../packages/beam/wire/atom_cache.ts";
import { knownAtom } from "../../../packages/beam/wire/atoms.ts";
import { Fragments } from "../../../packages/beam/wire/fragments.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import {
  assertLinear,
  digitsOfOneHash,
  floatsOfOneHash,
  integersOfOneHash,
  RANDOM,
  SIZE,
} from "../../_linear.ts";
import { commandOf, Random, runs, SEED } from "../../_seeds.ts";
import { atomOf, joined, term, u32 } from "./_etf_bytes.ts";

/**
 * The allowed ratio to the time of a plain text for new atoms of seven bytes each, whose weak references take
 * 1.5 µs to make: they are at 550. Those of one hash would be above 10,000.
 */
const ATOMS = 2400;

/** A tag, the number of terms, and the terms. */
function many(tag: number, terms: Uint8Array[]): Uint8Array {
  return term(tag, u32(terms.length), joined(terms));
}

/** A list of terms of about that size in all: one repeated, or one for each number. */
function listOf(
  item: Uint8Array | ((i: number) => Uint8Array),
  size = SIZE,
): Uint8Array {
  if (typeof item !== "function") {
    const count = Math.ceil(size / item.length);
    const items = Buffer.alloc(count * item.length, item);
    return term(108, u32(count), items, 106);
  }
  const items: Uint8Array[] = [];
  for (let i = 0, length = 0; length < size; i++) {
    items.push(item(i));
    length += items[i].length;
  }
  return term(many(108, items), 106);
}

/** A map of pairs of about that size. */
function mapOf(key: (i: number) => Uint8Array, value = term(106)): Uint8Array {
  const pairs: Uint8Array[] = [];
  for (let i = 0, length = 0; length < SIZE; i++) {
    pairs.push(term(key(i), value));
    length += pairs[i].length;
  }
  return many(116, pairs);
}

function bigOf(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const bytes = Buffer.from(
    hex.padStart(hex.length + hex.length % 2, "0"),
    "hex",
  );
  return term(111, u32(bytes.length), 0, bytes.reverse());
}

function floatOf(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return term(70, bytes);
}

function textOf(text: string): Uint8Array {
  return term(109, u32(text.length), text);
}

function integerOf(value: number): Uint8Array {
  return term(98, u32(value));
}

/** Levels of a term around each other: each is one before the next and one behind it. */
function termLevels(
  before: Uint8Array,
  behind: Uint8Array,
  count: number,
): Uint8Array {
  return term(
    ...new Array(count).fill(before),
    97,
    1,
    ...new Array(count).fill(behind),
  );
}

const NODE = atomOf("raw@localhost");
const MAP_SET = term(atomOf("__struct__"), atomOf("Elixir.MapSet"));
const SET = term(116, u32(2), atomOf("map"), 116, u32(1));
const integers = integersOfOneHash();
const floats = floatsOfOneHash();
const digits = digitsOfOneHash(30_000);

/** Terms of Erlang's External Term Format. */
const TERMS: Record<string, () => Uint8Array> = {
  "small integers": () => listOf(term(97, 1)),
  "integers": () => listOf(integerOf),
  "lists of bytes": () => listOf(term(107, 0, 0)),
  "empty lists": () => listOf(term(106)),
  "empty tuples": () => listOf(term(104, 0)),
  "empty texts": () => listOf(textOf("")),
  "texts": () => listOf((i) => textOf(`text ${i}`)),
  "texts that are not ASCII": () => listOf(textOf("\u00fc\u00fc")),
  "bytes": () => listOf(term(109, u32(1), 255)),
  "bytes at the end of a text": () =>
    listOf(term(109, u32(1000), "x".repeat(999), 255)),
  "bits": () => listOf(term(77, u32(1), 1, 128)),
  "floats": () => listOf(floatOf(1)),
  "atoms": () => listOf((i) => atomOf(`a${i}`)),
  "atoms of two letters": () =>
    listOf((i) => term(119, 2, 33 + i % 90, 33 + (i / 90) % 90)),
  "empty atoms": () => listOf(atomOf("")),
  "numbers of atoms of the header": () => listOf(term(82, 0)),
  "atoms of digits of one hash": () =>
    listOf((i) => atomOf(digits[i % 17_000])),
  "pids of many nodes": () =>
    listOf((i) => term(88, atomOf(`n${i}@h`), u32(i), u32(1), u32(2))),
  "wide pids": () => listOf(term(88, NODE, u32(1), u32(-1 >>> 0), u32(2))),
  "references": () => listOf(term(90, 0, 5, NODE, u32(1), new Uint8Array(20))),
  "many integers of many digits": () => listOf(bigOf(10n ** 9_999n)),
  "integers of nine bytes": () => listOf((i) => bigOf((1n << 64n) + BigInt(i))),
  "zeros in front": () => listOf(term(111, u32(4000), 0, new Uint8Array(4000))),
  "external functions": () =>
    listOf(term(113, atomOf("m"), atomOf("f"), 97, 1)),
  "improper lists": () => listOf(term(108, u32(1), 97, 1, 97, 1)),
  "empty maps": () => listOf(term(116, u32(0))),
  "maps of a text": () => listOf(term(116, u32(1), textOf("a"), 97, 1)),
  "maps of an integer": () => listOf(term(116, u32(1), 97, 1, 97, 1)),
  "empty sets": () =>
    listOf(term(116, u32(2), atomOf("map"), 116, u32(0), MAP_SET)),
  "lists of 60 levels": () =>
    listOf(termLevels(term(108, u32(1)), term(106), 60)),
  "tuples of 60 levels": () => listOf(termLevels(term(104, 1), term(), 60)),
  "maps of 60 levels": () =>
    listOf(termLevels(term(116, u32(1), textOf("a")), term(), 60)),
  "keys of 60 levels": () =>
    listOf(termLevels(term(116, u32(1)), term(97, 1), 60)),
  "sets of 60 levels": () => listOf(termLevels(SET, term(106, MAP_SET), 60)),
  "maps of 60 levels that begin as sets": () =>
    listOf(termLevels(SET, term(97, 1, 97, 1, 97, 1), 30)),
  "one of 30 levels that begin as sets, with much inside": () =>
    term(
      ...new Array(30).fill(SET),
      listOf(term(106)),
      ...new Array(30).fill(term(106, 97, 1, 97, 1)),
    ),
  "keys": () => mapOf((i) => textOf(`k${i}`)),
  "keys that are the same": () => mapOf(() => textOf("k")),
  "keys that are indexes": () => mapOf((i) => textOf(`${4294967290 - i * 7}`)),
  "keys that are integers": () => mapOf(integerOf),
  "integers that are the same": () => mapOf(() => integerOf(1)),
  "texts before an integer": () =>
    mapOf((i) => i === 20_000 ? integerOf(1) : textOf(`${i}`)),
  "keys that are atoms": () => mapOf((i) => atomOf(`a${i}`)),
  "bigints of one hash": () => mapOf((i) => bigOf(BigInt(i + 1) << 64n)),
  "integers of one hash": () => mapOf((i) => integerOf(integers[i])),
  "floats of one hash": () => mapOf((i) => floatOf(floats[i % floats.length])),
  "digits of one hash": () => mapOf((i) => textOf(digits[i])),
  "digits of one hash beside an atom": () =>
    mapOf((i) => i === 20_000 ? atomOf("a") : textOf(digits[i])),
  "items of a set of one hash": () =>
    term(116, u32(2), atomOf("map"), mapOf((i) => textOf(digits[i])), MAP_SET),
  "lists that announce all bytes, and have none": () => {
    const bytes = Buffer.alloc(SIZE, 108);
    for (let i = 0; i < SIZE; i += 5) {
      bytes.writeUInt32BE(SIZE - i - 5, i + 1);
    }
    return bytes;
  },
  "functions": () => {
    const variables = listOf(term(97, 1), SIZE / 2);
    const rest = term(0, new Uint8Array(16), u32(0), u32(1), atomOf("m"));
    const names = term(97, 0, 97, 0, 88, NODE, new Uint8Array(12));
    let fun = variables;
    for (let i = 0; i < 40; i++) {
      const body = term(rest, names, fun);
      fun = term(112, u32(body.length + 4), body);
    }
    return fun;
  },
};

/** The atoms of a header: one of 255 characters. */
const HEADER = [knownAtom(Buffer.alloc(255, "x"), 0, 255)];

/** They compare times, so each runs alone. */
const SLOW = { tags: ["slow"] };

test("a term of Erlang's takes time linear in its length", SLOW, () => {
  const reader = new TermReader();
  for (const [what, make] of Object.entries(TERMS)) {
    const bytes = make();
    const read = () => reader.open(bytes, 0, bytes.length, HEADER).term();
    assertLinear(
      what,
      bytes.length,
      read,
      what.includes("atoms") ? ATOMS : undefined,
    );
  }
});

test("names of processes take linear time", SLOW, () => {
  // A signal to a name of the header has about 20 bytes.
  const names = ["'".padEnd(255, "A"), "'".padEnd(128).padEnd(255, "A")];
  for (const name of names) {
    const read = () => {
      for (let i = 0; i < SIZE / 20; i++) fromBeamName(name);
    };
    assertLinear(`the name ${name}`, SIZE, read, 60);
  }
});

test("random terms of Erlang's take time linear in their length", SLOW, () => {
  const random = new Random(SEED);
  const reader = new TermReader();
  const tags = [70, 77, 88, 90, 97, 98, 104, 105, 106, 107, 108, 109, 110];
  const pieces = [
    ...[...tags, 111, 112, 113, 116, 119, 120].map((tag) => term(tag)),
    ...[0, 1, 2, 255].map((byte) => term(byte)),
    ...[0, 1, 2, 13, 1000].map(u32),
    ...[integerOf(1), floatOf(1), textOf("text"), term(97, 1), term(106)],
    ...[atomOf("a"), NODE, MAP_SET, SET, term(SET, 106, MAP_SET)],
    ...[term(116, u32(1)), term(116, u32(13)), term(108, u32(1)), term(104, 1)],
  ];
  for (let i = 0; i < runs(RANDOM); i++) {
    // A few pieces, many times: what is invalid ends it.
    const few = Array.from(
      { length: 1 + random.below(4) },
      () => random.of(pieces),
    );
    const unit = term(...few);
    const bytes = listOf(unit);
    assertLinear(
      `pieces ${[...unit]}, ${commandOf(SEED)}`,
      bytes.length,
      () => reader.open(bytes).term(),
    );
  }
});

test(
  "fragments take time linear in their length, whichever signals they are of",
  SLOW,
  () => {
    const ids = (sequence: number, number: number) =>
      term(u32(0), u32(sequence), u32(0), u32(number));
    const many = Array.from({ length: 4000 }, (_, i) => i);
    const firsts = many.map((i) => term(ids(i, 9), 0, new Uint8Array(20)));
    const others = [8, 7, 6, 5, 4, 3, 2].flatMap((number) =>
      many.map((i) => ids(i, number))
    );
    // With the length and the tags of each frame.
    const bytes = [...firsts, ...others]
      .reduce((sum, { length }) => sum + 6 + length, 0);
    // With the lower limit, most signals are refused.
    for (const limit of [1 << 20, 64 << 20]) {
      assertLinear(`fragments with a limit of ${limit}`, bytes, () => {
        const fragments = new Fragments(
          1 << 20,
          new Budget(limit),
          new AtomCache(),
          () => false,
        );
        for (const each of firsts) fragments.begin(each, 0, each.length);
        for (const each of others) fragments.continue(each, 0, each.length);
      });
    }
  },
);
