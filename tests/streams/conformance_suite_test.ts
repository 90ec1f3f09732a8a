/** The conformance suite of Durable Streams from npm, unmodified, on one node with SQLite. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { sqliteStore } from "../../packages/entities/sqlite_store.ts";
import { test } from "../../packages/testing/tags.ts";
import { Child } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";
import { serveOnDeno } from "./_server.ts";

/** The version is exact: a later one may ask for more. */
const SUITE = "@durable-streams/server-conformance-tests@0.3.6";

/** The tests of subscriptions, which a server may leave out, and leaves out by default. */
const SUBSCRIPTIONS = 6;

interface Report {
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
}

async function run(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  await using child = new Child(program, { args, cwd, env });
  const { stderr, stdout } = await child.status;
  return stdout + stderr;
}

test("the conformance suite of Durable Streams passes", {
  tags: ["slow", "npm"],
  timeout: 300_000,
}, async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(
    join(path, "package.json"),
    '{"private":true,"type":"module"}',
  );
  await Deno.writeTextFile(
    join(path, "suite.test.js"),
    `import { runConformanceTests } from "@durable-streams/server-conformance-tests";
runConformanceTests({ baseUrl: process.env.SERVER, longPollTimeoutMs: 1000 });
`,
  );
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
  const log = await run("npm", ["install", ...flags, SUITE, "vitest@4"], path);

  await using server = serveOnDeno({
    store: sqliteStore(join(path, "streams.db")),
    limits: { longPoll: 500 },
  });
  // Some of its tests look at a TTL of 1 s at a moment: on a machine that stands still meanwhile, they are run again.
  const output = await run(
    join(path, "node_modules/.bin/vitest"),
    [
      "run",
      ...["--retry=4", "--testTimeout=60000"],
      ...["--reporter=json", "--outputFile=report.json"],
    ],
    path,
    { SERVER: server.url },
  );
  const text = await Deno.readTextFile(join(path, "report.json"))
    .catch(() => '{"testResults":[]}');
  const { testResults } = JSON.parse(text) as Report;
  const results = testResults.flatMap((file) => file.assertionResults);
  const withStatus = (status: string) =>
    results.filter((result) => result.status === status);
  assertEquals(
    {
      failed: withStatus("failed").map(({ fullName }) => fullName),
      passed: withStatus("passed").length,
      others: results.length - withStatus("passed").length,
    },
    { failed: [], passed: 332, others: SUBSCRIPTIONS },
    log + output,
  );
});
