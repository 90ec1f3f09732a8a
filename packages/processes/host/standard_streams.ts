/** Standard input, output and error. A line editor replaces them, because it redraws its line after any output. */

import { ignore } from "../promises/promises.ts";
import { standardError, standardOutput } from "./output_stream.ts";

/** A stand-in for standard input, output and error. */
export interface StreamsStandIn {
  /** Writes text; without this method, text goes to its original stream. */
  write?(text: string): void | Promise<void>;
  /** Reads a line, with its line feed, for a process of this node, or on behalf of another node. */
  readLine(prompt: string, node?: string): Promise<string | undefined>;
}

/** The maximum number of bytes that wait for a reader of standard error; later text is dropped. */
export const MAX_WAITING = 1 << 20;

let current: StreamsStandIn | undefined;

/** The number of texts dropped from standard error, and the text that reports the number. */
let dropped = 0;
let noticeOf: (count: number) => string = plainNotice;

export function streamsStandIn(): StreamsStandIn | undefined {
  return current;
}

export function standInForStreams(standIn: StreamsStandIn | undefined): void {
  current = standIn;
}

/**
 * Writes text to standard output, past the group leader.
 *
 * @returns Nothing if the text is written, else a promise; it rejects if the text cannot be written.
 * @throws {Error} The system's error, if it cannot be written.
 */
export function writeOutput(text: string): void | Promise<void> {
  return current?.write === undefined
    ? standardOutput.write(text)
    : current.write(text);
}

/**
 * Writes text to standard error. Never throws, and never waits: when too much text is unread, further text is
 * dropped, and a notice follows once there is room.
 *
 * @param text The text, with its line feeds.
 * @param notice Returns the notice for a number of dropped texts.
 */
export function writeError(
  text: string,
  notice: (count: number) => string = plainNotice,
): void {
  noticeOf = notice;
  if (standardError.waiting > MAX_WAITING) {
    dropped++;
    return;
  }
  write(takeNotice() + text);
}

function write(text: string): void {
  try {
    const written = current?.write === undefined
      ? standardError.write(text)
      : current.write(text);
    // An error of standard error cannot be reported anywhere.
    written?.then(() => {
      if (dropped > 0 && standardError.waiting === 0) write(takeNotice());
    }, ignore);
  } catch {
    // As above, for an error that is thrown.
  }
}

function takeNotice(): string {
  if (dropped === 0) return "";
  const notice = noticeOf(dropped);
  dropped = 0;
  return notice;
}

function plainNotice(count: number): string {
  return `[warning] ${count} log messages were dropped: standard error was not read\n`;
}
