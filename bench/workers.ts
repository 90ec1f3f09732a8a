/**
 * Measures workers: `deno task bench:workers`.
 *
 * - Tasks that compute, on one thread and on two; and on bare threads of the host, which show the number of free cores.
 * - Messages to a thread over its `MessagePort`, against TCP to the same thread: two nodes of this program take turns,
 *   the worker's main node and a node with its own TCP connection to the worker.
 *
 * Each figure is the best of its turns, since a shared machine only makes turns slower. `--turns N` sets the number of
 * turns, and `--quick` shows that everything works.
 *
 * @module
 */

import { once } from "node:events";
import process from "node:process";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { Node, type Pid, receive, rpc, self, send } from "../mod.ts";
import { Workers } from "../packages/workers/workers.ts";
import { freePort } from "../packages/testing/_ports.ts";

const { values: flags } = parseArgs({
  options: {
    turns: { type: "string", default: "10" },
    quick: { type: "boolean", default: false },
  },
});
const SHARE = flags.quick ? 0.02 : 1;
const TURNS = flags.quick ? 2 : Number(flags.turns);

const COMPUTE = Math.ceil(4_000_000 * SHARE);
const TASKS = 8;
const ROUND_TRIPS = Math.ceil(3000 * SHARE);
const TEXTS = Math.ceil(20_000 * SHARE);
const LARGE = Math.ceil(100 * SHARE);
const LARGE_BYTES = 1 << 20;

const module = new URL("./ours/worker.ts", import.meta.url);

/** The best results so far, by row and side. */
const best = new Map<string, Map<string, number>>();

function note(row: string, side: string, value: number, isBetter: boolean) {
  const sides = best.get(row) ?? new Map<string, number>();
  best.set(row, sides);
  const before = sides.get(side);
  if (before === undefined || isBetter === value > before) {
    sides.set(side, value);
  }
}

/** Runs tasks, one at a time on each node; returns milliseconds. */
async function computeOn(nodes: readonly string[]): Promise<number> {
  const begin = performance.now();
  await Promise.all(nodes.map(async (node) => {
    for (let i = 0; i < TASKS / nodes.length; i++) {
      await rpc.call(node, ["Worker", "compute"], [COMPUTE]);
    }
  }));
  return performance.now() - begin;
}

/** A thread that runs the same task without a node. */
const BARE = `import { parentPort } from "node:worker_threads";
parentPort.on("message", (rounds) => {
  let value = 1;
  for (let i = 0; i < rounds; i++) value = (value * 48271) % 2147483647;
  parentPort.postMessage(value);
});`;

/** Runs tasks on bare threads; returns milliseconds. */
async function computeBare(threads: readonly Worker[]): Promise<number> {
  const begin = performance.now();
  await Promise.all(threads.map(async (thread) => {
    for (let i = 0; i < TASKS / threads.length; i++) {
      const done = once(thread, "message");
      thread.postMessage(COMPUTE);
      await done;
    }
  }));
  return performance.now() - begin;
}

/** The median of round trips, in microseconds. */
async function roundTrip(echo: Pid): Promise<number> {
  const from = self();
  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const begin = performance.now();
    send(echo, { from, i });
    await receive();
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[ROUND_TRIPS >> 1] * 1000;
}

/** Messages per second. */
async function rate(
  node: string,
  most: number,
  message: (i: number) => unknown,
): Promise<number> {
  await Node.spawn(node, ["Worker", "count"], [self(), most]);
  const to: Pid = await receive();
  const begin = performance.now();
  for (let i = 0; i < most; i++) await send(to, message(i));
  await receive((m) => m === "counted");
  return most / (performance.now() - begin) * 1000;
}

async function messages(side: string, node: string): Promise<void> {
  await Node.spawn(node, ["Worker", "echo"], [self()]);
  const echo: Pid = await receive();
  note("round trip, µs", side, await roundTrip(echo), false);
  const text = "x".repeat(1000);
  const texts = await rate(node, TEXTS, (i) => ({ i, text }));
  note("one-way, 1,000 characters, thousand/s", side, texts / 1000, true);
  const bytes = new Uint8Array(LARGE_BYTES);
  const large = await rate(node, LARGE, (i) => ({ i, bytes }));
  note("one-way, bytes of 1 MiB, MB/s", side, large * LARGE_BYTES / 1e6, true);
}

const common = { cookie: "c", epmdPort: freePort() };
await using main = await Node.start({ ...common, name: "main@localhost" });
await using other = await Node.start({ ...common, name: "other@localhost" });
const nodes = await main.run(async () => {
  const workers = await Workers.startLink({ module, count: 2 });
  const names = await Workers.nodes(workers);
  const code = new URL(`data:text/javascript,${encodeURIComponent(BARE)}`);
  const bare = [new Worker(code), new Worker(code)];
  for (let turn = 0; turn < TURNS; turn++) {
    const [one] = names;
    note("8 tasks that compute, ms", "one", await computeOn([one]), false);
    note("8 tasks that compute, ms", "two", await computeOn(names), false);
    const row = "8 tasks on bare threads, ms";
    note(row, "one", await computeBare(bare.slice(0, 1)), false);
    note(row, "two", await computeBare(bare), false);
    await messages("thread", one);
    await other.run(() => messages("tcp", one));
  }
  for (const thread of bare) await thread.terminate();
  await Workers.stop(workers);
  return names;
});

const lines: string[] = [`${nodes.length} workers, the best of ${TURNS} turns`];
for (const [row, sides] of best) {
  const [[left, a], [right, b]] = sides;
  lines.push(
    `${row}: ${left} ${a.toFixed(1)}, ${right} ${
      b.toFixed(1)
    }, ${left}/${right} ${(a / b).toFixed(2)}`,
  );
}
process.stdout.write(`${lines.join("\n")}\n`);
