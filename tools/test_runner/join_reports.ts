/** Deno's reports of several processes. */

/** Joins Deno's reports into one. */
export function joinReports(reports: readonly string[]): string {
  const sums = { tests: 0, failures: 0, errors: 0, time: 0 };
  const suites: string[] = [];
  for (const report of reports) {
    const [, attributes, inner] =
      /<testsuites\b([^>]*)>\n?([\s\S]*)<\/testsuites>/.exec(report) ?? [];
    if (inner === undefined) continue;
    suites.push(inner);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) {
      sums[name] += Number(
        new RegExp(` ${name}="([\\d.]+)"`).exec(attributes)?.[1] ?? 0,
      );
    }
  }
  const { tests, failures, errors, time } = sums;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="${tests}" failures="${failures}" errors="${errors}" time="${
    time.toFixed(3)
  }">
${suites.join("")}</testsuites>
`;
}
