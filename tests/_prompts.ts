/** Programs with a prompt, which tests type lines into: `iex` with the lesson's application, and the chat. */

import { fileURLToPath } from "node:url";
import { Child } from "./_child.ts";
import { denoRun } from "./_cli.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The nodes of one test. */
export interface PromptOptions {
  /** The port of EPMD, which must be served there already. */
  epmdPort: number;
  /** A folder for what the program writes. */
  folder: string;
}

/** A running program with a prompt; killed when it goes out of scope. */
export class Prompt extends Child {
  constructor(command: string, options: Deno.CommandOptions) {
    super(command, { ...options, stdin: "piped" });
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
      },
    });
  }

  /** Starts the chat of this library with a shell, on a node. */
  static chat(name: string, { epmdPort }: PromptOptions): Prompt {
    return new Prompt(Deno.execPath(), {
      args: denoRun("chat/main.ts", [
        ...["--sname", name, "--cookie", "secret_token"],
        `--module=Kate=${ROOT}chat/kate.ts`,
      ]),
      cwd: ROOT,
      env: { ERL_EPMD_PORT: `${epmdPort}` },
    });
  }

  /** All that it has printed, without prompts. */
  get lines(): string[] {
    return this.output.split("\n")
      .map((line) => line.replace(/^((iex|\.\.\.)\([^)]*\)\d*> )+/, ""))
      .filter((line) => line !== "");
  }

  /** Types a line. */
  async enter(line: string): Promise<void> {
    await this.type(`${line}\n`);
  }

  /** Waits until it has printed that line, `times` times. */
  async prints(line: string, times = 1): Promise<void> {
    const count = () => this.lines.filter((each) => each === line).length;
    await this.until(() => count() >= times, line);
  }
}
