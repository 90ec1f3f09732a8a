/**
 * A shell for any application: a prompt on a node, with the application's modules in scope.
 *
 * `deno run … jsr:@otp/distribution/shell --sname alex@localhost --module MyApp=./my_app.ts` opens it;
 * `--help` lists the flags.
 *
 * @module
 */

import { commandOf } from "@otp/shell/cli/command";
import { type Program, run, runAndExit } from "@otp/shell/cli/run";
import * as library from "../mod.ts";
import config from "../deno.json" with { type: "json" };
import { shell } from "@otp/shell/program_shell";

const command = commandOf({
  clone: "deno run -A exports/shell.ts",
  npm: "node node_modules/@otp/distribution/exports/shell.js",
  bun: "bun node_modules/@otp/distribution/exports/shell.js",
  jsr: "deno run -A jsr:@otp/distribution/shell",
}, import.meta.url);

const program: Program = {
  name: "shell",
  version: config.version,
  command,
  usage:
    `Opens a shell, on a node if you name one. With --eval it runs that code instead.`,
  examples: `Examples:
  ${command} --sname alex@localhost --module MyApp=./my_app.ts
  ${command} --remsh kate@localhost`,
  library,
  modules: {},
  shell,
};

/**
 * Runs the shell's command line, until its input ends or the process is asked to stop.
 *
 * @param args The arguments, as `--help` lists them.
 * @returns The exit code: 0 done, 1 failed, 2 wrong usage, 3 cannot start or connect, 4 refused.
 *
 * @example Usage
 * ```ts
 * import { main } from "@otp/distribution/shell";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--eval", "await IO.puts(1 + 1)"]), 0);
 * ```
 */
export function main(args: readonly string[]): Promise<number> {
  return run(program, args);
}

if (import.meta.main) await runAndExit(program);
