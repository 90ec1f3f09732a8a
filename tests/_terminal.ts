/** Runs a command line in a real terminal, by tmux with a server of its own. */

import type { TestOptions } from "../packages/testing/tags.ts";
import { tmux } from "../tools/picture.ts";
import { denoRun, PERMISSIONS, withFolder } from "./_cli.ts";

/** The options of a test of a shell in a terminal. */
export const IN_TERMINAL: TestOptions = {
  timeout: 60_000,
  tags: ["shell"],
  programs: ["tmux"],
};

/** The time limit for a text to appear, in milliseconds. */
const WITHIN = 60_000;

export interface TerminalOptions {
  /** The home folder, which has the history. */
  home: string;
  /** The command line to run. */
  program?: string;
  /** Its permissions; by default, those of the chat. */
  permissions?: readonly string[];
  /** The home folder that the program sees. */
  programHome?: string;
  /** Whether the user wants colours. */
  colour?: boolean;
  width?: number;
  /** A command that runs when the program has exited, before the terminal reaches its final state. */
  after?: string;
}

/** A terminal with a running command line; both end when it goes out of scope. */
export interface Terminal extends AsyncDisposable {
  type(text: string): Promise<void>;
  /** Presses keys, by tmux's names. */
  press(...keys: string[]): Promise<void>;
  /** Types a line and Enter. */
  enter(line: string): Promise<void>;
  /** The text on the screen, without empty lines at the end. */
  screen(escapes?: boolean): Promise<string>;
  /**
   * Waits until the screen matches, and returns its text.
   *
   * @throws {TypeError} If a typed line matches by itself, as its echo would then match.
   */
  shows(what: string | RegExp): Promise<string>;
  /** Waits until the program has exited, and returns its exit code. */
  ended(): Promise<number>;
}

/** Calls a function with a terminal in which a shell waits for its first line. */
export async function withTerminal(
  args: readonly string[],
  fn: (terminal: Terminal, home: string) => Promise<void>,
  options: Omit<TerminalOptions, "home"> = {},
): Promise<void> {
  await withFolder(async (home) => {
    await using terminal = await openTerminal(args, { home, ...options });
    await terminal.shows(/1\)?>$/);
    await fn(terminal, home);
  });
}

/** Opens a terminal with the command line in it. */
export async function openTerminal(
  args: readonly string[],
  options: TerminalOptions,
): Promise<Terminal> {
  const {
    home,
    program = "chat/main.ts",
    permissions = [
      ...PERMISSIONS.map((each) =>
        each.startsWith("--allow-env") ? `${each},NO_COLOR` : each
      ),
      `--allow-write=${home}/.otp_distribution_history`,
    ],
    programHome = home,
    colour = false,
    width = 80,
    after = "true",
  } = options;
  const socket = `${home}/tmux-${crypto.randomUUID().slice(0, 8)}`;
  const command = [Deno.execPath(), ...denoRun(program, args, permissions)]
    .map(quote).join(" ");
  await tmux(
    socket,
    ...["-f", "/dev/null", "new-session", "-d"],
    ...["-x", String(width), "-y", "40"],
    ...["-e", `HOME=${programHome}`, "-e", `NO_COLOR=${colour ? "" : "1"}`],
    // A shell of POSIX ends at Ctrl-C after its command has, unless it has a trap; the command does not inherit that.
    `trap : INT; ${command}; echo "[ended $?]"; ${after}; trap "" INT; sleep 60`,
  );
  const typed: string[] = [];
  const terminal: Terminal = {
    async type(text) {
      typed.push(text);
      // tmux takes a `;` at the end as its own otherwise.
      const keys = text.replace(/;$/, "\\;");
      await tmux(socket, "send-keys", "-l", "--", keys);
    },
    press: async (...keys) => void await tmux(socket, "send-keys", ...keys),
    async enter(line) {
      await terminal.type(line);
      await terminal.press("Enter");
    },
    async screen(escapes = false) {
      const flags = escapes ? ["-e"] : [];
      const text = await tmux(socket, "capture-pane", "-p", "-J", ...flags);
      return text.split("\n").map((line) => line.trimEnd()).join("\n")
        .trimEnd();
    },
    async shows(what) {
      const matches = (text: string) =>
        typeof what === "string" ? text.includes(what) : what.test(text);
      const echo = typed.find(matches);
      if (echo !== undefined) {
        throw new TypeError(
          `Cannot wait for ${what}: it matches the echo of ${echo}; add what is before or behind it`,
        );
      }
      const until = Date.now() + WITHIN;
      for (;;) {
        const screen = await terminal.screen();
        if (matches(screen)) return screen;
        // safe: a hang guard
        if (Date.now() > until) {
          throw new Error(`${what} does not appear on:\n${screen}`);
        }
        // safe: the time between two looks
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
    async ended() {
      const screen = await terminal.shows(/\[ended \d+\]/);
      return Number(/\[ended (\d+)\]/.exec(screen)![1]);
    },
    async [Symbol.asyncDispose]() {
      // It may have ended already: the test's own error says how.
      await tmux(socket, "kill-server").catch(() => {});
    },
  };
  return terminal;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
