/**
 * Attachments: long texts and bytes that travel beside the JSON of their frame. The JSON refers to an attachment by
 * its number.
 *
 * In JSON, a text of 1,000 characters costs 1.5 µs to write and parse, and another 0.6 to 1.9 µs for the scan of each
 * received byte. As an attachment it costs 0.1 µs to write and 0.1 µs to read, without a scan: Latin-1 text is valid
 * whatever its bytes are, and the host's decoder checks UTF-8.
 *
 * In a frame the attachments come first. The length of the JSON is known last, so the JSON can be written after the
 * attachments without copying them:
 *
 * ```text
 * u32 length of the attachments | attachments | JSON
 * ```
 *
 * Each attachment is its head, then its bytes. The head is a u32: the length of the bytes, with the top bit set for
 * UTF-8. The reader rejects a length that goes beyond the frame, a reference to a missing or used attachment, a
 * reference of the wrong type, and a frame with unused attachments. So attachments cannot overlap, and the decoded
 * values are never longer than the bytes received.
 */

import { Buffer } from "node:buffer";
import { copyBytes } from "@otp/processes/values/term";
import { ProtocolError } from "../wires/over_limit.ts";
import {
  copyInBuffers,
  FRAME_BUFFER,
  giveFrameBuffer,
  takeFrameBuffer,
} from "../wires/frame_buffers.ts";
import { headOf, writeInteger } from "./json_frames.ts";
import { latin1Text, utf8Text } from "../wires/texts.ts";
import type { Content } from "./large_signal.ts";

/** Texts and byte arrays of at least this length are attached. */
export const ATTACHED = 200;

/** Room for the length of a frame, and the length of its attachments. */
const HEAD = 8;

/**
 * An attachment of at least this length makes its signal a large one, and stays out of the frame's buffer. Growing
 * and zeroing that buffer for 100 MB would take 40 ms of the turn that sends. Bytes are copied once; a text is not
 * copied at all.
 */
const APART = 1 << 16;

/** The size of an attachment's head. */
export const OWN_HEAD = 4;

const UTF8 = 0x8000_0000;

/** Returns the length of the attachment with this head. */
export function contentLength(head: number): number {
  return head & ~UTF8;
}

/** Returns whether the attachment with this head is a text in UTF-8. */
function isUtf8(head: number): boolean {
  return head < 0;
}

/** The size of the first buffer of a frame. */
const LEAST = 4096;

/** The maximum size of the first buffer, however long the previous frame was. */
const MOST = 1 << 17;

const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

/** Collects the attachments of a frame, and writes it. */
export class AttachmentWriter {
  #buffer: Uint8Array = NOTHING;
  /** The size of the next first buffer: the last frame's size, so that the buffer rarely grows. */
  #usual = LEAST;
  #end = HEAD;
  #count = 0;
  /** The position in the frame of the attachments of the signal that is being written. */
  #keptEnd = HEAD;
  #keptCount = 0;
  /** The attachments of this signal outside the buffer, and the positions where they belong. */
  readonly #apart: { at: number; content: Content }[] = [];
  #apartBytes = 0;

  /** The number of bytes of the frame's attachments. */
  get bytes(): number {
    return this.#end - HEAD;
  }

  /** The number of bytes of the attachments of the signal that is being written. */
  get fresh(): number {
    return this.#end - this.#keptEnd + this.#apartBytes;
  }

  /** The number of the first attachment of the signal that is being written. */
  get first(): number {
    return this.#keptCount;
  }

  /** Attaches a text; returns its number, or `undefined` for a lone surrogate, which UTF-8 cannot encode. */
  addText(text: string): number | undefined {
    const { length } = text;
    if (length >= APART) return this.#addLongText(text);
    const at = this.#end + OWN_HEAD;
    this.#reserve(at + length);
    const { read } = encoder.encodeInto(
      text,
      this.#buffer.subarray(at, at + length),
    );
    if (read === length) return this.#add(length, length);
    // The text is not ASCII.
    if (!text.isWellFormed()) return undefined;
    this.#reserve(at + 3 * length);
    const { written } = encoder.encodeInto(text, this.#rest(at));
    return this.#add(UTF8 | written, written);
  }

  /** Attaches a copy of bytes; returns their number. */
  addBytes(bytes: Uint8Array): number {
    const { length } = bytes;
    if (length >= APART) return this.#addApart(length, copyInBuffers(bytes));
    const at = this.#end + OWN_HEAD;
    this.#reserve(at + bytes.length);
    this.#buffer.set(bytes, at);
    return this.#add(bytes.length, bytes.length);
  }

  #addLongText(text: string): number | undefined {
    const bytes = Buffer.byteLength(text);
    if (bytes === text.length) return this.#addApart(bytes, [text]);
    return text.isWellFormed()
      ? this.#addApart(UTF8 | bytes, [text])
      : undefined;
  }

  #addApart(head: number, contents: Content[]): number {
    this.#reserve(this.#end + OWN_HEAD);
    const number = this.#add(head, 0);
    for (const content of contents) {
      this.#apart.push({ at: this.#end, content });
    }
    this.#apartBytes += contentLength(head);
    return number;
  }

  #add(head: number, length: number): number {
    writeInteger(this.#buffer, this.#end, head);
    this.#end += OWN_HEAD + length;
    return this.#count++;
  }

  /** Keeps the signal's attachments in the frame. */
  keep(): void {
    this.#keptEnd = this.#end;
    this.#keptCount = this.#count;
  }

  /** Removes the attachments of a signal that is not sent. */
  drop(): void {
    this.#end = this.#keptEnd;
    this.#count = this.#keptCount;
    this.#apart.length = 0;
    this.#apartBytes = 0;
  }

  /** Removes the signal's attachments from the frame and returns them, in pieces. */
  takeFresh(): Content[] {
    const contents: Content[] = [];
    let at = this.#keptEnd;
    const takeTo = (end: number) => {
      if (end > at) contents.push(this.#buffer.subarray(at, end));
      at = end;
    };
    for (const { at: place, content } of this.#apart) {
      takeTo(place);
      contents.push(content);
    }
    takeTo(this.#end);
    this.drop();
    if (this.#keptEnd > HEAD) {
      return contents.map((content) =>
        typeof content !== "string" && content.buffer === this.#buffer.buffer
          ? copyBytes(content)
          : content
      );
    }
    // The frame has no other attachments: give its buffer away instead of copying it.
    this.#buffer = NOTHING;
    return contents;
  }

  /** Returns the frame of all attachments and `json`, without its length, and starts a new frame. */
  frame(json: string): Uint8Array {
    let at = this.#end;
    this.#reserve(at + json.length);
    let { read, written } = encoder.encodeInto(json, this.#rest(at));
    if (read < json.length) {
      this.#reserve(at + Buffer.byteLength(json));
      ({ read, written } = encoder.encodeInto(json, this.#rest(at)));
    }
    at += written;
    const buffer = this.#buffer;
    writeInteger(buffer, 4, this.bytes);
    this.#usual = Math.min(MOST, at + LEAST);
    this.#buffer = NOTHING;
    this.#end = HEAD;
    this.#count = 0;
    this.keep();
    return buffer.subarray(0, at);
  }

  #rest(at: number): Uint8Array {
    return this.#buffer.subarray(at);
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const grown = this.#buffer === NOTHING && size <= FRAME_BUFFER
      ? takeFrameBuffer()
      : new Uint8Array(Math.max(this.#usual, size, 2 * this.#buffer.length));
    if (this.#end > HEAD) grown.set(this.#buffer.subarray(0, this.#end));
    giveFrameBuffer(this.#buffer);
    this.#buffer = grown;
  }
}

/** An array with received attachments: each with its head before it, or one whose head is `head`. */
export interface AttachedPiece {
  bytes: Uint8Array<ArrayBufferLike>;
  start: number;
  end: number;
  head?: number;
}

/** The position of a head is the index of its piece times SPAN, plus its offset. */
const SPAN = 2 ** 31;

/** The attachments of a received frame, or of a large signal. */
export class AttachmentReader {
  readonly #pieces: AttachedPiece[];
  readonly #first: number;
  /** The positions of the attachments; below 0 for a used attachment. */
  readonly #positions: number[] = [];
  #left: number;
  /** Whether attachments may be left, as a signal was refused. */
  mayBeUnused = false;

  /**
   * Finds the attachments of `pieces`, whose numbers begin with `first`. The bytes are valid until the signals have been
   * read. Throws a `ProtocolError` if an attachment exceeds its piece.
   */
  constructor(pieces: AttachedPiece[], first = 0) {
    this.#pieces = pieces;
    this.#first = first;
    for (let i = 0; i < pieces.length; i++) this.#find(pieces[i], i * SPAN);
    this.#left = this.#positions.length;
  }

  #find({ bytes, start, end, head }: AttachedPiece, base: number): void {
    if (head !== undefined) return void this.#positions.push(base);
    for (let at = start; at < end;) {
      const next = at + OWN_HEAD <= end
        ? at + OWN_HEAD + contentLength(headOf(bytes, at))
        : Infinity;
      if (next > end) {
        throw new ProtocolError("an attachment that goes beyond its frame");
      }
      this.#positions.push(base + at);
      at = next;
    }
  }

  /** Returns the text of an attachment. Throws a `ProtocolError` if it is missing, has been used, or is not UTF-8. */
  text(number: number): string {
    const position = this.#use(number);
    const { bytes, head } = this.#pieces[Math.floor(position / SPAN)];
    const at = position % SPAN;
    const start = head === undefined ? at + OWN_HEAD : 0;
    const found = head ?? headOf(bytes, at);
    const end = start + contentLength(found);
    return isUtf8(found)
      ? utf8Text(bytes, start, end)
      : latin1Text(bytes, start, end);
  }

  /**
   * Returns the bytes of an attachment, in an array that nothing else refers to. Throws a `ProtocolError` if it is
   * missing, has been used, or is a text.
   */
  bytes(number: number): Uint8Array<ArrayBuffer> {
    const position = this.#use(number);
    const { bytes, head } = this.#pieces[Math.floor(position / SPAN)];
    const at = position % SPAN;
    const found = head ?? headOf(bytes, at);
    if (isUtf8(found)) {
      throw new ProtocolError(`attachment ${number} is a text, and no bytes`);
    }
    // An array with a single attachment is exactly as long.
    if (head !== undefined) return bytes as Uint8Array<ArrayBuffer>;
    const { buffer, byteOffset } = bytes;
    // Copying in the constructor takes 0.4 µs less than `set`, which needs a zeroed array.
    return copyBytes(
      new Uint8Array(buffer, byteOffset + at + OWN_HEAD, found),
    );
  }

  #use(number: number): number {
    const index = number - this.#first;
    const position = this.#positions[index];
    if (position === undefined || position < 0) {
      throw new ProtocolError(
        `no attachment ${number}, or one that is referred to twice`,
      );
    }
    this.#positions[index] = -1;
    this.#left--;
    return position;
  }

  /** @throws {ProtocolError} If an attachment has not been used. */
  finish(): void {
    if (this.#left > 0 && !this.mayBeUnused) {
      throw new ProtocolError(`${this.#left} attachments that nothing uses`);
    }
  }
}

/** The attachments of a frame that has none. */
export const NO_ATTACHMENTS: AttachmentReader = new AttachmentReader([]);
