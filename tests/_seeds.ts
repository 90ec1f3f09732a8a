/**
 * The seed of all random tests, and the command that repeats a failure.
 *
 * The seed is 1, so that each run of the tests does the same. `deno task fuzz` runs them with other seeds.
 * These environment variables change a run:
 *
 * - `FUZZ_SEED`: another seed, or `random`.
 * - `FUZZ_TIMES`: how many times as many runs each test makes; 0.1 in `deno task test`.
 * - `FUZZ_PATH`: the path from the seed to one life of a `simulation_*_test.ts`.
 * - `FUZZ_SHRINK=0`: a failing example is shown as it is, without being shrunk.
 */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { SeededRandom } from "../packages/testing/simulation/random.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

function setting(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}

function number(name: string, normal: number): number {
  const value = Number(setting(name) ?? normal);
  if (Number.isFinite(value)) return value;
  throw new TypeError(
    `Cannot use ${name}=${setting(name)}: it must be a number`,
  );
}

/** The seed of this test file. */
export const SEED: number = setting("FUZZ_SEED") === "random"
  ? Math.floor(Math.random() * 2 ** 31)
  : number("FUZZ_SEED", 1);

const TIMES = number("FUZZ_TIMES", 1);

/** The path from the seed to one life, if it is requested. */
export const PATH: string | undefined = setting("FUZZ_PATH");

/** Whether a failing example is shrunk. */
export const SHRINKS: boolean = setting("FUZZ_SHRINK") !== "0";

/** The number of runs of a test that normally makes `normal` ones. */
export function runs(normal: number): number {
  return Math.ceil(normal * TIMES);
}

/** The command that repeats a failure of this test file. */
export function commandOf(seed: number): string {
  const times = TIMES === 1 ? "" : ` FUZZ_TIMES=${TIMES}`;
  const file = relative(ROOT, fileURLToPath(Deno.mainModule));
  return `FUZZ_SEED=${seed}${times} deno test -P=dev ${file}`;
}

// A test can also fail without an error of its own, by a time limit for example.
if (setting("FUZZ_SEED") === "random") console.log(commandOf(SEED));

fc.configureGlobal({
  seed: SEED,
  numRuns: runs(100),
  endOnFailure: !SHRINKS,
  reporter(details) {
    if (!details.failed) return;
    const found = fc.defaultReportMessage(details);
    const { errorInstance: cause, seed } = details;
    throw new Error(`${found}\n\nRepeat it: ${commandOf(seed)}`, { cause });
  },
});

/** fast-check with the seed of this run. */
export default fc;

/** Choices that a seed determines. */
export class Random extends SeededRandom {
  /** One of these. */
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Random bytes, fewer than `end`. */
  bytes(end: number): Uint8Array {
    return this.randomBytes(this.below(end));
  }
}

/**
 * Calls `fn` a number of times, each time with another seed. An error says how to repeat all calls, and how to
 * begin with the one that failed.
 *
 * @param count The number of calls, from `runs`.
 */
export async function fuzz(
  count: number,
  fn: (random: Random, seed: number) => unknown,
): Promise<void> {
  for (let run = 0; run < count; run++) {
    const seed = SEED + run;
    try {
      await fn(new Random(seed), seed);
    } catch (cause) {
      throw new Error(
        `Run ${run} failed. Repeat all: ${commandOf(SEED)}; ` +
          `begin with the failed one: ${commandOf(seed)}`,
        { cause },
      );
    }
    // safe: it only lets other events happen; nothing depends on its length.
    if (run % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
}
