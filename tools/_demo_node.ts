/** A node of the demo: a process of the operating system that runs the chat's command line, or the chat in Elixir. */

/** Where the project is. */
const ROOT = new URL("../", import.meta.url);

/** The permissions of the `chat` task, except for creating a cookie file. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-env=ERL_EPMD_PORT,HOME",
  "--allow-sys=hostname",
  "--allow-read",
];

/** Written when a node waits for permission to continue; no output of code contains it. */
const GATE = "\0";

/** How long a node may take to stop, in milliseconds. */
const END_WITHIN = 30_000;

/** The code of a node of Elixir: it ends before `GATE` if its OTP is too old to connect. */
const ELIXIR_CODE = `
  String.to_integer(System.otp_release()) >= 25 || System.halt(1)
  Logger.configure(level: :error)
  remote_supervisor = fn recipient -> {Chat.TaskSupervisor, recipient} end
  Application.put_env(:chat, :remote_supervisor, remote_supervisor)
  {:ok, _} = Chat.Application.start(:normal, [])
  IO.write(<<0>>)
  Process.sleep(:infinity)`;

/** How to start a node. */
export interface DemoNodeOptions {
  /** The part of its name before the `@`. */
  short: string;
  /** Its flags, besides its name. */
  flags: readonly string[];
  /** The code that it runs, one piece for each {@linkcode DemoNode.step}. */
  code: readonly string[];
}

/** How to start a node of Elixir. */
export interface ElixirOptions {
  /** The part of its name before the `@`. */
  short: string;
  /** The folder of the cookie file `.erlang.cookie`. */
  home: string;
  epmdPort: number;
}

/** A running node, its output by lines. */
export class DemoNode implements AsyncDisposable {
  readonly short: string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #lines: string[] = [];
  /** The number of gates that it has reached, and of those that were opened. */
  #reached = 0;
  #opened = 0;
  #hasEnded = false;

  private constructor(
    short: string,
    command: string,
    options: Deno.CommandOptions,
  ) {
    this.short = short;
    this.#child = new Deno.Command(command, {
      ...options,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.ended = Promise.all([
      this.#child.status,
      this.#read(this.#child.stdout),
      this.#read(this.#child.stderr),
    ]).then(([{ code }]) => {
      this.#hasEnded = true;
      return code;
    });
  }

  static start({ short, flags, code }: DemoNodeOptions): DemoNode {
    const gate = `await IO.gets(${JSON.stringify(GATE)})`;
    const pieces = code.flatMap((each) => [gate, each]);
    return new DemoNode(short, Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        ...PERMISSIONS,
        "chat/main.ts",
        `--sname=${short}@localhost`,
        ...flags,
        ...[...pieces, gate].flatMap((each) => ["--eval", each]),
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    });
  }

  /** Starts a node of Elixir; returns `undefined` if Elixir is not installed. */
  static startElixir(
    { short, home, epmdPort }: ElixirOptions,
  ): DemoNode | undefined {
    try {
      return new DemoNode(short, "elixir", {
        args: [
          ...["--sname", `${short}@localhost`, "--erl"],
          // At Ctrl-C, Erlang's menu would open, and wait for an answer.
          "+Bi -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
          ...["-r", "lib/chat.ex", "-r", "lib/chat/application.ex"],
          ...["-e", ELIXIR_CODE],
        ],
        cwd: new URL("examples/elixir_chat/", ROOT),
        env: { NO_COLOR: "1", HOME: home, ERL_EPMD_PORT: `${epmdPort}` },
      });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether it is idle: it waits for permission to continue, or has ended. */
  get isIdle(): boolean {
    return this.#hasEnded || this.#reached > this.#opened;
  }

  /** The lines that it has printed since they were last taken. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Takes the lines that it has printed. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Lets it run its next piece of code. */
  async step(): Promise<void> {
    this.#opened++;
    await this.#input.write(new TextEncoder().encode("\n"));
  }

  /** Stops it, as Ctrl-C does; returns its exit code. */
  async stop(): Promise<number> {
    this.#signal("SIGTERM");
    const killer = setTimeout(() => this.#signal("SIGKILL"), END_WITHIN);
    const code = await this.ended;
    clearTimeout(killer);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#input.close().catch(() => {});
  }

  #signal(signal: Deno.Signal): void {
    try {
      if (!this.#hasEnded) this.#child.kill(signal);
    } catch {
      // It has ended just now.
    }
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split(GATE);
      this.#reached += parts.length - 1;
      const lines = parts.join("").split("\n");
      rest = lines.pop()!;
      this.#lines.push(...lines);
    }
    if (rest !== "") this.#lines.push(rest);
  }
}
