/**
 * How the runs become a table.
 *
 * @module
 */

import type { Sample } from "./contestants.ts";
import type { Placement, Row } from "./rows.ts";

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
  const { to, bound, ratio } = row.targets[placement.name];
  const whom = to === "raw" ? "raw" : "Elixir";
  const sign = bound === "at most" ? "≤" : "≥";
  const ours = samples.ours && median(samples.ours.map(figure));
  const other = samples[to] && median(samples[to].map(figure));
  let reached = "–";
  let verdict = "not run";
  if (ours !== undefined && other !== undefined) {
    const got = ours / other;
    reached = `${got.toFixed(2)} × ${whom}`;
    const ok = bound === "at most" ? got <= ratio : got >= ratio;
    verdict = ok ? "ok" : "**MISS**";
  }
  const cells = [
    row.title,
    placement.title,
    cell(samples.ours),
    cell(samples.elixir),
    cell(samples.raw),
    reached,
    `${sign} ${ratio} × ${whom}`,
    verdict,
  ];
  return `| ${cells.join(" | ")} |`;
}

function cell(samples: Sample[] | undefined): string {
  if (samples === undefined) return "–";
  const figures = samples.map(figure);
  const range = [Math.min(...figures), median(figures), Math.max(...figures)];
  const isRate = "rate" in samples[0];
  const [low, middle, high] = range.map((value) =>
    isRate ? Math.round(value / 1000).toString() : value.toFixed(1)
  );
  const text = `${middle} ${isRate ? "k/s" : "µs"} (${low}–${high})`;
  if (isRate) return text;
  const means = samples.map((sample) => (sample as { mean: number }).mean);
  return `${text}, mean ${median(means).toFixed(1)}`;
}

function figure(sample: Sample): number {
  return "rate" in sample ? sample.rate : sample.median;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}
