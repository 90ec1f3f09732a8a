/**
 * Plants errors in the library, one at a time, and shows which of them the tests find:
 * `deno task mutants --count 100 --seed 7`.
 *
 * The mutants are chosen at random, evenly over the areas and over the operators within an area. Each mutant is planted
 * in a copy of the checkout, in which the tests of its area run until one fails. A test that also fails without the
 * mutation does not count.
 *
 * A surviving mutant shows a missing test, or has no visible effect. Read each survivor.
 */

import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  isCode,
  mutated,
  type Mutation,
  mutationsOf,
  type Operator,
  OPERATORS,
} from "./_mutations.ts";
import { FINDERS, PLANTED, type PlantedError } from "./_planted_errors.ts";
import {
  type Area,
  AREAS,
  expand,
  othersOf,
  WRITTEN_FROM,
} from "./_mutant_areas.ts";
import { killTree } from "./test_runner/kill_tree.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Tests hang if they print nothing for longer, and much less long without the mutation; in milliseconds. */
const LIMIT = 40_000;

const HANGS = "hangs";

const USAGE = `Usage: deno task mutants [OPTIONS]

  --area NAME     mutate this area only; may be repeated: ${
  AREAS.map(({ name }) => name).join(", ")
}
  --count N       the number of mutants (default 20)
  --seed N        the same mutants again, if the code is the same
  --only PLACE    one mutant, as the table names it: packages/processes/remote/peer_address.ts:connectTo:negate:1
  --changed       only lines that differ from the commit at which this branch left main, those not committed too;
                  each mutant runs the 10 likeliest test files, unless --files says otherwise
  --since REV     --changed, from this commit on
  --kept          the mutants of tools/kept_mutants.txt, each with the test file that found it, and the quick ones of
                  tools/_planted_errors.ts
  --planted       the errors of tools/_planted_errors.ts; with --only TEXT, those whose name has it. FUZZ_TIMES=4 in the
                  environment makes more lives
  --tests FILE    run this test file instead of those of the area; may be repeated
  --files N       run only the N test files that are likeliest to find a mutant; those that survive are not
                  final
  --list          show the mutants only`;

/** A mutation of a file of the library. */
interface Mutant extends Mutation {
  file: string;
  area: Area;
}

/** Whether a line of a file changed, counted from 1. */
type ChangedLines = Map<string, (line: number) => boolean>;

interface Failure {
  /** The test file, with its arguments. */
  file: string;
  /** The name of the failed test, or another cause. */
  name: string;
}

interface Ended {
  /** The exit code; undefined if the process was ended because it printed nothing for too long. */
  code: number | undefined;
  output: string;
  /** The longest time in which it printed nothing, in milliseconds. */
  silence: number;
}

/** A mutant, and the tests that run on it. */
interface Attempt {
  file: string;
  /** Returns the file's text with the mutation. */
  text(): string;
  tests: readonly string[];
  what: string;
  /** The arguments that repeat it. */
  again: string;
}

interface Outcome {
  /** The test, or another cause, that found the mutant; undefined if it survived. */
  finder: string | undefined;
  seconds: number;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      area: { type: "string", multiple: true },
      count: { type: "string", default: "20" },
      seed: { type: "string", default: String(Date.now() % 1e9) },
      only: { type: "string", multiple: true },
      kept: { type: "boolean" },
      planted: { type: "boolean" },
      tests: { type: "string", multiple: true },
      files: { type: "string" },
      changed: { type: "boolean" },
      since: { type: "string" },
      list: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const files = await trackedFiles();
  const areas = values.area === undefined ? AREAS : values.area.map((name) => {
    const area = AREAS.find((each) => each.name === name);
    if (area === undefined) {
      throw new Error(`Cannot mutate the area "${name}": it is unknown`);
    }
    return area;
  });
  const kept = values.kept ? keptMutants() : new Map<string, string[]>();
  const places = values.kept
    ? [...kept.keys()]
    : values.planted
    ? []
    : values.only;
  const since = values.since ??
    (values.changed ? await git("merge-base", "main", "HEAD") : undefined);
  const changed = since === undefined
    ? undefined
    : await changedLines(since.trim(), files);
  const filesOfEach = Number(values.files ?? (changed ? 10 : Infinity));
  const mutants = places?.flatMap((place) => find(place) ?? gone(place)) ??
    choose(areas, files, Number(values.count), Number(values.seed), changed);
  if (values.list) {
    for (const mutant of mutants) console.log(describe(mutant));
    return 0;
  }
  if (places === undefined) console.log(`seed ${values.seed}`);
  const attempts: Attempt[] = mutants.map((mutant) => ({
    file: mutant.file,
    text: () => mutated(read(mutant.file), mutant),
    tests: values.tests ?? kept.get(placeOf(mutant)) ??
      likeliest(mutant, files).slice(0, filesOfEach),
    what: describe(mutant),
    again: `--only "${placeOf(mutant)}"`,
  }));
  if (values.planted) attempts.push(...plantedErrors(PLANTED, values.only));
  if (values.kept) {
    attempts.push(...plantedErrors(PLANTED.filter(({ isQuick }) => isQuick)));
  }
  await using tree = await Tree.copy(files);
  let found = 0;
  for (const attempt of attempts) {
    const { finder, seconds } = await tree.run(attempt);
    if (finder !== undefined) found++;
    console.log(
      `${finder === undefined ? "NOT FOUND" : "found"} ${attempt.what}`,
    );
    console.log(
      `    ${finder ?? `deno task mutants ${attempt.again}`}  (${
        seconds.toFixed(0)
      } s)`,
    );
  }
  console.log(
    `${attempts.length} mutants, ${found} found, ${
      attempts.length - found
    } not found`,
  );
  // Some kept places may be gone: mutants_test.ts limits their number.
  const wanted = values.kept || values.planted
    ? attempts.length
    : places?.length ?? attempts.length;
  return found === attempts.length && found === wanted ? 0 : 1;
}

/** The planted errors whose names have one of these texts. */
function plantedErrors(
  errors: readonly PlantedError[],
  texts: readonly string[] = [""],
): Attempt[] {
  return errors.filter(({ name }) => texts.some((text) => name.includes(text)))
    .map((error) => ({
      file: error.file,
      text: () => planted(read(error.file), error),
      tests: error.tests ?? FINDERS,
      what: `${error.file}: ${error.name}`,
      again: `--planted --only "${error.name}"`,
    }));
}

/** A file's text with a planted error. */
export function planted(text: string, { name, edits }: PlantedError): string {
  for (const [from, to] of edits) {
    if (text.split(from).length === 2) text = text.replace(from, () => to);
    else {throw new Error(
        `Cannot plant "${name}": not once in the file: ${from}`,
      );}
  }
  return text;
}

/** Reads the kept mutants: their places, each with the test file that found it. */
export function keptMutants(): Map<string, string[]> {
  const lines = read("tools/kept_mutants.txt").trim().split("\n");
  return new Map(lines.map((line) => {
    const at = line.indexOf(" ");
    return [line.slice(0, at), [line.slice(at + 1)]];
  }));
}

function gone(place: string): Mutant[] {
  console.log(`GONE ${place}: no such place; list places with --list`);
  return [];
}

/** The files of the checkout: tracked and new files. */
async function trackedFiles(): Promise<string[]> {
  const names = await git(
    ...["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
  );
  return names.split("\0").filter((name) =>
    name !== "" && !name.startsWith("bench/") && existsSync(join(ROOT, name))
  );
}

/** The lines of each file that differ from a commit; all lines of a file that Git does not know. */
async function changedLines(
  since: string,
  files: readonly string[],
): Promise<ChangedLines> {
  const known = new Set((await git("ls-files", "-z")).split("\0"));
  const changed: ChangedLines = new Map(
    files.filter((file) => !known.has(file)).map((file) => [file, () => true]),
  );
  const diff = await git("diff", "--unified=0", "--no-ext-diff", since);
  for (const part of diff.split(/^diff --git .*$/m).slice(1)) {
    const file = /^\+\+\+ b\/(.*)$/m.exec(part)?.[1];
    if (file === undefined) continue;
    const ranges = [...part.matchAll(/^@@ \S+ \+(\d+)(?:,(\d+))? @@/gm)].map(
      ([, from, count = "1"]) => [Number(from), Number(from) + Number(count)],
    );
    changed.set(
      file,
      (line) => ranges.some(([from, end]) => from <= line && line < end),
    );
  }
  return changed;
}

async function git(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args,
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout);
  throw new Error(
    `Cannot run git ${args.join(" ")}: ${decoder.decode(stderr).trim()}`,
  );
}

/** Chooses mutants, evenly over the areas, and over the operators within each. */
function choose(
  areas: readonly Area[],
  files: readonly string[],
  count: number,
  seed: number,
  changed?: ChangedLines,
): Mutant[] {
  const random = generator(seed);
  const left = areas.map((area) => ({
    area,
    byOperator: Map.groupBy(
      files.filter((file) => areaOf(file) === area).flatMap((file) =>
        mutationsOf(read(file))
          .filter(({ line }) => changed?.get(file)?.(line) ?? !changed)
          .map((each) => ({ ...each, file, area }))
      ),
      ({ operator }) => operator,
    ),
  }));
  const chosen: Mutant[] = [];
  while (chosen.length < count && left.length > 0) {
    for (const each of [...left]) {
      if (chosen.length === count) break;
      const mutant = takeOne(each.byOperator, random);
      if (mutant === undefined) left.splice(left.indexOf(each), 1);
      else if (isCode(mutated(read(mutant.file), mutant))) chosen.push(mutant);
    }
  }
  return chosen;
}

function takeOne(
  byOperator: Map<Operator, Mutant[]>,
  random: () => number,
): Mutant | undefined {
  const operators = OPERATORS.filter((each) => byOperator.get(each)?.length);
  if (operators.length === 0) return undefined;
  const operator = operators[Math.floor(random() * operators.length)];
  const mutants = byOperator.get(operator)!;
  return mutants.splice(Math.floor(random() * mutants.length), 1)[0];
}

/** The first area that has a prefix of the file's path. */
function areaOf(file: string): Area | undefined {
  if (!file.endsWith(".ts") || file.endsWith("_source.ts")) return undefined;
  return AREAS.find(({ files }) =>
    files.some((prefix) => file.startsWith(prefix))
  );
}

/** The mutant that a place names; `undefined` if it is gone. */
export function find(place: string): Mutant | undefined {
  const [file, scope, operator, nth] = place.split(":");
  const area = areaOf(file);
  if (area === undefined || !existsSync(join(ROOT, file))) return undefined;
  const mutation = mutationsOf(read(file)).find((each) =>
    each.scope === scope && each.operator === operator &&
    each.nth === Number(nth)
  );
  return mutation && { ...mutation, file, area };
}

/** The tests of a mutant's area, beginning with tests that name the mutant's file or the code around it. */
function likeliest(
  { file, scope, area }: Mutant,
  files: readonly string[],
): string[] {
  const all = files.filter((each) => /^tests\/.*_test\.ts$/.test(each));
  const tests = [...expand(area.tests, all), ...othersOf(all)];
  const names = scope.split(".").filter((name) => /^\w{6,}$/.test(name));
  const words = new Set(file.split(/\W|_/));
  const scores = new Map(tests.map((test) => {
    const [path] = test.split(" ");
    const text = read(path);
    const named = names.filter((each) =>
      new RegExp(`\\b${each}\\b`).test(text)
    );
    const inName = basename(path, ".ts").split("_").filter((word) =>
      words.has(word)
    );
    // A folder of tests has the name of the folder that it tests.
    const isNear = dirname(file) === dirname(path).replace("tests", "packages");
    const ofFile = inName.length + (text.includes(file) ? 1 : 0) +
      (isNear ? 1 : 0);
    return [test, named.length + 2 * ofFile];
  }));
  return tests.toSorted((one, other) => scores.get(other)! - scores.get(one)!);
}

/** The name of a mutant, stable until its function, or the number of earlier mutations in the function, changes. */
function placeOf({ file, scope, operator, nth }: Mutant): string {
  return `${file}:${scope}:${operator}:${nth}`;
}

/** The place of a mutant, and its code before and after, in a line. */
function describe(mutant: Mutant): string {
  const { file, start, end } = mutant;
  const text = read(file);
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const to = (text.indexOf("\n", end) + 1 || text.length + 1) - 1;
  const after = text.slice(from, start) + mutant.replacement +
    text.slice(end, to);
  const [before, then] = [text.slice(from, to), after].map((code) =>
    code.replace(/\s+/g, " ").trim().slice(0, 160)
  );
  return `${
    placeOf(mutant)
  }  line ${mutant.line}\n    - ${before}\n    + ${then}`;
}

function read(file: string): string {
  return Deno.readTextFileSync(join(ROOT, file));
}

/** Numbers from 0 to 1, the same for each seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy of the checkout. */
class Tree implements AsyncDisposable {
  readonly #root: string;
  /** The test files that were run without a mutation, and whether they pass. */
  readonly #passing = new Map<string, boolean>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async copy(files: readonly string[]): Promise<Tree> {
    const root = await Deno.makeTempDir({ prefix: "mutants_" });
    for (const file of files) {
      await Deno.mkdir(join(root, dirname(file)), { recursive: true });
      await Deno.copyFile(join(ROOT, file), join(root, file));
    }
    return new Tree(root);
  }

  async run({ file, text, tests }: Attempt): Promise<Outcome> {
    const began = performance.now();
    let finder;
    for (let left = tests; left.length > 0;) {
      await this.#write(file, text());
      const failure = await this.#firstFailure(left);
      await this.#write(file, read(file));
      if (failure === undefined) break;
      if (await this.#passes(failure)) {
        finder = `${failure.file.split(" ")[0]}: ${failure.name}`;
        break;
      }
      console.log(`${failure.file} fails without a mutation, too, or is slow`);
      left = left.slice(left.indexOf(failure.file) + 1);
    }
    return { finder, seconds: (performance.now() - began) / 1000 };
  }

  /** Whether a test file passes without a mutation; after a hang, whether it passes now, far below the limit. */
  async #passes({ file, name }: Failure): Promise<boolean> {
    let passes = this.#passing.get(file);
    if (passes === undefined || name === HANGS) {
      const { code, silence } = await this.#test([file]);
      passes = code === 0;
      this.#passing.set(file, passes);
      if (name === HANGS && silence > LIMIT / 2) return false;
    }
    return passes;
  }

  async #write(file: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.#root, file), text);
    for (const [from, path] of WRITTEN_FROM) {
      if (!file.startsWith(from)) continue;
      await this.#deno(["run", "-A", "tools/generate.ts", path]);
    }
  }

  /** Runs test files until one fails. Files without their own arguments share a process. */
  async #firstFailure(tests: readonly string[]): Promise<Failure | undefined> {
    let shared: string[] = [];
    for (const test of tests) {
      const hasArguments = test.includes(" ");
      if (!hasArguments) shared.push(test);
      if (!hasArguments && test !== tests.at(-1)) continue;
      const failure = await this.#failureOf(shared) ??
        (hasArguments ? await this.#failureOf([test]) : undefined);
      if (failure !== undefined) return failure;
      shared = [];
    }
  }

  /** Runs test files in one process; returns the first failure. */
  async #failureOf(tests: readonly string[]): Promise<Failure | undefined> {
    if (tests.length === 0) return undefined;
    const { code, output } = await this.#test(tests);
    if (code === 0) return undefined;
    const started = [...output.matchAll(/^running .* from \.\/(tests\/\S+)/gm)];
    const [, name, failed] =
      /^ *ERRORS *\n\n(.*?)(?: => )?\.\/(tests\/\S+\.ts)/m.exec(output) ?? [];
    const file = code === undefined ? started.at(-1)?.[1] : failed;
    return {
      file: tests.find((test) => test.split(" ")[0] === file) ?? tests[0],
      name: code === undefined ? HANGS : name || "does not run",
    };
  }

  #test(tests: readonly string[]): Promise<Ended> {
    return this.#deno([
      "test",
      "--quiet",
      "--no-check",
      "--permission-set=dev",
      "--fail-fast",
      ...tests.flatMap((test) => test.split(" ")),
    ]);
  }

  /** Runs Deno; ends it, with all that it started, once it prints nothing for too long. */
  async #deno(args: string[]): Promise<Ended> {
    const child = new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.#root,
      // Do not shrink failures of simulations: the failure alone is enough.
      env: { NO_COLOR: "1", FUZZ_SHRINK: "0" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let hangs = false;
    let silence = 0;
    let heard = performance.now();
    const check = setInterval(() => {
      if (hangs || performance.now() - heard <= LIMIT) return;
      hangs = true;
      void killTree(child.pid);
    }, 1000);
    const read = async (stream: ReadableStream<Uint8Array>) => {
      let text = "";
      for await (const part of stream.pipeThrough(new TextDecoderStream())) {
        text += part;
        const now = performance.now();
        silence = Math.max(silence, now - heard);
        heard = now;
      }
      return text;
    };
    const [stdout, stderr, { code }] = await Promise.all([
      read(child.stdout),
      read(child.stderr),
      child.status,
    ]);
    clearInterval(check);
    return {
      code: hangs ? undefined : code,
      output: stdout + stderr,
      silence,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
