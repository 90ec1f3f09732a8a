/** The harness, as people and CI use it: runs of fixtures, and of the lesson's own test. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { test } from "../../testing/mod.ts";
import { ChatProcess } from "../_cli.ts";
import { clusterFlags, deno, harness, ROOT } from "./_harness.ts";

const LESSON = "tests/chat/lesson_test.ts";
const OWN = "sendMessage() returns ok";
const UNATTENDED = "sendMessage() returns ok, unattended";

function harnessTest(
  name: string,
  fn: () => Promise<void>,
  tags: readonly string[] = [],
): void {
  test(name, { timeout: 60_000, tags }, fn);
}

/** One that a newcomer's run leaves out: each starts runs of tests, and a similar one is left in. */
function slowTest(name: string, fn: () => Promise<void>): void {
  harnessTest(name, fn, ["slow"]);
}

harnessTest("the lesson's test is excluded without a node", async () => {
  const { code, announced, outcomes, totals } = await harness("lesson_test.ts");
  assertEquals(announced, ["Excluding tags: [distributed: true]"]);
  assertEquals(outcomes, { [OWN]: "ignored", [UNATTENDED]: "ok" });
  assertEquals(totals, [
    "2 tests, 0 failures, 1 excluded",
    "1 passed, 0 failed",
  ]);
  assertEquals(code, 0);
});

slowTest("the lesson's test alone is singular", async () => {
  const run = await harness(
    LESSON,
    "--filter",
    `/^${OWN.replace("()", "..")}$/`,
  );
  assertStringIncludes(run.stdout, "\nAll tests have been excluded.\n");
  assertEquals(run.totals, [
    "1 test, 0 failures, 1 excluded",
    "0 passed, 0 failed",
  ]);
  assertEquals(run.code, 0);
});

slowTest("the lesson's test fails without moebi", async () => {
  const run = await harness(
    LESSON,
    "--sname=sophie@localhost",
    ...clusterFlags(),
  );
  assertEquals(run.announced, []);
  assertEquals(run.outcomes, { [OWN]: "FAILED", [UNATTENDED]: "ok" });
  assertStringIncludes(run.stdout, "no connection to moebi@localhost");
  assertEquals(run.totals, ["2 tests, 1 failure", "1 passed, 1 failed"]);
  assertEquals(run.code, 1);
});

slowTest("the lesson's test names the missing node", async () => {
  const run = await harness(LESSON, "--include=distributed");
  assertEquals(run.outcomes, { [OWN]: "FAILED", [UNATTENDED]: "ok" });
  assertStringIncludes(
    run.stdout,
    `"${OWN}" is tagged distributed and ran on no node: give --sname NAME, or let the test declare its peers\n`,
  );
  assertEquals(run.code, 1);
});

harnessTest("the lesson's test passes with moebi", async () => {
  const flags = clusterFlags();
  await using moebi = new ChatProcess([
    "--sname=moebi@localhost",
    ...flags,
    "--no-halt",
    "--eval",
    'await IO.puts("up")',
  ]);
  await moebi.printed("up");
  const run = await harness(LESSON, "--sname", "sophie@localhost", ...flags);
  assertEquals(run.outcomes, { [OWN]: "ok", [UNATTENDED]: "ok" });
  assertEquals(run.totals, ["2 tests, 0 failures", "2 passed, 0 failed"]);
  assertEquals(run.code, 0);
  await moebi.printed("hi\n");
});

const ALL = {
  plain: "ok",
  ignored: "ignored",
  slow: "ignored",
  linux: "ok",
  "not linux": "ok",
  distributed: "ignored",
  "with steps": "ok",
};

// The results of `mix test` of Elixir 1.18 for the same tests; it counts ignored ones as skipped.
const FILTERED: [
  args: string[],
  announced: string[],
  ran: string[],
  totals: string,
][] = [
  [
    [],
    ["Excluding tags: [distributed: true]", "Excluding tags: [:slow]"],
    ["plain", "linux", "not linux", "with steps"],
    "7 tests, 0 failures, 2 excluded, 1 skipped",
  ],
  [
    ["--include", "slow", "--include=distributed"],
    ["Including tags: [:slow, :distributed]"],
    ["plain", "slow", "linux", "not linux", "distributed", "with steps"],
    "7 tests, 0 failures, 1 skipped",
  ],
  [
    ["--exclude", "os:linux", "--exclude", "ignored"],
    [
      'Excluding tags: [{:os, "linux"}, :ignored, {:distributed, true}]',
      "Excluding tags: [:slow]",
    ],
    ["plain", "not linux"],
    "7 tests, 0 failures, 4 excluded, 1 skipped",
  ],
  [
    ["--only", "os:windows"],
    [
      "Excluding tags: [:test, {:distributed, true}]",
      'Including tags: [os: "windows"]',
      "Excluding tags: [:slow]",
    ],
    ["not linux"],
    "7 tests, 0 failures, 6 excluded",
  ],
  [
    ["--only", "slow"],
    [
      "Excluding tags: [:test, {:distributed, true}]",
      "Including tags: [:slow]",
    ],
    ["slow"],
    "7 tests, 0 failures, 6 excluded",
  ],
];

slowTest("main() filters by tags as ExUnit does", async () => {
  for (const [args, announced, ran, totals] of FILTERED) {
    const run = await harness("harness_tags", ...args);
    assertEquals(run.announced, announced, args.join(" "));
    assertEquals(
      Object.keys(run.outcomes).filter((name) => run.outcomes[name] === "ok"),
      ran,
      args.join(" "),
    );
    assertEquals(run.totals, [totals, `${ran.length} passed, 0 failed`]);
    assertEquals(run.code, 0);
  }
});

slowTest("main() fails when --only matches nothing", async () => {
  const run = await harness("harness_tags", "--only", "nosuch");
  assertStringIncludes(
    run.stderr,
    'The --only option was given to "deno task test" but no test was executed\n',
  );
  assertStringIncludes(run.stdout, "\nAll tests have been excluded.\n");
  assertEquals(run.totals[0], "7 tests, 0 failures, 7 excluded");
  assertEquals(run.code, 1);
});

slowTest("main() counts unloadable files as failed", async () => {
  const run = await harness("harness_failures", "broken", "harness_tags");
  assertEquals(run.totals, [
    "10 tests, 2 failures, 2 excluded, 1 skipped",
    "5 passed, 2 failed",
  ]);
  assertEquals(run.code, 1);
});

harnessTest("main() shows the lines of a failed test", async () => {
  const { stdout } = await harness("harness_failures");
  const file = "tests/testing/fixtures/harness_failures.ts";
  assertStringIncludes(stdout, `fails => ./${file}:6:1\n`);
  assertStringIncludes(stdout, `${file}:7:9`);
  assertFalse(stdout.includes("=> ./testing/"), stdout);
});

test("main() rejects invalid flags", async () => {
  const wrong: [string[], string][] = [
    [["--only"], "test: Cannot use --only without a value"],
    [["--only", ":x"], "test: Cannot filter by "],
    [["--epmd-port=x"], "test: Cannot use --epmd-port "],
    [["--sname=a@localhost", "--parallel"], "test: Cannot run in parallel on "],
  ];
  for (const [args, message] of wrong) {
    const run = await harness(...args);
    assertStringIncludes(run.stderr, message);
    assertEquals([run.code, run.stdout], [2, ""]);
  }
  assertMatch((await harness("--help")).stdout, /^Usage: deno task test /);
});

slowTest("main() prints Deno's reports on request only", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/report.xml`;
    await harness("harness_tags", `--junit-path=${path}`);
    const report = await Deno.readTextFile(path);
    assertStringIncludes(report, '<testcase name="linux"');
    for (const args of [["--reporter=junit"], ["--reporter", "junit"]]) {
      const { stdout, stderr } = await harness("harness_tags", ...args);
      assert(stdout.trimEnd().endsWith("</testsuites>"));
      assertStringIncludes(stderr, "\n4 passed, 0 failed\n");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

harnessTest("deno test runs the same tests", async () => {
  const run = await deno([
    "test",
    "--no-check",
    "--allow-net",
    "tests/testing/fixtures/harness_tags.ts",
    "--",
    "--exclude=os:linux",
  ]);
  assertEquals(run.outcomes, {
    ...ALL,
    linux: "ignored",
    "with steps": "ignored",
  });
  assertStringIncludes(
    run.stdout,
    "\n7 tests, 0 failures, 4 excluded, 1 skipped\n",
  );
  assertEquals(run.code, 0);
});

slowTest("test() names the resources that a test left behind", async () => {
  const { stdout, outcomes } = await harness("harness_leaks");
  assertEquals(
    Object.keys(outcomes).filter((name) => outcomes[name] === "ok"),
    ["leaves nothing", "may leave a process"],
  );
  const left = [...stdout.matchAll(/^ {2}- (.*)$/gm)]
    .map(([, text]) => text.replace(/<[\d.]+>/, "").replace(/\d{4,}/g, "N"));
  assertEquals(left, [
    "the process #PID, waiter",
    "the process #PID, a function, registered as clerk",
    "the name shell of #PID",
    "1 monitor of #PID (shell)",
    "a server that listens on 127.0.0.1:N",
    "A file was opened during the test, but not closed during the test. Close the file handle by calling `file.close()`.",
    "the process #PID, clerk",
    "the node kate@localhost, which is still started",
    // Its EPMD runs on a thread of its own.
    "a server that listens on 127.0.0.1:N",
    "a socket from 127.0.0.1:N to port N",
  ]);
});

slowTest("test() starts peers, and always stops them", async () => {
  const { stdout, outcomes } = await harness("harness_peers");
  assertEquals(outcomes, {
    "three nodes": "ok",
    "what the application starts is its own": "ok",
    "what the test starts is not": "FAILED",
    "call() rejects as the peer throws": "ok",
    "kill() takes the node down": "ok",
    "a peer by itself": "ok",
    "is not on a peer that does not come up": "FAILED",
    "times out": "FAILED",
  });
  assertStringIncludes(
    stdout,
    "Cannot start the peer kate@localhost: it ended with code 1 before it could be reached; it printed:\nError: the bank is closed",
  );
  assertStringIncludes(stdout, "Test timed out after 300ms.");
  assertMatch(stdout, /left something behind:\n {2}- the process .*, lost\n/);
  assert(!stdout.includes("Leaks detected"));
});

harnessTest("startPeer()'s peer exits with its test", async () => {
  const code = `
    import { startPeer, testCluster } from "./testing/mod.ts";
    await startPeer("kate");
    console.log(testCluster().epmdPort);
    setInterval(() => {}, 1000);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value));
  assert(await isServed(port));
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  while (await isServed(port)) {
    // safe: only the condition ends the loop
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

/** Whether EPMD is served: only the peer serves it. */
async function isServed(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
