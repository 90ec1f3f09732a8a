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

const [PROSE, TABLES] = PAGE.split("\n## Elixir → here\n");

/** The last cell of each row: the others are in Elixir's words. */
const CELLS = TABLES.split("\n").map((row) => row.split(" | ").slice(1).join());

/** The modules' functions that a text names. */
function namedIn(text: string): string[] {
  const names = MODULES.map(([name]) => name).join("|");
  const pattern = new RegExp(`(?<![:.\\w])(?:${names})\\.[a-z]\\w*`, "g");
  return text.match(pattern) ?? [];
}

test("docs/otp.md has a row for every function", () => {
  const named = new Set(namedIn(CELLS.join("\n")));
  assertEquals([...THERE].filter((name) => !named.has(name)), []);
});

test("docs/otp.md names no function that does not exist", () => {
  const named = namedIn([PROSE, ...CELLS].join("\n"));
  assertEquals(named.filter((name) => !THERE.has(name)), []);
});
