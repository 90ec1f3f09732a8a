/** A table by words does what a `Map` does. */

import { assertEquals } from "@std/assert";
import { WordsMap } from "../../../packages/processes/collections/words_map.ts";
import { test } from "../../../packages/testing/tags.ts";
import fc from "../../_seeds.ts";

/** Few words, so that operations meet the same ones. */
const words = fc.array(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1), {
  maxLength: 3,
});

test("WordsMap has the entries of a Map after random operations", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(words, fc.option(fc.nat()))),
    (operations) => {
      const map = new WordsMap<number>();
      const expected = new Map<string, number>();
      for (const [key, value] of operations) {
        if (value === null) {
          map.delete(key);
          expected.delete(`${key}`);
        } else {
          map.set(key, value);
          expected.set(`${key}`, value);
        }
        assertEquals(map.get(key), expected.get(`${key}`));
        assertEquals(map.size, expected.size);
      }
      for (const [key] of operations) {
        assertEquals(map.get(key), expected.get(`${key}`));
      }
    },
  ));
});

test("WordsMap keeps apart words whose hash is the same", () => {
  const map = new WordsMap<number>();
  // More entries than a hash of 32 bits can keep apart: some share one.
  const count = 300_000;
  for (let n = 0; n < count; n++) map.set([n, n ^ 0x5bd1e995, 7], n);
  assertEquals(map.size, count);
  for (let n = 0; n < count; n += 2) map.delete([n, n ^ 0x5bd1e995, 7]);
  let wrong = 0;
  for (let n = 0; n < count; n++) {
    const found = map.get([n, n ^ 0x5bd1e995, 7]);
    if (found !== (n % 2 === 0 ? undefined : n)) wrong++;
  }
  assertEquals([wrong, map.size], [0, count / 2]);
});
