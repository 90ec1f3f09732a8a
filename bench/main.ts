/**
 * The benchmark: this library and its rivals, in turns, on one core and on two.
 * `deno task bench --help` lists the options.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Contestants, runOnce } from "./contestants.ts";
import { isInstalled, killAll } from "./processes.ts";
import {
  page,
  plot,
  type Result,
  type Setting,
  table,
  TITLES,
  verdicts,
} from "./report.ts";
import {
  type ContestantName,
  type Placement,
  PLACEMENTS,
  type Row,
  ROWS,
} from "./rows.ts";

const NAMES = Object.keys(TITLES) as ContestantName[];

const HELP = `Usage: deno task bench [options]

  --turns N          runs of each, taken in turns (default 5)
  --quick            1 turn, a tenth of the rounds: to see that it works
  --row NAME         only this row (repeatable): ${
  ROWS.map(({ name }) => name).join(", ")
}
  --placement NAME   only this placement: one_core, split
  --with NAME        only these and ours (repeatable): ${
  NAMES.slice(1).join(", ")
}
  --without NAME     leave out (repeatable)
  --json             print the samples as JSON instead of a table
  --write FOLDER     write results.md, results.json and results.svg there
  --help             this text

ergo is measured if ERGO_SRC names a checkout of github.com/ergo-services/ergo,
and Go is installed. What is missing is named. Never quote --quick.`;

interface Plan {
  turns: number;
  rows: Row[];
  placements: Placement[];
  contestants: ContestantName[];
  json: boolean;
  write: string | undefined;
  isQuick: boolean;
}

function plan(args: string[]): Plan | undefined {
  const { values } = parseArgs({
    args,
    options: {
      turns: { type: "string" },
      quick: { type: "boolean", default: false },
      row: { type: "string", multiple: true },
      placement: { type: "string", multiple: true },
      with: { type: "string", multiple: true },
      without: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      write: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const turns = Number(values.turns ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(turns) || turns < 1) {
    throw new RangeError(
      `Cannot take turns: --turns is to be 1 or more, not "${values.turns}"`,
    );
  }
  const divisor = values.quick ? 10 : 1;
  const rows = chosen("row", ROWS, values.row).map((row) => ({
    ...row,
    rounds: Math.ceil(row.rounds / divisor),
    warmup: row.warmup / divisor,
  }));
  const placements = chosen("placement", PLACEMENTS, values.placement);
  const all = NAMES.map((name) => ({ name }));
  const left = chosen("without", all, values.without).map(({ name }) => name);
  const taken = values.with && ["ours", ...values.with];
  return {
    turns,
    rows,
    placements,
    contestants: chosen("with", all, taken).map(({ name }) => name)
      .filter((name) => values.without.length === 0 || !left.includes(name)),
    json: values.json,
    write: values.write,
    isQuick: values.quick,
  };
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

async function measure(
  row: Row,
  placement: Placement,
  turns: number,
  contestants: Contestants,
): Promise<Result> {
  const result: Result = { row, placement, samples: {} };
  const taking = [...contestants.all.values()].filter(({ name }) =>
    name === "ours" || row.contestants.includes(name)
  );
  for (let turn = 0; turn < turns; turn++) {
    // Every other turn in reverse, so that no contestant always follows the same one.
    const order = turn % 2 === 0 ? taking : taking.toReversed();
    for (const contestant of order) {
      let text: string;
      try {
        const sample = await runOnce(contestant, row, placement);
        (result.samples[contestant.name] ??= []).push(sample);
        text = JSON.stringify(sample);
      } catch (error) {
        // Ours must work; a rival that fails is reported, and the others continue.
        if (contestant.name === "ours") throw error;
        text = error instanceof Error ? error.message : `${error}`;
        contestants.failed.push(`${contestant.name}, ${row.name}: ${text}`);
      }
      console.error(
        `${row.name} ${placement.name} ${
          turn + 1
        }/${turns} ${contestant.name} ${text}`,
      );
    }
  }
  return result;
}

async function setting(plan: Plan, contestants: Contestants): Promise<Setting> {
  const cores = navigator.hardwareConcurrency;
  const { stdout } = await new Deno.Command("cat", {
    args: ["/proc/cpuinfo"],
  }).output();
  const model =
    new TextDecoder().decode(stdout).match(/^model name\s*: (.*)$/m)?.[1] ??
      "a processor";
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${model}, ${cores} cores of a virtual machine that others share`,
    versions: Object.fromEntries(
      [...contestants.all].map(([name, { version }]) => [name, version]),
    ),
    missing: Object.fromEntries(contestants.missing),
    turns: plan.turns,
    load: Deno.loadavg().map((value) => value.toFixed(2)).join(" "),
  };
}

/** The handwritten part of an older page: everything from its first second-level heading. */
async function notesOf(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch(() => "");
  const start = text.indexOf("\n## ");
  return start < 0 ? "" : text.slice(start + 1);
}

async function main(): Promise<void> {
  const planned = plan(Deno.args);
  if (planned === undefined) return console.log(HELP);
  const { turns, rows, placements, write } = planned;
  if (write !== undefined && planned.isQuick) {
    throw new TypeError("Cannot write results: --quick is never quoted");
  }
  if (!await isInstalled("taskset")) {
    throw new Error(
      "Cannot pin processes: taskset is not installed; it is in util-linux",
    );
  }
  const cores = navigator.hardwareConcurrency;
  await using stack = new AsyncDisposableStack();
  const needed = planned.contestants.filter((name) =>
    name === "ours" || rows.some((row) => row.contestants.includes(name))
  );
  const contestants = await Contestants.prepare(needed, stack);
  for (const [name, why] of contestants.missing) {
    console.error(`${TITLES[name]} is missing: ${why}`);
  }
  const results: Result[] = [];
  for (const row of rows) {
    for (const placement of placements) {
      if (Math.max(placement.clientCore, placement.peerCore) >= cores) continue;
      results.push(await measure(row, placement, turns, contestants));
    }
  }
  const made = await setting(planned, contestants);
  if (write !== undefined) {
    const file = `${write}/results.md`;
    await Deno.writeTextFile(file, page(results, made, await notesOf(file)));
    await Deno.writeTextFile(`${write}/results.svg`, plot(results));
    await Deno.writeTextFile(
      `${write}/results.json`,
      `${JSON.stringify({ setting: made, results }, undefined, 1)}\n`,
    );
  }
  if (planned.json) {
    console.log(JSON.stringify({ setting: made, results }, undefined, 2));
  } else {
    console.log(table(results));
    console.log(
      `\nMedians of ${turns} turns (lowest–highest); load ${made.load} at the end.`,
    );
  }
  for (const failure of contestants.failed) console.error(`failed: ${failure}`);
  const all = results.flatMap(verdicts);
  console.error(
    `${
      all.filter(({ isReached }) => !isReached).length
    } of ${all.length} bounds are missed`,
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
