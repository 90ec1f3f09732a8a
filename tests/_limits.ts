/** A table of limits: how to fill each, what happens beyond it, and the sentence of a page that states it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "../packages/testing/tags.ts";
import { numbersIn } from "./_pages.ts";

/** A limit of the library. It has one of `give`, `takes` and `keeps`, by what happens beyond it. */
export interface Limit {
  what: string;
  /** The most that fits; read from the page if it is left out. */
  most?: number;
  /** The page that states it, and the words around its number, for which `#` stands. */
  stated?: readonly [page: string, sentence: string];
  /** How many fewer certainly fit: the form of a key takes some characters of its own. */
  slack?: number;
  /** Fills a new one to that number; throws an error of the library beyond the limit. */
  give?: (count: number) => unknown;
  /** Returns whether that number is taken. */
  takes?: (count: number) => boolean | Promise<boolean>;
  /** Returns how many of that number are kept, shown or taken: those beyond the limit are left out. */
  keeps?: (count: number) => number | Promise<number>;
}

/** Fills a limit, and exceeds it by one. */
export async function assertLimit(limit: Limit): Promise<void> {
  const { what, stated, slack = 0, give, takes, keeps } = limit;
  const [written] = stated === undefined ? [] : numbersIn(...stated);
  const { most = written } = limit;
  assert(most !== undefined, what);
  if (written !== undefined) assertEquals(written, most, what);
  if (takes !== undefined) {
    assertEquals([await takes(most), await takes(most + 1)], [true, false]);
  }
  if (keeps !== undefined) {
    for (const count of [most - 1, most, most + 1, 2 * most]) {
      assertEquals(await keeps(count), Math.min(count, most), `${count}`);
    }
  }
  if (give === undefined) return;
  await give(most - slack);
  const error = await assertRejects(
    async () => void await give(most + 1),
    Error,
    "Cannot ",
    what,
  );
  assert(error instanceof TypeError || error instanceof RangeError, what);
  assert(error.message.length < 1000, what);
}

/** A test of each limit. */
export function limitTests(limits: readonly Limit[]): void {
  for (const limit of limits) {
    test(`limit: ${limit.what}`, () => assertLimit(limit));
  }
}
