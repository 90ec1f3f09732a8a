/**
 * Large signals, which come in parts: raw byte arrays.
 *
 * @module
 */

import type { ByteBudget } from "../../distribution/wire.ts";
import { copyBytes } from "../../runtime/values/term.ts";
import { ProtocolError } from "./checks.ts";

/** The most raw byte arrays that may be under way. */
const MAX_RAW = 1024;

/** Smaller parts are combined: an array of its own costs far more than a byte. */
const SMALL_PART = 4096;

interface Incoming {
  parts: Uint8Array[];
  /** The last part, while it is being put together from small ones. */
  small: Uint8Array | undefined;
  smallBytes: number;
  bytes: number;
  whole: boolean;
}

/** Retains a copy of a part: its chunk is larger, and would be retained. */
function keepPart(incoming: Incoming, part: Uint8Array): void {
  incoming.bytes += part.length;
  const { small } = incoming;
  if (part.length >= SMALL_PART) {
    closeSmall(incoming);
    incoming.parts.push(copyBytes(part));
    return;
  }
  if (small !== undefined && incoming.smallBytes + part.length <= SMALL_PART) {
    small.set(part, incoming.smallBytes);
    incoming.smallBytes += part.length;
    return;
  }
  closeSmall(incoming);
  incoming.small = new Uint8Array(SMALL_PART);
  incoming.small.set(part);
  incoming.smallBytes = part.length;
}

function closeSmall(incoming: Incoming): void {
  const { small, smallBytes } = incoming;
  if (small === undefined) return;
  incoming.parts.push(
    smallBytes * 2 < SMALL_PART
      ? copyBytes(small.subarray(0, smallBytes))
      : small.subarray(0, smallBytes),
  );
  incoming.small = undefined;
  incoming.smallBytes = 0;
}

/** Retains the parts of one peer's raw byte arrays until they are used. */
export class RawArrays {
  readonly #maxBytes: number;
  readonly #budget: ByteBudget;
  readonly #incoming = new Map<number, Incoming>();
  #bytes = 0;
  #closed = false;

  /** Retains at most that many bytes, and counts them among those of all peers. */
  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /**
   * Called when a part arrives.
   *
   * @throws {ProtocolError} If it is one too many, or of too many bytes.
   */
  add(id: number, bytes: Uint8Array, last: boolean): void {
    if (this.#closed) return;
    let incoming = this.#incoming.get(id);
    if (incoming === undefined) {
      if (this.#incoming.size >= MAX_RAW) {
        throw new ProtocolError(`more than ${MAX_RAW} raw byte arrays at once`);
      }
      incoming = {
        parts: [],
        small: undefined,
        smallBytes: 0,
        bytes: 0,
        whole: false,
      };
      this.#incoming.set(id, incoming);
    }
    if (incoming.whole) {
      throw new ProtocolError(`raw byte array ${id} goes on after its end`);
    }
    this.#bytes += bytes.length;
    this.#budget.add(bytes.length);
    if (this.#bytes > this.#maxBytes) {
      throw new ProtocolError(
        `a message of over ${this.#maxBytes} bytes`,
      );
    }
    if (this.#budget.used > this.#budget.max) {
      throw new ProtocolError(
        `parts of messages that make more than ${this.#budget.max} bytes with those of others (limits.maxTotalMessageBytes)`,
      );
    }
    if (bytes.length > 0) keepPart(incoming, bytes);
    incoming.whole = last;
    if (last) closeSmall(incoming);
  }

  /** Takes an array, if it is complete. */
  take(id: number): Uint8Array<ArrayBuffer> | undefined {
    const incoming = this.#incoming.get(id);
    if (incoming === undefined || !incoming.whole) return undefined;
    this.#incoming.delete(id);
    this.#bytes -= incoming.bytes;
    this.#budget.add(-incoming.bytes);
    const bytes = new Uint8Array(incoming.bytes);
    let at = 0;
    for (const part of incoming.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Discards everything. */
  clear(): void {
    this.#closed = true;
    this.#incoming.clear();
    this.#budget.add(-this.#bytes);
    this.#bytes = 0;
  }
}
