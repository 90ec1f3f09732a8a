/** Keys that fall into one bucket are found before a map is made of them. */

import { assertEquals } from "@std/assert";
import {
  isCrowded,
  isIndex,
} from "../../../packages/processes/values/hash_collisions.ts";
import { test } from "../../../packages/testing/tags.ts";

function keys<T>(count: number, key: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => key(n));
}

/** Keys, and whether they are crowded: more than 32 comparisons per key, on average. */
const KEYS: [what: string, keys: unknown[], isCrowded: boolean][] = [
  ["bigints with the same 64 bits", keys(66, (n) => BigInt(n) << 64n), true],
  ["just few enough", keys(65, (n) => BigInt(n) << 64n), false],
  ["negative ones", keys(66, (n) => -(BigInt(n + 1) << 64n)), true],
  ["bigints with different bits", keys(2000, (n) => BigInt(n)), false],
  ["indexes", keys(2000, (n) => `${(n + 1) * 4096}`), true],
  ["indexes in a row", keys(2000, (n) => `${n + 1}`), false],
  ["strings that are no indexes", keys(2000, (n) => `x${n * 4096}`), false],
  ["strings that are too long", keys(2000, (n) => `${1e10 + n * 4096}`), false],
  ["integers", keys(2000, (n) => n), false],
  ["floats", keys(2000, (n) => n + 0.5), false],
  ["one integer again and again", keys(66, () => 7), true],
  ["one float again and again", keys(66, () => 7.5), true],
  ["other values", keys(2000, () => ({})), false],
];

test("isCrowded() finds keys of one bucket", () => {
  for (const [what, keys, expected] of KEYS) {
    assertEquals(isCrowded(keys.length, keys), expected, what);
  }
});

test("isIndex() tells the texts of indexes", () => {
  for (const text of ["1", "9", "10", "4294967294", "9999999999"]) {
    assertEquals(isIndex(text), true, text);
  }
  for (const text of ["", "0", "01", "1.5", "-1", "1x", "10000000000"]) {
    assertEquals(isIndex(text), false, text);
  }
});
