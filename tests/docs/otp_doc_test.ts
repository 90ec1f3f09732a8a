/** `docs/otp.md` names every function of its modules, and none that does not exist. */

import * as library from "../../mod.ts";
import { assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";

const PAGE = await Deno.readTextFile(
  new URL("../../docs/otp.md", import.meta.url),
);

/** The modules of the page: those in the shell's scope. */
const MODULES = Object.entries(library).filter(([, value]) =>
  typeof value === "object" || String(value).startsWith("class")
) as [string, object][];

/** A module's functions, by their names in code. */
function functionsOf(name: string, module: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(module))
    .filter(([key, { value }]) =>
      typeof value === "function" && /^[a-z]/.test(key)
    )
    .map(([key]) => `${name}.${key}`);
}

const THERE = new Set(
  MODULES.flatMap(([name, module]) => functionsOf(name, module)),
);

const [PROSE, LISTS, TABLE, ABSENT] = PAGE.split(
  /\n## Elixir → here\n|\n### Other names\n|\n### Not there\n/,
);

/** The functions that have Elixir's names, from the list of each module. */
const LISTED = [...LISTS.matchAll(/^- \*\*(\w+)\*\*(?:[^\n]|\n {2})*/gm)]
  .filter(([, module]) => module in library)
  .flatMap(([item, module]) =>
    [...item.matchAll(/`([a-z]\w*)`/g)].map(([, name]) => `${module}.${name}`)
  );

/** A half of each item of a list; the other one is in Elixir's words. */
function halves(list: string, index: number): string {
  return list.split(/^- /m).slice(1).map((item) =>
    item.split(/:\s(?![^{]*})/)[index]
  ).join("\n");
}

/** The modules' functions that a text names. */
function namedIn(text: string): string[] {
  const names = MODULES.map(([name]) => name).join("|");
  const pattern = new RegExp(`(?<![:.\\w])(?:${names})\\.[a-z]\\w*`, "g");
  return text.match(pattern) ?? [];
}

const OTHERS = namedIn(halves(TABLE, 0));

test("docs/otp.md has every function in a list", () => {
  const named = new Set([...LISTED, ...OTHERS]);
  assertEquals([...THERE].filter((name) => !named.has(name)), []);
});

test("docs/otp.md names no function that does not exist", () => {
  const named = [...LISTED, ...OTHERS, ...namedIn(PROSE + halves(ABSENT, 1))];
  assertEquals(named.filter((name) => !THERE.has(name)), []);
});
