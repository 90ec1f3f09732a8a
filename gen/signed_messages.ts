/**
 * Messages that begin with the pid of their sender, as some of OTP's do, and whose sender a wire has checked.
 *
 * A message that looks like one, sent by another node or by a process of this one, is not noted, nor is a copy.
 *
 * @module
 */

const signed = new WeakSet<object>();

/** Notes a message that the node of the process has sent that it names first. */
export function noteSigned(message: object): void {
  signed.add(message);
}

/** Whether a message was noted. */
export function isSigned(message: object): boolean {
  return signed.has(message);
}
