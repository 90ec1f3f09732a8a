/** The quick start of `docs/elixir.md`, typed as printed into iex and the chat. */

import { assertEquals } from "@std/assert";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { test } from "../../packages/testing/tags.ts";
import { withFolder } from "../_cli.ts";
import { StockEpmd } from "../_elixir.ts";
import { elixirPairTest } from "../_elixir_pair.ts";
import { blocksIn, readPage, sectionsOf } from "../_pages.ts";
import { Prompt } from "../_prompts.ts";
import { Program } from "../examples/_program.ts";

const AT_PROMPT = /^(iex|chat)\((?:app|alex)@localhost\)\d+> (.*)$/;

/** Waits in Elixir until names and groups of both nodes are known; the page's reader types slower than that. */
const CONNECTED =
  `:global.sync(); {ref, members} = :pg.monitor(Phoenix.PubSub, Editor.PubSub.Adapter); \
(if length(members) < 2, do: (receive do {^ref, :join, _, _} -> :ok end)); :connected`;

test(
  "the quick start of elixir.md prints at both prompts what it shows",
  { programs: ["iex"], timeout: 120_000, tags: ["cli"] },
  () =>
    withFolder(async (folder) => {
      const page = sectionsOf(await readPage("docs/elixir.md"));
      const blocks = blocksIn(page.get("Quick start")!);
      const lines = blocks.filter(({ language }) => language === "console")
        .flatMap(({ text }) => text.trimEnd().split("\n"));
      await using epmd = await StockEpmd.start();
      await using node = new Program("elixir_cluster/node.ts", [
        ...["--sname", "scripts@localhost", "--cookie", "secret_token"],
      ], { ERL_EPMD_PORT: `${epmd.port}` });
      await node.matches(/scripts@localhost is up/);
      const options = { epmdPort: epmd.port, folder };
      await using app = Prompt.iex(
        "app@localhost",
        options,
        "elixir_cluster",
        ["-r", "phoenix_pubsub.ex"],
      );
      await using alex = Prompt.chat("alex@localhost", options);
      let prompt = app;
      const times = new Map<string, number>();
      let entered = 0;
      for (const line of lines) {
        const [, which, code] = AT_PROMPT.exec(line) ?? [];
        if (line.startsWith("$") || code === "" || /\d>$/.test(line)) continue;
        if (code === undefined) {
          const key = `${prompt === app} ${line}`;
          times.set(key, (times.get(key) ?? 0) + 1);
          await prompt.prints(line, times.get(key));
          continue;
        }
        const next = which === "iex" ? app : alex;
        if (next !== prompt) {
          // All that was typed there has run.
          await prompt.enter(`"done ${entered}"`);
          await prompt.prints(`"done ${entered}"`);
        }
        prompt = next;
        await prompt.enter(code);
        entered++;
        if (code.includes("Node.connect(:")) {
          await app.enter(CONNECTED);
          await app.prints(":connected");
        }
      }
      assertEquals(entered, 12);
      await alex.enter('"done"');
      await alex.prints('"done"');
      await node.matches(/Checking let 1 = a/);
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
  assertEquals(await kate.evaluate("GenServer.call(store, :size)"), "1");
});
