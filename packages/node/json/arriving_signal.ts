/**
 * Collects a large signal, which arrives in parts: first its attachments, then its JSON.
 *
 * Nothing is put together at the end. A large attachment is collected in the array that the receiver gets, so each byte is
 * copied once. The JSON is parsed while it arrives (`arriving_json.ts`), in turns of its own (`late_signals.ts`).
 *
 * Parsed JSON takes more memory than its bytes, and the peer may never send the end of the signal. So JSON is parsed ahead
 * only while the parts of all peers, with an estimate of these values, take less than half of the budget. The rest waits
 * as bytes, which may use the other half: a peer that sends costly values cannot disconnect others.
 */

import type { ByteBudget } from "../wire.ts";
import { ProtocolError } from "../wires/over_limit.ts";
import { type ArrivedSignal, ArrivingJson } from "./arriving_json.ts";
import {
  AttachmentReader,
  contentLength,
  NO_ATTACHMENTS,
  OWN_HEAD,
} from "./attachments.ts";
import { copyInBuffers, giveRawBuffer } from "../wires/frame_buffers.ts";
import { latin1Text } from "../wires/texts.ts";
import {
  GrowingBytes,
  type Hold,
} from "@otp/processes/collections/growing_bytes";
import { headOf, RAW_ATTACHMENTS, RAW_END } from "./json_frames.ts";
import type { LateSignals } from "./late_signals.ts";
import { notJson } from "./parse_json.ts";

/** Attachments of at least this length have an array of their own; smaller attachments share arrays. */
const LARGE = 1 << 14;

/** The size of a shared array, in bytes: at most this, and at least the attachments before. */
const SHARED = 1 << 16;

/** The attachments of a large signal, cut out of its bytes. */
class ArrivingAttachments {
  readonly #hold: Hold;
  readonly #assertFits: (bytes: number) => void;
  readonly #pieces: { bytes: GrowingBytes; head: number | undefined }[] = [];
  /** The head of the next attachment, as far as it has arrived. */
  readonly #head = new Uint8Array(OWN_HEAD);
  #headBytes = 0;
  /** The array of the last attachment, and the number of its missing bytes. */
  #target: GrowingBytes;
  #left = 0;
  /** The number of bytes that its array has room for, if attachments share it. */
  #room = 0;

  constructor(hold: Hold, assertFits: (bytes: number) => void) {
    this.#hold = hold;
    this.#assertFits = assertFits;
    this.#target = new GrowingBytes(hold);
  }

  /** Adds the next bytes. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, bytes.length);
        this.#target.append(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        continue;
      }
      this.#head[this.#headBytes++] = bytes[at++];
      if (this.#headBytes < OWN_HEAD) continue;
      this.#headBytes = 0;
      this.#begin(headOf(this.#head, 0), bytes.length - at);
    }
  }

  /** Begins the attachment of `head`; at most `here` of its bytes have arrived. */
  #begin(head: number, here: number): void {
    const length = contentLength(head);
    this.#assertFits(Math.max(0, length - here));
    this.#left = length;
    if (length >= LARGE) {
      this.#target = new GrowingBytes(this.#hold, length);
      this.#pieces.push({ bytes: this.#target, head });
      // Pieces are in the order of the attachments.
      this.#room = 0;
      return;
    }
    const size = OWN_HEAD + length;
    if (size > this.#room) {
      this.#target = new GrowingBytes(this.#hold);
      this.#pieces.push({ bytes: this.#target, head: undefined });
      this.#room = SHARED;
    }
    this.#room -= size;
    this.#target.append(this.#head);
  }

  /** Returns the attachments, whose numbers begin with `first`. */
  reader(first: number): AttachmentReader {
    if (this.#left > 0 || this.#headBytes > 0) {
      throw new ProtocolError("an attachment that goes beyond its signal");
    }
    const pieces = this.#pieces.map(({ bytes: { bytes, end }, head }) => (
      { bytes, start: 0, end, head }
    ));
    return new AttachmentReader(pieces, first);
  }
}

/** The kind and the sender of a signal, as this node writes them. */
const HEAD = /^\["[a-z_]+\*?",(\d{1,15}),/;
const HEAD_BYTES = 40;

/** The limits and places that the large signals of one peer share. */
export interface Arrivals {
  maxBytes: number;
  maxLevels: number;
  /** The parts of all peers. */
  budget: ByteBudget;
  late: LateSignals;
}

/** A large signal that arrives. */
export class ArrivingSignal {
  /** The number of the sender; NaN before the JSON, or if the JSON begins in another way. */
  sender = NaN;
  /** The number of the raw byte array. */
  readonly #id: number;
  readonly #arrivals: Arrivals;
  #attachments: ArrivingAttachments | undefined;
  #json: ArrivingJson | undefined;
  #isWhole = false;
  /** The number of received bytes, and of the bytes that the budget counts. */
  #bytes = 0;
  #held = 0;

  /** Collects the signal of the array `id`. */
  constructor(id: number, arrivals: Arrivals) {
    this.#id = id;
    this.#arrivals = arrivals;
  }

  /** Adds a part of a raw byte array. Throws a `ProtocolError` if the part is invalid, or too much. */
  add(id: number, bytes: Uint8Array, kind: number): void {
    if (this.#id !== id) {
      throw new ProtocolError(
        `raw byte array ${id} before the signal of array ${this.#id}`,
      );
    }
    if (this.#isWhole) {
      throw new ProtocolError(`raw byte array ${id} goes on after its end`);
    }
    this.#bytes += bytes.length;
    this.#assertFits(0);
    if (bytes.length === 0) {
      // An empty part adds nothing, but can end the array.
    } else if (kind === RAW_ATTACHMENTS) this.#attach(id, bytes);
    else this.#addJson(bytes);
    this.#isWhole = kind === RAW_END;
  }

  readonly #assertFits = (more: number): void => {
    const { maxBytes } = this.#arrivals;
    if (this.#bytes + more > maxBytes) {
      throw new ProtocolError(`a message of over ${maxBytes} bytes`);
    }
  };

  /** Counts memory before it is allocated, so that a refused message costs none. */
  readonly #hold: Hold = (bytes) => {
    this.#held += bytes;
    const { budget } = this.#arrivals;
    budget.add(bytes);
    if (budget.used > budget.max) {
      throw new ProtocolError(
        `parts of messages that make more than ${budget.max} bytes with those of others (limits.maxTotalMessageBytes)`,
      );
    }
  };

  #attach(id: number, bytes: Uint8Array): void {
    if (this.#json !== undefined) {
      throw new ProtocolError(
        `raw byte array ${id} has attachments after its JSON`,
      );
    }
    this.#attachments ??= new ArrivingAttachments(this.#hold, this.#assertFits);
    this.#attachments.add(bytes);
  }

  #addJson(bytes: Uint8Array): void {
    const { late, maxLevels } = this.#arrivals;
    if (this.#json === undefined) {
      this.#json = new ArrivingJson(maxLevels, this.#hold);
      const end = Math.min(HEAD_BYTES, bytes.length);
      this.sender = Number(HEAD.exec(latin1Text(bytes, 0, end))?.[1]);
    }
    if (Number.isNaN(this.sender)) {
      // The sender is not known: read all that is late, and this part at once.
      late.read(Infinity);
      return this.#read(bytes);
    }
    for (const part of copyInBuffers(bytes)) {
      late.add(this.sender, part.length, () => {
        this.#read(part);
        giveRawBuffer(part);
      });
    }
  }

  #read(bytes: Uint8Array): void {
    const json = this.#json!;
    json.add(bytes);
    const { used, max } = this.#arrivals.budget;
    if (used + json.mostCost <= max / 2) json.readAhead();
  }

  /**
   * Ends the array, which a signal has named, with attachments numbered from `first` if it has any. Throws a
   * `ProtocolError` if it has not arrived, or has attachments only here or only there.
   */
  end(id: number, first: number | undefined): AttachmentReader {
    if (this.#id !== id || !this.#isWhole) {
      throw new ProtocolError(`no raw bytes of number ${id} have come`);
    }
    if ((first !== undefined) !== (this.#attachments !== undefined)) {
      throw new ProtocolError(
        first === undefined
          ? `raw bytes of number ${id} with attachments`
          : `raw bytes of number ${id} without attachments`,
      );
    }
    return this.#attachments?.reader(first!) ?? NO_ATTACHMENTS;
  }

  /** Returns the signal, all of whose parts were read. Throws a `ProtocolError` if it is no JSON. */
  finish(): ArrivedSignal {
    if (this.#json === undefined) throw notJson();
    const signal = this.#json.finish();
    this.discard();
    return signal;
  }

  /** Discards everything. */
  discard(): void {
    this.#arrivals.budget.add(-this.#held);
    this.#held = 0;
  }
}
