/** Collects large signals, which arrive in parts as raw byte arrays of attachments and JSON. */

import type { ByteBudget } from "../wire.ts";
import { copyBytes } from "@otp/processes/values/term";
import { ArrivingAttachments, type Holder } from "./arriving_attachments.ts";
import { ProtocolError } from "../wires/over_limit.ts";
import { RAW_ATTACHMENTS, RAW_END } from "./json_frames.ts";

/** The maximum number of incomplete or unused raw byte arrays. */
export const MAX_RAW = 1024;

/** Smaller parts are combined, as an array costs far more than a byte. */
const SMALL_PART = 4096;

interface Incoming {
  attachments: ArrivingAttachments | undefined;
  /** The parts of the JSON. */
  parts: Uint8Array[];
  /** The last part, while it is being combined from small parts. */
  small: Uint8Array | undefined;
  smallBytes: number;
  jsonBytes: number;
  /** The number of all bytes, and of the bytes that the budget counts. */
  bytes: number;
  held: number;
  whole: boolean;
}

/** A complete large signal. */
export interface RawArray {
  attachments: ArrivingAttachments | undefined;
  json: Uint8Array;
}

/** Retains a copy of a part: retaining the part itself would retain its larger chunk. */
function keepPart(incoming: Incoming, part: Uint8Array): void {
  incoming.jsonBytes += part.length;
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
    smallBytes * 4 < SMALL_PART * 3
      ? copyBytes(small.subarray(0, smallBytes))
      : small.subarray(0, smallBytes),
  );
  incoming.small = undefined;
  incoming.smallBytes = 0;
}

/** Retains the parts of one peer's raw byte arrays until the arrays are used. */
export class RawArrays {
  readonly #maxBytes: number;
  readonly #budget: ByteBudget;
  readonly #incoming = new Map<number, Incoming>();
  /** The number of received bytes, and of the bytes that the budget counts. */
  #bytes = 0;
  #held = 0;
  #closed = false;

  /** Retains at most `maxBytes` bytes, and counts them in `budget`. */
  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** Adds a part to an array. Throws a `ProtocolError` if there are too many arrays or bytes. */
  add(id: number, bytes: Uint8Array, kind: number): void {
    if (this.#closed) return;
    const incoming = this.#incoming.get(id) ?? this.#begin(id);
    if (incoming.whole) {
      throw new ProtocolError(`raw byte array ${id} goes on after its end`);
    }
    this.#bytes += bytes.length;
    incoming.bytes += bytes.length;
    this.#assertFits(0);
    if (bytes.length === 0) {
      // An empty part adds nothing, but can end the array.
    } else if (kind === RAW_ATTACHMENTS) this.#attach(id, incoming, bytes);
    else {
      this.#hold(incoming, bytes.length);
      keepPart(incoming, bytes);
    }
    incoming.whole = kind === RAW_END;
    if (incoming.whole) closeSmall(incoming);
  }

  #begin(id: number): Incoming {
    if (this.#incoming.size >= MAX_RAW) {
      throw new ProtocolError(`more than ${MAX_RAW} raw byte arrays at once`);
    }
    const incoming: Incoming = {
      attachments: undefined,
      parts: [],
      small: undefined,
      smallBytes: 0,
      jsonBytes: 0,
      bytes: 0,
      held: 0,
      whole: false,
    };
    this.#incoming.set(id, incoming);
    return incoming;
  }

  #attach(id: number, incoming: Incoming, bytes: Uint8Array): void {
    if (incoming.jsonBytes > 0) {
      throw new ProtocolError(
        `raw byte array ${id} has attachments after its JSON`,
      );
    }
    if (incoming.attachments === undefined) {
      const holder: Holder = {
        assertFits: (more) => this.#assertFits(more),
        hold: (more) => this.#hold(incoming, more),
      };
      incoming.attachments = new ArrivingAttachments(holder);
    }
    incoming.attachments.add(bytes);
  }

  #assertFits(more: number): void {
    if (this.#bytes + more > this.#maxBytes) {
      throw new ProtocolError(`a message of over ${this.#maxBytes} bytes`);
    }
  }

  /** Counts bytes before the memory is allocated, so that a refused message costs none. */
  #hold(incoming: Incoming, bytes: number): void {
    incoming.held += bytes;
    this.#held += bytes;
    this.#budget.add(bytes);
    if (this.#budget.used > this.#budget.max) {
      throw new ProtocolError(
        `parts of messages that make more than ${this.#budget.max} bytes with those of others (limits.maxTotalMessageBytes)`,
      );
    }
  }

  /** Removes and returns an array, if it is complete. */
  take(id: number): RawArray | undefined {
    const incoming = this.#incoming.get(id);
    if (incoming === undefined || !incoming.whole) return undefined;
    const { attachments, parts, jsonBytes, bytes, held } = incoming;
    this.#incoming.delete(id);
    this.#bytes -= bytes;
    this.#held -= held;
    this.#budget.add(-held);
    attachments?.assertWhole();
    if (parts.length === 1) return { attachments, json: parts[0] };
    const json = new Uint8Array(jsonBytes);
    let at = 0;
    for (const part of parts) {
      json.set(part, at);
      at += part.length;
    }
    return { attachments, json };
  }

  /** Discards everything. */
  clear(): void {
    this.#closed = true;
    this.#incoming.clear();
    this.#budget.add(-this.#held);
    this.#bytes = 0;
    this.#held = 0;
  }
}
