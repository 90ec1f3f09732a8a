/** The benchmark's pages: they are made from `bench/results.json`, and say which floors are missed. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import {
  figureOf,
  type Report,
  resultsOf,
  verdicts,
} from "../../bench/figures.ts";
import type { Sample } from "../../bench/measure.ts";
import { plot } from "../../bench/plot.ts";
import {
  formatted,
  headline,
  missed,
  page,
  table,
  text,
  withBounds,
} from "../../bench/report.ts";
import { PLACEMENTS, ROWS } from "../../bench/rows.ts";
import { test } from "../../packages/testing/tags.ts";
import { type Ended, outputOf } from "../_child.ts";
import { readPage } from "../_pages.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const REMEDY = "make it again: deno task bench --render bench";

const report = JSON.parse(await readPage("bench/results.json")) as Report;

/** A report of some figures. */
function reportOf(results: Report["results"]): Report {
  return { ...report, results };
}

function result(
  row: string,
  placement: "one_core" | "split",
  samples: Record<string, Sample[]>,
): Report["results"][number] {
  return { row, placement, rounds: 1, warmup: 0, samples };
}

/** The verdicts of the last of some results. */
function verdictsOf(...results: Report["results"]): string[] {
  const all = resultsOf(reportOf(results));
  return verdicts(all.at(-1)!, all).map(text);
}

function latency(median: number, p99 = median, max = p99): Sample {
  return { median, mean: median, p99, max };
}

test("bench/results.md is made from results.json", async () => {
  assertEquals(
    await readPage("bench/results.md"),
    await formatted(page(report)),
    REMEDY,
  );
});

test("README.md quotes figures of results.json", async () => {
  const readme = (await readPage("README.md")).replaceAll(/\s+/g, " ");
  const quoted = (row: string, words: string) => {
    const result = resultsOf(report).find((each) =>
      each.row.name === row && each.placement.name === "split"
    )!;
    const [ours, elixir] = [
      headline(result, "ours"),
      headline(result, "elixir"),
    ];
    assertStringIncludes(readme, `${ours}${words} (Elixir ${elixir})`);
  };
  quoted("round_trip", "");
  quoted("tasks", " tasks supervised by another node");
  quoted("one_way", " small messages");
});

test("bench/README.md ends with the floors of results.json", async () => {
  const readme = await readPage("bench/README.md");
  assertEquals(readme, await formatted(withBounds(readme, report)), REMEDY);
});

test("bench/results.svg is made from results.json", async () => {
  assertEquals(await readPage("bench/results.svg"), plot(report), REMEDY);
});

test("bench/results.md warns of a run on a busy machine", () => {
  const at = (load: string) =>
    page({ ...report, setting: { ...report.setting, load: [load, "2.00"] } });
  assertStringIncludes(at("1.50"), "do not quote");
  assert(!at("0.10").includes("do not quote"));
});

test("bench/results.json has every row, in full", () => {
  assertEquals(report.setting.isQuick, false);
  assertEquals(
    report.results.map(({ row, placement }) => `${row} ${placement}`),
    ROWS.flatMap((row) =>
      PLACEMENTS.filter(({ name }) => row.placements?.includes(name) ?? true)
        .map(({ name }) => `${row.name} ${name}`)
    ),
  );
  for (const { row, rounds, samples } of report.results) {
    assert(samples.ours!.length > 0, row);
    const { contestants, ...now } = ROWS.find(({ name }) => name === row)!;
    assertEquals(rounds, now.rounds, row);
    for (const name of contestants) {
      // A contestant without a version is missing, or newer than the run.
      const isExcused = report.setting.versions[name] === undefined ||
        report.setting.failed.length > 0;
      assert(isExcused || samples[name] !== undefined, `${row} ${name}`);
    }
  }
});

/** The verdicts of a row that the library and Elixir did not run together. */
function unmeasured(floor: string): string[] {
  return ["ours calling Elixir", "Elixir calling ours"].map((name) =>
    `${name}: not measured × Elixir (floor ${floor})`
  );
}

test("rounds of two kinds are both stated, and ratios are of the fast one", () => {
  const states = { fast: 40, slow: 1100, slowShare: 0.7 };
  const samples = {
    ours: [latency(30)],
    ergo: [{ ...latency(1100), states }, latency(44)],
  };
  const results = resultsOf(reportOf([result("task", "split", samples)]));
  assertStringIncludes(
    table(results),
    "| 42.0 µs in 65 % of the rounds, 1.10 ms in 35 % |",
  );
  assertEquals(figureOf(results[0], "ergo"), 42);
});

test("a row of the benchmark says which floors it reaches", () => {
  const raw = [latency(10), latency(30), latency(20)];
  assertEquals(
    verdictsOf(result("round_trip", "one_core", { ours: [latency(28)], raw })),
    ["ok 1.40 × raw (floor ≤ 1.4, aim ≤ 1.25)", ...unmeasured("≤ 1.2")],
    "of the median of the turns",
  );
  assertEquals(
    verdictsOf(result("round_trip", "split", { ours: [latency(28)], raw })),
    ["**MISS** 1.40 × raw (floor ≤ 1.1, aim ≤ 1.05)", ...unmeasured("≤ 1.2")],
  );
  assertEquals(
    verdictsOf(
      result("one_way_text", "split", {
        ours: [{ rate: 240 }],
        elixir: [{ rate: 200 }],
      }),
    ),
    [
      "not measured × ergo (floor ≥ 1.2, aim ≥ 2)",
      "**MISS** 1.20 × Elixir (floor ≥ 1.4)",
      ...unmeasured("≥ 0.8"),
    ],
  );
  const mixed = {
    elixir: [latency(10)],
    calling: [latency(13)],
    hosting: [latency(13), latency(15)],
  };
  assertEquals(verdictsOf(result("task", "one_core", mixed)).slice(1), [
    "ours calling Elixir: ok 1.30 × Elixir (floor ≤ 1.3)",
    "Elixir calling ours: **MISS** 1.40 × Elixir (floor ≤ 1.3)",
  ]);
  assertEquals(
    verdictsOf(
      result("beside_bytes", "split", {
        ours: [latency(1, 4, 9)],
        elixir: [latency(1, 10, 10)],
      }),
    ),
    [
      "ok 0.40 × Elixir (floor ≤ 0.5)",
      "**MISS** 0.90 × Elixir's max (floor ≤ 0.5)",
    ],
  );
  assertEquals(
    verdictsOf(result("flood", "split", { ours: [{ bytes: 49e6 }] })),
    ["**MISS** 49.0 MB (floor ≤ 48)"],
  );
  assertEquals(
    verdictsOf(result("busy_5", "split", { ours: [latency(9000, 46_000)] })),
    ["ok 9.00 ms (floor ≤ 20)", "**MISS** 46.0 ms of p99 (floor ≤ 45)"],
  );
});

test("a row of the benchmark says whether a curve is steeper than linear", () => {
  const of = (name: string, bytes: number) =>
    result(name, "split", { ours: [{ bytes }], elixir: [{ bytes: 4000 }] });
  assertEquals(verdictsOf(of("idle_1k", 1000), of("idle_100k", 1300)), [
    "ok 0.33 × Elixir (floor ≤ 0.5)",
    "**MISS** 1.30 × each of 1,000 (floor ≤ 1.2)",
  ]);
});

test("the benchmark's pages count the missed floors, and name what is missing", () => {
  const made = {
    ...reportOf([
      result("call", "one_core", {
        ours: [latency(13)],
        elixir: [latency(10)],
      }),
      result("call", "split", { ours: [latency(10)], elixir: [latency(10)] }),
      result("one_way", "split", { ours: [{ rate: 5 }] }),
    ]),
    setting: { ...report.setting, missing: { ergo: "go is not installed" } },
  } satisfies Report;
  const results = resultsOf(made);
  assertEquals(missed(results), { missed: 1, measured: 2 });
  assertStringIncludes(
    withBounds("# Benchmarks\n", made),
    "1 of 2 floors were missed.",
  );
  assertStringIncludes(page(made), "- ergo: missing, go is not installed");
  assertMatch(table(results), /^\| one-way, small \| split \|.* missing \|/m);
});

/** Runs a program of the benchmark until it ends. */
function bench(program: string, ...args: string[]): Promise<Ended> {
  return outputOf(Deno.execPath(), {
    args: ["run", "-P=dev", `bench/${program}`, ...args],
    cwd: ROOT,
  });
}

test("deno task ratios fails when a row is far behind its recorded ratio", {
  tags: ["slow"],
  timeout: 120_000,
}, async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const ratios = async (recorded: number): Promise<[number, string]> => {
    await Deno.writeTextFile(file, JSON.stringify({ one_way: recorded }));
    const row = ["--row", "one_way", "--file", file];
    const { code, stdout } = await bench("ratios.ts", ...row);
    return [code, stdout];
  };
  try {
    const [good, said] = await ratios(1000);
    assertEquals(good, 0, said);
    assertMatch(said, /^one_way .* ok\n$/);
    // No program of JavaScript is 100 times as fast as a bare socket.
    const [bad, printed] = await ratios(0.01);
    assertEquals(bad, 1, printed);
    assertMatch(
      printed,
      /(?:one_way .* too much, again\n){3}one_way .* TOO MUCH\n$/,
    );
  } finally {
    await Deno.remove(file);
  }
});

test("deno task bench --quick measures, checks, and is never written", {
  timeout: 120_000,
  tags: ["slow"],
  programs: ["taskset"],
}, async () => {
  const quick = (...args: string[]) => bench("main.ts", "--quick", ...args);
  const refused = await quick("--write", "bench");
  assertEquals(refused.code, 1);
  assertMatch(
    refused.stderr,
    /^Cannot write results: --quick is never quoted$/m,
  );
  const rows = ["--row", "one_way", "--row", "idle_1k", "--with", "raw"];
  const { code, stdout, stderr } = await quick(...rows, "--json");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "--quick: these figures only show");
  const { setting, results } = JSON.parse(stdout) as Report;
  assert(setting.isQuick);
  const [first] = results;
  assertEquals([first.row, first.placement], ["one_way", "one_core"]);
  assertEquals(Object.keys(first.samples), ["ours", "raw"]);
  assert((first.samples.ours![0] as { rate: number }).rate > 0);
});

/** The rows that this library and Elixir run together. */
const MIXED = [
  ...["round_trip", "one_way", "one_way_text"],
  ...["task", "tasks", "call", "calls"],
  "beside_parts",
];

test("this library and Elixir are measured together, each at either end", {
  tags: ["slow"],
  timeout: 240_000,
  programs: ["taskset", "elixir", "epmd"],
}, async () => {
  const { code, stdout, stderr } = await bench(
    ...["main.ts", "--quick", "--json", "--placement", "one_core"],
    ...["--with", "calling", "--with", "hosting"],
    ...MIXED.flatMap((row) => ["--row", row]),
  );
  assertEquals(code, 0, stderr);
  const report = JSON.parse(stdout) as Report;
  assertEquals(report.setting.failed, []);
  for (const { row, samples } of report.results) {
    assertEquals(Object.keys(samples), ["ours", "calling", "hosting"], row);
  }
  assertEquals(
    ROWS.filter(({ contestants }) => contestants.includes("hosting"))
      .map(({ name }) => name),
    MIXED,
  );
});
