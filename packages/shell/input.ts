/** The source of a shell's lines, and the destination of its output. */

import { createInterface, type Interface } from "node:readline";
import nodeProcess from "node:process";
import { outside } from "@otp/processes/context/async_context";
import { ignore } from "@otp/processes/promises/promises";
import { standardOutput } from "@otp/processes/host/output_stream";
import {
  standInForStreams,
  writeError,
} from "@otp/processes/host/standard_streams";
import type { Completion } from "./shell_client.ts";

/** An interrupt in place of a line. */
export interface Interrupt {
  /** Whether the discarded line was empty. */
  wasEmpty: boolean;
}

export abstract class ShellInput {
  /** The first line that a person sees; without it, the input is piped, and prompts are not shown. */
  readonly banner: string | undefined;
  abstract readonly width: number;
  /** The other node that the shell's code runs on, if any; it may read lines like this node. */
  server: string | undefined;
  /** Called for Ctrl-C while the shell is not reading a line. */
  onInterrupt: () => void = () => {};
  complete: (text: string) => Promise<Completion> = (text) =>
    Promise.resolve([[], text]);
  /** Reads a line of the shell; `undefined` at the end. */
  abstract read(prompt: string): Promise<string | Interrupt | undefined>;
  /** Keeps whole input of the shell, which may have several lines, in the history. */
  keep(_input: string): void {}
  /** Shows a value, or a message of the shell. */
  abstract show(text: string): void;
  abstract fail(text: string): void;
  /** Restores the streams. */
  close(): void {}
}

/** Standard input that is not a terminal: its lines in order, without prompts. */
export class PipedInput extends ShellInput {
  readonly width = 80;
  readonly #interface: Interface;
  readonly #lines: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();

  /** Takes over standard input. */
  constructor() {
    super();
    this.#interface = outside(() =>
      createInterface({ input: nodeProcess.stdin })
    );
    this.#lines = this.#interface[Symbol.asyncIterator]();
    standInForStreams({
      readLine: async (prompt, node) => {
        // Only the shell and its code may read lines.
        if (isForeign(node, this.server)) throw notForOthers();
        await standardOutput.write(prompt);
        const line = await this.read();
        return line === undefined ? undefined : `${line}\n`;
      },
    });
  }

  read(): Promise<string | undefined> {
    const line = this.#last.then(async () => {
      const next = await this.#lines.next();
      return next.done ? undefined : next.value;
    });
    this.#last = line;
    return line;
  }

  show(text: string): void {
    try {
      standardOutput.write(`${text}\n`)?.catch(ignore);
    } catch {
      // The output has no reader, which ends the program without an error.
    }
  }

  fail(text: string): void {
    writeError(`${text}\n`);
  }

  override close(): void {
    standInForStreams(undefined);
    this.#interface.close();
  }
}

/** Whether the node that requests a line is neither this one nor the one that the shell's code runs on. */
export function isForeign(
  node: string | undefined,
  server: string | undefined,
): node is string {
  return node !== undefined && node !== server;
}

/** The error for a process of another node that requests a line. */
export function notForOthers(): Error {
  return new Error(
    "Cannot read a line for another node: the input is a shell's",
  );
}
