/** Helpers of the tests of `packages/epmd/`. */

import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import {
  type EpmdLog,
  lookup,
  type NodeEntry,
  register,
} from "../packages/epmd/mod.ts";
import { freePort } from "../packages/testing/_ports.ts";
import { isMissing } from "../packages/testing/_programs.ts";
import { epmdNames, StockEpmd } from "./_elixir.ts";

export { epmdNames, freePort };

const modUrl = new URL("../packages/epmd/mod.ts", import.meta.url).href;

/** A test with all sanitizers on. */
export function epmdTest(
  name: string,
  fn: () => Promise<void> | void,
  options: { ignore?: boolean } = {},
): void {
  Deno.test({
    name,
    fn,
    ignore: options.ignore ?? false,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
  });
}

/** Waits until a condition holds, and returns the time that took, in milliseconds. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  within = 20_000,
): Promise<number> {
  const start = performance.now();
  while (!await condition()) {
    // safe: a hang guard
    if (performance.now() - start > within) {
      throw new Error(`it did not come to hold within ${within} ms`);
    }
    // safe: the time between two looks
    await pause(5);
  }
  return performance.now() - start;
}

/**
 * The time limit for work that takes less than `ms` milliseconds on an idle machine: the limit includes the
 * measured time in which a node starts EPMD, is found and stops, many times.
 */
export async function allowance(ms: number): Promise<number> {
  const start = performance.now();
  const port = await freePort();
  const lease = await register(node("measure"), { port });
  await lookup("measure", { port });
  await lease.close();
  return ms + 20 * (performance.now() - start);
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  // safe: each caller says why
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Log lines, and the hook that collects them. */
export function logBook(): { lines: string[]; log: EpmdLog } {
  const lines: string[] = [];
  return {
    lines,
    log: (level, message) => void lines.push(`${level}: ${message}`),
  };
}

/** A connection without an EPMD client behind it. */
export class RawConnection implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  /** Resolves when the connection is open, or has failed. */
  readonly opened: Promise<void>;
  /** Resolves with all received bytes when the connection is closed. */
  readonly closed: Promise<Uint8Array>;

  constructor(port: number) {
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
    });
    this.opened = new Promise((resolve) => {
      this.#socket.once("connect", () => resolve());
      this.#socket.once("close", () => resolve());
    });
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", () => resolve(this.received));
    });
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get received(): Uint8Array {
    return Uint8Array.from(this.#chunks.flatMap((chunk) => [...chunk]));
  }

  /** Sends bytes as they are. */
  send(bytes: Uint8Array | string): this {
    this.#socket.write(bytes);
    return this;
  }

  /** Sends bytes, and ends its side. */
  end(bytes: Uint8Array): this {
    this.#socket.end(bytes);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }
}

/** A server that is not EPMD, or deviates from its protocol. */
export class FakeEpmd implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  connections = 0;

  private constructor(answer: (socket: Socket, request: Uint8Array) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      this.connections++;
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.once("data", (request: Uint8Array) => answer(socket, request));
    });
  }

  /** Starts to listen; `answer` is called with the first bytes of each connection. */
  static listen(
    answer: (socket: Socket, request: Uint8Array) => void,
    port = 0,
  ): Promise<FakeEpmd> {
    const fake = new FakeEpmd(answer);
    return new Promise((resolve) =>
      fake.#server.listen({ host: "127.0.0.1", port }, () => resolve(fake))
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The number of open connections. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Closes all open connections. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.drop();
    });
  }
}

/** Whether Erlang's `epmd` is installed. */
export function hasEpmd(): boolean {
  return !isMissing("epmd");
}

export function node(name: string, port = 4100): NodeEntry {
  return { name, port, hidden: false, extra: "otp-json/1" };
}

/** Runs code in an OS process of its own, in which `register` is EPMD's. */
export function evalRegister(code: string): Deno.Command {
  const whole = `import { register } from ${JSON.stringify(modUrl)};\n${code}`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", whole],
    stdout: "piped",
  });
}

/** The real `epmd`, on a port of its own. */
export async function startEpmd(
  port: number,
  address?: string,
): Promise<() => Promise<void>> {
  const epmd = await StockEpmd.start(port, address);
  return () => epmd[Symbol.asyncDispose]();
}
