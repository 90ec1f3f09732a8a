/**
 * The cost of a cluster by its size: connections, bytes, memory and the time until each node is connected to all.
 *
 * ```sh
 * deno run -A bench/sizes.ts --real 2,10,50 --simulated 10,50,100,200
 * ```
 *
 * All nodes start at the same time and know one seed node, which introduces the others. `--real` starts a program for
 * each node, all on this machine, whose cores limit the time. `--simulated` has a network with delays of 1 to 10 ms,
 * where computing takes no time.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { Node } from "../node.ts";
import { SimulatedCluster } from "../packages/testing/simulation/simulated_cluster.ts";
import { internalsOf } from "../packages/node/start/node_internals.ts";
import { Child } from "./processes.ts";

/** The figures of a node when it is connected to all others. */
export interface NodeFigures {
  sentBytes: number;
  /** Dials so far, and those that failed. */
  failedDials: number;
  /** The resident memory of its program, in bytes. */
  memory?: number;
  /** Milliseconds since the epoch. */
  at?: number;
}

/** A node's program, for {@linkcode measureReal}. */
const NODE = fileURLToPath(new URL("sizes_node.ts", import.meta.url));
const MINUTE = 60_000;

/** The figures of a cluster, of all its nodes. */
interface Row {
  kind: string;
  /** Milliseconds until each node was connected to all others. */
  ms: number;
  formed: readonly Pick<NodeFigures, "sentBytes" | "failedDials">[];
  /** After some minutes without work. */
  later: readonly NodeFigures[];
  minutes: number;
}

/** Prints a row of the table: each figure is the maximum over the nodes. */
function printRow({ kind, ms, formed, later, minutes }: Row): void {
  const size = formed.length;
  const idle = later.map(({ sentBytes }, i) =>
    (sentBytes - formed[i].sentBytes) / minutes
  );
  const memory = most(later.map(({ memory = 0 }) => memory));
  const cells = [
    kind,
    size,
    size * (size - 1) / 2,
    ms,
    kilobytes(most(formed.map(({ sentBytes }) => sentBytes))),
    most(formed.map(({ failedDials }) => failedDials)),
    kilobytes(most(idle)),
    memory === 0 ? "" : Math.round(memory / 1e6),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0);
}

function most(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), 0);
}

/** Forms a cluster on a simulated network. */
async function measureSimulated(size: number): Promise<void> {
  const names = Array.from({ length: size }, (_, i) => `n${i}`);
  await using cluster = await SimulatedCluster.start({
    nodes: names,
    cluster: { seed: { strategy: "static", nodes: ["n0@localhost"] } },
    log() {},
  });
  const stats = () =>
    Promise.all(names.map((name) => cluster.run(name, () => Node.stats()!)));
  const isWhole = () =>
    names.every((name) =>
      internalsOf(cluster.node(name)).runtime.visible.size === size - 1
    );
  while (!isWhole()) await cluster.advance(1);
  const ms = Math.round(cluster.now());
  const formed = await stats();
  await cluster.advance(10 * MINUTE);
  const later = await stats();
  printRow({ kind: "simulated", ms, formed, later, minutes: 10 });
}

/** A node in a program of its own. */
class NodeProgram extends Child {
  constructor(name: string) {
    const flags = ["--quiet", "--no-check", "--allow-all"];
    super({ command: [Deno.execPath(), "run", ...flags, NODE, name] });
  }

  tell(message: unknown): Promise<void> {
    return this.write(`${JSON.stringify(message)}\n`);
  }

  async hear<T>(): Promise<T> {
    return JSON.parse(await this.line());
  }
}

/** Forms a cluster of programs on this machine. */
async function measureReal(size: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const nodes = Array.from({ length: size }, (_, i) => `n${i}@localhost`)
    .map((name) => stack.use(new NodeProgram(name)));
  const ports = await Promise.all(nodes.map((node) => node.hear<number>()));
  const start = Date.now();
  await Promise.all(
    nodes.map((node) => node.tell({ seed: ports[0], others: size - 1 })),
  );
  const formed = await Promise.all(
    nodes.map((node) => node.hear<NodeFigures>()),
  );
  const ms = most(formed.map(({ at }) => at!)) - start;
  await new Promise((resolve) => setTimeout(resolve, MINUTE));
  await Promise.all(nodes.map((node) => node.tell("again")));
  const later = await Promise.all(
    nodes.map((node) => node.hear<NodeFigures>()),
  );
  printRow({ kind: "real", ms, formed, later, minutes: 1 });
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["real", "simulated"] });
  const sizes = (text = "") => text.split(",").filter(Boolean).map(Number);
  console.log(
    "| cluster | nodes | connections | time, ms | sent by a node, kB | failed dials of a node | idle, kB/min | memory, MB |",
  );
  console.log("| --- | --: | --: | --: | --: | --: | --: | --: |");
  for (const size of sizes(flags.real)) await measureReal(size);
  for (const size of sizes(flags.simulated)) await measureSimulated(size);
}
