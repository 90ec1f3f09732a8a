/**
 * Turns the runs into a page: a table, the missed bounds, and a plot.
 *
 * @module
 */

import type { Latencies, Sample } from "./measure.ts";
import type { ContestantName, Placement, Row, Target } from "./rows.ts";

/** The runs of one row in one placement, by contestant. */
export interface Result {
  /** The row that was measured. */
  row: Row;
  /** The placement of its processes. */
  placement: Placement;
  /** One sample for each turn. */
  samples: Partial<Record<ContestantName, Sample[]>>;
}

/** The setting of the runs. */
export interface Setting {
  /** The day, as YYYY-MM-DD. */
  date: string;
  /** The model of the processor, and the number of cores. */
  machine: string;
  /** Versions by contestant. */
  versions: Partial<Record<ContestantName, string>>;
  /** The reasons for missing contestants. */
  missing: Partial<Record<ContestantName, string>>;
  /** The number of runs of each row. */
  turns: number;
  /** The load at the end. */
  load: string;
}

/** The contestants' names in the report. */
export const TITLES: Record<ContestantName, string> = {
  ours: "ours",
  elixir: "Elixir",
  ergo: "ergo",
  raw: "raw `node:net`",
  nats: "NATS",
  moleculer: "Moleculer",
  grpc: "gRPC",
  node: "ours on Node",
  bun: "ours on Bun",
};

const COLUMNS = Object.keys(TITLES) as ContestantName[];
const SIGNS = { "at most": "≤", "at least": "≥" };
const TIMES: Scale = [[1e6, "s"], [1e3, "ms"], [1, "µs"]];
const UNITS: Record<string, Scale> = {
  rate: [[1e3, "k/s"]],
  cost: TIMES,
  bytes: [[1e6, "MB"], [1e3, "kB"]],
  median: TIMES,
  p99: TIMES,
};

/** Units from the largest to the smallest, each with its size. */
type Scale = readonly (readonly [size: number, unit: string])[];

/** Formats the figures of a row in the unit that fits one of them. */
function shown(
  kind: string,
  middle: number,
): [string, (value: number) => string] {
  const scale = UNITS[kind];
  const [size, unit] = scale.find(([size]) => Math.abs(middle) >= size) ??
    scale.at(-1)!;
  return [unit, (value) => digits(value / size)];
}

/** Three digits: more would suggest a precision that the measurement does not have. */
function digits(value: number): string {
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}

/** The key of the figure that is compared. */
function kindOf(row: Row, sample: Sample): string {
  if (row.name.startsWith("beside")) return "p99";
  return Object.keys(sample).find((key) => key in UNITS)!;
}

/** The median of the row's figure over the turns. */
export function figureOf(
  { row, samples }: Result,
  name: ContestantName,
): number | undefined {
  const of = samples[name];
  if (of === undefined || of.length === 0) return undefined;
  const kind = kindOf(row, of[0]);
  return median(
    of.map((sample) => (sample as unknown as Record<string, number>)[kind]),
  );
}

/** One bound, and whether it was reached. */
export interface Verdict {
  /** The bound. */
  target: Target;
  /** The measured ratio. */
  got: number;
  /** Whether it was reached. */
  isReached: boolean;
}

/** The verdicts on a row's bounds, of those that could be measured. */
export function verdicts(result: Result): Verdict[] {
  const ours = figureOf(result, "ours");
  const targets = result.row.targets[result.placement.name] ?? [];
  return targets.flatMap((target) => {
    const other = figureOf(result, target.to);
    if (ours === undefined || other === undefined) return [];
    const got = ours / other;
    const isReached = target.bound === "at most"
      ? got <= target.ratio
      : got >= target.ratio;
    return [{ target, got, isReached }];
  });
}

/** The table, in Markdown: a line for each row and placement. */
export function table(results: readonly Result[]): string {
  const columns = COLUMNS.filter((name) =>
    results.some(({ samples }) => samples[name])
  );
  return [
    `| row | placement | ${
      columns.map((name) => TITLES[name]).join(" | ")
    } | bounds |`,
    `|---|---|${"---|".repeat(columns.length)}---|`,
    ...results.map((result) => {
      const cells = columns.map((name) => cell(result, name));
      const { row, placement } = result;
      return `| ${row.title} | ${placement.title} | ${cells.join(" | ")} | ${
        bounds(result)
      } |`;
    }),
  ].join("\n");
}

function cell(result: Result, name: ContestantName): string {
  const samples = result.samples[name];
  const middle = figureOf(result, name);
  if (middle === undefined) return "–";
  const kind = kindOf(result.row, samples![0]);
  const figures = samples!.map((sample) =>
    (sample as unknown as Record<string, number>)[kind]
  );
  const [unit, show] = shown(kind, middle);
  const range = `${show(Math.min(...figures))}–${show(Math.max(...figures))}`;
  const text = `${show(middle)} ${unit} (${range})`;
  if (kind !== "p99") return text;
  return `${text}, max ${
    digits(median(samples!.map((sample) => (sample as Latencies).max)))
  }`;
}

function bounds(result: Result): string {
  const all = verdicts(result).map(({ target, got, isReached }) => {
    const bound = `${got.toFixed(2)} ${SIGNS[target.bound]} ${target.ratio} × ${
      TITLES[target.to]
    }`;
    return isReached ? bound : `**MISS** ${bound}`;
  });
  const { most } = result.row;
  const ours = figureOf(result, "ours");
  if (most !== undefined && ours !== undefined) {
    const bound = `${digits(ours / 1e6)} ≤ ${digits(most / 1e6)} MB`;
    all.push(ours <= most ? bound : `**MISS** ${bound}`);
  }
  return all.join("<br>");
}

/** The whole page. */
export function page(
  results: readonly Result[],
  setting: Setting,
  notes: string,
): string {
  const { date, machine, versions, missing, turns, load } = setting;
  const names = COLUMNS.filter((name) => versions[name]);
  return [
    "# Results",
    "",
    `Made by \`deno task bench\` on ${date}: ${machine}. Medians of ${turns} turns (lowest–highest), the ` +
    `contestants in turns, each in processes of its own that are pinned: “one core” has both on one, ` +
    `“split” each on its own. Load at the end: ${load}.`,
    "",
    ...names.map((name) => `- ${TITLES[name]}: ${versions[name]}`),
    ...Object.entries(missing).map(([name, why]) =>
      `- ${TITLES[name as ContestantName]}: missing, ${why}`
    ),
    "",
    "![Ours against the others](results.svg)",
    "",
    table(results),
    "",
    notes,
  ].join("\n");
}

const BAR = 12;
const WIDTH = 900;
const LABEL = 300;
const COLOURS: Partial<Record<ContestantName, string>> = {
  elixir: "#7b4fa3",
  ergo: "#0e8f9c",
  raw: "#888888",
  nats: "#27aae1",
  moleculer: "#e07b39",
  grpc: "#3c8d5a",
};

/**
 * A plot of ratios: how many times as fast ours is as each of the others, on a logarithmic scale, so that
 * half as fast and twice as fast are equally far from the middle line.
 */
export function plot(results: readonly Result[]): string {
  const rivals = Object.keys(COLOURS) as ContestantName[];
  const lines: string[] = [];
  let y = 40;
  const middle = LABEL + (WIDTH - LABEL) / 2;
  const x = (ratio: number): number => {
    const bounded = Math.min(Math.max(ratio, 1 / 16), 16);
    return middle + Math.log2(bounded) / 4 * (WIDTH - LABEL) / 2 * 0.9;
  };
  for (const result of results) {
    const ours = figureOf(result, "ours");
    if (ours === undefined) continue;
    const bars = rivals.flatMap((name) => {
      const other = figureOf(result, name);
      if (other === undefined || other === 0 || ours === 0) return [];
      const isRate = kindOf(result.row, result.samples.ours![0]) === "rate";
      return [{ name, ratio: isRate ? ours / other : other / ours }];
    });
    if (bars.length === 0) continue;
    const { row, placement } = result;
    lines.push(
      `<text x="${LABEL - 8}" y="${
        y + bars.length * BAR / 2 + 3
      }" text-anchor="end">` +
        `${escape(row.title)}, ${placement.title}</text>`,
    );
    for (const { name, ratio } of bars) {
      const [from, to] = [middle, x(ratio)].toSorted((a, b) => a - b);
      lines.push(
        `<rect x="${from.toFixed(1)}" y="${y}" width="${
          (to - from).toFixed(1)
        }" height="${BAR - 2}" fill="${COLOURS[name]}"/>`,
        `<text x="${(ratio >= 1 ? to + 4 : from - 4).toFixed(1)}" y="${
          y + 9
        }" text-anchor="${ratio >= 1 ? "start" : "end"}" font-size="9">${
          ratio.toFixed(1)
        }</text>`,
      );
      y += BAR;
    }
    y += 8;
  }
  const legend = rivals.map((name, i) =>
    `<rect x="${20 + i * 130}" y="10" width="10" height="10" fill="${
      COLOURS[name]
    }"/>` +
    `<text x="${34 + i * 130}" y="19">${
      TITLES[name].replaceAll("`", "")
    }</text>`
  );
  const axis = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8].map((ratio) =>
    `<line x1="${x(ratio).toFixed(1)}" x2="${
      x(ratio).toFixed(1)
    }" y1="30" y2="${y}" stroke="${
      ratio === 1 ? "#333333" : "#dddddd"
    }"/><text x="${x(ratio).toFixed(1)}" y="${
      y + 12
    }" text-anchor="middle" font-size="10">${
      ratio < 1 ? `1/${1 / ratio}` : `${ratio} ×`
    }</text>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${
      y + 20
    }" font-family="sans-serif" font-size="11">`,
    `<title>How many times as fast as others</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...axis,
    ...legend,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}
