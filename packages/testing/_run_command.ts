/** A command that runs tests: it checks its arguments, announces filters, and closes with the true totals. */

import nodeProcess from "node:process";
import { inspect } from "@otp/processes/values/inspect";
import {
  announcementKey,
  claim,
  formatTotals,
  say,
  sayFilters,
} from "./_announcements.ts";
import { assertDeno } from "./_deno.ts";
import { NOT_ALIVE, parseTestArguments } from "./_arguments.ts";
import { splitCommandLine, type TestCommandLine } from "./_command_line.ts";
import {
  type DenoTestOptions,
  type RunResult,
  show,
  TestProcess,
} from "./_test_process.ts";
import { describeExclusions, faultsOfExclusions } from "./_totals.ts";
import { normalizeFilters } from "./filters.ts";

/** Runs the tests of a command line. Test files leave their records in the folder. */
export type RunTests = (
  line: TestCommandLine,
  folder: string,
) => Promise<RunResult>;

/**
 * Runs a command.
 *
 * @param args The command line.
 * @param help The text for `--help`.
 * @param runTests Runs the tests.
 * @returns The exit code: 0 if all tests that ran have passed, 2 after wrong arguments.
 */
export async function runCommand(
  args: readonly string[],
  help: string,
  runTests: RunTests,
): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    nodeProcess.stdout.write(help);
    return 0;
  }
  let line: TestCommandLine;
  try {
    assertDeno("run tests");
    line = splitCommandLine(args);
    check(line);
  } catch (error) {
    return refuse(error);
  }
  const folder = await Deno.makeTempDir({ prefix: "otp-test-" });
  try {
    announceGiven(line, folder);
    const started = performance.now();
    const result = await runTests(line, folder);
    return await close(line, result, (performance.now() - started) / 1000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Reports wrong arguments; returns the exit code. */
export function refuse(error: unknown): number {
  complain(`test: ${(error as Error).message}`);
  return 2;
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
  { ours }: TestCommandLine,
  folder: string,
): void {
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

/** Runs all files in one process, and shows its output at once. */
export async function runInOneProcess(
  line: TestCommandLine,
  folder: string,
  options: Pick<DenoTestOptions, "env" | "flags"> = {},
): Promise<RunResult> {
  // Ctrl-C ends deno test, which then reports its results so far.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    const process = new TestProcess(line, {
      ...options,
      args: line.paths,
      folder,
      write: show,
      // Deno would draw its progress on a terminal, over the lines of tests.
      hasErrors: Deno.stderr.isTerminal(),
      stdin: "inherit",
    });
    // Deno lists the failures itself.
    return { ...process.result(await process.ended), failures: [] };
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

/** Writes the report, and says how the run has ended; returns the exit code. */
async function close(
  line: TestCommandLine,
  { totals, failures, exclusions, ...result }: RunResult,
  seconds: number,
): Promise<number> {
  const { ours, report, mayExclude } = line;
  if (report === "-") nodeProcess.stdout.write(result.xml);
  else if (report !== undefined) await Deno.writeTextFile(report, result.xml);
  const faults = faultsOfExclusions(exclusions, mayExclude);
  const failed = [...failures, ...faults];
  totals.failed += faults.length;
  const code = result.code || (faults.length > 0 ? 1 : 0);
  // A run can fail without a failing test: by its coverage, or a missing file.
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  const ran = totals.passed + totals.failed;
  // A program that reads the report expects no other output.
  const tell = isReport(line) ? complain : say;
  if (ran === 0 && totals.excluded > 0) {
    tell("\nAll tests have been excluded.");
  }
  if (failed.length > 0) tell("\nFailed:");
  for (const each of failed) tell(`  ${each}`);
  tell(`\nFinished in ${seconds.toFixed(2)} seconds`);
  const why = describeExclusions(exclusions, result.ways);
  if (why !== undefined) tell(why);
  tell(formatTotals(totals));
  const isVain = parseTestArguments(ours).hasOnly && ran === 0;
  if (isVain) {
    complain(
      'The --only option was given to "deno task test" but no test was executed',
    );
  }
  tell(`${totals.passed} passed, ${totals.failed} failed`);
  return code !== 0 ? code : isVain ? 1 : 0;
}
