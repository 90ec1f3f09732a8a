/**
 * The mixed runs: the main node in one language, its peers in the other, connected by Erlang's wire.
 *
 * A mixed run plays every scenario that uses a peer. Its traces are those that Elixir alone records.
 */

import type { Trace } from "./_runner.ts";
import type { Scenario } from "./_scenario.ts";

/** The language of a run's main node; its peers are in the other one. */
export type Language = "typescript" | "elixir";

/** The languages of the main node, in the order of the report. */
export const MAINS: readonly Language[] = ["typescript", "elixir"];

export function other(language: Language): Language {
  return language === "typescript" ? "elixir" : "typescript";
}

/** The title of a mixed run. */
export function titleOf(main: Language): string {
  const names = { typescript: "TypeScript", elixir: "Elixir" };
  return `main in ${names[main]}, peers in ${names[other(main)]}`;
}

/** The trace that a scenario has in a mixed run, and the row of the differences that it shows. */
export function expectedTrace(
  { options: { difference } }: Scenario,
  main: Language,
  recorded: Trace | undefined,
): { lines: readonly string[] | undefined; row?: string } {
  const lines = difference?.mixed?.[main];
  return lines === undefined
    ? { lines: recorded?.lines }
    : { lines, row: difference!.row };
}
