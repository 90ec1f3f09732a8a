/**
 * Starts programs of one node each, all at once, and prints the time until the last one listens and until all are
 * connected to all: `deno task bench:mesh 40`.
 *
 * Three of the nodes are seeds, which all dial by name; one of the nodes serves EPMD. Each program says how much CPU time
 * it has used.
 *
 * @module
 */

import process from "node:process";
import { Node } from "../node.ts";
import { receive } from "../packages/processes/process.ts";
import { freePort } from "../packages/testing/_ports.ts";
import { Child } from "./processes.ts";

const SEEDS = 3;

/** The state of a program, in one line of its output. */
interface State {
  /** Milliseconds since 1970. */
  at: number;
  /** Milliseconds of CPU time. */
  cpu: number;
  /** The dials that have failed, and the connections that were refused. */
  failedDials: number;
  refused: number;
}

function nameOf(number: number): string {
  return `n${number}@localhost`;
}

function report(): void {
  const { user, system } = process.cpuUsage();
  const { failedDials, refused } = Node.stats()!;
  const state: State = {
    at: Date.now(),
    cpu: (user + system) / 1000,
    failedDials,
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
  };
  console.log(JSON.stringify(state));
}

/** The program of one node. */
async function run(
  number: number,
  size: number,
  epmdPort: number,
): Promise<void> {
  const nodes = Array.from({ length: SEEDS }, (_, at) => nameOf(at));
  await Node.start({
    name: nameOf(number),
    cookie: "bench",
    epmdPort,
    cluster: { seeds: { strategy: "static", nodes } },
    log() {},
  });
  report();
  Node.monitorNodes(true);
  while (Node.list().length < size - 1) await receive();
  report();
  await receive(() => false);
}

async function measure(size: number): Promise<void> {
  const epmdPort = freePort();
  const began = Date.now();
  const children = Array.from({ length: size }, (_, number) =>
    new Child({
      command: [
        ...[Deno.execPath(), "run", "-A", "--no-check", import.meta.filename!],
        ...["node", number, size, epmdPort].map(String),
      ],
    }));
  const states = async (): Promise<State[]> =>
    (await Promise.all(children.map((child) => child.line())))
      .map((line) => JSON.parse(line));
  const last = (all: State[]) =>
    (Math.max(...all.map(({ at }) => at)) - began) / 1000;
  const sum = (all: State[], key: keyof State) =>
    all.reduce((total, state) => total + state[key], 0);
  try {
    const up = await states();
    const whole = await states();
    console.log(
      `${size} programs: the last one listens after ${
        last(up).toFixed(1)
      } s, the mesh is whole after ${last(whole).toFixed(1)} s (${
        (last(whole) / last(up)).toFixed(2)
      } times that).`,
    );
    console.log(
      `CPU time of all: ${(sum(up, "cpu") / 1000).toFixed(1)} s, then ${
        ((sum(whole, "cpu") - sum(up, "cpu")) / 1000).toFixed(1)
      } s. Failed dials: ${sum(whole, "failedDials")}, refused connections: ${
        sum(whole, "refused")
      }.`,
    );
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

const [what = "40", ...rest] = Deno.args;
if (what === "node") {
  const [number, size, epmdPort] = rest.map(Number);
  await run(number, size, epmdPort);
} else {
  await measure(Number(what));
  Deno.exit();
}
