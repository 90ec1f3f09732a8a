import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import {
  assertPrinted,
  cliTest,
  runCode,
  slowCliTest,
  withFolder,
} from "../../_cli.ts";

cliTest("--eval runs TypeScript with await in order", async () => {
  const ended = await runCode([
    "const greet = async (name: string): Promise<string> => { await Process.sleep(1); return `hi ${name}`; };",
    "let said = await greet('kate')",
    "await IO.puts(said)",
  ]);
  assertPrinted(ended, "hi kate\n");
});

cliTest("--eval has the shell's names in scope", async () => {
  const names = [
    "Agent Application DynamicSupervisor GenServer IO Node Process Registry",
    "Supervisor Task TaskSupervisor flush global pg receive rpc self send",
    "Chat Kate",
  ].join(" ");
  const types = names.split(" ").map((name) => `typeof ${name}`);
  const ended = await runCode([
    `await IO.puts([${types.join(", ")}].includes("undefined"))`,
    'send(self(), "sup?")',
    "await flush()",
    "await Kate.sayName()",
  ], ["--module=Kate=./chat/kate.ts"]);
  assertPrinted(ended, 'false\n"sup?"\nHi, my name is Kate\n');
});

slowCliTest("--eval waits for its promise and output", async () => {
  const ended = await runCode([
    "Process.sleep(1).then(() => IO.puts('later'))",
    "IO.puts('not awaited'); undefined",
  ]);
  assertPrinted(ended, "later\nnot awaited\n");
});

cliTest(
  "--eval imports from the working directory",
  () =>
    withFolder(async (cwd) => {
      const file = join(cwd, "m.ts");
      await Deno.writeTextFile(file, "export const n: number = 42;");
      const code = [
        'import { n } from "./m.ts"',
        'await IO.puts(n + (await import("./m.ts")).n)',
      ];
      assertPrinted(await runCode(code, [], { cwd }), "84\n");
    }),
);

/** Code that fails, and the error message. */
const FAILING: [code: string, says: string | RegExp][] = [
  ["throw new TypeError('no')", "** (TypeError) no\n"],
  ["Promise.reject(new Error('later'))", "** (Error) later\n"],
  ["throw { a: '\u001b' }", '** (throw) { a: "\\u001b" }\n'],
  ["nothing", "** (ReferenceError) nothing is not defined\n"],
  ["const x = ;", /^\*\* \(SyntaxError\) Expression expected \(1:\d+\)\n$/],
  ["exit('boom')", "** (exit) boom\n"],
  [
    "Process.exit(self(), 'kill'); await receive()",
    /^\*\* \(EXIT from #PID<[\d.]+>\) killed\n$/,
  ],
  [
    "spawnLink(() => exit('crash')); await receive()",
    /\*\* \(EXIT from #PID<[\d.]+>\) crash\n$/,
  ],
  ["Promise.reject(new Error('stray')); await receive()", "** (Error) stray\n"],
  [
    "setTimeout(() => { throw new Error('timer') }, 1); await receive()",
    "** (Error) timer\n",
  ],
  [
    "await Chat.sendMessage('kate@localhost', 'hi')",
    `** (exit) exited in: TaskSupervisor.async({ name: "Chat.TaskSupervisor", node: "kate@localhost" }, ["Chat", "receiveMessage"], ["hi"])
    ** (EXIT) no connection to kate@localhost
`,
  ],
];

for (const [n, [code, says]] of FAILING.entries()) {
  const failingTest = n === 0 ? cliTest : slowCliTest;
  failingTest(`--eval fails at ${JSON.stringify(code)}`, async () => {
    const both = [code, "await IO.puts('next')"];
    const ended = await runCode(both, ["--no-halt"]);
    if (typeof says === "string") assertEquals(ended.stderr, says);
    else assertMatch(ended.stderr, says);
    assertEquals([ended.code, ended.stdout], [1, ""]);
  });
}

cliTest(
  "--eval shows the location of an error in the user's files",
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "m.ts");
      await Deno.writeTextFile(
        file,
        "export function fail() {\n  throw new RangeError('deep');\n}",
      );
      const ended = await runCode(["M.fail()"], [`--module=M=${file}`]);
      assertMatch(
        ended.stderr,
        /^\*\* \(RangeError\) deep\n {4}at \S*fail \(file:.+m\.ts:2:\d+\)\n$/,
      );
      assertEquals(ended.code, 1);
    }),
);

slowCliTest("--eval can end the program with an exit reason", async () => {
  const codes = await Promise.all([
    runCode(["exit('normal')", "await receive()"]),
    runCode(["exit({ type: 'shutdown', reason: 7 })"]),
  ]);
  assertEquals(codes.map(({ code, stderr }) => [code, stderr]), [
    [0, ""],
    [7, ""],
  ]);
});
