/**
 * The brand of messages that the library's own servers trust.
 *
 * Such messages are instances of classes that programs cannot create: the classes are not exported, and a wire
 * creates an instance only for a whole message whose sender it has checked. So an object that merely looks like a
 * call is data, even if a process of this node forwards it.
 *
 * Each wire has its own encoding of them. Nodes of this library exchange their fields (`fields`); a node of another
 * library receives the message that its own modules send. A message without such a form is refused at its sender, because
 * the server there would crash on it.
 */

/** Copies a value that is nested in a message, with `left` more levels allowed. */
export type CopyField = (value: unknown, left: number, max: number) => unknown;

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

  /** The name of the protocol by which other libraries make the same request; without it, they have no such request. */
  get protocol(): string | undefined {
    return undefined;
  }

  copied(copy: CopyField, left: number, max: number): unknown {
    return copy({ ...this }, left + 1, max);
  }

  abstract override copiedWithBrand(
    copy: CopyField,
    left: number,
    max: number,
  ): this;
}

/** A request without methods of its own. */
export class OwnRequest extends ServerRequest {
  declare readonly type: string;
  readonly #protocol: string | undefined;

  /** Creates a request from its fields, which only servers of this library know unless it has a protocol. */
  constructor(fields: { type: string }, protocol?: string) {
    super();
    Object.assign(this, fields);
    this.#protocol = protocol;
  }

  override get protocol(): string | undefined {
    return this.#protocol;
  }

  override copiedWithBrand(copy: CopyField, left: number, max: number): this {
    const fields = copy({ ...this }, left + 1, max) as { type: string };
    return new OwnRequest(fields, this.#protocol) as this;
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
 * A reply of another library's node, still encoded: only the request that it answers can decode it. A wire passes it to
 * the wait under the alias; programs receive the term.
 */
export class ForeignReply {
  readonly term: unknown;

  constructor(term: unknown) {
    this.term = term;
  }
}
