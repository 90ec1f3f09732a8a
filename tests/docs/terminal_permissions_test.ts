/** The commands of pages that grant few permissions ask nothing in a terminal: they need no more than they grant. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";
import { blocksIn, filesIn, readPage, sectionsOf } from "../_pages.ts";
import { IN_TERMINAL, openTerminal } from "../_terminal.ts";
import { temporaryFolder } from "../_temporary.ts";

const README = await readPage("README.md");

/** Runs a command in a terminal until the screen matches; fails if Deno asks for a permission. */
async function assertAsksNothing(
  home: string,
  command: string,
  until: RegExp,
): Promise<void> {
  // The terminal runs it when its own program has ended.
  const options = { home, width: 300, after: command };
  await using terminal = await openTerminal(["--version"], options);
  const screen = await terminal.shows(
    new RegExp(`Allow\\?|^error: |${until.source}`, "m"),
  );
  assert(!/Allow\?|^error: /m.test(screen), screen);
}

/** The only block of a page that runs the chat with some permissions, in a folder of the test. */
async function chatOf(page: string, names: string[], home: string) {
  const found = blocksIn(await readPage(page)).filter(({ text }) =>
    text.includes("deno run --allow-net=127.0.0.1")
  );
  assertEquals(found.length, 1);
  let command = found[0].text.trimEnd().replace(/^deno task .*\n/m, "");
  for (const name of names) {
    command = command.replaceAll(
      new RegExp(`(?<=[ =,])(\\./)?${name}`, "g"),
      `${home}/${name}`,
    );
  }
  return `${command} --epmd-port ${freePort()}`;
}

test(
  "README: its few permissions are enough, and Deno asks for no more",
  { ...IN_TERMINAL, timeout: 180_000 },
  async () => {
    await using folder = await temporaryFolder();
    const home = folder.path;
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const epmdPort = freePort();
    // The program cannot read ERL_EPMD_PORT.
    const hello = filesIn(README).get("hello.ts")!
      .replaceAll(/name: "\w+@localhost"/g, `$&, epmdPort: ${epmdPort}`);
    await Deno.writeTextFile(`${home}/hello.ts`, hello);
    await Deno.writeTextFile(
      `${home}/deno.json`,
      blocksIn(README)
        .find(({ language }) => language === "json")!.text
        .replace("../distribution", root),
    );
    const flags = [
      ...sectionsOf(README).get("Start with Deno")!
        .matchAll(/`(--allow-[^`]+)`/g),
    ].map(([, text]) => text.replaceAll("\n", " "));
    assertEquals(flags.length, 2);
    // The first one creates the cookie.
    for (const some of [flags, flags.slice(0, 1)]) {
      const command = `cd ${home}; deno run ${some.join(" ")} hello.ts`;
      await assertAsksNothing(home, command, /^DOWN normal$/);
    }
  },
);

test("library.md and security.md: their chats start without a question", {
  ...IN_TERMINAL,
  timeout: 180_000,
}, async () => {
  await using folder = await temporaryFolder();
  const home = folder.path;
  await Deno.writeTextFile(`${home}/.erlang.cookie`, "c".repeat(20), {
    mode: 0o400,
  });
  await Deno.writeTextFile(`${home}/mine.ts`, "export const one = () => 1;\n");
  const mine = await chatOf("docs/library.md", ["mine.ts"], home);
  await assertAsksNothing(home, mine, /\)1> ?$/);
  const { code, stderr } = await outputOf(Deno.execPath(), {
    args: ["task", "certs", `${home}/certs`, "alex@localhost"],
  });
  assertEquals(code, 0, stderr);
  const tls = await chatOf("docs/security.md", ["certs"], home);
  await assertAsksNothing(home, tls, /\)1> ?$/);
});

test(
  "from-zero.md: a program without a node needs no permission",
  IN_TERMINAL,
  async () => {
    await using folder = await temporaryFolder();
    const home = folder.path;
    const page = await readPage("docs/from-zero.md");
    const [program] = blocksIn(sectionsOf(page).get("4. A monitor")!);
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const [settings] = blocksIn(page).filter(({ language }) =>
      language === "json"
    );
    await Deno.writeTextFile(`${home}/prices.ts`, program.text);
    const shop = filesIn(page).get("shop.ts")!;
    await Deno.writeTextFile(`${home}/shop.ts`, shop);
    await Deno.writeTextFile(
      `${home}/deno.json`,
      settings.text.replace("../distribution", root),
    );
    const command = `cd ${home}; deno run prices.ts; echo "code $?"`;
    await assertAsksNothing(home, command, /^code 0$/);
  },
);
