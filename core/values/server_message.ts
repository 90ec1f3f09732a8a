/**
 * The brand of the messages that the library's own servers rely on.
 *
 * They are instances of classes, and nothing that a program or a peer can put into a message is one: the
 * classes are not exported, and a wire makes one only of a whole message whose sender it has checked. So
 * an object that merely looks like a call, though a process of this node forwards it, is data.
 *
 * Each wire has its own encoding for them. Between nodes of this library they have fields (`fields`); a BEAM gets the message that
 * OTP's own modules send (`toOtp`), and a message without one is refused at its sender, as an unmodified server of
 * OTP would crash on it.
 *
 * @module
 */

import type { Pid } from "./pid.ts";

/** Copies a value that is nested in a message, with that many levels left. */
export type CopyField = (value: unknown, left: number, max: number) => unknown;

/** A message that servers act on. */
export abstract class ServerMessage {
  /** The type of the message, as in its fields. */
  abstract readonly type: string;

  /** Its fields, as between nodes of this library; as data, within another message, it is an object of these. */
  abstract fields(): object;

  /**
   * The message as OTP's modules send it.
   *
   * @param from The sender, for a message that names it in OTP's encoding.
   * @throws {TypeError} If OTP has none; it says what to use.
   */
  abstract toOtp(from?: Pid): unknown;

  /** A copy for its receiver, that shares nothing mutable with it. */
  abstract copied(copy: CopyField, left: number, max: number): unknown;

  /** A copy to be sent later: requests of the library in it keep their brand, which only wires need. */
  abstract kept(copy: CopyField, left: number, max: number): ServerMessage;
}

/**
 * A request of the library's own: the content of a call, a cast or a tell, or a whole message to a group leader.
 *
 * Its own fields are those that nodes of this library see. A receiver gets a plain object of them: the brand is
 * for the wire at the sender alone, and a server knows by its role what to expect.
 */
export abstract class ServerRequest extends ServerMessage {
  fields(): object {
    return this;
  }

  toOtp(_from?: Pid): unknown {
    throw new TypeError(
      `Cannot send the request ${this.type} to an Erlang node: ${this.instead}`,
    );
  }

  /** The advice for a request that OTP does not have. */
  get instead(): string {
    return "OTP has no such request; ask a node of this library";
  }

  /** A server's reply in OTP's encoding, as this request's sender reads replies. */
  fromOtp(reply: unknown): unknown {
    return reply;
  }

  copied(copy: CopyField, left: number, max: number): unknown {
    return copy({ ...this }, left + 1, max);
  }

  kept(copy: CopyField, left: number, max: number): this {
    const same = Object.create(Object.getPrototypeOf(this));
    return Object.assign(same, copy({ ...this }, left + 1, max));
  }
}

/** A request that only servers of this library know. */
export class OwnRequest extends ServerRequest {
  declare readonly type: string;

  /** Creates a request of fields. */
  constructor(fields: { type: string }) {
    super();
    Object.assign(this, fields);
  }
}

/** A request in OTP's encoding: data of a program is as it is. */
export function requestToOtp(request: unknown, from?: Pid): unknown {
  return request instanceof ServerRequest ? request.toOtp(from) : request;
}

/** A request within a message that is sent later. */
export function keepRequest(
  request: unknown,
  copy: CopyField,
  left: number,
  max: number,
): unknown {
  return request instanceof ServerRequest
    ? request.kept(copy, left - 1, max)
    : copy(request, left, max);
}

/** A reply that a wire has refused, as it exceeds a limit of this node: the call that waits for it fails. */
export class RefusedReply {
  /** The reason with which it fails. */
  readonly reason: unknown;

  /** Stands for a reply. */
  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/**
 * A reply that a BEAM sent, in its encoding: only the request that it answers can read it. A wire hands it to the
 * wait under the alias; programs get the term.
 */
export class OtpReply {
  /** The reply. */
  readonly term: unknown;

  /** Marks a reply. */
  constructor(term: unknown) {
    this.term = term;
  }
}
