/** The files of `docs/testing.md`, run as the page describes, print the output that it shows. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  blocksIn,
  PageProject,
  patternOf,
  readPage,
  sectionsOf,
} from "../_pages.ts";

const PAGE = await readPage("docs/testing.md");
const SECTIONS = sectionsOf(PAGE);

/** The only file in a section whose content matches, the text blocks, and the console blocks. */
function partsOf(heading: string): {
  files: string[];
  texts: string[];
  sessions: { command: string; output: string }[];
} {
  const blocks = blocksIn(SECTIONS.get(heading)!);
  const of = (language: string) =>
    blocks.filter((block) => block.language === language)
      .map(({ text }) => text);
  return {
    files: of("ts ignore"),
    texts: of("text"),
    sessions: of("console").map((text) => {
      const [, command, output] = /^\$ (.*)\n([^]*)$/.exec(text)!;
      return { command, output };
    }),
  };
}

/** Runs a command of the page; asserts that it ends with code 0, and that its output ends as on the page. */
async function assertEndsWith(
  project: PageProject,
  command: string,
  printed: string,
  env: Record<string, string> = {},
): Promise<void> {
  await using running = project.run(command, env);
  assertEquals(await running.ended, 0, running.output);
  assertMatch(running.output, new RegExp(`(?:^|\n)${patternOf(printed)}$`));
}

const PLAIN = partsOf("1. A plain module");

/** A test that leaves what the page names. */
const LEAK = `
import { createServer } from "node:net";
import { once } from "node:events";
import { Process, receive, spawn } from "@otp/distribution";
import { test } from "@otp/distribution/testing";

test("leaves something", { sanitizeOps: false }, async () => {
  const clerk = spawn(async () => {
    await receive(() => false);
  }, [], { label: "clerk" });
  Process.register(clerk, "Clerk");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
});
`;

/** The file of tests that each step replaces: one project needs its types checked once. */
const FILE = "counter_test.ts";

test("docs/testing.md: its tests print the output on the page", {
  tags: ["slow"],
  timeout: 300_000,
}, async (t) => {
  await using project = await PageProject.make(PAGE);
  const env = { ERL_EPMD_PORT: `${freePort()}` };
  const [module, moduleTest, ...more] = PLAIN.files;
  assertEquals([more, PLAIN.texts.length], [[], 1]);
  await project.write("counter.ts", module);

  await t.step("a plain module", async () => {
    await project.write(FILE, moduleTest);
    await assertEndsWith(project, "deno task test", PLAIN.texts[0]);
  });

  await t.step("a test on three nodes", async () => {
    const { files } = partsOf("3. A test on three nodes");
    assertEquals(files.length, 1);
    await project.write(FILE, files[0]);
    await assertEndsWith(project, "deno task test", PLAIN.texts[0], env);
  });

  await t.step("tests that need a live node", async () => {
    const { files, sessions: [without, moebi, live, ...others] } = partsOf(
      "4. Tests that need a live node",
    );
    assertEquals([files.length, others], [1, []]);
    await project.write(FILE, files[0]);
    await assertEndsWith(project, without.command, without.output, env);
    await using chat = project.run(moebi.command, env);
    await chat.printed("moebi@localhost");
    await assertEndsWith(project, live.command, live.output, env);
  });

  await t.step("leaks", async () => {
    const { texts: [printed, ...others] } = partsOf("Leaks");
    assertEquals(others, []);
    await project.write(FILE, LEAK);
    await using running = project.run("deno task test");
    assert(await running.ended !== 0, running.output);
    // The numbers differ from run to run.
    const numbers = (text: string) => text.replaceAll(/\d+(?=\.\d+>|\n)/g, "N");
    assert(numbers(running.output).includes(numbers(printed)), running.output);
  });
});

test("docs/testing.md has no output or session that no test runs", () => {
  const blocks = blocksIn(PAGE);
  const count = (language: string) =>
    blocks.filter((block) => block.language === language).length;
  assertEquals(count("text"), PLAIN.texts.length + 1);
  assertEquals(
    count("console"),
    partsOf("4. Tests that need a live node").sessions.length,
  );
});
