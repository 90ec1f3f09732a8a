/**
 * Compares the library with Elixir: `deno task conformance`.
 *
 * - `--area NAME`, again for each: only these files are compiled and run
 * - `--only TEXT`: only scenarios whose name has it
 * - `--verbose`: the traces of all, also where they are equal
 * - `--mutants`: whether planted mutations of the library are found; runs only the areas that are to
 *   find them
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Area, loadAreas } from "./_load.ts";
import {
  compare,
  Elixir,
  type Outcome,
  runBoth,
  sideBySide,
  SideError,
} from "./_runner.ts";
import { checkMutants } from "./_mutants.ts";
import { MUTANTS } from "./mutants.ts";

const flags = parseArgs(Deno.args, {
  boolean: ["mutants", "verbose"],
  string: ["only", "area"],
  collect: ["area"],
});

async function main(): Promise<boolean> {
  const asked = flags.area.map(String);
  const mutants = flags.mutants
    ? MUTANTS.filter(({ areas }) =>
      asked.length === 0 || areas.some((each) => asked.includes(each))
    )
    : [];
  const areas = await loadAreas(
    flags.mutants ? mutants.flatMap((mutant) => mutant.areas) : asked,
  );
  const scenarios = areas.flatMap((area) => area.scenarios)
    .filter(({ name }) => name.includes(flags.only ?? ""));
  const names = scenarios.map(({ name }) => name);
  await using elixir = await Elixir.compile(areas);
  const { expected, found } = await runBoth(elixir, names);
  const outcomes = scenarios.map((each) =>
    compare(each, expected.get(each.name), found.get(each.name))
  );
  for (const outcome of outcomes) {
    if (outcome.problem !== undefined) {
      print(outcome, `DIFFERENT: ${outcome.problem}`);
    } else if (flags.verbose) print(outcome, outcome.row ?? "equal");
  }
  printTable(areas, outcomes);
  const isGood = outcomes.every(({ problem }) => problem === undefined);
  if (!flags.mutants) return isGood;
  // Only what is as it should be can tell a mutant.
  const good = scenarios.filter((_, at) => outcomes[at].problem === undefined);
  return await checkMutants(mutants, good, expected) && isGood;
}

function print(outcome: Outcome, verdict: string): void {
  console.log(`${outcome.name} (${verdict})\n${sideBySide(outcome)}\n`);
}

function printTable(
  areas: readonly Area[],
  outcomes: readonly Outcome[],
): void {
  const rows = areas.map(({ name, scenarios }) => {
    const own = outcomes.filter((each) =>
      scenarios.some((other) => other.name === each.name)
    );
    const bad = own.filter(({ problem }) => problem !== undefined).length;
    const known = own.filter(({ problem, row }) =>
      problem === undefined && row
    ).length;
    return [name, own.length, own.length - bad - known, known, bad];
  });
  const sum = (at: number) =>
    rows.reduce((all, row) => all + Number(row[at]), 0);
  const table = [
    ["area", "scenarios", "equal", "known difference", "different"],
    ...rows.filter((row) => row[1] !== 0),
    ["all", sum(1), sum(2), sum(3), sum(4)],
  ];
  const widths = table[0].map((_, at) =>
    Math.max(...table.map((row) => String(row[at]).length))
  );
  for (const row of table) {
    console.log(
      row.map((cell, at) =>
        at === 0
          ? String(cell).padEnd(widths[at])
          : String(cell).padStart(widths[at])
      ).join("  "),
    );
  }
}

try {
  Deno.exit(await main() ? 0 : 1);
} catch (error) {
  if (!(error instanceof SideError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
