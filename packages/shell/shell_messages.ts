/**
 * The messages between a shell's client, which owns the terminal, and its server, which runs the code.
 *
 * Any process can send an object that looks like one of these messages, and a request runs code. So each message
 * carries a token, which the client generates and passes to the server at its start. No other process has the token.
 */

import { randomBytes } from "node:crypto";

/** A message between client and server. */
export type Sealed<M> = M & {
  /** The shared secret of the client and the server. */
  token: string;
};

/** The characters of a token: 128 bits, too many to guess. */
const TOKEN_LENGTH = 32;

export function makeToken(): string {
  return randomBytes(TOKEN_LENGTH / 2).toString("hex");
}

export function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length === TOKEN_LENGTH;
}

/** Whether a message has the token, so comes from the other side. */
export function isSealed(message: unknown, token: string): boolean {
  return typeof message === "object" && message !== null &&
    (message as { token?: unknown }).token === token;
}

export type ShellRequest =
  | {
    type: "evaluate";
    /** The reference that the answer carries. */
    id: number;
    source: string;
    /** The width for showing values. */
    width: number;
  }
  | {
    type: "complete";
    id: number;
    /** The text before the cursor. */
    text: string;
  }
  | { type: "interrupt" }
  | { type: "stop" };

/** An answer or a notification of the server. */
export type ShellAnswer =
  | {
    type: "evaluated";
    /** The reference of the code. */
    id: number;
    ok: boolean;
    text: string;
  }
  | {
    type: "completed";
    id: number;
    names: string[];
    /** The part of the text that the completions replace. */
    from: string;
  }
  | {
    type: "exited";
    /** The reference of the running code, if any. */
    id: number | undefined;
    /** The exit of the process that ran it, as text. */
    text: string;
  };
