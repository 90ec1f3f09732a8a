/** The frames of a handshake, one by one. */

import { Buffer } from "node:buffer";
import {
  HandshakeError,
  type Local,
  type Status,
  type Transport,
} from "../wire.ts";
import { printable } from "../../core/values/inspect.ts";

/** The position of a frame's body in the bytes that begin with the frame. */
export interface FrameBounds {
  /** The number of bytes before the body. */
  start: number;
  /** The end of the frame. */
  end: number;
}

/** Sends and receives the frames of a handshake one by one. */
export class Conversation {
  readonly #transport: Transport;
  #bytes: Uint8Array;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** Takes over a transport; the bytes that were read already come first. */
  constructor(transport: Transport, first: Uint8Array) {
    this.#transport = transport;
    this.#bytes = first;
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

  /** Sends bytes. */
  write(bytes: Uint8Array): void {
    this.#transport.write(bytes);
  }

  /**
   * Returns the body of the next frame. `boundsOf` finds it, or returns `undefined` when too few bytes have arrived.
   *
   * @throws {HandshakeError} If the other side has closed the connection, or speaks TLS.
   */
  async hear(
    boundsOf: (bytes: Uint8Array) => FrameBounds | undefined,
  ): Promise<Uint8Array> {
    for (;;) {
      const bytes = this.#bytes;
      if (bytes[0] === 0x15 && bytes[1] === 0x03) {
        throw new HandshakeError(
          "protocol",
          "it speaks TLS, and this node does not: start this node with TLS too (--tls-cert, --tls-key and --tls-ca)",
          "tls",
        );
      }
      const bounds = boundsOf(bytes);
      if (bounds !== undefined && bytes.length >= bounds.end) {
        this.#bytes = bytes.subarray(bounds.end);
        return bytes.subarray(bounds.start, bounds.end);
      }
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
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
