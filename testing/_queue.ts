/**
 * Runs test files in processes of their own, some at once.
 *
 * Deno's own `--parallel` runs files on threads of one process, where they share its environment,
 * its working folder and its memory, and the lines of their output are mixed. Here the output of a
 * file is written as a whole when the file has ended, as `go test` does with packages.
 *
 * @module
 */

import type { Jobs, TestCommandLine } from "./_command_line.ts";
import type { Totals } from "./_announcements.ts";
import { denoTest, type Output, type Result, show } from "./_test_process.ts";
import { findTestFiles } from "./_files.ts";
import { joinReports } from "./_totals.ts";

/** Into how many processes the examples of the documentation are split, for each that runs at once. */
const PARTS = 2;

/** How all files have ended. */
export interface RunResult extends Omit<Result, "failures"> {
  /** Each test that failed, with its file. */
  failures: string[];
}

/** A process to run. */
interface Item {
  name: string;
  args: string[];
  /** Whether it runs examples: never two such processes at once, as examples name fixed ports and files. */
  isExample?: boolean;
}

/** A process that has ended. */
interface Ended extends Result {
  item: Item;
}

/** Runs all files of a command line. */
export async function runQueue(
  line: TestCommandLine,
  jobs: Jobs,
  folder: string,
): Promise<RunResult> {
  const code = await checkTypes(line);
  if (code !== 0) return sum([], code);
  const items = itemsOf(line, jobs);
  const queue = new Queue(withoutCheck(line), folder);
  const isAlone = ({ name }: Item) => jobs.alone.includes(name);
  await queue.run(items.filter((each) => !isAlone(each)), jobs.jobs);
  await queue.run(items.filter(isAlone), 1);
  return sum(queue.ended, queue.isInterrupted ? 130 : 0);
}

/** Checks the types of all files at once, which is a fraction of checking each. */
async function checkTypes({ denos, paths }: TestCommandLine): Promise<number> {
  if (denos.some(isCheck)) return 0;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-run",
      ...denos.filter((each) => !/^--(coverage|clean)/.test(each)),
      ...paths,
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return code;
}

function isCheck(arg: string): boolean {
  return /^--(no-)?check(=|$)/.test(arg);
}

/** The command line of the processes, after the types are checked. */
function withoutCheck(line: TestCommandLine): TestCommandLine {
  const denos = line.denos.filter((each) => !isCheck(each));
  return { ...line, denos: [...denos, "--no-check"] };
}

/** The processes to run: first those that are to be first, then those that are split. */
function itemsOf({ denos, paths }: TestCommandLine, jobs: Jobs): Item[] {
  const ignored = denos
    .flatMap((arg) => /^--ignore=(.*)$/s.exec(arg)?.[1].split(",") ?? []);
  const { files, others } = findTestFiles(paths, ignored);
  const isFirst = (file: string) => jobs.first.includes(file);
  const items = (files: string[]) =>
    files.map((file) => ({ name: file, args: [file] }));
  return [
    ...items(jobs.first.filter((each) => files.includes(each))),
    ...otherItems(others, files, denos.includes("--doc") ? jobs.jobs : 0),
    ...items(files.filter((file) => !isFirst(file))),
  ];
}

/**
 * The processes for all that Deno finds in folders, less the files that have a process of their own:
 * the examples, and tests that are found by other rules than ours.
 */
function otherItems(others: string[], files: string[], atOnce: number): Item[] {
  if (others.length === 0) return [];
  const parts = Math.max(1, atOnce * PARTS);
  const args = [
    "--permit-no-files",
    ...files.map((file) => `--ignore=${file}`),
    ...others,
  ];
  return Array.from({ length: parts }, (_, at) => ({
    name: parts === 1
      ? `other files in ${others.join(" ")}`
      : `examples in ${others.join(" ")}, part ${at + 1} of ${parts}`,
    args: parts === 1 ? args : [`--shard=${at + 1}/${parts}`, ...args],
    isExample: true,
  }));
}

// deno-lint-ignore no-control-regex
const WARNING = /^(?:\x1b\[[\d;]*m)*Warning\b.*\n/gm;

class Queue {
  readonly ended: Ended[] = [];
  isInterrupted = false;
  readonly #line: TestCommandLine;
  readonly #folder: string;
  readonly #isFailFast: boolean;
  readonly #warnings = new Set<string>();

  constructor(line: TestCommandLine, folder: string) {
    this.#line = line;
    this.#folder = folder;
    this.#isFailFast = line.denos.some((arg) => /^--fail-fast(=|$)/.test(arg));
  }

  async run(items: readonly Item[], atOnce: number): Promise<void> {
    const left = [...items];
    let exampleRuns = false;
    const worker = async () => {
      while (!this.#isOver()) {
        const at = left.findIndex((each) => !(each.isExample && exampleRuns));
        // The worker that runs an example takes the others that are left.
        if (at < 0) return;
        const [item] = left.splice(at, 1);
        if (item.isExample) exampleRuns = true;
        this.ended.push(await this.#runOne(item));
        if (item.isExample) exampleRuns = false;
      }
    };
    // Ctrl-C reaches the processes too, which end; none is started after it.
    const interrupt = () => void (this.isInterrupted = true);
    Deno.addSignalListener("SIGINT", interrupt);
    try {
      await Promise.all(Array.from({ length: atOnce }, worker));
    } finally {
      Deno.removeSignalListener("SIGINT", interrupt);
    }
  }

  async #runOne(item: Item): Promise<Ended> {
    const output: Output[] = [];
    const result = await denoTest(this.#line, {
      args: item.args,
      folder: this.#folder,
      write: (each) => output.push(each),
      hasErrors: true,
    });
    for (const each of output) show(this.#withoutRepeated(each));
    const { totals } = result;
    if (result.code !== 0 && totals.failed === 0) totals.failed = 1;
    return { ...result, item };
  }

  /** Leaves out the warnings that an earlier process has printed: Deno warns of a setting in each. */
  #withoutRepeated(output: Output): Output {
    if (output.stream === "stdout") return output;
    const text = new TextDecoder().decode(output.bytes);
    const shorter = text.replace(WARNING, (line) => {
      const isRepeated = this.#warnings.has(line);
      this.#warnings.add(line);
      return isRepeated ? "" : line;
    });
    return text === shorter
      ? output
      : { ...output, bytes: new TextEncoder().encode(shorter) };
  }

  #isOver(): boolean {
    return this.isInterrupted ||
      this.#isFailFast && this.ended.some(hasFailed);
  }
}

function hasFailed({ code }: Ended): boolean {
  return code !== 0;
}

function sum(ended: readonly Ended[], code: number): RunResult {
  const totals: Totals = { passed: 0, failed: 0, excluded: 0, skipped: 0 };
  for (const each of ended) {
    for (const name of Object.keys(totals) as (keyof Totals)[]) {
      totals[name] += each.totals[name];
    }
  }
  return {
    code: code || (ended.find(hasFailed)?.code ?? 0),
    xml: joinReports(ended.map(({ xml }) => xml)),
    totals,
    failures: ended.filter(hasFailed).flatMap(({ item, failures }) =>
      (failures.length > 0 ? failures : ["the file as a whole"])
        .map((name) => `${item.name}: ${name}`)
    ).sort(),
  };
}
