/** Detects memory that should have been released: the heap shows it. */

import { assertLess } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";

/** The number of characters of a key, so that a retained one shows. */
const SIZE = 10_000;
const ROUNDS = 3;
const MEGABYTE = 1 << 20;

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;

/** The memory in use after garbage collection, in bytes. */
async function used(): Promise<number> {
  // safe: a turn, so that finished code lets go of its values; the heap decides
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  return Deno.memoryUsage().heapUsed;
}

let made = 0;

/** Returns a key that differs from all others. */
export function newKey(): string {
  return `${++made} `.padEnd(SIZE, "k");
}

/** Uses `count` new keys, one after the other. */
export async function useKeys(
  count: number,
  use: (key: string) => unknown,
): Promise<void> {
  for (let i = 0; i < count; i++) await use(newKey());
}

/** Asserts that a function, which uses so many new keys, retains none of them. */
export async function assertForgets(
  fn: () => void | Promise<void>,
  keys: number,
): Promise<void> {
  await fn();
  const before = await used();
  for (let round = 0; round < ROUNDS; round++) await fn();
  const grown = await used() - before;
  // A retained key costs more than its characters.
  const all = ROUNDS * keys * SIZE;
  assertLess(
    grown,
    all / 4,
    `${Math.round(all / MEGABYTE)} MiB of keys were used`,
  );
}
