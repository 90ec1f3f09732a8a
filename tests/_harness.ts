/** Runs tests of fixtures, each time as processes of the operating system. */

import { freePort } from "../testing/_ports.ts";
import { fileURLToPath } from "node:url";

/** Where the project is. */
export const ROOT: string = fileURLToPath(new URL("../", import.meta.url));

/** How long a run may take, in milliseconds. */
const WITHIN = 60_000;

/** How a run went. */
export interface Run {
  code: number;
  stdout: string;
  stderr: string;
  /** How each test went. */
  outcomes: Record<string, string>;
  /** The lines that say what is excluded and included. */
  announced: string[];
  /** The two lines that close it. */
  totals: string[];
}

/** Runs Deno, in the project's folder unless told otherwise. */
export async function deno(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Run> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
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

/** Runs fixtures by the harness's program. */
export function harness(...args: string[]): Promise<Run> {
  const files = args.map((arg) =>
    /^(harness_\w+|broken)$/.test(arg) ? `tests/fixtures/${arg}.ts` : arg
  );
  return deno(["run", "-A", "testing/main.ts", "-A", "--no-check", ...files]);
}

/** Flags of a cluster that is the test's own. */
export function clusterFlags(): string[] {
  return [
    "--cookie=secret_token",
    `--epmd-port=${freePort()}`,
  ];
}
