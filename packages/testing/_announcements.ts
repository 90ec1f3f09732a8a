/** The output of a test file about its tests: lines for the user, and records for the runner. */

import { join } from "node:path";
import { type Filter, formatFilters } from "./filters.ts";

export type FilterKind = "exclude" | "include";

const encoder = new TextEncoder();
const announced = new Set<string>();
const pending = {
  exclude: [] as Filter[],
  include: [] as Filter[],
  notes: [] as string[],
};
let isScheduled = false;

/** Writes a line on standard output. */
export function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

function fileName(text: string): string {
  return encodeURIComponent(text).slice(0, 200);
}

/** Records in the run's folder that this file prints the line of `key`; returns false if another file has. */
export function claim(run: string, key: string): boolean {
  try {
    Deno.writeTextFileSync(join(run, fileName(key)), "", { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    // Without permission to write, each file prints it.
    if (error instanceof Deno.errors.NotCapable) return true;
    throw error;
  }
}

/** The key under which a filter is announced. */
export function announcementKey(kind: FilterKind, filter: Filter): string {
  return `${kind} ${formatFilters([filter])}`;
}

/** Prints the exclusions and inclusions, once, when the file has registered its tests. */
export function announce(
  kind: FilterKind,
  filter: Filter,
  run: string | undefined,
  note?: string,
): void {
  const key = announcementKey(kind, filter);
  if (announced.has(key)) return;
  announced.add(key);
  if (run !== undefined && !claim(run, key)) return;
  pending[kind].push(filter);
  if (note !== undefined) pending.notes.push(note);
  if (isScheduled) return;
  isScheduled = true;
  queueMicrotask(sayPending);
}

function sayPending(): void {
  isScheduled = false;
  const notes = pending.notes.splice(0);
  const why = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  sayFilters("exclude", pending.exclude.splice(0), why);
  sayFilters("include", pending.include.splice(0));
}

/** Prints filters, if there are any. */
export function sayFilters(
  kind: FilterKind,
  filters: Filter[],
  why: string = "",
): void {
  if (filters.length === 0) return;
  const title = kind === "exclude" ? "Excluding" : "Including";
  say(`${title} tags: ${formatFilters(filters)}${why}`);
}

/** A test that is excluded, as its file records it. */
export interface Excluded {
  /** The test's name. */
  name: string;
  /** The tag that excludes it. */
  by: string;
}

/** Records for the runner that a test is excluded. */
export function recordExcluded(run: string, excluded: Excluded): void {
  try {
    Deno.writeTextFileSync(
      join(run, `excluded-${Deno.pid}`),
      `${JSON.stringify(excluded)}\n`,
      { append: true },
    );
  } catch (error) {
    // Without permission to write, the test counts as skipped.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

/** The number of tests with each result. */
export interface Totals {
  passed: number;
  /** Tests that failed, and files that did not load. */
  failed: number;
  /** Tests that tags excluded. */
  excluded: number;
  /** Tests that are ignored. */
  skipped: number;
}

/** Returns totals of no tests. */
export function noTotals(): Totals {
  return { passed: 0, failed: 0, excluded: 0, skipped: 0 };
}

/** The results of this file's tests. */
const outcomes = noTotals();

/** Counts a test of this file. */
export function count(outcome: keyof Totals): void {
  outcomes[outcome]++;
}

/** Prints the results of this file's tests. */
export function sayTotals(): void {
  say(formatTotals(outcomes));
}

/** Totals as ExUnit closes a run. */
export function formatTotals(totals: Totals): string {
  const { passed, failed, excluded, skipped } = totals;
  const tests = passed + failed + excluded + skipped;
  const parts = [
    `${tests} ${tests === 1 ? "test" : "tests"}`,
    `${failed} ${failed === 1 ? "failure" : "failures"}`,
  ];
  for (const [name, many] of Object.entries({ excluded, skipped })) {
    if (many > 0) parts.push(`${many} ${name}`);
  }
  return parts.join(", ");
}
