/** Ctrl-C while a line never yields: in this program, and on the node of a remote shell. */

import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../testing/_ports.ts";
import { test, type TestOptions } from "../../testing/tags.ts";
import { ChatProcess, nodeFlags, withFolder } from "../_cli.ts";
import { openTerminal } from "../_terminal.ts";

const options: TestOptions = {
  timeout: 60_000,
  tags: ["shell"],
  programs: ["tmux"],
};

const ENDED = "** (interrupted) the code never gave way; the program was ended";

/** Prints `busy`, which its own echo does not contain: a Ctrl-C before the line runs would be lost. */
const BUSY = "console.log('bu' + 'sy')";

/** Lines that never yield: they await nothing, or only settled promises. */
const ENDLESS = [
  `${BUSY}; while (true) {}`,
  `${BUSY}; for (;;) await null`,
  `spawn(() => { ${BUSY}; while (true) {} }); 1`,
];

for (const line of ENDLESS) {
  test(
    `Ctrl-C twice ends a program that runs ${line}`,
    options,
    () =>
      withFolder(async (home) => {
        await using terminal = await openTerminal([], {
          home,
          after:
            "stty -a | tr ' ;' '\\n\\n' | grep -x -e '-*icanon' -e '-*isig' -e '-*echo' | xargs",
        });
        await terminal.shows("chat(1)>");
        await terminal.enter(line);
        await terminal.shows("\nbusy");
        await terminal.press("C-c");
        await terminal.shows("To end this program, press Ctrl-C again.");
        await terminal.press("C-c");
        await terminal.shows(ENDED);
        assertEquals(await terminal.ended(), 137);
        // Echo is on, and Ctrl-C a signal again.
        await terminal.shows("isig icanon echo");
      }),
  );
}

test(
  "input typed while code never yields is read when the code has ended",
  options,
  () =>
    withFolder(async (home) => {
      const ended = `${home}/ended`;
      await using terminal = await openTerminal([], { home });
      await terminal.shows("chat(1)>");
      // The line ends when the file exists, however slow the machine is.
      await terminal.enter(
        `${BUSY}; for (;;) try { Deno.statSync('${ended}'); break } catch {}`,
      );
      await terminal.shows("\nbusy");
      await terminal.press("C-c");
      await terminal.shows("To end this program, press Ctrl-C again.");
      await terminal.enter("20 + 1");
      await terminal.type("20 + 2");
      await Deno.writeTextFile(ended, "");
      // The line editor receives the Ctrl-C as well, when the line has its value already.
      await terminal.shows(/\n21\nchat\(3\)> 20 \+ 2$/);
      await terminal.press("Enter");
      await terminal.shows("\n22\nchat(4)>");
      await terminal.press("C-d");
      assertEquals(await terminal.ended(), 0);
    }),
);

test(
  "Ctrl-C leaves a remote shell whose node never yields",
  options,
  () =>
    withFolder(async (home) => {
      const port = freePort();
      await using kate = new ChatProcess([
        ...nodeFlags("kate", port),
        "--allow-remsh",
      ]);
      await kate.printed("is up.");
      const flags = [
        "--remsh=kate@localhost",
        "--cookie=secret_token",
        `--epmd-port=${port}`,
      ];
      await using terminal = await openTerminal(flags, { home });
      await terminal.shows("chat(kate@localhost)1>");
      await terminal.enter(
        "IO.puts('wait' + 'ing'); await receive(() => false)",
      );
      await terminal.shows("\nwaiting");
      await terminal.press("C-c");
      await terminal.shows(/interrupted.*\nchat\(kate@localhost\)2>/);
      await terminal.enter("await IO.puts('end' + 'less'); while (true) {}");
      await terminal.shows(/\nendless$/);
      await terminal.press("C-c");
      await terminal.shows(
        "(kate@localhost does not answer. To leave it, press Ctrl-C again.)",
      );
      await terminal.press("C-c");
      const screen = await terminal.shows(
        "** (EXIT) kate@localhost does not answer: the line has not given way, and goes on there",
      );
      assert(!screen.includes(ENDED), screen);
      assertEquals(await terminal.ended(), 3);
      kate.kill("SIGKILL");
    }),
);
