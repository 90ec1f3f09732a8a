/** The configuration of all tests of a file. */

import {
  ARRAY,
  checkList,
  checkOptions,
} from "@otp/processes/values/check_arguments";
import { type Filter, parseFilter } from "./filters.ts";
import type { OptionChecks } from "@otp/processes/values/options";

/**
 * The program of a test's node: modules that it exports, and an application.
 *
 * Files are named by URL, as `import.meta.resolve` returns it, or by a path relative to the test's file. They
 * cannot be imported modules, as peers are separate processes.
 */
export interface TestProgram {
  /**
   * The files whose functions the node exports, by the names of the modules.
   *
   * @default {none}
   */
  modules?: Readonly<Record<string, string | URL>>;
  /**
   * A file that exports an application to start on the node.
   *
   * @default {none}
   */
  application?: string | URL;
}

/** The names of these options, for the interfaces that extend them. */
export const PROGRAM_OPTIONS: OptionChecks<TestProgram> = {
  modules: true,
  application: true,
};

/** Options for {@linkcode configureTests}. */
export interface TestConfiguration extends TestProgram {
  /**
   * The filters that exclude tests unless the command line includes them, each as `tag` or `tag:value`.
   *
   * @default {[]}
   */
  exclude?: readonly string[];
  /**
   * The filters that include tests unless the command line has its own.
   *
   * @default {[]}
   */
  include?: readonly string[];
}

const CONFIGURATION_OPTIONS: OptionChecks<TestConfiguration> = {
  ...PROGRAM_OPTIONS,
  exclude: ARRAY,
  include: ARRAY,
};

/** The configuration of the file. */
export const configured: {
  exclude: Filter[];
  include: Filter[];
  program: TestProgram;
} = { exclude: [], include: [], program: {} };

/** The tags that the file adds to its tests. */
export const defaultTags: string[] = [];

/**
 * Configures the tests that this file registers after this call, like ExUnit's `test_helper.exs`. Several
 * tests can import a file that calls it.
 *
 * @param configuration The exclusions, the inclusions, and the program of the tests' nodes.
 * @throws {TypeError} If a filter has no tag.
 *
 * @example Usage
 * ```ts ignore
 * import { configureTests, test } from "@otp/distribution/testing";
 *
 * configureTests({
 *   exclude: ["slow"],
 *   modules: { Bank: import.meta.resolve("./bank.ts") },
 * });
 * test("transfer() reaches the other node", { peers: ["kate@localhost"] }, async (t) => {
 *   await t.peer("kate").call("Bank", "open", ["alex"]);
 * });
 * ```
 */
export function configureTests(configuration: TestConfiguration): void {
  checkOptions(
    configuration,
    "configure tests",
    CONFIGURATION_OPTIONS,
    '{ exclude: ["slow"] }',
  );
  const { exclude, include, modules, application } = configuration;
  if (exclude !== undefined) configured.exclude = exclude.map(parseFilter);
  if (include !== undefined) configured.include = include.map(parseFilter);
  if (modules !== undefined) {
    configured.program = { ...configured.program, modules };
  }
  if (application !== undefined) {
    configured.program = { ...configured.program, application };
  }
}

/**
 * Adds tags to the tests that this file registers after this call: ExUnit's `@moduletag`.
 *
 * A tag of the same name on a test takes precedence.
 *
 * @param tags The tags, each as `tag` or `tag:value`; they replace earlier ones.
 * @throws {TypeError} If a text contains no tag.
 *
 * @example Usage
 * ```ts ignore
 * import { describeTags, test } from "@otp/distribution/testing";
 *
 * describeTags(["distributed", "os:linux"]);
 * test("is distributed", () => {});
 * test("is not", { tags: ["distributed:false"] }, () => {});
 * ```
 */
export function describeTags(tags: readonly string[]): void {
  checkList(tags, "describe tests by the tags");
  tags.forEach(parseFilter);
  defaultTags.splice(0, Infinity, ...tags);
}
