/**
 * The EXIT that a process which traps exits receives.
 *
 * To programs it is plain data, which any process can send a copy of. Those that a runtime has made are
 * remembered, so that servers tell them from such copies: a supervisor that took a sent one for the end of
 * its child would start the child twice.
 *
 * @module
 */

import type { Pid } from "./pid.ts";

/** An exit signal as a message. */
export interface ExitMessage {
  /** Always `"EXIT"`. */
  type: "EXIT";
  /** The process that sent the signal. */
  from: Pid;
  /** The exit reason. */
  reason: unknown;
}

const made = new WeakSet<object>();

/** Makes the message of an exit signal. */
export function exitMessage(from: Pid, reason: unknown): ExitMessage {
  const message: ExitMessage = { type: "EXIT", from, reason };
  made.add(message);
  return message;
}

/** Whether a message is of an exit signal. */
export function isExit(message: unknown): message is ExitMessage {
  return typeof message === "object" && message !== null && made.has(message);
}
