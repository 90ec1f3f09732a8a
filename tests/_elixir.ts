/**
 * Real nodes of Elixir, driven by tests: each in an operating system process of its own.
 *
 * A node connects to its test over a socket and evaluates the code that it receives there, so that its
 * standard input and output are free for the code. It ends when its test does. The time limit of the test is the only one: a
 * busy machine makes a node as slow as it likes.
 */

import { Buffer } from "node:buffer";
import {
  type AddressInfo,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { freePort } from "../packages/testing/_ports.ts";
import { isMissing } from "../packages/testing/_programs.ts";
import { Child, outputOf } from "./_child.ts";
import { COOKIE } from "./_nodes.ts";
import { until } from "./_until.ts";

/** The programs that a test with such nodes needs: `test(name, { programs: ELIXIR }, fn)`. */
export const ELIXIR: readonly string[] = ["elixir"];

/** Evaluates what arrives, in one process with the bindings of before, and answers with the inspected value. */
const DRIVER = `
defmodule Driver do
  def connect(port) do
    options = [:binary, packet: 4, active: false]
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, options)
    loop(socket, [])
  end

  defp loop(socket, binding) do
    case :gen_tcp.recv(socket, 0) do
      {:ok, code} ->
        {answer, binding} = evaluate(code, binding)
        :ok = :gen_tcp.send(socket, answer)
        loop(socket, binding)

      {:error, _} ->
        :closed
    end
  end

  defp evaluate(code, binding) do
    {value, binding} = Code.eval_string(code, binding)
    {["+", inspect(value, limit: :infinity, printable_limit: :infinity)], binding}
  catch
    kind, reason ->
      {["-", Exception.format(kind, reason, __STACKTRACE__)], binding}
  end
end
Driver.connect(DRIVER_PORT)
System.halt(0)
`;

export interface ElixirOptions {
  /** The port of EPMD, which must be served there already. */
  epmdPort: number;
  /**
   * The cookie; with `null`, that of the file in the home folder.
   *
   * @default {the cookie of a test's nodes}
   */
  cookie?: string | null;
  hidden?: boolean;
  /** Flags for the Erlang VM: `["-kernel", "net_ticktime", "8"]`. */
  erl?: readonly string[];
  /** Further environment variables. */
  env?: Record<string, string>;
}

/** The failure of code that a test had evaluated. */
export class ElixirError extends Error {
  override readonly name = "ElixirError";
}

/** A process of an Elixir node that evaluates code, with bindings and a mailbox of its own. */
export class Evaluator {
  readonly #socket: Socket;
  readonly #owner: string;
  #bytes: Buffer = Buffer.alloc(0);
  #pending: PromiseWithResolvers<string>[] = [];

  /** Takes a connection of the driver. */
  constructor(socket: Socket, owner: string) {
    this.#socket = socket;
    this.#owner = owner;
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#read();
    });
    socket.on("close", () => {
      for (const { reject } of this.#pending.splice(0)) {
        reject(new ElixirError(`${this.#owner} has ended`));
      }
    });
  }

  /**
   * Evaluates code after all code before it; returns what `inspect` prints of the value.
   *
   * @throws {ElixirError} If it raises, throws or exits; the message is that of Elixir.
   */
  async evaluate(code: string): Promise<string> {
    const pending = Promise.withResolvers<string>();
    this.#pending.push(pending);
    const text = Buffer.from(code);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(text.length);
    this.#socket.write(Buffer.concat([head, text]));
    return await pending.promise;
  }

  #read(): void {
    while (this.#bytes.length >= 4) {
      const end = 4 + this.#bytes.readUInt32BE();
      if (this.#bytes.length < end) return;
      const answer = this.#bytes.toString("utf8", 4, end);
      this.#bytes = this.#bytes.subarray(end);
      const pending = this.#pending.shift();
      if (answer[0] === "+") pending?.resolve(answer.slice(1));
      else pending?.reject(new ElixirError(answer.slice(1)));
    }
  }
}

/** A node of Elixir; killed when it goes out of scope. */
export class ElixirNode implements AsyncDisposable {
  /** The node's name. */
  readonly name: string;
  readonly #child: Child;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #opened: ((evaluator: Evaluator) => void)[] = [];
  readonly #ends: (() => Promise<void>)[] = [];
  #main!: Evaluator;

  private constructor(name: string, server: Server, child: Child) {
    this.name = name;
    this.#server = server;
    this.#child = child;
    server.on("connection", (socket: Socket) => {
      socket.setNoDelay(true);
      this.#sockets.push(socket);
      this.#opened.shift()?.(new Evaluator(socket, name));
    });
  }

  /**
   * Starts a node: `kate` is `kate@localhost`.
   *
   * @throws {ElixirError} If it does not start; the message has its output.
   */
  static async start(
    name: string,
    options: ElixirOptions,
  ): Promise<ElixirNode> {
    const { cookie = COOKIE, hidden, erl = [], epmdPort, env = {} } = options;
    const full = name.includes("@") ? name : `${name}@localhost`;
    const server = createServer();
    await new Promise<void>((resolve) =>
      server.listen({ host: "127.0.0.1", port: 0 }, () => resolve())
    );
    const { port } = server.address() as AddressInfo;
    const child = new Child("elixir", {
      args: [
        /@.*[.:]/.test(full) ? "--name" : "--sname",
        full,
        ...(hidden === true ? ["--hidden"] : []),
        ...(cookie === null ? [] : ["--cookie", cookie]),
        "--erl",
        ["-start_epmd false", ...erl].join(" "),
        "-e",
        DRIVER.replace("DRIVER_PORT", `${port}`),
      ],
      env: {
        ERL_EPMD_PORT: `${epmdPort}`,
        ERL_CRASH_DUMP_SECONDS: "0",
        ...env,
      },
      stdin: "piped",
    });
    const node = new ElixirNode(full, server, child);
    try {
      node.#main = await node.#open();
      await node.#main.evaluate("node()");
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
    return node;
  }

  /** The id of its operating system process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** All that it has written to standard output and standard error. */
  get output(): string {
    return this.#child.output;
  }

  /**
   * Evaluates code in the node's first evaluator, after all code before it; returns what `inspect` prints
   * of the value.
   *
   * @throws {ElixirError} If it raises, throws or exits.
   */
  evaluate(code: string): Promise<string> {
    return this.#main.evaluate(code);
  }

  /**
   * Evaluates code until its value is the expected one: a node that is dialled knows of the connection a moment
   * after the dialler does.
   */
  async becomes(code: string, expected: string): Promise<void> {
    await until(async () => await this.evaluate(code) === expected);
  }

  /** Starts another evaluator, which runs beside the first. */
  async evaluator(): Promise<Evaluator> {
    const opened = this.#open();
    const { port } = this.#server.address() as AddressInfo;
    await this.evaluate(`spawn(fn -> Driver.connect(${port}) end)`);
    return await opened;
  }

  /** Waits until the output matches a pattern; returns the match. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return this.#child.matches(pattern);
  }

  /** Writes to its standard input. */
  type(text: string): Promise<void> {
    return this.#child.type(text);
  }

  /** Calls a function when the node has ended. */
  onEnd(fn: () => Promise<void>): void {
    this.#ends.push(fn);
  }

  /** Sends it a signal of the operating system. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Kills it, and waits until it has ended. */
  async kill(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    for (const socket of this.#sockets) socket.destroy();
    for (const end of this.#ends.splice(0)) await end();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The next evaluator that connects. */
  #open(): Promise<Evaluator> {
    return new Promise((resolve, reject) => {
      this.#opened.push(resolve);
      this.#child.status.then(() =>
        reject(new ElixirError(`${this.name}: it has ended\n${this.output}`))
      );
    });
  }
}

/** A stock `epmd` on a port of its own; killed when it goes out of scope. */
export class StockEpmd extends Child {
  readonly port: number;

  private constructor(port: number, address: string) {
    const where = address === "0.0.0.0" ? [] : ["-address", address];
    super("epmd", { args: ["-port", `${port}`, ...where] });
    this.port = port;
  }

  /** Starts it, and waits until it listens. */
  static async start(
    port: number = freePort(),
    address = "127.0.0.1",
  ): Promise<StockEpmd> {
    const epmd = new StockEpmd(port, address);
    await until(async () =>
      (await epmdNames(port)).startsWith("epmd: up and running")
    );
    return epmd;
  }
}

/** The output of `epmd -names` for a port. */
export async function epmdNames(port: number): Promise<string> {
  const { stdout, stderr } = await outputOf("epmd", {
    args: ["-port", `${port}`, "-names"],
    env: { ERL_EPMD_ADDRESS: "127.0.0.1" },
  });
  return stdout + stderr;
}

/** Whether an application of Erlang is installed: Debian has packages of their own for some. */
export async function hasErlangApplication(name: string): Promise<boolean> {
  const code =
    `halt(case code:lib_dir(${name}) of {error, _} -> 1; _ -> 0 end).`;
  if (isMissing("erl")) return false;
  const args = ["-noshell", "-eval", code];
  return (await outputOf("erl", { args })).code === 0;
}
