/**
 * Runs a project's tests: `deno test` with ExUnit's filters, a live node on request, and the true totals at the end.
 *
 * @module
 */

import nodeProcess from "node:process";
import { inspect } from "@otp/processes/values/inspect";
import {
  announcementKey,
  claim,
  formatTotals,
  say,
  sayFilters,
} from "./_announcements.ts";
import type { RunPlan } from "./_run_plan.ts";
import { assertDeno } from "./_deno.ts";
import { NOT_ALIVE, parseTestArguments } from "./_arguments.ts";
import { splitCommandLine, type TestCommandLine } from "./_command_line.ts";
import { denoTest, show } from "./_test_process.ts";
import { isFile } from "./_programs.ts";
import { describeExclusions, faultsOfExclusions } from "./_totals.ts";
import { runQueue, type RunResult } from "./_queue.ts";
import { normalizeFilters } from "./filters.ts";

const HELP = `Usage: deno task test [flags] [files]

Runs the tests. Deno's own options, as in deno test --help, are passed on. A file may be named
without its folder.

Flags:
  --include TAG[:VALUE]  Run tests that have the tag, whatever excludes them; repeatable
  --exclude TAG[:VALUE]  Do not run tests that have the tag; repeatable
  --only TAG[:VALUE]     Run those tests alone; repeatable
  --sname NAME           Run distributed tests on a live node of that name, as in sophie@localhost
  --name NAME            The same with a long name, as in sophie@host.example.org
  --cookie SECRET        The secret of the cluster; others on this machine can see it
  --cookie-file FILE     A file with the secret [$HOME/.erlang.cookie]
  --epmd-port PORT       EPMD's port [ERL_EPMD_PORT, or 4369]
  --jobs N               Run N files at once, each in a process of its own whose output is shown
                         if it fails; not on a live node, nor with options of Deno's that need
                         one process, as --watch, --inspect and --reporter do
  --plan FILE            A file that says how the project's files are run, as docs/testing.md describes
  --all                  Run also the tests that the plan excludes
  --may-exclude TAG      Fail if tests are excluded by any other tag, which may be a program that
                         is not installed; repeatable
  -h, --help             Show this
`;

/**
 * Runs the tests.
 *
 * @param args The command line, as `--help` describes it.
 * @returns The exit code: 0 if all tests that ran have passed.
 *
 * @example Usage
 * ```ts ignore
 * import { main } from "@otp/distribution/testing/main";
 *
 * Deno.exit(await main(["-A", "--only", "distributed", "--sname", "sophie@localhost"]));
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    nodeProcess.stdout.write(HELP);
    return 0;
  }
  let line: TestCommandLine;
  try {
    assertDeno("run tests");
    line = splitCommandLine(args);
    check(line);
  } catch (error) {
    nodeProcess.stderr.write(`test: ${(error as Error).message}\n`);
    return 2;
  }
  const folder = await Deno.makeTempDir({ prefix: "otp-test-" });
  try {
    announceGiven(line, folder);
    return await run(line, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function check({ ours, denos }: TestCommandLine): void {
  const { node } = parseTestArguments(ours);
  if (node !== undefined && denos.includes("--parallel")) {
    throw new TypeError(
      `Cannot run in parallel on ${
        inspect(node.name)
      }: a node has one name; leave out --parallel, or --sname`,
    );
  }
}

/** Prints the exclusions and inclusions of the command line, so that no file needs to. */
function announceGiven(
  { ours, planned }: TestCommandLine,
  folder: string,
): void {
  for (const filter of parseTestArguments(planned).filters.exclude) {
    claim(folder, announcementKey("exclude", filter));
  }
  const { filters: { include, exclude }, node } = parseTestArguments(ours);
  const filters = normalizeFilters({
    include,
    exclude: node === undefined ? [...exclude, NOT_ALIVE] : exclude,
  });
  for (const kind of ["exclude", "include"] as const) {
    for (const filter of filters[kind]) {
      claim(folder, announcementKey(kind, filter));
    }
    sayFilters(kind, filters[kind]);
  }
}

async function run(line: TestCommandLine, folder: string): Promise<number> {
  const started = performance.now();
  const { ours, paths, report, jobs, plan } = line;
  const isOneFile = paths.length === 1 && isFile(paths[0]);
  const atOnce = isOneFile ? undefined : jobs;
  const before = plan.unchanged && atOnce !== undefined
    ? await changedFiles()
    : undefined;
  const result = atOnce === undefined
    ? await runInOneProcess(line, folder)
    : await runQueue(line, atOnce, folder);
  if (report === "-") nodeProcess.stdout.write(result.xml);
  else if (report !== undefined) await Deno.writeTextFile(report, result.xml);
  const faults = [
    ...faultsOfExclusions(result.exclusions, line.mayExclude),
    ...before === undefined ? [] : await faultsOfFiles(before),
  ];
  if (faults.length > 0) {
    result.failures.push(...faults);
    result.totals.failed += faults.length;
    result.code ||= 1;
  }
  return close(result, {
    plan,
    hasOnly: parseTestArguments(ours).hasOnly,
    seconds: (performance.now() - started) / 1000,
    // A program that reads the report expects no other output.
    say: isReport(line) ? complain : say,
  });
}

/** The changed files of the repository, as git lists them: a line each; nothing without git or a repository. */
async function changedFiles(): Promise<string[] | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["status", "--porcelain", "--untracked-files=all"],
      stdin: "null",
      stderr: "null",
    }).output();
    if (!success) return undefined;
    const text = new TextDecoder().decode(stdout);
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The files that tests have changed. */
async function faultsOfFiles(before: readonly string[]): Promise<string[]> {
  const after = await changedFiles() ?? [];
  return after.filter((line) => !before.includes(line))
    .map((line) => `the run: it changed the repository (git status: ${line})`);
}

/** Runs all files in one process, and shows its output at once. */
async function runInOneProcess(
  line: TestCommandLine,
  folder: string,
): Promise<RunResult> {
  // Ctrl-C ends deno test, which then reports its results so far.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    const result = await denoTest(line, {
      args: line.paths,
      folder,
      write: show,
      // Deno would draw its progress on a terminal, over the lines of tests.
      hasErrors: Deno.stderr.isTerminal(),
      stdin: "inherit",
    });
    // Deno lists the failures itself.
    return { ...result, failures: [] };
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
  }
}

/** Whether standard output is for a report. */
function isReport({ denos, report }: TestCommandLine): boolean {
  return report === "-" ||
    denos.some((arg) => /^--reporter=(junit|tap)$/.test(arg)) ||
    /^(junit|tap)$/.test(denos[denos.indexOf("--reporter") + 1] ?? "");
}

function complain(line: string): void {
  nodeProcess.stderr.write(`${line}\n`);
}

/** The options for closing a run. */
interface Ending {
  plan: RunPlan;
  hasOnly: boolean;
  seconds: number;
  say: (line: string) => void;
}

function close(
  { code, totals, exclusions, failures }: RunResult,
  { plan, hasOnly, seconds, say }: Ending,
): number {
  // A run can fail without a failing test: by its coverage, or a missing file.
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  const { passed, failed, excluded } = totals;
  const ran = passed + failed;
  if (ran === 0 && excluded > 0) say("\nAll tests have been excluded.");
  if (failures.length > 0) say("\nFailed:");
  for (const each of failures) say(`  ${each}`);
  say(`\nFinished in ${seconds.toFixed(2)} seconds`);
  const why = describeExclusions(exclusions, plan);
  if (why !== undefined) say(why);
  say(formatTotals(totals));
  const isVain = hasOnly && ran === 0;
  if (isVain) {
    complain(
      'The --only option was given to "deno task test" but no test was executed',
    );
  }
  say(`${passed} passed, ${failed} failed`);
  return code !== 0 ? code : isVain ? 1 : 0;
}

if (import.meta.main) nodeProcess.exit(await main(nodeProcess.argv.slice(2)));
