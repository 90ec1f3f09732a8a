/**
 * Runs a project's tests: `deno test` with ExUnit's filters, a live node where one is asked for, and
 * the true totals at the end.
 *
 * @example As a project's own task, in `deno.json`
 * ```json
 * { "tasks": { "test": "deno run -A jsr:@otp/distribution/testing/main -A" } }
 * ```
 *
 * @module
 */

import nodeProcess from "node:process";
import { join } from "node:path";
import { inspect } from "../runtime/values/inspect.ts";
import {
  announcementKey,
  claim,
  formatTotals,
  say,
  type Totals,
} from "./_announcements.ts";
import { assertDeno } from "./_deno.ts";
import { HARNESS_FLAGS, NOT_ALIVE, parseTestArguments } from "./_arguments.ts";
import { countTests } from "./_totals.ts";
import { type Filter, formatFilters, normalizeFilters } from "./filters.ts";

const HELP = `Usage: deno task test [flags] [files]

Runs the tests. Deno's own options, as in deno test --help, are passed on.

Flags:
  --include TAG[:VALUE]  Run tests that have the tag, whatever excludes them; repeatable
  --exclude TAG[:VALUE]  Do not run tests that have the tag; repeatable
  --only TAG[:VALUE]     Run those tests alone; repeatable
  --sname NAME           Run distributed tests on a live node of that name, as in sophie@localhost
  --name NAME            The same with a long name, as in sophie@host.example.org
  --cookie SECRET        The secret of the cluster; others on this machine can see it
  --cookie-file FILE     A file with the secret [$HOME/.erlang.cookie]
  --epmd-port PORT       EPMD's port [ERL_EPMD_PORT, or 4369]
  -h, --help             Show this
`;

/** The command line, by whom it is for. */
interface Split {
  /** What the harness reads. */
  ours: string[];
  /** What \`deno test\` reads. */
  denos: string[];
  /** What is for the tests themselves. */
  rest: string[];
}

function split(args: readonly string[]): Split {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const ours: string[] = [];
  const denos: string[] = [];
  for (let i = 0; i < before.length; i++) {
    const arg = before[i];
    const flag = /^--([\w-]+)(=?)/.exec(arg);
    if (flag === null || !HARNESS_FLAGS.includes(flag[1])) denos.push(arg);
    else if (flag[2] === "=") ours.push(arg);
    else ours.push(`${arg}=${before[++i] ?? ""}`);
  }
  return { ours, denos, rest: end < 0 ? [] : [...args.slice(end + 1)] };
}

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
  const line = split(args);
  try {
    assertDeno("run tests");
    check(line);
  } catch (error) {
    nodeProcess.stderr.write(`test: ${(error as Error).message}\n`);
    return 2;
  }
  const folder = await Deno.makeTempDir({ prefix: "otp-test-" });
  try {
    announceGiven(line.ours, folder);
    return await run(line, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function check({ ours, denos }: Split): void {
  const { node } = parseTestArguments(ours);
  if (node !== undefined && denos.includes("--parallel")) {
    throw new TypeError(
      `Cannot run in parallel on ${
        inspect(node.name)
      }: a node has one name; leave out --parallel, or --sname`,
    );
  }
}

/** Says what the command line excludes and includes, so that no file has to. */
function announceGiven(ours: readonly string[], folder: string): void {
  const { filters: { include, exclude }, node } = parseTestArguments(ours);
  const filters = normalizeFilters({
    include,
    exclude: node === undefined ? [...exclude, NOT_ALIVE] : exclude,
  });
  announceAll("Excluding tags", "exclude", filters.exclude, folder);
  announceAll("Including tags", "include", filters.include, folder);
}

function announceAll(
  title: string,
  kind: "exclude" | "include",
  filters: Filter[],
  folder: string,
): void {
  for (const filter of filters) claim(folder, announcementKey(kind, filter));
  if (filters.length > 0) say(`${title}: ${formatFilters(filters)}`);
}

async function run(
  { ours, denos, rest }: Split,
  folder: string,
): Promise<number> {
  const started = performance.now();
  const { report, others } = takeReport(denos);
  const file = join(folder, "report.xml");
  const isDrawn = Deno.stderr.isTerminal();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      `--junit-path=${file}`,
      ...leaveToWrite(denos, folder),
      ...others,
      "--",
      ...ours,
      `--harness-run=${folder}`,
      ...rest,
    ],
    env: Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR")
      ? { FORCE_COLOR: "1" }
      : {},
    stdin: "inherit",
    stdout: "piped",
    // On a terminal it would draw its progress there, over the lines of tests.
    stderr: isDrawn ? "piped" : "inherit",
  }).spawn();
  // Ctrl-C is for deno test, which then says what it has seen.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  const [{ code }, broken] = await Promise.all([
    child.status,
    passOn(child.stdout),
    isDrawn &&
    child.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
  ]);
  Deno.removeSignalListener("SIGINT", ignore);
  const xml = await readIfThere(file);
  const totals = countTests(
    xml,
    await readIfThere(join(folder, "excluded")),
    broken,
  );
  const isReport = report === "-" ||
    others.some((arg) => /^--reporter=(junit|tap)$/.test(arg)) ||
    /^(junit|tap)$/.test(others[others.indexOf("--reporter") + 1] ?? "");
  if (report === "-") nodeProcess.stdout.write(xml);
  else if (report !== undefined) await Deno.writeTextFile(report, xml);
  return close(totals, {
    code,
    hasOnly: parseTestArguments(ours).hasOnly,
    seconds: (performance.now() - started) / 1000,
    // What reads a report reads nothing else.
    say: isReport ? complain : say,
  });
}

function complain(line: string): void {
  nodeProcess.stderr.write(`${line}\n`);
}

/** How a run has ended. */
interface Ending {
  code: number;
  hasOnly: boolean;
  seconds: number;
  say: (line: string) => void;
}

function close(
  totals: Totals,
  { code, hasOnly, seconds, say }: Ending,
): number {
  // A run can fail without a test that does: by its coverage, or a file that is not there.
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  const { passed, failed, excluded } = totals;
  const ran = passed + failed;
  if (ran === 0 && excluded > 0) say("\nAll tests have been excluded.");
  say(`\nFinished in ${seconds.toFixed(2)} seconds`);
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

/** Takes out where the user wants the report. */
function takeReport(
  denos: readonly string[],
): { report: string | undefined; others: string[] } {
  let report: string | undefined;
  const others: string[] = [];
  for (let i = 0; i < denos.length; i++) {
    const arg = denos[i];
    if (arg === "--junit-path") report = denos[++i] ?? "-";
    else if (arg.startsWith("--junit-path=")) {
      report = arg.slice("--junit-path=".length);
    } else others.push(arg);
  }
  return { report, others };
}

/** Files tell by writing in the folder of the run; a flag would narrow what is allowed already. */
function leaveToWrite(denos: readonly string[], folder: string): string[] {
  const isDecided = denos.some((arg) =>
    /^(--allow-all|--allow-write|-[A-OQ-Z]*[AW][A-Z]*|(-P|--permission-set)(=.*)?)$/
      .test(arg)
  );
  return isDecided ? [] : [`--allow-write=${folder}`];
}

const BROKEN = /^Uncaught error from .* FAILED$/;

/** Passes the output on; counts the files that it says have failed as a whole. */
async function passOn(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<number> {
  let broken = 0;
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      at += Deno.stdout.writeSync(chunk.subarray(at));
    }
    const lines = (line + decoder.decode(chunk, { stream: true })).split("\n");
    line = lines.pop()!;
    for (const each of lines) {
      // deno-lint-ignore no-control-regex
      if (BROKEN.test(each.replace(/\x1b\[[\d;]*m/g, ""))) broken++;
    }
  }
  return broken;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

if (import.meta.main) nodeProcess.exit(await main(nodeProcess.argv.slice(2)));
