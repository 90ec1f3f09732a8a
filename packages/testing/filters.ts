/** Selects the tests to run: ExUnit's rules for including and excluding tests by their tags. */

import {
  ARRAY,
  checkOptions,
  checkString,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";

/** The tags of a test, by name: a tag without a value has `true`. */
export type Tags = Record<string, unknown>;

/** Selects the tests that have the tag, or the tag with the value. */
export interface Filter {
  /** The tag's name. */
  tag: string;
  /**
   * The tag's value; without it, having the tag is enough.
   *
   * @default {undefined}
   */
  value?: string;
}

/** The inclusions, and the exclusions, which they override. */
export interface Filters {
  /** A test that one of these filters selects runs, even if it is excluded. */
  include: Filter[];
  /** A test that one of these filters selects does not run. */
  exclude: Filter[];
}

const FILTERS: OptionChecks<Filters> = {
  include: { ...ARRAY, isRequired: true },
  exclude: { ...ARRAY, isRequired: true },
};

/**
 * Parses a filter or a tag: `tag` or `tag:value`.
 *
 * @param text The text; the value follows the first colon.
 * @throws {TypeError} If the text contains no tag.
 *
 * @example Usage
 * ```ts
 * import { parseFilter } from "@otp/distribution/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseFilter("distributed"), { tag: "distributed" });
 * assertEquals(parseFilter("os:linux"), { tag: "os", value: "linux" });
 * ```
 */
export function parseFilter(text: string): Filter {
  checkString(text, "filter by");
  const colon = text.indexOf(":");
  const tag = colon < 0 ? text : text.slice(0, colon);
  if (tag === "") {
    throw new TypeError(
      `Cannot filter by ${
        JSON.stringify(text)
      }: there is no tag in it; write tag or tag:value`,
    );
  }
  return colon < 0 ? { tag } : { tag, value: text.slice(colon + 1) };
}

/**
 * Removes exclusions that an inclusion overrides: including a tag, with any value, removes every exclusion of that tag.
 *
 * @returns The remaining filters, without duplicates.
 *
 * @example Usage
 * ```ts
 * import { normalizeFilters } from "@otp/distribution/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   normalizeFilters({
 *     include: [{ tag: "distributed" }],
 *     exclude: [{ tag: "distributed", value: "true" }],
 *   }).exclude,
 *   [],
 * );
 * ```
 */
export function normalizeFilters(filters: Filters): Filters {
  checkFilters(filters);
  const { include, exclude } = filters;
  const whole = new Set(
    include.filter(({ value }) => value === undefined).map(({ tag }) => tag),
  );
  return {
    include: unique(include),
    exclude: unique(exclude.filter(({ tag }) => !whole.has(tag))),
  };
}

function checkFilters(filters: Filters): void {
  checkOptions(
    filters,
    "filter tests",
    FILTERS,
    "{ include: [], exclude: [] }",
  );
}

function unique(filters: Filter[]): Filter[] {
  const seen = new Map(
    filters.map((each) => [`${each.tag}:${each.value}`, each]),
  );
  return [...seen.values()];
}

/**
 * Returns the filters for `--only`: includes the tests that it selects, and excludes every other test by the
 * tag `test`, which all tests have.
 *
 * @example Usage
 * ```ts
 * import { onlyFilters, picks } from "@otp/distribution/testing";
 * import { assert, assertFalse } from "@std/assert";
 *
 * const only = onlyFilters({ include: [], exclude: [] }, [{ tag: "slow" }]);
 * assert(picks(only, { test: "waits", slow: true }));
 * assertFalse(picks(only, { test: "does not wait" }));
 * ```
 */
export function onlyFilters(filters: Filters, only: Filter[]): Filters {
  if (only.length === 0) return filters;
  return {
    include: [...filters.include, ...only],
    exclude: [{ tag: "test" }, ...filters.exclude],
  };
}

/**
 * Tests whether a test runs: inclusion overrides exclusion, and a test that no filter selects runs.
 *
 * Follows [ExUnit.Filters.eval/4](https://hexdocs.pm/ex_unit/1.18/ExUnit.Filters.html#eval/4).
 *
 * @returns True if it runs.
 *
 * @example Usage
 * ```ts
 * import { picks } from "@otp/distribution/testing";
 * import { assertFalse } from "@std/assert";
 *
 * const filters = { include: [], exclude: [{ tag: "distributed" }] };
 * assertFalse(picks(filters, { distributed: true }));
 * ```
 */
export function picks(filters: Filters, tags: Tags): boolean {
  checkFilters(filters);
  return filters.include.some((each) => matches(each, tags)) ||
    !filters.exclude.some((each) => matches(each, tags));
}

function matches({ tag, value }: Filter, tags: Tags): boolean {
  if (!Object.hasOwn(tags, tag)) return false;
  return value === undefined || String(tags[tag]) === value;
}

/**
 * Shows filters as ExUnit does: `[distributed: true]`, `[:test, {:distributed, true}]`.
 *
 * @example Usage
 * ```ts
 * import { formatFilters } from "@otp/distribution/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatFilters([{ tag: "test" }]), "[:test]");
 * assertEquals(formatFilters([{ tag: "distributed", value: "true" }]), "[distributed: true]");
 * ```
 */
export function formatFilters(filters: Filter[]): string {
  const keywords = filters.every(({ value }) => value !== undefined);
  const shown = filters.map(({ tag, value }) => {
    if (value === undefined) return `:${tag}`;
    return keywords
      ? `${tag}: ${literal(value)}`
      : `{:${tag}, ${literal(value)}}`;
  });
  return `[${shown.join(", ")}]`;
}

function literal(value: string): string {
  return value === "true" || value === "false" ? value : JSON.stringify(value);
}
