/**
 * The benchmarks: this library, Elixir and a bare echo, in turns, on one core
 * and on two. `deno task bench --help` lists the options.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Contestant, Elixir, Ours, Raw } from "./contestants.ts";
import { isInstalled, killAll } from "./processes.ts";
import { type Result, table } from "./report.ts";
import { type Placement, PLACEMENTS, type Row, ROWS } from "./rows.ts";

const HELP = `Usage: deno task bench [options]

  --turns N          runs of each, taken in turns (default 5)
  --quick            2 turns, a tenth of the rounds: to see that it works
  --row NAME         only this row (repeatable): ${
  ROWS.map(({ name }) => name).join(", ")
}
  --placement NAME   only this placement: one_core, split
  --without NAME     leave out (repeatable): ours, elixir, raw
  --help             this text`;

const CONTESTANTS = [{ name: "ours" }, { name: "elixir" }, { name: "raw" }];

interface Plan {
  turns: number;
  rows: Row[];
  placements: Placement[];
  without: string[];
}

function plan(args: string[]): Plan | undefined {
  const { values } = parseArgs({
    args,
    options: {
      turns: { type: "string" },
      quick: { type: "boolean", default: false },
      row: { type: "string", multiple: true },
      placement: { type: "string", multiple: true },
      without: { type: "string", multiple: true, default: [] },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const turns = Number(values.turns ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(turns) || turns < 1) {
    throw new RangeError(
      `Cannot take turns: --turns is to be 1 or more, not "${values.turns}"`,
    );
  }
  const divisor = values.quick ? 10 : 1;
  const rows = chosen("row", ROWS, values.row).map((row) => ({
    ...row,
    rounds: row.rounds / divisor,
    warmup: row.warmup / divisor,
  }));
  const placements = chosen("placement", PLACEMENTS, values.placement);
  chosen("without", CONTESTANTS, values.without);
  return { turns, rows, placements, without: values.without };
}

function chosen<T extends { name: string }>(
  flag: string,
  all: readonly T[],
  names: string[] | undefined,
): T[] {
  const known = all.map(({ name }) => name);
  for (const name of names ?? []) {
    if (known.includes(name)) continue;
    throw new TypeError(
      `Cannot choose --${flag} "${name}": use one of ${known.join(", ")}`,
    );
  }
  return all.filter(({ name }) => names?.includes(name) ?? true);
}

async function contestants(
  without: string[],
  stack: AsyncDisposableStack,
): Promise<Contestant[]> {
  const all: Contestant[] = [];
  if (!without.includes("raw")) all.push(new Raw());
  if (!without.includes("ours")) all.push(new Ours());
  if (without.includes("elixir")) return all;
  const elixir = await Elixir.prepare();
  if (elixir === undefined) {
    console.error("Elixir is skipped: elixirc or epmd is not installed.");
  } else {
    all.push(stack.use(elixir));
  }
  return all;
}

async function measure(
  row: Row,
  placement: Placement,
  turns: number,
  all: readonly Contestant[],
): Promise<Result> {
  const result: Result = { row, placement, samples: {} };
  const taking = all.filter((contestant) => contestant.takes(row));
  for (let turn = 0; turn < turns; turn++) {
    // Every other turn in reverse, so that nobody always follows the same one.
    const order = turn % 2 === 0 ? taking : taking.toReversed();
    for (const contestant of order) {
      const sample = await contestant.run(row, placement);
      (result.samples[contestant.name] ??= []).push(sample);
      console.error(
        `${row.name} ${placement.name} ${turn + 1}/${turns} ` +
          `${contestant.name} ${JSON.stringify(sample)}`,
      );
    }
  }
  return result;
}

async function main(): Promise<void> {
  const planned = plan(Deno.args);
  if (planned === undefined) return console.log(HELP);
  const { turns, rows, placements, without } = planned;
  if (!await isInstalled("taskset")) {
    throw new Error(
      "Cannot pin processes: taskset is not installed; it is in util-linux",
    );
  }
  const cores = navigator.hardwareConcurrency;
  await using stack = new AsyncDisposableStack();
  const all = await contestants(without, stack);
  const results: Result[] = [];
  for (const row of rows) {
    for (const placement of placements) {
      if (Math.max(placement.clientCore, placement.peerCore) >= cores) continue;
      results.push(await measure(row, placement, turns, all));
    }
  }
  console.log(table(results));
  const load = Deno.loadavg().map((value) => value.toFixed(2)).join(" ");
  console.log(
    `\nMedian over ${turns} turns (lowest–highest); of each latency run the ` +
      `median round. Deno ${Deno.version.deno}, ${cores} cores, ` +
      `load ${load} at the end.`,
  );
}

// With its processes gone, the run fails and cleans up after itself.
for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(name, killAll);
}
try {
  await main();
  Deno.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
