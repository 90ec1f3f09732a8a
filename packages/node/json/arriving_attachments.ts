/**
 * Assembles the attachments of a large signal as their parts arrive. A large attachment is assembled in the array that
 * the receiver gets, so each byte is copied once.
 */

import { copyBytes } from "@otp/processes/values/term";
import {
  type Attachments,
  contentLength,
  isUtf8,
  missing,
  notBytes,
  OWN_HEAD,
  unused,
} from "./attachments.ts";
import { ProtocolError } from "../wires/over_limit.ts";
import { headOf } from "./json_frames.ts";
import { latin1Text, utf8Text } from "../wires/texts.ts";

/** Attachments of at least this length have an array of their own; smaller attachments share blocks. */
const LARGE = 1 << 14;

/** The size of the first block, and of the largest block, in bytes. */
const BLOCK = { first: 1 << 12, most: 1 << 16 };

/** A position is the block's index times SPAN plus an offset, so SPAN exceeds the size of any shared block. */
const SPAN = 2 * BLOCK.most;

/** The memory of a position, in bytes: an empty attachment has four. */
const POSITION = 12;

/** The initial size of the array of a longer attachment, in bytes. */
const FIRST = 1 << 16;

/**
 * An array grows by doubling until 1/AHEAD of its attachment has arrived, then takes its full length. So a peer that
 * announces much and sends little makes this node hold at most AHEAD times the bytes sent. If the array doubled up to
 * its full length, the last doubling of 100 MB would copy half of it, in 40 ms.
 */
const AHEAD = 32;

/** The limits on the memory for one peer's signals. */
export interface Holder {
  /** @throws {ProtocolError} If `bytes` more would make the message too large. */
  assertFits(bytes: number): void;
  /** @throws {ProtocolError} If all peers together would hold too much. */
  hold(bytes: number): void;
}

/** The memory of one large attachment, with its head in `head`, or of small attachments after their heads. */
interface Block {
  bytes: Uint8Array<ArrayBuffer>;
  head: number | undefined;
}

/** The attachments of one large signal. */
export class ArrivingAttachments implements Attachments {
  /** The number of the first attachment, stated by the signal. */
  first = 0;
  readonly #holder: Holder;
  readonly #blocks: Block[] = [];
  /** The position of each attachment's head (see SPAN); below 0 for a used attachment. */
  readonly #positions: number[] = [];
  #unused = 0;
  /** The head of the next attachment, as far as it has arrived. */
  readonly #head = new Uint8Array(OWN_HEAD);
  #headBytes = 0;
  /** The block of the last attachment, the attachment's end so far, and the number of missing bytes. */
  #block: Block = { bytes: new Uint8Array(0), head: undefined };
  #at = 0;
  #left = 0;
  /** The index of the last shared block, and the end of its attachments. */
  #shared = -1;
  #sharedEnd = 0;

  /** Asks `holder` before each allocation. */
  constructor(holder: Holder) {
    this.#holder = holder;
  }

  /** Adds the next bytes. Throws a `ProtocolError` if `bytes` announce or hold too much. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, bytes.length);
        this.#put(bytes.subarray(at, end));
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
    this.#holder.assertFits(Math.max(0, length - here));
    this.#left = length;
    this.#unused++;
    if (length >= LARGE) {
      this.#positions.push(this.#blocks.length * SPAN);
      this.#block = { bytes: this.#allocate(Math.min(length, FIRST)), head };
      this.#blocks.push(this.#block);
      this.#at = 0;
      return;
    }
    this.#holder.hold(POSITION);
    this.#share(OWN_HEAD + length);
    const start = this.#sharedEnd;
    this.#positions.push(this.#shared * SPAN + start);
    this.#block = this.#blocks[this.#shared];
    this.#block.bytes.set(this.#head, start);
    this.#at = start + OWN_HEAD;
    this.#sharedEnd = this.#at + length;
  }

  /** Finds a shared block with `size` free bytes. */
  #share(size: number): void {
    const room = this.#blocks[this.#shared]?.bytes.length ?? 0;
    if (this.#sharedEnd + size <= room) return;
    const next = Math.min(Math.max(2 * room, BLOCK.first), BLOCK.most);
    const bytes = this.#allocate(Math.max(next, size));
    this.#shared = this.#blocks.length;
    this.#sharedEnd = 0;
    this.#blocks.push({ bytes, head: undefined });
  }

  #allocate(size: number): Uint8Array<ArrayBuffer> {
    this.#holder.hold(size);
    return new Uint8Array(size);
  }

  #put(bytes: Uint8Array): void {
    const end = this.#at + bytes.length;
    while (end > this.#block.bytes.length) this.#grow();
    this.#block.bytes.set(bytes, this.#at);
    this.#at = end;
    this.#left -= bytes.length;
  }

  #grow(): void {
    const { bytes, head } = this.#block;
    const length = contentLength(head!);
    const { length: size } = bytes;
    const grown = AHEAD * size < length ? 2 * size : length;
    this.#holder.hold(grown - size);
    this.#block.bytes = new Uint8Array(grown);
    this.#block.bytes.set(bytes.subarray(0, this.#at));
  }

  /** @throws {ProtocolError} If the last attachment is incomplete. */
  assertWhole(): void {
    if (this.#left > 0 || this.#headBytes > 0) {
      throw new ProtocolError("an attachment that goes beyond its signal");
    }
  }

  text(number: number): string {
    const { bytes, start, head } = this.#use(number);
    const end = start + contentLength(head);
    return isUtf8(head)
      ? utf8Text(bytes, start, end)
      : latin1Text(bytes, start, end);
  }

  bytes(number: number): Uint8Array<ArrayBuffer> {
    const { bytes, start, head } = this.#use(number);
    if (isUtf8(head)) throw notBytes(number);
    // The array of a complete large attachment is exactly as long as the attachment.
    if (bytes.length === contentLength(head)) return bytes;
    return copyBytes(bytes.subarray(start, start + head));
  }

  #use(number: number): { bytes: Block["bytes"]; start: number; head: number } {
    const index = number - this.first;
    const position = this.#positions[index];
    if (position === undefined || position < 0) throw missing(number);
    this.#positions[index] = -1;
    this.#unused--;
    const { bytes, head } = this.#blocks[Math.floor(position / SPAN)];
    if (head !== undefined) return { bytes, start: 0, head };
    const start = position % SPAN;
    return { bytes, start: start + OWN_HEAD, head: headOf(bytes, start) };
  }

  finish(): void {
    if (this.#unused > 0) throw unused(this.#unused);
  }
}
