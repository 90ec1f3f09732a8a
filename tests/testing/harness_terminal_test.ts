/** The harness in a real terminal, where `deno test` draws its progress. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { test } from "../../exports/testing.ts";
import { tmux } from "../../tools/picture.ts";
import { withFolder } from "../_cli.ts";
import { IN_TERMINAL, openTerminal } from "../_terminal.ts";

test(
  "main() does not break the lines of tests in a terminal",
  { timeout: 60_000, programs: ["tmux"] },
  () =>
    withFolder(async (home) => {
      await using terminal = await openTerminal(
        ["-A", "--no-check", "tests/chat/lesson_test.ts"],
        {
          home,
          program: "packages/testing/main.ts",
          permissions: ["-A"],
          // Deno's cache, which already has the packages.
          programHome: Deno.env.get("HOME"),
        },
      );
      assertEquals(await terminal.ended(), 0);
      const screen = await terminal.screen();
      assertMatch(screen, /^sendMessage\(\) returns ok \.\.\. ignored \(/m);
      assertMatch(
        screen,
        /^sendMessage\(\) returns ok, unattended \.\.\. ok \(/m,
      );
      assertMatch(screen, /^1 passed, 0 failed$/m);
    }),
);

test(
  "a terminal runs a command where the user may not have a shell",
  IN_TERMINAL,
  () =>
    withFolder(async (home) => {
      const before = Deno.env.get("SHELL");
      Deno.env.set("SHELL", "/bin/false");
      try {
        await using terminal = await openTerminal(["--version"], { home });
        assertEquals(await terminal.ended(), 0);
      } finally {
        if (before === undefined) Deno.env.delete("SHELL");
        else Deno.env.set("SHELL", before);
      }
    }),
);

test(
  "a terminal that has ended hides no error of its test",
  IN_TERMINAL,
  () =>
    withFolder(async (home) => {
      const error = await assertRejects(async () => {
        await using terminal = await openTerminal(["--version"], { home });
        await terminal.ended();
        const [{ name }] = [...Deno.readDirSync(home)]
          .filter(({ name }) => name.startsWith("tmux-"));
        await tmux(`${home}/${name}`, "kill-server");
        await terminal.screen();
      }, Error);
      assertMatch(error.message, /^Cannot run tmux capture-pane: /);
    }),
);
