/**
 * Runs the tests of this repository: the harness's command, with files in processes of their own, several at once.
 *
 * `deno task test` and `deno task test:all` call it, with the plan `tests/plan.json`.
 *
 * @module
 */

import {
  announcementKey,
  claim,
} from "../../packages/testing/_announcements.ts";
import type { TestCommandLine } from "../../packages/testing/_command_line.ts";
import { isFile } from "../../packages/testing/_programs.ts";
import {
  refuse,
  runCommand,
  runInOneProcess,
} from "../../packages/testing/_run_command.ts";
import type { RunResult } from "../../packages/testing/_test_process.ts";
import type { Exclusions } from "../../packages/testing/_totals.ts";
import { parseFilter } from "../../packages/testing/filters.ts";
import { changedFiles } from "./changed_files.ts";
import { readPlan, type RunPlan } from "./plan.ts";
import { runQueue } from "./queue.ts";
import { makeSandbox, type Surroundings } from "./sandbox.ts";

const HELP = `Usage: deno task test [flags] [files]

Runs the tests as tests/plan.json says. Deno's own options, as in deno test --help, are passed on,
and so are the flags of the harness: docs/testing.md. A file may be named without its folder.

Flags:
  --jobs N           Run N files at once, each in a process of its own whose output is shown if it
                     fails; not on a live node, nor with options of Deno's that need one process,
                     as --watch, --inspect and --reporter do
  --plan FILE        The file that says how the files are run
  --all              Run also the tests that the plan excludes
  --only TAG[:VALUE] Run those tests alone; --include and --exclude work as well
  --may-exclude TAG  Fail if tests are excluded by any other tag, which may be a program that is not
                     installed; repeatable
  -h, --help         Show this
`;

/** Options of `deno test` that need all files in one process. */
const SINGLE =
  /^--(watch|watch-exclude|inspect|inspect-brk|inspect-wait|reporter|shard|changed|related|no-run|parallel)(=|$)/;

/** The runner's own part of a command line. */
interface OwnFlags {
  plan: RunPlan;
  isAll: boolean;
  /** The arguments for the harness and for Deno. */
  others: string[];
}

/**
 * Runs the tests.
 *
 * @param args The command line, as `--help` describes it.
 * @returns The exit code: 0 if all tests that ran have passed.
 */
export async function main(args: readonly string[]): Promise<number> {
  let own: OwnFlags;
  try {
    own = takeOwnFlags(args);
  } catch (error) {
    return refuse(error);
  }
  return await runCommand(
    own.others,
    HELP,
    (line, folder) => run(line, folder, own),
  );
}

/** Takes the runner's flags out of a command line. Throws a `TypeError` if a value is missing or wrong. */
function takeOwnFlags(args: readonly string[]): OwnFlags {
  const others: string[] = [];
  const given: { jobs?: string; plan?: string } = {};
  let isAll = false;
  const left = [...args];
  while (left.length > 0 && left[0] !== "--") {
    const arg = left.shift()!;
    const [, name, inline] = /^--(jobs|plan)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === "jobs" || name === "plan") {
      given[name] = inline ?? left.shift() ?? "";
      if (given[name] === "") {
        throw new TypeError(
          `Cannot use --${name} without a value; write --${name}=VALUE`,
        );
      }
    } else if (arg === "--all") isAll = true;
    else others.push(arg);
  }
  const plan = given.plan === undefined ? {} : readPlan(given.plan);
  if (given.jobs !== undefined) plan.jobs = jobsOf(given.jobs);
  return { plan, isAll, others: [...others, ...left] };
}

function jobsOf(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new TypeError(
    `Cannot use --jobs ${
      JSON.stringify(text)
    }: give a whole number from 1 to 999`,
  );
}

async function run(
  line: TestCommandLine,
  folder: string,
  { plan, isAll }: OwnFlags,
): Promise<RunResult> {
  const { denos, paths, isLive } = line;
  // A run of named files, or on a live node, includes all tests.
  const isWhole = isAll || isLive || (paths.length > 0 && paths.every(isFile));
  const flags: string[] = [];
  if (isWhole) plan.seconds = { ...plan.seconds, ...plan.allSeconds };
  else {
    for (const tag of plan.exclude ?? []) {
      // No file needs to announce what the plan excludes.
      claim(folder, announcementKey("exclude", parseFilter(tag)));
      flags.push(`--exclude=${tag}`);
    }
  }
  const isSingle = isLive || denos.some((arg) => SINGLE.test(arg)) ||
    paths.length === 1 && isFile(paths[0]) ||
    denos.some((arg) => /^--coverage(=|$)/.test(arg)) &&
      !denos.includes("--coverage-raw-data-only");
  const surroundings = async (): Promise<Surroundings> =>
    plan.sandbox && !isLive
      ? await makeSandbox(flags, folder)
      : { env: {}, flags, [Symbol.asyncDispose]: async () => {} };
  const { jobs } = plan;
  if (isSingle || jobs === undefined) {
    await using process = await surroundings();
    const result = await runInOneProcess(line, folder, process);
    return { ...result, ways: waysToRun(result.exclusions, plan) };
  }
  const before = plan.unchanged ? await changedFiles() : undefined;
  const result = await runQueue({ line, folder, plan, jobs, surroundings });
  if (before !== undefined) {
    for (const each of await changedFiles() ?? []) {
      if (before.includes(each)) continue;
      result.failures.push(
        `the run: it changed the repository (git status: ${each})`,
      );
      result.totals.failed++;
      result.code ||= 1;
    }
  }
  return { ...result, ways: waysToRun(result.exclusions, plan) };
}

/** Commands that make excluded tests run. */
function waysToRun(
  exclusions: Exclusions,
  { exclude = [], all, packages = {} }: RunPlan,
): string[] {
  const tags = Object.keys(exclusions);
  const wanted = new Set(
    tags.filter((tag) => packages[tag] !== undefined)
      .map((tag) => packages[tag]),
  );
  const ways: string[] = [];
  if (wanted.size > 0) ways.push(`apt-get install ${[...wanted].join(" ")}`);
  if (all !== undefined && tags.some((tag) => exclude.includes(tag))) {
    ways.push(all);
  }
  return ways;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
