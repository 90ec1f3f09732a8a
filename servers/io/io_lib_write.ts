/**
 * Terms as Erlang writes them, in one line: `io_lib:write/2`.
 *
 * @module
 */

import { Bitstring } from "../../runtime/values/bitstring.ts";
import { Float } from "../../runtime/values/float.ts";
import {
  ExternalFunction,
  LocalFunction,
} from "../../runtime/values/functions.ts";
import { ImproperList } from "../../runtime/values/improper_list.ts";
import { inspectArgument } from "../../runtime/values/inspect.ts";
import { Pid, Ref } from "../../runtime/values/pid.ts";
import { Port } from "../../runtime/values/port.ts";
import { isPlainObject } from "../../runtime/values/term.ts";
import { Tuple } from "../../runtime/values/tuple.ts";
import { bytesOf, type Encoding, textOfAtom } from "./chardata.ts";

/** A format that does not fit its arguments, or output that is too long. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** Integers beyond it are refused: the digits of a huge one take seconds. */
const MAX_BIGINT = 10n ** 10_000n;

/** The characters that a request may still make. */
export class OutputBudget {
  #left: number;

  /** Begins with a number of characters. */
  constructor(characters: number) {
    this.#left = characters;
  }

  /**
   * Counts a text.
   *
   * @throws {FormatError} If there are too many characters.
   */
  spend(text: string): string {
    this.check(text.length);
    this.#left -= text.length;
    return text;
  }

  /** A budget of what is left, for a text that is counted as a whole later. */
  part(): OutputBudget {
    return new OutputBudget(this.#left);
  }

  /** Throws if there is no room for that many. */
  check(characters: number): void {
    if (characters > this.#left) {
      throw new FormatError("the output has too many characters");
    }
  }
}

/** In which order the pairs of a map are written. */
export type MapsOrder = "undefined" | "ordered" | "reversed";

/** How terms are written. */
export interface WriteOptions {
  /** Whether atoms and strings have characters above 255, or escapes of these. */
  encoding: Encoding;
  /** The levels and items that are written; all, if it is negative. */
  depth: number;
  /** The order of maps. */
  mapsOrder: MapsOrder;
  /** The remaining output. */
  budget: OutputBudget;
}

/** A term in one line. */
export function writeTerm(term: unknown, options: WriteOptions): string {
  return write(term, options.depth, options);
}

function write(term: unknown, depth: number, options: WriteOptions): string {
  const { budget } = options;
  if (depth === 0) return budget.spend("...");
  const leaf = writeLeaf(term, options.encoding);
  if (leaf !== undefined) return budget.spend(leaf);
  const bits = bitsOf(term);
  if (bits !== undefined) {
    return budget.spend(`<<${writeBytes(bits, depth).join("")}>>`);
  }
  if (Array.isArray(term) || term instanceof ImproperList) {
    if (Array.isArray(term) && term.length === 0) return budget.spend("[]");
    if (depth === 1) return budget.spend("[...]");
    return `[${writeList(term, depth, options)}]`;
  }
  if (term instanceof Tuple) {
    if (term.length === 0) return budget.spend("{}");
    if (depth === 1) return budget.spend("{...}");
    return `{${writeItems(term.elements, depth, ",", options)}}`;
  }
  const pairs = pairsOf(term, options);
  if (pairs === undefined) return budget.spend(inspectArgument(term));
  return writeMap(pairs, depth, options);
}

function writeList(
  list: readonly unknown[] | ImproperList,
  depth: number,
  options: WriteOptions,
): string {
  if (Array.isArray(list)) return writeItems(list, depth, "|", options);
  const { items, tail } = list as ImproperList;
  const text = writeItems(items, depth, "|", options);
  const left = depth - 1 - items.length;
  if (depth > 0 && left < 1) {
    return text.endsWith("|...") ? text : `${text}|...`;
  }
  return `${text}|${write(tail, left, options)}`;
}

function writeItems(
  items: readonly unknown[],
  depth: number,
  beforeDots: string,
  options: WriteOptions,
): string {
  const { budget } = options;
  const written: string[] = [];
  let left = depth - 1;
  for (const item of items) {
    if (written.length > 0 && left === 1) {
      return budget.spend(`${written.join(",")}${beforeDots}...`);
    }
    if (written.length > 0) left--;
    budget.spend(",");
    written.push(write(item, written.length === 0 ? depth - 1 : left, options));
  }
  return written.join(",");
}

function writeMap(
  pairs: readonly (readonly [unknown, unknown])[],
  depth: number,
  options: WriteOptions,
): string {
  const { budget } = options;
  if (depth === 1 || pairs.length === 0) return budget.spend("#{}");
  const written: string[] = [];
  for (const [key, value] of pairs) {
    budget.spend(" => ,");
    written.push(
      `${write(key, depth - 1, options)} => ${
        write(value, depth - 1, options)
      }`,
    );
    // As in OTP, also behind the last pair.
    if (depth - written.length === 1) {
      written.push("...");
      break;
    }
  }
  return `#{${written.join(",")}}`;
}

/** The text of a term without parts; `undefined` of others. */
export function writeLeaf(
  term: unknown,
  encoding: Encoding,
): string | undefined {
  switch (typeof term) {
    case "number":
      return isInteger(term) ? String(BigInt(term)) : floatText(term);
    case "bigint":
      return integerText(term, 10);
    case "boolean":
    case "undefined":
      return String(term);
    case "object":
      break;
    default:
      return undefined;
  }
  const name = textOfAtom(term);
  if (name !== undefined) return writeAtom(name, encoding);
  if (term instanceof Float) return floatText(term.value);
  if (term instanceof Pid) return term.toString().replace("#PID", "");
  if (term instanceof Ref) return term.toString().replace("erence", "");
  if (term instanceof Port) return term.toString();
  if (term instanceof ExternalFunction) {
    const { module, function: fn, arity } = term;
    return `fun ${writeAtom(module, encoding)}:${
      writeAtom(fn, encoding)
    }/${arity}`;
  }
  if (term instanceof LocalFunction) {
    const { module, index, uniq } = term;
    return `#Fun<${writeAtom(module, encoding)}.${index}.${uniq}>`;
  }
  return undefined;
}

/** Whether a number is an integer of Erlang: larger ones are bigints, and whole numbers beyond these floats. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/**
 * The digits of an integer.
 *
 * @throws {FormatError} If there are too many.
 */
export function integerText(value: bigint, base: number): string {
  if (value >= MAX_BIGINT || value <= -MAX_BIGINT) {
    throw new FormatError("an integer has too many digits");
  }
  return value.toString(base);
}

/** The fewest digits that identify a float, in the shorter of both notations. */
export function floatText(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa, power] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  const scientific = `${digits[0]}.${digits.slice(1) || "0"}e${exponent}`;
  if (Math.abs(value) >= 2 ** 53) return sign + scientific;
  let fixed: string;
  if (exponent < 0) fixed = `0.${"0".repeat(-exponent - 1)}${digits}`;
  else {
    const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
    fixed = `${whole}.${digits.slice(exponent + 1) || "0"}`;
  }
  return sign + (fixed.length <= scientific.length ? fixed : scientific);
}

/** The bytes of a binary or bitstring, and the number of bits of its last byte that count. */
export interface Bits {
  /** The bytes. */
  bytes: Uint8Array;
  /** The number of bits of the last one. */
  last: number;
}

/** The bits of a term; `undefined` of others. */
export function bitsOf(term: unknown): Bits | undefined {
  if (term instanceof Bitstring) return { bytes: term.bytes, last: term.bits };
  const bytes = bytesOf(term);
  return bytes && { bytes, last: 8 };
}

/** The parts between the brackets of a binary: numbers, and what is between them. */
export function writeBytes({ bytes, last }: Bits, depth: number): string[] {
  const parts: string[] = [];
  let left = depth;
  for (let i = 0; i < bytes.length; i++) {
    if (left-- === 1) {
      parts.push("...");
      break;
    }
    const isLast = i === bytes.length - 1;
    if (!isLast) parts.push(String(bytes[i]), ",");
    else if (last === 8) parts.push(String(bytes[i]));
    else parts.push(String(bytes[i] >> (8 - last)), ":", String(last));
  }
  return parts;
}

const RESERVED: ReadonlySet<string> = new Set(
  ("after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not of or " +
    "orelse receive rem try when xor").split(" "),
);

const UNQUOTED = /^[a-zß-öø-ÿ][\w@À-ÖØ-öø-ÿ]*$/;

/** An atom, in quotes if it needs them. */
export function writeAtom(name: string, encoding: Encoding): string {
  return UNQUOTED.test(name) && !RESERVED.has(name)
    ? name
    : writeString(name, "'", encoding);
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
};

/** A text in quotes. */
export function writeString(
  text: string,
  quote: string,
  encoding: Encoding,
): string {
  const escaped = text.replace(
    encoding === "latin1"
      // deno-lint-ignore no-control-regex
      ? /["'\\\u0000-\u001f\u007f-\u009f]|[\u{100}-\u{10ffff}]/gu
      // deno-lint-ignore no-control-regex
      : /["'\\\u0000-\u001f\u007f-\u009f]/gu,
    (character) => escape(character, quote),
  );
  return quote + escaped + quote;
}

function escape(character: string, quote: string): string {
  if (character === "\\" || character === quote) return `\\${character}`;
  if (character === '"' || character === "'") return character;
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0)!;
  return code > 255
    ? `\\x{${code.toString(16).toUpperCase()}}`
    : `\\${code.toString(8).padStart(3, "0")}`;
}

/** The pairs of a map in the order of an option; `undefined` if the term is another one. */
export function pairsOf(
  term: unknown,
  { mapsOrder }: Pick<WriteOptions, "mapsOrder">,
): [unknown, unknown][] | undefined {
  if (typeof term !== "object" || term === null) return undefined;
  const isMap = term instanceof Map;
  if (!isMap && !isPlainObject(term)) return undefined;
  const pairs: [unknown, unknown][] = isMap
    ? [...term]
    : Object.entries(term as Record<string, unknown>);
  if (mapsOrder === "undefined") return pairs;
  pairs.sort(([one], [other]) => compareTerms(one, other));
  return mapsOrder === "ordered" ? pairs : pairs.reverse();
}

/** The place of a term's type in Erlang's order of terms. */
function rankOf(term: unknown): number {
  if (typeof term === "number" || typeof term === "bigint") return 0;
  if (term instanceof Float) return 0;
  if (textOfAtom(term) !== undefined) return 1;
  if (term instanceof Ref) return 2;
  if (term instanceof ExternalFunction || term instanceof LocalFunction) {
    return 3;
  }
  if (term instanceof Port) return 4;
  if (term instanceof Pid) return 5;
  if (term instanceof Tuple) return 6;
  if (Array.isArray(term) || term instanceof ImproperList) return 8;
  return bitsOf(term) === undefined ? 7 : 9;
}

/** Erlang's order of terms: of numbers, atoms, tuples, lists and binaries; of others, that of their text. */
function compareTerms(one: unknown, other: unknown): number {
  const rank = rankOf(one);
  const difference = rank - rankOf(other);
  if (difference !== 0) return difference;
  switch (rank) {
    case 0:
      return compare(one as number, other as number);
    case 1:
      return compare(textOfAtom(one)!, textOfAtom(other)!);
    case 6: {
      const { elements } = one as Tuple;
      const others = (other as Tuple).elements;
      return elements.length - others.length || compareItems(elements, others);
    }
    case 8:
      return compareItems(itemsOf(one), itemsOf(other));
    case 9: {
      const { bytes } = bitsOf(one)!;
      return compareItems([...bytes], [...bitsOf(other)!.bytes]);
    }
    default:
      return compare(inspectArgument(one), inspectArgument(other));
  }
}

function itemsOf(list: unknown): readonly unknown[] {
  return list instanceof ImproperList
    ? [...list.items, list.tail]
    : list as unknown[];
}

function compareItems(
  items: readonly unknown[],
  others: readonly unknown[],
): number {
  const length = Math.min(items.length, others.length);
  for (let i = 0; i < length; i++) {
    const difference = compareTerms(items[i], others[i]);
    if (difference !== 0) return difference;
  }
  return items.length - others.length;
}

function compare<T extends number | string>(one: T, other: T): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
