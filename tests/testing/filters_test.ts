import { assertEquals, assertThrows } from "@std/assert";
import {
  type Filter,
  formatFilters,
  normalizeFilters,
  onlyFilters,
  parseFilter,
  picks,
  type Tags,
} from "../../packages/testing/filters.ts";
import { test } from "../../packages/testing/tags.ts";

function filters(written: string[]): Filter[] {
  return written.map(parseFilter);
}

// The results of ExUnit 1.18's `ExUnit.Filters.eval`.
const PICKED: [
  include: string[],
  exclude: string[],
  tags: Tags,
  picked: boolean,
][] = [
  [[], [], {}, true],
  [[], ["distributed:true"], { distributed: true }, false],
  [[], ["distributed:true"], { distributed: "true" }, false],
  [[], ["distributed:true"], { distributed: false }, true],
  [[], ["distributed:true"], {}, true],
  [[], ["distributed"], { distributed: false }, false],
  [[], ["distributed"], { distributed: undefined }, false],
  [[], ["x"], { y: 1 }, true],
  [["x"], ["x"], { x: 1 }, true],
  [["x:1"], ["x"], { x: 1 }, true],
  [["x:1"], ["x"], { x: "1" }, true],
  [["x:1"], ["x"], { x: 2 }, false],
  [["x"], ["test"], { test: "a" }, false],
  [["x"], ["test"], { test: "a", x: true }, true],
  [["x"], [], { test: "a" }, true],
  [["y"], ["x"], { x: 1, y: 1 }, true],
  [[], ["os:linux"], { os: ["linux"] }, false],
  [[], ["toString"], {}, true],
];

test("picks() includes, then excludes, as ExUnit does", () => {
  for (const [include, exclude, tags, picked] of PICKED) {
    assertEquals(
      picks({ include: filters(include), exclude: filters(exclude) }, tags),
      picked,
      JSON.stringify({ include, exclude, tags }),
    );
  }
});

// The results of ExUnit 1.18's `ExUnit.Filters.normalize`.
const NORMALIZED: [include: string[], exclude: string[], left: string[]][] = [
  [["distributed"], ["distributed:true"], []],
  [["distributed:true"], ["distributed"], ["distributed"]],
  [["distributed:false"], ["distributed:true"], ["distributed:true"]],
  [["distributed"], ["distributed", "os:x"], ["os:x"]],
  [["distributed", "distributed"], ["test", "test"], ["test"]],
  [["os:a", "os:b"], ["os:a", "os:c", "x:1"], ["os:a", "os:c", "x:1"]],
];

test("normalizeFilters() drops an included tag from the excludes", () => {
  for (const [include, exclude, left] of NORMALIZED) {
    const normalized = normalizeFilters({
      include: filters(include),
      exclude: filters(exclude),
    });
    assertEquals(normalized.exclude, filters(left));
    assertEquals(normalized.include, filters([...new Set(include)]));
  }
});

test("onlyFilters() includes the given tags, and excludes every other test", () => {
  const configured = { include: [], exclude: filters(["distributed:true"]) };
  assertEquals(onlyFilters(configured, []), configured);
  const only = normalizeFilters(
    onlyFilters(configured, filters(["distributed"])),
  );
  assertEquals(only, {
    include: filters(["distributed"]),
    exclude: filters(["test"]),
  });
});

test("parseFilter() reads tag and tag:value", () => {
  assertEquals(parseFilter("distributed"), { tag: "distributed" });
  assertEquals(parseFilter("os:linux"), { tag: "os", value: "linux" });
  assertEquals(parseFilter("a:b:c"), { tag: "a", value: "b:c" });
  assertEquals(parseFilter("a:"), { tag: "a", value: "" });
  for (const text of ["", ":x"]) {
    assertThrows(() => parseFilter(text), TypeError, "Cannot filter by ");
  }
});

test("formatFilters() shows filters as ExUnit does", () => {
  const shown: [string[], string][] = [
    [[], "[]"],
    [["distributed:true"], "[distributed: true]"],
    [["test"], "[:test]"],
    [["os:linux", "distributed:true"], '[os: "linux", distributed: true]'],
    [["test", "distributed:true"], "[:test, {:distributed, true}]"],
  ];
  for (const [written, text] of shown) {
    assertEquals(formatFilters(filters(written)), text);
  }
});
