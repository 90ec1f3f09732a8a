/**
 * Standard input, output and error, for which somebody else may stand in: a line editor, which has to
 * draw its line again after whatever is written.
 *
 * @module
 */

import nodeProcess from "node:process";

/** What stands in for standard input, output and error. */
export interface StreamsStandIn {
  /** Writes text; without it, it goes where it went before. */
  write?(text: string): void | Promise<void>;
  /** Reads a line, with its line feed, for a process of this node, or on behalf of another node. */
  readLine(prompt: string, node?: string): Promise<string | undefined>;
}

let current: StreamsStandIn | undefined;

/** What stands in now, if anything does. */
export function streamsStandIn(): StreamsStandIn | undefined {
  return current;
}

/** Has something stand in; without it, nothing does any more. */
export function standInForStreams(standIn: StreamsStandIn | undefined): void {
  current = standIn;
}

/** Writes text on standard error. */
export function writeError(text: string): void {
  if (current?.write === undefined) nodeProcess.stderr.write(text);
  else void current.write(text);
}
