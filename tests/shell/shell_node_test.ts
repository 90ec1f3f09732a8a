/** A node that code starts: at the prompt of a shell without one, with `--eval`, in a module. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { Node } from "../../node.ts";
import { self, send } from "../../packages/processes/process.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import {
  chat,
  ChatProcess,
  nodeFlags,
  pipe,
  remshFlags,
  shellTest,
  slowShellTest,
  withFolder,
} from "../_cli.ts";
import { COOKIE } from "../_nodes.ts";
import { IN_TERMINAL, withTerminal } from "../_terminal.ts";

/** Code that starts alex. */
function startAlex(epmdPort: number, more = ""): string {
  return `await Node.start({ name: "alex@localhost", cookie: "${COOKIE}", epmdPort: ${epmdPort}${more} })`;
}

/** The results of piped expressions, one per line. */
function resultsOf(stdout: string): string[] {
  return stdout.trimEnd().split("\n");
}

test(
  "Node.start() at the prompt moves the shell to the node, which its prompt names",
  IN_TERMINAL,
  () =>
    withTerminal([], async (terminal) => {
      const epmdPort = freePort();
      await terminal.enter(
        "const me = self(); const worker = spawnLink(async () => { for (;;) send((await receive()).from, 'pong') }); send(me, 'before')",
      );
      await terminal.shows("chat(2)>");
      await terminal.enter(startAlex(epmdPort));
      await terminal.shows("chat(alex@localhost)3>");
      await terminal.enter("[Node.self(), self().node, Node.alive()]");
      await terminal.shows('["alex@localhost", "alex@localhost", true]\n');
      await using kate = await Node.start({
        name: "kate@localhost",
        cookie: COOKIE,
        epmdPort,
        io: { write() {} },
        modules: { Kate: { where: () => Node.self() } },
      });
      await terminal.enter(
        'send(worker, { from: self() }); await Node.connect("kate@localhost")',
      );
      await terminal.shows("true\nchat(alex@localhost)5>");
      await terminal.enter(
        'Process.register(self(), "typist"), await rpc.call("kate@localhost", ["Kate", "where"])',
      );
      await terminal.shows('"kate@localhost"\nchat(alex@localhost)6>');
      await kate.run(async () => {
        send({ name: "typist", node: "alex@localhost" }, {
          says: "hi",
          from: self(),
        });
        const says = ["Chat", "receiveMessage"] as const;
        const pid = await Node.spawn("alex@localhost", says, ["hi"]);
        assertEquals(pid.node, "alex@localhost");
      });
      await terminal.enter("flush()");
      await terminal.shows(
        /"before"\n"pong"\n\{ says: "hi", from: #PID<\d+\.\d+\.0> \}\n"ok"/,
      );
      await terminal.enter("await Node.stop()");
      await terminal.shows("chat(8)>");
      await terminal.enter("[Node.self(), self().equals(me)]");
      await terminal.shows('["nonode@nohost", true]\n');
      await terminal.enter("send(me, 'kept'), await receive()");
      await terminal.shows('"kept"\nchat(10)>');
      await terminal.press("C-d");
      assertEquals(await terminal.ended(), 0);
    }, { width: 120 }),
);

shellTest("code becomes a process of the node it starts", async () => {
  const epmdPort = freePort();
  const ended = await pipe([
    "const me = self(); Process.put('k', 1); Process.trapExit(true); const timer = Process.sendAfter(me, 'timed', 1); Node.self()",
    `const at = () => Node.self(); ${
      startAlex(epmdPort)
    }; [Node.self(), at(), self().equals(me), Process.get("k"), Process.alive(self())]`,
    "await receive()",
    "send(me, 'to me'), await receive()",
    'await Node.spawnLink("alex@localhost", ["Chat", "receiveMessage"], ["hi"]).then(() => receive((m) => m.type === "EXIT")).then((m) => m.reason)',
    "Process.register(self(), 'typist'), Process.put('k', 2), send(self(), 'mail')",
    "Application.started()",
    "await Node.stop(), [Node.self(), self().equals(me), Process.get('k'), Process.whereis('typist')?.equals(me), Process.trapExit(true)]",
    "await receive()",
    "Application.started()",
    `${startAlex(epmdPort)}; await Node.stop(); await Node.stop(); Node.self()`,
  ]);
  assertEquals(ended.stderr, "");
  assertEquals(resultsOf(ended.stdout), [
    '"nonode@nohost"',
    '["alex@localhost", "alex@localhost", false, 1, true]',
    '"timed"',
    '"to me"',
    "hi",
    '"normal"',
    "undefined",
    '["chat"]',
    '["nonode@nohost", true, 2, true, true]',
    '"mail"',
    '["chat"]',
    '"nonode@nohost"',
  ]);
  assertEquals(ended.code, 0);
});

shellTest("earlier processes end with the shell's process", async () => {
  const ended = await pipe([
    "const one = spawnLink(() => receive()); const two = spawnLink(() => receive()); const { ref } = spawnMonitor(() => receive()); const task = Task.async(async () => 7)",
    startAlex(freePort()),
    "await Task.await(task)",
    "(await Process.info(two, { remote: true })).links.length",
    "Process.demonitor(ref)",
    "Process.unlink(two); Process.monitor(two); Process.exit(two, 'unlinked'); await receive(); Node.self()",
    "const dead = Process.monitor(one); const me = self(); Process.exit(one, 'boom'); await receive(() => false)",
    "[Node.self(), self().equals(me)]",
    "const three = spawn(() => receive()); Process.link(three); Process.exit(self(), 'kill'); await receive(() => false)",
    "[Node.self(), Process.alive(three)]",
  ]);
  const shown = resultsOf(ended.stdout).filter((line) => line !== "undefined");
  assertEquals(shown.slice(1), [
    "7",
    "1",
    "true",
    '"alex@localhost"',
    '["alex@localhost", false]',
    '["alex@localhost", false]',
  ]);
  assertMatch(
    ended.stderr,
    /^\*\* \(EXIT from #PID<\S+>\) shell process exited with reason: boom\n\*\* \(EXIT from #PID<\S+>\) shell process exited with reason: killed\n$/,
  );
});

slowShellTest("Node.start() rejects in a shell on a node", async () => {
  const epmdPort = freePort();
  const kate =
    `await Node.start({ name: "kate@localhost", cookie: "c", epmdPort: ${epmdPort} })`;
  const says =
    "** (NodeStartError) Cannot start a node: already started, this shell is on alex@localhost; leave it by await Node.stop() first, or start another program\n";
  const named = await pipe([kate], nodeFlags("alex", epmdPort));
  assertEquals([named.code, named.stderr], [1, says]);
  const code = await chat([...nodeFlags("alex", epmdPort), "-e", kate]);
  assertEquals([code.code, code.stderr], [1, says]);
  const twice = await pipe([startAlex(epmdPort), kate]);
  assertEquals([twice.code, twice.stderr], [1, says]);
});

slowShellTest("--eval starts a node, and stops it", async () => {
  const epmdPort = freePort();
  const ended = await chat([
    "-e",
    `${startAlex(epmdPort)}; await IO.puts(Node.self())`,
    "-e",
    "await IO.puts(Application.started().join()); await IO.puts(await Node.spawn(Node.self(), ['Chat', 'receiveMessage'], ['hi']) instanceof Object)",
  ]);
  assertEquals(ended.stderr, "");
  assertEquals(ended.code, 0);
  assertMatch(
    ended.stdout,
    /^alex@localhost\nchat\n(?=[^]*hi\n)(?=[^]*true\n)/,
  );
});

slowShellTest(
  "a module that starts a node joins the program",
  () =>
    withFolder(async (folder) => {
      const epmdPort = freePort();
      const file = `${folder}/own.ts`;
      const library = new URL("../../mod.ts", import.meta.url).href;
      await Deno.writeTextFile(
        file,
        `import { Node } from "${library}";\n${
          startAlex(epmdPort)
        };\nexport function where() { return Node.self(); }\n`,
      );
      const flag = `--module=Own=${file}`;
      const ended = await pipe([
        "[Node.self(), Own.where()]",
        "Application.started()",
        "await rpc.call(Node.self(), ['Own', 'where'])",
        "await Node.stop(), Node.self()",
      ], [flag]);
      assertEquals([ended.code, ended.stderr], [0, ""]);
      assertEquals(resultsOf(ended.stdout), [
        '["alex@localhost", "alex@localhost"]',
        '["chat"]',
        '"alex@localhost"',
        '"nonode@nohost"',
      ]);
      await using service = new ChatProcess([flag]);
      await service.printed("alex@localhost is up.");
      await using kate = await Node.start({
        name: "kate@localhost",
        cookie: COOKIE,
        epmdPort,
      });
      await kate.run(async () => {
        const pid = await Node.spawn("alex@localhost", ["Own", "where"]);
        assertEquals(pid.node, "alex@localhost");
      });
      service.kill("SIGTERM");
      assertEquals((await service.ended).code, 0);
    }),
);

/** Runs a user's own program, and calls a function while it runs. */
async function withProgram(
  epmdPort: number,
  more: Record<string, unknown>,
  fn: () => Promise<void>,
): Promise<void> {
  const given = { name: "alex@localhost", cookie: COOKIE, epmdPort, ...more };
  const root = fileURLToPath(new URL("../../", import.meta.url));
  await using program = new ChatProcess([JSON.stringify(given)], {
    program: "tests/shell/_attachable.ts",
    // The shell is loaded from the folder of the library when the first one attaches.
    permissions: ["--allow-net=127.0.0.1", `--allow-read=${root}`],
  });
  await program.printed("up\n");
  await fn();
}

shellTest("allowRemsh lets others open a shell", async () => {
  const epmdPort = freePort();
  const remsh = remshFlags("alex", epmdPort);
  const lines = ["[Node.self(), Store.count()]", "const n = 1", "n + 1"];
  await withProgram(epmdPort, {}, async () => {
    const ended = await pipe(lines, remsh);
    assertEquals(ended.stderr, "");
    assertEquals(ended.stdout, '["alex@localhost", 3]\nundefined\n2\n');
  });
  await withProgram(epmdPort, { allowRemsh: false }, async () => {
    const { code, stderr } = await pipe(lines, remsh);
    assertEquals(code, 4);
    assertStringIncludes(
      stderr,
      "it does not allow that; start it with --allow-remsh (allowRemsh: true)",
    );
  });
});

slowShellTest("allow is checked for allowRemsh's shell", async () => {
  const epmdPort = freePort();
  const flags = remshFlags("alex", epmdPort);
  const allow = "kate@localhost,Shell,serve";
  await withProgram(epmdPort, { allow }, async () => {
    const kate = await pipe(["1 + 1"], ["--sname=kate@localhost", ...flags]);
    assertEquals([kate.stderr, kate.stdout], ["", "2\n"]);
    const pat = await pipe(["1 + 1"], ["--sname=pat@localhost", ...flags]);
    assertEquals([pat.code, pat.stdout], [4, ""]);
    assertStringIncludes(pat.stderr, "does not let pat@localhost");
  });
});

test(
  "a shell attaches to a node that was started at a prompt with allowRemsh",
  IN_TERMINAL,
  () =>
    withTerminal([], async (terminal) => {
      const epmdPort = freePort();
      await terminal.enter(startAlex(epmdPort, ", allowRemsh: true"));
      await terminal.shows("chat(alex@localhost)2>");
      const ended = await pipe(
        ["[Node.self(), typeof Chat.sendMessage]"],
        remshFlags("alex", epmdPort),
      );
      assertEquals(
        [ended.stderr, ended.stdout],
        ["", '["alex@localhost", "function"]\n'],
      );
    }, { width: 120 }),
);

shellTest("errors of a user's program name no flags", async () => {
  const messages: string[] = [];
  const epmdPort = freePort();
  await using alex = await Node.start({
    name: "alex@localhost",
    cookie: COOKIE,
    epmdPort,
    log: ({ message }) => void messages.push(message),
  });
  assertEquals(await alex.run(() => Node.connect("kate@localhost")), false);
  assert(
    messages.some((message) =>
      message.endsWith(
        "no node named kate@localhost is registered; start the node, or check its name",
      )
    ),
    messages.join("\n"),
  );
});
