/** The quick start of `docs/elixir.md`, typed as printed into iex and the chat. */

import { assert, assertEquals } from "@std/assert";
import { GenServer } from "../../otp/gen_server/gen_server.ts";
import { test } from "../../testing/tags.ts";
import { withFolder } from "../_cli.ts";
import { StockEpmd } from "../_elixir.ts";
import { elixirPairTest } from "../_elixir_pair.ts";
import { blocksIn, readPage, sectionsOf } from "../_pages.ts";
import { Prompt } from "../_prompts.ts";

const AT_PROMPT = /^(iex|chat)\((?:kate|alex)@localhost\)\d+> (.*)$/;

test(
  "the quick start of elixir.md prints at both prompts what it shows",
  { programs: ["iex", "mix"], timeout: 120_000, tags: ["cli"] },
  () =>
    withFolder(async (folder) => {
      const page = sectionsOf(await readPage("docs/elixir.md"));
      const lines = blocksIn(page.get("Quick start")!)
        .filter(({ language }) => language === "console")
        .flatMap(({ text }) => text.trimEnd().split("\n"));
      await using epmd = await StockEpmd.start();
      const options = { epmdPort: epmd.port, folder };
      await using kate = Prompt.iex("kate@localhost", options);
      await using alex = Prompt.chat("alex@localhost", options);
      // The application of kate has started.
      await kate.enter(":application.which_applications() |> length() > 3");
      await kate.prints("true");
      let prompt = kate;
      const times = new Map<string, number>();
      let entered = 0;
      for (const line of lines) {
        const [, which, code] = AT_PROMPT.exec(line) ?? [];
        if (line.startsWith("$") || code === "" || /\d>$/.test(line)) continue;
        if (code === undefined) {
          const key = `${prompt === kate} ${line}`;
          times.set(key, (times.get(key) ?? 0) + 1);
          await prompt.prints(line, times.get(key));
          continue;
        }
        const next = which === "iex" ? kate : alex;
        if (next !== prompt) {
          // All that was typed there has run.
          await prompt.enter(`"done ${entered}"`);
          await prompt.prints(`"done ${entered}"`);
        }
        prompt = next;
        await prompt.enter(code);
        entered++;
      }
      assertEquals(entered, 10);
      await kate.prints("hi from TypeScript");
      await alex.prints("hi from Elixir");
      assert(times.size >= 8);
    }),
);

elixirPairTest("elixir.md's server is called as shown", async ({ kate }) => {
  const page = sectionsOf(await readPage("docs/elixir.md"));
  const blocks = blocksIn(page.get("GenServers")!);
  const of = (language: string) =>
    blocks.find((block) => block.language === language)!.text;
  const [program] = of("ts").split("\nawait GenServer.start(");
  await withFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/store.ts`,
      `${program}\nexport { Store };\n`,
    );
    const { Store } = await import(`file://${folder}/store.ts`);
    await GenServer.start(Store, undefined, { name: "Store" });
  });
  // Each line matches a pattern.
  await kate.evaluate(of("elixir"));
  assertEquals(await kate.evaluate("GenServer.call(store, :size)"), "0");
});
