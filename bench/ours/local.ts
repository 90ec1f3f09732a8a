/**
 * Measures what needs one node only, and prints one line of JSON:
 * `local.ts ROW ROUNDS WARMUP`, the counterpart of `Bench.Local` in
 * `bench/elixir/bench.ex`.
 *
 * @module
 */

import {
  GenServer,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnMonitor,
} from "../../mod.ts";
import type { Cost, Size } from "../measure.ts";
import { Echo, pong } from "./jobs.ts";

async function cost(
  rounds: number,
  warmup: number,
  job: (rounds: number) => Promise<void>,
): Promise<Cost> {
  await job(warmup);
  const started = performance.now();
  await job(rounds);
  return { cost: (performance.now() - started) / rounds * 1000 };
}

async function ping(pid: Pid, rounds: number): Promise<void> {
  const from = self();
  for (let n = rounds; n > 0; n--) {
    send(pid, { type: "ping", from, n });
    const answer = await receive() as { type: "pong"; n: number };
    if (answer.n !== n) throw new Error(`Cannot go on: ${answer.n} for ${n}`);
  }
}

async function calls(rounds: number, warmup: number): Promise<Cost> {
  const pid = await GenServer.startLink(Echo, null);
  return await cost(rounds, warmup, async (count) => {
    for (let n = count; n > 0; n--) {
      const answer = await GenServer.call(pid, { type: "echo", value: n });
      if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
    }
  });
}

async function batches(rounds: number): Promise<void> {
  for (let left = rounds / 1000; left > 0; left--) {
    for (let n = 999; n > 0; n--) spawn(nothing);
    spawnMonitor(nothing);
    await receive();
  }
}

/** What a process runs that exits at once. */
function nothing(): void {}

let waiting = 0;

/** What an idle process runs. */
function wait(): Promise<unknown> {
  waiting++;
  return receive();
}

async function idle(rounds: number, warmup: number): Promise<Size> {
  await start(warmup);
  const before = memory();
  const pids = await start(rounds);
  return { bytes: (memory() - before) / pids.length };
}

async function start(count: number): Promise<Pid[]> {
  const wanted = waiting + count;
  const pids = Array.from({ length: count }, () => spawn(wait));
  // They begin when this has given way.
  while (waiting < wanted) await Process.sleep(1);
  return pids;
}

function memory(): number {
  (globalThis as unknown as { gc(): void }).gc();
  return Deno.memoryUsage().heapUsed;
}

async function measure(
  row: string,
  rounds: number,
  warmup: number,
): Promise<Cost | Size> {
  switch (row) {
    case "local_round_trip": {
      const pid = spawn(pong);
      return await cost(rounds, warmup, (count) => ping(pid, count));
    }
    case "local_call":
      return await calls(rounds, warmup);
    case "spawn":
      return await cost(rounds, warmup, batches);
    case "idle":
      return await idle(rounds, warmup);
    default:
      throw new TypeError(`Cannot measure ${row}: it is no row of one node`);
  }
}

const [row, rounds, warmup] = Deno.args;
// In a process: what is at the prompt is the shell, which is another matter.
spawn(async () => {
  const result = await measure(row, Number(rounds), Number(warmup));
  console.log(JSON.stringify(result));
  Deno.exit(0);
});
