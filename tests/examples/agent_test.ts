/** The example `examples/agent/` in Chromium, while its nodes are killed; and what a stranger can send. */

import { assert, assertEquals } from "@std/assert";
import { TOKENS, tokensOf } from "../../examples/agent/model.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { type Page, startBrowser } from "../../tools/_browser.ts";
import { outputOf } from "../_child.ts";
import { ELIXIR } from "../_elixir.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";
import { attack, User } from "./_agent.ts";
import { Program } from "./_program.ts";

async function textOf(page: Page): Promise<string> {
  return (await page.textContent("#text"))!;
}

/** Waits until a page shows a text. */
async function shows(page: Page, text: string): Promise<void> {
  await until(async () => (await textOf(page)).includes(text));
}

test(
  "deno task agent: tabs get each token once, while its nodes are killed, a tab is reloaded and a message comes in between",
  {
    timeout: 240_000,
    programs: ["chromium"],
    tags: ["slow"],
  },
  async () => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const ports = [freePort(), freePort()];
    const program = stack.use(
      new Program("agent/try.ts", [], {
        STORE: `${folder.path}/agent.db`,
        PORTS: ports.join(),
        ERL_EPMD_PORT: `${freePort()}`,
      }),
    );
    // Its nodes are programs too, which it stops.
    stack.defer(async () => {
      program.kill("SIGINT");
      assertEquals((await program.status).code, 0, program.output);
    });
    const isUp = (node: string, times: number) =>
      program.matches(new RegExp(`(${node}@localhost is up[^]*){${times}}`));
    const kill = async (node: string) => {
      const [[, pid]] = program.output.matchAll(
        new RegExp(`${node}@localhost starts: process (\\d+)`, "g"),
      );
      Deno.kill(Number(pid), "SIGKILL");
      await isUp(node, 2);
    };
    await isUp("agent-1", 1);
    await isUp("agent-2", 1);

    const browser = await startBrowser();
    stack.defer(() => browser.close());
    const user = await browser.newContext();
    const open = async (port: number) => {
      const page = await user.newPage();
      page.setDefaultTimeout(60_000);
      await page.goto(`http://127.0.0.1:${port}/`);
      return page;
    };
    const ask = async (page: Page, text: string) => {
      await page.fill("#line", text);
      await page.press("#line", "Enter");
    };
    const first = await open(ports[0]);
    await ask(first, "hello");
    await shows(first, "·100 ");
    const second = await open(ports[1]);
    await kill("agent-1");
    await ask(second, "between");
    await shows(second, "> between");
    await shows(first, "·600 ");
    await first.reload();
    await kill("agent-2");
    await shows(first, "between·100 ");
    await first.click("#stop");
    await shows(first, "[stopped]");
    await shows(second, "[stopped]");

    const text = await textOf(first);
    assertEquals(await textOf(second), text);
    const [before, after, ...more] = text.split("\n> between\n");
    assertEquals(more, []);
    const answer = `\n> hello\n${tokensOf("hello", 0, TOKENS).join("")}\n`;
    const whole = before + after;
    assert(whole.startsWith(answer), text);
    const tokens = whole.slice(answer.length).replace(" [stopped]\n", "");
    assertEquals(
      tokens,
      tokensOf("between", 0, tokens.split("·").length - 1).join(""),
    );
  },
);

/** Starts a node of the example, with a cookie in its folder. */
async function startNode(stack: AsyncDisposableStack) {
  const { path } = stack.use(await temporaryFolder());
  const cookie = `${path}/.erlang.cookie`;
  await Deno.writeTextFile(cookie, "secretcookie", { mode: 0o400 });
  const port = freePort();
  const env = {
    HOME: path,
    PORTS: `${port}`,
    STORE: `${path}/agent.db`,
    ERL_EPMD_PORT: `${freePort()}`,
  };
  const named = (name: string) => [
    ...["--sname", `${name}@localhost`, "--cookie-file", cookie],
  ];
  const node = stack.use(new Program("agent/node.ts", named("agent-1"), env));
  await node.matches(/is up/);
  return { node, port, env, named };
}

test("agent: what a stranger sends costs nobody else anything", {
  timeout: 120_000,
}, async () => {
  await using stack = new AsyncDisposableStack();
  const { node, port } = await startNode(stack);
  await attack(port);
  await node.drain();
  assertEquals(node.output.match(/examples\/agent/g), null);
});

test("agent: a session is joined from the shell and from Elixir", {
  timeout: 120_000,
  programs: ELIXIR,
  tags: ["slow"],
}, async () => {
  await using stack = new AsyncDisposableStack();
  const { node, port, env, named } = await startNode(stack);
  const user = await User.open(port);
  assertEquals(await user.post("/say/1", "0\nbrowser"), 200);
  const session = `${user.name}/1`;
  const shell = stack.use(
    new Program("../chat/main.ts", [
      ...[...named("kate"), "--eval"],
      `await rpc.call("agent-1@localhost", ["Agent", "say"], ["${session}", "1", "shell"])`,
    ], env),
  );
  assertEquals((await shell.status).code, 0, shell.output);
  const { code, stdout, stderr } = await outputOf("elixir", {
    args: [
      ...["--sname", "app@localhost", "--erl", "+Bd -start_epmd false", "-e"],
      `"ok" = :rpc.call(:"agent-1@localhost", Agent, :say, ["${session}", "2", "elixir"])`,
    ],
    env,
  });
  assertEquals(code, 0, stdout + stderr);
  for (const text of ["browser", "shell", "elixir"]) {
    await user.hears(1, `{"type":"user","text":"${text}"}`);
  }
  await node.drain();
});
