/** The programs of `docs/from-zero.md` print the output that the page shows, each in a process of its own. */

import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  assertPrinted,
  blocksIn,
  filesIn,
  PageProject,
  patternOf,
  readPage,
  sectionsOf,
} from "../_pages.ts";

const PAGE = await readPage("docs/from-zero.md");
const SECTIONS = [...sectionsOf(PAGE)].filter(([heading]) =>
  /^\d\./.test(heading)
);
const STEPS = SECTIONS.slice(0, -1);
const SHOP = filesIn(PAGE).get("shop.ts")!;
const [LAST_HEADING, LAST] = SECTIONS.at(-1)!;

/** The command in a page that runs a file. */
function commandFor(file: string): string {
  const command = new RegExp(`^(?:\\$ )?(deno run.* ${file})$`, "m").exec(PAGE);
  return command![1];
}

test("docs/from-zero.md has five steps of one program, and one of two", () => {
  assertEquals(STEPS.length, 5);
  assertEquals([...filesIn(LAST).keys()], ["prices.ts", "ask.ts"]);
});

for (const [heading, section] of STEPS) {
  test(`docs/from-zero.md, ${heading}: prints the output on the page`, {
    tags: ["slow"],
    timeout: 30_000,
  }, async () => {
    const [program, printed, ...others] = blocksIn(section);
    assert(program.language.startsWith("ts") && printed.language === "text");
    assertEquals(others, []);
    await using project = await PageProject.make(PAGE);
    await project.write("shop.ts", SHOP);
    await project.write("prices.ts", program.text);
    await using running = project.run(commandFor("prices.ts"));
    await running.ended;
    assertPrinted(running.output, printed.text);
  });
}

test(`docs/from-zero.md, ${LAST_HEADING}: prints the output on the page`, {
  tags: ["slow"],
  timeout: 30_000,
}, async () => {
  const [service, before, without, after] = blocksIn(LAST)
    .filter(({ language }) => language === "console")
    .map(({ text }) => patternOf(text.replace(/^\$.*\n/, "")));
  // An answer at another moment than the page shows: the node ends while it is asked, or starts, when it has no keeper
  // yet and the shop's first prices.
  const between = "(?:(?:\\[warning\\] .*|the price is .+)\\n)*?";
  await using project = await PageProject.make(PAGE);
  await project.write("shop.ts", SHOP);
  for (const [name, text] of filesIn(LAST)) await project.write(name, text);
  const env = { ERL_EPMD_PORT: `${freePort()}` };
  const prices = commandFor("-A prices.ts");
  await using first = project.run(prices, env);
  await first.printed(new RegExp(`^${service}`));
  await using ask = project.run(commandFor("ask.ts"), env);
  await ask.printed(new RegExp(`^${before}`));
  first.kill("SIGINT");
  await first.ended;
  await ask.printed(new RegExp(`^${before}${between}${without}`));
  await using second = project.run(prices, env);
  await second.printed(new RegExp(`^${service}`));
  await ask.printed(
    new RegExp(`^${before}${between}${without}${between}${after}`),
  );
});

test("docs/from-zero.md has well-typed programs", {
  tags: ["slow"],
  timeout: 60_000,
}, async () => {
  await using project = await PageProject.make(PAGE);
  await project.write("shop.ts", SHOP);
  const names: string[] = [];
  for (const [index, [, section]] of SECTIONS.entries()) {
    for (const { language, text } of blocksIn(section)) {
      // A program: it imports the modules that it uses.
      if (!/^import /m.test(text)) continue;
      assert(language.startsWith("ts"));
      names.push(`step_${index + 1}_${names.length}.ts`);
      await project.write(names.at(-1)!, text);
    }
  }
  assertEquals(names.length, 7);
  await using check = project.run(`deno check --quiet ${names.join(" ")}`);
  assertEquals([await check.ended, check.output], [0, ""]);
});
