/** Whether planted mutations of the library are found by the scenarios, or by tests. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutants.ts";
import { compare, runTypeScript, TIMEOUT, type Traces } from "./_runner.ts";
import type { Scenario } from "./_scenario.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** Folders that neither scenarios nor tests need; a new one is copied, so that mutants do not fail for its absence. */
const SKIPPED = ["api", "bench", "coverage", "node_modules"];
/** How long a scenario may take on a mutant, in milliseconds: it may have it wait for ever. */
const MUTANT_TIMEOUT = 4000;
/** How long tests may take on a mutant, in milliseconds. */
const TESTS_TIMEOUT = 60_000;
/** How many mutants are run at once: they mostly wait. */
const AT_ONCE = 4;

/** How many of the scenarios that find a mutant are named. */
const NAMED = 3;

/**
 * Runs scenarios and tests on each mutant, and says which of them find it; whether each is found.
 *
 * They run on a copy without a mutation too, where nothing may be found: else what is found says nothing.
 */
export async function checkMutants(
  mutants: readonly Mutant[],
  scenarios: readonly Scenario[],
  expected: Traces,
): Promise<boolean> {
  const left: (Mutant | undefined)[] = [undefined, ...mutants];
  let missed = 0;
  let isSound = true;
  const check = async () => {
    while (left.length > 0) {
      const mutant = left.shift();
      const tests = mutant === undefined
        ? [...new Set(mutants.flatMap(({ tests = [] }) => tests))]
        : mutant.tests ?? [];
      const found = await findersOf(mutant, scenarios, tests, expected);
      if (mutant === undefined) isSound = found.length === 0;
      else if (found.length === 0) missed++;
      console.log(verdict(mutant, found));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, check));
  console.log(`${mutants.length} mutants, ${missed} not found`);
  return isSound && missed === 0;
}

function verdict(mutant: Mutant | undefined, found: string[]): string {
  if (mutant === undefined) {
    const all = found.map((each) => `    ${each}`);
    return ["no mutation: " + (found.length === 0 ? "equal" : "DIFFERENT")]
      .concat(all).join("\n");
  }
  if (found.length === 0) return `${mutant.name}: NOT FOUND`;
  const named = found.slice(0, NAMED).map((each) => `    ${each}`);
  const more = found.length > NAMED ? [`    …`] : [];
  return [`${mutant.name}: found by ${found.length}`, ...named, ...more]
    .join("\n");
}

/** The scenarios and tests that find a mutant; of a copy without a mutation, those that fail there. */
async function findersOf(
  mutant: Mutant | undefined,
  scenarios: readonly Scenario[],
  tests: readonly string[],
  expected: Traces,
): Promise<string[]> {
  const run = scenarios.filter(({ name }) =>
    mutant === undefined || mutant.areas?.includes(name.split(":")[0])
  );
  const tree = await copyTree();
  try {
    if (mutant !== undefined) await plant(mutant, tree);
    const failed: string[] = [];
    for (const file of tests) {
      if (!await passes(file, tree)) failed.push(`tests/${file}`);
    }
    if (run.length === 0) return failed;
    const found = await runTypeScript(
      run.map(({ name }) => name),
      mutant === undefined ? TIMEOUT : MUTANT_TIMEOUT,
      tree,
    );
    return run.filter((each) => {
      const { problem } = compare(
        each,
        expected.get(each.name),
        found.get(each.name),
      );
      return problem !== undefined;
    }).map(({ name }) => name).concat(failed);
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** Runs a file of tests in a copy of the tree; one that hangs does not pass. */
async function passes(file: string, tree: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--quiet",
      "--no-check",
      "--permission-set=dev",
      "--fail-fast",
      `tests/${file}`,
    ],
    cwd: tree,
    // It is enough to know that a life fails.
    env: { SIM_SHRINK: "0" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(TESTS_TIMEOUT),
  }).output();
  return success;
}

/** Changes a copy of the tree. */
async function plant(mutant: Mutant, tree: string): Promise<void> {
  const text = await mutated(mutant);
  await Deno.writeTextFile(join(tree, mutant.file), text);
}

/**
 * The text of a mutation's file, changed.
 *
 * @throws {Error} If what it changes is not there exactly once.
 */
export async function mutated(
  { file, from, name, to }: Mutant,
): Promise<string> {
  const text = await Deno.readTextFile(join(ROOT, file));
  const matches = text.split(from).length - 1;
  if (matches !== 1) {
    throw new Error(
      `Cannot plant the mutant "${name}": its text is ${matches} times in ${file}; change mutants.ts with the library`,
    );
  }
  return text.replace(from, () => to);
}

/** Copies what the scenarios need into a folder of its own. */
async function copyTree(): Promise<string> {
  const tree = await Deno.makeTempDir({ prefix: "conformance_mutants_" });
  for (const { name, isFile } of Deno.readDirSync(ROOT)) {
    if (isFile && /\.(ts|json|lock)$/.test(name)) {
      await Deno.copyFile(join(ROOT, name), join(tree, name));
    } else if (!isFile && !name.startsWith(".") && !SKIPPED.includes(name)) {
      await copyFolder(join(ROOT, name), join(tree, name));
    }
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
