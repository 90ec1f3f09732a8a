/**
 * What a program says for itself, past the group leader.
 *
 * @module
 */

import nodeProcess from "node:process";
import { writeError } from "../runtime/streams.ts";
import { EXIT } from "./report.ts";

/**
 * Writes on standard output, and waits until it is written.
 *
 * @returns The exit code of a program that had nothing else to do.
 */
export function print(text: string): Promise<number> {
  return new Promise((resolve) =>
    nodeProcess.stdout.write(text, () => resolve(EXIT.OK))
  );
}

/** Writes a line on standard error. */
export function complain(line: string): void {
  writeError(`${line}\n`);
}
