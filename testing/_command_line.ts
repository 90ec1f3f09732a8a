/**
 * The command line of a test run, split by who reads it.
 *
 * @module
 */

import { HARNESS_FLAGS } from "./_arguments.ts";

/** The flags that say how files are run; each takes a value. */
const RUN_FLAGS = ["jobs", "first", "alone", "retry-files"];

/** Options of `deno test` whose value is an argument of its own. */
const VALUED =
  /^(-c|--(config|filter|shard|related|reporter|junit-path|retry|repeats|ext|import-map|cert|location|seed|preload|require|conditions|min-dep-age|coverage-threshold|node-modules-linker|inspect-publish-uid))$/;

/** Options of `deno test` that need all files in one process. */
const SINGLE =
  /^--(watch|watch-exclude|inspect|inspect-brk|inspect-wait|reporter|shard|changed|related|no-run|parallel)(=|$)/;

/** How files are run. */
export interface Jobs {
  /** The number of files that run at once. */
  atOnce: number;
  /** The files to start with. */
  first: string[];
  /** The files to run by themselves, when the others have ended. */
  alone: string[];
  /** The number of failed files that may be run once more. */
  retries: number;
}

/** The command line of a test run. */
export interface TestCommandLine {
  /** The flags of the harness, which test files read too. */
  ours: string[];
  /** The options of `deno test`, without files and report. */
  denos: string[];
  /** The files and folders. */
  paths: string[];
  /** The arguments after `--`. */
  rest: string[];
  /** Where the user wants a report. */
  report: string | undefined;
  /** How files are run; without it, in one process. */
  jobs: Jobs | undefined;
}

/**
 * Splits a command line.
 *
 * @throws {TypeError} If a value is missing or invalid.
 */
export function splitCommandLine(args: readonly string[]): TestCommandLine {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);
  const ours: string[] = [];
  const denos: string[] = [];
  const paths: string[] = [];
  const given = new Map<string, string[]>();
  let report: string | undefined;
  for (let i = 0; i < before.length; i++) {
    const arg = before[i];
    const [, name, equals, inline] = /^--([\w-]+)(?:(=)(.*))?$/s.exec(arg) ??
      [];
    const value = () => equals === "=" ? inline : before[++i] ?? "";
    if (HARNESS_FLAGS.includes(name)) ours.push(`--${name}=${value()}`);
    else if (RUN_FLAGS.includes(name)) {
      given.set(name, [...given.get(name) ?? [], value()]);
    } else if (name === "junit-path") report = value() || "-";
    else if (VALUED.test(arg)) denos.push(arg, before[++i] ?? "");
    else if (arg.startsWith("-") && arg !== "-") denos.push(arg);
    else paths.push(arg);
  }
  const jobs = jobsOf(given);
  const isSingle = denos.some((arg) => SINGLE.test(arg)) ||
    denos.some((arg) => /^--coverage(=|$)/.test(arg)) &&
      !denos.includes("--coverage-raw-data-only") ||
    ours.some((arg) => /^--s?name=/.test(arg));
  return {
    ours,
    denos,
    paths,
    rest,
    report,
    jobs: isSingle ? undefined : jobs,
  };
}

function jobsOf(given: ReadonlyMap<string, string[]>): Jobs | undefined {
  for (const [name, values] of given) {
    if (values.includes("")) {
      throw new TypeError(
        `Cannot use --${name} without a value; write --${name}=VALUE`,
      );
    }
  }
  const atOnce = given.get("jobs")?.at(-1);
  if (atOnce === undefined && given.size > 0) {
    throw new TypeError(
      `Cannot use --${[...given.keys()][0]} without --jobs; add --jobs 1`,
    );
  }
  return atOnce === undefined ? undefined : {
    atOnce: numberOf("jobs", atOnce, 1),
    first: given.get("first") ?? [],
    alone: given.get("alone") ?? [],
    retries: numberOf("retry-files", given.get("retry-files")?.at(-1) ?? "0"),
  };
}

function numberOf(name: string, text: string, least = 0): number {
  const number = Number(text);
  if (/^\d{1,3}$/.test(text) && number >= least) return number;
  throw new TypeError(
    `Cannot use --${name} ${
      JSON.stringify(text)
    }: give a whole number from ${least} to 999`,
  );
}
