/** Programs of the operating system, and their output. */

/** A BEAM takes its arguments, its input and its output as UTF-8, whatever the user's locale is. */
export const UTF8_BEAM = {
  ERL_AFLAGS: "+fnu -kernel standard_io_encoding unicode",
} as const;

// The harness sets it for a report in a terminal, and users set it; programs would take it before NO_COLOR.
const mayChange =
  Deno.permissions.querySync({ name: "env", variable: "FORCE_COLOR" }).state ===
    "granted";
if (mayChange) Deno.env.delete("FORCE_COLOR");

export interface Ended {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
}

/** Runs a program until it ends. */
export async function outputOf(
  program: string,
  options: Deno.CommandOptions,
): Promise<Ended> {
  await using child = new Child(program, options);
  return await child.status;
}

/** A running program; killed when it goes out of scope. */
export class Child implements AsyncDisposable {
  /** Resolves when it has ended, and its output has been read. */
  readonly status: Promise<Ended>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #written = { stdout: "", stderr: "" };
  #output = "";
  #isRunning = true;
  readonly #waiting: (() => void)[] = [];

  constructor(program: string, options: Deno.CommandOptions) {
    const { stdin = "null", env } = options;
    this.#child = new Deno.Command(program, {
      ...options,
      env: { NO_COLOR: "1", ...UTF8_BEAM, ...env },
      stdin,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (stdin === "piped") this.#input = this.#child.stdin.getWriter();
    this.status = this.#run();
  }

  async #run(): Promise<Ended> {
    const [{ code, signal }] = await Promise.all([
      this.#child.status,
      this.#read("stdout"),
      this.#read("stderr"),
    ]);
    this.#isRunning = false;
    this.#wake();
    return { code, signal, ...this.#written };
  }

  async #read(name: "stdout" | "stderr"): Promise<void> {
    const stream = this.#child[name].pipeThrough(new TextDecoderStream());
    for await (const text of stream) {
      this.#written[name] += text;
      this.#output += text;
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Its standard output so far. */
  get stdout(): string {
    return this.#written.stdout;
  }

  /** Its standard error so far. */
  get stderr(): string {
    return this.#written.stderr;
  }

  /** Its standard output and standard error so far. */
  get output(): string {
    return this.#output;
  }

  /** Waits until a function finds something in the output, and returns it. */
  async until<T>(find: () => T | null | false, what: unknown): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== null && found !== false) return found;
      if (!this.#isRunning) {
        throw new Error(`it ended without printing ${what}:\n${this.output}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Waits until its output matches a pattern, and returns the match. */
  matches(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.output), pattern);
  }

  /** Waits until its output contains a text or matches a pattern. */
  async printed(text: string | RegExp): Promise<void> {
    await this.until(
      () =>
        typeof text === "string"
          ? this.output.includes(text)
          : text.test(this.output),
      text,
    );
  }

  /** Writes to its standard input, which is piped. */
  async type(text: string): Promise<void> {
    await this.#input!.write(new TextEncoder().encode(text));
  }

  /** Closes its standard input; it may have exited without reading. */
  async closeInput(): Promise<void> {
    await this.#input?.close().catch(() => {});
  }

  /** Sends it a signal, if it is still running. */
  kill(signal: Deno.Signal): void {
    try {
      if (this.#isRunning) this.#child.kill(signal);
    } catch (error) {
      // It ended by itself, and its status has not arrived yet.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.status;
    await this.closeInput();
  }
}
