/** Each scenario of `tests/conformance/` is a test; all of them run once, at the first. */

import { assert, assertEquals } from "@std/assert";
import { type Area, loadAreas } from "./conformance/_load.ts";
import { mutated } from "./conformance/_mutants.ts";
import {
  areasInElixirOnly,
  compare,
  Elixir,
  runBoth,
  sideBySide,
  type Traces,
} from "./conformance/_runner.ts";
import { MUTANTS } from "./conformance/mutants.ts";
import { test } from "../testing/tags.ts";

/** How long both sides may take for all scenarios, in milliseconds. */
const WITHIN = 240_000;
/** How many rows of `docs/differences.md` limits may force. */
const MOST_DIFFERENCES = 12;
const OPTIONS = { tags: ["conformance"], programs: ["elixir", "epmd"] };

const areas = await loadAreas();
const scenarios = areas.flatMap((area) => area.scenarios);

interface Run {
  expected: Traces;
  found: Traces;
  /** The names of the scenarios in Elixir. */
  names: string[];
}

let run: Promise<Run> | undefined;

async function runAll(areas: readonly Area[]): Promise<Run> {
  await using elixir = await Elixir.compile(areas);
  const names = await elixir.names();
  return { ...await runBoth(elixir, scenarios.map(({ name }) => name)), names };
}

test(
  "every scenario is written once on each side",
  { ...OPTIONS, timeout: WITHIN },
  async () => {
    const { names } = await (run ??= runAll(areas));
    assertEquals(names.toSorted(), scenarios.map(({ name }) => name).sort());
    assertEquals(new Set(names).size, names.length);
    assertEquals(areasInElixirOnly(areas), []);
    for (const { name, scenarios } of areas) {
      for (const each of scenarios) {
        assert(each.name.startsWith(`${name}: `), each.name);
      }
    }
  },
);

test(
  "every known difference is a row of the documentation, and the other way round",
  OPTIONS,
  () => {
    const page = Deno.readTextFileSync(
      new URL("../docs/differences.md", import.meta.url),
    );
    const rows = [...page.matchAll(/^\| `([\w-]+)` +\|/gm)].map(([, row]) =>
      row
    );
    const shown = scenarios.flatMap(({ options }) =>
      options.difference?.row ?? []
    );
    assertEquals([...new Set(shown)].sort(), rows.toSorted());
    assert(rows.length <= MOST_DIFFERENCES, `there are ${rows.length} rows`);
  },
);

test("the command line says what it cannot run", async () => {
  const folder = new URL("conformance/", import.meta.url);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", "main.ts", ...args],
      cwd: folder,
      env: { PATH: "/nowhere", NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    return [code, text.decode(stdout) + text.decode(stderr)] as const;
  };
  const [code, help] = await run("--help");
  assertEquals([code, help.slice(0, 31)], [
    0,
    "Usage: deno task conformance [o",
  ]);
  for (const { name } of areas) assert(help.includes(name), name);
  for (
    const [args, error] of [
      [["--mutant"], "Unknown option '--mutant'"],
      [["--area"], "Option '--area <value>' argument missing"],
      [["--area", "nope"], 'Cannot run the area "nope": use one of agent, '],
      [[], "elixir, elixirc, epmd not found; install Elixir 1.18"],
    ] as const
  ) {
    const [code, output] = await run(...args);
    assertEquals(code, 1);
    assert(output.includes(error), output);
    assert(!output.includes(" at "), output);
  }
});

test("every mutation has its place in the library, and areas", async () => {
  const names = areas.map(({ name }) => name);
  for (const mutant of MUTANTS) {
    await mutated(mutant);
    assert(mutant.areas.length > 0, mutant.name);
    assertEquals(mutant.areas.filter((area) => !names.includes(area)), []);
  }
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

for (const scenario of scenarios) {
  const { name } = scenario;
  test(`conformance: ${name}`, { ...OPTIONS, timeout: WITHIN }, async () => {
    const { expected, found } = await (run ??= runAll(areas));
    const outcome = compare(scenario, expected.get(name), found.get(name));
    assert(
      outcome.problem === undefined,
      `${outcome.problem}:\n${sideBySide(outcome)}`,
    );
  });
}
