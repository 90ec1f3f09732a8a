/**
 * Where a shell's lines come from, and where it shows what it has to show.
 *
 * @module
 */

import { createInterface, type Interface } from "node:readline";
import nodeProcess from "node:process";
import { outside } from "../runtime/context/async_context.ts";
import { ignore } from "../runtime/promises/ignore.ts";
import { standardOutput } from "../runtime/host/output_stream.ts";
import {
  standInForStreams,
  writeError,
} from "../runtime/host/standard_streams.ts";
import type { Completion } from "./client.ts";

/** What came instead of a line. */
export interface Interrupt {
  /** Whether nothing was typed on the line that was given up. */
  wasEmpty: boolean;
}

/** Where lines come from. */
export interface ShellInput {
  /** How wide values may be shown. */
  readonly width: number;
  /** The node that the shell's code runs on, if it is another: that may read as this one does. */
  server: string | undefined;
  /** What Ctrl-C does while no line of the shell is read. */
  onInterrupt: () => void;
  /** Completes what is before the cursor. */
  complete: (text: string) => Promise<Completion>;
  /** Reads a line of the shell; `undefined` at the end. */
  read(prompt: string): Promise<string | Interrupt | undefined>;
  /** Shows a value, or what else the shell has to say. */
  show(text: string): void;
  /** Shows an error. */
  fail(text: string): void;
  /** Gives the streams back. */
  close(): void;
}

/** Standard input that is no terminal: its lines in order, without prompts. */
export class PipedInput implements ShellInput {
  readonly width = 80;
  server: string | undefined;
  onInterrupt: () => void = () => {};
  complete: (text: string) => Promise<Completion> = (text) =>
    Promise.resolve([[], text]);
  readonly #interface: Interface;
  readonly #lines: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();

  /** Takes standard input. */
  constructor() {
    this.#interface = outside(() =>
      createInterface({ input: nodeProcess.stdin })
    );
    this.#lines = this.#interface[Symbol.asyncIterator]();
    standInForStreams({
      readLine: async (prompt, node) => {
        // All lines that come are meant for the shell and its code.
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
      // Nobody reads it: the program ends by that, and not by an error.
    }
  }

  fail(text: string): void {
    writeError(`${text}\n`);
  }

  close(): void {
    standInForStreams(undefined);
    this.#interface.close();
  }
}

/** Whether a node that asks for a line is neither this one nor the one that the shell's code runs on. */
export function isForeign(
  node: string | undefined,
  server: string | undefined,
): node is string {
  return node !== undefined && node !== server;
}

/** Tells a process of another node that it gets no line. */
export function notForOthers(): Error {
  return new Error(
    "Cannot read a line for another node: the input is a shell's",
  );
}
