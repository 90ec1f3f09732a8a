/** Programs with a prompt, which tests type lines into: `iex` with the lesson's application, and the chat. */

import { fileURLToPath } from "node:url";
import { PERMISSIONS } from "./_cli.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The time limit for an output, in milliseconds. */
const WITHIN = 300_000;

/** The nodes of one test. */
export interface PromptOptions {
  /** The port of EPMD, which must be served there already. */
  epmdPort: number;
  /** A folder for what the program writes. */
  folder: string;
}

/** A running program with a prompt; killed when it goes out of scope. */
export class Prompt implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #ended: Promise<unknown>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #isEnded = false;
  #text = "";
  #onText: () => void = () => {};

  private constructor(command: string, options: Deno.CommandOptions) {
    this.#child = new Deno.Command(command, {
      ...options,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#timer = setTimeout(() => this.#kill(), WITHIN);
    this.#ended = Promise.all([
      this.#child.status,
      this.#read(this.#child.stdout),
      this.#read(this.#child.stderr),
    ]).then(() => {
      this.#isEnded = true;
      this.#onText();
    });
  }

  /** Starts `iex` on a node, in a folder of `examples/`: by default with the lesson's application in Elixir. */
  static iex(
    name: string,
    { epmdPort, folder }: PromptOptions,
    example = "elixir_chat",
    args = ["-S", "mix"],
  ): Prompt {
    return new Prompt("iex", {
      args: [
        ...["--sname", name, "--cookie", "secret_token"],
        ...["--erl", "-start_epmd false", ...args],
      ],
      cwd: `${ROOT}examples/${example}`,
      env: {
        ERL_EPMD_PORT: `${epmdPort}`,
        MIX_BUILD_PATH: `${folder}/${name}`,
        NO_COLOR: "1",
      },
    });
  }

  /** Starts the chat of this library with a shell, on a node. */
  static chat(name: string, { epmdPort }: PromptOptions): Prompt {
    return new Prompt(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", `--config=${ROOT}deno.json`],
        ...PERMISSIONS,
        `${ROOT}chat/main.ts`,
        ...["--sname", name, "--cookie", "secret_token"],
        `--module=Kate=${ROOT}chat/kate.ts`,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1", ERL_EPMD_PORT: `${epmdPort}` },
    });
  }

  /** All that it has printed, without prompts. */
  get lines(): string[] {
    return this.#text.split("\n")
      .map((line) => line.replace(/^((iex|\.\.\.)\([^)]*\)\d*> )+/, ""))
      .filter((line) => line !== "");
  }

  /** Types a line. */
  async enter(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits until it has printed that line, `times` times. */
  async prints(line: string, times = 1): Promise<void> {
    while (this.lines.filter((each) => each === line).length < times) {
      if (this.#isEnded) {
        throw new Error(`it ended and did not print ${line}:\n${this.#text}`);
      }
      await new Promise<void>((resolve) => this.#onText = resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await this.#ended;
    clearTimeout(this.#timer);
    await this.#input.close().catch(() => {});
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has exited.
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoderStream() as ReadableWritablePair<
      string,
      Uint8Array
    >;
    for await (const text of stream.pipeThrough(decoder)) {
      this.#text += text;
      this.#onText();
    }
  }
}
