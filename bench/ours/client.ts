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
  spawnMonitor,
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

async function sendAll(
  peer: string,
  rounds: number,
  make: (n: number) => unknown,
): Promise<Rate> {
  const pid = await Node.spawn(peer, ["Bench", "count"], [self(), rounds]);
  const started = performance.now();
  for (let n = 0; n < rounds; n++) {
    const full = send(pid, make(n));
    if (full !== undefined) await full;
  }
  const { total } = await receive() as { type: "counted"; total: number };
  if (total !== rounds) throw new Error(`Cannot go on: counted ${total}`);
  return { rate: rounds / (performance.now() - started) * 1000 };
}

function oneWay(make: (n: number) => unknown) {
  return async (
    peer: string,
    rounds: number,
    warmup: number,
  ): Promise<Rate> => {
    await sendAll(peer, warmup, make);
    return await sendAll(peer, rounds, make);
  };
}

const TEXT = "0123456789".repeat(100);
const BYTES = new TextEncoder().encode(TEXT);

/** A message of some 100 bytes: objects and an array in an object. */
function order(n: number): unknown {
  return {
    type: "order",
    id: n,
    user: { name: "alex", age: 30 },
    items: [{ sku: "a1", count: 2 }, { sku: "b2", count: 1 }],
    paid: true,
  };
}

/** The callers of the rows with many. */
const CALLERS = 100;

/** Has many processes ask at the same time, each one request after the other. */
async function askers(
  rounds: number,
  ask: (n: number) => Promise<number>,
): Promise<Rate> {
  const started = performance.now();
  const each = rounds / CALLERS;
  for (let caller = 0; caller < CALLERS; caller++) {
    spawnMonitor(async () => {
      for (let n = 0; n < each; n++) {
        const answer = await ask(n);
        if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
      }
    });
  }
  for (let left = CALLERS; left > 0; left--) {
    const { reason } = await receive() as { reason: unknown };
    if (reason !== "normal") throw new Error(`Cannot go on: ${reason}`);
  }
  return { rate: rounds / (performance.now() - started) * 1000 };
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

function taskOf(peer: string): (n: number) => Promise<number> {
  const supervisor = { name: "Bench.TaskSupervisor", node: peer };
  return async (n) =>
    await Task.await(await TaskSupervisor.async(supervisor, Bench.echo, [n]));
}

function callOf(peer: string): (n: number) => Promise<number> {
  const server = GenServer.ref<Bench.EchoTypes>({
    name: "Bench.Echo",
    node: peer,
  });
  return (value) => GenServer.call(server, { type: "echo", value });
}

function oneByOne(askOf: (peer: string) => (n: number) => Promise<number>) {
  return (peer: string, rounds: number, warmup: number): Promise<Latencies> =>
    answers(rounds, warmup, askOf(peer));
}

function byMany(askOf: (peer: string) => (n: number) => Promise<number>) {
  return async (
    peer: string,
    rounds: number,
    warmup: number,
  ): Promise<Rate> => {
    await askers(warmup, askOf(peer));
    return await askers(rounds, askOf(peer));
  };
}

const [name, cookie, peer, row, rounds, warmup] = Deno.args;
const jobs = {
  round_trip: roundTrip,
  one_way: oneWay((n) => ({ type: "msg", n })),
  one_way_text: oneWay(() => TEXT),
  one_way_bytes: oneWay(() => BYTES),
  one_way_object: oneWay(order),
  task: oneByOne(taskOf),
  tasks: byMany(taskOf),
  call: oneByOne(callOf),
  calls: byMany(callOf),
};
await Node.start({ name, cookie, modules: { Bench } });
if (!await Node.connect(peer)) throw new Error(`Cannot connect to ${peer}`);
const result = await jobs[row as keyof typeof jobs](
  peer,
  Number(rounds),
  Number(warmup),
);
console.log(JSON.stringify(result));
Deno.exit(0);
