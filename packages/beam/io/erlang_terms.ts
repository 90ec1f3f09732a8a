/** Terms in Erlang's syntax, in one line: the text of `~w` and `~p`. */

import type { Encoding } from "@otp/node/io/leader_operations";
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
import { bytesOf, byteText, charsOf, textOfAtom } from "./chardata.ts";

export interface WriteOptions {
  /** With `"latin1"`, code points above 255 are escaped. */
  encoding: Encoding;
  /** Writes lists and binaries of printable characters as strings. */
  strings: boolean;
}

/** Writes a term. */
export function writeTerm(term: unknown, options: WriteOptions): string {
  const { encoding, strings } = options;
  const atomic = atomicText(term, encoding);
  if (atomic !== undefined) return atomic;
  if (Array.isArray(term)) {
    const text = strings && term.length > 0
      ? printableList(term, encoding)
      : undefined;
    return text === undefined
      ? `[${writeItems(term, options)}]`
      : quoted(text, '"', encoding);
  }
  if (term instanceof ImproperList) {
    const tail = writeTerm(term.tail, options);
    return `[${writeItems(term.items, options)}|${tail}]`;
  }
  if (term instanceof Tuple) return `{${writeItems(term.elements, options)}}`;
  if (term instanceof Bitstring) return writeBits(term.bytes, term.bits);
  const bytes = bytesOf(term);
  if (bytes !== undefined) return writeBinary(bytes, options);
  if (!(term instanceof Map) && !isPlainObject(term as object)) {
    return inspectArgument(term);
  }
  const pairs = term instanceof Map
    ? [...term]
    : Object.entries(term as object);
  const written = pairs.map((pair) =>
    pair.map((each) => writeTerm(each, options)).join(" => ")
  );
  return `#{${written.join(",")}}`;
}

function writeItems(items: readonly unknown[], options: WriteOptions): string {
  return items.map((item) => writeTerm(item, options)).join(",");
}

/** The text of a number, an atom or an identifier; `undefined` for other terms. */
function atomicText(term: unknown, encoding: Encoding): string | undefined {
  const name = textOfAtom(term);
  if (name !== undefined) return atomText(name, encoding);
  if (typeof term === "bigint" || isInteger(term)) return String(term);
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

function writeBinary(
  bytes: Uint8Array,
  { encoding, strings }: WriteOptions,
): string {
  if (!strings || bytes.length === 0) return writeBits(bytes, 8);
  const utf8 = encoding === "unicode"
    ? charsOf(bytes, { encoding })
    : undefined;
  const text = utf8 ?? byteText(bytes);
  if (!isPrintable(text, encoding)) return writeBits(bytes, 8);
  // deno-lint-ignore no-control-regex
  const type = utf8 && /[^\u0000-\u007f]/.test(text) ? "/utf8" : "";
  return `<<${quoted(text, '"', "unicode")}${type}>>`;
}

/** Writes bytes, of which the last one has `last` bits. */
function writeBits(bytes: Uint8Array, last: number): string {
  const written = [...bytes].map((byte, i) =>
    i === bytes.length - 1 && last < 8
      ? `${byte >> (8 - last)}:${last}`
      : String(byte)
  );
  return `<<${written.join(",")}>>`;
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
