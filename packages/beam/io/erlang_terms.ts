/** Terms in Erlang's syntax, in one line: the text of `~w` and `~p`. */

import { Bitstring } from "@otp/processes/values/bitstring";
import { Float } from "@otp/processes/values/float";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { ImproperList } from "@otp/processes/values/improper_list";
import { inspectArgument } from "@otp/processes/values/inspect";
import { Pid, Ref } from "@otp/processes/values/pid";
import { Port } from "@otp/processes/values/port";
import { isPlainObject } from "@otp/processes/values/term";
import { Tuple } from "@otp/processes/values/tuple";
import {
  bytesOf,
  byteText,
  charsOf,
  type Encoding,
  textOfAtom,
} from "./chardata.ts";

/** Thrown for a format that does not fit its arguments, and for output that is too long. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** Larger integers are refused: converting a huge one to digits takes seconds. */
const MAX_BIGINT = 10n ** 10_000n;

/** The number of characters that a request may still produce. */
export class OutputBudget {
  #left: number;

  constructor(characters: number) {
    this.#left = characters;
  }

  /** Subtracts the length of `text`, and returns `text`. Throws a `FormatError` if `text` is longer than the budget. */
  spend(text: string): string {
    this.check(text.length);
    this.#left -= text.length;
    return text;
  }

  /** Copies the budget for a text that the caller spends as a whole later. */
  copy(): OutputBudget {
    return new OutputBudget(this.#left);
  }

  /** Throws if `characters` exceed the budget. */
  check(characters: number): void {
    if (characters > this.#left) {
      throw new FormatError("the output has too many characters");
    }
  }
}

export interface WriteOptions {
  /** With `"latin1"`, code points above 255 are escaped. */
  encoding: Encoding;
  /** Writes lists and binaries of printable characters as strings. */
  strings: boolean;
  mapsOrder: "undefined" | "ordered" | "reversed";
  budget: OutputBudget;
}

/**
 * Writes a term.
 *
 * @param depth The number of levels, and of items in one level, before `...`; a negative depth has no limit.
 */
export function writeTerm(
  term: unknown,
  depth: number,
  options: WriteOptions,
): string {
  const { budget, encoding, strings } = options;
  if (depth === 0) return budget.spend("...");
  const atomic = atomicText(term, encoding);
  if (atomic !== undefined) return budget.spend(atomic);
  if (Array.isArray(term)) {
    const text = strings && term.length > 0 && depth !== 1
      ? printableList(term, encoding)
      : undefined;
    return text === undefined
      ? `[${writeItems(term, depth, "|", options)}]`
      : budget.spend(quoted(text, '"', encoding));
  }
  if (term instanceof ImproperList) {
    return `[${writeTail(term, depth, options)}]`;
  }
  if (term instanceof Tuple) {
    return `{${writeItems(term.elements, depth, ",", options)}}`;
  }
  const bits = bitsOf(term);
  if (bits !== undefined) return budget.spend(writeBits(bits, depth, options));
  const pairs = pairsOf(term, options.mapsOrder);
  if (pairs === undefined) return budget.spend(inspectArgument(term));
  const written = upTo(pairs, depth).map((pair) => {
    budget.spend(" => ,");
    return pair.map((each) => writeTerm(each, depth - 1, options)).join(" => ");
  });
  return `#{${withDots(written, pairs, ",")}}`;
}

/** Each item of a list or tuple has one level less than the item before it. */
function writeItems(
  items: readonly unknown[],
  depth: number,
  beforeDots: string,
  options: WriteOptions,
): string {
  const written = upTo(items, depth).map((item, i) => {
    options.budget.spend(",");
    return writeTerm(item, depth - 1 - i, options);
  });
  return withDots(written, items, beforeDots);
}

function writeTail(
  { items, tail }: ImproperList,
  depth: number,
  options: WriteOptions,
): string {
  const text = writeItems(items, depth, "|", options);
  if (upTo(items, depth).length < items.length) return text;
  const left = depth - 1 - items.length;
  return `${text}|${writeTerm(tail, depth < 0 ? depth : left, options)}`;
}

/** The items that are written: one fewer than the depth. */
function upTo<T>(items: readonly T[], depth: number): readonly T[] {
  return depth < 0 ? items : items.slice(0, depth - 1);
}

function withDots(
  written: readonly string[],
  items: { readonly length: number },
  beforeDots: string,
): string {
  const text = written.join(",");
  if (written.length === items.length) return text;
  return `${text}${text && beforeDots}...`;
}

/** The text of a number, an atom or an identifier; `undefined` for other terms. */
function atomicText(term: unknown, encoding: Encoding): string | undefined {
  const name = textOfAtom(term);
  if (name !== undefined) return atomText(name, encoding);
  if (typeof term === "bigint" || isInteger(term)) {
    return integerText(BigInt(term), 10);
  }
  if (typeof term === "number") return floatText(term);
  if (term instanceof Float) return floatText(term.value);
  if (term instanceof Pid) return term.toString().replace("#PID", "");
  if (term instanceof Ref) return term.toString().replace("erence", "");
  if (term instanceof Port) return term.toString();
  if (term instanceof ExternalFunction) {
    const [module, name] = [term.module, term.function]
      .map((each) => atomText(each, encoding));
    return `fun ${module}:${name}/${term.arity}`;
  }
  if (term instanceof LocalFunction) {
    const { module, index, uniq } = term;
    return `#Fun<${atomText(module, encoding)}.${index}.${uniq}>`;
  }
  return undefined;
}

/** Returns whether Erlang has the number as an integer; larger integers are bigints here. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** Returns the digits of an integer. Throws a `FormatError` if the integer has too many digits. */
export function integerText(value: bigint, base: number): string {
  if (value >= MAX_BIGINT || value <= -MAX_BIGINT) {
    throw new FormatError("an integer has too many digits");
  }
  return value.toString(base);
}

/** Returns the shortest digits that identify a float, in the shorter notation; always scientific from 2^53. */
function floatText(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  const [mantissa, power] = size.toExponential().split("e");
  const scientific = `${withPoint(mantissa)}e${Number(power)}`;
  if (size >= 2 ** 53) return sign + scientific;
  // JavaScript's own text is scientific below 1e-6: there, scientific is shorter.
  const plain = String(size);
  const isShort = !plain.includes("e") &&
    withPoint(plain).length <= scientific.length;
  return sign + (isShort ? withPoint(plain) : scientific);
}

function withPoint(digits: string): string {
  return digits.includes(".") ? digits : `${digits}.0`;
}

/** The bytes of a binary or bitstring, and how many bits of the last byte count. */
interface Bits {
  bytes: Uint8Array;
  last: number;
}

function bitsOf(term: unknown): Bits | undefined {
  if (term instanceof Bitstring) return { bytes: term.bytes, last: term.bits };
  const bytes = bytesOf(term);
  return bytes && { bytes, last: 8 };
}

function writeBits(
  { bytes, last }: Bits,
  depth: number,
  { encoding, strings }: WriteOptions,
): string {
  if (strings && last === 8 && bytes.length > 0 && depth !== 1) {
    const utf8 = encoding === "unicode"
      ? charsOf(bytes, { encoding })
      : undefined;
    const text = utf8 ?? byteText(bytes);
    if (isPrintable(text, encoding)) {
      // As in Erlang, a level is worth four characters of a string.
      const shown = depth < 0
        ? text
        : [...text].slice(0, 4 * (depth - 1)).join("");
      // deno-lint-ignore no-control-regex
      const type = utf8 && /[^\u0000-\u007f]/.test(shown) ? "/utf8" : "";
      const dots = shown === text ? "" : "...";
      return `<<${quoted(shown, '"', "unicode")}${type}${dots}>>`;
    }
  }
  const written = upTo([...bytes], depth).map((byte, i) =>
    i === bytes.length - 1 && last < 8
      ? `${byte >> (8 - last)}:${last}`
      : String(byte)
  );
  return `<<${withDots(written, bytes, ",")}>>`;
}

// deno-lint-ignore no-control-regex
const PRINTABLE_LATIN1 = /^[\b-\r\x1b -~\xa0-\xff]*$/;
const PRINTABLE =
  // deno-lint-ignore no-control-regex
  /^[\b-\r\x1b -~\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

function printableList(
  list: readonly unknown[],
  encoding: Encoding,
): string | undefined {
  if (list.some((item) => typeof item !== "number")) return undefined;
  const text = charsOf(list, { encoding });
  return text !== undefined && isPrintable(text, encoding) ? text : undefined;
}

function isPrintable(text: string, encoding: Encoding): boolean {
  return (encoding === "unicode" ? PRINTABLE : PRINTABLE_LATIN1).test(text);
}

const RESERVED: ReadonlySet<string> = new Set(
  ("after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not of or " +
    "orelse receive rem try when xor").split(" "),
);

const UNQUOTED = /^[a-zß-öø-ÿ][\w@À-ÖØ-öø-ÿ]*$/;

/** An atom, in quotes if it needs them. */
function atomText(name: string, encoding: Encoding): string {
  return UNQUOTED.test(name) && !RESERVED.has(name)
    ? name
    : quoted(name, "'", encoding);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\b": "\\b",
  "\f": "\\f",
  "\x1b": "\\e",
  "\x7f": "\\d",
  "\\": "\\\\",
};

/** A text in quotes, with Erlang's escape sequences. */
function quoted(text: string, quote: string, encoding: Encoding): string {
  const escaped = text.replace(
    encoding === "latin1"
      // deno-lint-ignore no-control-regex
      ? /["'\\\u0000-\u001f\u007f-\u009f]|[\u{100}-\u{10ffff}]/gu
      // deno-lint-ignore no-control-regex
      : /["'\\\u0000-\u001f\u007f-\u009f]/gu,
    (character) => {
      if (character === quote) return `\\${quote}`;
      if (/["']/.test(character)) return character;
      const code = character.codePointAt(0)!;
      return ESCAPES[character] ??
        (code > 255
          ? `\\x{${code.toString(16).toUpperCase()}}`
          : `\\${code.toString(8).padStart(3, "0")}`);
    },
  );
  return quote + escaped + quote;
}

function pairsOf(
  term: unknown,
  order: WriteOptions["mapsOrder"],
): [unknown, unknown][] | undefined {
  if (!(term instanceof Map) && !isPlainObject(term as object)) {
    return undefined;
  }
  const pairs: [unknown, unknown][] = term instanceof Map
    ? [...term]
    : Object.entries(term as Record<string, unknown>);
  if (order === "undefined") return pairs;
  pairs.sort(([one], [other]) => compareTerms(one, other));
  return order === "ordered" ? pairs : pairs.reverse();
}

/** Erlang's order of types. */
const TYPES: readonly ((term: unknown) => boolean)[] = [
  (term) =>
    typeof term === "number" || typeof term === "bigint" ||
    term instanceof Float,
  (term) => textOfAtom(term) !== undefined,
  (term) => term instanceof Ref,
  (term) => term instanceof ExternalFunction || term instanceof LocalFunction,
  (term) => term instanceof Port,
  (term) => term instanceof Pid,
  (term) => term instanceof Tuple,
  (term) => term instanceof Map || isPlainObject(term as object),
  (term) => Array.isArray(term) || term instanceof ImproperList,
  (term) => bitsOf(term) !== undefined,
];

/** Erlang's order of terms. Maps, identifiers and functions are ordered by their text instead. */
function compareTerms(one: unknown, other: unknown): number {
  const [type, otherType] = [one, other]
    .map((term) => TYPES.findIndex((isType) => isType(term)));
  if (type !== otherType) return type - otherType;
  const [items, others] = [one, other].map(itemsOf);
  if (items === undefined || others === undefined) {
    const [key, otherKey] = [one, other].map((term) =>
      type === 0 ? term as number : textOfAtom(term) ?? inspectArgument(term)
    );
    return key < otherKey ? -1 : key > otherKey ? 1 : 0;
  }
  const length = items.length - others.length;
  if (one instanceof Tuple && length !== 0) return length;
  for (const [i, item] of items.slice(0, others.length).entries()) {
    const difference = compareTerms(item, others[i]);
    if (difference !== 0) return difference;
  }
  return length;
}

/** The items by which a collection is ordered; `undefined` for other terms. */
function itemsOf(term: unknown): readonly unknown[] | undefined {
  if (term instanceof Tuple) return term.elements;
  if (term instanceof ImproperList) return [...term.items, term.tail];
  if (Array.isArray(term)) return term;
  const bits = bitsOf(term);
  return bits && [...bits.bytes];
}
