/**
 * Fails when an operation does more work than it did at its best in `history.json`: `deno task history`.
 *
 * Times depend on the machine and on its load, so the figures are counts:
 *
 * - calls of functions of this repository, as V8 counts them with its optimizers off; the most frequent block of a
 *   function counts, so that a loop counts as often as it turns;
 * - writes to sockets, and their bytes;
 * - bytes of the heap that an idle process keeps; modules that `mod.ts` loads.
 *
 * `--write` adds an entry. If a figure has risen, that needs `--reason TEXT`, which accepts the figures of the entry that
 * are higher than noise explains.
 *
 * @module
 */

import { Session } from "node:inspector/promises";
import { createServer, Socket } from "node:net";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import v8 from "node:v8";
import {
  GenServer,
  type GenServerRef,
  Node,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnMonitor,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../mod.ts";
import { payload } from "./measure.ts";
import * as Bench from "./ours/jobs.ts";
import { compare, type Entry, NOISE } from "./trend.ts";

type Job = (rounds: number) => Promise<void>;

interface Script {
  url: string;
  functions: { ranges: { count: number }[] }[];
}

const KATE = "bench_kate@localhost";
const ROUNDS = 50;
/** The lowest of some turns counts, as timers and yields of a busy machine only add calls. */
const TURNS = 20;
const IDLE = 5000;

const collect = (globalThis as unknown as { gc(): void }).gc;

const sent = { writes: 0, bytes: 0 };

function countWrites(): void {
  const { write } = Socket.prototype;
  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    sent.writes++;
    sent.bytes += (args[0] as Uint8Array).length;
    return Reflect.apply(write, this, args);
  };
}

/** Counts calls since the last count. */
async function callCounter(): Promise<() => Promise<number>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  const options = { callCount: true, detailed: true };
  await session.post("Profiler.startPreciseCoverage", options);
  return async () => {
    const taken = await session.post("Profiler.takePreciseCoverage");
    return (taken as unknown as { result: Script[] }).result
      .filter(({ url }) => url.startsWith("file:"))
      .flatMap(({ functions }) => functions)
      .map(({ ranges }) => Math.max(...ranges.map(({ count }) => count)))
      .reduce((sum, count) => sum + count, 0);
  };
}

async function ping(pid: Pid, rounds: number): Promise<void> {
  const from = self();
  for (let n = 0; n < rounds; n++) {
    await send(pid, { type: "ping", from, n });
    await receive();
  }
}

async function call(
  server: GenServerRef<Bench.EchoTypes>,
  rounds: number,
): Promise<void> {
  for (let value = 0; value < rounds; value++) {
    await GenServer.call(server, { type: "echo", value });
  }
}

async function oneWay(rounds: number): Promise<void> {
  const pid = await Node.spawn(KATE, ["Bench", "count"], [self(), rounds]);
  for (let n = 0; n < rounds; n++) await send(pid, payload("one_way", n));
  await receive();
}

/** Repeats an operation. */
function repeated(operation: (n: number) => Promise<unknown>): Job {
  return async (rounds) => {
    for (let n = 0; n < rounds; n++) await operation(n);
  };
}

async function startAndStop(): Promise<void> {
  const child = {
    id: "echo",
    start: () => GenServer.startLink(Bench.Echo, null),
  };
  await Supervisor.stop(
    await Supervisor.startLink([child], { strategy: "one_for_one" }),
  );
}

async function jobs(): Promise<Record<string, Job>> {
  const here = spawn(Bench.pong);
  const there = await Node.spawn(KATE, ["Bench", "pong"], []);
  const server = await GenServer.startLink(Bench.Echo, null);
  const echo = GenServer.ref<Bench.EchoTypes>({
    name: "Bench.Echo",
    node: KATE,
  });
  const supervisor = { name: "Bench.TaskSupervisor", node: KATE };
  return {
    "ping": (rounds) => ping(here, rounds),
    "call": (rounds) => call(server, rounds),
    "spawn to exit": repeated(() => {
      spawnMonitor(() => {});
      return receive();
    }),
    "task": repeated((n) => Task.await(Task.async(() => n))),
    "supervisor": repeated(startAndStop),
    "remote ping": (rounds) => ping(there, rounds),
    "remote call": (rounds) => call(echo, rounds),
    "remote task": repeated(async (n) =>
      Task.await(await TaskSupervisor.async(supervisor, Bench.echo, [n]))
    ),
    "remote one-way": oneWay,
  };
}

/** The bytes of the heap that an idle process keeps. */
async function idleProcess(): Promise<number> {
  collect();
  const before = v8.getHeapStatistics().used_heap_size;
  for (let n = 0; n < IDLE; n++) spawn(() => receive());
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  const after = v8.getHeapStatistics().used_heap_size;
  return Math.round((after - before) / IDLE);
}

/** The modules that a file loads, with itself. */
async function modulesOf(url: URL): Promise<number> {
  const args = ["info", "--json", url.href];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).modules.length;
}

async function measure(
  calls: () => Promise<number>,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const keepLowest = (name: string, total: number): void => {
    const each = Number((total / ROUNDS).toPrecision(4));
    figures[name] = Math.min(figures[name] ?? Infinity, each);
  };
  const all = await jobs();
  figures["idle process, bytes"] = await idleProcess();
  figures["modules"] = await modulesOf(new URL("../mod.ts", import.meta.url));
  for (const [name, job] of Object.entries(all)) {
    await job(ROUNDS);
    for (let turn = 0; turn < TURNS; turn++) {
      await calls();
      Object.assign(sent, { writes: 0, bytes: 0 });
      await job(ROUNDS);
      const { writes, bytes } = sent;
      keepLowest(`${name}, calls`, await calls());
      if (!name.startsWith("remote")) continue;
      keepLowest(`${name}, bytes`, bytes);
      // An answer and the task's end share a write or not, by chance.
      if (name !== "remote task") keepLowest(`${name}, writes`, writes);
    }
  }
  return figures;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function figuresNow(): Promise<Record<string, number>> {
  countWrites();
  // Loops of functions that have already run would not be counted.
  const calls = await callCounter();
  const options = { cookie: "history", epmdPort: await freePort(), log() {} };
  const modules = { Bench };
  const kate = await Node.start({ ...options, name: KATE, modules });
  const ready = Promise.withResolvers<void>();
  kate.run(async () => {
    await TaskSupervisor.startLink({ name: "Bench.TaskSupervisor" });
    await GenServer.startLink(Bench.Echo, null, { name: "Bench.Echo" });
    ready.resolve();
    await receive(() => false);
  }).catch(ready.reject);
  await ready.promise;
  const name = "bench_alex@localhost";
  const alex = await Node.start({ ...options, name, modules });
  return await alex.run(() => measure(calls));
}

async function main(): Promise<boolean> {
  const { values: { write, reason, file } } = parseArgs({
    options: {
      write: { type: "boolean", default: false },
      reason: { type: "string" },
      file: {
        type: "string",
        default: fileURLToPath(new URL("history.json", import.meta.url)),
      },
    },
  });
  const history = JSON.parse(await Deno.readTextFile(file)) as Entry[];
  const figures = await figuresNow();
  const compared = compare(history, figures);
  for (const { name, value, lowest, isRisen } of compared) {
    const verdict = lowest === undefined ? "NEW" : isRisen ? "RISEN" : "ok";
    console.log(
      `${name.padEnd(24)} ${String(value).padStart(7)} (lowest ${
        String(lowest).padStart(7)
      }) ${verdict}`,
    );
  }
  const risen = compared.filter(({ isRisen }) => isRisen);
  if (!write) {
    return compared.every(({ lowest, isRisen }) =>
      lowest !== undefined && !isRisen
    );
  }
  if (risen.length > 0 && reason === undefined) {
    throw new Error("Cannot write: figures have risen; say why: --reason TEXT");
  }
  const accepted = compared
    .filter(({ value, lowest = value }) =>
      reason !== undefined && value > lowest * NOISE
    ).map(({ name }) => name);
  const { stdout } = await new Deno.Command("git", {
    args: ["log", "-1", "--format=%h %cs"],
  }).output();
  const [commit, date] = new TextDecoder().decode(stdout).trim().split(" ");
  history.push({
    commit,
    date,
    machine: `${cpus()[0].model}, Deno ${Deno.version.deno}`,
    figures,
    ...accepted.length > 0 && { accepted, reason },
  });
  await Deno.writeTextFile(file, `${JSON.stringify(history, undefined, 2)}\n`);
  return true;
}

Deno.exit(await main() ? 0 : 1);
