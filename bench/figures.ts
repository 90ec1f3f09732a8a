/**
 * The figures of the runs, and whether they reach the bounds.
 *
 * @module
 */

import type { Latencies, Sample } from "./measure.ts";
import {
  type ContestantName,
  type Figure,
  LINEAR,
  type Placement,
  type PlacementName,
  PLACEMENTS,
  type Row,
  rowOf,
} from "./rows.ts";

export interface Result {
  /** The row that was measured. */
  row: Row;
  placement: Placement;
  /** One sample for each turn, by contestant. */
  samples: Partial<Record<ContestantName, Sample[]>>;
}

export interface Setting {
  /** The day, as YYYY-MM-DD. */
  date: string;
  /** The model of the processor, and the number of cores. */
  machine: string;
  versions: Partial<Record<ContestantName, string>>;
  missing: Partial<Record<ContestantName, string>>;
  /** Runs that failed, each with its reason. */
  failed: string[];
  turns: number;
  /** The minutes that all runs took. */
  minutes: number;
  /** The machine's load before the first run and after the last one. */
  load: [before: string, after: string];
  /** Whether a tenth of the rounds was run: such figures mean nothing. */
  isQuick: boolean;
}

/** All runs, as `results.json` holds them. */
export interface Report {
  setting: Setting;
  /** The runs by row and placement. */
  results: {
    row: string;
    placement: PlacementName;
    /** The number of rounds that count, and before. */
    rounds: number;
    warmup: number;
    samples: Result["samples"];
    /** The setting of its runs, if they were added later. */
    later?: Pick<Setting, "date" | "machine" | "load">;
  }[];
}

/** The results of a report, with the rows as they are now. */
export function resultsOf({ results }: Report): Result[] {
  return results.map(({ row, placement, rounds, warmup, samples }) => ({
    row: { ...rowOf(row), rounds, warmup },
    placement: PLACEMENTS.find(({ name }) => name === placement)!,
    samples,
  }));
}

/** The figures of a contestant's runs; of rounds of two kinds, the median of the fast ones. */
export function figuresOf(
  { row, samples }: Result,
  name: ContestantName,
  figure: Figure = row.figure,
): number[] {
  const of = (samples[name] ?? []) as unknown as (
    & Partial<Record<Figure, number>>
    & Pick<Latencies, "states">
  )[];
  return of.flatMap((sample) =>
    (figure === "median" ? sample.states?.fast : undefined) ??
      sample[figure] ?? []
  );
}

/** The median of a contestant's figures. */
export function figureOf(
  result: Result,
  name: ContestantName,
  figure?: Figure,
): number | undefined {
  const figures = figuresOf(result, name, figure);
  return figures.length === 0 ? undefined : median(figures);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** One bound, and whether it was reached. */
export interface Verdict {
  /** The measured ratio or size; `undefined` if it could not be measured. */
  got: number | undefined;
  /** Whether `got` is to be at most or at least the bound. */
  bound: "at most" | "at least";
  floor: number;
  /** The bound that would be good. */
  aim?: number;
  /** The contestant that is compared; `undefined` for ours. */
  by?: ContestantName;
  /** The contestant of the ratio; `undefined` for another kind of bound. */
  to?: ContestantName;
  /** The unit of an absolute bound; a ratio has none. */
  unit?: string;
  /** The figure that is compared. */
  of: string;
  /** Whether the floor was reached. */
  isReached: boolean;
}

/** The verdicts on all bounds of a row. */
export function verdicts(result: Result, all: readonly Result[]): Verdict[] {
  const { row, placement } = result;
  const ours = figureOf(result, "ours");
  const found = (row.targets[placement.name] ?? []).map((target): Verdict => {
    const { of: by, to, bound, floor, aim, figure } = target;
    const own = figureOf(result, by ?? "ours", figure);
    const other = figureOf(result, to, figure);
    const got = own === undefined || other === undefined
      ? undefined
      : own / other;
    return judged({ got, bound, floor, aim, by, to, of: figure ?? "" });
  });
  for (const [figure, most] of Object.entries(row.most ?? {})) {
    const own = figureOf(result, "ours", figure as Figure);
    const [size, unit] = figure === "bytes" ? [1e6, "MB"] : [1e3, "ms"];
    const got = own && own / size;
    const of = figure === row.figure ? unit : `${unit} of ${figure}`;
    found.push(judged({ got, bound: "at most", floor: most / size, unit, of }));
  }
  if (row.linearFrom !== undefined) {
    const smaller = all.find((other) =>
      other.row.name === row.linearFrom &&
      other.placement.name === placement.name
    );
    const base = smaller && figureOf(smaller, "ours");
    const got = ours !== undefined && base !== undefined
      ? ours / base
      : undefined;
    found.push(
      judged({
        got,
        bound: "at most",
        floor: LINEAR,
        of: `each of ${smaller?.row.title.match(/[\d,]+$/)?.[0]}`,
      }),
    );
  }
  return found;
}

function judged(verdict: Omit<Verdict, "isReached">): Verdict {
  const { got, bound, floor } = verdict;
  const isReached = got !== undefined &&
    (bound === "at most" ? got <= floor : got >= floor);
  return { ...verdict, isReached };
}
