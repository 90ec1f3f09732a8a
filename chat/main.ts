/**
 * The chat's command line: `deno run jsr:@otp/distribution/chat --sname alex@localhost`.
 *
 * The command starts a node and the chat on it, opens a shell or runs the code of `--eval`, and stops both again.
 * `--help` lists the flags.
 *
 * @module
 */

import { commandOf } from "@otp/shell/cli/command";
import { type Program, run, runAndExit } from "@otp/shell/cli/run";
import * as library from "../mod.ts";
import config from "../deno.json" with { type: "json" };
import { shell } from "@otp/shell/program_shell";
import { chat } from "./application.ts";
import dev from "./config/dev.ts";
import test from "./config/test.ts";
import * as Chat from "./mod.ts";

const command = commandOf({
  clone: "deno task chat",
  npm: "npx otp-chat",
  bun: "bunx --bun otp-chat",
  jsr: "deno run -A jsr:@otp/distribution/chat",
}, import.meta.url);

const isTask = command === "deno task chat";

/** The module in the examples: the clone's, or else the user's own file. */
const KATE = isTask ? "./chat/kate.ts" : "./kate.ts";

/** The task has few permissions. */
const OTHERS = isTask
  ? `
  deno run -A chat/main.ts --sname kate@localhost --module Mine=../mine.ts

deno task chat reads files of chat/ only: run the last one for your modules and certificates.`
  : "";

const program: Program = {
  name: "chat",
  version: config.version,
  command,
  usage:
    `Starts a node and the chat on it, and opens a shell. With --eval it runs that code instead. Without
standard input, or with --no-halt, the node serves other nodes until it is stopped.`,
  examples: `Examples:
  ${command} --sname kate@localhost --module Kate=${KATE}
  ${command} --sname alex@localhost -e 'await Chat.sendMessage("kate@localhost", "hi")'${OTHERS}`,
  library,
  modules: { Chat },
  sources: { Chat: new URL("./mod.ts", import.meta.url) },
  application: chat,
  environments: { dev, test },
  shell,
};

/**
 * Runs the command line, until its code has run or the process is asked to stop.
 *
 * @param args The arguments, as `--help` lists them.
 * @returns The exit code: 0 done, 1 failed, 2 wrong usage, 3 cannot start or connect, 4 refused.
 *
 * @example Usage
 * ```ts
 * import { main } from "@otp/distribution/chat";
 * import { assertEquals } from "@std/assert";
 *
 * const code = 'await Chat.sendMessage("moebi@localhost", "hi")';
 * assertEquals(await main(["--env", "test", "--eval", code]), 0);
 * ```
 */
export function main(args: readonly string[]): Promise<number> {
  return run(program, args);
}

if (import.meta.main) await runAndExit(program);
