/**
 * Tests with tags, over `Deno.test`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { delimiter, join } from "node:path";
import {
  type Filter,
  type Filters,
  formatFilters,
  parseFilter,
  picks,
  type Tags,
} from "./filters.ts";

/** A test's code. */
export type TestFunction = (t: Deno.TestContext) => void | Promise<void>;

/** Options for {@linkcode test}: Deno's own, with all sanitizers on, and these. */
export interface TestOptions extends Omit<Deno.TestDefinition, "name" | "fn"> {
  /**
   * What the test is about, each as `tag` or `tag:value`. A test tagged `distributed` needs a live
   * node, and is excluded without one.
   *
   * @default {[]}
   */
  tags?: readonly string[];
  /**
   * The programs that the test runs. Each is a tag of the test too, and the test is excluded where
   * one is not installed.
   *
   * @default {[]}
   */
  programs?: readonly string[];
}

const announced = new Set<string>();
const missing = new Map<string, boolean>();
let pending: { filters: Filter[]; notes: string[] } | undefined;

/**
 * Registers a test.
 *
 * As in ExUnit, each test has the tag `test`, its name. Tests that are tagged `distributed` are
 * excluded unless a live node is asked for, with `--sname` or `--name` after the `--` of
 * `deno test`; what is excluded is said once a file.
 *
 * @param name The test's name.
 * @param fn The test's code.
 *
 * @example A test that needs a node, and one that does not
 * ```ts ignore
 * import { test } from "@otp/distribution/testing";
 *
 * test("add() adds", () => {});
 * test("sendMessage() reaches moebi", { tags: ["distributed"] }, async () => {});
 * ```
 */
export function test(name: string, fn: TestFunction): void;
/**
 * Registers a test with tags, or with options of Deno's.
 *
 * @param name The test's name.
 * @param options Tags, programs, and what `Deno.test` takes.
 * @param fn The test's code.
 */
export function test(
  name: string,
  options: TestOptions,
  fn: TestFunction,
): void;
export function test(
  name: string,
  ...rest: [TestFunction] | [TestOptions, TestFunction]
): void {
  const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
  const { tags = [], programs = [], ...definition } = options;
  const excluded = exclusions(tagsOf(name, [...tags, ...programs]), programs);
  if (excluded.length > 0) announce(excluded);
  Deno.test({
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    ...definition,
    ignore: definition.ignore === true || excluded.length > 0,
    name,
    fn,
  });
}

/**
 * The name of the node that the tests are to run on, if a live one is asked for.
 *
 * @param args The arguments of the test run.
 * @returns The name after `--sname` or `--name`.
 *
 * @example Usage
 * ```ts
 * import { requestedNode } from "@otp/distribution/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(requestedNode(["--sname", "sophie@localhost"]), "sophie@localhost");
 * assertEquals(requestedNode([]), undefined);
 * ```
 */
export function requestedNode(
  args: readonly string[] = Deno.args,
): string | undefined {
  const { sname, name } = parseArgs([...args], { string: ["sname", "name"] });
  return sname || name || undefined;
}

function tagsOf(name: string, written: string[]): Tags {
  const tags: Tags = { test: name };
  for (const { tag, value } of written.map(parseFilter)) {
    tags[tag] = value ?? true;
  }
  return tags;
}

/** What excludes a test, one filter at a time, so that it can be said. */
function exclusions(tags: Tags, programs: readonly string[]): Filter[] {
  const { include, exclude } = configured();
  return [
    ...exclude,
    ...programs.filter(isMissing).map((tag) => ({ tag, value: "true" })),
  ].filter((each) => !picks({ include, exclude: [each] }, tags));
}

function configured(): Filters {
  const exclude = requestedNode() === undefined
    ? [{ tag: "distributed", value: "true" }]
    : [];
  return { include: [], exclude };
}

function isMissing(program: string): boolean {
  let known = missing.get(program);
  if (known === undefined) {
    const suffixes = Deno.build.os === "windows" ? [".exe", ".cmd", ".bat"] : [
      "",
    ];
    const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
    known = !folders.some((folder) =>
      suffixes.some((suffix) => isFile(join(folder, program + suffix)))
    );
    missing.set(program, known);
  }
  return known;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return false;
    throw error;
  }
}

/** Says what is excluded, when the file has registered its tests. */
function announce(filters: Filter[]): void {
  for (const filter of filters) {
    if (announced.has(filter.tag)) continue;
    announced.add(filter.tag);
    if (pending === undefined) {
      pending = { filters: [], notes: [] };
      queueMicrotask(say);
    }
    pending.filters.push(filter);
    if (missing.get(filter.tag)) {
      pending.notes.push(`${filter.tag} is not installed`);
    }
  }
}

function say(): void {
  const { filters, notes } = pending!;
  pending = undefined;
  const why = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  const line = `Excluding tags: ${formatFilters(filters)}${why}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}
