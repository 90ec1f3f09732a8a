/** Reports the failures of a program that is a node, with exit codes. */

import { ApplicationStartError } from "@otp/servers/application/application";
import { ExitError, NodeStartError } from "@otp/processes/errors";
import { inspect, printable } from "@otp/processes/values/inspect";
import {
  formatExit,
  isReason,
  isShutdown,
} from "@otp/processes/values/exit_reason";
import { UsageError } from "./flags.ts";
import { typedFrames } from "./typed_positions.ts";

export const EXIT = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  NOT_STARTED: 3,
  REFUSED: 4,
} as const;

export const HELP_OF_EXIT_CODES =
  "0 done, 1 failed, 2 usage, 3 cannot start or connect, 4 refused (cookie, permission)";

/** The number of lines of a stack that are shown, and with the library's. */
const FRAMES = 5;
const ALL_FRAMES = 50;

/** The error for a file that does not load, or a shell on another node that cannot be opened. */
export class StartError extends Error {
  /** Always `"StartError"`. */
  override readonly name = "StartError";
  /** Whether a permission is missing, or the other node refused the shell by its cookie or its flags. */
  readonly isRefused: boolean;

  constructor(isRefused: boolean, message: string, options?: ErrorOptions) {
    super(message, options);
    this.isRefused = isRefused;
  }
}

/** Returns the report of a program that does not start, in one line, and its exit code. */
export function startFailure(error: unknown): { code: number; line: string } {
  const { name, message } = error instanceof Error
    ? error
    : { name: "", message: String(error) };
  return {
    code: startCode(error, name),
    line: printable(inOneLine(message)),
  };
}

/** A message without excerpts and stacks. */
function inOneLine(message: string): string {
  return message.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !/^(at |\||\d+ \|)/.test(line))
    .join(" ");
}

function startCode(error: unknown, name: string): number {
  if (error instanceof UsageError) return EXIT.USAGE;
  if (error instanceof NodeStartError) {
    if (error.code === "name") return EXIT.USAGE;
    return ["cookie", "permission"].includes(error.code)
      ? EXIT.REFUSED
      : EXIT.NOT_STARTED;
  }
  if (error instanceof StartError) {
    return error.isRefused ? EXIT.REFUSED : EXIT.NOT_STARTED;
  }
  if (error instanceof ApplicationStartError) return EXIT.NOT_STARTED;
  // Deno throws either name for a missing permission.
  return name === "NotCapable" || name === "PermissionDenied"
    ? EXIT.REFUSED
    : EXIT.FAILED;
}

export function codeOfThrown(error: unknown): number {
  if (!(error instanceof ExitError)) return EXIT.FAILED;
  const { reason } = error;
  if (isReason(reason, "normal")) return EXIT.OK;
  if (!isShutdown(reason)) return EXIT.FAILED;
  const why = (reason as { reason?: unknown }).reason;
  return Number.isInteger(why) ? Number(why) & 0xff : EXIT.OK;
}

/** A thrown value, as Elixir shows it: `** (TypeError) message`; with the positions in the library's files, if asked. */
export function formatThrown(error: unknown, withLibrary = false): string {
  if (!(error instanceof Error)) return `** (throw) ${inspect(error)}`;
  const isExit = error instanceof ExitError;
  const frames = isExit && !withLibrary ? [] : framesOf(error, withLibrary);
  return [
    `** (${isExit ? "exit" : printable(error.name)}) ${
      printable(error.message)
    }`,
    ...frames,
  ].join("\n    ");
}

export function formatExitSignal(pid: unknown, reason: unknown): string {
  return `** (EXIT from ${pid}) ${formatExit(reason)}`;
}

const OWN_FILES = new URL("../../../", import.meta.url).href;

/** The positions in typed code and in files that an error comes from, each once. */
function framesOf(error: Error, withLibrary: boolean): string[] {
  const stack = typeof error.stack === "string" ? error.stack : "";
  const lines = stack.split("\n").map((line) => line.trim());
  const inFiles = lines.filter((line) =>
    line.startsWith("at ") && /\b(file|https?):\/\//.test(line) &&
    (withLibrary || !line.includes(OWN_FILES))
  );
  return [...typedFrames(lines), ...new Set(inFiles)]
    .slice(0, withLibrary ? ALL_FRAMES : FRAMES).map(printable);
}
