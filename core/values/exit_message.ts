/**
 * The EXIT that a process which traps exits receives.
 *
 * To programs it is plain data, and any process can send a copy of it. A runtime marks the messages that it creates,
 * so that servers recognise copies: a supervisor that took a copy for the exit of its child would start the child
 * twice.
 *
 * @module
 */

import { BrandedObject } from "./branded_object.ts";
import type { Pid } from "./pid.ts";

/** The message that a process which traps exits receives when a linked process exits. */
export interface ExitMessage {
  /** Always `"EXIT"`. */
  type: "EXIT";
  /** The process that exited, or that sent the exit signal. */
  from: Pid;
  /** The exit reason. */
  reason: unknown;
}

/** Marks the messages of exit signals. */
class Made extends BrandedObject {
  readonly #isMade = true;

  /** Whether a message has the mark, which no copy has. */
  static has(message: object): boolean {
    return #isMade in message;
  }
}

const foreign = new WeakSet<object>();

/** Marks an EXIT that a peer has sent in the name of a process of another node. */
export function noteForeignExit(message: object): void {
  foreign.add(message);
}

/**
 * Whether a message is an EXIT to the process that gets it: of an exit signal, or sent by a process of this
 * node, which as in OTP stands for one.
 */
export function isExitOrLikeOne(message: unknown): message is ExitMessage {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === "EXIT" && !foreign.has(message);
}

/** Makes the message of an exit signal. */
export function exitMessage(from: Pid, reason: unknown): ExitMessage {
  const message: ExitMessage = { type: "EXIT", from, reason };
  new Made(message);
  return message;
}

/** Whether an exit signal made this message; false for a copy that a process sent. */
export function isExitSignal(message: unknown): message is ExitMessage {
  return typeof message === "object" && message !== null && Made.has(message);
}
