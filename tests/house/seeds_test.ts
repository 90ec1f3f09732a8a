/** Random tests do the same in each run, unless another seed is requested, and a failure can be repeated. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const UNLUCKY = "tests/house/_unlucky.ts";

async function ran(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await outputOf(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { FUZZ_SEED: "", FUZZ_TIMES: "", ...env },
  });
  return { code, output: `${stdout}\n${stderr}` };
}

/** The failures of the unlucky tests: their seeds, paths and runs, without times. */
async function failures(env: Record<string, string>): Promise<string[]> {
  const { output } = await ran(["test", "-P=dev", "--no-check", UNLUCKY], env);
  return output.match(/\{ seed: .*|Run \d+ failed|FUZZ_SEED=.*/g) ?? [];
}

test("random tests have a fixed seed, unless FUZZ_SEED says otherwise, and print the command that repeats a failure", async () => {
  const [fixed, random] = await Promise.all([
    failures({}),
    failures({ FUZZ_SEED: "random" }),
  ]);
  assert(fixed.some((line) => line.startsWith("{ seed: 1,")), `${fixed}`);
  const seed = random.join().match(/seed: (\d+)/)?.[1] ?? "none";
  const command = `FUZZ_SEED=${seed} deno test -P=dev ${UNLUCKY}`;
  assertEquals(random.filter((line) => line.includes(command)).length, 3);
  const repeated = await failures({ FUZZ_SEED: seed });
  // The random run also prints its command before the first test.
  assertEquals([command, ...repeated], random);
});

test("deno task fuzz ends with the commands that repeat the failures, and fails", async () => {
  const args = ["run", "-P=dev", "tools/fuzz.ts", UNLUCKY];
  const { code, output } = await ran(args);
  assertEquals(code, 1);
  assertMatch(
    output,
    /\n1 runs, 1 failed\nRepeat them:\nFUZZ_SEED=\d+ deno test -P=dev \S+\n/,
  );
  const wrong = await ran(["run", "-P=dev", "tools/fuzz.ts", "--round", "2"]);
  assertEquals(wrong.code, 2);
});

/** Sources of randomness that have no seed, and files that need one: their choices decide no verdict. */
const UNSEEDED =
  /["']fast-check["']|Math\.random\(|getRandomValues\(|randomInt\(/;
const MAY: readonly string[] = [
  "_seeds.ts",
  "seeds_test.ts",
  "_epmd_helpers.ts",
];

test("tests take all their random choices from tests/_seeds.ts", async () => {
  const unseeded: string[] = [];
  const visit = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await visit(path);
      if (!name.endsWith(".ts") || MAY.includes(name)) continue;
      if (UNSEEDED.test(await Deno.readTextFile(ROOT + path))) {
        unseeded.push(path);
      }
    }
  };
  await visit("tests");
  assertEquals(unseeded, []);
});
