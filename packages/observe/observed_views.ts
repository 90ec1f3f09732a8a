/**
 * The views that packages above this one give of a node: numbers, tables of the parts, and values of metrics. Each package adds
 * its view here; the observer, the page and the metrics know no more of it than these shapes.
 */

import type { Runtime } from "@otp/processes/process/runtime";
import type { Pid } from "@otp/processes/values/pid";

/** The view that a package gives of a node, such as of its channels. */
export interface ObservedView {
  /** The numbers of the node, by what they count. */
  counts: Record<string, number>;
  /** The parts of the node, such as its sockets, in tables. */
  tables: ObservedTable[];
}

/** A table of a view. */
export interface ObservedTable {
  /** The name of the parts, such as `Sockets`. */
  title: string;
  /** The columns, the same in each row. */
  columns: ObservedColumn[];
  /** The rows with the greatest values, such as of bytes that wait; each has a cell for each column. */
  rows: ObservedCell[][];
  /** The number of rows that are left out. */
  more: number;
}

/** A column of a table of a view. */
export interface ObservedColumn {
  /** The name of the column. */
  title: string;
  /** The meaning of its cells: a text, a number, bytes, a time in milliseconds, or a process. */
  kind: "text" | "number" | "bytes" | "time" | "process";
}

/** A cell of a table of a view; an empty text if there is nothing to show. */
export type ObservedCell = string | number | Pid;

/** A value of a metric of `measures/measures.ts`. */
export type ViewSample = readonly [
  metric: string,
  value: number,
  labels?: Record<string, string>,
];

/** A package that gives a view of a node. */
export interface ViewSource {
  /** The name of the view: lower-case letters, such as `channels`. */
  readonly name: string;
  /** Returns the view; its tables have at most `rows` rows. */
  observe(rows: number): ObservedView;
  /** Returns the values of the package's metrics. */
  samples(): Iterable<ViewSample>;
}

const sources = new WeakMap<Runtime, Map<string, ViewSource>>();

/** Adds the view that a package gives of a node, until the node ends. */
export function addView(runtime: Runtime, source: ViewSource): void {
  const all = sources.get(runtime) ?? new Map();
  sources.set(runtime, all.set(source.name, source));
}

/** Returns the views of a node, by their names. */
export function viewsOf(runtime: Runtime): ReadonlyMap<string, ViewSource> {
  return sources.get(runtime) ?? new Map();
}

/** The columns of a table, and how an item of the package becomes a row. */
export interface TableLayout<T> {
  title: string;
  columns: Record<string, ObservedColumn["kind"]>;
  /** Returns the value that puts the item first. */
  rank(item: T): number;
  row(item: T): ObservedCell[];
}

/** Returns a table of the items with the greatest values; of equal ones, the first. */
export function tableOf<T>(
  items: Iterable<T>,
  { title, columns, rank, row }: TableLayout<T>,
  rows: number,
): ObservedTable {
  const first: { item: T; value: number }[] = [];
  let size = 0;
  for (const item of items) {
    size++;
    const value = rank(item);
    const isFull = first.length >= rows;
    if (isFull && !(value > (first.at(-1)?.value ?? Infinity))) continue;
    const at = first.findIndex((each) => each.value < value);
    first.splice(at < 0 ? first.length : at, 0, { item, value });
    if (isFull) first.pop();
  }
  return {
    title,
    columns: Object.entries(columns).map(([title, kind]) => ({ title, kind })),
    rows: first.map(({ item }) => row(item)),
    more: size - first.length,
  };
}
