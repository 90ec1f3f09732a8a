/**
 * Fails when a row between two nodes has fallen 30 % behind its recorded ratio to a bare socket:
 * `deno task ratios`.
 *
 * Times mean nothing on a shared machine, and even a ratio depends on the machine: on the cost of its system calls in
 * relation to JavaScript. So
 *
 * - both sides do the same kinds of work: the bare socket also makes, writes, parses and checks messages of
 *   JSON, and hands them over by promises;
 * - the sides take turns of a few milliseconds, in one program, so that a disturbance affects both;
 * - the CPU time of all threads is compared, because other programs may take the cores at any moment;
 * - `ratios.json` holds the largest ratio of many runs, on an idle machine and on busy ones;
 * - a row fails if the lowest of several attempts, each the median of its turns, is above the limit.
 *
 * `deno task ratios --record` raises the recorded ratios to the measured ones, and never lowers them. To record a row
 * that became faster, delete its line first. `--row NAME` chooses rows, and `--file FILE` replaces `ratios.json`.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  GenServer,
  Node,
  type Pid,
  receive,
  self,
  send,
  Task,
  TaskSupervisor,
} from "../mod.ts";
import { freePort } from "../packages/testing/_ports.ts";
import { checkPayload, type Payload, payload } from "./measure.ts";
import * as Bench from "./ours/jobs.ts";

type Job = (rounds: number) => Promise<void>;

interface Row {
  /** The number of rounds in a turn, for some 10 ms. */
  rounds: number;
  ours: Job;
  raw: Job;
}

/** How far a row may fall behind. */
const TOLERANCE = 1.3;

/** The number of turns whose median counts; some turns run before, while the engine compiles. */
const TURNS = 21;
const WARMUP = 20;

/** Attempts of a row until one holds, and of each row when the ratios are recorded. */
const ATTEMPTS = 4;

/** The number of messages in an array: about as many as a frame of ours has. */
const IN_ARRAY = 250;

const KATE = "bench_kate@localhost";

/** A message of a bare socket, on a line with others. */
type Line = (Payload & { total?: number })[];

/** A socket whose lines of JSON are parsed. */
class Lines {
  readonly #socket: Socket;
  readonly #onLine: (messages: Line, lines: Lines) => void;
  #rest = "";

  constructor(socket: Socket, onLine: (messages: Line, lines: Lines) => void) {
    this.#socket = socket;
    this.#onLine = onLine;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer): void => this.#take(chunk));
    socket.on("error", (): void => {});
  }

  write(messages: Line): boolean {
    return this.#socket.write(`${JSON.stringify(messages)}\n`);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#socket.once("drain", resolve));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString("utf8")).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#onLine(JSON.parse(line) as Line, this);
  }
}

/** The bare socket, both its ends. */
class Bare implements Disposable {
  readonly #server = createServer();
  #client!: Lines;
  #answered: (message: Line[number]) => void = () => {};

  static async open(): Promise<Bare> {
    const bare = new Bare();
    bare.#server.on("connection", (socket: Socket): void => answer(socket));
    bare.#server.listen(0, "127.0.0.1");
    await new Promise((resolve) => bare.#server.once("listening", resolve));
    const { port } = bare.#server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    bare.#client = new Lines(socket, ([message]) => bare.#answered(message));
    return bare;
  }

  #answer(): Promise<Line[number]> {
    return new Promise((resolve) => this.#answered = resolve);
  }

  /** Asks for an answer to each message. */
  async roundTrips(rounds: number): Promise<void> {
    for (let n = 0; n < rounds; n++) {
      const answer = this.#answer();
      this.#client.write([{ type: "msg", n, total: 1 }]);
      checkPayload(await answer, n);
    }
  }

  /** Sends messages in arrays; the last one asks for an answer. */
  async oneWay(row: string, rounds: number): Promise<void> {
    const answer = this.#answer();
    for (let n = 0; n < rounds;) {
      const messages: Line = [];
      while (messages.length < IN_ARRAY && n < rounds) {
        messages.push(payload(row, n++));
      }
      if (n === rounds) messages.at(-1)!.total = rounds;
      if (!this.#client.write(messages)) await this.#client.drained();
    }
    checkPayload(await answer, rounds - 1);
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
    this.#server.close();
  }
}

/** The serving end: checks messages, and answers those that ask for it. */
function answer(socket: Socket): void {
  let next = 0;
  new Lines(socket, (messages, lines) => {
    for (const message of messages) {
      // A round trip is a series of one message that has its own number.
      checkPayload(message, message.total === 1 ? message.n : next++);
      if (message.total === undefined) continue;
      next = 0;
      lines.write([{ type: "msg", n: message.n }]);
    }
  });
}

async function sendAll(row: string, rounds: number): Promise<void> {
  const pid = await Node.spawn(KATE, ["Bench", "count"], [self(), rounds]);
  for (let n = 0; n < rounds; n++) {
    const full = send(pid, payload(row, n));
    if (full !== undefined) await full;
  }
  const { total } = await receive() as { total: number };
  if (total !== rounds) throw new Error(`Cannot go on: counted ${total}`);
}

function assertAnswer(answer: unknown, n: number): void {
  if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
}

async function ping(pid: Pid, rounds: number): Promise<void> {
  const from = self();
  for (let n = 0; n < rounds; n++) {
    const full = send(pid, { type: "ping", from, n });
    if (full !== undefined) await full;
    assertAnswer((await receive() as { n: number }).n, n);
  }
}

async function call(rounds: number): Promise<void> {
  const server = GenServer.ref<Bench.EchoTypes>({
    name: "Bench.Echo",
    node: KATE,
  });
  for (let n = 0; n < rounds; n++) {
    const request = { type: "echo", value: n } as const;
    assertAnswer(await GenServer.call(server, request), n);
  }
}

async function task(rounds: number): Promise<void> {
  const supervisor = { name: "Bench.TaskSupervisor", node: KATE };
  for (let n = 0; n < rounds; n++) {
    const task = await TaskSupervisor.async(supervisor, Bench.echo, [n]);
    assertAnswer(await Task.await(task), n);
  }
}

async function rowsOf(bare: Bare): Promise<Record<string, Row>> {
  const pong = await Node.spawn(KATE, ["Bench", "pong"], []);
  const trips = (rounds: number): Promise<void> => bare.roundTrips(rounds);
  const oneWay = (row: string, rounds: number): Row => ({
    rounds,
    ours: (rounds) => sendAll(row, rounds),
    raw: (rounds) => bare.oneWay(row, rounds),
  });
  return {
    round_trip: {
      rounds: 300,
      ours: (rounds) => ping(pong, rounds),
      raw: trips,
    },
    call: { rounds: 300, ours: call, raw: trips },
    task: { rounds: 150, ours: task, raw: trips },
    one_way: oneWay("one_way", 10_000),
    one_way_text: oneWay("one_way_text", 3000),
    one_way_object: oneWay("one_way_object", 4000),
    one_way_large: oneWay("one_way_large", 100),
  };
}

/** The CPU time of a job, in microseconds. */
async function cost(job: Job, rounds: number): Promise<number> {
  const before = process.cpuUsage();
  await job(rounds);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The ratio of our cost to the cost of the bare socket. */
async function measure({ ours, raw, rounds }: Row): Promise<number> {
  const ratios: number[] = [];
  for (let turn = -WARMUP; turn < TURNS; turn++) {
    const base = await cost(raw, rounds);
    const ratio = await cost(ours, rounds) / base;
    if (turn >= 0) ratios.push(ratio);
  }
  return ratios.sort((a, b) => a - b)[TURNS >> 1];
}

/** Raises the recorded ratios to the highest of some attempts. */
async function raise(
  rows: Record<string, Row>,
  usual: Record<string, number>,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const [name, row] of Object.entries(rows)) {
      const ratio = Number((await measure(row)).toFixed(2));
      console.log(`${name.padEnd(16)} ${ratio}`);
      usual[name] = Math.max(usual[name] ?? 0, ratio);
    }
  }
}

/** Measures the rows until each of them has held once. */
async function hold(
  rows: Record<string, Row>,
  usual: Record<string, number>,
): Promise<boolean> {
  let left = Object.entries(rows);
  for (let attempt = 1; attempt <= ATTEMPTS && left.length > 0; attempt++) {
    const behind: typeof left = [];
    for (const [name, row] of left) {
      if (usual[name] === undefined) {
        throw new Error(`Cannot compare ${name}: ratios.json lacks it`);
      }
      const ratio = await measure(row);
      const limit = usual[name] * TOLERANCE;
      const isOk = ratio <= limit;
      console.log(
        `${name.padEnd(16)} ${ratio.toFixed(2).padStart(5)} × raw (recorded ${
          usual[name]
        }, at most ${limit.toFixed(2)}) ${
          isOk ? "ok" : attempt < ATTEMPTS ? "too much, again" : "TOO MUCH"
        }`,
      );
      if (!isOk) behind.push([name, row]);
    }
    left = behind;
  }
  return left.length === 0;
}

async function main(): Promise<boolean> {
  const { values: { record, row, file } } = parseArgs({
    options: {
      record: { type: "boolean", default: false },
      row: { type: "string", multiple: true },
      file: {
        type: "string",
        default: fileURLToPath(new URL("ratios.json", import.meta.url)),
      },
    },
  });
  const options = { cookie: "ratios", epmdPort: freePort(), log() {} };
  const kate = await Node.start({ ...options, name: KATE, modules: { Bench } });
  const ready = Promise.withResolvers<void>();
  kate.run(async () => {
    await TaskSupervisor.startLink({ name: "Bench.TaskSupervisor" });
    await GenServer.startLink(Bench.Echo, null, { name: "Bench.Echo" });
    ready.resolve();
    // They end with the process that started them.
    await receive(() => false);
  }).catch(ready.reject);
  await ready.promise;
  const alex = await Node.start({
    ...options,
    name: "bench_alex@localhost",
    modules: { Bench },
  });
  using bare = await Bare.open();
  const text = await Deno.readTextFile(file);
  const usual = JSON.parse(text) as Record<string, number>;
  return await alex.run(async () => {
    const all = await rowsOf(bare);
    const names = row ?? Object.keys(all);
    const rows = Object.fromEntries(names.map((name) => {
      if (all[name] !== undefined) return [name, all[name]];
      throw new TypeError(
        `Cannot measure "${name}": use one of ${Object.keys(all).join(", ")}`,
      );
    }));
    if (!record) return await hold(rows, usual);
    await raise(rows, usual);
    await Deno.writeTextFile(file, `${JSON.stringify(usual, undefined, 2)}\n`);
    return true;
  });
}

Deno.exit(await main() ? 0 : 1);
