import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { evaluate, makeScope } from "../../../packages/shell/cli/evaluate.ts";
import { relative } from "node:path";
import { cwd } from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "../../../packages/testing/tags.ts";

const FILE = import.meta.resolve("../../../chat/config/dev.ts");

/** Runs lines one after the other in a scope, and compares their values. */
async function assertValues(
  lines: readonly (readonly [code: string, value?: unknown])[],
  scope = makeScope(),
): Promise<void> {
  for (const [code, expected] of lines) {
    assertEquals((await evaluate(code, scope)).value, expected, code);
  }
}

test("evaluate() returns the value of the last expression", () =>
  assertValues([
    ["1 + 1", 2],
    ["(1); (2, 3);", 3],
    ["'text'", "text"],
    ["`t${1}`; // comment", "t1"],
    ["const x = 1"],
    ["if (true) { 4 }"],
    [""],
    ["// nothing"],
    ["{ a: 1 }", { a: 1 }],
    ["{ let z = 1; }"],
    ["type T = string"],
  ]));

test("evaluate() returns a promise without awaiting it", async () => {
  const { value } = await evaluate("Promise.resolve(1)", makeScope());
  assertInstanceOf(value, Promise);
  assertEquals(await value, 1);
});

test("evaluate() removes types", () =>
  assertValues([
    [
      "const f = async <T,>(x: T): Promise<T> => x; await f<number>(7) as any",
      7,
    ],
    ["interface I { a: string }\n5 satisfies number", 5],
    ["enum Color { Red = 4 }; Color.Red", 4],
    ["Color[4]", "Red"],
  ]));

test("evaluate() keeps declared variables, and later code sees their changes", () =>
  assertValues([
    ["let { a, b: [c, ...d], e = 5, ...f } = { a: 1, b: [2, 3, 4], g: 6 }"],
    ["[a, c, d, e, f]", [1, 2, [3, 4], 5, { g: 6 }]],
    ["let p, q = 2, r;"],
    ["[p, q, r]", [undefined, 2, undefined]],
    ["p = 3", 3],
    ["const get = () => q"],
    ["q = 9; get()", 9],
    ["q = 10", 10],
    ["get()", 10],
    ["const q = 11"],
    ["get()", 11],
    ["let p, s; [p]", [undefined]],
    ["get.name", "get"],
  ]));

test("evaluate() keeps hoisted functions and classes", () =>
  assertValues([
    [
      "early(3); function early(n: number): number { return n < 2 ? 1 : n * early(n - 1) }",
    ],
    ["early(4)", 24],
    ["class A { y = early(3) }"],
    ["new A().y", 6],
    ["async function later() { return 8 }\nawait later()", 8],
  ]));

test("evaluate() keeps imports, resolved from the working directory", () => {
  const path = relative(cwd(), fileURLToPath(FILE));
  return assertValues([
    [`import dev, { default as again } from "./${path}"`],
    ["import { join } from 'node:path'; import * as path from 'node:path'"],
    ["join === path.join && dev === again", true],
    [`(await import("./${path}")).default === dev`, true],
    [`(await import("${FILE}")).default === dev`, true],
    [`const name = "./${path}"; (await import(name)).default === dev`, true],
    [
      `const load = async () => await import("./" + "${path}"); (await load()).default === dev`,
      true,
    ],
  ]);
});

test("evaluate() does not join two statements", () =>
  assertValues([
    ["const f = () => 1\nconst g = 2\n;[f, g].length\nclass B {}\n(g)", 2],
  ]));

test("evaluate() has only the names of its scope and the globals", async () => {
  const scope = makeScope({ self: () => "me" }, { one: 1 });
  await assertValues([["self() + one", "me1"]], scope);
  for (const code of ["scope", "base", "typo = 1"]) {
    await assertRejects(() => evaluate(code, scope), ReferenceError);
  }
  await assertValues([["const scope$ = 's'"], ["scope$", "s"]], scope);
});

test("evaluate() rejects with the error that the code throws", async () => {
  for (
    const code of [
      "throw new RangeError('r')",
      "await Promise.reject(new RangeError('r'))",
    ]
  ) {
    await assertRejects(() => evaluate(code, makeScope()), RangeError, "r");
  }
});

/** Code that does not parse, and its error message. */
const WRONG: [code: string, says: string][] = [
  ["const x: = 1", "Unexpected token `=` (1:10)"],
  ["\nlist.map((n) => {", "(2:18)"],
  ["'text", "Unterminated string constant (1:1)"],
  ["return 5", "(1:0)"],
  ["export const t = 1", "Unexpected token 'export'"],
  ["import.meta", "import.meta"],
];

for (const [code, says] of WRONG) {
  test(`evaluate() names the location of the error in ${JSON.stringify(code)}`, async () => {
    await assertRejects(() => evaluate(code, makeScope()), SyntaxError, says);
  });
}
