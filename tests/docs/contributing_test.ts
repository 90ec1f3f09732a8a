/** CONTRIBUTING.md says which tests are excluded without which program. */

import { assert, assertEquals } from "@std/assert";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { findTestFiles } from "../../testing/_files.ts";
import { test } from "../../testing/tags.ts";
import { readPage } from "../_pages.ts";

const TESTS = fileURLToPath(new URL("..", import.meta.url));

/** The programs of `_elixir.ts`, and of `_hosts.ts` without its probe of the kernel. */
const LISTS: Record<string, string[]> = {
  ELIXIR: ["elixir"],
  HOSTS: ["ip", "dnsmasq"],
};

/** The programs that the tests of a file need. The programs of a helper count for each file that registers its tests. */
function programsIn(source: string): string[] {
  return [...source.matchAll(/\bprograms: (\w+|\[[^\]]*\])/g)]
    .flatMap(([, list]) =>
      LISTS[list] ??
        [...list.matchAll(/"([\w-]+)"/g)].map(([, program]) => program)
    );
}

/** The names of the test files that need each program, without `_test.ts`. */
async function filesByProgram(): Promise<Map<string, Set<string>>> {
  const elixirPair = await Deno.readTextFile(`${TESTS}/_elixir_pair.ts`);
  const files = new Map<string, Set<string>>();
  for (const path of findTestFiles([TESTS], []).files) {
    const name = basename(path);
    // These files name the programs of other tests.
    if (/^(harness|tags|contributing)_/.test(name)) continue;
    const source = await Deno.readTextFile(path);
    const pair = source.includes("/_elixir_pair.ts") ? elixirPair : "";
    for (const program of programsIn(source + pair)) {
      const those = files.get(program) ?? new Set();
      files.set(program, those.add(name.replace("_test.ts", "")));
    }
  }
  return files;
}

/** The page's list: the files by program. */
async function listed(): Promise<Map<string, Set<string>>> {
  const page = await readPage("CONTRIBUTING.md");
  const found = new Map<string, Set<string>>();
  const namesIn = (text: string) =>
    [...text.matchAll(/`([\w-]+)`/g)].map(([, name]) => name);
  const items = page.replace(/\n {2,}/g, " ")
    .matchAll(/^- (`[\w-]+`(?:, `[\w-]+`)*): (`[\w-]+`(?:, `[\w-]+`)*)$/gm);
  for (const [, programs, files] of items) {
    for (const program of namesIn(programs)) {
      assert(!found.has(program), `${program} is listed twice`);
      found.set(program, new Set(namesIn(files)));
    }
  }
  return found;
}

test("CONTRIBUTING.md says which tests are excluded without which program", async () => {
  const sorted = (files: Map<string, Set<string>>) =>
    Object.fromEntries(
      [...files].map(([program, names]) => [program, [...names].sort()]),
    );
  assertEquals(
    sorted(await listed()),
    sorted(await filesByProgram()),
    "CONTRIBUTING.md, or the option `programs` of a test, has changed alone: update the page's list",
  );
});
