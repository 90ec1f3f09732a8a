/** The totals of a run, from Deno's report, and why tests did not run. */

import { type Excluded, noTotals, type Totals } from "./_announcements.ts";

/** A test as Deno reports it. */
interface TestCase {
  name: string;
  outcome: "passed" | "failed" | "skipped";
  /** False if Deno's filter left the test out, or its file failed before it. */
  hasRun: boolean;
}

/** Reads Deno's report in JUnit's format. */
function readReport(xml: string): TestCase[] {
  const test =
    /<testcase name="([^"]*)"([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
  return [...xml.matchAll(test)].map(([, name, attributes, inner = ""]) => ({
    name: unescape(name),
    hasRun: / time="/.test(attributes),
    outcome: /<(failure|error)\b/.test(inner)
      ? "failed" as const
      : inner.includes("<skipped")
      ? "skipped" as const
      : "passed" as const,
  }));
}

/** Whether a test case is a step, reported as `name of the test > name of the step`. */
function isStep({ name }: TestCase, names: ReadonlySet<string>): boolean {
  for (let at = name.indexOf(" > "); at > 0; at = name.indexOf(" > ", at + 1)) {
    if (names.has(name.slice(0, at))) return true;
  }
  return false;
}

const ENTITIES: Record<string, string> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

function unescape(text: string): string {
  return text.replace(
    /&(?:#(x?)([\da-f]+)|(\w+));/gi,
    (all, hex, code, name) =>
      name === undefined
        ? String.fromCodePoint(parseInt(code, hex ? 16 : 10))
        : ENTITIES[name] ?? all,
  );
}

/** The number of excluded tests, by the tags that exclude them. */
export type Exclusions = Record<string, number>;

/** Adds to the number of tests that a tag excludes. */
export function exclude(to: Exclusions, by: string, times: number = 1): void {
  to[by] = (to[by] ?? 0) + times;
}

/**
 * Returns how many tests each tag excludes, and how to run them; `undefined` if no test is excluded.
 *
 * @param ways Commands that make excluded tests run.
 */
export function describeExclusions(
  exclusions: Exclusions,
  ways: readonly string[] = [],
): string | undefined {
  // `--only` excludes all others by this tag, which needs no explanation.
  const tags = Object.keys(exclusions).filter((tag) => tag !== "test");
  if (tags.length === 0) return undefined;
  const total = tags.reduce((sum, tag) => sum + exclusions[tag], 0);
  const parts = tags.sort().sort((a, b) => exclusions[b] - exclusions[a])
    .map((tag) => `${exclusions[tag]} ${tag}`);
  const all = exclusions.distributed === undefined
    ? ways
    : [...ways, "--sname NAME"];
  const how = all.length === 0 ? "" : `; to run them: ${all.join(", ")}`;
  return `${total} excluded (${parts.join(", ")})${how}`;
}

/** Returns the faults of a run that permits only some tags to exclude tests. */
export function faultsOfExclusions(
  exclusions: Exclusions,
  mayExclude: readonly string[] | undefined,
): string[] {
  if (mayExclude === undefined) return [];
  return Object.entries(exclusions)
    .filter(([tag]) => !mayExclude.includes(tag))
    .map(([tag, times]) =>
      `the run: ${times} ${times === 1 ? "test is" : "tests are"} excluded by ${
        JSON.stringify(tag)
      }`
    );
}

/** The number of tests by their results. */
export interface Counts {
  totals: Totals;
  exclusions: Exclusions;
  /** The number of tests that the process has registered. */
  registered: number;
}

/**
 * Counts the tests of a process.
 *
 * @param xml Deno's report.
 * @param excluded The records of the files: each excluded test, as a line of JSON.
 * @param broken The number of files that failed as a whole.
 */
export function countTests(
  xml: string,
  excluded: string,
  broken: number,
): Counts {
  // Compare names, not files: Deno attributes all tests of the harness to the harness's own file.
  const left = new Map<string, string[]>();
  for (const line of excluded.split("\n")) {
    if (line === "") continue;
    const { name, by }: Excluded = JSON.parse(line);
    left.set(name, [...left.get(name) ?? [], by]);
  }
  const totals: Totals = { ...noTotals(), failed: broken };
  const exclusions: Exclusions = {};
  const cases = readReport(xml);
  const names = new Set(cases.map(({ name }) => name));
  for (const each of cases) {
    if (!each.hasRun || isStep(each, names)) continue;
    if (each.outcome !== "skipped") {
      totals[each.outcome]++;
      continue;
    }
    const by = left.get(each.name)?.pop();
    totals[by === undefined ? "skipped" : "excluded"]++;
    if (by !== undefined) exclude(exclusions, by);
  }
  return { totals, exclusions, registered: cases.length };
}

/** The names of the failed tests in a report. */
export function failuresOf(xml: string): string[] {
  const cases = readReport(xml);
  const names = new Set(cases.map(({ name }) => name));
  return cases
    .filter((each) => each.outcome === "failed" && !isStep(each, names))
    .map(({ name }) => name);
}
