/** The harness, as people and CI use it: runs of fixtures, and of the lesson's own test. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { test } from "../../exports/testing.ts";
import { ChatProcess, withFolder } from "../_cli.ts";
import {
  assertRun,
  clusterFlags,
  deno,
  harness,
  ROOT,
  type Run,
} from "./_harness.ts";

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

/** Runs of the lesson's test without moebi. */
const LESSONS: Record<
  string,
  [args: string[], expected: Partial<Run>, said?: string]
> = {
  "is excluded without a node": [["lesson_test.ts"], {
    announced: ["Excluding tags: [distributed: true]"],
    outcomes: { [OWN]: "ignored", [UNATTENDED]: "ok" },
    totals: ["2 tests, 0 failures, 1 excluded", "1 passed, 0 failed"],
    code: 0,
  }],
  "alone is singular": [
    [LESSON, "--filter", `/^${OWN.replace("()", "..")}$/`],
    {
      totals: ["1 test, 0 failures, 1 excluded", "0 passed, 0 failed"],
      code: 0,
    },
    "\nAll tests have been excluded.\n",
  ],
  "fails without moebi": [
    [LESSON, "--sname=sophie@localhost", ...clusterFlags()],
    {
      announced: [],
      outcomes: { [OWN]: "FAILED", [UNATTENDED]: "ok" },
      totals: ["2 tests, 1 failure", "1 passed, 1 failed"],
      code: 1,
    },
    "no connection to moebi@localhost",
  ],
  "names the missing node": [
    [LESSON, "--include=distributed"],
    { outcomes: { [OWN]: "FAILED", [UNATTENDED]: "ok" }, code: 1 },
    `"${OWN}" is tagged distributed and ran on no node: give --sname NAME, or let the test declare its peers\n`,
  ],
};

for (const [what, [args, expected, said]] of Object.entries(LESSONS)) {
  const declare = args[0] === LESSON ? slowTest : harnessTest;
  declare(`the lesson's test ${what}`, async () => {
    assertRun(await harness(...args), expected, said);
  });
}

/** The tests that passed. */
function passedIn({ outcomes }: Run): string[] {
  return Object.keys(outcomes).filter((name) => outcomes[name] === "ok");
}

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
  assertRun(await harness(LESSON, "--sname", "sophie@localhost", ...flags), {
    outcomes: { [OWN]: "ok", [UNATTENDED]: "ok" },
    totals: ["2 tests, 0 failures", "2 passed, 0 failed"],
    code: 0,
  });
  await moebi.printed("hi\n");
});

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
    assertEquals(passedIn(run), ran, args.join(" "));
    assertRun(run, {
      announced,
      totals: [totals, `${ran.length} passed, 0 failed`],
      code: 0,
    });
  }
});

slowTest("main() fails when --only matches nothing", async () => {
  const run = await harness("harness_tags", "--only", "nosuch");
  assertStringIncludes(
    run.stderr,
    'The --only option was given to "deno task test" but no test was executed\n',
  );
  assertRun(run, {
    totals: ["7 tests, 0 failures, 7 excluded", "0 passed, 0 failed"],
    code: 1,
  }, "\nAll tests have been excluded.\n");
});

slowTest("main() counts unloadable files as failed", async () => {
  assertRun(
    await harness("harness_failures", "broken", "harness_tags"),
    {
      announced: [
        "Excluding tags: [distributed: true]",
        "Excluding tags: [:slow]",
      ],
      totals: [
        "10 tests, 2 failures, 2 excluded, 1 skipped",
        "5 passed, 2 failed",
      ],
      code: 1,
    },
    "\n2 excluded (1 distributed, 1 slow); to run them: --sname NAME\n",
  );
});

slowTest("main() fails if a tag excludes tests that may not", async () => {
  const allowing = (...tags: string[]) =>
    harness("harness_tags", ...tags.map((tag) => `--may-exclude=${tag}`));
  assertRun(
    await allowing("slow"),
    { code: 1 },
    '\nFailed:\n  the run: 1 test is excluded by "distributed"\n',
  );
  assertRun(await allowing("slow", "distributed"), { code: 0 });
});

harnessTest("main() shows the lines of a failed test", async () => {
  const { stdout } = await harness("harness_failures");
  const file = "tests/testing/fixtures/harness_failures.ts";
  assertStringIncludes(stdout, `fails => ./${file}:6:1\n`);
  assertStringIncludes(stdout, `${file}:7:9`);
  assertFalse(stdout.includes("=> ./testing/"), stdout);
});

test(
  "main() rejects invalid flags",
  { timeout: 120_000 },
  async () => {
    const wrong: [string[], string][] = [
      [["--only"], "Cannot use --only without a value"],
      [["--only", ":x"], "Cannot filter by "],
      [["--epmd-port=x"], "Cannot use --epmd-port "],
      [["--sname=a@localhost", "--parallel"], "Cannot run in parallel on "],
    ];
    for (const [args, message] of wrong) {
      const run = await harness(...args);
      assertRun(run, { code: 2, stdout: "" });
      assert(run.stderr.startsWith(`test: ${message}`), run.stderr);
    }
    assertMatch((await harness("--help")).stdout, /^Usage: deno task test /);
  },
);

slowTest("main() prints Deno's reports on request only", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/report.xml`;
    await harness("harness_tags", `--junit-path=${path}`);
    const report = await Deno.readTextFile(path);
    assertStringIncludes(report, '<testcase name="linux"');
  });
  for (const args of [["--reporter=junit"], ["--reporter", "junit"]]) {
    const { stdout, stderr } = await harness("harness_tags", ...args);
    assert(stdout.trimEnd().endsWith("</testsuites>"));
    assertStringIncludes(stderr, "\n4 passed, 0 failed\n");
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
  assertRun(run, {
    outcomes: {
      plain: "ok",
      ignored: "ignored",
      slow: "ignored",
      linux: "ignored",
      "not linux": "ok",
      distributed: "ignored",
      "with steps": "ignored",
    },
    code: 0,
  }, "\n7 tests, 0 failures, 4 excluded, 1 skipped\n");
});

slowTest("test() names the resources that a test left behind", async () => {
  const run = await harness("harness_leaks");
  assertEquals(passedIn(run), ["leaves nothing", "may leave a process"]);
  const left = [...run.stdout.matchAll(/^ {2}- (.*)$/gm)]
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
    // The node's listener and its EPMD, and both ends of its registration.
    "a server that listens on 127.0.0.1:N",
    "a server that listens on 127.0.0.1:N",
    "a socket from 127.0.0.1:N to port N",
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
    "the end of a peer's input is no goodbye": "ok",
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
    import { startPeer, testCluster } from "./exports/testing.ts";
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
