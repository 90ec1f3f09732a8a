/** The tool that plants errors: its operators, and its areas. */

import { assert, assertEquals } from "@std/assert";
import { AREAS, expand, othersOf, OUTSIDE } from "../../tools/_mutant_areas.ts";
import {
  isCode,
  mutated,
  mutationsOf,
  type Operator,
  OPERATORS,
} from "../../tools/_mutations.ts";
import { FINDERS, PLANTED } from "../../tools/_planted_errors.ts";
import { find, keptMutants, planted } from "../../tools/mutants.ts";
import { test } from "../../packages/testing/tags.ts";

const ROOT = new URL("../../", import.meta.url);

/** Code, and what it becomes. Types are there to stay. */
const MUTATIONS: [operator: Operator, code: string, ...mutated: string[]][] = [
  ["negate", "if (a as boolean) b();", "if (!(a) as boolean) b();"],
  ["negate", "while (a) b();", "while (!(a)) b();"],
  ["negate", "do b(); while (a);", "do b(); while (!(a));"],
  ["negate", "const b = a ? 1 : 2;", "const b = !(a) ? 1 : 2;"],
  [
    "boundary",
    "a < b; a <= b; a > b; a >= b;",
    "a <= b; a <= b; a > b; a >= b;",
    "a < b; a < b; a > b; a >= b;",
    "a < b; a <= b; a >= b; a >= b;",
    "a < b; a <= b; a > b; a > b;",
  ],
  [
    "equality",
    "a === /* === */ b; a !== b;",
    "a !== /* === */ b; a !== b;",
    "a === /* === */ b; a === b;",
  ],
  ["logical", "a && b;", "a || b;"],
  ["logical", "(a as A<B>) || b;", "(a as A<B>) && b;"],
  ["no-default", "const a: number = b?.c ?? d;", "const a: number = b?.c;"],
  ["arithmetic", "a = b + c;", "a = b - c;"],
  ["arithmetic", 'a = b + "c" + d;'],
  ["arithmetic", "a += b++;", "a -= b++;", "a += b--;"],
  ["arithmetic", "--a;", "++a;"],
  [
    "greater",
    "a = [0, 99, 100];",
    "a = [1, 99, 100];",
    "a = [0, 100, 100];",
    "a = [0, 99, 1000];",
  ],
  ["smaller", "a = [0, 99, 100];", "a = [0, 98, 100];", "a = [0, 99, 10];"],
  ["boolean", "a = true;", "a = false;"],
  [
    "drop-call",
    "await a.b<C>(); a?.b(); new A();",
    "; a?.b(); new A();",
    "await a.b<C>(); ; new A();",
  ],
  [
    "drop-assignment",
    "a = b; delete a.b; a++;",
    "; delete a.b; a++;",
    "a = b; ; a++;",
    "a = b; delete a.b; ;",
  ],
  ["drop-throw", "if (a) throw new E();", "if (a) ;"],
  [
    "drop-jump",
    "for (;;) { if (a) continue; break; }",
    "for (;;) { if (a) ; break; }",
    "for (;;) { if (a) continue; ; }",
  ],
  [
    "return-early",
    "class A { b(c: C): D { e(); } }",
    "class A { b(c: C): D { return; e(); } }",
  ],
  ["return-early", "class A { constructor() { e(); } }"],
  ["no-await", "b(await a);", "b((a));"],
];

test("each operator changes its places, and nothing else", () => {
  for (const [operator, code, ...expected] of MUTATIONS) {
    const found = mutationsOf(code).filter((each) =>
      each.operator === operator
    );
    const all = found.map((each) => mutated(code, each));
    assertEquals(all.toSorted(), expected.toSorted(), `${operator}: ${code}`);
    for (const each of all) assert(isCode(each), each);
  }
  const tried = new Set(MUTATIONS.map(([operator]) => operator));
  assertEquals([...tried], [...OPERATORS]);
});

test("a mutation names its place", () => {
  const code =
    "class A {\n  #b = () => {};\n  c(): void {\n    d(1);\n    e();\n  }\n}\n";
  const [call, second] = mutationsOf(code).filter(({ operator }) =>
    operator === "drop-call"
  );
  assertEquals(
    [call.scope, call.nth, call.line, call.column],
    ["A.c", 1, 4, 5],
  );
  assertEquals([second.scope, second.nth], ["A.c", 2]);
  assertEquals(code.slice(call.start, call.end), "d(1);");
});

test("kept mutants have test files, and most have their place", () => {
  const kept = [...keptMutants()];
  const tests = filesBelow("tests");
  for (const [place, [test]] of kept) {
    assert(tests.includes(test.split(" ")[0]), `${place} ${test}`);
  }
  const gone = kept.map(([place]) => place).filter((place) => !find(place));
  assert(gone.length <= kept.length / 4, gone.join("\n"));
});

test("planted errors have their test file and their places", async () => {
  const tests = filesBelow("tests");
  for (const finder of FINDERS) assert(tests.includes(finder), finder);
  for (const error of PLANTED) {
    for (const finder of error.tests ?? []) {
      assert(tests.includes(finder), finder);
    }
    const text = await Deno.readTextFile(new URL(error.file, ROOT));
    assert(isCode(planted(text, error)), error.name);
  }
});

test("each file of the library belongs to an area, and each area has tests", () => {
  const files = filesBelow("packages");
  assert(files.length > 300);
  const without = files.filter((file) =>
    !AREAS.some((area) => area.files.some((start) => file.startsWith(start)))
  );
  assertEquals(without, []);
  const tests = filesBelow("tests");
  for (const { name, files: starts, tests: names } of AREAS) {
    assert(
      starts.some((start) => files.some((file) => file.startsWith(start))),
      name,
    );
    const missing = names.filter((each) => expand([each], tests).length === 0);
    assertEquals(missing, [], name);
  }
});

test("a folder of tests stands for its files, and a test in no area and no such folder runs for all", () => {
  const tests = [
    "tests/processes/values/term_test.ts",
    "tests/processes/values/_terms.ts",
    "tests/processes/values/deeper/a_test.ts",
    "tests/new/new_test.ts",
    "tests/docs/readme_test.ts",
  ];
  assertEquals(
    expand(["processes/values/", "new_test --filter a"], tests),
    [
      "tests/processes/values/term_test.ts",
      "tests/new/new_test.ts --filter a",
    ],
  );
  assertEquals(othersOf(tests), [
    "tests/processes/values/deeper/a_test.ts",
    "tests/new/new_test.ts",
  ]);
  const all = filesBelow("tests");
  assertEquals(OUTSIDE.filter((name) => expand([name], all).length === 0), []);
});

function filesBelow(folder: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = folder === "." ? name : `${folder}/${name}`;
    if (!isDirectory) {
      if (path.endsWith(".ts")) found.push(path);
    } else found.push(...filesBelow(path));
  }
  return found;
}
