/** The example `examples/rooms/` in Chromium: lines are written while its nodes are killed and restarted. */

import { assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { type Page, startBrowser } from "../../tools/_browser.ts";
import { PostgresServer } from "../_postgres.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";
import { Program } from "./_program.ts";

const NODES = ["rooms-1@localhost", "rooms-2@localhost", "rooms-3@localhost"];

/** `deno task rooms`. */
class Rooms {
  readonly #program: Program;
  /** How often each node has come up. */
  readonly #ups = new Map<string, number>();

  constructor(program: Program) {
    this.#program = program;
  }

  /** Waits until a node has come up once more. */
  async isUp(node: string): Promise<void> {
    const times = (this.#ups.get(node) ?? 0) + 1;
    this.#ups.set(node, times);
    await this.#program.matches(new RegExp(`(${node} is up[^]*){${times}}`));
  }

  /** Sends a signal to the program of a node, and waits until the node is back. */
  async restart(node: string, signal: Deno.Signal): Promise<void> {
    const starts = this.#program.output.matchAll(
      new RegExp(`${node} starts: process (\\d+)`, "g"),
    );
    Deno.kill(Number([...starts].at(-1)![1]), signal);
    await this.isUp(node);
  }
}

/** Opens the room in a new tab. */
async function open(page: Page, port: number, name: string): Promise<Page> {
  page.setDefaultTimeout(60_000);
  await page.goto(`http://127.0.0.1:${port}/?name=${name}`);
  await page.evaluate("globalThis.isFirst = true");
  await page.waitForSelector("text=You are at");
  return page;
}

/** The node that an element of a tab names. */
async function nodeIn(page: Page, element: string): Promise<string> {
  const named = page.locator(element, { hasText: /rooms-\d@localhost/ });
  return /rooms-\d@localhost/.exec(await named.innerText())![0];
}

/** The lines of a tab that are in the room. */
function linesOf(page: Page): Promise<string[]> {
  return page.locator("#lines li:not(.waiting)").allInnerTexts();
}

for (const store of ["SQLite", "PostgreSQL"]) {
  test(
    `deno task rooms with ${store}: a tab misses no line while nodes are killed and restarted`,
    {
      timeout: 600_000,
      programs: store === "SQLite" ? ["chromium"] : ["chromium", "postgres"],
      tags: ["slow"],
    },
    async () => {
      await using stack = new AsyncDisposableStack();
      const folder = stack.use(await temporaryFolder());
      const STORE = store === "SQLite"
        ? `${folder.path}/rooms.db`
        : stack.use(await PostgresServer.start()).url;
      const ports = [freePort(), freePort(), freePort()];
      const program = stack.use(
        new Program("rooms/try.ts", [], {
          STORE,
          PORTS: ports.join(),
          ERL_EPMD_PORT: `${freePort()}`,
        }),
      );
      // Its nodes are programs too, which it stops.
      stack.defer(async () => {
        program.kill("SIGINT");
        assertEquals((await program.status).code, 0, program.output);
      });
      const rooms = new Rooms(program);
      for (const node of NODES) await rooms.isUp(node);
      const browser = await startBrowser();
      stack.defer(() => browser.close());
      const ann = await open(await browser.newPage(), ports[0], "Ann");
      const bob = await open(await browser.newPage(), ports[1], "Bob");
      for (const page of [ann, bob]) {
        await page.waitForSelector("#present:text-is('Ann, Bob')");
      }

      // Ann writes all the time, each line once.
      await ann.evaluate(`globalThis.written = 0;
        globalThis.writing = setInterval(() => {
          if (document.querySelectorAll(".waiting").length > 20) return;
          document.querySelector("#line").value = ++written;
          document.querySelector("#form").requestSubmit();
        }, 50)`);
      const more = async () => {
        const { length } = await linesOf(bob);
        await until(async () => (await linesOf(bob)).length > length + 20);
      };
      await more();
      await rooms.restart(await nodeIn(ann, "#owner"), "SIGKILL");
      await more();
      await rooms.restart(await nodeIn(bob, "#at"), "SIGKILL");
      await more();
      for (const node of NODES) {
        await rooms.restart(node, "SIGTERM");
        await more();
      }
      const written = Number(
        await ann.evaluate("clearInterval(writing), written"),
      );
      const expected = Array.from(
        { length: written },
        (_, i) => `Ann: ${i + 1}`,
      );
      for (const page of [ann, bob]) {
        await until(async () => (await linesOf(page)).length >= written);
        assertEquals(await linesOf(page), expected);
        await page.waitForSelector("#present:text-is('Ann, Bob')");
        assertEquals(await page.evaluate("globalThis.isFirst"), true);
      }
    },
  );
}
