/** The line about excluded tests: how many, why, and how to run them. */

import type { RunPlan } from "./_run_plan.ts";
import type { Exclusions } from "./_totals.ts";

/** Returns how many tests each tag excludes, and the command that runs them; `undefined` if no test is excluded. */
export function describeExclusions(
  exclusions: Exclusions,
  { exclude = [], all, packages = {} }: RunPlan,
): string | undefined {
  // `--only` excludes all others by this tag, which needs no explanation.
  const tags = Object.keys(exclusions).filter((tag) => tag !== "test");
  if (tags.length === 0) return undefined;
  const total = tags.reduce((sum, tag) => sum + exclusions[tag], 0);
  const parts = tags.sort().sort((a, b) => exclusions[b] - exclusions[a])
    .map((tag) => `${exclusions[tag]} ${tag}`);
  const wanted = new Set(
    tags.filter((tag) => packages[tag] !== undefined)
      .map((tag) => packages[tag]),
  );
  const ways: string[] = [];
  if (wanted.size > 0) ways.push(`apt-get install ${[...wanted].join(" ")}`);
  if (all !== undefined && tags.some((tag) => exclude.includes(tag))) {
    ways.push(all);
  }
  if (exclusions.distributed !== undefined) ways.push("--sname NAME");
  const how = ways.length === 0 ? "" : `; to run them: ${ways.join(", ")}`;
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
