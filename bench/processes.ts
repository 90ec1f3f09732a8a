/**
 * The operating-system processes that the runner starts, each pinned to a core
 * and each ended, by its pid, when its `await using` ends.
 *
 * @module
 */

const LINE_TIMEOUT = 120_000;
const alive = new Set<Child>();
let closed = false;

export interface ChildOptions {
  /** The program and its arguments. */
  command: readonly string[];
  /** The core, or the cores, to run on; any core if omitted. */
  core?: number | string;
  /** The working directory. */
  cwd?: string;
  /** Variables to add to the environment. */
  env?: Record<string, string>;
}

/** A started process, whose standard output is read by lines. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #command: string;
  #errors = "";
  #rest = "";

  constructor({ command, core, cwd, env }: ChildOptions) {
    if (closed) throw new Error("Cannot start a process: interrupted");
    const pinned = core === undefined
      ? command
      : ["taskset", "-c", `${core}`, ...command];
    this.#command = command.join(" ");
    this.#process = new Deno.Command(pinned[0], {
      args: pinned.slice(1),
      cwd,
      env,
      // Left open: a peer exits when its stdin closes, as it does when the runner exits.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = this.#process.stdout
      .pipeThrough(new TextDecoderStream()).getReader();
    this.#collectErrors();
    alive.add(this);
  }

  /** The next line of its output. */
  async line(): Promise<string> {
    const deadline = setTimeout(() => this.kill(), LINE_TIMEOUT);
    try {
      while (!this.#rest.includes("\n")) {
        const { value, done } = await this.#output.read();
        if (done) throw new Error(this.#failure());
        this.#rest += value;
      }
    } finally {
      clearTimeout(deadline);
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  async write(text: string): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when it has exited. */
  get ended(): Promise<unknown> {
    return this.#process.status;
  }

  kill(signal: Deno.Signal = "SIGKILL"): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has exited by itself.
    }
  }

  /** Kills it, and waits until it has exited. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#process.status;
    await this.#process.stdin.close().catch(() => {});
    await this.#output.cancel();
    alive.delete(this);
  }

  async #collectErrors(): Promise<void> {
    const text = this.#process.stderr.pipeThrough(new TextDecoderStream());
    for await (const part of text) this.#errors += part;
  }

  #failure(): string {
    return `Cannot read a line of "${this.#command}": it ended, or gave none ` +
      `within ${LINE_TIMEOUT / 1000} s; it said: ${this.#errors.trim()}`;
  }
}

/** Kills every process that is still running, and prevents the start of others. */
export function killAll(): void {
  closed = true;
  for (const child of alive) child.kill();
}

/** Returns whether a program can be started by that name. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, {
      args: ["--version"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(10_000),
    }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
