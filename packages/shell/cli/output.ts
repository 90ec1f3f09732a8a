/** Output of the program itself, without the group leader. */

import {
  standardError,
  standardOutput,
} from "@otp/processes/host/output_stream";
import { writeError } from "@otp/processes/host/standard_streams";
import { EXIT } from "./report.ts";

/**
 * Writes to standard output, and waits until it is written or has failed. Returns the exit code of a program that does
 * nothing else.
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

export async function flushOutput(): Promise<void> {
  await Promise.all([standardOutput.flush(), standardError.flush()]);
}
