/** Checks that the scenarios, or tests, find planted mutations of the library. */

import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findTestFiles } from "../../testing/_files.ts";
import type { Mutant } from "./mutants.ts";
import {
  compare,
  compareMixed,
  type Elixir,
  type Outcome,
  runTypeScript,
  TIMEOUT,
  type Trace,
  type Traces,
} from "./_runner.ts";
import type { Scenario } from "./_scenario.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
/**
 * The folders that neither scenarios nor tests need; a new folder is copied, so that mutants do not fail for
 * its absence.
 */
const SKIPPED = ["api", "bench", "coverage", "node_modules"];
/** The time limit for a scenario on a mutant, in milliseconds: the mutation may make it wait for ever. */
// safe: a mutant that hangs is found; scenarios that are slow only find more
const MUTANT_TIMEOUT = 4000;
/** The time limit for tests on a mutant, in milliseconds. */
const TESTS_TIMEOUT = 60_000;
/** The number of mutants that run at once: they mostly wait. */
const AT_ONCE = 4;

/**
 * Runs scenarios and tests on each mutant, and reports which of them finds it; returns whether each is found.
 * With `all`, it runs all of them on each, and reports how many find it.
 *
 * They run on a copy without a mutation too, on which none may fail: otherwise the findings mean nothing.
 */
export async function checkMutants(
  mutants: readonly Mutant[],
  { scenarios, mixed, elixir, expected, all }: Scenarios,
): Promise<boolean> {
  // Without Elixir, there are no mixed runs.
  const wanted = mutants.filter(({ areas = [], tests = [] }) =>
    elixir !== undefined || areas.length + tests.length > 0
  );
  const left: (Mutant | undefined)[] = [undefined, ...wanted];
  let missed = 0;
  let isSound = true;
  const check = async () => {
    // One copy for many mutants: Deno's cache then has all files but the mutated one.
    await using tree = await Tree.copy();
    while (left.length > 0) {
      const mutant = left.shift();
      const tests = mutant === undefined
        ? [...new Set(mutants.flatMap(({ tests = [] }) => tests))]
        : mutant.tests ?? [];
      const isOf = (areas: readonly string[] = []) => ({ name }: Scenario) =>
        areas.includes(name.slice(0, name.indexOf(":")));
      const inMixed = mutant === undefined
        ? wanted.flatMap(({ mixed = [] }) => mixed)
        : mutant.mixed;
      if (mutant !== undefined) await tree.plant(mutant);
      const found = await findersOf(tree.root, {
        scenarios: mutant === undefined
          ? scenarios
          : scenarios.filter(isOf(mutant.areas)),
        mixed: mixed.filter(isOf(inMixed)),
        elixir,
        tests,
        expected,
        timeout: mutant === undefined ? TIMEOUT : MUTANT_TIMEOUT,
        all: all || mutant === undefined,
      });
      if (mutant !== undefined) await tree.restore(mutant);
      if (mutant === undefined) isSound = found.length === 0;
      else if (found.length === 0) missed++;
      console.log(verdict(mutant, found, all));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, check));
  const skipped = mutants.length - wanted.length;
  if (skipped > 0) console.log(`${skipped} mutants skipped: they need Elixir`);
  console.log(`${wanted.length} mutants, ${missed} not found`);
  return isSound && missed === 0;
}

function verdict(
  mutant: Mutant | undefined,
  found: string[],
  all: boolean,
): string {
  const lines = found.map((each) => `    ${each}`);
  if (mutant === undefined) {
    return ["no mutation: " + (found.length === 0 ? "equal" : "DIFFERENT")]
      .concat(lines).join("\n");
  }
  if (found.length === 0) return `${mutant.name}: NOT FOUND`;
  return [`${mutant.name}: found${all ? ` by ${found.length}` : ""}`, ...lines]
    .join("\n");
}

/** The scenarios that can find a mutation. */
interface Scenarios {
  /** Those that pass here. */
  scenarios: readonly Scenario[];
  /** Those that pass with peers in Elixir. */
  mixed: readonly Scenario[];
  /** The scenarios in Elixir. */
  elixir: Elixir | undefined;
  /** The traces of Elixir. */
  expected: Traces;
  /** Whether to look for all finders, or for one. */
  all: boolean;
}

/** A search for scenarios and tests that find a mutation. */
interface Search extends Scenarios {
  tests: readonly string[];
  /** The time limit for a scenario, in milliseconds. */
  timeout: number;
}

/** The scenarios and tests that fail in a copy of the tree. */
async function findersOf(tree: string, search: Search): Promise<string[]> {
  const { scenarios, mixed, elixir, tests, expected, all } = search;
  const found = await failedOf(
    tree,
    scenarios,
    search,
    (each, trace) => compare(each, expected.get(each.name), trace),
  );
  if (elixir !== undefined && (all || found.length === 0)) {
    const failed = await failedOf(
      tree,
      mixed,
      { ...search, peers: elixir },
      (each, trace) =>
        compareMixed(each, "typescript", expected.get(each.name), trace),
    );
    found.push(...failed.map((name) => `${name}, with peers in Elixir`));
  }
  for (const file of tests) {
    if (!all && found.length > 0) break;
    if (!await passes(file, tree)) found.push(testPath(file));
  }
  return found;
}

/** The names of the scenarios that fail in a copy of the tree; the first is enough, but for `all`. */
async function failedOf(
  tree: string,
  scenarios: readonly Scenario[],
  { timeout, all, peers }: Search & { peers?: Elixir },
  judge: (each: Scenario, trace: Trace | undefined) => Outcome,
): Promise<string[]> {
  if (scenarios.length === 0) return [];
  const finds = (each: Scenario, trace: Trace | undefined) =>
    judge(each, trace).problem !== undefined;
  const byName = new Map(scenarios.map((each) => [each.name, each]));
  const traces = await runTypeScript([...byName.keys()], {
    timeout,
    root: tree,
    elixir: peers,
    isEnough: (trace) => !all && finds(byName.get(trace.name)!, trace),
  });
  const failed = scenarios.filter((each) =>
    // Where one was enough, the others have no trace, and are not compared.
    finds(each, traces.get(each.name))
  );
  const shown = failed.filter(({ name }) => traces.has(name));
  return (all || shown.length === 0 ? failed : shown).map(({ name }) => name);
}

/** The path of a test file by its name. */
export function testPath(name: string): string {
  const path = findTestFiles([join(ROOT, "tests")], []).files
    .find((each) => basename(each) === name);
  if (path === undefined) throw new Error(`Cannot find the test file ${name}`);
  return relative(ROOT, resolve(path));
}

/** Runs a test file in a copy of the tree; one that hangs does not pass. */
async function passes(file: string, tree: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--quiet",
      "--no-check",
      "--permission-set=dev",
      "--fail-fast",
      testPath(file),
    ],
    cwd: tree,
    // It is enough to know that a life fails.
    env: { FUZZ_SHRINK: "0" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(TESTS_TIMEOUT),
  }).output();
  return success;
}

/**
 * The text of a file with the mutation.
 *
 * @throws {Error} If the original text does not occur exactly once.
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

/** A copy of the files that the scenarios and tests need. */
class Tree implements AsyncDisposable {
  private constructor(readonly root: string) {}

  static async copy(): Promise<Tree> {
    const root = await Deno.makeTempDir({ prefix: "conformance_mutants_" });
    for (const { name, isFile } of Deno.readDirSync(ROOT)) {
      if (isFile && /\.(ts|json|lock)$/.test(name)) {
        await Deno.copyFile(join(ROOT, name), join(root, name));
      } else if (!isFile && !name.startsWith(".") && !SKIPPED.includes(name)) {
        await copyFolder(join(ROOT, name), join(root, name));
      }
    }
    return new Tree(root);
  }

  async plant(mutant: Mutant): Promise<void> {
    await Deno.writeTextFile(
      join(this.root, mutant.file),
      await mutated(mutant),
    );
  }

  async restore({ file }: Mutant): Promise<void> {
    await Deno.copyFile(join(ROOT, file), join(this.root, file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}
