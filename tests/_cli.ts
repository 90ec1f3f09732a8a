/** Runs the chat's command line, each time as a process of the operating system. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../testing/tags.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The time limit for a process, in milliseconds. */
const WITHIN = 300_000;

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

/** A function that declares tests with tags. */
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

/** The end of a process. */
export interface Ended {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
}

/** A running command line; killed when it goes out of scope. */
export class ChatProcess implements AsyncDisposable {
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
  readonly #child: Deno.ChildProcess;
  readonly #timer: ReturnType<typeof setTimeout>;
  #isRunning = true;
  #output = { stdout: "", stderr: "" };
  #onOutput: () => void = () => {};

  constructor(args: readonly string[], options: ChatOptions = {}) {
    const { permissions = PERMISSIONS, cwd = ROOT, env = {} } = options;
    const { program = "chat/main.ts", input } = options;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        `--config=${ROOT}deno.json`,
        ...permissions,
        ROOT + program,
        ...args,
      ],
      cwd,
      env: { NO_COLOR: "1", ...env },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#timer = setTimeout(() => this.kill("SIGKILL"), WITHIN);
    this.ended = this.#run(input);
  }

  /** Its standard output so far. */
  get stdout(): string {
    return this.#output.stdout;
  }

  /** Its standard error so far. */
  get stderr(): string {
    return this.#output.stderr;
  }

  /** Sends it a signal, if it is still running. */
  kill(signal: Deno.Signal): void {
    if (!this.#isRunning) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It ended by itself, and its status has not arrived yet.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Waits until a text appears on its standard output or standard error. */
  async printed(text: string): Promise<void> {
    for (;;) {
      if ((this.stdout + this.stderr).includes(text)) return;
      if (!this.#isRunning) {
        throw new Error(
          `it ended without printing ${text}:\n${this.stdout}${this.stderr}`,
        );
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onOutput = resolve;
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }

  async #run(input: string | undefined): Promise<Ended> {
    const [{ code, signal }] = await Promise.all([
      this.#child.status,
      input === undefined ? undefined : this.#write(input),
      this.#read("stdout"),
      this.#read("stderr"),
    ]);
    clearTimeout(this.#timer);
    this.#isRunning = false;
    this.#onOutput();
    return { code, signal, ...this.#output };
  }

  async #write(input: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(input));
      await writer.close();
    } catch (error) {
      // It has exited without reading.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  async #read(name: "stdout" | "stderr"): Promise<void> {
    const stream = this.#child[name].pipeThrough(new TextDecoderStream());
    for await (const text of stream) {
      this.#output[name] += text;
      this.#onOutput();
    }
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

/** Calls a function with a temporary folder. */
export async function withFolder(
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
