/** Registered names between nodes of this library and of Elixir, which is asked how it spells them. */

import { assertEquals } from "@std/assert";
import {
  atom,
  Process,
  receive,
  self,
  send,
  spawn,
  tuple,
} from "../../../mod.ts";
import { elixirPairTest, nextMessage } from "../../_elixir_pair.ts";
import fc from "../../_seeds.ts";

const ALEX = ":alex@localhost";

const word = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,12}$/);

/** Names as programs have them, and any others. */
const names = fc.oneof(
  word,
  fc.array(word, { minLength: 2, maxLength: 3 }).map((all) => all.join(".")),
  word.map((text) => `Elixir.${text}`),
  word.map((text) => `:${text}`),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
).filter((name) =>
  !["undefined", "nil", "true", "false", "main", "driver"].includes(name) &&
  // In quotes, a name is that of an atom that would get a prefix.
  !name.startsWith("'")
);

/** The atom that is a name in Elixir, by its documentation: an alias is an atom with a prefix. */
function atomOf(name: string): string {
  return /^[A-Z]/.test(name) && !/^Elixir\./.test(name)
    ? `Elixir.${name}`
    : name;
}

elixirPairTest("names are equal at both ends", async ({ kate }) => {
  await kate.evaluate("Process.register(self(), :driver)");
  const all = [
    ...new Map(
      [
        "Chat",
        "Chat.Server",
        "myServer",
        "my_server",
        "MyServer",
        "My_Server",
        "my server",
        "Elixir.Chat2",
        "Elixir",
        "ÄÖ",
        "É",
        ...fc.sample(names, 100),
      ].map((name) => [atomOf(name), name]),
    ),
  ];
  // A process here has Elixir's name without the prefix.
  const own = (name: string) => name.replace(/^Elixir\.(?=[A-Z])/, "");
  const to = self();
  const pids = all.map(([, name]) =>
    spawn(async () => {
      for (;;) send(to, [own(name), await receive()]);
    })
  );
  all.forEach(([, name], i) => Process.register(pids[i], own(name)));
  send({ name: "driver", node: kate.name }, all.map(([text]) => text));
  await kate.evaluate(`
      texts = receive do texts -> texts end
      for text <- texts, do: send({String.to_atom(text), ${ALEX}}, text)`);
  const got = new Map<unknown, unknown>();
  for (const _ of all) {
    const [name, text] = await nextMessage();
    got.set(name, text);
  }
  for (const [text, name] of all) assertEquals(got.get(own(name)), text);
  // The other way, by a text and by an atom.
  await kate.evaluate(`
      for text <- texts do
        name = String.to_atom(text)
        pid = spawn(fn ->
          loop = fn loop -> receive do m -> send({:main, ${ALEX}}, [m, text]); loop.(loop) end end
          loop.(loop)
        end)
        Process.register(pid, name)
      end
      :ok`);
  for (const [text, name] of all) {
    send({ name, node: kate.name }, tuple("text", name));
    assertEquals(await nextMessage(), [tuple("text", name), text]);
    send({ name: atom(text), node: kate.name }, tuple("atom", name));
    assertEquals(await nextMessage(), [tuple("atom", name), text]);
  }
  for (const pid of pids) Process.exit(pid, "kill");
});
