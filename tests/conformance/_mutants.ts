/** Whether planted mutations of the library are found by the scenarios. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutants.ts";
import { compare, runTypeScript, type Traces } from "./_runner.ts";
import type { Scenario } from "./_scenario.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** What the scenarios need of the tree. */
const FOLDERS = [
  "chat",
  "cli",
  "distribution",
  "protocol",
  "runtime",
  "shell",
  "testing",
  "tests/conformance",
  "tools/offline_std",
  "wires",
];
/** How long a scenario may take, in milliseconds: a mutant may have it wait for ever. */
const TIMEOUT = 3000;
/** How many mutants are run at once: they mostly wait. */
const AT_ONCE = 4;

/** Runs scenarios on each mutant, and says which of them find it; whether each is found. */
export async function checkMutants(
  mutants: readonly Mutant[],
  scenarios: readonly Scenario[],
  expected: Traces,
): Promise<boolean> {
  const left = [...mutants];
  const missed: string[] = [];
  const check = async () => {
    for (
      let mutant = left.shift();
      mutant !== undefined;
      mutant = left.shift()
    ) {
      const found = await findersOf(mutant, scenarios, expected);
      if (found.length === 0) missed.push(mutant.name);
      const verdict = found.length === 0
        ? "NOT FOUND"
        : `found by ${found.length}`;
      console.log(
        [`${mutant.name}: ${verdict}`, ...found.map((each) => `    ${each}`)]
          .join("\n"),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, check));
  console.log(`${mutants.length} mutants, ${missed.length} not found`);
  return missed.length === 0;
}

/** The scenarios that find a mutant. */
async function findersOf(
  mutant: Mutant,
  scenarios: readonly Scenario[],
  expected: Traces,
): Promise<string[]> {
  const run = scenarios.filter(({ name }) =>
    mutant.areas.includes(name.split(":")[0])
  );
  const tree = await plant(mutant);
  try {
    const found = await runTypeScript(
      run.map(({ name }) => name),
      TIMEOUT,
      tree,
    );
    return run.filter((each) => {
      const { problem } = compare(
        each,
        expected.get(each.name),
        found.get(each.name),
      );
      return problem !== undefined;
    }).map(({ name }) => name);
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** A copy of the tree with the mutation. */
async function plant({ file, from, name, to }: Mutant): Promise<string> {
  const tree = await copyTree();
  const path = join(tree, file);
  const text = await Deno.readTextFile(path);
  const matches = text.split(from).length - 1;
  if (matches !== 1) {
    throw new Error(
      `Cannot plant the mutant "${name}": its text is ${matches} times in ${file}; change mutants.ts with the library`,
    );
  }
  await Deno.writeTextFile(path, text.replace(from, () => to));
  return tree;
}

/** Copies what the scenarios need into a folder of its own. */
async function copyTree(): Promise<string> {
  const tree = await Deno.makeTempDir({ prefix: "conformance_mutants_" });
  for (const { name, isFile } of Deno.readDirSync(ROOT)) {
    if (isFile && /\.(ts|json|lock)$/.test(name)) {
      await Deno.copyFile(join(ROOT, name), join(tree, name));
    }
  }
  for (const folder of FOLDERS) {
    await copyFolder(join(ROOT, folder), join(tree, folder));
  }
  return tree;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}
