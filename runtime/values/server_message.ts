/**
 * The brand of the messages that the library's own servers rely on.
 *
 * They are instances of classes, and nothing that a program or a peer can put into a message is one: the
 * classes are not exported, and a wire makes one only of a whole message whose sender it has checked. So
 * an object that merely looks like a call, though a process of this node forwards it, is data.
 *
 * @module
 */

/** Copies a value that is nested in a message, with that many levels left. */
export type CopyField = (value: unknown, left: number, max: number) => unknown;

/** A message that servers act on. */
export abstract class ServerMessage {
  /** Which message it is, as wires spell it. */
  abstract readonly type: string;

  /** A copy that shares nothing mutable with it. */
  abstract copied(copy: CopyField, left: number, max: number): ServerMessage;
}
