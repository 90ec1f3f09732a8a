/**
 * Runs the random tests with new seeds, each night for example: `deno task fuzz --minutes 60`.
 *
 * Other runs of the tests use the same seed each time. This task gives each file a new seed in each round, and ends
 * with the commands that repeat the failures. `--stalls` runs all tests in programs that stall at random places,
 * since a test must not depend on the speed of the machine.
 */

import { parseArgs } from "@std/cli/parse-args";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { findTestFiles } from "../packages/testing/_files.ts";
import { reaches } from "./coverage.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The import of a test that uses a seed. */
const USES_SEED = /from "[./]+\/_seeds\.ts"/;

/** The time after which a file has failed, in minutes. */
const TIME_LIMIT = 30;

/** How test files are run with a seed. */
interface Way {
  /** The environment variable of the seed. */
  variable: "FUZZ_SEED" | "STALL_SEED";
  /** The arguments of `deno test`. */
  options: readonly string[];
}

const RANDOM: Way = { variable: "FUZZ_SEED", options: ["-P=dev"] };
const STALLS: Way = {
  variable: "STALL_SEED",
  options: ["-A", "--preload", "tools/stalls.ts"],
};

/** The test files; if `isRandom`, only files whose random choices depend on a seed. */
function testFiles(isRandom: boolean): string[] {
  return findTestFiles([join(ROOT, "tests")], []).files
    .map((file) => relative(ROOT, file))
    .filter((file) => !isRandom || reaches(join(ROOT, file), USES_SEED));
}

/** Runs a file with a seed; returns the command that repeats it, if it fails. */
async function failureOf(
  { variable, options }: Way,
  file: string,
  seed: number,
): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    {
      args: ["test", ...options, "--no-check", file],
      cwd: ROOT,
      env: { [variable]: `${seed}`, NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(TIME_LIMIT * 60_000),
    },
  ).output();
  if (success) return;
  await Deno.stdout.write(stdout);
  await Deno.stderr.write(stderr);
  return `${variable}=${seed} deno test ${options.join(" ")} ${file}`;
}

const USAGE =
  `Runs the random tests with new seeds, or all tests in programs that stall.

deno task fuzz [--stalls] [--rounds N] [--minutes N] [FILE...]

--stalls      run all tests, in programs that stall at random places
--rounds N    run each file N times (default: 1)
--minutes N   end after that time, within a round if need be
`;

async function main(args: string[]): Promise<number> {
  let isWrong = false;
  const { _: files, rounds, minutes, stalls, help } = parseArgs(args, {
    string: ["rounds", "minutes"],
    boolean: ["help", "stalls"],
    unknown: (name) => {
      isWrong ||= name.startsWith("-");
      return !name.startsWith("-");
    },
  });
  const count = Number(rounds ?? (minutes === undefined ? 1 : Infinity));
  const end = performance.now() + Number(minutes ?? Infinity) * 60_000;
  if (help || isWrong || !(count > 0) || Number.isNaN(end)) {
    console.log(USAGE);
    return help ? 0 : 2;
  }
  const isOver = () => performance.now() >= end;
  const way = stalls ? STALLS : RANDOM;
  const all = files.length > 0 ? files.map(String) : testFiles(!stalls);
  const failures: string[] = [];
  let done = 0;
  for (let round = 0; round < count && !isOver(); round++) {
    for (const file of all) {
      if (isOver()) break;
      const seed = Math.floor(Math.random() * 2 ** 31);
      const started = performance.now();
      const failure = await failureOf(way, file, seed);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const result = failure === undefined ? "ok" : "FAILED";
      console.log(`${file}, seed ${seed}: ${result}, ${seconds} s`);
      done++;
      if (failure !== undefined) failures.push(failure);
    }
  }
  console.log(`\n${done} runs, ${failures.length} failed`);
  if (failures.length > 0) {
    console.log(["Repeat them:", ...failures].join("\n"));
  }
  return failures.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
