/** The runner of this repository's tests: files in processes of their own, several at once. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { test } from "../../exports/testing.ts";
import { withFolder } from "../_cli.ts";
import {
  assertRun,
  deno,
  project,
  ROOT,
  type Run,
  runFixtures,
} from "../testing/_harness.ts";
import { until } from "../_until.ts";

const options = { tags: ["slow"], timeout: 300_000 };

function folderTest(
  name: string,
  fn: (folder: string) => Promise<void>,
): void {
  test(name, options, () => withFolder(fn));
}

const RUNNER = "tools/test_runner/main.ts";

/** Runs fixtures of the harness's tests. */
function runner(...args: string[]): Promise<Run> {
  return runFixtures(RUNNER, args);
}

/** Runs the tests of a folder outside the project. */
function run(cwd: string, ...args: string[]): Promise<Run> {
  return deno(
    [
      "run",
      "--no-lock",
      `--config=${ROOT}deno.json`,
      "-A",
      ROOT + RUNNER,
      ...args.some((arg) => arg.startsWith("--config="))
        ? args
        : ["--no-config", ...args],
      "-A",
    ],
    { cwd },
  );
}

const MEETS = `
  Deno.test("meets the other", async () => {
    Deno.writeTextFileSync("met_" + Deno.pid, "");
    while ([...Deno.readDirSync(".")].filter(({ name }) => name.startsWith("met_")).length < 2) {
      await new Promise((go) => setTimeout(go, 10));
    }
    await Deno.stdout.write(new TextEncoder().encode("one\\n"));
    await new Promise((go) => setTimeout(go, 10));
    console.log("two");
    throw new Error("so that the output is shown");
  });
`;

folderTest(
  "main() with --jobs keeps a file's lines together",
  async (folder) => {
    const passes = 'Deno.test("passes", () => console.log("silent"));';
    project({
      "a_test.ts": MEETS,
      "deep/b.test.ts": MEETS,
      "c_test.ts": passes,
    }, folder);
    const found = await run(folder, "--jobs=2");
    assertRun(found, {
      totals: ["3 tests, 2 failures", "1 passed, 2 failed"],
      code: 1,
    });
    assertEquals(
      found.stdout.match(/^(running.*|one|two|silent)$/gm)!.map((line) =>
        line.replace(/ from .*/, "")
      ),
      ["running 1 test", "one", "two", "running 1 test", "one", "two"],
    );
  },
);

folderTest("main() with --jobs runs what one process runs", async (folder) => {
  const passes = (name: string) => `Deno.test("${name}", () => {});\n`;
  project({
    "a_test.ts": passes("plain") + passes("other"),
    "deep/test.ts": passes("plain"),
    "deep/not_a_test_file.ts": passes("not run") +
      "/**\n * ```ts\n * const one: number = 1;\n * ```\n */\nexport const one = 1;\n",
    "left_out/b_test.ts": passes("plain"),
    "node_modules/x/c_test.ts": passes("plain"),
    "page.md": "```ts\nconsole.assert(1 === 1);\n```\n",
  }, folder);
  for (
    const args of [
      [],
      ["--doc", "--ignore=left_out"],
      ["--filter", "plain", "--doc", "deep", "left_out/b_test.ts"],
      ["--doc", "deep", "left_out"],
      ["nothing_here"],
    ]
  ) {
    const { totals, code } = await run(folder, ...args);
    assertRun(await run(folder, "--jobs", "2", ...args), { totals, code });
  }
});

const HOLDS_A_LOCK = `\`\`\`ts
Deno.mkdirSync("lock");
await new Promise((go) => setTimeout(go, 300));
Deno.removeSync("lock");
\`\`\`
`;

folderTest("main() with --jobs runs one example at a time", async (folder) => {
  const page = Array(6).fill(HOLDS_A_LOCK).join("\n");
  project({ "page.md": page }, folder);
  assertRun(await run(folder, "--jobs=3", "--doc"), {
    totals: ["6 tests, 0 failures", "6 passed, 0 failed"],
    code: 0,
  });
});

folderTest("main() with --jobs checks types once", async (folder) => {
  project({
    "a_test.ts": 'Deno.test("a", () => {});',
    "b_test.ts": 'const text: string = 1;\nDeno.test("b", () => void text);',
  }, folder);
  const checked = await run(folder, "--jobs=1");
  assertStringIncludes(checked.stderr, "Type 'number' is not assignable");
  assertRun(checked, {
    totals: ["1 test, 1 failure", "0 passed, 1 failed"],
    code: 1,
  });
  assertRun(await run(folder, "--jobs=1", "--no-check"), {
    totals: ["2 tests, 0 failures", "2 passed, 0 failed"],
  });
});

folderTest("main() with --jobs writes one report", async (folder) => {
  const path = `${folder}/report.xml`;
  await runner(
    "--jobs=2",
    `--junit-path=${path}`,
    "harness_failures",
    "harness_tags",
  );
  const report = Deno.readTextFileSync(path);
  assertMatch(
    report,
    /^<\?xml [^>]*>\n<testsuites name="deno test" tests="10" failures="1" errors="0" time="[\d.]+">\n/,
  );
  assertEquals(report.match(/<testsuite name=/g)!.length, 2);
  assertEquals(report.match(/<\/testsuites>/g)!.length, 1);
  assertStringIncludes(report, '<testcase name="linux"');
});

test(
  "main() starts no file after Ctrl-C, and counts the finished ones",
  { ...options, ignore: Deno.build.os === "windows" },
  () =>
    withFolder(async (folder) => {
      project({
        "a_test.ts": 'Deno.test("a", () => {});',
        // Ctrl-C in a terminal reaches all processes.
        "b_test.ts":
          'Deno.test("b", () => { Deno.kill(Deno.ppid, "SIGINT"); Deno.kill(Deno.pid, "SIGINT"); return new Promise((go) => setTimeout(go, 60_000)); });',
        "c_test.ts": 'Deno.test("c", () => {});',
      }, folder);
      const { code, stdout } = await run(folder, "--jobs=1");
      assertEquals(code, 130);
      assertFalse(stdout.includes("c_test.ts"), stdout);
      assertMatch(stdout, /^1 passed, 1 failed$/m);
    }),
);

folderTest("main() leaves out what the plan excludes", async (folder) => {
  const plan = `${folder}/plan.json`;
  project({
    "plan.json": JSON.stringify({ jobs: 2, exclude: ["slow"] }),
    "tests/a_test.ts":
      `import "${ROOT}tests/testing/fixtures/harness_slow.ts";`,
  }, folder);
  const plain = ["2 tests, 0 failures, 1 excluded", "1 passed, 0 failed"];
  const all = ["2 tests, 0 failures", "2 passed, 0 failed"];
  for (
    const [args, totals, announced] of [
      [[`${folder}/tests`], plain, []],
      [[`${folder}/tests/a_test.ts`], all, []],
      [["--all", `${folder}/tests`], all, []],
      [["--include=slow", `${folder}/tests`], all, [
        "Including tags: [:slow]",
      ]],
    ] as [string[], string[], string[]][]
  ) {
    assertRun(await runner(`--plan=${plan}`, ...args), {
      totals,
      announced: ["Excluding tags: [distributed: true]", ...announced],
    });
  }
});

folderTest("main() excludes tests for want of programs", async (folder) => {
  project({
    "plan.json": JSON.stringify({
      jobs: 1,
      exclude: ["slow"],
      all: "deno task test:all",
      packages: { "no-such-program": "no-such-package" },
    }),
    "a_test.ts": `
          import { test } from "${ROOT}exports/testing.ts";
          test("runs", () => {});
          test("is slow", { tags: ["slow"] }, () => {});
          test("needs a program", { programs: ["no-such-program"] }, () => {});
          test("needs it, too", { programs: ["no-such-program"] }, () => {});
        `,
  }, folder);
  const args = [
    `--config=${ROOT}deno.json`,
    "--no-check",
    "--plan=plan.json",
    "--may-exclude=slow",
  ];
  const wanting = await run(folder, ...args);
  assertRun(
    wanting,
    { code: 1 },
    '\nFailed:\n  the run: 2 tests are excluded by "no-such-program"\n',
  );
  assertEquals(wanting.stdout.trimEnd().split("\n").slice(-3), [
    "3 excluded (2 no-such-program, 1 slow); to run them: apt-get install no-such-package, deno task test:all",
    "5 tests, 1 failure, 3 excluded",
    "1 passed, 1 failed",
  ]);
  assertRun(await run(folder, ...args, "--may-exclude=no-such-program"), {
    totals: ["4 tests, 0 failures, 3 excluded", "1 passed, 0 failed"],
    code: 0,
  });
});

test(
  "main() fails with a file that registers no test, hangs, or changes the repository",
  { ...options, programs: ["git"] },
  () =>
    withFolder(async (folder) => {
      const init = new Deno.Command("git", { args: ["init"], cwd: folder });
      assert((await init.output()).success);
      project({
        "plan.json": JSON.stringify({ jobs: 2, limit: 10, unchanged: true }),
        "empty_test.ts": "",
        "hangs_test.ts": `
          Deno.test("passes", () => {});
          Deno.test("waits", async () => {
            const args = ["eval", "setTimeout(() => {}, 600_000)"];
            const { pid } = new Deno.Command(Deno.execPath(), { args }).spawn();
            Deno.writeTextFileSync(".git/child", String(pid));
            await new Promise((go) => setTimeout(go, 600_000));
          });
        `,
        "writes_test.ts":
          'Deno.test("writes", () => Deno.writeTextFileSync("written", ""));',
      }, folder);
      const found = await run(folder, "--plan=plan.json");
      assertRun(
        found,
        { totals: ["4 tests, 3 failures", "1 passed, 3 failed"], code: 1 },
        `
Failed:
  empty_test.ts: the file registers no test
  hangs_test.ts: did not end within 10 s
  the run: it changed the repository (git status: ?? written)
`,
      );
      assertStringIncludes(
        found.stdout,
        "\ndid not end within 10 s, still running test: waits\n",
      );
      // The process that the file started is gone, or its parent has not noticed yet.
      const pid = await Deno.readTextFile(`${folder}/.git/child`);
      const args = ["-c", `cat /proc/${pid}/stat 2>&1`];
      await until(async () => {
        const { stdout } = await new Deno.Command("sh", { args }).output();
        return /No such|\) Z /.test(new TextDecoder().decode(stdout));
      });
    }),
);

folderTest("main() runs each file in a sandbox", async (folder) => {
  const text = `
        import { freePort } from "${ROOT}packages/testing/_ports.ts";
        Deno.test("writes its surroundings", () => {
          const { HOME, TMPDIR, ERL_EPMD_PORT, TEST_RUN_FOLDER } = Deno.env.toObject();
          Deno.writeTextFileSync(HOME + "/.erlang.cookie", "own", { createNew: true });
          const temporary = Deno.makeTempDirSync();
          console.assert(temporary.startsWith(TMPDIR));
          const isThere = Deno.statSync(TEST_RUN_FOLDER).isDirectory;
          console.log(JSON.stringify({ HOME, TMPDIR, ERL_EPMD_PORT, TEST_RUN_FOLDER, isThere, port: freePort() }));
          throw new Error("so that the output is shown");
        });
      `;
  project({
    "plan.json": JSON.stringify({ jobs: 2, sandbox: true }),
    "a_test.ts": text,
    "b_test.ts": text,
  }, folder);
  const { stdout } = await run(
    folder,
    `--config=${ROOT}deno.json`,
    "--no-check",
    "--plan=plan.json",
  );
  const [a, b, ...more] = stdout.match(/^\{.*\}$/gm)!
    .map((line) => JSON.parse(line));
  assertEquals(more, []);
  for (const name of ["HOME", "TMPDIR", "ERL_EPMD_PORT", "port"]) {
    assert(a[name] !== b[name], `${name}: ${a[name]}`);
  }
  assertEquals(a.TEST_RUN_FOLDER, b.TEST_RUN_FOLDER);
  assertFalse(existsSync(a.TEST_RUN_FOLDER));
  for (const { HOME, ERL_EPMD_PORT, port, isThere } of [a, b]) {
    assert(isThere);
    const first = Number(ERL_EPMD_PORT);
    assert(port > first && port < first + 50, `${port}`);
    assertFalse(
      [...Deno.readDirSync(dirname(dirname(HOME)))].some(({ name }) =>
        name === basename(dirname(HOME))
      ),
    );
  }
});

test(
  "main() with --jobs shows the output of files that fail",
  options,
  async () => {
    assertRun(
      await runner("--jobs=3", "harness_failures", "broken", "harness_tags"),
      {
        announced: ["Excluding tags: [distributed: true]"],
        totals: [
          "10 tests, 2 failures, 2 excluded, 1 skipped",
          "5 passed, 2 failed",
        ],
        code: 1,
      },
      "\nFailed:\n  tests/testing/fixtures/broken.ts: the file as a whole\n  tests/testing/fixtures/harness_failures.ts: fails\n",
    );
  },
);

test("main() rejects invalid jobs and plans", {
  timeout: 120_000,
}, async () => {
  const wrong: [string[], string][] = [
    [["--jobs"], "Cannot use --jobs without a value"],
    [["--jobs=0"], 'Cannot use --jobs "0": give a whole number from 1'],
    [["--jobs=two"], 'Cannot use --jobs "two"'],
    [["--plan"], "Cannot use --plan without a value"],
    [["--plan=none.json"], 'Cannot use the plan "none.json": No such file'],
    [
      ["--plan=deno.json"],
      'Cannot use the plan "deno.json": it has a field "name"; fields are',
    ],
  ];
  for (const [args, message] of wrong) {
    const run = await runner(...args);
    assertRun(run, { code: 2, stdout: "" });
    assert(run.stderr.startsWith(`test: ${message}`), run.stderr);
  }
  assertMatch((await runner("--help")).stdout, /^ {2}--plan FILE /m);
});
