/** The history of figures: a slow rise fails, and an accepted one does not. */

import { assert, assertEquals } from "@std/assert";
import { compare, type Entry, TOLERANCE } from "../../bench/trend.ts";
import { test } from "../../packages/testing/tags.ts";
import { readPage } from "../_pages.ts";

function entry(calls: number, accepted?: string[]): Entry {
  return { commit: "c", date: "d", machine: "m", figures: { calls }, accepted };
}

function risen(history: Entry[], calls: number): boolean[] {
  return compare(history, { calls }).map(({ isRisen }) => isRisen);
}

test("compare() adds up small rises, and measures from the lowest entry", () => {
  assertEquals(risen([entry(100)], 105), [false]);
  assertEquals(risen([entry(100)], 106), [true]);
  assertEquals(risen([entry(100), entry(103)], 106), [true]);
  assertEquals(risen([entry(120), entry(100), entry(103)], 106), [true]);
});

test("compare() starts again at the last accepted rise of the figure", () => {
  const accepted = entry(120, ["calls"]);
  assertEquals(risen([entry(100), accepted], 126), [false]);
  assertEquals(risen([entry(100), accepted], 127), [true]);
  assertEquals(risen([entry(100), entry(120, ["others"])], 126), [true]);
});

test("compare() returns figures without an entry", () => {
  const [{ lowest, isRisen }] = compare([], { calls: 1 });
  assertEquals([lowest, isRisen], [undefined, false]);
});

test("bench/history.json has a reason for each rise above the tolerance", async () => {
  const history = JSON.parse(await readPage("bench/history.json")) as Entry[];
  assert(history.length > 1 && TOLERANCE < 1.1);
  for (
    const [index, { commit, figures, accepted = [], reason }] of history
      .entries()
  ) {
    const names = compare(history.slice(0, index), figures)
      .filter(({ isRisen }) => isRisen).map(({ name }) => name);
    assertEquals(names.filter((name) => !accepted.includes(name)), [], commit);
    assertEquals(accepted.length > 0, (reason ?? "") !== "", commit);
  }
});
