/** The text of log events; every value in it is cut and escaped. */

import { formatError, formatExit } from "../values/exit_reason.ts";
import { inspectWithin, printableLine, shorten } from "../values/inspect.ts";

/** The maximum length of a shown value, and of a name. */
const MAX_LENGTH = 4096;
const MAX_NAME = 256;

/** Formats an exit reason for the line after two asterisks, as Elixir does. */
export function exitLine(reason: unknown): string {
  try {
    if (reason instanceof Error) {
      return shorten(formatError(reason), MAX_LENGTH);
    }
  } catch {
    // A getter or a proxy may throw, but a crash report must not crash.
  }
  return `(exit) ${exitWords(reason)}`;
}

export function exitWords(reason: unknown): string {
  return shorten(formatExit(reason), MAX_LENGTH);
}

export function shownValue(value: unknown): string {
  return inspectWithin(value, MAX_LENGTH);
}

export function printableName(name: string): string {
  return printableLine(name, MAX_NAME);
}

/** Joins lines, with all but the first indented. */
export function indented(lines: string[]): string {
  return lines.join("\n").replaceAll("\n", "\n    ");
}
