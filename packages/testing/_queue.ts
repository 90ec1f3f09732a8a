/**
 * Runs test files in processes of their own, some at once.
 *
 * Deno's own `--parallel` runs files on threads of one process: the files share the environment, the working folder
 * and the memory, and their output is mixed. Here the output of a failed file is written as a whole when the file has
 * ended, and a file that passes is silent.
 */

import type { TestCommandLine } from "./_command_line.ts";
import { noTotals, say, type Totals } from "./_announcements.ts";
import { denoTest, type Output, type Result, show } from "./_test_process.ts";
import { findTestFiles } from "./_files.ts";
import { exclude, type Exclusions, joinReports } from "./_totals.ts";

/** The time limit for a file by default, in seconds. */
const LIMIT = 600;

/** The number of processes for the documentation's examples, per process that runs at once. */
const PARTS = 2;

/** The result of a run of all files. */
export interface RunResult extends Omit<Result, "registered"> {
  /** Each test that failed, with its file. */
  failures: string[];
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
export async function runQueue(
  line: TestCommandLine,
  jobs: number,
  folder: string,
): Promise<RunResult> {
  const { alone = [], seconds = {} } = line.plan;
  const items = itemsOf(line, jobs);
  using progress = new Progress(items.map(({ name }) => name), jobs, seconds);
  const queue = new Queue(line, folder, progress);
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
  { denos, paths, plan }: TestCommandLine,
  jobs: number,
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
  readonly #line: TestCommandLine;
  readonly #processLine: TestCommandLine;
  readonly #folder: string;
  readonly #progress: Progress;
  readonly #isFailFast: boolean;
  #areTypesChecked = false;

  constructor(line: TestCommandLine, folder: string, progress: Progress) {
    this.#line = line;
    this.#processLine = {
      ...line,
      denos: [...line.denos.filter((each) => !isCheck(each)), "--no-check"],
    };
    this.#folder = folder;
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
    this.code ||= await checkTypes(this.#line, this.#progress);
  }

  async #runOne(item: Item): Promise<Ended> {
    const output: Output[] = [];
    this.#progress.start(item.name);
    const result = await denoTest(this.#processLine, {
      args: item.args,
      folder: this.#folder,
      write: (each) => output.push(each),
      hasErrors: true,
      limit: this.#line.plan.limit ?? LIMIT,
    });
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

  #isOver(): boolean {
    return this.code !== 0 ||
      this.#isFailFast && this.ended.some(hasFailed);
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

/** The time between two lines if output is no terminal, in milliseconds. */
const PAUSE = 20_000;

/** The expected seconds of a file that the plan does not list. */
const USUAL = 2;

const CLEAR = "\r\x1b[K";

class Progress implements Disposable {
  /** The known durations of files, in seconds. */
  readonly #seconds: Readonly<Record<string, number>>;
  readonly #atOnce: number;
  readonly #isTerminal = Deno.stdout.isTerminal();
  readonly #started = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #running = new Map<string, number>();
  readonly #left = new Set<string>();
  readonly #total: number;
  #failed = 0;
  /** The expected seconds of the files that have ended. */
  #done = 0;

  constructor(
    names: readonly string[],
    atOnce: number,
    seconds: Readonly<Record<string, number>>,
  ) {
    this.#left = new Set(names);
    this.#total = names.length;
    this.#atOnce = atOnce;
    this.#seconds = seconds;
    this.#timer = setInterval(
      () => this.#show(),
      this.#isTerminal ? 1000 : PAUSE,
    );
  }

  start(name: string): void {
    this.#running.set(name, performance.now());
  }

  end(name: string, hasFailed: boolean): void {
    this.#running.delete(name);
    this.#left.delete(name);
    this.#done += this.#expected(name);
    if (hasFailed) this.#failed++;
    if (this.#isTerminal) this.#show();
  }

  /** Removes the line from a terminal, before other output. */
  clear(): void {
    if (this.#isTerminal) write(CLEAR);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #expected(name: string): number {
    return this.#seconds[name] ?? USUAL;
  }

  #show(): void {
    const done = this.#total - this.#left.size;
    const text =
      `${done} of ${this.#total} files, ${this.#failed} failed, about ${this.#secondsLeft()} s left`;
    if (this.#isTerminal) write(`${CLEAR}${text}`);
    else say(text);
  }

  #secondsLeft(): number {
    const now = performance.now();
    let done = this.#done;
    let left = 0;
    for (const name of this.#left) {
      const expected = this.#expected(name);
      const started = this.#running.get(name);
      const ran = started === undefined ? 0 : (now - started) / 1000;
      done += Math.min(ran, expected);
      left += Math.max(expected - ran, ran / 4);
    }
    const spent = (now - this.#started) / 1000 * this.#atOnce;
    // The ratio of measured to planned time on this machine.
    const pace = done < USUAL * this.#total / 20 ? 1 : spent / done;
    return Math.ceil(left * pace / this.#atOnce);
  }
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
