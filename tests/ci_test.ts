/** CI: it pins Deno, and missing tests make it fail. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../testing/tags.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SCRIPT = Deno.readTextFileSync(`${ROOT}.ci/run`);
const VERSION = /^readonly DENO_VERSION=([\d.]+)$/m.exec(SCRIPT)![1];
const FEWEST = Number(/^readonly FEWEST_TESTS=(\d+)$/m.exec(SCRIPT)![1]);

function pages(folder: string): string[] {
  return [...Deno.readDirSync(`${ROOT}${folder}`)]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `${folder}${name}`);
}

test("every page and CI run the same version of Deno", () => {
  let pins = 0;
  for (const page of [".ci/run", ...pages(""), ...pages("docs/")]) {
    const text = Deno.readTextFileSync(`${ROOT}${page}`);
    for (
      const [found, version] of text.matchAll(/npx -y deno(?:@(\S+?))?\b/g)
    ) {
      assert(version !== undefined, `${page}: ${found} has no version`);
      pins++;
    }
    for (const [found] of text.matchAll(/\bdeno@[\d.]+\d/g)) {
      assertEquals(found, `deno@${VERSION}`, page);
    }
  }
  assert(pins > 0);
  assertStringIncludes(
    Deno.readTextFileSync(`${ROOT}CONTRIBUTING.md`),
    `You need Deno ${VERSION};`,
  );
});

/** Runs CI's own check of the tests' output, with the history and the right to make namespaces, or without. */
async function leftOut(
  output: string,
  { hasHistory = true, hasHosts = true } = {},
): Promise<[passes: boolean, why: string]> {
  const checks = [
    `has_history() { ${hasHistory}; }`,
    `can_make_hosts() { ${hasHosts}; }`,
    /^all_tests\(\) \{$.*?^\}$/ms.exec(SCRIPT)![0],
  ];
  const constants = SCRIPT.match(
    /^readonly (FEWEST_TESTS|OWN_EXCLUSION|(HISTORY|HOSTS)_\w+)=.*$/gm,
  )!;
  const log = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(log, output);
    const { code, stdout } = await new Deno.Command("bash", {
      args: [
        "-c",
        `set -uo pipefail; log=$1; ${constants.join("\n")}\n${
          checks.join("\n")
        }\nall_tests`,
        "bash",
        log,
      ],
    }).output();
    return [code === 0, new TextDecoder().decode(stdout)];
  } finally {
    await Deno.remove(log);
  }
}

test("CI fails when tests are excluded", { programs: ["bash"] }, async () => {
  const own = "Excluding tags: [distributed: true]\n";
  const totals = (total: number, excluded?: number) =>
    `Finished in 1.00 seconds\n${total} tests, 0 failures` +
    `${
      excluded === undefined ? "" : `, ${excluded} excluded`
    }\n${total} passed, 0 failed\n`;
  assertEquals(await leftOut(own + totals(FEWEST, 1)), [true, ""]);
  assertEquals(await leftOut(totals(FEWEST + 100)), [true, ""]);
  // Without the history, the tests of two versions may be left out, and no others.
  const history =
    `${own}Excluding tags: [git-history: true] (git-history is not installed)\n`;
  assertEquals(
    await leftOut(history + totals(FEWEST, 3), { hasHistory: false }),
    [true, ""],
  );
  assertEquals((await leftOut(history + totals(FEWEST, 3)))[0], false);
  const shallow = { hasHistory: false };
  assertEquals((await leftOut(history + totals(FEWEST, 4), shallow))[0], false);
  assertEquals(
    (await leftOut(
      `${history}Excluding tags: [tmux: true] (tmux is not installed)\n${
        totals(FEWEST, 3)
      }`,
      shallow,
    ))[0],
    false,
  );
  // So may those with hosts, where there can be none.
  const hosts =
    `${own}Excluding tags: [network-namespaces: true] (network-namespaces is not installed)\n`;
  const none = { hasHosts: false };
  assertEquals(await leftOut(hosts + totals(FEWEST, 7), none), [true, ""]);
  assertEquals((await leftOut(hosts + totals(FEWEST, 7)))[0], false);
  assertEquals((await leftOut(hosts + totals(FEWEST, 8), none))[0], false);
  for (
    const [output, why] of [
      [own + totals(FEWEST - 1, 1), `only ${FEWEST - 1} tests of ${FEWEST}`],
      [own + totals(FEWEST, 2), "2 tests are excluded"],
      [own + totals(FEWEST, 505), "505 tests are excluded"],
      [
        `${own}Excluding tags: [tmux: true] (tmux is not installed)\n${
          totals(FEWEST, 1)
        }`,
        "tests are excluded: [tmux: true]",
      ],
      [
        `Excluding tags: [distributed: true, epmd: true]\n${totals(FEWEST, 1)}`,
        "tests are excluded: [distributed: true, epmd: true]",
      ],
      ["All tests have been excluded.\n", "only 0 tests"],
    ]
  ) {
    const [passes, shown] = await leftOut(output);
    assert(!passes, output);
    assertStringIncludes(shown, why);
  }
});

test("CI and the tests of two versions mean the same version before", async () => {
  const [, before] = /^readonly VERSION_BEFORE=(\w+)$/m.exec(SCRIPT)!;
  const tests = await Deno.readTextFile(`${ROOT}tests/two_versions_test.ts`);
  assertStringIncludes(tests, `"${before}"`);
});

/** Runs CI's own script with other steps. */
async function steps(text: string): Promise<[code: number, lines: string[]]> {
  const folder = await Deno.makeTempDir();
  try {
    const own = SCRIPT.slice(0, SCRIPT.indexOf('\necho "node $(node'));
    await Deno.mkdir(`${folder}/.ci`);
    await Deno.writeTextFile(`${folder}/.ci/run`, `${own}\n${text}\n`);
    const { code, stdout } = await new Deno.Command("bash", {
      args: [`${folder}/.ci/run`],
      stdin: "null",
    }).output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    return [code, lines];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

test(
  "CI fails with a test, a check, or a step that ends without totals",
  { programs: ["bash"] },
  async () => {
    const good = `tests "good" 60 echo "1 passed, 0 failed"\n`;
    for (
      const [text, totals] of [
        ['tests "tests" 60 echo "2 passed, 1 failed"', "3 passed, 1 failed"],
        ['check "speed" 60 false', "1 passed, 1 failed"],
        ['tests "tests" 60 echo "no totals"', "1 passed, 1 failed"],
      ]
    ) {
      const [code, lines] = await steps(good + text);
      assertEquals(lines.at(-1), totals, text);
      assertEquals(code, 1);
    }
    const [code, lines] = await steps("");
    assertEquals([code, lines.at(-1)], [1, "0 passed, 0 failed"]);
  },
);
