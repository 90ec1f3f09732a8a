/** The generated files follow their sources, and are marked as generated. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { WRITTEN_FROM } from "../../tools/_mutant_areas.ts";
import { GENERATED } from "../../tools/generate.ts";
import { readPage } from "../_pages.ts";

for (const [path, make] of Object.entries(GENERATED)) {
  // A test of its own plays the transcript to a node.
  if (path.endsWith("transcript.txt")) continue;
  test(`${path} is up to date`, async () => {
    assertEquals(
      await readPage(path),
      await make(),
      `deno task generate ${path}`,
    );
  });
}

test(".gitattributes names the generated files", async () => {
  const lines = (await readPage(".gitattributes")).trim().split("\n");
  assertEquals(
    lines.sort(),
    Object.keys(GENERATED).map((path) => `${path} linguist-generated=true`),
  );
});

test("the tool for mutants writes generated files", () => {
  for (const [, path] of WRITTEN_FROM) assert(path in GENERATED, path);
});
