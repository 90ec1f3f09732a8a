/** The frames of a handshake, and its outcome. */

import { Buffer } from "node:buffer";
import {
  HandshakeError,
  type Local,
  type Peer,
  type Session,
  type Status,
  type Transport,
} from "../wire.ts";
import { printable } from "@otp/processes/values/inspect";
import { bufferOf } from "./texts.ts";

/** The result of a handshake. */
export interface Introduction {
  /** The other node. */
  peer: Peer;
  /** Whether the peer has no other connection to this node. */
  replaces: boolean;
  /** Returns the bytes received after the handshake, until another reader takes over the transport. */
  rest: () => Uint8Array;
}

/** Returns the session of a handshake. */
export function sessionOf(
  { peer, replaces, rest }: Introduction,
  open: Session["open"],
): Session {
  return {
    peer,
    replaces,
    get rest(): Uint8Array {
      return rest();
    },
    open,
  };
}

/** Sends and receives the frames of a handshake one by one: each is its length, then its body. */
export class Conversation {
  readonly #transport: Transport;
  readonly #lengthBytes: 2 | 4;
  readonly #maxBytes: number;
  #bytes: Buffer;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /**
   * Takes over a transport; the bytes that were read already come first. A length has `lengthBytes` bytes, and a body
   * at most `maxBytes`.
   */
  constructor(
    transport: Transport,
    first: Uint8Array,
    lengthBytes: 2 | 4,
    maxBytes: number,
  ) {
    this.#transport = transport;
    this.#lengthBytes = lengthBytes;
    this.#maxBytes = maxBytes;
    this.#bytes = bufferOf(first);
    transport.start({
      bytes: (chunk) => {
        this.#bytes = Buffer.concat([this.#bytes, chunk]);
        this.#wake?.();
      },
      drained: () => {},
      closed: (error) => {
        this.#error = error instanceof HandshakeError
          ? error
          : new HandshakeError(
            "closed",
            error === undefined
              ? "the other side closed the connection"
              : printable(error.message),
          );
        this.#wake?.();
      },
    });
  }

  /** Sends a frame. */
  sayFrame(body: Uint8Array): void {
    const head = Buffer.alloc(this.#lengthBytes);
    head.writeUIntBE(body.length, 0, this.#lengthBytes);
    this.#transport.write(Buffer.concat([head, body]));
  }

  /**
   * Returns the body of the next frame. Throws a `HandshakeError` if the frame is empty or too long, or the other side
   * has closed the connection, or speaks TLS.
   */
  async hearFrame(): Promise<Buffer> {
    for (;;) {
      const bytes = this.#bytes;
      if (bytes[0] === 0x15 && bytes[1] === 0x03) {
        throw new HandshakeError(
          "protocol",
          "it speaks TLS, and this node does not: start this node with TLS too (--tls-cert, --tls-key and --tls-ca)",
          "tls",
        );
      }
      const body = this.#cut(bytes);
      if (body !== undefined) return body;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Removes and returns the body of the first frame; `undefined` if the frame is incomplete. */
  #cut(bytes: Buffer): Buffer | undefined {
    const start = this.#lengthBytes;
    if (bytes.length < start) return undefined;
    const length = bytes.readUIntBE(0, start);
    if (length === 0 || length > this.#maxBytes) {
      throw invalid(
        `a first frame of ${length} bytes, and 1 to ${this.#maxBytes} are allowed`,
      );
    }
    const end = start + length;
    if (bytes.length < end) return undefined;
    this.#bytes = bytes.subarray(end);
    return bytes.subarray(start, end);
  }

  /** @throws {HandshakeError} If the other side has closed the connection. */
  assertOpen(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Returns the bytes received after the handshake. */
  rest(): Uint8Array {
    return this.#bytes;
  }
}

/** Returns the failure of a handshake with a side that sends invalid data. */
export function invalid(message: string): HandshakeError {
  return new HandshakeError("protocol", message);
}

/** Returns the failure of a handshake with a side that has another cookie. */
export function wrongCookie(
  message = "its cookie is another one",
): HandshakeError {
  return new HandshakeError(
    "refused",
    `${message}; start both nodes with the same cookie (--cookie-file, or else ~/.erlang.cookie)`,
    "cookie",
  );
}

/** Returns the failure of a handshake after a proof: a listener closes the connection if the proof is wrong. */
export function closedAfter(proof: string, error: HandshakeError): Error {
  return error.code !== "closed" ? error : wrongCookie(
    `it closed the connection after ${proof}, most likely because its cookie is another one`,
  );
}

/**
 * Returns the failure of a handshake whose dialler gets this answer.
 *
 * @param status The answer.
 * @param name The dialler's name.
 * @param local The node.
 * @param denied The reason of any other answer.
 */
export function refusalOf(
  status: Status,
  name: string,
  local: Local,
  denied =
    `${name} is not let in: is it this node's own name, or are long and short names mixed?`,
): HandshakeError {
  switch (status) {
    case "nok":
      return new HandshakeError(
        "superseded",
        `${name} dials this node, which dials it`,
      );
    case "alive":
      return new HandshakeError("alive", `${name} is connected already`);
    case "full":
      return new HandshakeError(
        "refused",
        `${name} would be one connection too many: there are ${local.limits.maxConnections} (limits.maxConnections)`,
        "full",
      );
    default:
      return new HandshakeError("refused", denied);
  }
}
