/**
 * Measures streams over HTTP: `deno task bench:streams`.
 *
 * - Appends of 100 bytes to one stream, by 32 connections.
 * - Reads of a history of 1 MB in 1,000 events, by 4 connections.
 * - One stream with 2,000 readers of server-sent events: events that all of them have, one after the other; and the memory
 *   of the server for each reader.
 *
 * The servers are this library on Deno and on Node 24, both with SQLite as it is by default (each append is on the disk);
 * `@durable-streams/server` on Node with its file store; a bare handler of `node:http`, which stores nothing; and for appends
 * the same handler with an `INSERT` of each. All take turns, on one core, with the clients on another; each figure is the
 * median of its turns. The CPU time of the server says
 * the same on a machine that does other things too.
 *
 * `--row fanOut` measures one row: `appends`, `history` or `fanOut`.
 *
 * `--deploy 60` instead runs two nodes with PostgreSQL for 60 seconds, drains and starts them again in turn, with 2,000
 * readers and 200 appends a second on 100 streams (`--streams 100`). It asserts that each reader has each byte once, and
 * prints the delays from an append to its readers, for the appends since all readers have caught up once. A delay has the
 * time in which an append waits for its stream's new owner, and a reader comes back. `--quick` shows that everything works.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../packages/testing/_ports.ts";
import { PostgresServer } from "../tests/_postgres.ts";
import { Child, isInstalled, killAll } from "./processes.ts";
import type { StreamServerOptions } from "./streams_server.ts";

const { values: { quick, deploy, streams, row: only } } = parseArgs({
  options: {
    row: { type: "string" },
    quick: { type: "boolean", default: false },
    deploy: { type: "string" },
    streams: { type: "string", default: "100" },
  },
});
const HERE = fileURLToPath(new URL(".", import.meta.url));
const READERS = quick ? 50 : 2000;
const TURNS = quick ? 1 : 3;
const WRITERS = 32;
const SECONDS = quick ? 0.2 : 2;
/** One "~" in each event, by which readers count. */
const EVENT = `~${"x".repeat(99)}`;
const HISTORY = 1000;

// A connection, with one request at a time.

class Connection {
  readonly #socket: Socket;
  #head = "";
  #rest = 0;
  #isChunked = false;
  /** The last bytes. */
  #end = "";
  #status = 0;
  #answer = Promise.withResolvers<number>();

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (data) => this.#take(data));
    this.#socket.on("error", (error) => this.#answer.reject(error));
  }

  /** Makes a request; returns the status. */
  ask(method: string, path: string, body = ""): Promise<number> {
    this.#answer = Promise.withResolvers();
    this.#head = "";
    this.#socket.write(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    return this.#answer.promise;
  }

  #take(data: Uint8Array): void {
    const text = new TextDecoder("latin1").decode(data);
    this.#end = (this.#end + text).slice(-5);
    if (this.#head.includes("\r\n\r\n")) this.#rest -= data.length;
    else {
      this.#head += text;
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.#status = Number(this.#head.slice(9, 12));
      const length = /\r\ncontent-length: (\d+)/i.exec(this.#head)?.[1];
      this.#isChunked = /\r\ntransfer-encoding: chunked/i.test(this.#head);
      this.#rest = Number(length ?? 0) - (this.#head.length - end - 4);
      this.#head = this.#head.slice(0, end + 4);
    }
    const isEnd = this.#isChunked
      ? this.#end === "0\r\n\r\n"
      : this.#rest === 0;
    if (isEnd) this.#answer.resolve(this.#status);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A live reader, which counts events. */
class Reader {
  readonly #socket: Socket;
  readonly begun = Promise.withResolvers<void>();
  readonly #note: () => void;

  constructor(port: number, path: string, note: () => void) {
    this.#note = note;
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.write(
      `GET ${path}?offset=-1&live=sse HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    );
    this.#socket.on("data", (data) => {
      this.begun.resolve();
      for (
        let at = data.indexOf(126);
        at !== -1;
        at = data.indexOf(126, at + 1)
      ) this.#note();
    });
    this.#socket.on("error", (error) => this.begun.reject(error));
  }

  close(): void {
    this.#socket.destroy();
  }
}

// The servers.

interface Server {
  name: string;
  child: Child;
  port: number;
}

/** Milliseconds of CPU time. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ")
    .slice(12, 14).map(Number);
  return 10 * (user + system);
}

/** Bytes of memory. */
async function memoryOf(pid: number): Promise<number> {
  const statm = await Deno.readTextFile(`/proc/${pid}/statm`);
  return 4096 * Number(statm.split(" ")[1]);
}

async function run(program: string, args: string[], cwd: string) {
  const { success, stderr } = await new Deno.Command(program, { args, cwd })
    .output();
  if (success) return;
  const why = new TextDecoder().decode(stderr);
  throw new Error(`Cannot run ${program} ${args.join(" ")}: ${why}`);
}

async function startServers(folder: string): Promise<Server[]> {
  const rivals = `${HERE}rivals/streams/`;
  for (const file of ["package.json", "main.mjs"]) {
    await Deno.copyFile(rivals + file, `${folder}/${file}`);
  }
  await run("npm", ["install", "--no-audit", "--no-fund", "node@24"], folder);
  const node = `${folder}/node_modules/.bin/node`;
  const options = (name: string): string =>
    JSON.stringify(
      { store: `${folder}/${name}.db`, port: 0 } satisfies StreamServerOptions,
    );
  const commands: [string, string[]][] = [
    ["Deno", denoCommand(options("deno"))],
    [
      "Node",
      [
        ...[node, "--no-warnings", `--import=${HERE}workspace.mjs`],
        ...[`${HERE}streams_server.ts`, options("node")],
      ],
    ],
    ["reference", [node, "main.mjs", "reference", `${folder}/files`]],
    ["bare", [node, "main.mjs", "bare"]],
    ["storing", [
      ...[node, "--no-warnings", "main.mjs", "storing"],
      `${folder}/storing.db`,
    ]],
  ];
  const servers: Server[] = [];
  for (const [name, command] of commands) {
    const child = new Child({ command, core: 0, cwd: folder });
    servers.push({ name, child, port: await portOf(child) });
  }
  return servers;
}

function denoCommand(options: string): string[] {
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-check", "-A"],
    ...[`--config=${HERE}../deno.json`, `${HERE}streams_server.ts`, options],
  ];
}

async function portOf(child: Child): Promise<number> {
  for (;;) {
    const port = /^port (\d+)$/.exec(await child.line())?.[1];
    if (port !== undefined) return Number(port);
  }
}

// The rows.

const results = new Map<string, Map<string, number[]>>();

function note(row: string, server: Server, value: number): void {
  const sides = results.get(row) ?? new Map<string, number[]>();
  results.set(row, sides);
  sides.set(server.name, [...sides.get(server.name) ?? [], value]);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Notes what a server does in a second, and the CPU time of each. */
async function measure(
  row: string,
  server: Server,
  work: () => Promise<number>,
): Promise<void> {
  const cpu = await cpuOf(server.child.pid);
  const began = performance.now();
  const count = await work();
  note(`${row}, 1/s`, server, count * 1000 / (performance.now() - began));
  const used = await cpuOf(server.child.pid) - cpu;
  note(`${row}, µs of CPU`, server, used * 1000 / count);
}

async function expectStatus(asked: Promise<number>, status: number) {
  const got = await asked;
  if (got !== status) throw new Error(`Cannot go on: the status is ${got}`);
}

/** Makes requests on some connections for the time of a row; returns their number. */
async function load(
  port: number,
  connections: number,
  ask: (connection: Connection) => Promise<void>,
): Promise<number> {
  const end = performance.now() + SECONDS * 1000;
  let count = 0;
  await Promise.all(Array.from({ length: connections }, async () => {
    const connection = new Connection(port);
    while (performance.now() < end) {
      await ask(connection);
      count++;
    }
    connection.close();
  }));
  return count;
}

async function create(port: number, path: string): Promise<void> {
  const connection = new Connection(port);
  await expectStatus(connection.ask("PUT", path), 201);
  connection.close();
}

async function appends(server: Server, turn: number): Promise<void> {
  const path = `/appends/${turn}`;
  await create(server.port, path);
  const append = (to: Connection) =>
    expectStatus(to.ask("POST", path, EVENT), 204);
  await measure(
    "appends",
    server,
    () => load(server.port, WRITERS, append),
  );
}

async function history(server: Server, turn: number): Promise<void> {
  const path = "/history";
  if (turn === 0) {
    await create(server.port, path);
    const connection = new Connection(server.port);
    for (let n = 0; n < HISTORY; n++) {
      await expectStatus(connection.ask("POST", path, "x".repeat(1000)), 204);
    }
    connection.close();
  }
  const read = (from: Connection) =>
    expectStatus(from.ask("GET", `${path}?offset=-1`), 200);
  await measure("reads of 1 MB", server, () => load(server.port, 4, read));
}

async function fanOut(server: Server, turn: number): Promise<void> {
  const path = `/fan-out/${turn}`;
  await create(server.port, path);
  let count = 0;
  let expected = 0;
  let arrived = Promise.withResolvers<void>();
  const before = await memoryOf(server.child.pid);
  const readers: Reader[] = [];
  for (let n = 0; n < READERS; n++) {
    const reader = new Reader(server.port, path, () => {
      if (++count === expected) arrived.resolve();
    });
    readers.push(reader);
    if (n % 50 === 49) await reader.begun.promise;
  }
  await Promise.all(readers.map(({ begun }) => begun.promise));
  const used = await memoryOf(server.child.pid) - before;
  if (turn === 0) note("bytes of an idle reader", server, used / READERS);
  const writer = new Connection(server.port);
  await measure("events to a reader", server, async () => {
    const end = performance.now() + SECONDS * 1000;
    for (let n = 0; n < 2 || performance.now() < end; n++) {
      expected += READERS;
      arrived = Promise.withResolvers();
      await expectStatus(writer.ask("POST", path, EVENT), 204);
      if (count < expected) await arrived.promise;
    }
    return expected;
  });
  writer.close();
  for (const reader of readers) reader.close();
}

function report(): void {
  for (const [row, sides] of results) {
    const figures = [...sides].map(([name, values]) =>
      `${name} ${median(values).toPrecision(3)}`
    );
    console.log(`${row}: ${figures.join(", ")}`);
  }
}

async function compare(folder: string): Promise<void> {
  const servers = await startServers(folder);
  try {
    for (const row of [appends, history, fanOut]) {
      if (only !== undefined && only !== row.name) continue;
      for (let turn = 0; turn < TURNS; turn++) {
        const order = turn % 2 === 0 ? servers : servers.toReversed();
        for (const server of order) {
          if (server.name === "storing" && row !== appends) continue;
          console.error(`${row.name}: ${server.name}`);
          await row(server, turn);
        }
      }
    }
  } finally {
    for (const { child } of servers) await child[Symbol.asyncDispose]();
  }
  report();
}

// A rolling deploy.

const NODES = ["alex", "kate"];

/** Reads the events of a response, on a bare socket: 2,000 of `fetch` need a core. Returns whether there was a response. */
function events(
  path: string,
  port: number,
  take: (block: string) => void,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  // Without chunks.
  socket.write(`GET ${path} HTTP/1.0\r\nhost: localhost\r\n\r\n`);
  const decoder = new TextDecoder();
  let isOk: boolean | undefined;
  let rest = "";
  socket.on("data", (bytes) => {
    rest += decoder.decode(bytes, { stream: true });
    if (isOk === undefined) {
      const end = rest.indexOf("\r\n\r\n");
      if (end === -1) return;
      isOk = / 200 /.test(rest.slice(0, rest.indexOf("\r")));
      rest = rest.slice(end + 4);
    }
    if (!isOk) return;
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) take(block);
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(isOk === true));
  return promise;
}

/** The nodes, and the readers and writers of their streams. */
class Deploy {
  readonly #children = new Map<string, Child>();
  readonly #ports = new Map(NODES.map((name) => [name, freePort()]));
  readonly #epmdPort = freePort();
  readonly #store: string;
  readonly #streams: string[];
  #isOver = false;
  /** From an append to each of its readers, since all readers have caught up. */
  readonly delays: number[] = [];
  #begun = 0;
  readonly #areBegun = Promise.withResolvers<void>();
  #since = Infinity;
  readonly #written = new Map<string, string>();
  restarts = 0;

  constructor(store: string, count: number) {
    this.#store = store;
    this.#streams = Array.from({ length: count }, (_, n) => `/deploy/${n}`);
  }

  async start(name: string): Promise<void> {
    const options: StreamServerOptions = {
      store: this.#store,
      port: this.#ports.get(name)!,
      node: {
        name: `${name}@localhost`,
        cookie: "a_cookie_of_the_benchmark",
        epmdPort: this.#epmdPort,
      },
    };
    const command = denoCommand(JSON.stringify(options));
    const child = new Child({ command, core: "0,1" });
    await portOf(child);
    this.#children.set(name, child);
  }

  /** Asks one node after the other, as a balancer does, until one answers well. */
  async #ask(path: string, first: number, init: RequestInit) {
    for (let n = first;; n++) {
      const port = this.#ports.get(NODES[n % NODES.length]);
      try {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
        if (response.ok) return response;
        await response.body?.cancel();
      } catch {
        // The node is not there.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #write(path: string, n: number): Promise<void> {
    const headers = { "content-type": "text/plain" };
    const created = await this.#ask(path, n, { method: "PUT", headers });
    await created.body?.cancel();
    const every = 1000 * this.#streams.length / 200;
    const began = performance.now() + every * Math.random();
    let written = "";
    for (let seq = 0, isLast = false; !isLast; seq++) {
      const wait = began + seq * every - performance.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
      isLast = this.#isOver;
      const body = `${seq} ${performance.now().toFixed(1)};`;
      written += body;
      if (isLast) this.#written.set(path, written);
      const response = await this.#ask(path, n + seq, {
        ...{ method: "POST", body },
        headers: {
          ...headers,
          ...{ "producer-id": "w", "producer-epoch": "0" },
          ...{ "producer-seq": `${seq}`, "stream-closed": `${isLast}` },
        },
      });
      await response.body?.cancel();
    }
  }

  /** Reads a stream until it has what was written. */
  async #read(path: string, n: number): Promise<void> {
    let offset = "-1";
    let text = "";
    let data = "";
    let isBegun = false;
    const take = (block: string) => {
      const [event, line] = block.split("\ndata:");
      if (event === "event: data") data += line;
      else {
        this.#noteDelays(data);
        text += data;
        data = "";
        const { streamNextOffset, upToDate } = JSON.parse(line);
        offset = streamNextOffset;
        if (isBegun || !upToDate) return;
        isBegun = true;
        if (++this.#begun < READERS) return;
        this.#since = performance.now();
        this.#areBegun.resolve();
      }
    };
    for (;; n++) {
      const port = this.#ports.get(NODES[n % NODES.length])!;
      const isOk = await events(
        `${path}?offset=${offset}&live=sse`,
        port,
        take,
      );
      data = "";
      const written = this.#written.get(path);
      if (written !== undefined && text.length >= written.length) {
        if (text !== written) throw new RangeError(`${path} differs`);
        return;
      }
      if (!isOk) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #noteDelays(data: string): void {
    const now = performance.now();
    for (const [, at] of data.matchAll(/ ([\d.]+);/g)) {
      if (Number(at) >= this.#since) this.delays.push(now - Number(at));
    }
  }

  async run(seconds: number): Promise<void> {
    for (const name of NODES) await this.start(name);
    const writers = this.#streams.map((path, n) => this.#write(path, n));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const readers = Array.from(
      { length: READERS },
      (_, n) => this.#read(this.#streams[n % this.#streams.length], n),
    );
    await Promise.race([this.#areBegun.promise, ...readers]);
    const end = performance.now() + seconds * 1000;
    for (let turn = 0; performance.now() < end; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const name = NODES[turn % NODES.length];
      const child = this.#children.get(name)!;
      child.kill("SIGTERM");
      await child.ended;
      await this.start(name);
      this.restarts++;
    }
    this.#isOver = true;
    await Promise.all(writers);
    await Promise.all(readers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.values()) {
      await child[Symbol.asyncDispose]();
    }
  }
}

async function rollingDeploy(seconds: number): Promise<void> {
  await using database = await PostgresServer.start();
  await using deploy = new Deploy(database.url, Number(streams));
  await deploy.run(seconds);
  const sorted = deploy.delays.toSorted((a, b) => a - b);
  const at = (part: number) =>
    Math.round(sorted[Math.floor(part * (sorted.length - 1))]);
  console.log(
    `${READERS} readers, ${deploy.restarts} restarts, ${sorted.length} events, each once: delay median ${
      at(0.5)
    } ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`,
  );
}

const folder = await Deno.makeTempDir({ prefix: "streams" });
try {
  if (deploy !== undefined) await rollingDeploy(Number(deploy));
  else if (await isInstalled("npm")) await compare(folder);
  else throw new Error("Cannot compare streams: npm is missing");
} finally {
  killAll();
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(0);
