/** A node with a shell, and a peer that tries to use it, or its terminal. */

import { assert, assertEquals } from "@std/assert";
import { Node } from "../../node.ts";
import {
  Pid,
  Process,
  receive,
  Ref,
  self,
  send,
} from "../../packages/processes/process.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { ChatProcess, nodeFlags, shellTest } from "../_cli.ts";
import { COOKIE } from "../_nodes.ts";
import { IN_TERMINAL, type Terminal, withTerminal } from "../_terminal.ts";

const ALEX = "alex@localhost";
const USER = { name: "user", node: ALEX };
const MODULE = "--module=Remote=./tests/_remote.ts";

/** Controls a terminal: clears it, and sets its title. */
const STEERING = "\u001b[2J\u001b]0;forged\u0007forged";

/** Calls a function in a process of kate, with a terminal in which alex's shell is open. */
function withShell(
  fn: (terminal: Terminal) => Promise<void>,
): () => Promise<void> {
  return () => {
    const epmdPort = freePort();
    const flags = [...nodeFlags("alex", epmdPort), MODULE];
    return withTerminal(flags, async (terminal) => {
      await using kate = await Node.start({
        name: "kate@localhost",
        cookie: COOKIE,
        epmdPort,
      });
      await kate.run(() => fn(terminal));
    });
  };
}

/** Asks alex's group leader for a line, by hand; returns the answer. */
function askForLine(prompt: string): Promise<unknown> {
  const replyAs = Process.alias({ reply: true });
  const request = { type: "get_line", prompt };
  send(USER, { type: "io_request", from: self(), replyAs, request });
  return receive((m) => replyAs.equals(m?.ref)).then(({ value }) => value);
}

test(
  "a shell acts on no message that others send to its processes",
  IN_TERMINAL,
  withShell(async (terminal) => {
    await terminal.enter("let x = 1");
    await terminal.shows("chat(alex@localhost)2>");
    const one = await Node.spawn(ALEX, ["Remote", "wait"]);
    const { creation } = one;
    const source = "globalThis.forged = true; await IO.puts('forged')";
    const messages: unknown[] = [
      { type: "evaluate", id: 1, source, width: 80 },
      { type: "evaluate", id: 1, source, width: 80, token: "" },
      { type: "complete", id: 1, text: "x" },
      { type: "evaluated", id: 2, ok: true, text: STEERING },
      { type: "completed", id: 2, names: [STEERING], from: "" },
      { type: "exited", id: undefined, text: STEERING },
      { type: "exited", id: 2, text: STEERING, token: undefined },
      { type: "interrupt" },
      { type: "stop" },
    ];
    for (let number = 1; number < 200; number++) {
      const ref = new Ref(ALEX, number, creation);
      messages.push({ type: "DOWN", ref, object: one, reason: STEERING });
    }
    // It runs during the attack.
    await terminal.enter(
      "Process.register(self(), 'typist'), await IO.puts('reading'), await receive()",
    );
    await terminal.shows("\nreading");
    for (let number = 90; number <= one.number; number++) {
      const pid = new Pid(ALEX, number, creation);
      for (const message of messages) send(pid, message);
      // Through a process of its own node, too.
      await Node.spawn(ALEX, ["Remote", "tell"], [pid, ...messages]);
    }
    // The one that waits for a message receives them as messages, as any process does.
    await terminal.shows("chat(alex@localhost)3>");
    await terminal.enter("[typeof forged, x + 1]");
    const screen = await terminal.shows("chat(alex@localhost)4>");
    assert(screen.endsWith('["undefined", 2]\nchat(alex@localhost)4>'), screen);
    assert(!screen.includes("\nforged"), screen);
  }),
);

test(
  "a line that is typed at the shell's prompt goes to the shell, whoever asks for it",
  IN_TERMINAL,
  withShell(async (terminal) => {
    const refused = await askForLine(STEERING) as { type: string };
    assertEquals(refused.type, "error");
    await terminal.enter("20 + 1");
    await terminal.shows("\n21\nchat(alex@localhost)2>");
    await terminal.type("20 + ");
    assertEquals((await askForLine("") as { type: string }).type, "error");
    await terminal.enter("2");
    const screen = await terminal.shows("\n22\nchat(alex@localhost)3>");
    assert(!screen.includes("forged"), screen);
  }),
);

test(
  "a process of another node reads while code of the shell runs, and its prompt names the node",
  IN_TERMINAL,
  withShell(async (terminal) => {
    await terminal.enter(
      "Process.register(self(), 'typist'), await IO.puts('reading'), await receive()",
    );
    await terminal.shows("\nreading");
    const typist = { name: "typist", node: ALEX };
    const first = askForLine(`${STEERING}\nname? `);
    await terminal.shows(
      "[kate@localhost] \\u001b[2J\\u001b]0;forged\\u0007forged name?",
    );
    await terminal.enter("whiskers");
    assertEquals(await first, { line: "whiskers\n" });
    const second = askForLine("again? ");
    await terminal.shows("[kate@localhost] again?");
    send(typist, "go");
    assertEquals((await second as { type: string }).type, "error");
    await terminal.shows('"go"\nchat(alex@localhost)2>');
    await terminal.enter("20 + 3");
    await terminal.shows("\n23\nchat(alex@localhost)3>");
    // Reads of the shell's own code come first.
    await terminal.enter(
      "await IO.puts('again'), await receive(), await IO.gets('mine? ')",
    );
    await terminal.shows("\nagain");
    const third = askForLine("theirs? ");
    await terminal.shows("[kate@localhost] theirs?");
    send(typist, "go");
    await terminal.shows(/\nmine\?$/);
    await terminal.enter("yes");
    assertEquals((await third as { type: string }).type, "error");
    await terminal.shows('"yes\\n"\nchat(alex@localhost)4>');
  }),
);

shellTest("piped lines cannot be read by other nodes", async () => {
  const epmdPort = freePort();
  const lines = [
    'Process.register(self(), "typist")',
    "IO.puts('up')",
    "await receive()",
    "20 + 1",
    "20 + 2",
  ];
  await using alex = new ChatProcess([...nodeFlags("alex", epmdPort), MODULE], {
    program: "exports/shell.ts",
    input: lines.join("\n"),
  });
  await alex.printed("up");
  await using kate = await Node.start({
    name: "kate@localhost",
    cookie: COOKIE,
    epmdPort,
  });
  await kate.run(async () => {
    for (let times = 0; times < 5; times++) {
      const answer = await askForLine(STEERING) as { type: string };
      assertEquals(answer.type, "error");
    }
    send({ name: "typist", node: ALEX }, "go");
    await alex.printed('"go"\n21\n22\n');
  });
  const { code, stdout } = await alex.ended;
  assert(!stdout.includes("forged"), stdout);
  assertEquals(code, 0);
});
