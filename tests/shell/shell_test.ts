import { assert, assertEquals, assertMatch } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { nodeFlags, remshFlags, startNode } from "../_cli.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import {
  IN_TERMINAL,
  openTerminal,
  type Terminal,
  withTerminal,
} from "../_terminal.ts";

/** A test at the prompt of a shell without a node. */
function terminalTest(
  name: string,
  fn: (terminal: Terminal, home: string) => Promise<void>,
): void {
  test(name, IN_TERMINAL, () => withTerminal([], fn));
}

/** Code of a promise that resolves when a file exists. */
function whenThere(file: string): string {
  return `(async () => { for (;;) try { Deno.statSync('${file}'); break } catch { await Process.sleep(5) } })()`;
}

terminalTest("the shell keeps declarations and values", async (terminal) => {
  await terminal.enter("let { a }: { a: number } = { a: 20 }");
  await terminal.shows("chat(2)>");
  await terminal.enter("await Promise.resolve(a + 1)");
  await terminal.shows("chat(3)>");
  await terminal.enter("const a = _ * 2; [a, self()]");
  const screen = await terminal.shows("chat(4)>");
  assertMatch(
    screen,
    /^\(h\(\) says .*\)\nchat\(1\)> let .*\nundefined\nchat\(2\)> await .*\n21\nchat\(3\)> const .*\n\[42, #PID<0\.\d+\.0>\]\nchat\(4\)>$/,
  );
});

terminalTest("the shell accepts several lines", async (terminal) => {
  await terminal.enter("[1,");
  await terminal.shows("...(1)>");
  await terminal.enter("2].length");
  await terminal.shows("\n2\nchat(2)>");
  await terminal.enter("f(`");
  await terminal.shows("...(2)>");
  await terminal.enter("break");
  await terminal.shows(/break\nchat\(2\)>$/);
  await terminal.enter("if (true) {");
  await terminal.shows(/\.\.\.\(2\)>$/);
  await terminal.type("typed");
  await terminal.press("C-c");
  await terminal.shows(/typed\nchat\(2\)>$/);
  await terminal.enter("3");
  await terminal.shows(/chat\(2\)> 3\n3\nchat\(3\)>$/);
});

terminalTest("output appears above the line", async (terminal, home) => {
  await terminal.enter(
    `const go = (to: Pid) => spawn(async () => { await receive(); await IO.write("part "); await ${
      whenThere(`${home}/seen`)
    }; await IO.puts("done"); send(to, "printed"); await receive(); throw new Error("crash") })`,
  );
  await terminal.shows("chat(2)>");
  await terminal.enter(
    "const pid = go(self()); send(pid, 1); await receive()",
  );
  await terminal.shows(/\npart$/);
  await Deno.writeTextFile(`${home}/seen`, "");
  await terminal.shows('part done\n"printed"\nchat(3)>');
  await terminal.press("C-l");
  await terminal.shows(/^chat\(3\)>$/);
  await terminal.enter(
    `${whenThere(`${home}/typed`)}.then(() => send(pid, 2)); undefined`,
  );
  await terminal.shows("chat(4)>");
  await terminal.type("1 + 22");
  await terminal.press("Left", "Left");
  await terminal.shows(/chat\(4\)> 1 \+ 22$/);
  await Deno.writeTextFile(`${home}/typed`, "");
  const screen = await terminal.shows("Initial call");
  assertMatch(screen, /\[error\] .* terminating\n.*\*\* Error: crash/);
  assertMatch(screen, /Started by: \S+\nchat\(4\)> 1 \+ 22$/);
  await terminal.type("0");
  await terminal.shows(/chat\(4\)> 1 \+ 022$/);
  await terminal.press("BSpace", "Enter");
  await terminal.shows("\n23\nchat(5)>");
});

terminalTest("a long line that wraps stays", async (terminal, home) => {
  await terminal.enter(
    `${
      whenThere(`${home}/typed`)
    }.then(() => IO.puts('above')).then(() => console.log({ a: 1 })); undefined`,
  );
  await terminal.shows("chat(2)>");
  const text = `"${"x".repeat(150)}".length`;
  await terminal.type(text);
  await terminal.press("C-b", "C-b");
  await terminal.shows(`\nchat(2)> ${text}`);
  await Deno.writeTextFile(`${home}/typed`, "");
  const screen = await terminal.shows("\n{ a: 1 }\n");
  assert(
    screen.endsWith(`undefined\nabove\n{ a: 1 }\nchat(2)> ${text}`),
    screen,
  );
  await terminal.press("Enter");
  await terminal.shows("\n150\nchat(3)>");
});

terminalTest("Ctrl-C ends a wait, and the shell goes on", async (terminal) => {
  await terminal.enter(
    "const kept = self(); IO.puts('waiting'); await receive()",
  );
  await terminal.shows("\nwaiting");
  await terminal.press("C-c");
  await terminal.shows(
    /\*\* \(interrupted\) #PID<\S+> was killed.*\nchat\(2\)>$/,
  );
  await terminal.enter("[kept.equals(self()), Process.alive(kept)]");
  await terminal.shows("[false, false]\nchat(3)>");
  await terminal.enter("IO.gets('name? ')");
  await terminal.shows(/\nname\?$/);
  await terminal.type("half");
  await terminal.press("C-c");
  await terminal.shows(/interrupted.*\nchat\(4\)>$/);
  await terminal.enter("4");
  await terminal.shows("\n4\nchat(5)>");
});

terminalTest("Ctrl-C twice on an empty line leaves", async (terminal) => {
  await terminal.type("typed");
  await terminal.press("C-c");
  await terminal.shows(/typed\nchat\(1\)>$/);
  await terminal.press("C-c");
  await terminal.shows(
    /To leave, press Ctrl-C again, or Ctrl-D\.\)\nchat\(1\)>$/,
  );
  await terminal.press("C-c");
  assertEquals(await terminal.ended(), 0);
});

terminalTest(
  "Ctrl-D leaves, and the next shell has the history",
  async (first, home) => {
    await first.enter("'first'");
    await first.shows(/2\)?>$/);
    await first.enter("await IO.gets('secret? ')");
    await first.shows(/\nsecret\?$/);
    await first.enter("password");
    await first.shows('"password\\n"\nchat(3)>');
    await first.enter("[7,");
    await first.enter("8]");
    await first.shows("[7, 8]\nchat(4)>");
    await first.press("C-d");
    assertEquals(await first.ended(), 0);
    await using terminal = await openTerminal([], { home });
    await terminal.shows(/1\)?>$/);
    await terminal.press("Up");
    await terminal.shows("> [7,\n8]");
    await terminal.press("Enter");
    await terminal.shows("[7, 8]\nchat(2)>");
    await terminal.press("Up", "Up");
    await terminal.shows("> await IO.gets('secret? ')");
    await terminal.press("Up");
    await terminal.shows("> 'first'");
    await terminal.press("C-u");
    await terminal.type("i");
    await terminal.press("C-r");
    await terminal.shows("(search) i: await IO.gets('secret? ')");
    await terminal.press("C-r");
    await terminal.shows("(search) i: 'first'");
    const file = `${home}/.otp_distribution_history`;
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert(!(await Deno.readTextFile(file)).includes("password"));
  },
);

terminalTest("Ctrl-R searches as characters are typed", async (terminal) => {
  for (const [index, line] of ["12 + 30", "12 + 60", "70"].entries()) {
    await terminal.enter(line);
    await terminal.shows(new RegExp(`\\d\\nchat\\(${index + 2}\\)>$`));
  }
  await terminal.press("C-r");
  await terminal.shows(/\(search\) :$/);
  await terminal.type("12");
  await terminal.shows("(search) 12: 12 + 60");
  await terminal.press("C-r");
  await terminal.shows("(search) 12: 12 + 30");
  await terminal.press("C-r");
  await terminal.shows("(search, none earlier) 12: 12 + 30");
  await terminal.press("BSpace", "BSpace");
  await terminal.type("70");
  await terminal.shows("(search) 70: 70");
  await terminal.press("C-g");
  await terminal.shows(/chat\(4\)>$/);
  await terminal.press("C-r");
  await terminal.type("+");
  await terminal.shows("(search) +: 12 + 60");
  await terminal.press("Enter");
  await terminal.shows("chat(4)> 12 + 60\n72\nchat(5)>");
  // Another key ends the search with the found line, to edit it; Ctrl-C abandons the line.
  await terminal.press("C-r");
  await terminal.type("30");
  await terminal.shows("(search) 30: 12 + 30");
  await terminal.press("End");
  await terminal.type("0");
  await terminal.press("Enter");
  await terminal.shows("chat(5)> 12 + 300\n312\nchat(6)>");
  await terminal.press("C-r");
  await terminal.type("60");
  await terminal.shows("(search) 60: 12 + 60");
  await terminal.press("C-c");
  await terminal.shows("chat(6)> 12 + 60\nchat(6)>");
});

terminalTest(
  "Tab completes names in scope and properties",
  async (terminal) => {
    await terminal.enter("const kitten = { purrs: { loudly: 9 } }");
    await terminal.shows(/2\)?>$/);
    await terminal.type("kit");
    await terminal.shows("> kit");
    await terminal.press("Tab");
    await terminal.shows("> kitten");
    await terminal.type(".p");
    await terminal.shows("> kitten.p");
    await terminal.press("Tab");
    await terminal.shows("> kitten.purrs");
    await terminal.type(".");
    await terminal.shows("purrs.");
    await terminal.press("Tab");
    await terminal.shows("> kitten.purrs.loudly");
    await terminal.press("Enter");
    await terminal.shows("\n9\n");
    await terminal.type("Node.spawn");
    await terminal.shows("> Node.spawn");
    const again = setInterval(() => terminal.press("Tab"), 300);
    await terminal.shows(/spawn +spawnLink +spawnMonitor/);
    clearInterval(again);
  },
);

terminalTest("errors and exit signals are shown", async (terminal) => {
  await terminal.enter('throw new TypeError("no")');
  await terminal.shows("** (TypeError) no\nchat(2)>");
  await terminal.enter("const x = ;");
  await terminal.shows(
    /\*\* \(SyntaxError\) Expression expected.*\nchat\(3\)>/,
  );
  await terminal.enter(
    'spawnLink(() => exit("boom")); await receive(() => false)',
  );
  await terminal.shows(
    /\*\* \(EXIT from #PID<\S+>\) shell process exited with reason: boom\nchat\(4\)>$/,
  );
  await terminal.enter('await Chat.sendMessage("kate@localhost", "hi")');
  await terminal.shows(
    /\(EXIT\) no connection to kate@localhost\nchat\(5\)>$/,
  );
  await terminal.enter("h(Chat.sendMessage)");
  await terminal.shows("the recipient's node prints it.");
});

test(
  "colours are for terminals whose user wants them",
  IN_TERMINAL,
  async () => {
    for (const colour of [true, false]) {
      await withTerminal([], async (terminal) => {
        await terminal.enter('"text"');
        await terminal.shows(/2\)?>$/);
        const screen = await terminal.screen(true);
        assertEquals(screen.includes('\u001b[32m"text"'), colour, screen);
      }, { colour });
    }
  },
);

test(
  "a half-typed line stays when the shell's process exits",
  IN_TERMINAL,
  async () => {
    const port = freePort();
    await using kate = await startNode("kate", port, "--allow-closures");
    await withTerminal(nodeFlags("alex", port), async (terminal) => {
      await terminal.enter(
        'await Node.spawnLink("kate@localhost", () => receive())',
      );
      await terminal.shows("chat(alex@localhost)2>");
      await terminal.type("Node.li");
      kate.kill("SIGKILL");
      await terminal.shows(
        /shell process exited with reason: no connection\nchat\(alex@localhost\)2> Node.li$/,
      );
      await terminal.enter("st()");
      await terminal.shows("\n[]\nchat(alex@localhost)3>");
    });
  },
);

test("--remsh opens a shell on another node", IN_TERMINAL, async () => {
  const port = freePort();
  await using kate = await startNode(
    "kate",
    port,
    "--module=Kate=./chat/kate.ts",
    "--allow-remsh",
  );
  await withTerminal(remshFlags("kate", port), async (terminal) => {
    await terminal.shows("chat(kate@localhost)1>");
    await terminal.enter("await IO.puts(Node.self()); await Kate.sayName()");
    await terminal.shows(
      'kate@localhost\nHi, my name is Kate\n"ok"\nchat(kate@localhost)2>',
    );
    await terminal.enter("const kitten = await IO.gets('name? ')");
    await terminal.shows(/\nname\?$/);
    await terminal.enter("alex");
    await terminal.shows("chat(kate@localhost)3>");
    await terminal.type("kit");
    await terminal.shows("> kit");
    await terminal.press("Tab");
    await terminal.shows("> kitten");
    await terminal.press("Enter");
    await terminal.shows('"alex\\n"\nchat(kate@localhost)4>');
    await terminal.enter("Node.list()");
    await terminal.shows("[]\nchat(kate@localhost)5>");
    await terminal.enter("IO.puts('waiting'); await receive()");
    await terminal.shows("\nwaiting");
    await terminal.press("C-c");
    await terminal.shows(/interrupted.*\nchat\(kate@localhost\)6>/);
    assert(!kate.stdout.includes("my name"));
    kate.kill("SIGKILL");
    await terminal.shows("** (EXIT) no connection to kate@localhost");
    assertEquals(await terminal.ended(), 3);
  });
});
