/** One process of `deno test`. */

import { join } from "node:path";
import { type Counts, countTests, failuresOf } from "./_totals.ts";
import type { TestCommandLine } from "./_command_line.ts";

/** The result of a process of `deno test`. */
export interface Result extends Counts {
  code: number;
  /** Deno's report, in the form of JUnit. */
  xml: string;
  /** The names of the tests that failed. */
  failures: string[];
}

/** The result of a run of all files. */
export interface RunResult extends Omit<Result, "registered"> {
  /** Commands that make excluded tests run. */
  ways?: string[];
}

/** The output of a process of `deno test`. */
export interface Output {
  stream: "stdout" | "stderr";
  bytes: Uint8Array<ArrayBuffer>;
}

export interface DenoTestOptions {
  /** The arguments of `deno test` before `--`. */
  args: readonly string[];
  folder: string;
  /** Takes each chunk of output. */
  write: (output: Output) => void;
  /** Whether standard error is piped too. */
  hasErrors: boolean;
  /** @default {"null"} */
  stdin?: "inherit" | "null";
  /** Further variables of its environment. */
  env?: Record<string, string>;
  /** Further flags of the harness. */
  flags?: readonly string[];
}

/** A running process of `deno test`. */
export class TestProcess {
  readonly pid: number;
  /** Resolves with the exit code when the process has ended, and its output has been passed on. */
  readonly ended: Promise<number>;
  readonly #log = new Log();
  readonly #folder: string;
  readonly #report: string;

  /** Starts the process. */
  constructor(
    { ours, denos, rest }: TestCommandLine,
    options: DenoTestOptions,
  ) {
    const { args, folder, write, hasErrors, stdin = "null" } = options;
    const { env = {}, flags = [] } = options;
    this.#folder = folder;
    this.#report = join(folder, `report-${crypto.randomUUID()}.xml`);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        `--junit-path=${this.#report}`,
        ...leaveToWrite(denos, folder),
        ...denos,
        ...args,
        "--",
        ...ours,
        `--harness-run=${folder}`,
        ...flags,
        ...rest,
      ],
      env: Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR")
        ? { ...env, FORCE_COLOR: "1" }
        : env,
      stdin,
      stdout: "piped",
      stderr: hasErrors ? "piped" : "inherit",
    }).spawn();
    this.pid = child.pid;
    const log = this.#log;
    this.ended = Promise.all([
      child.status,
      forwardOutput(
        child.stdout,
        log,
        (bytes) => write({ stream: "stdout", bytes }),
      ),
      hasErrors &&
      forwardOutput(
        child.stderr,
        log,
        (bytes) => write({ stream: "stderr", bytes }),
      ),
    ]).then(([{ code }]) => code);
  }

  /** The name of the test that runs now. */
  get running(): string | undefined {
    return this.#log.running;
  }

  /** Counts the tests that have ended. */
  result(code: number): Result {
    const xml = readIfThere(this.#report);
    const excluded = readIfThere(join(this.#folder, `excluded-${this.pid}`));
    return {
      code,
      xml,
      ...countTests(xml, excluded, this.#log.broken),
      failures: failuresOf(xml),
    };
  }
}

/** Writes output where it belongs. */
export function show({ stream, bytes }: Output): void {
  for (let at = 0; at < bytes.length;) {
    at += Deno[stream].writeSync(bytes.subarray(at));
  }
}

/**
 * Permits writing to the run's folder, where files report. If the command line already sets write permissions, another
 * flag would narrow them.
 */
function leaveToWrite(denos: readonly string[], folder: string): string[] {
  const isDecided = denos.some((arg) =>
    /^(--allow-all|--allow-write|-[A-OQ-Z]*[AW][A-Z]*|(-P|--permission-set)(=.*)?)$/
      .test(arg)
  );
  return isDecided ? [] : [`--allow-write=${folder}`];
}

const BROKEN = /^Uncaught error from .* FAILED$/;
const TEST = /^(\S.*) \.\.\.(.*)$/;
const RESULT = /^ (ok|FAILED|ignored|cancelled)\b/;
// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b\[[\d;]*m/g;

/** The state of a process, as its output shows it. */
class Log {
  /** How many files have failed as a whole. */
  broken = 0;
  running: string | undefined;

  /** Takes a line, complete or not. */
  take(line: string): void {
    const text = line.replace(ESCAPES, "");
    if (BROKEN.test(text)) this.broken++;
    const [, name, result] = TEST.exec(text) ?? [];
    if (name !== undefined) {
      this.running = RESULT.test(result) ? undefined : name;
    }
  }
}

/** Passes output on, and reads it. */
async function forwardOutput(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  log: Log,
  write: (bytes: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of stream) {
    write(chunk);
    const lines = (line + decoder.decode(chunk, { stream: true })).split("\n");
    line = lines.pop()!;
    for (const each of lines) log.take(each);
    // The line of a test that is still running.
    if (line.endsWith(" ...") || line.endsWith(" ... ")) log.take(line);
  }
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
