/**
 * Messages that begin with the pid of their sender, as some of OTP's do, and whose sender a wire has checked.
 *
 * A message that looks like one, sent by another node or by a process of this one, is not noted, nor is a copy.
 *
 * @module
 */

/** Reads a part of a message as if its sender had sent only that; `undefined` if that would be dropped. */
export type PartReader = (part: unknown) => { message: unknown } | undefined;

const signed = new WeakMap<object, PartReader | undefined>();

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
