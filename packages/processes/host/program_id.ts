/** The identity of the program, on all its threads. */

import { randomUUID } from "node:crypto";

let id: string | undefined;

/** Returns a text that no other program returns. */
export function programId(): string {
  return id ??= randomUUID();
}

/** Makes this thread part of the program that has started it. */
export function joinProgram(program: string): void {
  id = program;
}
