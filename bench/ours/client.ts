/**
 * Measures one row against a peer, prints one line of JSON, and stops:
 * `client.ts NAME COOKIE PEER ROW ROUNDS WARMUP`, the counterpart of
 * `Bench.Client` in `bench/elixir/bench.ex`.
 *
 * @module
 */

import {
  GenServer,
  Node,
  type Pid,
  receive,
  self,
  send,
  Task,
  TaskSupervisor,
} from "../../mod.ts";
import { type Latencies, latencies, type Rate } from "../measure.ts";
import * as Bench from "./jobs.ts";

async function ping(pid: Pid, rounds: number): Promise<Float64Array> {
  const times = new Float64Array(rounds);
  const from = self();
  for (let n = 0; n < rounds; n++) {
    const started = performance.now();
    const full = send(pid, { type: "ping", from, n });
    if (full !== undefined) await full;
    const answer = await receive() as { type: "pong"; n: number };
    if (answer.n !== n) throw new Error(`Cannot go on: ${answer.n} for ${n}`);
    times[n] = performance.now() - started;
  }
  return times;
}

async function roundTrip(
  peer: string,
  rounds: number,
  warmup: number,
): Promise<Latencies> {
  const pid = await Node.spawn(peer, ["Bench", "pong"], []);
  await ping(pid, warmup);
  return latencies(await ping(pid, rounds));
}

async function sendAll(peer: string, rounds: number): Promise<Rate> {
  const pid = await Node.spawn(peer, ["Bench", "count"], [self(), rounds]);
  const started = performance.now();
  for (let n = 0; n < rounds; n++) {
    const full = send(pid, { type: "msg", n });
    if (full !== undefined) await full;
  }
  const { total } = await receive() as { type: "counted"; total: number };
  if (total !== rounds) throw new Error(`Cannot go on: counted ${total}`);
  return { rate: rounds / (performance.now() - started) * 1000 };
}

async function oneWay(
  peer: string,
  rounds: number,
  warmup: number,
): Promise<Rate> {
  await sendAll(peer, warmup);
  return await sendAll(peer, rounds);
}

/** Times requests one by one: each answers with the number that it was given. */
async function answers(
  rounds: number,
  warmup: number,
  ask: (n: number) => Promise<number>,
): Promise<Latencies> {
  const times = new Float64Array(rounds);
  for (let n = -warmup; n < rounds; n++) {
    const started = performance.now();
    const answer = await ask(n);
    if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
    if (n >= 0) times[n] = performance.now() - started;
  }
  return latencies(times);
}

function task(
  peer: string,
  rounds: number,
  warmup: number,
): Promise<Latencies> {
  const supervisor = { name: "Bench.TaskSupervisor", node: peer };
  return answers(rounds, warmup, async (n) => {
    return await Task.await(
      await TaskSupervisor.async(supervisor, Bench.echo, [n]),
    );
  });
}

function call(
  peer: string,
  rounds: number,
  warmup: number,
): Promise<Latencies> {
  const server = GenServer.ref<Bench.EchoTypes>({
    name: "Bench.Echo",
    node: peer,
  });
  return answers(
    rounds,
    warmup,
    (value) => GenServer.call(server, { type: "echo", value }),
  );
}

const [name, cookie, peer, row, rounds, warmup] = Deno.args;
const jobs = { round_trip: roundTrip, one_way: oneWay, task, call };
await Node.start({ name, cookie, modules: { Bench } });
if (!await Node.connect(peer)) throw new Error(`Cannot connect to ${peer}`);
const result = await jobs[row as keyof typeof jobs](
  peer,
  Number(rounds),
  Number(warmup),
);
console.log(JSON.stringify(result));
Deno.exit(0);
