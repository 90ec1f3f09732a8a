/**
 * Runs test files in processes of their own, some at once.
 *
 * Deno's own `--parallel` runs files on threads of one process: the files share the environment, the working folder
 * and the memory, and their output is mixed. Here the output of a failed file is written as a whole when the file has
 * ended, and a file that passes is silent.
 */

import {
  noTotals,
  type Totals,
} from "../../packages/testing/_announcements.ts";
import type { TestCommandLine } from "../../packages/testing/_command_line.ts";
import { findTestFiles } from "../../packages/testing/_files.ts";
import {
  type Output,
  type Result,
  type RunResult,
  show,
  TestProcess,
} from "../../packages/testing/_test_process.ts";
import { exclude, type Exclusions } from "../../packages/testing/_totals.ts";
import { joinReports } from "./join_reports.ts";
import { killTree } from "./kill_tree.ts";
import type { RunPlan } from "./plan.ts";
import { Progress } from "./progress.ts";
import type { Surroundings } from "./sandbox.ts";

/** The time limit for a file by default, in seconds. */
const LIMIT = 600;

/** The number of processes for the documentation's examples, per process that runs at once. */
const PARTS = 2;

/** The time limit for the end of a killed process's output, in milliseconds. */
const LAST_OUTPUT = 2000;

/** The options of {@linkcode runQueue}. */
export interface QueueOptions {
  line: TestCommandLine;
  /** The folder for the records of test files. */
  folder: string;
  plan: RunPlan;
  /** The number of processes that run at once. */
  jobs: number;
  /** Makes the surroundings of each process. */
  surroundings: () => Promise<Surroundings>;
}

/** A process to run. */
interface Item {
  name: string;
  args: string[];
  /** Whether the process runs examples. Only one such process runs at a time: examples use fixed ports and files. */
  isExample?: boolean;
}

/** A process that has ended. */
interface Ended extends Result {
  item: Item;
}

/** Runs all files of a command line, some at once. */
export async function runQueue(options: QueueOptions): Promise<RunResult> {
  const { plan: { alone = [], seconds = {} }, jobs } = options;
  const items = itemsOf(options);
  using progress = new Progress(items.map(({ name }) => name), jobs, seconds);
  const queue = new Queue(options, progress);
  const isAlone = ({ name }: Item) => alone.includes(name);
  await queue.run(items.filter((each) => !isAlone(each)), jobs);
  await queue.run(items.filter(isAlone), 1);
  return sum(queue.ended, queue.code);
}

/** Checks the types of all files at once, which is much faster than file by file; returns the exit code. */
async function checkTypes(
  { denos, paths }: TestCommandLine,
  progress: Progress,
): Promise<number> {
  if (denos.some(isCheck)) return 0;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-run",
      ...denos.filter((each) => !/^--(coverage|clean)/.test(each)),
      ...paths,
    ],
    stdin: "null",
  }).output();
  if (code !== 0) {
    progress.clear();
    show({ stream: "stdout", bytes: stdout });
    show({ stream: "stderr", bytes: stderr });
  }
  return code;
}

function isCheck(arg: string): boolean {
  return /^--(no-)?check(=|$)/.test(arg);
}

/** The processes to run, the slowest first. */
function itemsOf(
  { line: { denos, paths }, plan, jobs }: QueueOptions,
): Item[] {
  const ignored = denos
    .flatMap((arg) => /^--ignore=(.*)$/s.exec(arg)?.[1].split(",") ?? []);
  const { files, others } = findTestFiles(paths, ignored);
  const { seconds = {} } = plan;
  const secondsOf = (file: string) => seconds[file] ?? 0;
  const sorted = files.toSorted((a, b) => secondsOf(b) - secondsOf(a));
  const hasOthers = plan.others !== false || paths.length > 0;
  return [
    ...hasOthers
      ? others.flatMap((folder) =>
        otherItems(folder, files, denos.includes("--doc") ? jobs : 0)
      )
      : [],
    ...sorted.map((file) => ({ name: file, args: [file] })),
  ];
}

/**
 * The processes for everything else that Deno finds in a folder: the examples, and tests that only Deno's rules find.
 * Each folder has processes of its own, because Deno 2.9.6 applies `--ignore` to the first folder only.
 */
function otherItems(folder: string, files: string[], atOnce: number): Item[] {
  const parts = Math.max(1, atOnce * PARTS);
  const args = [
    "--permit-no-files",
    ...files.map((file) => `--ignore=${file}`),
    folder,
  ];
  return Array.from({ length: parts }, (_, at) => ({
    name: parts === 1
      ? `other files in ${folder}`
      : `examples in ${folder}, part ${at + 1} of ${parts}`,
    args: parts === 1 ? args : [`--shard=${at + 1}/${parts}`, ...args],
    isExample: true,
  }));
}

class Queue {
  readonly ended: Ended[] = [];
  /** The exit code of a run that ended early. */
  code = 0;
  readonly #options: QueueOptions;
  readonly #processLine: TestCommandLine;
  readonly #progress: Progress;
  readonly #isFailFast: boolean;
  #areTypesChecked = false;

  constructor(options: QueueOptions, progress: Progress) {
    const { line } = options;
    this.#options = options;
    this.#processLine = {
      ...line,
      denos: [...line.denos.filter((each) => !isCheck(each)), "--no-check"],
    };
    this.#progress = progress;
    this.#isFailFast = line.denos.some((arg) => /^--fail-fast(=|$)/.test(arg));
  }

  async run(items: readonly Item[], atOnce: number): Promise<void> {
    const left = [...items];
    let exampleRuns = false;
    const worker = async () => {
      await this.#checkTypes();
      while (!this.#isOver()) {
        const at = left.findIndex((each) => !(each.isExample && exampleRuns));
        // Only examples are left; the worker that runs one will take them.
        if (at < 0) return;
        const [item] = left.splice(at, 1);
        if (item.isExample) exampleRuns = true;
        this.ended.push(await this.#runOne(item));
        if (item.isExample) exampleRuns = false;
      }
    };
    // Ctrl-C ends the processes too; start no others after it.
    const interrupt = () => void (this.code = 130);
    Deno.addSignalListener("SIGINT", interrupt);
    try {
      await Promise.all(Array.from({ length: atOnce }, worker));
    } finally {
      Deno.removeSignalListener("SIGINT", interrupt);
    }
  }

  /** Checks the types before the first file; other files start meanwhile. */
  async #checkTypes(): Promise<void> {
    if (this.#areTypesChecked) return;
    this.#areTypesChecked = true;
    this.code ||= await checkTypes(this.#options.line, this.#progress);
  }

  async #runOne(item: Item): Promise<Ended> {
    const output: Output[] = [];
    this.#progress.start(item.name);
    const result = await this.#resultOf(item, output);
    if (result.code === 0 && result.registered === 0 && !item.isExample) {
      result.code = 1;
      result.failures = ["the file registers no test"];
    }
    const { totals, code, failures } = result;
    if (code !== 0 && totals.failed === 0) totals.failed = 1;
    if (code !== 0 && failures.length === 0) {
      failures.push("the file as a whole");
    }
    this.#progress.end(item.name, code !== 0);
    if (code !== 0) {
      this.#progress.clear();
      for (const each of output) show(each);
    }
    return { ...result, item };
  }

  /** Runs a process to its end, or to the time limit. */
  async #resultOf(item: Item, output: Output[]): Promise<Result> {
    const { folder, plan: { limit = LIMIT }, surroundings } = this.#options;
    await using around = await surroundings();
    const process = new TestProcess(this.#processLine, {
      ...around,
      args: item.args,
      folder,
      write: (each) => output.push(each),
      hasErrors: true,
    });
    const { ended } = process;
    if (await within(ended, limit * 1000)) return process.result(await ended);
    const { running } = process;
    await killTree(process.pid);
    // A process that has left the process tree may keep the output open.
    await within(ended, LAST_OUTPUT);
    ended.catch(() => {});
    const test = running === undefined
      ? ""
      : `, still running test: ${running}`;
    const message = `\ndid not end within ${limit} s${test}\n`;
    output.push({ stream: "stdout", bytes: new TextEncoder().encode(message) });
    return {
      ...process.result(1),
      failures: [`did not end within ${limit} s`],
    };
  }

  #isOver(): boolean {
    return this.code !== 0 ||
      this.#isFailFast && this.ended.some(hasFailed);
  }
}

/** Whether a promise settles within a time. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function hasFailed({ code }: Ended): boolean {
  return code !== 0;
}

function sum(ended: readonly Ended[], code: number): RunResult {
  const totals = noTotals();
  const exclusions: Exclusions = {};
  for (const each of ended) {
    for (const name of Object.keys(totals) as (keyof Totals)[]) {
      totals[name] += each.totals[name];
    }
    for (const [by, times] of Object.entries(each.exclusions)) {
      exclude(exclusions, by, times);
    }
  }
  return {
    code: code || (ended.find(hasFailed)?.code ?? 0),
    xml: joinReports(ended.map(({ xml }) => xml)),
    totals,
    exclusions,
    failures: ended.flatMap(({ item, failures }) =>
      failures.map((name) => `${item.name}: ${name}`)
    ).sort(),
  };
}
