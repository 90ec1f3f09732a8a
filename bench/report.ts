/**
 * Turns the runs into the page of results.
 *
 * @module
 */

import {
  figureOf,
  figuresOf,
  median,
  type Report,
  type Result,
  resultsOf,
  type Setting,
  type Verdict,
  verdicts,
} from "./figures.ts";
import type { Latencies, States } from "./measure.ts";
import { type ContestantName, type Figure, HEADLINES, rowOf } from "./rows.ts";

/** The contestants' names in the report. */
export const TITLES: Record<ContestantName, string> = {
  ours: "ours",
  calling: "ours calling Elixir",
  hosting: "Elixir calling ours",
  elixir: "Elixir",
  ergo: "ergo",
  raw: "raw `node:net`",
  nats: "NATS",
  moleculer: "Moleculer",
  grpc: "gRPC",
  node: "ours on Node",
  node_poll: "ours on Node, `poll: 100`",
  bun: "ours on Bun",
  bun_poll: "ours on Bun, `poll: 100`",
};

const COLUMNS = Object.keys(TITLES) as ContestantName[];
/** The columns of the table that opens the page. */
const FIRST_COLUMNS: readonly ContestantName[] = [
  "ours",
  "node",
  "node_poll",
  "bun",
  "bun_poll",
  "elixir",
  "ergo",
  "nats",
  "grpc",
  "raw",
];
const SIGNS = { "at most": "≤", "at least": "≥" };
const TIMES: Scale = [[1e6, "s"], [1e3, "ms"], [1, "µs"]];
const UNITS: Record<Figure, Scale> = {
  rate: [[1e3, "k/s"]],
  cost: TIMES,
  bytes: [[1e6, "MB"], [1e3, "kB"], [1, "B"]],
  median: TIMES,
  p99: TIMES,
  max: TIMES,
};

/** Units from the largest to the smallest, each with its size. */
type Scale = readonly (readonly [size: number, unit: string])[];

/** The unit that fits a figure, and a function that formats figures in it. */
function shown(
  figure: Figure,
  middle: number,
): [string, (value: number) => string] {
  const scale = UNITS[figure];
  const [size, unit] = scale.find(([size]) => Math.abs(middle) >= size) ??
    scale.at(-1)!;
  return [unit, (value) => digits(value / size)];
}

/** Three digits: more would suggest a precision that the measurement does not have. */
function digits(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toString()
    : value.toPrecision(3);
}

/** A table, in Markdown: a line for each row and placement. */
function tableOf(
  results: readonly Result[],
  names: readonly ContestantName[],
  cell: (result: Result, name: ContestantName) => string,
): string {
  const columns = names.filter((name) =>
    results.some(({ samples }) => samples[name])
  );
  return [
    `| row | placement | ${columns.map((name) => TITLES[name]).join(" | ")} |`,
    `|---|---|${"---|".repeat(columns.length)}`,
    ...results.map((result) => {
      const { row, placement } = result;
      const cells = columns.map((name) => cell(result, name));
      return `| ${row.title} | ${placementOf(result, placement.title)} | ${
        cells.join(" | ")
      } |`;
    }),
  ].join("\n");
}

/** The table of all contestants, with the range of the turns. */
export function table(results: readonly Result[]): string {
  return tableOf(results, COLUMNS, cell);
}

/** The table that opens the page: the medians of some rows. */
function firstTable(results: readonly Result[]): string {
  return tableOf(
    results.filter(isHeadline),
    FIRST_COLUMNS,
    (result, name) => headline(result, name) ?? "–",
  );
}

/** A contestant's median with its unit; `undefined` if there is none. */
export function headline(
  result: Result,
  name: ContestantName,
): string | undefined {
  const middle = figureOf(result, name);
  if (middle === undefined) return undefined;
  const [unit, show] = shown(result.row.figure, middle);
  return `${show(middle)} ${unit}`;
}

/** The bounds of each row and placement, and what was measured, in Markdown. */
export function boundsTable(results: readonly Result[]): string {
  return [
    "| row | placement | floors |",
    "|---|---|---|",
    ...results.flatMap((result) => {
      const bounds = verdicts(result, results).map(text);
      if (bounds.length === 0) return [];
      return `| ${result.row.title} | ${
        placementOf(result, result.placement.title)
      } | ${bounds.join("<br>")} |`;
    }),
  ].join("\n");
}

function isHeadline({ row, placement }: Result): boolean {
  return HEADLINES.some(([name, at]) =>
    name === row.name && at === placement.name
  );
}

function placementOf({ row, placement }: Result, title: string): string {
  return row.isLocal || row.ofPeer !== undefined ? placement.localTitle : title;
}

function cell(result: Result, name: ContestantName): string {
  const middle = figureOf(result, name);
  if (middle === undefined) {
    return name === "ours" || result.row.contestants.includes(name)
      ? "missing"
      : "–";
  }
  if (result.row.figure === "median") {
    const both = statesOf(result, name);
    if (both !== undefined) return both;
  }
  const figures = figuresOf(result, name);
  const [unit, show] = shown(result.row.figure, middle);
  const range = `${show(Math.min(...figures))}–${show(Math.max(...figures))}`;
  const found = `${show(middle)} ${unit} (${range})`;
  if (result.row.figure !== "p99") return found;
  const longest = median(figuresOf(result, name, "max"));
  const [longestUnit, showLongest] = shown("max", longest);
  return `p99 ${found}, max ${showLongest(longest)} ${longestUnit}`;
}

/** The two kinds of a contestant's rounds, if a run had two: `56.0 µs in 30 % of the rounds, 1.10 ms in 70 %`. */
function statesOf(
  { samples }: Result,
  name: ContestantName,
): string | undefined {
  const all = (samples[name] as Latencies[]).map(({ median, states }) =>
    states ?? { fast: median, slow: NaN, slowShare: 0 }
  );
  const both = all.filter(({ slowShare }) => slowShare > 0);
  if (both.length === 0) return undefined;
  const of = (key: keyof States) =>
    median((key === "slow" ? both : all).map((each) => each[key]));
  const slow = Math.round(of("slowShare") * 100);
  const time = (value: number) => {
    const [unit, show] = shown("median", value);
    return `${show(value)} ${unit}`;
  };
  return `${time(of("fast"))} in ${100 - slow} % of the rounds, ${
    time(of("slow"))
  } in ${slow} %`;
}

/** A verdict as text: `**MISS** 1.80 × raw (floor ≤ 1.4, aim ≤ 1.25)`. */
export function text(verdict: Verdict): string {
  const { got, bound, floor, aim, by, to, unit, of, isReached } = verdict;
  const sign = SIGNS[bound];
  const bounds = `floor ${sign} ${floor}${
    aim === undefined ? "" : `, aim ${sign} ${aim}`
  }`;
  const what = unit !== undefined
    ? of
    : `× ${to === undefined ? of : TITLES[to].split(" ")[0]}${
      to !== undefined && of !== "" ? `'s ${of}` : ""
    }`;
  const subject = by === undefined ? "" : `${TITLES[by]}: `;
  if (got === undefined) return `${subject}not measured ${what} (${bounds})`;
  const state = isReached ? "ok" : "**MISS**";
  return `${subject}${state} ${
    unit !== undefined ? digits(got) : got.toFixed(2)
  } ${what} (${bounds})`;
}

/** The number of bounds that were missed, and of those that were measured. */
export function missed(
  results: readonly Result[],
): { missed: number; measured: number } {
  const all = results.flatMap((result) => verdicts(result, results))
    .filter(({ got }) => got !== undefined);
  return {
    missed: all.filter(({ isReached }) => !isReached).length,
    measured: all.length,
  };
}

/** A warning if other programs used the machine. */
function warning({ load: [before] }: Setting): string[] {
  return Number(before) < 1 ? [] : [
    `**The machine was busy (load ${before} before the run): do not quote these figures.**`,
    "",
  ];
}

/** The page of the results: the picture and the table of a few rows, then all rows. */
export function page(report: Report): string {
  const { setting } = report;
  const results = resultsOf(report);
  const { versions, missing, failed } = setting;
  const rows = new Map(results.map(({ row }) => [row.name, row]));
  return [
    "# Results",
    "",
    `\`deno task bench\` on ${setting.date}: ${setting.machine}. "One core" is two programs on one core, ` +
    `"split" is a core for each. Times are for one round, k/s are thousands a second.`,
    "",
    ...warning(setting),
    "![How many times as fast as the others](results.svg)",
    "",
    firstTable(results),
    "",
    "## All rows",
    "",
    `Each figure is the median over the turns (lowest–highest), of which there were ${setting.turns} at most, in ` +
    `${setting.minutes} minutes; the load was ${setting.load[0]} before and ${
      setting.load[1]
    } after. ` +
    "[README.md](README.md) describes the method, and what we wish the figures to be.",
    "",
    ...laterRows(report),
    ...COLUMNS.filter((name) => versions[name])
      .map((name) => `- ${TITLES[name]}: ${versions[name]}`),
    ...Object.entries(missing).map(([name, why]) =>
      `- ${TITLES[name as ContestantName]}: missing, ${why}`
    ),
    ...failed.map((failure) => `- failed: ${failure}`),
    "",
    table(results),
    "",
    "## Rounds",
    "",
    "| row | rounds | rounds before, not counted | peers | callers |",
    "|---|---|---|---|---|",
    ...rows.values().map((row) =>
      `| ${row.title} | ${row.rounds.toLocaleString("en")} | ${
        row.warmup.toLocaleString("en")
      } | ${row.isLocal ? "–" : row.peers ?? 1} | ${row.callers ?? 1} |`
    ),
    "",
  ].join("\n");
}

/** The heading of the generated last section of `README.md`. */
const BOUNDS_HEADING = "## The floors of all rows";

/** Replaces the last section of `README.md`, which has the floors and what was measured. */
export function withBounds(readme: string, report: Report): string {
  const results = resultsOf(report);
  const count = missed(results);
  const begin = readme.indexOf(BOUNDS_HEADING);
  return [
    (begin === -1 ? readme : readme.slice(0, begin)).trimEnd(),
    "",
    BOUNDS_HEADING,
    "",
    `\`deno task bench\` writes this section. On ${report.setting.date}, ${count.missed} of ${count.measured} floors were missed.`,
    "",
    boundsTable(results),
    "",
  ].join("\n");
}

/** The rows that were added later, by the setting of their runs. */
function laterRows({ results }: Report): string[] {
  const days = Map.groupBy(
    results.filter(({ later }) => later !== undefined),
    ({ later }) =>
      `${later!.date} (${later!.machine}, load ${later!.load.join(" to ")})`,
  );
  return [...days].flatMap(([day, rows]) => [
    `Measured on ${day}: ${
      [...new Set(rows.map(({ row }) => rowOf(row).title))].join("; ")
    }.`,
    "",
  ]);
}

/** Formats a page as `deno fmt` does. */
export async function formatted(page: string): Promise<string> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--no-config", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = process.output();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { success, stdout } = await output;
  if (!success) throw new Error("Cannot format a page: see above");
  return new TextDecoder().decode(stdout);
}
