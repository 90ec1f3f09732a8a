/** The programs of `examples/thumbnails/`, as processes of the operating system, and a load balancer for its web nodes. */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Agent, createServer, request, type ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { eventually } from "../_epmd_helpers.ts";
import { Program } from "./_program.ts";

export const WIDTH = 64;

/** Where they are made. */
export const PATH = `/thumbnails?width=${WIDTH}`;

/** A service of web and worker nodes. */
export class Service implements AsyncDisposable {
  /** The ports of its web nodes, by name. */
  readonly ports: Map<string, number> = new Map();
  readonly #programs = new Map<string, Program>();
  readonly #flags: string[];
  readonly #folder: string;

  private constructor(flags: string[], folder: string) {
    this.#flags = flags;
    this.#folder = folder;
  }

  /** Starts nodes: `web-1` is a web node, others are workers. */
  static async start(names: string[], epmdPort: number): Promise<Service> {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/cookie`;
    await Deno.writeTextFile(file, crypto.randomUUID(), { mode: 0o600 });
    const service = new Service([
      ...["--cookie-file", file, "--epmd-port", `${epmdPort}`],
      ...["--cluster", names.map((name) => `${name}@localhost`).join(",")],
    ], folder);
    await Promise.all(names.map((name) => service.run(name)));
    return service;
  }

  /** Starts a node, and waits until it is up. */
  async run(name: string): Promise<void> {
    const isWeb = name.startsWith("web");
    const program = new Program(
      isWeb ? "thumbnails/web.ts" : "thumbnails/worker.ts",
      ["--sname", `${name}@localhost`, ...this.#flags],
      isWeb ? { HTTP_PORT: "0", LEAVE_AFTER: "2000" } : { THREADS: "1" },
    );
    this.#programs.set(name, program);
    const [, port] = await program.matches(/ is up(?:, port (\d+))?\n/);
    if (isWeb) this.ports.set(name, Number(port));
  }

  program(name: string): Program {
    return this.#programs.get(name)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) {
      await program[Symbol.asyncDispose]();
    }
    await Deno.remove(this.#folder, { recursive: true });
  }
}

export interface Answer {
  status: number;
  body: Uint8Array;
}

/** Sends a request, on a connection of its own without an agent. */
export function ask(
  port: number,
  path: string,
  body?: Uint8Array,
  agent: Agent | false = false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const host = "127.0.0.1";
    request({ host, port, path, method, agent }, async (response) => {
      try {
        const chunks: Uint8Array[] = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve({ status: response.statusCode!, body: Buffer.concat(chunks) });
      } catch (error) {
        reject(error);
      }
    }).on("error", reject).end(body);
  });
}

/** Whether an answer is a thumbnail. */
export function isSame(
  { status, body }: Answer,
  thumbnail: Uint8Array,
): boolean {
  return status === 200 && Buffer.from(thumbnail).equals(body);
}

/** An answer, for the message of a test. */
export function shown({ status, body }: Answer): string {
  return `${status} ${Buffer.from(body.slice(0, 100))}`;
}

/**
 * A load balancer for web nodes: it asks `/readyz` again and again, and sends requests to those that are ready. A
 * connection that is refused is tried elsewhere, and nothing else is.
 */
export class Balancer implements AsyncDisposable {
  /** Answers that are not the thumbnail. */
  readonly wrong: string[] = [];
  readonly #service: Service;
  readonly #thumbnail: Uint8Array;
  readonly #ready = new Set<string>();
  readonly #server = createServer();
  readonly #polling: Promise<void>;
  #isOpen = true;
  #turn = 0;

  constructor(service: Service, thumbnail: Uint8Array) {
    this.#service = service;
    this.#thumbnail = thumbnail;
    this.#server.on("request", async (incoming, response) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      await this.#forward(incoming.url!, Buffer.concat(chunks), response);
    });
    this.#polling = this.#poll();
  }

  /** Begins to listen; returns the port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** Waits until a node is ready. */
  async ready(name: string): Promise<void> {
    await eventually(() => this.#ready.has(name), 120_000);
  }

  async #poll(): Promise<void> {
    while (this.#isOpen) {
      for (const [name, port] of this.#service.ports) {
        const status = await ask(port, "/readyz").then(
          ({ status }) => status,
          () => 0,
        );
        if (status === 200) this.#ready.add(name);
        else this.#ready.delete(name);
      }
      // safe: the time between two looks
      await setTimeout(50);
    }
  }

  async #forward(
    path: string,
    body: Uint8Array,
    response: ServerResponse,
  ): Promise<void> {
    const ready = [...this.#ready];
    this.#turn++;
    let error: unknown = new Error("no web node is ready");
    for (let i = 0; i < ready.length; i++) {
      const name = ready[(this.#turn + i) % ready.length];
      try {
        const answer = await ask(this.#service.ports.get(name)!, path, body);
        if (!isSame(answer, this.#thumbnail)) this.wrong.push(shown(answer));
        response.writeHead(answer.status).end(answer.body);
        return;
      } catch (thrown) {
        error = thrown;
        if ((thrown as { code?: unknown }).code !== "ECONNREFUSED") break;
      }
    }
    response.writeHead(502).end(String(error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    await this.#polling;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The number of clients of {@linkcode Load}, and of requests of a burst. */
const CLIENTS = 8;

/** The pause of a client between two requests, in milliseconds: without it, the load takes the whole machine. */
const PAUSE = 100;

/**
 * Clients that keep their connections, each with one request at a time, until it is stopped; and bursts of
 * requests on connections of their own.
 */
export class Load {
  answers = 0;
  readonly #request: (agent: Agent | false) => Promise<Answer>;
  readonly #thumbnail: Uint8Array;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #running: Promise<unknown>[] = [];
  readonly #wrong: string[] = [];
  #isOpen = true;

  constructor(port: number, image: Uint8Array, thumbnail: Uint8Array) {
    this.#request = (agent) => ask(port, PATH, image, agent);
    this.#thumbnail = thumbnail;
    for (let i = 0; i < CLIENTS; i++) this.#running.push(this.#client());
  }

  async #client(): Promise<void> {
    while (this.#isOpen) {
      await this.#get(this.#agent);
      await setTimeout(PAUSE);
    }
  }

  async #get(agent: Agent | false): Promise<void> {
    try {
      const answer = await this.#request(agent);
      if (!isSame(answer, this.#thumbnail)) this.#wrong.push(shown(answer));
    } catch (error) {
      this.#wrong.push(String(error));
    }
    this.answers++;
  }

  /** Waits for further answers. */
  async more(count: number): Promise<void> {
    const wanted = this.answers + count;
    await eventually(() => this.answers >= wanted, 120_000);
  }

  /** Sends requests at once, so that all workers are busy when it returns: one request is answered then. */
  async burst(): Promise<void> {
    const requests = Array.from({ length: CLIENTS }, () => this.#get(false));
    this.#running.push(...requests);
    await Promise.race(requests);
  }

  /** Ends it, and asserts that every request was answered with the thumbnail. */
  async stop(): Promise<void> {
    this.#isOpen = false;
    await Promise.all(this.#running);
    this.#agent.destroy();
    assertEquals(this.#wrong, []);
  }
}
