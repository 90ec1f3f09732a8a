/**
 * The order of keys: that of their bytes in UTF-8, as databases compare them. The code units of JavaScript have another
 * order, for characters beyond 16 bits.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Compares two keys. */
export function compareKeys(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** A part of all keys, with one bound on each side: an index can start at the lower and end at the upper. */
export interface KeyRange {
  /** The lower bound, and whether it is a key of the part. */
  from: string;
  operator: ">" | ">=";
  /** The first text after all keys of the part; `undefined` if there is none. */
  below: string | undefined;
}

/** The keys after one, of those with a prefix. */
export function keyRange(after: string, prefix: string): KeyRange {
  const below = afterPrefix(prefix);
  return compareKeys(after, prefix) >= 0
    ? { from: after, operator: ">", below }
    : { from: prefix, operator: ">=", below };
}

/** Returns the first text after all that begin with a prefix. */
function afterPrefix(prefix: string): string | undefined {
  const characters = [...prefix];
  for (;;) {
    const code = characters.pop()?.codePointAt(0);
    if (code === undefined) return undefined;
    if (code === 0x10ffff) continue;
    // The codes of surrogates are no characters.
    const next = code === 0xd7ff ? 0xe000 : code + 1;
    return characters.join("") + String.fromCodePoint(next);
  }
}
