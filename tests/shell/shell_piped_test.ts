import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  assertRefused,
  nodeFlags,
  pipe,
  remshFlags,
  shellTest,
  slowShellTest,
  startNode,
  withFolder,
} from "../_cli.ts";
import { Observer } from "../../packages/observe/observer.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { LyingEpmd } from "../_fake_epmd.ts";

shellTest("piped lines run in order and print results", async () => {
  const ended = await pipe([
    "const wait = async (n: number) => { await Process.sleep(30 - n); return n }",
    "await wait(1)",
    "await wait(20)",
    "",
    "{ a: _,",
    "  b: 2 }",
    "IO.puts('printed'); 3",
    "const line = await IO.gets('? ')",
    "read by code",
    "line",
  ]);
  assertEquals(ended, {
    code: 0,
    signal: null,
    stdout:
      'undefined\n1\n20\n{ a: 20, b: 2 }\nprinted\n3\n? undefined\n"read by code\\n"\n',
    stderr: "",
  });
});

slowShellTest("piped lines go on after an error", async () => {
  const [good, bad, unfinished] = await Promise.all([
    pipe(["nothing", "Process.exit(self(), 'kill')", "5"]),
    pipe(["5", "throw new Error('e')"]),
    pipe(["5", "[1,"]),
  ]);
  assertEquals([good.code, good.stdout], [0, "5\n"]);
  assertMatch(
    good.stderr,
    /^\*\* \(ReferenceError\) nothing is not defined\n\*\* \(EXIT from #PID<0\.\d+\.0>\) shell process exited with reason: killed\n$/,
  );
  assertEquals([bad.code, bad.stdout, bad.stderr], [
    1,
    "5\n",
    "** (Error) e\n",
  ]);
  assertEquals([unfinished.code, unfinished.stdout], [1, "5\n"]);
  assertStringIncludes(unfinished.stderr, "Unexpected end of input");
});

slowShellTest("Node.stop() at the shell ends it with success", async () => {
  const ended = await pipe(
    ["1", "await Node.stop()", "2"],
    nodeFlags("alex", freePort()),
  );
  assertEquals([ended.code, ended.stdout], [0, "1\n"]);
});

slowShellTest(
  "the shell opens for any application",
  () =>
    withFolder(async (folder) => {
      const file = `${folder}/my_app.ts`;
      await Deno.writeTextFile(
        file,
        "/** Doubles.\n *\n * @param n A number.\n */\nexport function double(n: number) { return 2 * n; }\n",
      );
      const { code, stdout, stderr } = await pipe(
        [
          "MyApp.double(21)",
          "typeof Cluster.info",
          "await Node.spawn(Node.self(), ['MyApp', 'double'], [1]); h(MyApp.double)",
        ],
        [`--module=MyApp=${file}`, ...nodeFlags("alex", freePort())],
        "exports/shell.ts",
      );
      assertEquals(stderr, "");
      assertEquals(
        stdout,
        '42\n"function"\nMyApp.double(n: number)\n\n  Doubles.\n',
      );
      assertEquals(code, 0);
      const start =
        'await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: false }); Node.self()';
      const moved = await pipe([start], [], "exports/shell.ts");
      assertEquals([moved.stdout, moved.stderr], ['"kate@localhost"\n', ""]);
    }),
);

shellTest(
  "r() loads a file again; exports() lists functions",
  () =>
    withFolder(async (folder) => {
      const file = `${folder}/kate.ts`;
      await Deno.writeTextFile(
        file,
        "const age = Reflect.get(globalThis, 'age') ?? 40; Reflect.set(globalThis, 'age', age + 1); export const born = (_: number) => age;",
      );
      const { code, stdout, stderr } = await pipe([
        "Kate.born(0)",
        "r(Kate)",
        "Kate.born(0)",
        "await rpc.call(Node.self(), ['Kate', 'born'], [0])",
        "exports(Kate)",
        "recompile()",
        "r(Node)",
      ], [`--module=Kate=${file}`, ...nodeFlags("alex", freePort())]);
      assertMatch(
        stdout,
        /^40\nKate is loaded: born\/1\n41\n41\nborn\/1\nChat is loaded: .*\nKate is loaded: born\/1\n$/,
      );
      assertStringIncludes(stderr, "Cannot load Node again: its file is not");
      assertEquals(code, 1);
    }),
);

shellTest(
  "h() names the scope; h(Observer) has a word for each; frames() shows the library's",
  async () => {
    const failing = ["frames()", "Node.spawn(1)", "frames()"];
    const { stdout, stderr } = await pipe(
      ["h()", "h(Observer)", "h(recompile)", ...failing],
    );
    const own = /\n {4}at Node\.spawn \(file:.*\/node\.ts:/;
    assertNotMatch(stderr, own);
    assertMatch(stdout, /No line has failed yet\n\*\* \(TypeError\) Cannot/);
    assertMatch(stdout, own);
    assertMatch(stdout, /Types\s+are not checked/);
    const at = stdout.indexOf("\nObserver\n");
    const names = stdout.slice(stdout.indexOf("In scope: "), at).split("\n");
    assertMatch(names.join(" "), /Agent, .*Observer, .*exports, .*trace/);
    const last = names.pop()!;
    assert(names.length > 3 && last.length <= 80);
    for (const line of names) assertMatch(line, /^.{40,79},$/);
    const listed = stdout.slice(at);
    for (const name of Object.getOwnPropertyNames(Observer)) {
      if (typeof Reflect.get(Observer, name) !== "function") continue;
      assertMatch(listed, new RegExp(`\\n  ${name} +[A-Z]`), name);
    }
    assertMatch(stdout, /Loads the files of all modules/);
  },
);

/** Opens a shell on kate, which fails with a code and an error. */
async function assertNoShell(
  epmdPort: number,
  code: number,
  says: string,
): Promise<void> {
  const ended = await pipe(["1"], remshFlags("kate", epmdPort));
  assertRefused(ended, code, says);
  assertStringIncludes(ended.stderr, "Cannot open a shell on kate@localhost: ");
}

slowShellTest("--remsh reports why it fails: no such node", () =>
  assertNoShell(
    freePort(),
    3,
    "no node of that name is registered; start one with --sname kate@localhost --allow-remsh",
  ));

for (
  const [name, flags, says] of [
    ["not allowed", [], "it does not allow that; start it with --allow-remsh"],
    [
      "another cookie",
      ["--allow-remsh", "--cookie=other"],
      "cookie is another one",
    ],
  ] as const
) {
  slowShellTest(`--remsh reports why it fails: ${name}`, async () => {
    const port = freePort();
    await using _kate = await startNode("kate", port, ...flags);
    await assertNoShell(port, 4, says);
  });
}

shellTest("--remsh reports why it fails: no answer", async () => {
  const port = freePort();
  const kate = { port, extra: "otp-json/1" };
  await using epmd = await LyingEpmd.listen(() => kate);
  await assertNoShell(epmd.port, 3, "refused");
});

shellTest("--remsh runs piped lines on the other node", async () => {
  const port = freePort();
  await using kate = await startNode("kate", port, "--allow-remsh");
  const ended = await pipe(
    [
      "await IO.puts('here')",
      "Node.self()",
      "Chat.sendMessage('kate@localhost', 'hi')",
    ],
    [...nodeFlags("alex", port), "--remsh=kate@localhost"],
  );
  assertEquals([ended.code, ended.stderr], [0, ""]);
  assertEquals(ended.stdout, 'here\n"ok"\n"kate@localhost"\n"ok"\n');
  assert(kate.stdout.endsWith("\nhi\n"));
});

slowShellTest("the shell's flags are rejected elsewhere", async () => {
  const module = ["--allow-remsh", "--module=Shell=./chat/kate.ts"];
  const wrong: [string[], string][] = [
    [["--remsh=kate@localhost", "-e", "1"], "--remsh and --eval together"],
    [["--remsh=a b"], "is not a node name"],
    [["--allow-remsh"], "--allow-remsh without a node"],
    [
      [...nodeFlags("alex", 4999), ...module],
      "Shell means something else here",
    ],
  ];
  await Promise.all(wrong.map(async ([args, says]) => {
    assertRefused(await pipe([], args), 2, says);
  }));
});

slowShellTest("piped lines start servers, and show crashes", async () => {
  const ended = await pipe([
    'const Stack = { name: "Stack", init: (items) => ({ type: "ok", state: items }),',
    '  handleCall: (_, from, items) => { throw new Error("empty") } }',
    'const name = { via: Registry, name: ["Names", "stack"] }',
    'await Supervisor.startLink([[Registry, { keys: "unique", name: "Names" }], GenServer.childSpec(Stack, [1], { name })], { strategy: "one_for_one", name: "Top" }); "up"',
    'await GenServer.call(name, "pop")',
    '(await Supervisor.countChildren("Top")).active',
    "await global.registerName('shell', self())",
    "h(pg.join)",
    "h(send)",
  ]);
  const shown = ended.stdout.split("\n").filter((line) => line !== "undefined");
  assertEquals(shown.slice(0, 3), ['"up"', "2", "true"]);
  assertStringIncludes(ended.stdout, "pg.join(group: unknown,");
  assertStringIncludes(ended.stdout, "\nsend(to: Destination<M>,");
  assertMatch(
    ended.stderr,
    /\[error\] nonode@nohost: GenServer #PID<0\.\d+\.0> terminating\n {4}\*\* Error: empty\n/,
  );
  assertMatch(
    ended.stderr,
    /Initial call: Stack\n {4}Last message \(from #PID<\S+>\): "pop"\n {4}State: \[1\]\n {4}Ancestors: \[Top, #PID<\S+>\]/,
  );
  assertStringIncludes(
    ended.stderr,
    '** (exit) exited in: GenServer.call({ via: "Registry", name: ["Names", "stack"] }, "pop", 5000)',
  );
});
