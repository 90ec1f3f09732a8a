/** Ctrl-C while a line never yields: in this program, and on the node of a remote shell. */

import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { remshFlags, startNode } from "../_cli.ts";
import { IN_TERMINAL, withTerminal } from "../_terminal.ts";

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
    IN_TERMINAL,
    () =>
      withTerminal([], async (terminal) => {
        await terminal.enter(line);
        await terminal.shows("\nbusy");
        await terminal.press("C-c");
        await terminal.shows("To end this program, press Ctrl-C again.");
        await terminal.press("C-c");
        await terminal.shows(ENDED);
        assertEquals(await terminal.ended(), 137);
        // Echo is on, and Ctrl-C a signal again.
        await terminal.shows("isig icanon echo");
      }, {
        after:
          "stty -a | tr ' ;' '\\n\\n' | grep -x -e '-*icanon' -e '-*isig' -e '-*echo' | xargs",
      }),
  );
}

test(
  "input typed while code never yields is read when the code has ended",
  IN_TERMINAL,
  () =>
    withTerminal([], async (terminal, home) => {
      const ended = `${home}/ended`;
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
  "input keeps its order while code yields now and then",
  IN_TERMINAL,
  () =>
    withTerminal([], async (terminal, home) => {
      const typed = `${home}/typed`;
      // It is busy for longer than the watchdog waits, yields while keys arrive, and ends when all are typed.
      const busy = "for (const end = Date.now() + 900; Date.now() < end;);";
      const free = "await new Promise((r) => setTimeout(r, 90))";
      await terminal.enter(
        `${BUSY}; do { ${busy} ${free} } while (!(await Deno.stat('${typed}').catch(() => 0)))`,
      );
      await terminal.shows("\nbusy");
      const numbers = Array.from({ length: 300 }, (_, n) => `${100 + n}`);
      for (const number of numbers) await terminal.type(number);
      await Deno.writeTextFile(typed, "");
      const screen = await terminal.shows(/chat\(2\)> [0-9]*399/);
      assertEquals(/chat\(2\)> ([0-9]*)/.exec(screen)![1], numbers.join(""));
    }, { width: 1000 }),
);

test(
  "Ctrl-C leaves a remote shell whose node never yields",
  IN_TERMINAL,
  async () => {
    const port = freePort();
    await using kate = await startNode("kate", port, "--allow-remsh");
    await withTerminal(remshFlags("kate", port), async (terminal) => {
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
    });
  },
);
