/**
 * The mixed runs: the main node in one language, its peers in the other, connected by Erlang's wire.
 *
 * A mixed run plays every scenario that uses a peer, but for those listed here with the reason. Its traces are those
 * that Elixir alone records.
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

/** Scenarios, or whole areas, that a mixed run does not play, with the reason. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  global:
    "a function of its Elixir form runs on Erlang's nodes only, and its names are atoms there; " +
    "otp/global/beam_global_test.ts proves it",
  "gen_server: a global name":
    "the name is an atom in Elixir; otp/global/beam_global_test.ts proves it",
};

/** The reason why the mixed runs leave out a scenario. */
export function reasonLeftOut(name: string): string | undefined {
  return LEFT_OUT[name] ?? LEFT_OUT[name.slice(0, name.indexOf(":"))];
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
