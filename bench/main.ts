/**
 * The benchmark: this library and its rivals, in turns, on one core and on two.
 * `deno task bench --help` lists the options.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Contestant, Contestants, runOnce } from "./contestants.ts";
import {
  type Report,
  type Result,
  resultsOf,
  type Setting,
} from "./figures.ts";
import { plot } from "./plot.ts";
import { isInstalled, killAll } from "./processes.ts";
import {
  boundsTable,
  formatted,
  missed,
  page,
  table,
  TITLES,
  withBounds,
} from "./report.ts";
import { type ContestantName, PLACEMENTS, type Row, ROWS } from "./rows.ts";

const NAMES = Object.keys(TITLES) as ContestantName[];

const HELP = `Usage: deno task bench [options]

  --turns N          turns, of one run of each (default 3)
  --minutes N        begin no turn that would end later (default 60)
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
  --write FOLDER     write results.md, results.json and results.svg there, and
                     the last section of README.md; waits until the machine is
                     idle, and fails if it stays busy
  --continue FOLDER  the same, with further turns for the results there
  --add FOLDER       the same, but rows that are not measured keep their figures
  --render FOLDER    write the others of these from results.json, without a run
  --help             this text

ergo is measured if ERGO_SRC names a checkout of github.com/ergo-services/ergo,
and Go is installed. What is missing is named. Never quote --quick.`;

interface Plan {
  turns: number;
  minutes: number;
  rows: Row[];
  placements: Result["placement"][];
  contestants: ContestantName[];
  json: boolean;
  write: string | undefined;
  /** The report to whose turns others are added. */
  earlier: Report | undefined;
  add: string | undefined;
  render: string | undefined;
  isQuick: boolean;
}

function plan(args: string[]): Plan | undefined {
  const { values } = parseArgs({
    args,
    options: {
      turns: { type: "string" },
      minutes: { type: "string", default: "60" },
      quick: { type: "boolean", default: false },
      row: { type: "string", multiple: true },
      placement: { type: "string", multiple: true },
      with: { type: "string", multiple: true },
      without: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      write: { type: "string" },
      add: { type: "string" },
      continue: { type: "string" },
      render: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const turns = atLeastOne("turns", values.turns ?? (values.quick ? "1" : "3"));
  const minutes = atLeastOne("minutes", values.minutes);
  const divisor = values.quick ? 10 : 1;
  const rows = chosen("row", ROWS, values.row).map((row) => ({
    ...row,
    rounds: Math.ceil(row.rounds / divisor),
    warmup: Math.ceil(row.warmup / divisor),
  }));
  const placements = chosen("placement", PLACEMENTS, values.placement);
  const all = NAMES.map((name) => ({ name }));
  const left = chosen("without", all, values.without).map(({ name }) => name);
  const taken = values.with && ["ours", ...values.with];
  return {
    turns,
    minutes,
    rows,
    placements,
    contestants: chosen("with", all, taken).map(({ name }) => name)
      .filter((name) => values.without.length === 0 || !left.includes(name)),
    json: values.json,
    write: values.continue ?? values.write,
    earlier: values.continue === undefined
      ? undefined
      : readReport(values.continue),
    add: values.add,
    render: values.render,
    isQuick: values.quick,
  };
}

function readReport(folder: string): Report {
  return JSON.parse(Deno.readTextFileSync(`${folder}/results.json`));
}

/** Checks that further turns come from the machine and the versions of the earlier turns. */
function checkIsSame(
  earlier: Setting,
  now: Pick<Setting, "machine" | "versions" | "missing">,
): void {
  for (const what of ["machine", "versions", "missing"] as const) {
    const [before, after] = [earlier[what], now[what]].map((each) =>
      JSON.stringify(each)
    );
    if (before === after) continue;
    throw new Error(
      `Cannot continue: ${what} was ${before}, and is ${after}; begin again with --write`,
    );
  }
}

function atLeastOne(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(
    `Cannot use --${flag} "${text}": it must be a whole number of 1 or more`,
  );
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

/** One run of a turn, which may run again in the next. */
interface Run {
  result: Result;
  contestant: Contestant;
  /** The seconds that it took the last time. */
  seconds: number;
}

function runsOf(turn: number, runs: readonly Run[]): Run[] {
  const left = runs.filter(({ result: { row }, contestant }) =>
    turn < (row.turns ?? Infinity) && turn < (contestant.turns ?? Infinity)
  );
  if (turn % 2 === 0) return left;
  // Reverse every other turn, so that no contestant always follows the same one.
  const byRow = Map.groupBy(left, ({ result }) => result);
  return [...byRow.values()].flatMap((each) => each.toReversed());
}

/** Runs a row of a contestant once. */
async function runAgain(run: Run, failed: string[]): Promise<void> {
  const { result: { row, placement, samples }, contestant } = run;
  const { name } = contestant;
  const started = performance.now();
  let text: string;
  try {
    const sample = await runOnce(contestant, row, placement);
    (samples[name] ??= []).push(sample);
    text = JSON.stringify(sample);
  } catch (error) {
    // Report the failure and continue, so that the rest of a long run is not lost.
    text = error instanceof Error ? error.message : `${error}`;
    failed.push(`${TITLES[name]}, ${row.title}: ${text}`);
  }
  run.seconds = (performance.now() - started) / 1000;
  console.error(
    `${row.name} ${placement.name} ${name} ${text} ${run.seconds.toFixed(1)} s`,
  );
}

function load(): string {
  return Deno.loadavg()[0].toFixed(2);
}

/** The load above which figures are useless, and how long a run waits for a lower load, in seconds. */
const BUSY = 0.5;
const PATIENCE = 900;

/** Waits until other programs leave the machine alone: figures to be kept need both cores. */
async function untilIdle(): Promise<void> {
  for (let waited = 0; Deno.loadavg()[0] > BUSY; waited += 5) {
    if (waited >= PATIENCE) {
      throw new Error(
        `Cannot measure figures to keep: the load is still ${load()} after ${PATIENCE} s, and must be ${BUSY} or less; end the other programs, or measure without --write and --add`,
      );
    }
    if (waited === 0) {
      console.error(`The load is ${load()}: waiting until it is ${BUSY}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
}

async function machine(): Promise<string> {
  const cores = navigator.hardwareConcurrency;
  const { stdout } = await new Deno.Command("cat", {
    args: ["/proc/cpuinfo"],
  }).output();
  const info = new TextDecoder().decode(stdout);
  const model = info.match(/^model name\s*: (.*)$/m)?.[1] ?? "a processor";
  return `${model}, ${cores} cores of a virtual machine`;
}

/** Takes the turns: in each of them, every row once. */
async function measure(plan: Plan): Promise<Report> {
  const { earlier } = plan;
  await using stack = new AsyncDisposableStack();
  const needed = plan.contestants.filter((name) =>
    name === "ours" || plan.rows.some((row) => row.contestants.includes(name))
  );
  const contestants = await Contestants.prepare(needed, stack);
  for (const name of NAMES) {
    if (!plan.contestants.includes(name)) {
      contestants.missing.set(name, "it was left out");
    }
  }
  for (const [name, why] of contestants.missing) {
    console.error(`${TITLES[name]} is missing: ${why}`);
  }
  const cores = navigator.hardwareConcurrency;
  const results = plan.rows.flatMap((row) =>
    plan.placements
      .filter(({ name, clientCore, peerCore }) =>
        (row.placements?.includes(name) ?? true) &&
        Math.max(clientCore, peerCore) < cores
      )
      .map((placement): Result => ({
        row,
        placement,
        samples: earlier?.results.find((each) =>
          each.row === row.name && each.placement === placement.name
        )?.samples ?? {},
      }))
  );
  const runs = results.flatMap((result) =>
    [...contestants.all.values()]
      .filter(({ name }) =>
        name === "ours" || result.row.contestants.includes(name)
      )
      .map((contestant): Run => ({ result, contestant, seconds: 0 }))
  );
  const about = {
    machine: await machine(),
    versions: Object.fromEntries(
      [...contestants.all].map(([name, { version }]) => [name, version]),
    ),
    missing: Object.fromEntries(contestants.missing),
  };
  if (earlier !== undefined) checkIsSame(earlier.setting, about);
  if (plan.write !== undefined || plan.add !== undefined) await untilIdle();
  const before = load();
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  const first = earlier?.setting.turns ?? 0;
  let turn = first;
  // Run turn by turn, so that a slow minute of the machine affects one run of some rows.
  for (; turn < plan.turns; turn++) {
    const next = runsOf(turn, runs);
    const expected = next.reduce((sum, { seconds }) => sum + seconds, 0);
    if (turn > first && elapsed() + expected > plan.minutes * 60) break;
    console.error(`turn ${turn + 1} of ${plan.turns}`);
    for (const run of next) await runAgain(run, contestants.failed);
  }
  const setting: Setting = {
    date: new Date().toISOString().slice(0, 10),
    ...about,
    failed: contestants.failed,
    turns: turn,
    minutes: (earlier?.setting.minutes ?? 0) + Math.round(elapsed() / 60),
    load: [earlier?.setting.load[0] ?? before, load()],
    isQuick: plan.isQuick,
  };
  return {
    setting,
    results: results.map(({ row, placement, samples }) => ({
      row: row.name,
      placement: placement.name,
      rounds: row.rounds,
      warmup: row.warmup,
      samples,
    })),
  };
}

/** Writes everything that is made from `results.json`. */
async function render(folder: string, report: Report): Promise<void> {
  await Deno.writeTextFile(
    `${folder}/results.md`,
    await formatted(page(report)),
  );
  await Deno.writeTextFile(`${folder}/results.svg`, plot(report));
  const readme = `${folder}/README.md`;
  await Deno.writeTextFile(
    readme,
    await formatted(withBounds(await Deno.readTextFile(readme), report)),
  );
}

/** A line for each row and placement. */
function json({ setting, results }: Report): string {
  const lines = results.map((result) => `    ${JSON.stringify(result)}`);
  return `{\n  "setting": ${JSON.stringify(setting)},\n  "results": [\n${
    lines.join(",\n")
  }\n  ]\n}\n`;
}

/** Puts the rows of a report into the report of a folder, in the order of all rows. */
async function add(
  folder: string,
  { setting, results }: Report,
): Promise<void> {
  const file = `${folder}/results.json`;
  const whole = readReport(folder);
  const { date, machine, load } = setting;
  const all = [
    ...results.map((result) => ({ ...result, later: { date, machine, load } })),
    ...whole.results,
  ];
  whole.results = ROWS.flatMap(({ name }) =>
    PLACEMENTS.flatMap((placement) =>
      all.find((each) =>
        each.row === name && each.placement === placement.name
      ) ?? []
    )
  );
  await Deno.writeTextFile(file, json(whole));
  await render(folder, whole);
}

/** Returns whether no run failed. */
async function main(): Promise<boolean> {
  const planned = plan(Deno.args);
  if (planned === undefined) {
    console.log(HELP);
    return true;
  }
  if (planned.render !== undefined) {
    await render(planned.render, readReport(planned.render));
    return true;
  }
  if ((planned.write ?? planned.add) !== undefined && planned.isQuick) {
    throw new TypeError("Cannot write results: --quick is never quoted");
  }
  if (!await isInstalled("taskset")) {
    throw new Error(
      "Cannot pin processes: taskset is not installed; it is in util-linux",
    );
  }
  const report = await measure(planned);
  const { setting } = report;
  const results = resultsOf(report);
  if (planned.write !== undefined) {
    await Deno.writeTextFile(`${planned.write}/results.json`, json(report));
    await render(planned.write, report);
  }
  if (planned.add !== undefined) await add(planned.add, report);
  console.log(
    planned.json
      ? json(report)
      : `${table(results)}\n\n${boundsTable(results)}`,
  );
  for (const failure of setting.failed) console.error(`failed: ${failure}`);
  const count = missed(results);
  console.error(
    `\n${count.missed} of ${count.measured} floors are missed; medians of ${setting.turns} turns ` +
      `(lowest–highest) in ${setting.minutes} minutes, load ${
        setting.load.join(" to ")
      }`,
  );
  if (setting.isQuick) {
    console.error("--quick: these figures only show that it works");
  }
  return setting.failed.length === 0;
}

// With its processes gone, the run fails and cleans up after itself.
for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(name, killAll);
}
try {
  Deno.exit(await main() ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
