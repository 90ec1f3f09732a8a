/**
 * Marks of messages whose sender a wire has checked: OTP's messages that begin with the pid of their sender, and log
 * events.
 *
 * A forged message of another node, a message of a process of this node, and a copy have no mark.
 */

import { BrandedObject } from "@otp/processes/values/branded_object";

/** Reads a part of a message as if the sender had sent that part alone; `undefined` if it would be dropped. */
export type PartReader = (part: unknown) => { message: unknown } | undefined;

const origins = new WeakMap<object, string>();

/** The mark: a private field costs a tenth of an entry in a `WeakMap`. */
class Signature extends BrandedObject {
  readonly #readPart: PartReader | undefined;

  constructor(message: object, readPart: PartReader | undefined) {
    super(message);
    this.#readPart = readPart;
  }

  static isOn(message: object): boolean {
    return #readPart in message;
  }

  static readerOf(message: object): PartReader | undefined {
    return #readPart in message ? message.#readPart : undefined;
  }
}

/** Marks a message that begins with a pid of the node that sent it. */
export function noteSigned(message: object, readPart?: PartReader): void {
  if (!Signature.isOn(message)) new Signature(message, readPart);
}

/** Whether a message is marked. */
export function isSigned(message: object): boolean {
  return Signature.isOn(message);
}

/** Returns a part of a marked message as if the sender had sent that part alone; `undefined` if it would be dropped. */
export function partAsSent(
  message: object,
  part: unknown,
): { message: unknown } | undefined {
  return Signature.readerOf(message)?.(part);
}

/** Notes which node sent a message. */
export function noteSendingNode(message: object, node: string): void {
  origins.set(message, node);
}

/** Returns the node that sent a message, if noted. */
export function sendingNode(message: object): string | undefined {
  return origins.get(message);
}
