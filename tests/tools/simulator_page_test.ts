/** The page of `tools/simulator/` in Chromium: a simulated cluster whose nodes the test kills. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { pathToFileURL } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { type Page, startBrowser } from "../../tools/_browser.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";

const ROOT = new URL("../../", import.meta.url);

interface Shard {
  owner: string;
  epoch: number;
  servers: string;
}

async function shardsOf(page: Page): Promise<Shard[]> {
  const rows = (await page.locator("#shards").innerText()).split("\n");
  return rows.map((row) => row.split("\t").map((text) => text.trim())).map((
    [, , owner, epoch, servers],
  ) => ({ owner, epoch: Number(epoch), servers }));
}

async function okCalls(page: Page): Promise<number> {
  return Number.parseInt(await page.innerText("#counts"));
}

/** Waits until more calls have had a result. */
async function callsGoOn(page: Page): Promise<void> {
  const before = await okCalls(page);
  await until(async () => await okCalls(page) >= before + 20);
}

test(
  "deno task simulator: in a browser, other nodes take over from one that is killed or loses the database",
  { timeout: 240_000, programs: ["chromium"] },
  async () => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const file = `${folder.path}/simulator.html`;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-P=dev", "tools/simulator/main.ts", file],
      cwd: ROOT,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));

    const browser = await startBrowser();
    stack.defer(() => browser.close());
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error.stack)));

    // The page without its code says how to get it.
    await page.goto(new URL("docs/simulator.html", ROOT).href);
    assertMatch(await page.innerText("body"), /deno task simulator/);

    await page.goto(pathToFileURL(file).href);
    await page.selectOption("#speed", "5");
    await until(async () =>
      (await shardsOf(page)).length === 4 && await okCalls(page) >= 20
    );

    // A program that has lost its process in a wait would call from the first node.
    for (const name of ["alex", "kate", "moebi"]) {
      await until(async () =>
        (await page.innerText("#calls")).includes(`\t${name}\t`)
      );
    }

    const press = (button: string) =>
      page.getByRole("button", { name: button, exact: true }).click();
    // Strikes the owner of the first shard, and waits until another node serves the shard under a higher epoch.
    const strike = async (fault: (owner: string) => string) => {
      const [{ owner, epoch }] = await shardsOf(page);
      await press(fault(owner));
      await until(async () => {
        const shards = await shardsOf(page);
        return shards.every((shard) =>
          shard.owner !== owner && shard.servers === shard.owner
        ) && shards[0].epoch > epoch;
      });
      await callsGoOn(page);
      return owner;
    };
    const killed = await strike((owner) => `Kill ${owner}`);
    assertEquals(await page.textContent(`#state-${killed}`), "dead");
    await press(`Start ${killed}`);
    await until(async () =>
      await page.textContent(`#state-${killed}`) === "up"
    );

    const parted = await strike((owner) => `Cut ${owner} – database`);
    await press(`Join ${parted} – database`);
    await callsGoOn(page);

    const events = await page.innerText("#events");
    assert(events.includes(`between ${parted} and database is joined`), events);
    assertMatch(await page.innerText("#promise"), /^kept: [1-9]/);
    assertEquals(errors, []);
  },
);
