/** Runs the chat's command line, each time as a process of the operating system. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../packages/testing/tags.ts";
import { Child, type Ended } from "./_child.ts";
import { temporaryFolder } from "./_temporary.ts";

export type { Ended };

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/**
 * The permissions of test programs: they may read modules and reach hosts that the `chat` task may not, but
 * create no cookie file.
 */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-env=ERL_EPMD_PORT,HOME",
  "--allow-sys=hostname",
  "--allow-read",
];

function declaring(...tags: string[]) {
  return (name: string, fn: () => void | Promise<void>): void =>
    test(name, { timeout: 60_000, tags }, fn);
}

/** A test of a command line. */
export const cliTest = declaring("cli");

/** One that a newcomer's run leaves out: each starts programs, and a similar one is left in. */
export const slowCliTest = declaring("cli", "slow");

export const shellTest = declaring("shell");

/** One that a newcomer's run leaves out, as {@linkcode slowCliTest}. */
export const slowShellTest = declaring("shell", "slow");

export interface ChatOptions {
  /** Its permissions, as flags. */
  permissions?: readonly string[];
  /** Variables to add to its environment. */
  env?: Record<string, string>;
  /** Its working directory. */
  cwd?: string;
  /** The program's path in the repository; by default, the chat's. */
  program?: string;
  /** Its standard input. */
  input?: string;
}

/** The arguments with which Deno runs a program of the repository. */
export function denoRun(
  program: string,
  args: readonly string[],
  permissions: readonly string[] = PERMISSIONS,
): string[] {
  return [
    ...["run", "--quiet", "--no-prompt", `--config=${ROOT}deno.json`],
    ...permissions,
    ROOT + program,
    ...args,
  ];
}

/** A running command line; killed when it goes out of scope. */
export class ChatProcess extends Child {
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;

  constructor(args: readonly string[], options: ChatOptions = {}) {
    const { program = "chat/main.ts", permissions, cwd = ROOT } = options;
    const { env, input } = options;
    super(Deno.execPath(), {
      args: denoRun(program, args, permissions),
      cwd,
      env,
      stdin: input === undefined ? "null" : "piped",
    });
    this.ended = this.status;
    if (input !== undefined) this.#give(input);
  }

  async #give(input: string): Promise<void> {
    // It may exit without reading.
    await this.type(input).catch(() => {});
    await this.closeInput();
  }
}

/** Runs the command line until it exits. */
export async function chat(
  args: readonly string[],
  options: ChatOptions = {},
): Promise<Ended> {
  await using process = new ChatProcess(args, options);
  return await process.ended;
}

/** Runs pieces of code by `--eval`, after other flags. */
export function runCode(
  code: readonly string[],
  flags: readonly string[] = [],
  options: ChatOptions = {},
): Promise<Ended> {
  return chat([...flags, ...code.flatMap((each) => ["-e", each])], options);
}

/** Runs a command line with input lines until it exits. */
export function pipe(
  lines: string[],
  args: string[] = [],
  program?: string,
): Promise<Ended> {
  return chat(args, { program, input: lines.join("\n") });
}

/** The flags of a node that only finds nodes of the same test. */
export function nodeFlags(sname: string, epmdPort: number): string[] {
  return [`--sname=${sname}@localhost`, ...cookieFlags(epmdPort)];
}

/** The flags of a shell on a node of the same test. */
export function remshFlags(node: string, epmdPort: number): string[] {
  return [`--remsh=${node}@localhost`, ...cookieFlags(epmdPort)];
}

function cookieFlags(epmdPort: number): string[] {
  return ["--cookie=secret_token", `--epmd-port=${epmdPort}`];
}

/** Starts a program that is a node with some flags; resolves when it is up. */
export async function startNode(
  sname: string,
  epmdPort: number,
  ...flags: string[]
): Promise<ChatProcess> {
  const node = new ChatProcess([...nodeFlags(sname, epmdPort), ...flags]);
  await node.printed(" is up.");
  return node;
}

/** Asserts that the program ended with a code, and one line on standard error that contains a text. */
export function assertRefused(ended: Ended, code: number, text: string): void {
  assertStringIncludes(ended.stderr, text);
  assertMatch(ended.stderr, /^chat: Cannot [^\n]+\n$/);
  assertEquals([ended.code, ended.stdout], [code, ""]);
}

/** Asserts that the program succeeded and printed a text and nothing else. */
export function assertPrinted(ended: Ended, text: string): void {
  assertEquals(ended.stderr, "");
  assertEquals(ended.stdout, text);
  assertEquals(ended.code, 0);
}

export async function withFolder(
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  await fn(folder.path);
}
