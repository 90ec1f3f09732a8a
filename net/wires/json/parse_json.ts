/**
 * The value of any JSON text, by `JSON.parse`: of those that `json_reader.ts` leaves to it.
 *
 * @module
 */

import { OverLimit } from "../over_limit.ts";
import { ProtocolError } from "./json_checks.ts";
import { latin1Text, utf8Text } from "./texts.ts";

/** The value of a JSON text, and whether it is nested deeper than its reader expects. */
export interface Parsed {
  /** The value. */
  value: unknown;
  /** Whether the JSON is nested deeper than the lower of the two bounds. */
  isDeep: boolean;
}

/**
 * The value of a JSON text, if it may be parsed.
 *
 * The depth is checked before that, as parsing and printing deep values costs far more than their
 * bytes.
 *
 * @throws {ProtocolError} If it is not UTF-8 or not JSON.
 * @throws {OverLimit} If it is nested deeper than `maxDepth`.
 */
export function parseJson(
  bytes: Uint8Array,
  maxDepth: number,
  deep: number = maxDepth,
  start = 0,
  end: number = bytes.length,
): Parsed {
  const found = scan(bytes, start, end, maxDepth, deep);
  const text = (found & NOT_ASCII) === 0
    ? latin1Text(bytes, start, end)
    : utf8Text(bytes, start, end);
  try {
    return {
      value: JSON.parse((found & INDEX) === 0 ? text : withoutIndexes(text)),
      isDeep: (found & DEEP) !== 0,
    };
  } catch {
    throw new ProtocolError("a frame is not JSON");
  }
}

/**
 * The text with the first digit of each string of digits escaped, but for keys.
 *
 * V8 puts short strings without escapes into one table for the whole program as it parses, and one
 * that spells an index of an array has that number for a hash. 1 MB of those that were chosen to meet
 * in one place held a node for 5 s, and strings that came before count too.
 */
function withoutIndexes(text: string): string {
  return text.replace(
    /(?<!\\)"([1-9])(?=[0-9]{7,9}"(?![ \t\n\r]*:))/g,
    '"\\u003$1',
  );
}

/** A result of {@linkcode scan}: the fast way of decoding is not possible. */
const NOT_ASCII = 1;
/** A result of {@linkcode scan}: more levels than the lower bound. */
const DEEP = 2;
/** A result of {@linkcode scan}: a string may spell a large index of an array. */
const INDEX = 4;

/** The number of digits of such a string: with fewer, few strings can be in one place. */
const MIN_DIGITS = 8;
const MAX_DIGITS = 10;

/** Sorts of bytes. */
const PLAIN = 0;
const QUOTE = 1;
const OPEN = 2;
const CLOSE = 3;
const HIGH = 4;
const BACKSLASH = 5;

function sortsOf(bytes: Record<string, number>): Uint8Array {
  const sorts = new Uint8Array(256).fill(HIGH, 0x80);
  for (const byte in bytes) sorts[byte.charCodeAt(0)] = bytes[byte];
  return sorts;
}

/** The sorts of bytes outside and inside of strings. */
const SORTS = sortsOf({
  '"': QUOTE,
  "[": OPEN,
  "{": OPEN,
  "]": CLOSE,
  "}": CLOSE,
});
const TEXT_SORTS = sortsOf({ '"': QUOTE, "\\": BACKSLASH });

/**
 * Looks at every byte of a JSON text once, before it is parsed: for its depth, for strings that spell an
 * index, and for whether it is ASCII.
 *
 * Parsing does not make this unnecessary. `JSON.parse` takes any depth, and has put the strings into its
 * table when it returns; and a walk through each value, which is the other way to learn its depth, takes as
 * long as this for objects (0.1 µs of 2.6 µs for one of 128 bytes), and longer for arrays of numbers. Long texts and bytes, of
 * which this took a third of the receiver's time, are attachments, and not looked at.
 *
 * A loop of its own for bytes of no meaning, and tables instead of comparisons, take 1.0 ns a byte of objects
 * and 0.75 of numbers, not 1.45.
 */
function scan(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxDepth: number,
  deep: number,
): number {
  let depth = 0;
  let bound = Math.min(deep, maxDepth);
  let found = 0;
  for (let i = start; i < end;) {
    let sort = SORTS[bytes[i++]];
    while (sort === PLAIN && i < end) sort = SORTS[bytes[i++]];
    if (sort === QUOTE) {
      const opened = i;
      while (i < end) {
        const inside = TEXT_SORTS[bytes[i++]];
        if (inside === PLAIN) continue;
        if (inside === QUOTE) break;
        // Behind a backslash is one more byte of the string.
        if (inside === HIGH || bytes[i++] > 0x7f) found |= NOT_ASCII;
      }
      const length = i - 1 - opened;
      if (
        length >= MIN_DIGITS && length <= MAX_DIGITS && (found & INDEX) === 0 &&
        areDigits(bytes, opened, i - 1)
      ) found |= INDEX;
    } else if (sort === OPEN) {
      if (++depth > bound) {
        if (depth > maxDepth) {
          throw new OverLimit(`JSON nested deeper than ${maxDepth} levels`);
        }
        bound = maxDepth;
      }
    } else if (sort === CLOSE) depth--;
    else if (sort === HIGH) found |= NOT_ASCII;
  }
  return found | (bound > deep ? DEEP : 0);
}

/**
 * Where the items of an array are in the bytes of its JSON, whatever their depth: pairs of start and end.
 *
 * @throws {ProtocolError} If it is not an array.
 */
export function itemsOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): [start: number, end: number][] {
  const items: [number, number][] = [];
  let depth = 0;
  let from = start;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    const sort = SORTS[byte];
    if (sort === QUOTE) {
      while (++i < end && bytes[i] !== 0x22) if (bytes[i] === 0x5c) i++;
    } else if (sort === OPEN) {
      if (++depth === 1) from = i + 1;
    } else if (depth === 1 && (byte === 0x2c || byte === 0x5d)) {
      items.push([from, i]);
      from = i + 1;
      if (byte === 0x5d) return items;
    } else if (sort === CLOSE) depth--;
  }
  throw new ProtocolError("a frame is not JSON");
}

function areDigits(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] < 0x30 || bytes[i] > 0x39) return false;
  }
  return true;
}
