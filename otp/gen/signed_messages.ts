/**
 * Messages of BEAMs whose sender a wire has checked: those that begin with the pid of their sender, as some of OTP's do,
 * and log events.
 *
 * A message that looks like one, sent by another node or by a process of this one, is not noted, nor is a copy.
 *
 * @module
 */

/** Reads a part of a message as if its sender had sent only that; `undefined` if that would be dropped. */
export type PartReader = (part: unknown) => { message: unknown } | undefined;

const signed = new WeakMap<object, PartReader | undefined>();
const origins = new WeakMap<object, string>();

/** Notes a message that the node of the process has sent that it names first. */
export function noteSigned(message: object, readPart?: PartReader): void {
  signed.set(message, readPart);
}

/** Whether a message was noted. */
export function isSigned(message: object): boolean {
  return signed.has(message);
}

/** A part of a noted message as if its sender had sent only that; `undefined` if that is to be dropped. */
export function partAsSent(
  message: object,
  part: unknown,
): { message: unknown } | undefined {
  return signed.get(message)?.(part);
}

/** Notes the node that has sent a message. */
export function noteSendingNode(message: object, node: string): void {
  origins.set(message, node);
}

/** The node that has sent a message, if it was noted. */
export function sendingNode(message: object): string | undefined {
  return origins.get(message);
}
