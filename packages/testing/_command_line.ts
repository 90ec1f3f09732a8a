/** The command line of a test run, split into the parts for the harness and for Deno. */

import { HARNESS_FLAGS } from "./_arguments.ts";
import { locateTestFile } from "./_files.ts";

/** Options of `deno test` whose value is an argument of its own. */
const VALUED =
  /^(-c|--(config|filter|shard|related|reporter|junit-path|retry|repeats|ext|import-map|cert|location|seed|preload|require|conditions|min-dep-age|coverage-threshold|node-modules-linker|inspect-publish-uid))$/;

export interface TestCommandLine {
  /** The harness's flags, which test files also read. */
  ours: string[];
  /** The options of `deno test`, without files and report. */
  denos: string[];
  /** The files and folders. */
  paths: string[];
  /** The arguments after `--`. */
  rest: string[];
  /** The path of the report, if the user wants one. */
  report: string | undefined;
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
  let mayExclude: string[] | undefined;
  let report: string | undefined;
  for (let i = 0; i < before.length; i++) {
    const arg = before[i];
    const [, name, equals, inline] = /^--([\w-]+)(?:(=)(.*))?$/s.exec(arg) ??
      [];
    const value = () => equals === "=" ? inline : before[++i] ?? "";
    if (HARNESS_FLAGS.includes(name)) ours.push(`--${name}=${value()}`);
    else if (name === "may-exclude") (mayExclude ??= []).push(value());
    else if (name === "junit-path") report = value() || "-";
    else if (VALUED.test(arg)) denos.push(arg, before[++i] ?? "");
    else if (arg.startsWith("-") && arg !== "-") denos.push(arg);
    else paths.push(locateTestFile(arg));
  }
  const isLive = ours.some((arg) => /^--s?name=/.test(arg));
  return { ours, denos, paths, rest, report, isLive, mayExclude };
}
