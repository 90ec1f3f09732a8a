/** docs/service.md: its application runs as its program, and passes its test with peers. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { blocksIn, filesIn, PageProject, readPage } from "../_pages.ts";

test("docs/service.md: the application runs, and its test passes", {
  tags: ["slow"],
  timeout: 120_000,
}, async () => {
  const page = await readPage("docs/service.md");
  await using project = await PageProject.make(
    await readPage("docs/testing.md"),
  );
  for (const [name, text] of filesIn(page)) await project.write(name, text);
  const [program, tests] = blocksIn(page).filter(({ language }) =>
    language === "sh"
  ).map(({ text }) => text.trimEnd());
  const env = { ERL_EPMD_PORT: `${freePort()}` };
  await using running = project.run(program, env);
  await running.printed("shop@localhost is up\n");
  running.kill("SIGTERM");
  assertEquals(await running.ended, 0, running.output);
  await using passing = project.run(tests, env);
  assertEquals(await passing.ended, 0, passing.output);
  assertStringIncludes(passing.output, "1 test, 0 failures");
});
