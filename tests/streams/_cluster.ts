/** Three nodes with streams on PostgreSQL, as programs, behind a round-robin. */

import { buffer } from "node:stream/consumers";
import {
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Program } from "../examples/_program.ts";
import { COOKIE, freePort } from "../_nodes.ts";
import { PostgresServer } from "../_postgres.ts";
import { until } from "../_until.ts";
import type { HostOptions } from "./_host.ts";
import { LONG_POLL } from "./_suite.ts";

const NODES = ["alex", "kate", "sophie"];

/** Headers of one connection, which a proxy does not pass on. */
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding"];

/**
 * Gives each request to the next of several servers. As proxies do, it asks another one if a server refuses the connection;
 * and for requests that may run twice, also if a server resets it, is silent for too long, or says 503.
 */
export class RoundRobin implements AsyncDisposable {
  readonly #ports: readonly number[];
  readonly #server = createServer((incoming, outgoing) =>
    void this.#forward(incoming, outgoing)
  );
  #next = 0;
  /** The servers that get no more requests, and the one that each open response is asked for. */
  readonly #without = new Set<number>();
  readonly #asked = new Map<ServerResponse, number>();
  /** Milliseconds without an answer after which a request that may run twice goes to another server. */
  patience = Infinity;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  static async listen(ports: readonly number[]): Promise<RoundRobin> {
    const proxy = new RoundRobin(ports);
    await new Promise<void>((resolve) =>
      proxy.#server.listen(0, "127.0.0.1", () => resolve())
    );
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Calls a function while a server gets no requests, once its last requests have ended. */
  async without(port: number, fn: () => Promise<void>): Promise<void> {
    this.#without.add(port);
    await until(() => ![...this.#asked.values()].includes(port));
    await fn();
    this.#without.delete(port);
  }

  #nextPort(): number {
    for (;;) {
      const port = this.#ports[this.#next++ % this.#ports.length];
      if (!this.#without.has(port)) return port;
    }
  }

  async #forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const gone = new AbortController();
    outgoing.on("close", () => {
      gone.abort();
      this.#asked.delete(outgoing);
    });
    const body = await buffer(incoming).catch(() => undefined);
    if (body === undefined) return; // The client has left.
    const mayRepeat = incoming.method !== "POST" ||
      incoming.headers["producer-id"] !== undefined;
    while (!gone.signal.aborted) {
      let answer: IncomingMessage;
      try {
        const port = this.#nextPort();
        this.#asked.set(outgoing, port);
        answer = await this.#ask(port, incoming, body, mayRepeat, gone.signal);
      } catch (error) {
        const { code } = error as { code?: string };
        if (mayRepeat || code === "ECONNREFUSED") continue;
        outgoing.writeHead(502).end();
        return;
      }
      if (answer.statusCode === 503 && mayRepeat) {
        answer.resume();
        continue;
      }
      const headers = Object.entries(answer.headers)
        .filter(([name]) => !HOP_BY_HOP.includes(name));
      outgoing.writeHead(answer.statusCode!, Object.fromEntries(headers));
      answer.on("error", () => outgoing.destroy());
      answer.on("aborted", () => outgoing.destroy());
      answer.pipe(outgoing);
      return;
    }
  }

  #ask(
    port: number,
    { method, url, headers }: IncomingMessage,
    body: Uint8Array,
    mayRepeat: boolean,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<
      IncomingMessage
    >();
    const isPoll = url!.includes("live=long-poll");
    const asked = request({
      ...{ host: "127.0.0.1", port, method, path: url, signal, agent: false },
      headers: { ...headers, connection: "close" },
    }, resolve);
    asked.on("error", reject);
    asked.end(body);
    if (mayRepeat && this.patience < Infinity) {
      const timer = setTimeout(
        () => asked.destroy(new Error("no answer")),
        this.patience + (isPoll ? LONG_POLL : 0),
      );
      promise.then(() => clearTimeout(timer), () => clearTimeout(timer));
    }
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A node's program. */
class Host implements AsyncDisposable {
  readonly port: number;
  readonly #argument: string;
  #program: Program;

  constructor(options: HostOptions) {
    this.port = options.port;
    this.#argument = JSON.stringify(options);
    this.#program = this.#start();
  }

  #start(): Program {
    return new Program("../tests/streams/_host.ts", [this.#argument]);
  }

  /** Waits until the node owns streams. */
  async isUp(): Promise<void> {
    await this.#program.matches(/^up$/m);
  }

  /** Kills it; it starts again when others serve. */
  async kill(serves: () => Promise<void>): Promise<void> {
    this.#program.kill("SIGKILL");
    await this.#program.status;
    await serves();
    this.#program = this.#start();
    await this.isUp();
  }

  /** Stops its clock and all else, until others serve. */
  async freeze(serves: () => Promise<void>): Promise<void> {
    this.#program.kill("SIGSTOP");
    await serves();
    this.#program.kill("SIGCONT");
  }

  /** Drains it: its streams move to others, and some come back. */
  async move(serves: () => Promise<void>): Promise<void> {
    await this.#program.drain();
    await serves();
    this.#program = this.#start();
    await this.isUp();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

/** The nodes, their database, and the round-robin before them. */
export class StreamCluster implements AsyncDisposable {
  readonly proxy: RoundRobin;
  readonly #hosts: readonly Host[];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    proxy: RoundRobin,
    hosts: readonly Host[],
    stack: AsyncDisposableStack,
  ) {
    this.proxy = proxy;
    this.#hosts = hosts;
    this.#stack = stack;
  }

  static async start(): Promise<StreamCluster> {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await PostgresServer.start());
    const epmdPort = freePort();
    const ports = NODES.map(() => freePort());
    const hosts = NODES.map((name, n) =>
      stack.use(
        new Host({
          node: {
            ...{ name: `${name}@localhost`, cookie: COOKIE, epmdPort },
            tickTime: 4000,
          },
          store: database.url,
          port: ports[n],
        }),
      )
    );
    for (const host of hosts) await host.isUp();
    const proxy = stack.use(await RoundRobin.listen(ports));
    return new StreamCluster(proxy, hosts, stack.move());
  }

  /** Kills one node, freezes another and drains the third, each until the others serve its streams. */
  async faults(serves: () => Promise<void>): Promise<void> {
    this.proxy.patience = 2000;
    const [alex, kate, sophie] = this.#hosts;
    await alex.kill(serves);
    await kate.freeze(serves);
    await sophie.move(serves);
  }

  /** The same, while the node gets no requests: it only is the owner of streams for which others are asked. */
  async ownerFaults(serves: () => Promise<void>): Promise<void> {
    const [alex, kate, sophie] = this.#hosts;
    await this.proxy.without(alex.port, () => alex.kill(serves));
    await this.proxy.without(kate.port, () => kate.freeze(serves));
    await this.proxy.without(sophie.port, () => sophie.move(serves));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
