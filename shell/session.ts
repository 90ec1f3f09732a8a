/**
 * A shell from its first prompt to its end.
 *
 * @module
 */

import { fstatSync } from "node:fs";
import nodeProcess from "node:process";
import { EXIT } from "./cli/report.ts";
import type { ProgramShell, SessionContext } from "./cli/run.ts";
import { Node } from "../node.ts";
import { outside } from "../core/context/async_context.ts";
import { ShellClient } from "./shell_client.ts";
import { COLOURED, PLAIN, wantsNoColour } from "./colour.ts";
import { History } from "./history.ts";
import { isIncomplete } from "./incomplete.ts";
import { type Interrupt, PipedInput, type ShellInput } from "./input.ts";
import { connectShell } from "./remote.ts";
import { serve } from "./shell_server.ts";
import { Terminal } from "./terminal.ts";
import { Watchdog } from "./watchdog.ts";

export const shell: ProgramShell = {
  open,
  exports: (context) => ({
    serve: (
      client: Parameters<typeof serve>[0],
      token: Parameters<typeof serve>[1],
    ) => serve(client, token, context),
  }),
};

/** Opens a shell; returns the exit code, or nothing if there is no input to read. */
async function open(context: SessionContext): Promise<number | undefined> {
  if (context.remote === undefined && hasNoInput()) return undefined;
  return await context.run(async () => {
    const client = context.remote === undefined
      ? ShellClient.local(context)
      : await connectShell(context.remote, context.log);
    const isTerminal = nodeProcess.stdin.isTTY && nodeProcess.stdout.isTTY;
    const watchdog = isTerminal ? await Watchdog.start() : undefined;
    const input = isTerminal
      ? new Terminal(new History(), wantsNoColour() ? PLAIN : COLOURED)
      : new PipedInput();
    input.server = context.remote;
    context.onStop(async () => {
      input.close();
      await watchdog?.stop();
    });
    try {
      const where = () => context.remote ?? nameHere(context);
      return await new Session(context, where, client, input).run();
    } finally {
      client.close();
      input.close();
    }
  });
}

/** The name of the node that lines run on, which a line may have started. */
function nameHere({ node }: SessionContext): string | undefined {
  if (node !== undefined) return node.name;
  return outside(() => Node.alive() ? Node.self() : undefined);
}

/** Whether standard input is the null device, as for a service. */
function hasNoInput(): boolean {
  try {
    return !nodeProcess.stdin.isTTY && fstatSync(0).isCharacterDevice();
  } catch {
    // Standard input is closed.
    return true;
  }
}

/** The time limit for a server to interrupt a line, in milliseconds. */
const ANSWER_WITHIN = 1000;

/** The first line of a shell on a terminal. */
const BANNER = "(h() says what this shell can do. To leave, press Ctrl-D.)";

/** The prompts of a shell: for new input, and for its continuation. */
export function prompts(
  name: string,
  where: string | undefined,
  counter: number,
): [first: string, next: string] {
  const place = where === undefined ? `(${counter})` : `(${where})${counter}`;
  return [`${name}${place}> `, `...${place}> `];
}

class Session {
  readonly #name: string;
  readonly #where: () => string | undefined;
  readonly #client: ShellClient;
  readonly #input: ShellInput;
  /** The number of the next input. */
  #counter = 1;
  /** The lines of incomplete input. */
  #typed = "";
  /** Whether the last input was Ctrl-C on an empty line. */
  #isLeaving = false;
  #hasFailed = false;
  /** Set during an interrupt of a line: whether the server is late, and whether Ctrl-C was pressed again. */
  #interrupted: { isLate: boolean; isTwice: boolean } | undefined;

  constructor(
    { name, remote }: SessionContext,
    where: () => string | undefined,
    client: ShellClient,
    input: ShellInput,
  ) {
    this.#name = name;
    this.#where = where;
    this.#client = client;
    this.#input = input;
    input.onInterrupt = () => this.#giveUpLine(remote);
    input.complete = (text) => client.complete(text);
    client.onExit = (text) => input.fail(text);
  }

  /** Runs input to its end; without a terminal, a failure of the last input sets the exit code. */
  async run(): Promise<number> {
    if (this.#input instanceof Terminal) this.#input.show(BANNER);
    try {
      for (;;) {
        const line = await Promise.race([this.#read(), this.#client.lost]);
        if (line === undefined) break;
        if (typeof line !== "string") {
          if (this.#interrupt(line)) return EXIT.OK;
        } else await this.#take(line);
      }
    } catch (error) {
      if ((error as Error).name !== "ServerLost") throw error;
      this.#input.fail(`** (EXIT) ${(error as Error).message}`);
      return EXIT.NOT_STARTED;
    }
    if (this.#input instanceof Terminal) return EXIT.OK;
    if (this.#typed !== "") {
      this.#fail("** (SyntaxError) Unexpected end of input");
    }
    return this.#hasFailed ? EXIT.FAILED : EXIT.OK;
  }

  #read(): Promise<string | Interrupt | undefined> {
    const [first, next] = prompts(this.#name, this.#where(), this.#counter);
    return this.#input.read(this.#typed === "" ? first : next);
  }

  /**
   * Interrupts the running line. Another node may never react: the shell then leaves it at the second Ctrl-C, or when
   * the time limit expires, if the second Ctrl-C came earlier.
   */
  #giveUpLine(remote: string | undefined): void {
    this.#client.interrupt();
    if (remote === undefined) return;
    const leave = () =>
      this.#client.lose(
        `${remote} does not answer: the line has not given way, and goes on there`,
      );
    const since = this.#interrupted;
    if (since !== undefined) {
      if (since.isLate) leave();
      else since.isTwice = true;
      return;
    }
    const now = { isLate: false, isTwice: false };
    this.#interrupted = now;
    setTimeout(() => {
      if (this.#interrupted !== now) return;
      now.isLate = true;
      if (now.isTwice) leave();
      else {
        this.#input.show(
          `(${remote} does not answer. To leave it, press Ctrl-C again.)`,
        );
      }
    }, ANSWER_WITHIN).unref();
  }

  /** Discards the input; returns true if the shell is to end. */
  #interrupt({ wasEmpty }: Interrupt): boolean {
    const isEmpty = wasEmpty && this.#typed === "";
    this.#typed = "";
    if (isEmpty && this.#isLeaving) return true;
    this.#isLeaving = isEmpty;
    if (isEmpty) this.#input.show("(To leave, press Ctrl-C again, or Ctrl-D.)");
    return false;
  }

  async #take(line: string): Promise<void> {
    this.#isLeaving = false;
    if (this.#typed !== "" && line.trim() === "break") {
      this.#typed = "";
      return;
    }
    this.#typed += `${line}\n`;
    if (this.#typed.trim() === "") this.#typed = "";
    if (this.#typed === "" || isIncomplete(this.#typed)) return;
    const source = this.#typed;
    this.#typed = "";
    this.#input.keep(source.trimEnd());
    this.#counter++;
    const { ok, text } = await this.#client.evaluate(
      source,
      this.#input.width,
    );
    this.#interrupted = undefined;
    this.#hasFailed = !ok;
    if (ok && text !== "") this.#input.show(text);
    else if (!ok) this.#fail(text);
  }

  #fail(text: string): void {
    this.#hasFailed = true;
    this.#input.fail(text);
  }
}
