/** CI: that it pins Deno, and that absent tests fail it. */

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

/** Runs CI's own check of the output of the tests. */
async function leftOut(
  output: string,
): Promise<[passes: boolean, why: string]> {
  const check = /^all_tests\(\) \{$.*?^\}$/ms.exec(SCRIPT)![0];
  const constants = SCRIPT.match(
    /^readonly (FEWEST_TESTS|OWN_EXCLUSION)=.*$/gm,
  )!;
  const log = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(log, output);
    const { code, stdout } = await new Deno.Command("bash", {
      args: [
        "-c",
        `set -uo pipefail; log=$1; ${
          constants.join("\n")
        }\n${check}\nall_tests`,
        "bash",
        log,
      ],
    }).output();
    return [code === 0, new TextDecoder().decode(stdout)];
  } finally {
    await Deno.remove(log);
  }
}

test("CI fails when tests are left out", { programs: ["bash"] }, async () => {
  const own = "Excluding tags: [distributed: true]\n";
  const totals = (total: number, excluded?: number) =>
    `Finished in 1.00 seconds\n${total} tests, 0 failures` +
    `${
      excluded === undefined ? "" : `, ${excluded} excluded`
    }\n${total} passed, 0 failed\n`;
  assertEquals(await leftOut(own + totals(FEWEST, 1)), [true, ""]);
  assertEquals(await leftOut(totals(FEWEST + 100)), [true, ""]);
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
