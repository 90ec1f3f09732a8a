/** Devices for input and output, and the standard device of the program. */

import type { Interface } from "node:readline";
import nodeProcess from "node:process";
import { outside } from "@otp/processes/context/async_context";
import { builtin } from "@otp/processes/host/builtin";
import { standardOutput } from "@otp/processes/host/output_stream";
import { streamsStandIn } from "@otp/processes/host/standard_streams";

/** The output and input of a node. */
export interface IoDevice {
  /**
   * Writes text.
   *
   * @param text The text, with its line feeds.
   */
  write(text: string): void | Promise<void>;
  /**
   * Reads a line; without it, there is no input.
   *
   * @param prompt The text to show before reading; the prompt of another node contains no terminal control sequences.
   * @param node The requesting node, if it is another one.
   * @returns The line with its line feed, or `undefined` at the end of the input.
   */
  readLine?(prompt: string, node?: string): Promise<string | undefined>;
  /**
   * Returns the size of the terminal in characters; without it, or if it returns `undefined`, there is none.
   */
  size?(): { columns: number; rows: number } | undefined;
}

/** Returns the standard output and input of the program, or their stand-in. */
export function standardIo(): IoDevice {
  let input: Interface | undefined;
  let lines: AsyncIterator<string> | undefined;
  return {
    write(text: string): void | Promise<void> {
      const standIn = streamsStandIn();
      // The promise holds back a process that prints faster than its output is read.
      return standIn?.write === undefined
        ? standardOutput.write(text)
        : standIn.write(text);
    },
    async readLine(prompt: string, node?: string): Promise<string | undefined> {
      const standIn = streamsStandIn();
      if (standIn !== undefined) return await standIn.readLine(prompt, node);
      await standardOutput.write(prompt);
      if (lines === undefined) {
        const { createInterface } = builtin("node:readline");
        input = outside(() => createInterface({ input: nodeProcess.stdin }));
        lines = input[Symbol.asyncIterator]();
      }
      const next = await lines.next();
      return next.done ? undefined : `${next.value}\n`;
    },
    size(): ReturnType<Required<IoDevice>["size"]> {
      const { columns, rows } = nodeProcess.stdout;
      return columns > 0 && rows > 0 ? { columns, rows } : undefined;
    },
  };
}
