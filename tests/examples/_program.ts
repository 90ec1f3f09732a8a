/** The programs of `examples/`, as processes of the operating system. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { eventually } from "../_epmd_helpers.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A running program; killed when it goes out of scope. */
export class Program implements AsyncDisposable {
  /** Resolves when it has ended, and its output has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  #output = "";
  #isRunning = true;

  constructor(
    file: string,
    args: string[] = [],
    env: Record<string, string> = {},
  ) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "-A", "--unstable-no-legacy-abort"],
        ...[`--config=${ROOT}deno.json`, `${ROOT}examples/${file}`],
        ...args,
      ],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr } = this.#child;
    const reading = [stdout, stderr].map(async (stream) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        this.#output += text;
      }
    });
    this.ended = this.#child.status.then(async (status) => {
      this.#isRunning = false;
      await Promise.all(reading);
      return status;
    });
  }

  get output(): string {
    return this.#output;
  }

  /** Waits for output, and returns the match. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null;
    await eventually(() => {
      found = pattern.exec(this.#output);
      assert(found !== null || this.#isRunning, `it ended: ${this.#output}`);
      return found !== null;
    }, 120_000);
    return found!;
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Has it drain, and asserts that it ends in order. */
  async drain(): Promise<void> {
    this.kill("SIGTERM");
    const { code } = await this.ended;
    assertEquals(code, 0, this.#output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isRunning) this.#child.kill("SIGKILL");
    await this.ended;
  }
}
