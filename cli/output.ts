/**
 * What a program says for itself, past the group leader.
 *
 * @module
 */

import {
  standardError,
  standardOutput,
} from "../runtime/host/output_stream.ts";
import { writeError } from "../runtime/host/standard_streams.ts";
import { EXIT } from "./report.ts";

/**
 * Writes on standard output, and waits until it is written, or cannot be.
 *
 * @returns The exit code of a program that had nothing else to do.
 */
export async function print(text: string): Promise<number> {
  try {
    await standardOutput.write(text);
    return EXIT.OK;
  } catch {
    return EXIT.FAILED;
  }
}

/** Writes a line on standard error. */
export function complain(line: string): void {
  writeError(`${line}\n`);
}

/** Resolves when all that was said is written. */
export async function flush(): Promise<void> {
  await Promise.all([standardOutput.flush(), standardError.flush()]);
}
