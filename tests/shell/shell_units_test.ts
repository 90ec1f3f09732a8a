import { assertEquals, assertStringIncludes } from "@std/assert";
import { evaluate, makeScope } from "../../packages/shell/cli/evaluate.ts";
import { formatThrown } from "../../packages/shell/cli/report.ts";
import { IO } from "../../packages/node/io/io.ts";
import {
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../packages/processes/process.ts";
import { COLOURED } from "../../packages/shell/colour.ts";
import { complete } from "../../packages/shell/completion.ts";
import { docsOf, moduleTextOf } from "../../packages/shell/doc_comments.ts";
import { History } from "../../packages/shell/history.ts";
import { isIncomplete } from "../../packages/shell/incomplete.ts";
import { makeToken } from "../../packages/shell/shell_messages.ts";
import { serve } from "../../packages/shell/shell_server.ts";
import { test } from "../../packages/testing/tags.ts";
import { withFolder } from "../_cli.ts";
import { ended, processTest, quiet } from "../_processes.ts";

const INCOMPLETE = [
  "list.map((n) => {",
  "f(1, // comment",
  "const x =",
  "1 +",
  "x.",
  "`text",
  "`text ${a",
  "`text ${a} more\n",
  "/* comment",
  "function f(x: number) {",
  "const f = async (x: string): Promise<string> =>",
  "class A {\n  #x: number = 1;",
  "interface I {",
  "type T =",
  "enum Colour {",
  "if (a) {} else",
  "for (;;)",
  "[1,",
  "{ a: 1,",
  "{ a: 1,\n  b: 2,",
  "{ a: { b: 1 }",
  "switch (x) {\ncase 1:\nbreak;",
  "import { a,",
  "\tf('é', [",
];

const COMPLETE = [
  "",
  "1 + 1",
  "{ a: 1,\n  b: 2 }",
  "{ let x = 1; }",
  "const x: number = 1",
  "enum Colour { Red }",
  "`a\nb`",
  "f(x) // (",
  "'/*'",
];

const WRONG = [
  "const x = ;",
  "f(1))",
  "'text",
  "}",
  "/abc",
  "{ let x = ; }",
  "f(1\n)) x",
  "a b\n",
  "{ a: 1,\n  b c }",
];

test("isIncomplete() detects code that needs more lines", () => {
  for (const code of INCOMPLETE) assertEquals(isIncomplete(code), true, code);
  for (const code of [...COMPLETE, ...WRONG]) {
    assertEquals(isIncomplete(code), false, code);
  }
});

test("complete() returns names in scope, and properties, without running code", () => {
  class A {
    static make() {}
    static _hidden = 1;
    run() {}
    get danger(): never {
      throw new Error("run");
    }
  }
  const scope = makeScope({
    alpha: { one: { two: 2 }, "not-a-name": 1 },
    A,
    a: new A(),
  });
  const names = (text: string) => complete(text, scope).names;
  assertEquals(complete("", scope), { names: ["A", "a", "alpha"], from: "" });
  assertEquals(complete("f(alp", scope), { names: ["alpha"], from: "alp" });
  assertEquals(complete("await alpha?.o", scope), {
    names: ["one"],
    from: "o",
  });
  assertEquals(names("alpha.one."), ["two"]);
  assertEquals(names("alpha.one.two.toF"), ["toFixed"]);
  assertEquals(names("A."), ["make"]);
  assertEquals(names("A._"), ["_hidden"]);
  assertEquals(names("a."), ["danger", "run"]);
  assertEquals(names("a.danger."), []);
  assertEquals(names("nothing."), []);
  assertEquals(names("f().o"), []);
  assertEquals(names("structuredC"), ["structuredClone"]);
});

test("docsOf() reads signatures and prose", () => {
  const docs = docsOf(`
/**
 * Adds {@linkcode Number}s.
 *
 * All of them,
 * in one line:
 *
 * - one
 *   item
 * - another
 *
 * @param a One.
 */
// deno-lint-ignore no-explicit-any
export async function add<T extends (x: any) => void>(
  a: number,
  b: { c: string } = f(),
): Promise<number> {}
export class A {
  /** Makes. */
  static make(): A {}
  /** @ignore */
  static _make(): A {}
}
/** Not exported. */
function no() {}
`);
  assertEquals({ ...docs }, {
    add: [{
      signature: "add(a: number, b: { c: string } = f())",
      text:
        "Adds Numbers.\n\nAll of them, in one line:\n\n- one item\n- another",
    }],
    make: [{ signature: "make()", text: "Makes." }],
  });
});

test("moduleTextOf() reads the documentation of a class, or of the file", () => {
  const source = `
/**
 * A file; see {@link https://example.org/a | its page}.
 *
 * @module
 */
/** A type. */
export type T = string;
/** @ignore */
export class Hidden {}
/**
 * A class.
 *
 * @example Usage
 */
export class A {}
`;
  assertEquals(moduleTextOf(source, "A"), "A class.");
  assertEquals(moduleTextOf(source, "Hidden"), "");
  assertEquals(moduleTextOf(source, "B"), "A file; see its page.");
  assertEquals(moduleTextOf("", "B"), "");
});

test("History keeps lines in a file of its owner", () =>
  withFolder(async (folder) => {
    const file = `${folder}/history`;
    const history = new History(file);
    for (const line of ["one", "one", " ", "two"]) history.add(line);
    assertEquals(await Deno.readTextFile(file), "one\ntwo\n");
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    assertEquals(new History(file).lines, ["two", "one"]);
    await Deno.writeTextFile(file, "line\n".repeat(2100));
    assertEquals(new History(file).lines.length, 1000);
    assertEquals((await Deno.readTextFile(file)).length, 5000);
    new History(`${folder}/missing/history`).add("nowhere");
  }));

test("COLOURED keeps the text", () => {
  const text = '{ a: ["x\\"1", 1.5, -2n, true], b: #PID<0.1.0> }';
  const coloured = COLOURED.value(text);
  // deno-lint-ignore no-control-regex
  assertEquals(coloured.replace(/\u001b\[\d+m/g, ""), text);
  assertStringIncludes(coloured, "\u001b[35mtrue\u001b[39m");
});

processTest("serve() shows no value of a process that has exited", async () => {
  const client = self();
  const token = makeToken();
  const gate = Promise.withResolvers<"ok">();
  const { write } = IO;
  // The process exits while it waits for its output.
  IO.write = () => {
    const evaluator = self();
    spawn(() => Process.exit(evaluator, "kill"));
    return gate.promise;
  };
  try {
    const server = spawn(() =>
      serve(client, token, {
        scope: makeScope({}),
        library: {},
        sources: {},
      })
    );
    send(server, { type: "evaluate", id: 1, source: "7", width: 80, token });
    const { type, id } = await receive();
    assertEquals([type, id], ["exited", 1]);
    gate.resolve("ok");
    await quiet();
    Process.exit(server, "kill");
    await ended(server);
  } finally {
    IO.write = write;
  }
});

test("an error in typed code has its line and column as typed, each place once", async () => {
  const scope = makeScope();
  const fails = async (source: string) => {
    try {
      await (await evaluate(source, scope)).value;
    } catch (error) {
      // The other lines are of this file.
      return formatThrown(error).split("\n    ").slice(1)
        .filter((line) => !line.includes("file:"));
    }
  };
  await evaluate(
    "const bad = (n: number) => {\n  return n.missing.x;\n};",
    scope,
  );
  assertEquals(await fails("throw new Error('e')"), []);
  const earlier = "at bad (2:20 of an earlier input)";
  assertEquals(await fails("bad(1)"), [earlier, "at 1:1"]);
  assertEquals(
    await fails("const a = 1, b: number = 2;\nlet c = bad(a + b), d = null"),
    [earlier, "at 2:9"],
  );
  assertEquals(await fails("{ a: bad(1) }"), [earlier, "at 1:6"]);
  assertEquals(
    await fails("function f(n) { n > 0 ? f(n - 1) : null.x }\nf(3)"),
    ["at f (1:41)", "at f (1:25)", "at 2:1"],
  );
});
