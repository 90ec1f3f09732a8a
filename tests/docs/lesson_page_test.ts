/** `docs/lesson.md`, typed as printed: alex in a real terminal, the others as programs. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Node } from "../../node.ts";
import { Process } from "../../packages/processes/process.ts";
import {
  type Pid,
  receive,
  self,
  send,
} from "../../packages/processes/process.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { ChatProcess, withFolder } from "../_cli.ts";
import { type Block, blocksIn, readPage } from "../_pages.ts";
import { openTerminal, type Terminal } from "../_terminal.ts";

const COOKIE = "secret_token";

/** A line at alex's prompt, or at the prompt of an incomplete line. */
const AT_PROMPT = /^(?:chat|\.\.\.)\(alex@localhost\)(\d+)> (.*)$/;

const COMMAND = /deno task -q chat (--sname (\w+)@localhost[^`\n]*)/;

/** The numbers of pids differ from run to run. */
function withoutNumbers(text: string): string {
  return text.replace(/#PID<(0?)\d*\.\d+\.\d+>/g, "#PID<$1…>");
}

/** The pattern of a screen that ends with a text. */
function endsWith(text: string): RegExp {
  return new RegExp(`${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}

/** The arguments of a command line with at most one quoted argument, at its end. */
function argumentsOf(flags: string): string[] {
  const [plain, quoted] = flags.split(" '");
  const last = quoted === undefined ? [] : [quoted.replace(/'$/, "")];
  return [...plain.trim().split(" "), ...last];
}

/** The nodes and their shared settings. */
class Stage implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #programs = new Map<string, ChatProcess>();
  readonly #home: string;
  readonly #epmdPort = freePort();
  #alex!: Terminal;
  #watcher!: Node;

  constructor(home: string) {
    this.#home = home;
    Deno.writeTextFileSync(`${home}/.erlang.cookie`, COOKIE, { mode: 0o400 });
  }

  /** Starts a node that is not shown: it reports when alex has received the messages that the page shows. */
  async watch(): Promise<void> {
    this.#watcher = this.#stack.use(
      await Node.start({
        name: "watcher@localhost",
        cookie: COOKIE,
        epmdPort: this.#epmdPort,
        hidden: true,
      }),
    );
  }

  async play({ text }: Block): Promise<void> {
    const [first, ...rest] = text.trimEnd().split("\n");
    const [, flags, who] = COMMAND.exec(first) ?? [];
    if (who === "alex") {
      this.#alex = this.#stack.use(
        await openTerminal(
          [...argumentsOf(flags), `--epmd-port=${this.#epmdPort}`]
            .concat("--allow-closures"),
          { home: this.#home, width: 300 },
        ),
      );
      await this.#alex.shows(/1>$/);
      assertStringIncludes(await this.#alex.screen(), rest[0]);
      await this.#type(rest.slice(1));
    } else if (flags?.includes(" -e ")) {
      await using program = this.#start(flags);
      const { stdout, stderr } = await program.ended;
      assertEquals(`${stderr}${stdout}`, `${rest.join("\n")}\n`);
    } else if (flags !== undefined) await this.startProgram(flags, who);
    else if (AT_PROMPT.test(first)) await this.#type([first, ...rest]);
  }

  /** Starts a node other than alex's. */
  async startProgram(flags: string, who: string): Promise<void> {
    const program = this.#stack.use(this.#start(`${flags} --no-halt`));
    this.#programs.set(who, program);
    await program.printed("is up.");
  }

  /** Ends a node; returns its output since it started. */
  async end(who: string, signal: Deno.Signal): Promise<string> {
    const program = this.#programs.get(who)!;
    program.kill(signal);
    const { stdout } = await program.ended;
    return stdout.split("\n").slice(2).join("\n");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  #start(flags: string): ChatProcess {
    return new ChatProcess(argumentsOf(flags), {
      env: { ERL_EPMD_PORT: `${this.#epmdPort}`, HOME: this.#home },
    });
  }

  /** Types the lines at alex's prompts; asserts that the terminal then shows all of these. */
  async #type(lines: string[]): Promise<void> {
    let next = 0;
    for (const [index, line] of lines.entries()) {
      const [, number, code] = AT_PROMPT.exec(line) ?? [];
      if (code === undefined) continue;
      const prompt = line.slice(0, line.indexOf(">") + 1);
      // The prompt of an incomplete line appears again and again: only the one below counts.
      const above = prompt.startsWith("...") ? `${lines[index - 1]}\n` : "";
      await this.#alex.shows(endsWith(above + prompt));
      if (code === "flush()") await this.#mail();
      await this.#alex.enter(code);
      next = Number(number) + 1;
    }
    const prompt = `chat(alex@localhost)${next}>`;
    const wanted = sorted(lines);
    const until = Date.now() + PRINTED_WITHIN;
    for (;;) {
      const screen = await this.#alex.shows(endsWith(prompt));
      const shown = screen.slice(0, -prompt.length).trimEnd().split("\n");
      const found = sorted(shown.slice(-lines.length));
      if (found.join() === wanted.join()) return;
      // safe: a hang guard
      if (Date.now() > until) return assertEquals(found, wanted);
      // safe: the time between two looks
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Waits until alex has a message. */
  async #mail(): Promise<void> {
    await this.#watcher.run(async () => {
      await Node.spawn("alex@localhost", async (test: Pid) => {
        const waits = () =>
          Process.list().some((pid) => Process.info(pid)?.messageQueueLen);
        // safe: only the condition ends the loop
        while (!waits()) await Process.sleep(10);
        send(test, "mail");
      }, [self()]);
      await receive((message) => message === "mail");
    });
  }
}

/**
 * Lines to compare, sorted: a process of another node prints when it runs, which may be after the pid that
 * its spawn returned has been shown.
 */
function sorted(lines: readonly string[]): string[] {
  return withoutNumbers(lines.join("\n")).split("\n").toSorted();
}

/** The time limit for output of a process of another node, in milliseconds. */
const PRINTED_WITHIN = 10_000;

test("docs/lesson.md shows what a terminal shows", {
  timeout: 90_000,
  tags: ["shell"],
  programs: ["tmux"],
}, async () => {
  const page = await readPage("docs/lesson.md");
  const steps = page.split(/^(?=\*\*\d+\. )/m).slice(1);
  assertEquals(steps.length, 11);
  await withFolder(async (home) => {
    await using stage = new Stage(home);
    for (const step of steps.slice(0, -1)) {
      const [, flags, who] =
        COMMAND.exec(step.replace(/^```.*?^```$/gms, "")) ?? [];
      if (who !== undefined) await stage.startProgram(flags, who);
      if (step.includes("Stop moebi")) {
        assertEquals(await stage.end("moebi", "SIGTERM"), "hi\n");
      }
      for (const block of blocksIn(step)) {
        if (block.language === "sh") {
          assertStringIncludes(block.text, "pkill -9");
          assertEquals(await stage.end("kate", "SIGKILL"), "");
        } else await stage.play(block);
      }
      if (step === steps[0]) await stage.watch();
    }
    assertEquals(await stage.end("kate", "SIGTERM"), "hi\nhi\n");
  });
  assert(steps[10].includes("deno task test tests/chat/lesson_test.ts"));
});
