/** The lesson with Elixir's own application at one end, and this library's at the other, each at its prompt. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { withFolder } from "../_cli.ts";
import { StockEpmd } from "../_elixir.ts";
import { Prompt, type PromptOptions } from "../_prompts.ts";

const OPTIONS = { programs: ["iex", "mix"], timeout: 120_000, tags: ["cli"] };

/** A language: how its prompt spells what the lesson does, and prints results. */
interface Language {
  name: string;
  start: (name: string, options: PromptOptions) => Prompt;
  sendMessage: (to: string, message: string) => string;
  ok: string;
}

const ELIXIR: Language = {
  name: "Elixir",
  start: (name, options) => Prompt.iex(name, options),
  sendMessage: (to, message) => `Chat.send_message(:"${to}", "${message}")`,
  ok: ":ok",
};

const OURS: Language = {
  name: "TypeScript",
  start: (name, options) => Prompt.chat(name, options),
  sendMessage: (to, message) => `await Chat.sendMessage("${to}", "${message}")`,
  ok: '"ok"',
};

const [ALEX, KATE, MOEBI] = ["alex", "kate", "moebi"].map((each) =>
  `${each}@localhost`
);

for (
  const [alex, moebi, kate] of [
    [ELIXIR, OURS, OURS],
    [OURS, ELIXIR, ELIXIR],
    [ELIXIR, ELIXIR, OURS],
    [OURS, OURS, ELIXIR],
  ]
) {
  test(
    `the chat of alex in ${alex.name}, moebi in ${moebi.name} and kate in ${kate.name}`,
    OPTIONS,
    () =>
      withFolder(async (folder) => {
        await using epmd = await StockEpmd.start();
        const options = { epmdPort: epmd.port, folder };
        await using a = alex.start(ALEX, options);
        await using m = moebi.start(MOEBI, options);
        await using k = kate.start(KATE, options);
        // The nodes and their applications have started.
        await a.enter(alex.sendMessage(ALEX, "up"));
        await a.prints(alex.ok);
        await k.enter(kate.sendMessage(KATE, "up"));
        await k.prints(kate.ok);
        await m.enter(moebi.sendMessage(KATE, "up"));
        await k.prints("up", 2);

        await a.enter(alex.sendMessage(KATE, "hi kate"));
        await a.prints(alex.ok, 2);
        await k.prints("hi kate");
        await k.enter(kate.sendMessage(ALEX, "how are you?"));
        await k.prints(kate.ok, 2);
        await a.prints("how are you?");

        await a.enter(alex.sendMessage(MOEBI, "hi moebi"));
        await m.prints("hi moebi");
        await a.prints("chicken?");
        await a.prints(alex.ok, 3);
        const { lines } = a;
        assert(lines.lastIndexOf("chicken?") < lines.lastIndexOf(alex.ok));

        await k.enter(kate.sendMessage(MOEBI, "and me?"));
        await m.prints("and me?");
        await k.prints("chicken?");
        await k.prints(kate.ok, 3);
        const seen = (prompt: Prompt) =>
          prompt.lines.filter((line) => /^(hi |how|chicken|and)/.test(line));
        assertEquals(seen(a), ["how are you?", "chicken?"]);
        assertEquals(seen(k), ["hi kate", "chicken?"]);
        assertEquals(seen(m), ["hi moebi", "and me?"]);
      }),
  );
}
