/** Runs tests of fixtures, each time as processes of the operating system. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { fileURLToPath } from "node:url";
// Its programs write no colours.
import "../_child.ts";

/** The folder of the project. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The time limit for a run on a busy machine, in milliseconds. */
const WITHIN = 300_000;

/** The result of a run. */
export interface Run {
  code: number;
  stdout: string;
  stderr: string;
  /** The result of each test. */
  outcomes: Record<string, string>;
  /** The lines that name the excluded and included tags. */
  announced: string[];
  /** The last two lines. */
  totals: string[];
}

/** Runs Deno, in the project's folder by default, and by another program if `by` is its command line. */
export async function deno(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
  by: readonly string[] = [],
): Promise<Run> {
  const [program, ...rest] = [...by, Deno.execPath(), ...args];
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: rest,
    cwd: ROOT,
    stdin: "null",
    signal: AbortSignal.timeout(WITHIN),
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const text = new TextDecoder().decode(stdout);
  return {
    code,
    stdout: text,
    stderr: new TextDecoder().decode(stderr),
    outcomes: Object.fromEntries(
      [...text.matchAll(/^(\w.*) \.\.\. (ok|ignored|FAILED)/gm)]
        .map(([, name, outcome]) => [name, outcome]),
    ),
    announced: text.match(/^(Excluding|Including) tags: .*$/gm) ?? [],
    totals: text.trimEnd().split("\n").slice(-2),
  };
}

/** Runs fixtures with the program of the harness. */
export function harness(...args: string[]): Promise<Run> {
  return runFixtures("packages/testing/main.ts", args);
}

/** Runs fixtures with a program that runs tests. */
export function runFixtures(
  program: string,
  args: readonly string[],
): Promise<Run> {
  const files = args.map((arg) =>
    /^(harness_\w+|broken)$/.test(arg)
      ? `tests/testing/fixtures/${arg}.ts`
      : arg
  );
  return deno([
    "run",
    "-A",
    program,
    "-A",
    "--no-check",
    ...files,
  ]);
}

/** Writes the files of a project. */
export function project(files: Record<string, string>, folder: string): void {
  for (const [name, text] of Object.entries(files)) {
    Deno.mkdirSync(`${folder}/${name}`.replace(/\/[^/]*$/, ""), {
      recursive: true,
    });
    Deno.writeTextFileSync(`${folder}/${name}`, text);
  }
}

/** Asserts that a run has these results, and that its output contains a text. */
export function assertRun(
  run: Run,
  expected: Partial<Run>,
  said: string = "",
): void {
  const found: Partial<Run> = Object.fromEntries(
    Object.keys(expected).map((name) => [name, run[name as keyof Run]]),
  );
  assertEquals(found, expected, run.stdout + run.stderr);
  assertStringIncludes(run.stdout, said);
}

export function clusterFlags(): string[] {
  return ["--cookie=secret_token", `--epmd-port=${freePort()}`];
}
