/** Compares the library with Elixir. `deno task conformance --help` lists the options. */

import { parseArgs } from "node:util";
import { isMissing } from "../../packages/testing/_programs.ts";
import { type Area, areaNames, loadAreas } from "./_load.ts";
import {
  changeOf,
  compare,
  compareMixed,
  Elixir,
  type Outcome,
  runBeside,
  runMixed,
  runTypeScript,
  shown,
  SideError,
} from "./_runner.ts";
import { type Language, MAINS, titleOf } from "./_mixed.ts";
import { readTraces, writeTraces } from "./_traces.ts";

const HELP = `Usage: deno task conformance [options]

Runs each scenario here, and compares its trace with Elixir's, which is committed in
traces/. Runs it in Elixir too, and fails if Elixir's trace is no longer that one. Runs
those with peers twice more: with peers in Elixir, and with the main node in Elixir and
its peers here.

  --area NAME    only this area (repeatable):
                 ${lines(areaNames())}
  --only TEXT    only scenarios whose name has the text
  --record       write Elixir's traces to traces/ rather than compare them
  --committed    do not run Elixir
  --mixed MAIN   only the run with the main node in typescript or elixir, and the peers
                 in the other (repeatable)
  --calls        print what each scenario calls here
  --verbose      show the traces of all, also where they are equal
  --help         this text

It needs elixir and epmd, but with --committed.`;

interface Flags {
  area: string[];
  only: string;
  record: boolean;
  committed: boolean;
  mixed: string[];
  calls: boolean;
  verbose: boolean;
}

/** The flags of the command line; `undefined` for help. */
function flagsOf(args: string[]): Flags | undefined {
  const { values } = parseArgs({
    args,
    options: {
      area: { type: "string", multiple: true, default: [] },
      only: { type: "string", default: "" },
      record: { type: "boolean", default: false },
      committed: { type: "boolean", default: false },
      mixed: { type: "string", multiple: true, default: [] },
      calls: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const known = areaNames();
  for (const area of values.area) {
    if (known.includes(area)) continue;
    throw new SideError(
      `Cannot run the area "${area}": use one of ${known.join(", ")}`,
    );
  }
  if (values.record && values.committed) {
    throw new SideError(
      "Cannot record together with --committed: give --record alone",
    );
  }
  for (const main of values.mixed) {
    if (MAINS.some((each) => each === main)) continue;
    throw new SideError(
      `Cannot mix with a main node in "${main}": use ${MAINS.join(" or ")}`,
    );
  }
  if (values.mixed.length > 0) {
    const given = (["record", "committed"] as const)
      .filter((each) => values[each]);
    if (given.length > 0) {
      throw new SideError(
        `Cannot run --mixed together with --${
          given.join(", --")
        }: give --mixed alone`,
      );
    }
  }
  return values;
}

/** Formats names as lines of the help. */
function lines(names: readonly string[]): string {
  const rows: string[] = [];
  for (let at = 0; at < names.length; at += 6) {
    rows.push(names.slice(at, at + 6).join(", "));
  }
  return rows.join(",\n" + " ".repeat(17));
}

async function main(flags: Flags): Promise<boolean> {
  const programs = ["elixir", "elixirc", "epmd"].filter(isMissing);
  if (programs.length > 0 && !flags.committed) {
    throw new SideError(
      `Cannot run the scenarios in Elixir: ${
        programs.join(", ")
      } not found; install Elixir 1.18 and Erlang/OTP 27, or compare with its committed traces: --committed`,
    );
  }
  const areas = await loadAreas(flags.area);
  const scenarios = areas.flatMap((area) => area.scenarios)
    .filter(({ name }) => name.includes(flags.only));
  if (scenarios.length === 0) {
    throw new SideError(
      `Cannot compare: no scenario's name has "${flags.only}"`,
    );
  }
  const where = flags.committed ? "here" : "in Elixir and here";
  console.error(`${scenarios.length} scenarios, ${where} …`);
  const names = scenarios.map(({ name }) => name);
  await using elixir = flags.committed
    ? undefined
    : await Elixir.compile(areas);
  const mix = async (mains: readonly Language[], names: readonly string[]) => {
    const reports = await Promise.all(
      mains.map((main) => compareRun(main, elixir!, areas, names, flags)),
    );
    for (const { text } of reports) console.log(text);
    return reports.every(({ isGood }) => isGood);
  };
  if (flags.mixed.length > 0) {
    return await mix(MAINS.filter((main) => flags.mixed.includes(main)), names);
  }
  const here = runTypeScript(names, flags);
  const { recorded, found } = await runBeside(elixir, names, here);
  if (flags.record) {
    for (const area of areas) writeTraces(area, recorded!);
  }
  const expected = readTraces(areas.map(({ name }) => name));
  const outcomes = scenarios.map((each) =>
    compare(each, expected.get(each.name), found.get(each.name))
  );
  const changes = names.flatMap((name) =>
    recorded && changeOf(name, expected.get(name), recorded.get(name)) || []
  );
  for (const text of shownOf(outcomes, flags)) console.log(text);
  for (const change of changes) console.log(`${change}\n`);
  console.log(tableOf(areas, outcomes));
  if (changes.length > 0) {
    console.log(
      `${changes.length} traces of Elixir's are not as committed: record them with --record`,
    );
  }
  let isGood = changes.length === 0 &&
    outcomes.every(({ problem }) => problem === undefined);
  if (elixir !== undefined && !flags.record) {
    const withPeers = names.filter((name) => found.get(name)?.peers);
    isGood = await mix(MAINS, withPeers) && isGood;
  }
  return isGood;
}

/** The result of a mixed run, as text, and whether all is equal to Elixir's traces but for known differences. */
interface Report {
  text: string;
  isGood: boolean;
}

/** Runs scenarios with the main node in one language and its peers in the other. */
async function compareRun(
  main: Language,
  elixir: Elixir,
  areas: readonly Area[],
  names: readonly string[],
  flags: Flags,
): Promise<Report> {
  if (names.length === 0) return { text: "", isGood: true };
  console.error(`${names.length} scenarios, ${titleOf(main)} …`);
  const found = await runMixed(main, elixir, areas, names);
  const expected = readTraces(areas.map(({ name }) => name));
  const scenarios = areas.flatMap((area) => area.scenarios)
    .filter(({ name }) => names.includes(name));
  const outcomes = scenarios
    .filter(({ name }) => found.get(name)?.peers !== false)
    .map((each) =>
      compareMixed(each, main, expected.get(each.name), found.get(each.name))
    );
  const lines = [
    ...shownOf(outcomes, flags, `${titleOf(main)}: `, ["expected", "mixed"]),
    `\n${titleOf(main)}`,
    tableOf(areas, outcomes),
  ];
  const isGood = outcomes.every(({ problem }) => problem === undefined);
  return { text: lines.join("\n"), isGood };
}

/** The traces that differ, as text; with `--verbose` all of them. */
function shownOf(
  outcomes: readonly Outcome[],
  { verbose }: Flags,
  run = "",
  titles?: readonly [string, string],
): string[] {
  return outcomes
    .filter(({ problem }) => problem !== undefined || verbose)
    .map((each) => {
      const { name, problem, row = "equal" } = each;
      const verdict = problem === undefined ? row : `DIFFERENT: ${problem}`;
      return `${name} (${run}${verdict})\n${shown(each, titles)}\n`;
    });
}

function tableOf(areas: readonly Area[], outcomes: readonly Outcome[]): string {
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
  const padded = (cell: unknown, at: number) =>
    at === 0
      ? String(cell).padEnd(widths[at])
      : String(cell).padStart(widths[at]);
  return table.map((row) => row.map(padded).join("  ")).join("\n");
}

/**
 * Runs a command line, and returns the exit code.
 *
 * @param args The arguments.
 * @param output Takes the help, and the error of a wrong argument.
 */
export async function runCommand(
  args: string[],
  output: Pick<Console, "log" | "error"> = console,
): Promise<number> {
  try {
    const flags = flagsOf(args);
    if (flags === undefined) output.log(HELP);
    else if (!await main(flags)) return 1;
    return 0;
  } catch (error) {
    const isUsage = error instanceof TypeError && "code" in error;
    if (!isUsage && !(error instanceof SideError)) throw error;
    output.error(error.message);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await runCommand(Deno.args));
