import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { test, type TestOptions } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";
import { withFolder } from "../_cli.ts";
import { ELIXIR } from "../_elixir.ts";
import { openTerminal } from "../_terminal.ts";

/** Plays the demo; asserts that `start` is how moebi starts. */
async function play(start: string, env: Record<string, string>): Promise<void> {
  const { code, stdout, stderr } = await outputOf(Deno.execPath(), {
    args: ["task", "--quiet", "demo"],
    cwd: new URL("../../", import.meta.url),
    env,
    signal: AbortSignal.timeout(120_000),
  });
  assertEquals(stderr, "");
  for (
    const text of [
      `moebi $ ${start}`,
      "alex   │ Hi, my name is Kate",
      'alex   │ "sup?"',
      "kate   │ hi",
      "moebi  │ hi",
      "alex   │ chicken?",
      "no connection to moebi@localhost",
    ]
  ) assertStringIncludes(stdout, text);
  assertMatch(stdout, /^All as announced, in \d+\.\d s\./m);
  assertEquals(code, 0);
}

const OPTIONS: TestOptions = { timeout: 150_000, tags: ["demo"] };

test(
  "deno task demo plays the lesson as it announces, moebi in Elixir",
  { ...OPTIONS, programs: ELIXIR },
  () => play("iex --sname moebi@localhost -S mix", {}),
);

test("deno task demo plays the lesson without Elixir", {
  ...OPTIONS,
  tags: ["demo", "slow"],
}, () => play("deno task chat --sname moebi@localhost", { PATH: "/" }));

test("Ctrl-C ends the demo, and the node of Elixir in it", {
  ...OPTIONS,
  programs: [...ELIXIR, "tmux"],
}, () =>
  withFolder(async (home) => {
    await using terminal = await openTerminal([], {
      home,
      program: "tools/demo.ts",
      permissions: ["-A"],
    });
    await terminal.shows("alex> await Node.spawnLink");
    await terminal.press("C-c");
    await terminal.shows("stopped by SIGINT");
    assertEquals(await terminal.ended(), 1);
    assertNotMatch(await terminal.screen(), /BREAK/);
  }));
