/** The arguments of a test run: the filters, and the node. */

import { parseArgs } from "@std/cli/parse-args";
import type { NodeOptions } from "@otp/node/node";
import {
  type Filter,
  type Filters,
  onlyFilters,
  parseFilter,
} from "./filters.ts";

/** The flags of the harness that take a value. */
export const HARNESS_FLAGS: readonly string[] = [
  "include",
  "exclude",
  "only",
  "sname",
  "name",
  "cookie",
  "cookie-file",
  "epmd-port",
];

export type RequestedNode = Pick<
  NodeOptions,
  "name" | "cookie" | "cookieFile" | "epmdPort"
>;

/** The parsed arguments of a test run. */
export interface TestArguments {
  /** The inclusions and exclusions, including `--only`. */
  filters: Filters;
  hasOnly: boolean;
  /** The requested live node, if any. */
  node: RequestedNode | undefined;
  /** The folder in which test files leave their records for the runner. */
  run: string | undefined;
}

/** Reads the arguments of a test run; ignores unknown ones. Throws a `TypeError` if a value is missing or wrong. */
export function parseTestArguments(
  args: readonly string[] = Deno.args,
): TestArguments {
  const flags = parseArgs([...args], {
    string: [...HARNESS_FLAGS, "harness-run"],
    collect: ["include", "exclude", "only"],
  }) as Record<string, unknown>;
  const texts = (name: string) => flags[name] as string[];
  const text = (name: string) => flags[name] as string | undefined;
  for (const name of HARNESS_FLAGS) {
    if ([flags[name]].flat().includes("")) {
      throw new TypeError(
        `Cannot use --${name} without a value; write --${name}=VALUE`,
      );
    }
  }
  const name = text("sname") ?? text("name");
  const port = text("epmd-port");
  if (port !== undefined && !/^[1-9]\d{0,4}$/.test(port)) {
    throw new TypeError(
      `Cannot use --epmd-port ${
        JSON.stringify(port)
      }: a port is a number from 1 to 65535`,
    );
  }
  const only = texts("only").map(parseFilter);
  return {
    filters: onlyFilters({
      include: texts("include").map(parseFilter),
      exclude: texts("exclude").map(parseFilter),
    }, only),
    hasOnly: only.length > 0,
    node: name === undefined ? undefined : {
      name,
      cookie: text("cookie"),
      cookieFile: text("cookie-file"),
      epmdPort: port === undefined ? undefined : Number(port),
    },
    run: text("harness-run"),
  };
}

/** The filter that excludes distributed tests without a live node. */
export const NOT_ALIVE: Filter = { tag: "distributed", value: "true" };

/**
 * Returns the name of the live node that the tests are to run on, if one is requested.
 *
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
