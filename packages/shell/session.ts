/**
 * A shell from its first prompt to its end.
 */

import { EXIT } from "./cli/report.ts";
import type { SessionContext } from "./cli/run.ts";
import { isIncomplete } from "./incomplete.ts";
import type { Interrupt, ShellInput } from "./input.ts";
import type { ShellClient } from "./shell_client.ts";

/** The time limit for a server to interrupt a line, in milliseconds. */
const ANSWER_WITHIN = 1000;

/** A shell from its first prompt to its end. */
export class ShellSession {
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
    { name, remote }: Pick<SessionContext, "name" | "remote">,
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

  /** Runs input to its end; if nobody reads prompts, a failure of the last input sets the exit code. */
  async run(): Promise<number> {
    const { banner } = this.#input;
    if (banner !== undefined) this.#input.show(banner);
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
    if (banner !== undefined) return EXIT.OK;
    if (this.#typed !== "") {
      this.#fail("** (SyntaxError) Unexpected end of input");
    }
    return this.#hasFailed ? EXIT.FAILED : EXIT.OK;
  }

  #read(): Promise<string | Interrupt | undefined> {
    const where = this.#where();
    const place = where === undefined
      ? `(${this.#counter})`
      : `(${where})${this.#counter}`;
    const name = this.#typed === "" ? this.#name : "...";
    return this.#input.read(`${name}${place}> `);
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
