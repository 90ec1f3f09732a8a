/** CI: it pins Deno, and failures and exclusions make it fail. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SCRIPT = Deno.readTextFileSync(`${ROOT}.ci/run`);
const VERSION = /^readonly DENO_VERSION=([\d.]+)$/m.exec(SCRIPT)![1];

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

test("CI and the tests of two versions mean the same version before", async () => {
  const [, before] = /^readonly VERSION_BEFORE=(\w+)$/m.exec(SCRIPT)!;
  const tests = await Deno.readTextFile(
    `${ROOT}tests/node/start/two_versions_test.ts`,
  );
  assertStringIncludes(tests, `"${before}"`);
});

/** Runs CI's own script with other steps. */
async function steps(text: string): Promise<[code: number, lines: string[]]> {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const own = SCRIPT.slice(0, SCRIPT.indexOf('\necho "node $(node'));
  await Deno.mkdir(`${folder}/.ci`);
  await Deno.writeTextFile(`${folder}/.ci/run`, `${own}\n${text}\n`);
  const args = [`${folder}/.ci/run`];
  const { code, stdout } = await outputOf("bash", { args });
  return [code, stdout.trimEnd().split("\n")];
}

test(
  "CI lets tests be excluded only for want of history, namespaces and IPv6, and runs the slow ones",
  { programs: ["bash"] },
  async () => {
    const [part] = /^# The lesson has a test.*?^tests "tests" .*?$/ms
      .exec(SCRIPT)!;
    for (
      const [hasHistory, canMakeHosts, hasIpv6, flags] of [
        [true, true, true, ""],
        [false, true, true, " --may-exclude git-history"],
        [true, false, true, " --may-exclude network-namespaces"],
        [true, true, false, " --may-exclude ipv6"],
      ]
    ) {
      const [, lines] = await steps(`
has_history() { ${hasHistory}; }
can_make_hosts() { ${canMakeHosts}; }
has_ipv6() { ${hasIpv6}; }
tests() { echo "runs $*"; }
${part}`);
      assertEquals(
        lines.filter((line) => line.startsWith("runs ")),
        [`runs tests 1000 deno task test:all --no-check --may-exclude distributed${flags}`],
      );
    }
  },
);

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
        [
          'start_check "beside" 60 false\nend_check "beside" || failed=1',
          "1 passed, 1 failed",
        ],
      ]
    ) {
      const [code, lines] = await steps(good + text);
      assertEquals(lines.at(-1), totals, text);
      assertEquals(code, 1);
    }
    const [, shown] = await steps(
      'start_check "beside" 60 echo "its output"\ncheck "next" 60 true\nend_check "beside"',
    );
    assert(shown.includes("its output"));
    const [code, lines] = await steps("");
    assertEquals([code, lines.at(-1)], [1, "0 passed, 0 failed"]);
  },
);
