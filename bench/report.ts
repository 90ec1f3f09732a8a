/**
 * How the runs become a table.
 *
 * @module
 */

import type { Sample } from "./contestants.ts";
import type { Latencies } from "./measure.ts";
import type { Placement, Row, Target } from "./rows.ts";

/** The runs of one row under one placement, by contestant. */
export interface Result {
  /** What was measured. */
  row: Row;
  /** Where. */
  placement: Placement;
  /** One sample for each turn. */
  samples: Partial<Record<"ours" | "elixir" | "raw", Sample[]>>;
}

/** The table, in Markdown. */
export function table(results: readonly Result[]): string {
  return [
    "| row | placement | ours | Elixir | raw `node:net` | ratio | target | |",
    "|---|---|---|---|---|---|---|---|",
    ...results.map(line),
  ].join("\n");
}

function line({ row, placement, samples }: Result): string {
  const target = row.targets[placement.name];
  const to = target?.to ?? "elixir";
  const whom = to === "raw" ? "raw" : "Elixir";
  const ours = samples.ours && median(samples.ours.map(figure));
  const other = samples[to] && median(samples[to].map(figure));
  let reached = "–";
  let verdict = "not run";
  if (ours !== undefined && other !== undefined) {
    const got = ours / other;
    reached = `${got.toFixed(2)} × ${whom}`;
    verdict = target === undefined ? "" : judge(target, got);
  }
  const cells = [
    row.title,
    placement.title,
    cell(samples.ours),
    cell(samples.elixir),
    cell(samples.raw),
    reached,
    target === undefined
      ? "–"
      : `${SIGNS[target.bound]} ${target.ratio} × ${whom}`,
    verdict,
  ];
  return `| ${cells.join(" | ")} |`;
}

const SIGNS = { "at most": "≤", "at least": "≥" };

function judge({ bound, ratio }: Target, got: number): string {
  const ok = bound === "at most" ? got <= ratio : got >= ratio;
  return ok ? "ok" : "**MISS**";
}

function cell(samples: Sample[] | undefined): string {
  if (samples === undefined) return "–";
  const figures = samples.map(figure);
  const range = [Math.min(...figures), median(figures), Math.max(...figures)];
  const [unit, show] = UNITS[kindOf(samples[0])];
  const [low, middle, high] = range.map(show);
  const text = `${middle} ${unit} (${low}–${high})`;
  if (!("mean" in samples[0])) return text;
  const means = samples.map((sample) => (sample as Latencies).mean);
  return `${text}, mean ${median(means).toFixed(1)}`;
}

const UNITS: Record<string, [unit: string, show: (value: number) => string]> = {
  rate: ["k/s", (value) => Math.round(value / 1000).toString()],
  cost: ["µs", (value) => value.toFixed(2)],
  bytes: ["B", (value) => Math.round(value).toString()],
  median: ["µs", (value) => value.toFixed(1)],
};

function kindOf(sample: Sample): string {
  return Object.keys(sample).find((key) => key in UNITS)!;
}

function figure(sample: Sample): number {
  return (sample as unknown as Record<string, number>)[kindOf(sample)];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}
