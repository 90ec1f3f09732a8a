/**
 * The attachments of a large signal, which are put together as they arrive: a large one in the array that its
 * receiver gets, so that each byte is copied once, a part at a time.
 *
 * @module
 */

import { copyBytes } from "../../../core/values/term.ts";
import {
  type Attachments,
  contentLength,
  isUtf8,
  missing,
  notBytes,
  OWN_HEAD,
  unused,
} from "./attachments.ts";
import { ProtocolError } from "./json_checks.ts";
import { headOf } from "./json_frames.ts";
import { latin1Text, utf8Text } from "./texts.ts";

/** The length from which on an attachment has an array of its own: smaller ones share blocks. */
const LARGE = 1 << 14;

/** The size of the first block, and that of the largest. */
const BLOCK = { first: 1 << 12, most: 1 << 16 };

/** More than the bytes of a block: positions are multiples of it, plus a place in the block. */
const SPAN = 2 * BLOCK.most;

/** The size of an array of its own at first, if its attachment is longer. */
const FIRST = 1 << 16;

/**
 * An array has its whole length when one part in so many has arrived, and grows by doubling before: a peer
 * that announces much and sends little has this node hold at most so many times what it sent. All at once, the
 * last doubling of 100 MB would copy the half, in 40 ms.
 */
const AHEAD = 32;

/** The limits of what one peer's signals may hold. */
export interface Holder {
  /** @throws {ProtocolError} If so many bytes more would make too large a message. */
  assertFits(bytes: number): void;
  /** @throws {ProtocolError} If all peers together hold too much. */
  hold(bytes: number): void;
}

/** The memory of one large attachment, whose head is beside it, or of small ones with their heads. */
interface Block {
  bytes: Uint8Array<ArrayBuffer>;
  head: number | undefined;
}

/** The attachments of one large signal. */
export class ArrivingAttachments implements Attachments {
  /** The number of the first, which the signal says. */
  first = 0;
  readonly #holder: Holder;
  readonly #blocks: Block[] = [];
  /** Where the head of each is, in units of `SPAN` for each block; below 0 for a used one. */
  readonly #positions: number[] = [];
  #unused = 0;
  /** The head of the next one, as far as it has arrived. */
  readonly #head = new Uint8Array(OWN_HEAD);
  #headBytes = 0;
  /** The block of the last one, where it ends so far, and the bytes that are still to come. */
  #block: Block = { bytes: new Uint8Array(0), head: undefined };
  #at = 0;
  #left = 0;
  /** The last block of small ones, and where these end. */
  #shared = -1;
  #sharedEnd = 0;

  /** Asks `holder` for all memory. */
  constructor(holder: Holder) {
    this.#holder = holder;
  }

  /**
   * Called with the next bytes.
   *
   * @throws {ProtocolError} If they announce or make too much.
   */
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

  /** Begins the attachment of that head, of which at most so many bytes are here. */
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
    this.#share(OWN_HEAD + length);
    const start = this.#sharedEnd;
    this.#positions.push(this.#shared * SPAN + start);
    this.#block = this.#blocks[this.#shared];
    this.#block.bytes.set(this.#head, start);
    this.#at = start + OWN_HEAD;
    this.#sharedEnd = this.#at + length;
  }

  /** Finds a block with that much room. */
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

  /** @throws {ProtocolError} If the last one is not whole. */
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
    // The array is as long as its attachment, once that is whole.
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
