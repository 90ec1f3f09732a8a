/**
 * One process of `deno test`.
 *
 * @module
 */

import { join } from "node:path";
import { countTests, failuresOf } from "./_totals.ts";
import type { TestCommandLine } from "./_command_line.ts";
import type { Totals } from "./_announcements.ts";

/** How a process of `deno test` has ended. */
export interface Result {
  code: number;
  /** Deno's report, in the form of JUnit. */
  xml: string;
  totals: Totals;
  /** The names of the tests that failed. */
  failures: string[];
}

/** The output of a process of `deno test`. */
export interface Output {
  stream: "stdout" | "stderr";
  bytes: Uint8Array<ArrayBuffer>;
}

/** Options for {@linkcode denoTest}. */
export interface DenoTestOptions {
  /** The arguments of `deno test` before `--`. */
  args: readonly string[];
  /** The folder of the run. */
  folder: string;
  /** The output, or a function that takes what comes. */
  write: (output: Output) => void;
  /** Whether standard error is piped too. */
  hasErrors: boolean;
  /** @default {"null"} */
  stdin?: "inherit" | "null";
}

/** Runs `deno test`, and counts. */
export async function denoTest(
  { ours, planned, denos, rest }: TestCommandLine,
  { args, folder, write, hasErrors, stdin = "null" }: DenoTestOptions,
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
      ...rest,
    ],
    env: Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR")
      ? { FORCE_COLOR: "1" }
      : {},
    stdin,
    stdout: "piped",
    stderr: hasErrors ? "piped" : "inherit",
  }).spawn();
  const [{ code }, broken] = await Promise.all([
    child.status,
    passOn(child.stdout, (bytes) => write({ stream: "stdout", bytes })),
    hasErrors &&
    passOn(child.stderr, (bytes) => write({ stream: "stderr", bytes })),
  ]);
  const xml = readIfThere(file);
  const excluded = readIfThere(join(folder, `excluded-${child.pid}`));
  return {
    code,
    xml,
    totals: countTests(xml, excluded, broken),
    failures: failuresOf(xml),
  };
}

/** Writes output where it belongs. */
export function show({ stream, bytes }: Output): void {
  for (let at = 0; at < bytes.length;) {
    at += Deno[stream].writeSync(bytes.subarray(at));
  }
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

/** Passes output on; counts the files that it says have failed as a whole. */
async function passOn(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  write: (bytes: Uint8Array<ArrayBuffer>) => void,
): Promise<number> {
  let broken = 0;
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of stream) {
    write(chunk);
    const lines = (line + decoder.decode(chunk, { stream: true })).split("\n");
    line = lines.pop()!;
    for (const each of lines) {
      // deno-lint-ignore no-control-regex
      if (BROKEN.test(each.replace(/\x1b\[[\d;]*m/g, ""))) broken++;
    }
  }
  return broken;
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
