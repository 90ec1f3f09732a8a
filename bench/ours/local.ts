/**
 * Measures the rows that need one node only, and prints one line of JSON: `local.ts JOB`, the counterpart
 * of `Bench.Local` in `bench/elixir/bench.ex`.
 *
 * @module
 */

import nodeProcess from "node:process";
import {
  GenServer,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnMonitor,
  Supervisor,
} from "../../mod.ts";
import {
  collectGarbage,
  type Cost,
  type Job,
  report,
  type Sample,
} from "../measure.ts";
import { Echo, pong } from "./jobs.ts";

async function cost(
  { rounds, warmup }: Job,
  work: (rounds: number) => Promise<void>,
): Promise<Cost> {
  await work(warmup);
  const started = performance.now();
  await work(rounds);
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

async function calls(pid: Pid, rounds: number): Promise<void> {
  for (let n = rounds; n > 0; n--) {
    const answer = await GenServer.call(pid, { type: "echo", value: n });
    if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
  }
}

async function spawnEach(rounds: number): Promise<void> {
  for (let n = rounds; n > 0; n--) {
    const { ref } = spawnMonitor(nothing);
    const down = await receive() as { ref: typeof ref };
    if (!ref.equals(down.ref)) throw new Error("Cannot go on: another DOWN");
  }
}

async function spawnMany(rounds: number): Promise<void> {
  for (let left = rounds / 1000; left > 0; left--) {
    for (let n = 999; n > 0; n--) spawn(nothing);
    spawnMonitor(nothing);
    await receive();
  }
}

/** Starts supervisors without children, 1,000 at a time, and then stops them. */
async function supervise(rounds: number): Promise<void> {
  for (let left = rounds / 1000; left > 0; left--) {
    const pids: Pid[] = [];
    for (let n = 1000; n > 0; n--) {
      pids.push(await Supervisor.startLink([], { strategy: "one_for_one" }));
    }
    for (const pid of pids) await Supervisor.stop(pid);
  }
}

/** The code of a process that exits at once. */
function nothing(): void {}

let waiting = 0;

/** The code of an idle process. */
function wait(): Promise<unknown> {
  waiting++;
  return receive();
}

async function start(count: number): Promise<void> {
  const wanted = waiting + count;
  for (let i = 0; i < count; i++) spawn(wait);
  // They begin when this process yields.
  while (waiting < wanted) await Process.sleep(1);
}

function memory(): number {
  collectGarbage();
  const { heapUsed, external } = nodeProcess.memoryUsage();
  return heapUsed + external;
}

async function measure(job: Job): Promise<Sample> {
  switch (job.row) {
    case "local_round_trip": {
      const pid = spawn(pong);
      return await cost(job, (rounds) => ping(pid, rounds));
    }
    case "local_call": {
      const pid = await GenServer.startLink(Echo, null);
      return await cost(job, (rounds) => calls(pid, rounds));
    }
    case "spawn":
      return await cost(job, spawnEach);
    case "spawn_many":
      return await cost(job, spawnMany);
    case "supervisors":
    case "supervisors_cold":
      return await cost(job, supervise);
    case "idle_1k":
    case "idle_10k":
    case "idle_100k": {
      await start(job.warmup);
      const before = memory();
      await start(job.rounds);
      return { bytes: (memory() - before) / job.rounds };
    }
    default:
      throw new TypeError(
        `Cannot measure ${job.row}: it is no row of one node`,
      );
  }
}

const job = JSON.parse(nodeProcess.argv[2]) as Job;
spawn(async () => report(await measure(job)));
