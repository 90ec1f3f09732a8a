/**
 * The brand of messages that the library's own servers trust.
 *
 * Such messages are instances of classes that programs cannot create: the classes are not exported, and a wire
 * creates an instance only for a whole message whose sender it has checked. So an object that merely looks like a
 * call is data, even if a process of this node forwards it.
 *
 * Each wire has its own encoding of them. Nodes of this library exchange their fields (`fields`); a BEAM receives the
 * message that OTP's own modules send. A message without OTP's form is refused at its sender, because an unmodified
 * OTP server would crash on it.
 */

import type { Pid } from "./pid.ts";

/** Copies a value that is nested in a message, with `left` more levels allowed. */
export type CopyField = (value: unknown, left: number, max: number) => unknown;

/** The form that a class of requests has for programs that do not use this library, and the form of their replies. */
export interface RequestForm<R extends ServerRequest> {
  /** Encodes a request of the process `from`; returns `undefined` if such programs have no such request. */
  request(request: R, from: Pid | undefined): unknown;
  /** Decodes the reply to a request; without it, the reply stays as it is. */
  reply?(reply: unknown, request: R): unknown;
}

/** The forms by the class of the request. A package above this one, which has the wire, fills the table. */
// deno-lint-ignore no-explicit-any
const forms = new Map<unknown, RequestForm<any>>();

/** Sets the form of a class of requests. */
export function setRequestForm<R extends ServerRequest>(
  type: new (...args: never[]) => R,
  form: RequestForm<R>,
): void {
  forms.set(type, form);
}

/** A message that servers trust. */
export abstract class ServerMessage {
  /** The type of the message, which is also in its fields. */
  abstract readonly type: string;

  /**
   * Returns the fields, as nodes of this library exchange them. Nested in another message, it is sent as an object of
   * these fields.
   */
  abstract fields(): object;

  /** Returns a copy for the receiver, which shares nothing mutable with the message. */
  abstract copied(copy: CopyField, left: number, max: number): unknown;

  /** Returns a copy to be sent later. Requests of the library in it keep their brand, which wires need. */
  copiedWithBrand(copy: CopyField, left: number, max: number): ServerMessage {
    const keep: CopyField = (value, left, max) =>
      value instanceof ServerRequest
        ? value.copiedWithBrand(copy, left - 1, max)
        : copy(value, left, max);
    return this.copied(keep, left, max) as ServerMessage;
  }
}

/**
 * A request of the library's own: the content of a call, a cast or a tell, or a whole message to a group leader.
 *
 * Its own fields are the fields that nodes of this library exchange. The receiver gets a plain object of them: only
 * the sender's wire needs the brand, and a server knows by its role which requests to expect.
 */
export abstract class ServerRequest extends ServerMessage {
  fields(): object {
    return this;
  }

  /** The server of the library that the request is for, by which a wire finds its encoding. */
  get protocol(): string | undefined {
    return undefined;
  }

  /** Encodes a request without a protocol. Throws a `TypeError` if OTP has no such message. */
  toOtp(from?: Pid): unknown {
    const term = forms.get(this.constructor)?.request(this, from);
    if (term !== undefined) return term;
    throw new TypeError(
      `Cannot send the request ${this.type} to an Erlang node: ${this.instead}`,
    );
  }

  /** The advice for a request that OTP lacks. */
  get instead(): string {
    return "OTP has no such request; ask a node of this library";
  }

  /** Decodes an OTP server's reply to this request. */
  fromOtp(reply: unknown): unknown {
    const form = forms.get(this.constructor);
    return form?.reply === undefined ? reply : form.reply(reply, this);
  }

  copied(copy: CopyField, left: number, max: number): unknown {
    return copy({ ...this }, left + 1, max);
  }

  override copiedWithBrand(copy: CopyField, left: number, max: number): this {
    const same = Object.create(Object.getPrototypeOf(this));
    return Object.assign(same, copy({ ...this }, left + 1, max));
  }
}

/** A request that only servers of this library know. */
export class OwnRequest extends ServerRequest {
  declare readonly type: string;

  constructor(fields: { type: string }) {
    super();
    Object.assign(this, fields);
  }
}

/** A request that servers of OTP know too, by a protocol of `packages/beam/servers/`. */
export class SharedRequest extends OwnRequest {
  readonly #protocol: string;

  /** Creates a request to the server of the library with that name. */
  constructor(fields: { type: string }, protocol: string) {
    super(fields);
    this.#protocol = protocol;
  }

  override get protocol(): string {
    return this.#protocol;
  }

  override copiedWithBrand(copy: CopyField, left: number, max: number): this {
    const fields = copy({ ...this }, left + 1, max) as { type: string };
    return new SharedRequest(fields, this.#protocol) as this;
  }
}

/** A reply that a wire has refused because it exceeds a limit of this node; the call that awaits it fails. */
export class RefusedReply {
  /** The reason with which the call fails. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/**
 * A BEAM's reply, still encoded: only the request that it answers can decode it. A wire passes it to the wait under
 * the alias; programs receive the term.
 */
export class OtpReply {
  readonly term: unknown;

  constructor(term: unknown) {
    this.term = term;
  }
}
