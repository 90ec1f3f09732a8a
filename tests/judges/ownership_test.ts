/** A model of which node may answer for a key, which spin searches whole. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";

const MODEL = fileURLToPath(new URL("ownership.pml", import.meta.url));
const ENTITIES = new URL("../../packages/entities/", import.meta.url);

/** Searches all states of the model with some definitions; returns what spin's program prints. */
async function search(...definitions: string[]): Promise<string> {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const run = async (program: string, args: string[]) => {
    const { code, stdout, stderr } = await outputOf(program, { args, cwd });
    assertEquals(code, 0, `${program}: ${stdout}${stderr}`);
    return stdout;
  };
  await run("spin", ["-a", ...definitions.map((each) => `-D${each}`), MODEL]);
  const flags = ["-w", "-O1", "-DSAFETY", "-DMEMLIM=2000", "-DVECTORSZ=1024"];
  await run("gcc", [...flags, "-o", "pan", "pan.c"]);
  return await run(join(cwd, "pan"), ["-E", "-m300000", "-w22"]);
}

/** The searches take twenty seconds of a core, so only CI runs them. */
const SEARCH = { programs: ["spin", "gcc"], tags: ["slow"], timeout: 300_000 };

/** The bounds of each search. Their states are too many together. */
const BOUNDS = [
  ["JOINS=1", "MOVES=1", "WRITES=1"],
  ["JOINS=0", "MOVES=3", "WRITES=0"],
  ["JOINS=1", "MOVES=2", "WRITES=0"],
  ["JOINS=0", "MOVES=1", "WRITES=2"],
  ["JOINS=0", "MOVES=1", "WRITES=1", "BACKS=1"],
];

test(
  "one node answers for a key, and no answered write is lost",
  SEARCH,
  async () => {
    await Promise.all(BOUNDS.map(async (bounds) => {
      const output = `${bounds.join(" ")}\n${await search(...bounds)}`;
      assertMatch(output, /errors: 0\n/);
      // A search that was cut off has judged less than it says.
      assert(!/not completed|max search depth too small/.test(output), output);
      const [, states] = output.match(/(\d+) states, stored/)!;
      assert(Number(states) > 10_000, output);
    }));
  },
);

const ERRORS = {
  "the store ignores owners and epochs": ["NO_EPOCH_CHECK", ...BOUNDS[1]],
  "a lease counts from the answer": ["LEASE_FROM_ANSWER", ...BOUNDS[0]],
  "answers leave without a lease": ["NO_GATE", ...BOUNDS[0]],
  "a shard opens again when an answer is late": ["REOPENS", ...BOUNDS[0]],
  "a wall clock prolongs a lease": ["WALL_CLOCK", ...BOUNDS[0]],
  "a node is removed before its lease is over": ["DEAD=0", ...BOUNDS[0]],
};

test("the model finds planted errors", SEARCH, async () => {
  await Promise.all(
    Object.entries(ERRORS).map(async ([error, definitions]) =>
      assertMatch(
        await search(...definitions),
        /assertion violated/,
        `not found: ${error}`,
      )
    ),
  );
});

test("each action of the model names a method that does it", async () => {
  const model = await Deno.readTextFile(MODEL);
  const sources: string[] = [];
  for await (const { name } of Deno.readDir(ENTITIES)) {
    if (!name.endsWith(".ts")) continue;
    sources.push(await Deno.readTextFile(new URL(name, ENTITIES)));
  }
  const named = [...model.matchAll(/\/\* \[(\w+)\.(#?\w+)\]/g)];
  // Planted errors are not actions of the code.
  const errors = [...model.matchAll(/\/\* An error: /g)].length;
  const actions = [...model.matchAll(/^ {2}:: d_step/gm)].length;
  assertEquals(named.length, actions - errors);
  const missing = named.filter(([, owner, method]) =>
    !sources.some((source) => {
      const start = source.search(
        RegExp(`^export (class|interface) ${owner}\\b`, "m"),
      );
      if (start === -1) return false;
      const body = source.slice(start, source.indexOf("\n}", start));
      return RegExp(`^  (async |get )?${method}[(<]`, "m").test(body);
    })
  ).map(([text]) => text);
  assertEquals(missing, []);
});
