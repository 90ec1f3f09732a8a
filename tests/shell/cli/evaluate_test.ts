import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  evaluate,
  makeScope,
  type Scope,
} from "../../../shell/cli/evaluate.ts";
import { test } from "../../../testing/tags.ts";

const BASE = new URL("../../../chat/config/", import.meta.url);

/** The values of lines of code, each run after the other with the same scope. */
async function values(
  lines: string[],
  scope: Scope = makeScope(),
): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const line of lines) {
    found.push((await evaluate(line, scope, { base: BASE })).value);
  }
  return found;
}

async function lastValue(...lines: string[]): Promise<unknown> {
  return (await values(lines)).at(-1);
}

test("evaluate() returns the value of the last expression", async () => {
  assertEquals(
    await values([
      "1 + 1",
      "(1); (2, 3);",
      "'text'",
      "`t${1}`; // comment",
      "const x = 1",
      "if (true) { 4 }",
      "",
      "// nothing",
      "{ a: 1 }",
      "{ let z = 1; }",
      "type T = string",
    ]),
    [
      2,
      3,
      "text",
      "t1",
      undefined,
      undefined,
      undefined,
      undefined,
      { a: 1 },
      undefined,
      undefined,
    ],
  );
});

test("evaluate() returns a promise without awaiting it", async () => {
  const [value] = await values(["Promise.resolve(1)"]);
  assertInstanceOf(value, Promise);
  assertEquals(await value, 1);
});

test("evaluate() removes types", async () => {
  assertEquals(
    await values([
      "const f = async <T,>(x: T): Promise<T> => x; await f<number>(7) as any",
      "interface I { a: string }\n5 satisfies number",
      "enum Color { Red = 4 }; Color.Red",
      "Color[4]",
    ]),
    [7, 5, 4, "Red"],
  );
});

test("evaluate() keeps declared variables, and later code sees their changes", async () => {
  assertEquals(
    await values([
      "let { a, b: [c, ...d], e = 5, ...f } = { a: 1, b: [2, 3, 4], g: 6 }",
      "[a, c, d, e, f]",
      "let p, q = 2, r;",
      "[p, q, r]",
      "p = 3",
      "const get = () => q",
      "q = 9; get()",
      "q = 10",
      "get()",
      "const q = 11",
      "get()",
      "let p, s; [p]",
      "get.name",
    ]).then((all) => all.filter((value) => value !== undefined)),
    [
      [1, 2, [3, 4], 5, { g: 6 }],
      [undefined, 2, undefined],
      3,
      9,
      10,
      10,
      11,
      [undefined],
      "get",
    ],
  );
});

test("evaluate() keeps hoisted functions and classes", async () => {
  assertEquals(
    await values([
      "early(3); function early(n: number): number { return n < 2 ? 1 : n * early(n - 1) }",
      "early(4)",
      "class A { y = early(3) }",
      "new A().y",
      "async function later() { return 8 }\nawait later()",
    ]),
    [undefined, 24, undefined, 6, 8],
  );
});

test("evaluate() keeps imports, resolved from a folder", async () => {
  assertEquals(
    await values([
      "import dev, { default as again } from './dev.ts'",
      "import { join } from 'node:path'; import * as path from 'node:path'",
      "join === path.join && dev === again",
      "(await import('./dev.ts')).default === dev",
      "const name = './dev.ts'; (await import(name)).default === dev",
      "const load = async () => await import('./' + 'dev.ts'); (await load()).default === dev",
    ]),
    [undefined, undefined, true, true, true, true],
  );
});

test("evaluate() does not join two statements", async () => {
  assertEquals(
    await lastValue(
      "const f = () => 1\nconst g = 2\n;[f, g].length\nclass B {}\n(g)",
    ),
    2,
  );
});

test("evaluate() has only the names of its scope and the globals", async () => {
  const scope = makeScope({ self: () => "me" }, { one: 1 });
  assertEquals(await values(["self() + one"], scope), ["me1"]);
  await assertRejects(() => evaluate("scope", scope), ReferenceError);
  await assertRejects(() => evaluate("base", scope), ReferenceError);
  await assertRejects(() => evaluate("typo = 1", scope), ReferenceError);
  assertEquals(await values(["const scope$ = 's'", "scope$"], scope), [
    undefined,
    "s",
  ]);
});

test("evaluate() rejects with the error that the code throws", async () => {
  const scope = makeScope();
  await assertRejects(
    () => evaluate("throw new RangeError('r')", scope),
    RangeError,
    "r",
  );
  await assertRejects(
    () => evaluate("await Promise.reject(new TypeError('t'))", scope),
    TypeError,
    "t",
  );
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
