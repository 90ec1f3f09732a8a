/** One process of `deno test`. */

import { join } from "node:path";
import { type Counts, countTests, failuresOf } from "./_totals.ts";
import type { TestCommandLine } from "./_command_line.ts";
import { PATIENT_FLAG } from "./_leaks.ts";
import { PORTS_FLAG } from "./_ports.ts";
import { makeSandbox } from "./_sandbox.ts";

/** The time limit for the end of a killed process's output, in milliseconds. */
const LAST_OUTPUT = 2000;

/** The result of a process of `deno test`. */
export interface Result extends Counts {
  code: number;
  /** Deno's report, in the form of JUnit. */
  xml: string;
  /** The names of the tests that failed. */
  failures: string[];
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
  /**
   * The time limit, in seconds.
   *
   * @default {none}
   */
  limit?: number;
}

/** Runs `deno test`, in a sandbox if the plan says so, and counts. */
export async function denoTest(
  line: TestCommandLine,
  options: DenoTestOptions,
): Promise<Result> {
  if (!line.plan.sandbox || line.isLive) return await run(line, options, {});
  await using sandbox = await makeSandbox();
  return await run(line, options, sandbox.env, [
    `${PORTS_FLAG}${sandbox.ports}`,
    PATIENT_FLAG,
  ]);
}

async function run(
  { ours, planned, denos, rest }: TestCommandLine,
  { args, folder, write, hasErrors, stdin = "null", limit }: DenoTestOptions,
  env: Record<string, string>,
  flags: readonly string[] = [],
): Promise<Result> {
  const file = join(folder, `report-${crypto.randomUUID()}.xml`);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      `--junit-path=${file}`,
      ...leaveToWrite(denos, folder),
      ...denos,
      ...args,
      "--",
      ...ours,
      ...planned,
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
  const log = new Log();
  const ended = Promise.all([
    child.status,
    passOn(child.stdout, log, (bytes) => write({ stream: "stdout", bytes })),
    hasErrors &&
    passOn(child.stderr, log, (bytes) => write({ stream: "stderr", bytes })),
  ]);
  const isLate = limit !== undefined && !await within(ended, limit * 1000);
  let code = 1;
  if (isLate) {
    const running = log.running;
    await killTree(child.pid);
    // A process that has left the process tree may keep the output open.
    await within(ended, LAST_OUTPUT);
    ended.catch(() => {});
    const test = running === undefined
      ? ""
      : `, still running test: ${running}`;
    const message = `\ndid not end within ${limit} s${test}\n`;
    write({ stream: "stdout", bytes: new TextEncoder().encode(message) });
  } else [{ code }] = await ended;
  const xml = readIfThere(file);
  const excluded = readIfThere(join(folder, `excluded-${child.pid}`));
  return {
    code,
    xml,
    ...countTests(xml, excluded, log.broken),
    failures: isLate ? [`did not end within ${limit} s`] : failuresOf(xml),
  };
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
async function passOn(
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

/** Ends a process and its descendants at once. */
async function killTree(pid: number): Promise<void> {
  if (Deno.build.os === "windows") {
    await outputOf("taskkill", "/T", "/F", "/PID", `${pid}`);
    return;
  }
  const children = new Map<number, number[]>();
  for (const [child, parent] of await processes()) {
    children.set(parent, [...children.get(parent) ?? [], child]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...children.get(each) ?? []);
  for (const each of tree) {
    try {
      Deno.kill(each, "SIGKILL");
    } catch (error) {
      // The process has ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function processes(): Promise<[pid: number, parent: number][]> {
  if (Deno.build.os === "linux") {
    // Small containers have no `ps`, and Deno reads files below /proc only with all permissions.
    const text = await outputOf("sh", "-c", "cat /proc/[0-9]*/stat");
    // The program's name, in parentheses, may contain any character.
    return [...text.matchAll(/^(\d+) \([^]*?\) [A-Z] (\d+) .*$/gm)]
      .map(([, pid, parent]) => [Number(pid), Number(parent)]);
  }
  const text = await outputOf("ps", "-A", "-o", "pid=,ppid=");
  return [...text.matchAll(/(\d+)\s+(\d+)/g)]
    .map(([, pid, parent]) => [Number(pid), Number(parent)]);
}

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
