/** Tagged tests, based on `Deno.test`. */

import {
  ARRAY,
  checkFunction,
  checkOptions,
  checkString,
  FLAG,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import { assertDeno, type HostTestOptions } from "./_deno.ts";
import {
  announce,
  count,
  recordExcluded,
  sayTotals,
} from "./_announcements.ts";
import {
  NOT_ALIVE,
  parseTestArguments,
  type TestArguments,
} from "./_arguments.ts";
import { IS_PATIENT } from "./_leaks.ts";
import { registerTest } from "./_location.ts";
import { isMissing } from "./_programs.ts";
import { hasNode, type Plan, runTest, type TestFunction } from "./_run.ts";
import {
  configured,
  defaultTags,
  PROGRAM_OPTIONS,
  type TestProgram,
} from "./configuration.ts";
import {
  type Filter,
  type Filters,
  normalizeFilters,
  parseFilter,
  picks,
  type Tags,
} from "./filters.ts";
import type { PeerSpec } from "./peer.ts";
import type { OptionChecks } from "@otp/processes/values/options";

/** The time limit for a test with a node, in milliseconds: ExUnit's default. */
const USUAL_TIMEOUT = 60_000;

/** The extra time that Deno gives the harness to stop the peers, in milliseconds. */
const TEARDOWN = 15_000;

/** The factor of all time limits. */
const PATIENCE = IS_PATIENT ? 5 : 1;

/** Options for {@linkcode test}: those of `Deno.test`, with all sanitizers on by default, and those of the harness. */
export interface TestOptions extends HostTestOptions, TestProgram {
  /**
   * The test's tags, each as `tag` or `tag:value`. A test tagged `distributed` needs a live
   * node, and is excluded without one.
   *
   * @default {the tags that describeTags gives}
   */
  tags?: readonly string[];
  /**
   * The programs that the test runs. Each is also a tag of the test. The test is excluded if one of them is
   * not installed.
   *
   * @default {[]}
   */
  programs?: readonly string[];
  /**
   * The nodes that the test needs. The harness starts them as operating system processes, and a node for the test
   * itself, with an EPMD port and a cookie that no other test uses. The test is tagged `distributed`, but needs no live
   * node.
   *
   * @default {[]}
   */
  peers?: readonly PeerSpec[];
  /**
   * The name of a node for the test itself.
   *
   * @default {with peers: the name after --sname or --name, or "test@localhost"; else none}
   */
  node?: string;
  /**
   * Whether the test fails if it leaves a node, a process, a name, a monitor or an alias behind. Open sockets
   * of `node:net` are checked with `sanitizeResources`, and timers with `sanitizeOps`.
   *
   * @default {true}
   */
  sanitizeProcesses?: boolean;
}

const TEST_OPTIONS: OptionChecks<TestOptions> = {
  ...PROGRAM_OPTIONS,
  tags: ARRAY,
  programs: ARRAY,
  peers: ARRAY,
  node: true,
  sanitizeProcesses: FLAG,
  ignore: true,
  only: true,
  sanitizeOps: true,
  sanitizeResources: true,
  sanitizeExit: true,
  repeats: true,
  retry: true,
  permissions: true,
  timeout: TIMEOUT,
};

let registered = 0;

function checkTest(name: string, options: TestOptions, fn: TestFunction): void {
  checkString(name, "register a test under the name");
  const what = `register the test ${inspect(name)}`;
  checkOptions(options, what, TEST_OPTIONS, '{ tags: ["slow"] }');
  checkFunction(fn, `${what} with`);
}

/**
 * Registers a test.
 *
 * As in ExUnit, each test has the tag `test`, whose value is its name. After the `--` of `deno test`, or
 * among the arguments of `@otp/distribution/testing/main`, `--include`, `--exclude` and `--only` select tests
 * by `tag` or `tag:value`. Tests tagged `distributed` are excluded unless `--sname` or `--name` starts a live
 * node, or the test declares its `peers`. A distributed test runs on the live node, which exports the modules and
 * runs the application of {@linkcode configureTests}. Excluded tests are reported once.
 *
 * @example A test that needs a node, and tests that do not
 * ```ts ignore
 * import { Node } from "@otp/distribution/node";
 * import { test } from "@otp/distribution/testing";
 * import { assertEquals } from "@std/assert";
 *
 * test("add() adds", () => {});
 * test("kate is up", { tags: ["distributed"] }, async () => {
 *   assertEquals(await Node.ping("kate@localhost"), "pong");
 * });
 * test("kate is up, unattended", { peers: ["kate@localhost"] }, async () => {
 *   assertEquals(await Node.ping("kate@localhost"), "pong");
 * });
 * ```
 */
export function test(name: string, fn: TestFunction): void;
/**
 * Registers a test with tags and peers, or with options of `Deno.test`.
 *
 * @param options Tags, peers, programs, and options of `Deno.test`.
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
  assertDeno(`register the test ${inspect(name)}`);
  const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
  checkTest(name, options, fn);
  const {
    tags = [],
    programs = [],
    peers = [],
    node,
    modules,
    application,
    sanitizeProcesses = true,
    ...definition
  } = options;
  const args = parseTestArguments();
  const all = tagsOf(name, [
    ...defaultTags,
    ...(peers.length > 0 ? ["distributed"] : []),
    ...tags,
    ...programs,
  ]);
  const filters = filtersOf(args, peers.length > 0);
  const absent = programs.filter((each) =>
    isMissing(each) && !filters.include.some(({ tag }) => tag === each)
  );
  const { include, exclude } = filters;
  const excluding = exclude.find((each) =>
    !picks({ include, exclude: [each] }, all)
  );
  const excludedBy = excluding?.tag ?? absent.at(0);
  announceFilters(filters, all, absent, args);
  const plan: Plan = {
    name,
    node,
    peers,
    modules,
    application,
    isDistributed: picks({ include: [], exclude: [NOT_ALIVE] }, all) === false,
    leaks: {
      sockets: definition.sanitizeResources ?? true,
      processes: sanitizeProcesses,
    },
  };
  if (hasNode(plan)) {
    plan.timeout = PATIENCE * (definition.timeout ?? USUAL_TIMEOUT);
    definition.timeout = plan.timeout + TEARDOWN;
  } else if (definition.timeout !== undefined) {
    definition.timeout *= PATIENCE;
  }
  if (registered++ === 0 && args.run === undefined) {
    Deno.test.afterAll(sayTotals);
  }
  const ignore = definition.ignore === true || excludedBy !== undefined;
  if (excludedBy !== undefined) {
    count("excluded");
    if (args.run !== undefined) {
      recordExcluded(args.run, { name, by: excludedBy });
    }
  } else if (ignore) count("skipped");
  registerTest({
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    ...definition,
    ignore,
    name,
    fn: async (t) => {
      try {
        await runTest(plan, fn, t);
        count("passed");
      } catch (error) {
        count("failed");
        throw error;
      }
    },
  });
}

function tagsOf(name: string, written: readonly string[]): Tags {
  const tags: Tags = { test: name };
  for (const { tag, value } of written.map(parseFilter)) {
    tags[tag] = value ?? true;
  }
  return tags;
}

/** The inclusions and exclusions of the command line and the file, for a test. */
function filtersOf(
  { filters, node }: TestArguments,
  hasPeers: boolean,
): Filters {
  const include = filters.include.length > 0
    ? filters.include
    : configured.include;
  const exclude = [...filters.exclude, ...configured.exclude];
  if (node === undefined && !hasPeers) exclude.push(NOT_ALIVE);
  return normalizeFilters({ include, exclude });
}

/** Announces the filters of the file that exclude a test, and all filters of the command line. */
function announceFilters(
  filters: Filters,
  tags: Tags,
  absent: readonly string[],
  { filters: given, run }: TestArguments,
): void {
  const isGiven = ({ tag, value }: Filter, among: Filter[]) =>
    among.some((each) => each.tag === tag && each.value === value);
  for (const filter of filters.exclude) {
    if (
      isGiven(filter, given.exclude) ||
      !picks({ include: filters.include, exclude: [filter] }, tags)
    ) announce("exclude", filter, run);
  }
  for (const filter of filters.include) announce("include", filter, run);
  for (const program of absent) {
    announce(
      "exclude",
      { tag: program, value: "true" },
      run,
      `${program} is not installed`,
    );
  }
}
