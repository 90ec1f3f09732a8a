/**
 * Fails when a hot path costs far more than it did: `deno task guard`.
 *
 * Absolute times mean nothing on a shared machine. So each row is compared with a yardstick, which takes turns with the
 * row in the same run: plain JavaScript that does the unavoidable part of the work. The guard measures CPU time,
 * because other programs may use the cores. A row fails if it costs more than twice its recorded `usual`, three times
 * in succession.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { Supervisor } from "../packages/servers/supervisor/supervisor.ts";
import {
  GenServer,
  Pid,
  receive,
  self,
  send,
  spawn,
  spawnMonitor,
  Task,
} from "../mod.ts";
import { DEFAULT_LIMITS, type Port } from "../packages/node/wire.ts";
import type { Signals } from "../packages/processes/signals/signal.ts";
import { Decoder } from "../packages/node/json/json_decoder.ts";
import { Encoder } from "../packages/node/json/json_encoder.ts";
import { Echo, pong } from "./ours/jobs.ts";

type Job = (rounds: number) => unknown;

interface Row {
  name: string;
  /** The number of rounds in a turn, for about 10 ms. */
  rounds: number;
  job: Job;
  yardstick: keyof typeof YARDSTICKS;
  /** The recorded cost of a round, in rounds of the yardstick. */
  usual: number;
}

/** The highest permitted ratio of a row's cost to its usual cost. */
const MARGIN = 2;

/** The number of turns whose median counts; some turns run before, while the engine compiles. */
const TURNS = 15;
const WARMUP = 4;

const TRIES = 3;

const storage = new AsyncLocalStorage<object>();

/** Two loops that pass a value to and fro, each in its own asynchronous context. */
async function handOver(rounds: number): Promise<void> {
  let there = Promise.withResolvers<number>();
  let back = Promise.withResolvers<number>();
  async function answer(): Promise<void> {
    for (let n = 0; n < rounds; n++) {
      const value = await there.promise;
      there = Promise.withResolvers();
      back.resolve(value);
    }
  }
  async function ask(): Promise<void> {
    for (let n = 0; n < rounds; n++) {
      there.resolve(n);
      await back.promise;
      back = Promise.withResolvers();
    }
  }
  await Promise.all([storage.run({}, answer), storage.run({}, ask)]);
}

/** Runs in an asynchronous context of its own, and is registered under a number. */
async function begin(rounds: number): Promise<void> {
  const known = new Map<number, object>();
  for (let n = 0; n < rounds; n++) {
    const each = { n, links: new Map([[n, n]]) };
    known.set(n, each);
    await new Promise<void>((resolve) => {
      queueMicrotask(() =>
        storage.run(each, () => {
          known.delete(n);
          resolve();
        })
      );
    });
  }
}

const ORDER = {
  type: "order",
  id: 12345,
  customer: { name: "Ada Lovelace", tags: ["a", "b", "c"] },
  lines: [{ sku: "x-1", n: 2, price: 9.5 }, { sku: "x-2", n: 1, price: 100 }],
};

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** Encodes a message as text and bytes, and decodes it. */
function throughText(rounds: number): void {
  for (let n = 0; n < rounds; n++) {
    const bytes = utf8.encoder.encode(JSON.stringify(ORDER));
    JSON.parse(utf8.decoder.decode(bytes));
  }
}

const YARDSTICKS = { handOver, begin, throughText } satisfies Record<
  string,
  Job
>;

async function ping(pid: Pid, rounds: number): Promise<void> {
  const from = self();
  for (let n = rounds; n > 0; n--) {
    send(pid, { type: "ping", from, n });
    await receive();
  }
}

/** Takes one message after the other, and answers requests. */
async function take(): Promise<never> {
  for (;;) {
    const message = await receive() as { from?: Pid };
    if (message.from !== undefined) send(message.from, "taken");
  }
}

async function sends(pid: Pid, rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) send(pid, { type: "value", n });
  send(pid, { from: self() });
  await receive();
}

function nothing(): void {}

async function spawns(rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    spawnMonitor(nothing);
    await receive();
  }
}

async function spawnsAtOnce(rounds: number): Promise<void> {
  for (let n = 1; n < rounds; n++) spawn(nothing);
  await spawns(1);
}

async function tasks(rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) await Task.await(Task.async(() => n));
}

async function supervisors(rounds: number): Promise<void> {
  const pids: Pid[] = [];
  for (let n = 0; n < rounds; n++) {
    const child = { id: "echo", start: () => GenServer.startLink(Echo, null) };
    pids.push(await Supervisor.startLink([child], { strategy: "one_for_one" }));
  }
  for (const pid of pids) await Supervisor.stop(pid);
}

/** Encodes messages as they go to another node, and decodes them as that node does. */
function overTheWire(): Job {
  const alex = { name: "alex@localhost", creation: 1 };
  const kate = { name: "kate@localhost", creation: 2 };
  const from = new Pid(alex.name, 1, alex.creation);
  const to = new Pid(kate.name, 2, kate.creation);
  const frames: Uint8Array[] = [];
  const port: Port = {
    wake() {},
    write: (bytes) => void frames.push(bytes),
    room: Infinity,
    pressure: () => undefined,
    assertRoom() {},
    peers() {},
  };
  let read = 0;
  const deliver = { send: () => void read++ } as unknown as Signals;
  const encoder = new Encoder(alex, kate, DEFAULT_LIMITS, DEFAULT_LIMITS, port);
  const decoder = new Decoder(kate, alex, DEFAULT_LIMITS, port, deliver);
  return (rounds) => {
    for (let n = 0; n < rounds; n++) {
      encoder.send(from, to, ORDER);
      if (n % 16 !== 15) continue;
      encoder.flush(Infinity);
      for (const frame of frames.splice(0)) decoder.receive(frame);
    }
    if (read === 0) throw new Error("Cannot measure: nothing was read");
  };
}

/** The CPU time of one round of a job, in milliseconds. */
async function cost(job: Job, rounds: number): Promise<number> {
  const before = process.cpuUsage();
  await job(rounds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / rounds;
}

/** The cost of a round of a row, in rounds of its yardstick. */
async function measure({ job, rounds, yardstick }: Row): Promise<number> {
  const yard = YARDSTICKS[yardstick];
  const ratios: number[] = [];
  for (let turn = -WARMUP; turn < TURNS; turn++) {
    // Alternate: both sides then pay for the garbage of earlier rows and for caches that other programs have filled.
    const unit = await cost(yard, 5000);
    const ratio = await cost(job, rounds) / unit;
    if (turn >= 0) ratios.push(ratio);
  }
  return ratios.sort((a, b) => a - b)[TURNS >> 1];
}

/** Measures a row until its cost is within the margin; returns whether it was. */
async function holds(row: Row): Promise<boolean> {
  const limit = MARGIN * row.usual;
  for (let turn = 1; turn <= TRIES; turn++) {
    const found = await measure(row);
    const isOk = found <= limit;
    console.log(
      `${row.name.padEnd(32)} ${found.toFixed(2).padStart(6)} × ${
        row.yardstick.padEnd(11)
      } (usually ${row.usual}, at most ${limit.toFixed(2)}) ${
        isOk ? "ok" : turn < TRIES ? "too much, again" : "TOO MUCH"
      }`,
    );
    if (isOk) return true;
  }
  return false;
}

async function guard(): Promise<boolean> {
  const ponger = spawn(pong);
  const taker = spawn(take);
  const server = await GenServer.startLink(Echo, null);
  const rows: Row[] = [
    {
      name: "ping and pong on one node",
      rounds: 10_000,
      job: (rounds) => ping(ponger, rounds),
      yardstick: "handOver",
      usual: 2.2,
    },
    {
      name: "GenServer.call on one node",
      rounds: 5000,
      job: async (rounds) => {
        for (let n = 0; n < rounds; n++) {
          await GenServer.call(server, { type: "echo", value: n });
        }
      },
      yardstick: "handOver",
      usual: 6.5,
    },
    {
      name: "send to a busy process",
      rounds: 10_000,
      job: (rounds) => sends(taker, rounds),
      yardstick: "handOver",
      usual: 1.15,
    },
    {
      name: "spawn to exit, one by one",
      rounds: 3000,
      job: spawns,
      yardstick: "begin",
      usual: 1.6,
    },
    {
      name: "spawn to exit, 1,000 at a time",
      rounds: 1000,
      job: spawnsAtOnce,
      yardstick: "begin",
      usual: 0.9,
    },
    {
      name: "Task.async and await",
      rounds: 2000,
      job: tasks,
      yardstick: "begin",
      usual: 4,
    },
    {
      name: "start and stop of a supervisor",
      rounds: 500,
      job: supervisors,
      yardstick: "begin",
      usual: 18,
    },
    {
      name: "a message written and read",
      rounds: 4000,
      job: overTheWire(),
      yardstick: "throughText",
      usual: 1.4,
    },
  ];
  let isOk = true;
  for (const row of rows) isOk = await holds(row) && isOk;
  return isOk;
}

// Measure in a process: code outside any process runs in the shell process, which costs differently.
spawn(async () => Deno.exit(await guard() ? 0 : 1));
