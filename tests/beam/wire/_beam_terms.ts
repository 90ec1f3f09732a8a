/** Values that can be sent to a BEAM: generators, their source in Elixir, and the values that come back. */

import { Buffer } from "node:buffer";
import { Pid } from "../../../packages/processes/process.ts";
import { Atom, atom } from "../../../packages/processes/values/atom.ts";
import { Bitstring } from "../../../packages/processes/values/bitstring.ts";
import { Float } from "../../../packages/processes/values/float.ts";
import { ExternalFunction } from "../../../packages/processes/values/functions.ts";
import { ImproperList } from "../../../packages/processes/values/improper_list.ts";
import { pidOf, Ref, refOf } from "../../../packages/processes/values/pid.ts";
import { Port } from "../../../packages/processes/values/port.ts";
import { defineProto } from "../../../packages/processes/values/term.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import fc from "../../_seeds.ts";
import { contents, objectOf } from "../../_terms.ts";

const NODES = ["kate@localhost", "alex@localhost", "a-b_c@host.example"];

const KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "then",
  "length",
  "",
  "0",
];

const EDGES = [7, 8, 16, 31, 32, 48, 52, 53, 63, 64, 2032, 2040];

function integers(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.integer({ min: -300, max: 300 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.tuple(fc.constantFrom(...EDGES), fc.integer({ min: -2, max: 2 })).map(
      ([bits, more]) => 2n ** BigInt(bits) + BigInt(more),
    ),
    fc.constantFrom(2 ** 53, -(2 ** 53), 1e21, 2 ** 31, -(2 ** 31) - 1),
  );
}

function words(count: number): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1)), {
    minLength: count,
    maxLength: count,
  });
}

function names(): fc.Arbitrary<unknown> {
  const node = fc.constantFrom(...NODES);
  return fc.oneof(
    fc.tuple(node, words(3)).map(([node, [id, serial, creation]]) =>
      pidOf(node, id, serial, creation)
    ),
    fc.tuple(node, fc.nat()).map(([node, id]) => new Pid(node, id, 7)),
    fc.tuple(node, fc.maxSafeInteger()).map(([node, id]) =>
      new Ref(node, Math.abs(id), 7)
    ),
    fc.tuple(node, fc.integer({ min: 1, max: 5 }).chain(words), words(1)).map(
      ([node, all, [creation]]) => refOf(node, all, creation),
    ),
    fc.tuple(node, words(3)).map(([node, [upper, lower, creation]]) =>
      new Port(node, (BigInt(upper) << 32n) | BigInt(lower), creation)
    ),
  );
}

function atomNames(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom("ok", "Elixir.Chat", "", "ünïcode", "日本", "nil", "true"),
    fc.string({ maxLength: 30 }),
    // Up to 1,020 bytes: the formats of atoms have a length of one byte, or of two.
    fc.tuple(fc.constantFrom("x", "é", "日", "\u{1f600}"), fc.nat(255)).map((
      [text, count],
    ) => text.repeat(count)),
  );
}

function texts(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ minLength: 20, maxLength: 60 }),
    fc.string({ unit: "binary", minLength: 20, maxLength: 60 }),
    fc.constantFrom("\ufeffx", "y".repeat(300), "é".repeat(150)),
  );
}

function leaf(): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 3, arbitrary: texts() },
    { weight: 3, arbitrary: integers() },
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
    fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1e300)).map((each) =>
      new Float(each)
    ),
    fc.constantFrom(true, false, null, undefined, -0),
    fc.date({
      min: new Date(-62e12),
      max: new Date(253e12),
      noInvalidDate: true,
    }),
    fc.uint8Array({ maxLength: 20 }),
    fc.float64Array({ maxLength: 2 }),
    fc.uint8Array({ maxLength: 8 }).map((each) => each.slice().buffer),
    atomNames().map(atom),
    names(),
    fc.tuple(fc.uint8Array({ minLength: 1 }), fc.integer({ min: 1, max: 7 }))
      .map(([bytes, bits]) => new Bitstring(bytes, bits)),
    fc.tuple(atomNames(), atomNames(), fc.nat(255)).map((
      [module, name, arity],
    ) => new ExternalFunction(module, name, arity)),
    fc.tuple(fc.constantFrom("Error", "TypeError", "ErrnoException"), texts())
      .map(([name, message]) => Object.assign(new Error(message), { name })),
  );
}

/** Arbitrary values that a BEAM can receive, of limited depth. */
export function beamTerm(): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.string(), fc.constantFrom(...KEYS));
  return fc.letrec((tie) => {
    const term = tie("term");
    const items = fc.array(term, { maxLength: 4 });
    const distinct = fc.uniqueArray(term, {
      maxLength: 3,
      selector: (value) => described(backFromBeam(value)),
    });
    return {
      term: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        leaf(),
        items,
        fc.array(fc.nat(300), { maxLength: 20 }),
        items.map((each) => new Tuple(each)),
        fc.tuple(fc.array(term, { minLength: 1, maxLength: 4 }), leaf()).map(
          ([items, tail]) => new ImproperList(items, tail),
        ),
        fc.array(fc.tuple(key, term), { maxLength: 5 }).map(objectOf),
        distinct.map((keys) => new Map(keys.map((key, i) => [key, i]))),
        fc.uniqueArray(key, { maxLength: 5 }).map((keys) =>
          new Map(keys.map((key, i) => [key, i]))
        ),
        distinct.map((keys) => new Set(keys)),
      ),
    };
  }).term;
}

/** The value that comes back from a BEAM, by the table of `docs/elixir.md`. */
export function backFromBeam(value: unknown): unknown {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case "object":
      return value === null ? null : objectBack(value);
    default:
      return value;
  }
}

function objectBack(value: object): unknown {
  if (Array.isArray(value)) return Array.from(value, backFromBeam);
  if (value instanceof Tuple) {
    return new Tuple(value.elements.map(backFromBeam));
  }
  if (value instanceof ImproperList) {
    return new ImproperList(
      value.items.map(backFromBeam),
      backFromBeam(value.tail),
    );
  }
  if (value instanceof Map) {
    return mapBack([...value].map((each) => each.map(backFromBeam)));
  }
  if (value instanceof Set) return new Set([...value].map(backFromBeam));
  if (value instanceof Float) {
    return Number.isSafeInteger(value.value) ? value : value.value;
  }
  if (value instanceof Atom) {
    switch (value.name) {
      case "true":
        return true;
      case "false":
        return false;
      case "nil":
        return null;
      case "undefined":
        return undefined;
      default:
        return value;
    }
  }
  if (value instanceof Error) {
    return Object.assign(new Error(value.message), { name: value.name });
  }
  const bytes = bytesOf(value);
  if (bytes !== undefined) {
    const text = Buffer.from(bytes).toString();
    return Buffer.from(text).equals(bytes) ? text : Uint8Array.from(bytes);
  }
  return Object.getPrototypeOf(value) === Object.prototype
    ? mapBack(Object.entries(value).map((each) => each.map(backFromBeam)))
    : value;
}

function mapBack(entries: unknown[][]): unknown {
  if (entries.some(([key]) => typeof key !== "string")) {
    return new Map(entries as [unknown, unknown][]);
  }
  const object: Record<string, unknown> = {};
  for (const [key, value] of entries as [string, unknown][]) {
    if (key === "__proto__") defineProto(object, value);
    else object[key] = value;
  }
  return object;
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value === "string") return Buffer.from(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : undefined;
}

/** A description by which values are equal; the order of a map's keys is of no account. */
export function described(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : `${typeof value} ${String(value)}`;
  }
  const type = value instanceof Error
    ? "Error"
    : Object.getPrototypeOf(value)?.constructor?.name;
  return `${type}(${parts(value).join()})`;
}

function parts(value: object): string[] {
  if (value instanceof Map) return entries([...value]);
  if (value instanceof Set) return [...value].map(described).sort();
  if (value instanceof Error) return [value.name, value.message];
  return Object.getPrototypeOf(value) === Object.prototype
    ? entries(Object.entries(value))
    : contents(value).map(described);
}

function entries(of: unknown[][]): string[] {
  return of.map((each) => each.map(described).join(" => ")).sort();
}

/** The value's source in Elixir, written without the codec. */
export function sourceOf(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? `${value}`
        : floatSource(value);
    case "object":
      return value === null ? "nil" : objectSource(value);
    case "undefined":
      return ":undefined";
    case "string":
      return textSource(value);
    default:
      return `${value}`;
  }
}

function floatSource(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const [digits, exponent] = value.toExponential().split("e");
  return `${digits.includes(".") ? digits : `${digits}.0`}e${
    exponent.replace("+", "")
  }`;
}

function binarySource(bytes: Uint8Array): string {
  return `<<${[...bytes].join()}>>`;
}

function textSource(text: string): string {
  return `"${
    text.replace(
      /[^ !$-[\]-~]/gu,
      (each) => `\\u{${each.codePointAt(0)!.toString(16)}}`,
    )
  }"`;
}

function atomSource(name: string): string {
  // Elixir counts the characters of an atom's source with the escapes.
  return `String.to_atom(${textSource(name)})`;
}

function listSource(items: readonly unknown[]): string {
  return items.map(sourceOf).join();
}

/** A pid, reference or port in the external format, as Erlang's documentation has it. */
function nameSource(head: number[], node: string, words: number[]): string {
  const tail = Buffer.alloc(4 * words.length);
  words.forEach((word, i) => tail.writeUInt32BE(word, 4 * i));
  const atom = [119, node.length, ...Buffer.from(node)];
  return `:erlang.binary_to_term(${
    binarySource(Uint8Array.from([131, ...head, ...atom, ...tail]))
  })`;
}

function objectSource(value: object): string {
  if (Array.isArray(value)) return `[${listSource(value)}]`;
  if (value instanceof Tuple) return `{${listSource(value.elements)}}`;
  if (value instanceof ImproperList) {
    return `[${listSource(value.items)} | ${sourceOf(value.tail)}]`;
  }
  if (value instanceof Atom) return atomSource(value.name);
  if (value instanceof Float) return floatSource(value.value);
  if (value instanceof Map) return mapSource([...value]);
  if (value instanceof Set) return `MapSet.new([${listSource([...value])}])`;
  if (value instanceof Date) {
    return `DateTime.from_unix!(${value.getTime()}, :millisecond)`;
  }
  if (value instanceof Error) {
    const name = value.name === "Error" ? "" : `(${value.name}) `;
    return `%RuntimeError{message: ${sourceOf(name + value.message)}}`;
  }
  if (value instanceof Pid) {
    return nameSource([88], value.node, [
      value.id,
      value.serial,
      value.creation,
    ]);
  }
  if (value instanceof Ref) {
    const { node, words, creation } = value;
    return nameSource([90, 0, words.length], node, [creation, ...words]);
  }
  if (value instanceof Port) {
    const id = BigInt(value.id);
    return nameSource([120], value.node, [
      Number(id >> 32n),
      Number(id & 0xffff_ffffn),
      value.creation,
    ]);
  }
  if (value instanceof Bitstring) {
    const bytes = [...value.bytes];
    const last = bytes.pop()! >> (8 - value.bits);
    return `<<${[...bytes, `${last}::${value.bits}`].join()}>>`;
  }
  if (value instanceof ExternalFunction) {
    return `:erlang.make_fun(${atomSource(value.module)}, ${
      atomSource(value.function)
    }, ${value.arity})`;
  }
  const bytes = bytesOf(value);
  return bytes === undefined
    ? mapSource(Object.entries(value))
    : binarySource(bytes);
}

function mapSource(entries: unknown[][]): string {
  const sources = entries.map((each) => each.map(sourceOf).join(" => "));
  return `%{${sources.sort().join()}}`;
}

/** An encoding at the edge of the format, and the bytes that OTP writes for the term that it reads. */
export interface Edge {
  bytes: Uint8Array;
  /** Undefined if OTP refuses the bytes. */
  written: Uint8Array | undefined;
  /** Whether bytes that OTP reads are refused here. */
  isStricter: boolean;
}

/** The table of encodings in `tests/beam/wire/etf_edges.txt`. */
export async function edges(): Promise<Edge[]> {
  const file = new URL("./etf_edges.txt", import.meta.url);
  const lines = (await Deno.readTextFile(file)).split("\n");
  return lines.filter((line) => /^[0-9a-f]/.test(line)).map((line) => {
    const [bytes, written, mark] = line.split(" ");
    return {
      bytes: Uint8Array.fromHex(bytes),
      written: written === "refused" ? undefined : Uint8Array.fromHex(written),
      isStricter: mark === "!",
    };
  });
}
