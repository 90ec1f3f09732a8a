/** The README and the pages say what is so: its programs, its picture, its figures and its tasks. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { freePort } from "../testing/_ports.ts";
import { test } from "../testing/tags.ts";
import { play, textOf, withoutStyle } from "../tools/picture.ts";
import { announcedIn, filesIn, PageProject, readPage } from "./_pages.ts";

const README = await readPage("README.md");
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "docs/elixir.md",
  "docs/from-zero.md",
  "docs/lesson.md",
  "docs/library.md",
  "docs/otp.md",
  "docs/security.md",
  "docs/shell.md",
  "docs/testing.md",
  "bench/README.md",
];

test("the README's two programs run in a project that links a clone", {
  timeout: 30_000,
}, async () => {
  await using project = await PageProject.make(README);
  const files = filesIn(README);
  assertEquals([...files.keys()], ["kate.ts", "alex.ts"]);
  for (const [name, text] of files) await project.write(name, text);
  for (const name of files.keys()) {
    assertStringIncludes(README, `\ndeno run -A ${name}\n`);
  }
  const env = { ERL_EPMD_PORT: `${freePort()}` };
  await using kate = project.run("deno run -A kate.ts", env);
  await kate.printed("kate is up\n");
  await using alex = project.run("deno run -A alex.ts", env);
  assertEquals(await alex.ended, 0);
  assertEquals(alex.output, announcedIn(files.get("alex.ts")!));
});

test("the README's picture is what a terminal shows", {
  timeout: 60_000,
  programs: ["tmux"],
}, async () => {
  const picture = await readPage("docs/terminal.svg");
  assert(picture.length < 10_000, `it has ${picture.length} bytes`);
  const numbers = /\d+(?=\.\d+\.\d+>)|(?<=\.)\d+/g;
  // The value of a spawn and the output of the new process come from two processes: either may be first.
  const normal = (lines: string[]) =>
    lines.join("\n").replace(numbers, "0").replace(
      /(#PID<[\d.]+>)\n(Hi, my name is Kate)/,
      "$2\n$1",
    );
  assertEquals(
    normal((await play()).map(withoutStyle)),
    normal(textOf(picture)),
    "take it again: deno run -P=dev tools/picture.ts docs/terminal.svg",
  );
});

test("the README's figures are those of bench/README.md", async () => {
  const bench = await readPage("bench/README.md");
  const figures = README.match(/[\d.]+ (?:µs|k\/s|B)(?= +\|)/g) ?? [];
  assert(figures.length > 8, `only ${figures.length} figures`);
  assertEquals(figures.filter((each) => !bench.includes(`| ${each} (`)), []);
});

for (const name of PAGES) {
  test(`${name} names no task that is not there`, async () => {
    const page = await readPage(name);
    const named = [...page.matchAll(/deno task (?:-q )?([a-z]+)/g)];
    const tasks = new Set(Object.keys(config.tasks));
    assertEquals(
      named.map(([, task]) => task).filter((task) => !tasks.has(task)),
      [],
    );
  });
}
