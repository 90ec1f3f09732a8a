/** The README: its commands, programs, picture and figures; and the tasks that pages name. */

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { play, textOf, withoutStyle } from "../../tools/picture.ts";
import {
  announcedIn,
  blocksIn,
  filesIn,
  PageProject,
  readPage,
} from "../_pages.ts";

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

const BLOCKS = blocksIn(README).filter(({ language }) => language === "sh")
  .map(({ text }) => text.trimEnd());

/** The commands of README.md by the first line of their block, and the test that runs each as printed. */
const RUN_BY = {
  "(cd ../distribution && npx -y deno@2.9.6 task pack otp.tgz)": "pack_test.ts",
  "node hello.ts": "pack_test.ts",
  "mkdir my-app": "readme_test.ts",
  "deno run -A hello.ts": "readme_test.ts",
  "npx -y deno@2.9.6 task demo   # three nodes play the lesson; one is Elixir's, if installed":
    "demo_test.ts",
};

test("README.md has no untested command", () => {
  assertEquals(BLOCKS.map((text) => text.split("\n")[0]), Object.keys(RUN_BY));
});

test("the README's commands run its program in a new project", {
  timeout: 60_000,
}, async () => {
  const make = BLOCKS.find((text) => text.startsWith("mkdir"))!;
  const command = BLOCKS.find((text) => text.startsWith("deno run"))!;
  const files = filesIn(README);
  assertEquals([...files.keys()], ["hello.ts"]);
  await using beside = await PageProject.make(README);
  // One beside the clone, by the commands of the page.
  await using making = beside.run(`cd ..\n${make}\npwd`);
  assertEquals(await making.ended, 0, making.output);
  const project = beside.at(making.output.trimEnd());
  const [config] = blocksIn(README).filter(({ language }) =>
    language === "json"
  );
  for (
    const [name, text] of [...files, ["deno.json", config.text]] as const
  ) await project.write(name, text);

  const flags = [...README.matchAll(/`((?:--allow-\w+=\S+\s?)+)`/g)]
    .map(([, text]) => text.replaceAll("\n", " "));
  assertEquals(flags.length, 2, "of those with the cookie, and to create it");
  const env = { ERL_EPMD_PORT: `${freePort()}` };
  // The port of the test is not on the page.
  const granted = flags.map((each) =>
    each.replace("--allow-env=HOME", "--allow-env=HOME,ERL_EPMD_PORT")
  );
  const restricted = (...flags: string[]) =>
    command.replace("-A", ["--no-prompt", ...flags].join(" "));
  // The first node creates the cookie.
  for (
    const each of [restricted(...granted), restricted(granted[0]), command]
  ) {
    await using hello = project.run(each, env);
    assertEquals(await hello.ended, 0, hello.output);
    assertEquals(hello.output, announcedIn(files.get("hello.ts")!));
  }
});

test("the README's picture is up to date", {
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

for (const name of PAGES) {
  test(`${name} names only tasks that exist`, async () => {
    const page = await readPage(name);
    const named = [...page.matchAll(/deno task (?:-q )?([a-z]+)/g)];
    const tasks = new Set(Object.keys(config.tasks));
    assertEquals(
      named.map(([, task]) => task).filter((task) => !tasks.has(task)),
      [],
    );
  });
}
