/** The harness with `--jobs`: files in processes of their own, several at once. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { test } from "../testing/mod.ts";
import { withFolder } from "./_cli.ts";
import { deno, harness, ROOT, type Run } from "./_harness.ts";

const options = { timeout: 120_000 };

/** Files of a project, whose tests are Deno's own. */
function project(files: Record<string, string>, folder: string): void {
  for (const [name, text] of Object.entries(files)) {
    Deno.mkdirSync(`${folder}/${name}`.replace(/\/[^/]*$/, ""), {
      recursive: true,
    });
    Deno.writeTextFileSync(`${folder}/${name}`, text);
  }
}

/** Runs the harness in a folder outside the project. */
function run(cwd: string, ...args: string[]): Promise<Run> {
  return deno(
    [
      "run",
      "--no-lock",
      `--config=${ROOT}deno.json`,
      "-A",
      `${ROOT}testing/main.ts`,
      "--no-config",
      "-A",
      ...args,
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
  });
`;

test(
  "main() with --jobs runs files at once, each in a process of its own, and keeps their lines together",
  options,
  () =>
    withFolder(async (folder) => {
      project({ "a_test.ts": MEETS, "deep/b.test.ts": MEETS }, folder);
      const { code, stdout, totals } = await run(folder, "--jobs=2");
      assertEquals(totals, ["2 tests, 0 failures", "2 passed, 0 failed"]);
      assertEquals(code, 0);
      assertEquals(
        stdout.match(/^(running.*|one|two)$/gm)!.map((line) =>
          line.replace(/ from .*/, "")
        ),
        ["running 1 test", "one", "two", "running 1 test", "one", "two"],
      );
    }),
);

test(
  "main() with --jobs runs the same as one process: examples, excluded files, filters",
  options,
  () =>
    withFolder(async (folder) => {
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
          ["nothing_here"],
        ]
      ) {
        const single = await run(folder, ...args);
        const several = await run(folder, "--jobs", "2", ...args);
        assertEquals(several.totals, single.totals, args.join(" "));
        assertEquals(several.code, single.code, args.join(" "));
      }
    }),
);

const HOLDS_A_LOCK = `\`\`\`ts
Deno.mkdirSync("lock");
await new Promise((go) => setTimeout(go, 300));
Deno.removeSync("lock");
\`\`\`
`;

test(
  "main() with --jobs runs no two examples at once, as they may use one port",
  options,
  () =>
    withFolder(async (folder) => {
      const page = Array(6).fill(HOLDS_A_LOCK).join("\n");
      project({ "page.md": page }, folder);
      const { code, totals } = await run(folder, "--jobs=3", "--doc");
      assertEquals(totals, ["6 tests, 0 failures", "6 passed, 0 failed"]);
      assertEquals(code, 0);
    }),
);

test(
  "main() with --jobs counts as in one process, and lists failures",
  options,
  async () => {
    const files = ["harness_failures", "broken", "harness_tags"];
    const { code, stdout, totals, announced } = await harness(
      "--jobs=3",
      "--first=tests/fixtures/harness_tags.ts",
      "--alone=tests/fixtures/broken.ts",
      ...files,
    );
    assertEquals(totals, [
      "10 tests, 2 failures, 2 excluded, 1 skipped",
      "5 passed, 2 failed",
    ]);
    assertEquals(announced.toSorted(), [
      "Excluding tags: [:slow]",
      "Excluding tags: [distributed: true]",
    ]);
    assertStringIncludes(
      stdout,
      "\nFailed:\n  tests/fixtures/harness_failures.ts: fails\n  tests/fixtures/broken.ts: the file as a whole\n",
    );
    assertEquals(code, 1);
  },
);

test(
  "main() with --jobs checks types once, and runs no file with type errors",
  options,
  () =>
    withFolder(async (folder) => {
      project({
        "a_test.ts": 'Deno.test("a", () => {});',
        "b_test.ts":
          'const text: string = 1;\nDeno.test("b", () => void text);',
      }, folder);
      const { code, stdout, stderr, totals } = await run(folder, "--jobs=1");
      assertStringIncludes(stderr, "Type 'number' is not assignable");
      assertFalse(stdout.includes("running"), stdout);
      assertEquals(totals, ["1 test, 1 failure", "0 passed, 1 failed"]);
      assertEquals(code, 1);
      const unchecked = await run(folder, "--jobs=1", "--no-check");
      assertEquals(unchecked.totals.at(-1), "2 passed, 0 failed");
    }),
);

test(
  "main() with --retry-files runs failed files once more, and lists those that then pass as flaky",
  options,
  () =>
    withFolder(async (folder) => {
      const passesLater = `
        Deno.test("passes always", () => {});
        Deno.test("passes the second time", () => {
          const isThere = [...Deno.readDirSync(".")].some(({ name }) => name === "made");
          Deno.writeTextFileSync("made", "");
          if (!isThere) throw new Error("the first time");
        });
      `;
      project({
        "flaky_test.ts": passesLater,
        "fails_test.ts": 'Deno.test("fails", () => { throw 1; });',
        "passes_test.ts": 'Deno.test("passes", () => {});',
      }, folder);
      const { code, stdout, totals } = await run(
        folder,
        "--jobs=2",
        "--retry-files=2",
      );
      assertEquals(stdout.match(/^flaky: .*$/gm), ["flaky: flaky_test.ts"]);
      assertStringIncludes(stdout, "\nFailed:\n  fails_test.ts: fails\n");
      // No test is counted twice.
      assertEquals(totals, ["4 tests, 1 failure", "3 passed, 1 failed"]);
      assertEquals(code, 1);
      Deno.removeSync(`${folder}/fails_test.ts`);
      Deno.removeSync(`${folder}/made`);
      const good = await run(folder, "--jobs=2", "--retry-files=1");
      assertEquals([good.totals.at(-1), good.code], ["3 passed, 0 failed", 0]);
      assertEquals(good.stdout.match(/^flaky: .*$/gm), [
        "flaky: flaky_test.ts",
      ]);
    }),
);

test(
  "main() with --retry-files retries nothing when more files failed",
  options,
  async () => {
    const { stdout, totals, code } = await harness(
      "--jobs=2",
      "--retry-files=1",
      "harness_failures",
      "broken",
    );
    assertFalse(stdout.includes("once more"), stdout);
    assertEquals([totals.at(-1), code], ["1 passed, 2 failed", 1]);
  },
);

test(
  "main() with --jobs writes one report of all files",
  options,
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/report.xml`;
      await harness(
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
    }),
);

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
      assertStringIncludes(stdout, "a ... ok");
      assertFalse(stdout.includes("c_test.ts"), stdout);
      assertMatch(stdout, /^1 passed, 1 failed$/m);
    }),
);

test(
  "main() rejects invalid flags of --jobs and --retry-files",
  options,
  async () => {
    for (
      const [args, message] of [
        [["--jobs"], "Cannot use --jobs without a value"],
        [["--jobs=0"], 'Cannot use --jobs "0": give a whole number from 1'],
        [["--jobs=two"], 'Cannot use --jobs "two"'],
        [["--jobs=1", "--retry-files=-1"], 'Cannot use --retry-files "-1"'],
        [["--first=a_test.ts"], "Cannot use --first without --jobs"],
      ] as [string[], string][]
    ) {
      const { code, stderr, stdout } = await harness(...args);
      assertEquals([code, stdout], [2, ""]);
      assert(stderr.startsWith(`test: ${message}`), stderr);
    }
  },
);
