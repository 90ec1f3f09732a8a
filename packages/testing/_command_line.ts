/** The command line of a test run, split into the parts for the harness and for Deno. */

import { HARNESS_FLAGS } from "./_arguments.ts";
import { locateTestFile } from "./_files.ts";
import { isFile } from "./_programs.ts";
import { readPlan, type RunPlan } from "./_run_plan.ts";

/** The flags of the runner; each takes a value. */
const RUN_FLAGS = ["jobs", "plan"];

/** Options of `deno test` whose value is an argument of its own. */
const VALUED =
  /^(-c|--(config|filter|shard|related|reporter|junit-path|retry|repeats|ext|import-map|cert|location|seed|preload|require|conditions|min-dep-age|coverage-threshold|node-modules-linker|inspect-publish-uid))$/;

/** Options of `deno test` that need all files in one process. */
const SINGLE =
  /^--(watch|watch-exclude|inspect|inspect-brk|inspect-wait|reporter|shard|changed|related|no-run|parallel)(=|$)/;

export interface TestCommandLine {
  /** The harness's flags, which test files also read. */
  ours: string[];
  /** The flags of the harness that the plan adds. */
  planned: string[];
  /** The options of `deno test`, without files and report. */
  denos: string[];
  /** The files and folders. */
  paths: string[];
  /** The arguments after `--`. */
  rest: string[];
  /** The path of the report, if the user wants one. */
  report: string | undefined;
  plan: RunPlan;
  /** The number of files that run at once; without it, all run in one process. */
  jobs: number | undefined;
  /** Whether the tests run on a live node. */
  isLive: boolean;
  /** The tags that may exclude tests; if missing, all tags. */
  mayExclude: string[] | undefined;
}

/** Splits a command line. Throws a `TypeError` if a value is missing or invalid. */
export function splitCommandLine(args: readonly string[]): TestCommandLine {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);
  const ours: string[] = [];
  const denos: string[] = [];
  const paths: string[] = [];
  const given = new Map<string, string>();
  let isAll = false;
  let mayExclude: string[] | undefined;
  let report: string | undefined;
  for (let i = 0; i < before.length; i++) {
    const arg = before[i];
    const [, name, equals, inline] = /^--([\w-]+)(?:(=)(.*))?$/s.exec(arg) ??
      [];
    const value = () => equals === "=" ? inline : before[++i] ?? "";
    if (HARNESS_FLAGS.includes(name)) ours.push(`--${name}=${value()}`);
    else if (RUN_FLAGS.includes(name)) given.set(name, value());
    else if (name === "may-exclude") (mayExclude ??= []).push(value());
    else if (arg === "--all") isAll = true;
    else if (name === "junit-path") report = value() || "-";
    else if (VALUED.test(arg)) denos.push(arg, before[++i] ?? "");
    else if (arg.startsWith("-") && arg !== "-") denos.push(arg);
    else paths.push(locateTestFile(arg));
  }
  const plan = planOf(given);
  const isLive = ours.some((arg) => /^--s?name=/.test(arg));
  const isSingle = isLive || denos.some((arg) => SINGLE.test(arg)) ||
    denos.some((arg) => /^--coverage(=|$)/.test(arg)) &&
      !denos.includes("--coverage-raw-data-only");
  // A run of named files, or on a live node, includes all tests.
  const isWhole = isAll || isLive || (paths.length > 0 && paths.every(isFile));
  return {
    ours,
    planned: isWhole
      ? []
      : (plan.exclude ?? []).map((each) => `--exclude=${each}`),
    denos,
    paths,
    rest,
    report,
    plan: isWhole
      ? { ...plan, seconds: { ...plan.seconds, ...plan.allSeconds } }
      : plan,
    jobs: isSingle ? undefined : plan.jobs,
    isLive,
    mayExclude,
  };
}

function planOf(given: ReadonlyMap<string, string>): RunPlan {
  for (const [name, value] of given) {
    if (value === "") {
      throw new TypeError(
        `Cannot use --${name} without a value; write --${name}=VALUE`,
      );
    }
  }
  const file = given.get("plan");
  const plan = file === undefined ? {} : readPlan(file);
  const jobs = given.get("jobs");
  return jobs === undefined ? plan : { ...plan, jobs: jobsOf(jobs) };
}

function jobsOf(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new TypeError(
    `Cannot use --jobs ${
      JSON.stringify(text)
    }: give a whole number from 1 to 999`,
  );
}
