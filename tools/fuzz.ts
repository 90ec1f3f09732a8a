/**
 * Runs the random tests with new seeds, each night for example: `deno task fuzz --minutes 60`.
 *
 * Other runs of the tests use the same seed each time. This task gives each file a new seed in each round, and ends
 * with the commands that repeat the failures.
 */

import { parseArgs } from "@std/cli/parse-args";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { findTestFiles } from "../testing/_files.ts";
import { reaches } from "./coverage.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The import of a test that uses a seed. */
const USES_SEED = /from "[./]+\/_seeds\.ts"/;

/** The time after which a file has failed, in minutes. */
const TIME_LIMIT = 30;

/** The test files whose random choices depend on a seed. */
function randomTests(): string[] {
  return findTestFiles([join(ROOT, "tests")], []).files
    .map((file) => relative(ROOT, file))
    .filter((file) => reaches(join(ROOT, file), USES_SEED));
}

/** Runs a file with a seed; returns the command that repeats it, if it fails. */
async function failureOf(
  file: string,
  seed: number,
): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    {
      args: ["test", "-P=dev", "--no-check", file],
      cwd: ROOT,
      env: { FUZZ_SEED: `${seed}`, NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(TIME_LIMIT * 60_000),
    },
  ).output();
  if (success) return;
  await Deno.stdout.write(stdout);
  await Deno.stderr.write(stderr);
  return `FUZZ_SEED=${seed} deno test -P=dev ${file}`;
}

const USAGE = `Runs the random tests with new seeds.

deno task fuzz [--rounds N] [--minutes N] [FILE...]

--rounds N    run each file N times (default: 1)
--minutes N   end after that time, within a round if need be
`;

async function main(args: string[]): Promise<number> {
  let isWrong = false;
  const { _: files, rounds, minutes, help } = parseArgs(args, {
    string: ["rounds", "minutes"],
    boolean: ["help"],
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
  const all = files.length > 0 ? files.map(String) : randomTests();
  const failures: string[] = [];
  let done = 0;
  for (let round = 0; round < count && !isOver(); round++) {
    for (const file of all) {
      if (isOver()) break;
      const seed = Math.floor(Math.random() * 2 ** 31);
      const started = performance.now();
      const failure = await failureOf(file, seed);
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
