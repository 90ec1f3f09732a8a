/**
 * Each scenario of `tests/conformance/` is a test, compared with the committed traces of Elixir; the first
 * test of an area's kind runs all of that kind. `deno task conformance` runs Elixir, and compares it with those traces.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BINDINGS } from "./bindings/mod.ts";
import { define } from "./interpreter/modules.ts";
import { parse } from "./interpreter/parser.ts";
import { InterpreterError } from "./interpreter/syntax.ts";
import { loadAreas } from "./_load.ts";
import { runCommand } from "./main.ts";
import {
  changeOf,
  compare,
  compareMixed,
  runTypeScript,
  shown,
  type Trace,
  type Traces,
} from "./_runner.ts";
import { readTraces, recordedAreas } from "./_traces.ts";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";

/** The time limit for all scenarios, in milliseconds. */
const WITHIN = 660_000;
/** The number of rows of `docs/differences.md` that limits may force. */
const MOST_DIFFERENCES = 12;
const OPTIONS = { tags: ["conformance"] };
/** The areas that a newcomer's run leaves out: most of their scenarios end nodes, or wait. */
const SLOW = /^(global|leaders|nodes|pg|rpc|spawn|task_stream|timers):/;

const areas = await loadAreas();
const scenarios = areas.flatMap((area) => area.scenarios);
const committed = readTraces(areas.map(({ name }) => name));

/** The traces of the slow areas, and of the others. */
const traces = new Map<boolean, Promise<Traces>>();

/** Runs all scenarios that are slow, or all that are not, once. */
function tracesOf(isSlow: boolean): Promise<Traces> {
  const running = traces.get(isSlow) ?? runTypeScript(
    scenarios.map(({ name }) => name).filter((name) =>
      SLOW.test(name) === isSlow
    ),
  );
  traces.set(isSlow, running);
  return running;
}

test("every scenario has a trace", OPTIONS, () => {
  const names = scenarios.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  assertEquals([...committed.keys()].sort(), names.toSorted());
  assertEquals(recordedAreas(), areas.map(({ name }) => name));
  for (const name of names) {
    assert(committed.get(name)!.lines.length > 0, name);
  }
});

test("a function without a binding is named with its place", async () => {
  const run = (body: string) =>
    define(
      parse(`defmodule Probe do\n  def run do\n    ${body}\n  end\nend`),
      "elixir/probe.ex",
    ).fn("run")();
  assertEquals(await run("[length([1]), 2]"), [1, 2]);
  for (const call of ["Process.hibernate(1, 2)", "hibernate(1, 2)"]) {
    assertThrows(
      () => run(call),
      InterpreterError,
      `Cannot run elixir/probe.ex:3: ${call.split("(")[0]}/2 has no binding`,
    );
  }
  assertThrows(() => run("[1"), InterpreterError, "Cannot parse line 4");
});

test("every binding is of a function that scenarios name", () => {
  const folder = new URL("./elixir/", import.meta.url);
  const text = [...Deno.readDirSync(folder)]
    .filter(({ name }) => name !== "support.ex")
    .map(({ name }) => Deno.readTextFileSync(new URL(name, folder)))
    .join("\n");
  const unused = Object.keys(BINDINGS).filter((name) => {
    // A structure is `%Name{`; the start of a child is `{Module, :name, args}`.
    const [module, fn] = name.split(/\.(?=[^.]+$)/);
    const forms = fn === undefined
      ? [name]
      : [`${module}.${fn}`, `${module}${fn}`, `${module}, :${fn}`];
    return !forms.some((form) => text.includes(form));
  });
  assertEquals(unused, []);
});

test("a trace of Elixir that differs is shown", OPTIONS, () => {
  const trace = (...lines: string[]) => ({ name: "links: one", lines, ms: 0 });
  const change = (before?: Trace, now?: Trace) =>
    changeOf("links: one", before, now);
  assertEquals(change(trace("a", "b"), trace("a", "b")), undefined);
  assertEquals(
    change(trace("a"), undefined),
    "links: one: Elixir printed no trace",
  );
  assertEquals(
    change(undefined, trace("a")),
    "links: one: its trace is not committed",
  );
  for (
    const now of [
      trace("a", "c"),
      trace("a"),
      trace("a", "b", "c"),
      trace("b", "a"),
    ]
  ) {
    const text = change(trace("a", "b"), now);
    assert(text?.includes("≠"), text);
  }
});

test("the documentation has every known difference", OPTIONS, () => {
  const page = Deno.readTextFileSync(
    new URL("../../docs/differences.md", import.meta.url),
  );
  // The other tables of the page are about names and arguments.
  const [forced] = page.split("\n## Differences that JavaScript forces\n")[1]
    .split("\n## ");
  const rows = [...forced.matchAll(/^\| `([\w-]+)` +\|/gm)]
    .map(([, row]) => row);
  const shown = scenarios.flatMap(({ options }) =>
    options.difference?.row ?? []
  );
  assertEquals([...new Set(shown)].sort(), rows.toSorted());
  assert(rows.length <= MOST_DIFFERENCES, `there are ${rows.length} rows`);
});

test("an unexpected trace of a mixed run is shown", OPTIONS, () => {
  const name = "links: one";
  const trace = (...lines: string[]) => ({ name, lines, ms: 0 });
  const plain = { name, options: {}, fn() {} };
  const difference = {
    row: "numbers",
    typescript: ["b"],
    mixed: { typescript: ["b"] },
  };
  const other = { ...plain, options: { difference } };
  const isEqual = (...args: Parameters<typeof compareMixed>) =>
    compareMixed(...args).problem === undefined;
  assert(isEqual(plain, "elixir", trace("a"), trace("a")));
  assert(!isEqual(plain, "elixir", trace("a"), trace("b")));
  assert(!isEqual(plain, "elixir", trace("a"), undefined));
  assert(!isEqual(plain, "elixir", undefined, trace("a")));
  assert(isEqual(other, "elixir", trace("a"), trace("a")));
  assert(isEqual(other, "typescript", trace("a"), trace("b")));
  assert(!isEqual(other, "typescript", trace("a"), trace("a")));
});

test("the command line reports scenarios that it cannot run", async () => {
  const run = async (...args: string[]) => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const code = await runCommand(args, { log: print, error: print });
    return [code, lines.join("\n")] as const;
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
      [["--record", "--committed"], "Cannot record together with --committed"],
      [["--mixed", "erlang"], 'Cannot mix with a main node in "erlang": use '],
      [
        ["--mixed", "elixir", "--record"],
        "Cannot run --mixed together with --record",
      ],
    ] as const
  ) {
    const [code, output] = await run(...args);
    assertEquals(code, 1);
    assert(output.includes(error), output);
  }
  const { code: failed, stderr } = await outputOf(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", "main.ts"],
    cwd: new URL("./", import.meta.url),
    env: { PATH: "/nowhere" },
  });
  assertEquals(failed, 1);
  assert(stderr.includes("elixir, elixirc, epmd not found; install"), stderr);
  assert(!stderr.includes(" at "), stderr);
});

for (const scenario of scenarios) {
  const { name } = scenario;
  const isSlow = SLOW.test(name);
  const tags = [...OPTIONS.tags, ...isSlow ? ["slow"] : []];
  test(`conformance: ${name}`, { tags, timeout: WITHIN }, async () => {
    const found = await tracesOf(isSlow);
    const outcome = compare(scenario, committed.get(name), found.get(name));
    assert(
      outcome.problem === undefined,
      `${outcome.problem}:\n${shown(outcome)}`,
    );
  });
}
