/**
 * What a shell's two halves say to each other: the client has the terminal, the server runs the code.
 *
 * Any process can send what looks like one of these, and a request runs code. So each carries a token, which
 * the client makes and gives the server when it starts it, and which nobody else has.
 *
 * @module
 */

import { randomBytes } from "node:crypto";

/** A message of one half to the other. */
export type Sealed<M> = M & {
  /** The secret of the two. */
  token: string;
};

/** How many characters a token has: 128 bits, which nobody guesses. */
const TOKEN_LENGTH = 32;

/** Makes a token. */
export function makeToken(): string {
  return randomBytes(TOKEN_LENGTH / 2).toString("hex");
}

/** Whether a value can be a token. */
export function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length === TOKEN_LENGTH;
}

/** Whether a message is of the other half: it has the token. */
export function isSealed(message: unknown, token: string): boolean {
  return typeof message === "object" && message !== null &&
    (message as { token?: unknown }).token === token;
}

/** What the client asks for. */
export type ShellRequest =
  | {
    type: "evaluate";
    /** What the answer is to be known by. */
    id: number;
    /** The code. */
    source: string;
    /** How wide values may be shown. */
    width: number;
  }
  | {
    type: "complete";
    id: number;
    /** What is before the cursor. */
    text: string;
  }
  | { type: "interrupt" }
  | { type: "stop" };

/** What the server answers, and tells unasked. */
export type ShellAnswer =
  | {
    type: "evaluated";
    /** Which code gave it. */
    id: number;
    /** Whether it ended well. */
    ok: boolean;
    /** The value, or the error, as it is shown. */
    text: string;
  }
  | {
    type: "completed";
    id: number;
    /** What could stand for the end of the text. */
    names: string[];
    /** That end. */
    from: string;
  }
  | {
    type: "exited";
    /** Which code was running, if any was. */
    id: number | undefined;
    /** How the process that ran it ended, as it is shown. */
    text: string;
  };
