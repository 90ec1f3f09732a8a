/** docs/websockets.md: its program on two nodes, with a real browser. */

import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { type Page, startBrowser } from "../../tools/_browser.ts";
import { blocksIn, filesIn, PageProject, readPage } from "../_pages.ts";

/** Waits for a line of the page's list. */
async function shows(page: Page, text: string): Promise<void> {
  await page.locator("#log li", { hasText: text }).first().waitFor();
}

async function write(page: Page, line: string): Promise<void> {
  await page.locator("#line").fill(line);
  await page.locator("#line").press("Enter");
}

test(
  "docs/websockets.md: two nodes, one lobby, and a browser that moves when its node leaves",
  { timeout: 120_000, programs: ["chromium"] },
  async () => {
    const guide = await readPage("docs/websockets.md");
    await using beside = await PageProject.make(await readPage("README.md"));
    const ports = ["8001", "8002"].map((stated) =>
      [stated, `${freePort()}`] as const
    );
    const withPorts = (text: string) =>
      ports.reduce((all, [stated, port]) => all.replaceAll(stated, port), text);
    for (const [name, text] of filesIn(guide)) {
      await beside.write(name, withPorts(text));
    }
    const commands = blocksIn(guide).filter(({ language }) => language === "sh")
      .map(({ text }) => withPorts(text.trimEnd()));
    assertEquals(commands.length, 2);
    const env = { ERL_EPMD_PORT: `${freePort()}`, HOME: Deno.env.get("HOME")! };
    await using added = beside.run("deno add --quiet npm:ws", env);
    assertEquals(await added.ended, 0, added.output);
    await using first = beside.run(commands[0], env);
    await first.printed("Listening");
    await using second = beside.run(commands[1], env);
    await second.printed("Listening");

    const browser = await startBrowser();
    await using _browser = { [Symbol.asyncDispose]: () => browser.close() };
    const [one, two] = await Promise.all(ports.map(async ([, port], i) => {
      const page = await browser.newPage();
      // Each opens a host of its own; the page tries the first host first.
      await page.addInitScript(`Math.random = () => ${i}`);
      await page.goto(`http://127.0.0.1:${port}`);
      await shows(page, `you are at web${i + 1}`);
      return page;
    }));
    await write(one, "hello from one");
    await shows(two, "hello from one");

    // The node of a page leaves: the page goes on with the other one, and the program ends well.
    first.kill("SIGTERM");
    await shows(one, "you are at web2");
    await write(two, "still here");
    await shows(one, "still here");
    assertEquals(await first.ended, 0, first.output);
    assert(!second.output.includes("error"), second.output);
  },
);
