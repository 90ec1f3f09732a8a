import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../../../packages/testing/tags.ts";
import {
  assertPrinted,
  assertRefused,
  chat,
  ChatProcess,
  cliTest,
  nodeFlags,
  PERMISSIONS,
  runCode,
  slowCliTest,
  startNode,
  withFolder,
} from "../../_cli.ts";
import { freePort } from "../../../packages/testing/_ports.ts";

cliTest("--env test keeps the chat on this node", async () => {
  const ended = await runCode([
    'await IO.puts(await Chat.sendMessage("moebi@localhost", "hi"))',
    "await IO.puts(Node.self())",
  ], ["--env=test"]);
  assertPrinted(ended, "hi\nchicken?\nok\nnonode@nohost\n");
});

cliTest("--module exports functions to other nodes", async () => {
  const port = freePort();
  const module = "--module=Kate=./chat/kate.ts";
  await using kate = await startNode("kate", port, module);
  assertStringIncludes(kate.stdout, "Kate (sayName)");
  const ended = await runCode([
    'const { ref } = await Node.spawnMonitor("kate@localhost", ["Kate", "sayName"])',
    "await receive((message) => ref.equals(message.ref))",
    'await Node.spawn("kate@localhost", () => 1)',
  ], nodeFlags("alex", port));
  assertEquals(ended.stdout, "Hi, my name is Kate\n");
  assertMatch(
    ended.stderr,
    /^\*\* \(SpawnRefusedError\) [^\n]*--allow-closures[^\n]*\n$/,
  );
  assertEquals(ended.code, 1);
  kate.kill("SIGTERM");
  assertEquals((await kate.ended).code, 0);
});

slowCliTest("--cookie rejects nodes with another cookie", async () => {
  const port = freePort();
  await using kate = await startNode("kate", port);
  const code = ['await IO.inspect(await Node.connect("kate@localhost"))'];
  assertPrinted(await runCode(code, nodeFlags("alex", port)), "true\n");
  const flags = nodeFlags("alex", port).map((flag) =>
    flag.replace("secret_token", "swordfish")
  );
  const wrong = await runCode(code, flags);
  assertEquals([wrong.code, wrong.stdout], [0, "false\n"]);
  assertStringIncludes(wrong.stderr, "cookie");
  await kate.printed("alex@localhost has another cookie");
  kate.kill("SIGTERM");
  const { stdout, stderr } = await kate.ended;
  const output = stdout + stderr + wrong.stdout + wrong.stderr;
  assert(!/swordfish|secret_token/.test(output), "a secret is shown");
});

test("--cookie-file must be accessible by its owner only", {
  timeout: 60_000,
  tags: ["cli"],
  ignore: Deno.build.os === "windows",
}, () =>
  withFolder(async (folder) => {
    const file = join(folder, "cookie");
    const start = () =>
      runCode(["await IO.puts(Node.self())"], [
        "--sname=alex@localhost",
        `--epmd-port=${freePort()}`,
        `--cookie-file=${file}`,
      ]);
    assertRefused(await start(), 4, "Cannot read the cookie file");
    await Deno.writeTextFile(file, "swordfish", { mode: 0o644 });
    const ended = await start();
    assertRefused(ended, 4, `run: chmod 400 ${file}`);
    assert(!ended.stderr.includes("swordfish"));
    await Deno.chmod(file, 0o400);
    assertPrinted(await start(), "alex@localhost\n");
  }));

slowCliTest(
  "the cookie is created in the home folder if it is missing",
  () =>
    withFolder(async (folder) => {
      const file = join(folder, ".erlang.cookie");
      const flags = ["--sname=alex@localhost", `--epmd-port=${freePort()}`];
      const code = ["await IO.puts(Node.self())"];
      // Deno's own cache is in the home folder by default.
      const denoDir = new Deno.Command(Deno.execPath(), {
        args: ["info", "--json"],
      });
      const { denoDir: DENO_DIR } = JSON.parse(
        new TextDecoder().decode((await denoDir.output()).stdout),
      );
      const env = { HOME: folder, DENO_DIR };
      const refused = await runCode(code, flags, { env });
      assertRefused(refused, 4, `Cannot make the cookie file "${file}"`);
      const permissions = [...PERMISSIONS, `--allow-write=${file}`];
      const ended = await runCode(code, flags, { env, permissions });
      assertPrinted(ended, "alex@localhost\n");
      const { mode } = await Deno.stat(file);
      assertEquals((mode ?? 0o400) & 0o777, 0o400);
      assertMatch(await Deno.readTextFile(file), /^[\w-]{43}$/);
    }),
);

slowCliTest("--sname exits when the name is in use", async () => {
  const port = freePort();
  await using _first = await startNode("kate", port);
  assertRefused(
    await chat(nodeFlags("kate", port)),
    3,
    "Cannot start kate@localhost: the name is in use",
  );
});

slowCliTest("--port and --dashboard exit when the port is in use", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const flags = [...nodeFlags("kate", freePort()), `--port=${port}`, "-e", "1"];
  assertRefused(
    await chat(flags),
    3,
    `port ${port} of 127.0.0.1 is in use; choose another --port`,
  );
  const page = [...nodeFlags("kate", freePort()), `--dashboard=${port}`];
  const says = `Cannot start a dashboard on 127.0.0.1, port ${port}: `;
  assertRefused(await chat(page), 3, says);
  listener.close();
  assertPrinted(await chat(flags), "");
});

slowCliTest("--listen exits when the address is not local", async () => {
  const flags = [...nodeFlags("kate", freePort()), "--listen=192.0.2.1"];
  assertRefused(await chat(flags), 3, "cannot listen on 192.0.2.1");
});

slowCliTest(
  "--module exits when the module does not load",
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "m.ts");
      for (
        const [code, says] of [
          ["export function f( {", "it does not load:"],
          ["throw new Error('one\\ntwo');", "it does not load: one two"],
        ]
      ) {
        await Deno.writeTextFile(file, code);
        assertRefused(await chat([`--module=M=${file}`]), 3, says);
      }
    }),
);

cliTest("a missing permission is reported in one line", async () => {
  const flags = ["--sname=a@localhost", "--cookie=c"];
  const ended = await chat(flags, { permissions: ["--allow-read"] });
  assertMatch(ended.stderr, /^chat: [^\n]*--allow-net[^\n]*\n$/);
  assertEquals(ended.code, 4);
});

cliTest(
  "a dial without the permission to look a host up names it",
  async () => {
    const permissions = ["--allow-net=127.0.0.1", "--allow-read"];
    const dial =
      '["kate@mars", { address: "mars:4370" }].map((to) => Node.connect(to))';
    const ended = await chat(
      [...nodeFlags("alex", freePort()), `--eval=await Promise.all(${dial})`],
      { permissions },
    );
    const missing =
      "the program may not look up mars; run it with --allow-net=mars";
    assertEquals(ended.stderr.split(missing).length, 3, ended.stderr);
    assertEquals(ended.code, 0);
  },
);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  const signalTest = signal === "SIGTERM" ? cliTest : slowCliTest;
  signalTest(
    `${signal} stops a node after it has printed its start`,
    async () => {
      const port = freePort();
      await using kate = new ChatProcess(nodeFlags("kate", port));
      await kate.printed("kate@localhost is up. Ctrl-C stops it.");
      kate.kill(signal);
      kate.kill(signal);
      assertEquals(
        await kate.ended,
        { code: 0, signal: null, stdout: kate.stdout, stderr: "" },
      );
      // Its name and EPMD's port are free at once.
      assertPrinted(await chat([...nodeFlags("kate", port), "-e", "1"]), "");
    },
  );
}

slowCliTest("SIGTERM stops a program without a node", async () => {
  await using program = new ChatProcess([]);
  await program.printed("No node is started: --sname NAME starts one");
  program.kill("SIGTERM");
  assertEquals((await program.ended).code, 0);
});

/** Code that puts a worker under the chat's supervisor; it runs `last` when it is terminated. */
function workerCode(last: string): string[] {
  const mod = new URL("../../../mod.ts", import.meta.url);
  return [
    `import { Supervisor } from "${mod}"`,
    `const work = async () => {
      Process.trapExit(true);
      await IO.puts("working");
      await receive(isExit);
      ${last}
    }`,
    `await Supervisor.startChild("Chat.Supervisor", {
      id: "worker",
      shutdown: "infinity",
      start: () => spawnLink(work),
    })`,
  ].flatMap((code) => ["-e", code]);
}

slowCliTest("SIGTERM stops the application, and then the node", async () => {
  await using kate = new ChatProcess([
    ...nodeFlags("kate", freePort()),
    "--no-halt",
    ...workerCode("await IO.puts(`stopping while alive: ${Node.alive()}`)"),
  ]);
  await kate.printed("working");
  kate.kill("SIGTERM");
  const { code, stdout } = await kate.ended;
  assertEquals([code, stdout], [0, "working\nstopping while alive: true\n"]);
});

slowCliTest("a second signal ends the program at once", async () => {
  await using kate = new ChatProcess([
    "--no-halt",
    ...workerCode("await IO.puts('stopping'); await receive(() => false)"),
  ]);
  await kate.printed("working");
  kate.kill("SIGTERM");
  // As `deno task` sends it: once more, and at once.
  kate.kill("SIGTERM");
  await kate.printed("stopping");
  // One that arrives soon counts as the first one's: so it is sent until the program has exited.
  const again = setInterval(() => kate.kill("SIGINT"), 300);
  const { code, stderr } = await kate.ended;
  clearInterval(again);
  assertEquals([code, stderr], [1, ""]);
});

slowCliTest("--no-halt keeps the node up after --eval", async () => {
  await using kate = new ChatProcess([
    ...nodeFlags("kate", freePort()),
    "--no-halt",
    "-e",
    "await IO.puts('done')",
    "-e",
    "setTimeout(() => { throw new Error('stray') }, 10); 1",
  ]);
  await kate.printed("[error] Nobody handled ** (Error) stray");
  assertEquals(kate.stdout, "done\n");
  kate.kill("SIGTERM");
  assertEquals((await kate.ended).code, 0);
});

slowCliTest("a program exits when its code stops the node", async () => {
  const flags = [...nodeFlags("kate", freePort()), "--no-halt"];
  assertPrinted(await runCode(["await Node.stop()"], flags), "");
});

test("a node stops when its output is no longer read", {
  timeout: 60_000,
  tags: ["cli"],
  programs: ["sh"],
}, async () => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const command = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--allow-read",
    "chat/main.ts",
    "-e",
    "for (;;) await IO.puts('y')",
  ].map((each) => `"${each}"`).join(" ");
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", `(${command}; echo "code $?" >&2) | head -n 1`],
    cwd: root,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(20_000),
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "y\n");
  assertMatch(new TextDecoder().decode(stderr), /^code 1\n$/m);
});
