/** The harness in a real terminal, where `deno test` draws its progress. */

import { assertEquals, assertMatch } from "@std/assert";
import { test } from "../../exports/testing.ts";
import { withFolder } from "../_cli.ts";
import { openTerminal } from "../_terminal.ts";

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
