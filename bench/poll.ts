/**
 * Compares nodes that poll with nodes that sleep, on Node and Bun, in turns: `deno task bench:poll [auto|MICROSECONDS]`.
 * Prints the ratio of the medians for each row, and whether it is within its bound. Quote no figures of a busy machine.
 *
 * @module
 */

import { type Contestant, Contestants, runOnce } from "./contestants.ts";
import type { Sample } from "./measure.ts";
import { type Placement, PLACEMENTS, rowOf } from "./rows.ts";

const TURNS = 5;

/** The number of pairs of nodes in the row of four nodes: their clients share a core, and so do their peers. */
const PAIRS = 2;

interface Bound {
  row: string;
  placement: "split" | "one_core";
  pairs?: number;
  figure: "median" | "mean" | "rate";
  /** The highest permitted ratio of a time, or of the inverse of a rate. */
  most: number;
}

const BOUNDS: readonly Bound[] = [
  { row: "round_trip", placement: "split", figure: "median", most: 0.25 },
  { row: "call", placement: "split", figure: "median", most: 0.25 },
  { row: "task", placement: "split", figure: "median", most: 0.35 },
  { row: "round_trip", placement: "one_core", figure: "median", most: 1.05 },
  { row: "call", placement: "one_core", figure: "median", most: 1.05 },
  {
    row: "round_trip",
    placement: "split",
    pairs: PAIRS,
    figure: "median",
    most: 1.05,
  },
  {
    row: "round_trip",
    placement: "split",
    pairs: PAIRS,
    figure: "mean",
    most: 1.05,
  },
  { row: "one_way", placement: "split", figure: "rate", most: 1.05 },
  { row: "one_way", placement: "one_core", figure: "rate", most: 1.05 },
  { row: "calls", placement: "split", figure: "rate", most: 1.05 },
  { row: "busy_5", placement: "split", figure: "median", most: 1.05 },
];

/** Runs a row once with an option `poll`, and returns its time, or the inverse of its rate. */
async function timeOf(
  contestant: Contestant,
  bound: Bound,
  placement: Placement,
  poll: string,
): Promise<number> {
  const polling = { ...contestant, env: { BENCH_POLL: poll } };
  const samples = await Promise.all(
    Array.from(
      { length: bound.pairs ?? 1 },
      () => runOnce(polling, rowOf(bound.row), placement),
    ),
  );
  const figures = samples.map((sample: Sample) => {
    const figure = (sample as unknown as Record<string, number>)[bound.figure];
    return bound.figure === "rate" ? 1e6 / figure : figure;
  });
  return figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
}

function medianOf(times: number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1];
}

const [poll = "auto"] = Deno.args;
await using stack = new AsyncDisposableStack();
const contestants = await Contestants.prepare(["node", "bun"], stack);
for (const [name, why] of contestants.missing) console.log(`${name}: ${why}`);
let misses = 0;
for (const contestant of contestants.all.values()) {
  for (const bound of BOUNDS) {
    const placement = PLACEMENTS.find(({ name }) => name === bound.placement)!;
    const times: Record<string, number[]> = { 0: [], [poll]: [] };
    for (let turn = 0; turn < TURNS; turn++) {
      const polls = turn % 2 === 0 ? ["0", poll] : [poll, "0"];
      for (const each of polls) {
        times[each].push(await timeOf(contestant, bound, placement, each));
      }
    }
    const [without, with_] = [medianOf(times[0]), medianOf(times[poll])];
    const ratio = with_ / without;
    const isWithin = ratio <= bound.most;
    if (!isWithin) misses++;
    console.log(
      [
        isWithin ? "ok  " : "MISS",
        contestant.name,
        bound.row,
        bound.placement,
        bound.pairs === undefined ? "" : `${2 * bound.pairs} nodes`,
        bound.figure,
        `${without.toFixed(1)} → ${with_.toFixed(1)} µs,`,
        `${ratio.toFixed(2)} (at most ${bound.most})`,
      ].filter((part) => part !== "").join(" "),
    );
  }
}
if (misses > 0) Deno.exitCode = 1;
