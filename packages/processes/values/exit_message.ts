/**
 * The EXIT message, which a process that traps exits receives.
 *
 * To programs an EXIT is plain data, which any process can copy and send. A runtime marks the messages that it creates,
 * so that servers can tell copies: a supervisor that took a copy for the exit of its child would start the child twice.
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

  /** Whether a message has the mark; copies do not. */
  static has(message: object): boolean {
    return #isMade in message;
  }
}

const foreign = new WeakSet<object>();

/** Marks an EXIT that a peer sent in the name of another node's process. */
export function noteForeignExit(message: object): void {
  foreign.add(message);
}

/**
 * Whether a message counts as an EXIT for its receiver: it comes from an exit signal or, as OTP allows, was sent by a
 * process of this node.
 */
export function isExitOrLikeOne(message: unknown): message is ExitMessage {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === "EXIT" && !foreign.has(message);
}

/** Creates the message of an exit signal. */
export function exitMessage(from: Pid, reason: unknown): ExitMessage {
  const message: ExitMessage = { type: "EXIT", from, reason };
  new Made(message);
  return message;
}

/** Whether an exit signal made this message, and not a process that sent a copy. */
export function isExitSignal(message: unknown): message is ExitMessage {
  return typeof message === "object" && message !== null && Made.has(message);
}
