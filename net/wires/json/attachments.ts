/**
 * Long texts and bytes that travel beside the JSON of their frame, which refers to them by number.
 *
 * A text of 1,000 characters costs `JSON.stringify` and `JSON.parse` 1.5 µs, and the check of what
 * arrives another 0.6 to 1.9 µs, as it looks at each byte. Beside the JSON it costs 0.1 µs to write and
 * 0.1 µs to read, and nothing has to look at its bytes: a text of one byte for each character is valid
 * whatever they are, and one in UTF-8 is checked by the decoder of the host.
 *
 * In the bytes of a frame the attachments come first, so that the JSON, whose length is known last, can be
 * written behind them without copying them:
 *
 * ```text
 * u32 length of the attachments | attachments | JSON
 * ```
 *
 * Each attachment is a u32, the length of its bytes and whether they are UTF-8 (the top bit), and the
 * bytes. The reader refuses a length that goes beyond the frame, and a reference to none, to one that has
 * been referred to before, or of the other type. When a frame has been read, all of its attachments have
 * been used. So they cannot overlap, and what they make is as long as their bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { copyBytes } from "../../../core/values/term.ts";
import { ProtocolError } from "./json_checks.ts";
import {
  FRAME_BUFFER,
  giveFrameBuffer,
  takeFrameBuffer,
} from "./frame_buffers.ts";
import { headOf, writeInteger } from "./json_frames.ts";
import { latin1Text, utf8Text } from "./texts.ts";
import type { Content } from "./large_signal.ts";

/** The number of characters or bytes from which on a text or byte array is attached. */
export const ATTACHED = 200;

/** Room for the length of a frame, and that of its attachments. */
const HEAD = 8;

/**
 * The number of characters or bytes from which on an attachment is not put into the buffer of the frame: it
 * makes its signal a large one. Bytes are copied as they are, without a buffer that grows and is filled with
 * zeros before: at 100 MB, that is 40 ms of the turn that sends. A text is not copied at all.
 */
const APART = 1 << 16;

/** The bytes before those of an attachment: their length, and whether they are UTF-8. */
export const OWN_HEAD = 4;

const UTF8 = 0x8000_0000;

/** The length of the attachment with that head. */
export function contentLength(head: number): number {
  return head & ~UTF8;
}

/** Whether the attachment with that head is a text in UTF-8. */
export function isUtf8(head: number): boolean {
  return head < 0;
}

/** The error of a reference to no attachment. */
export function missing(number: number): ProtocolError {
  return new ProtocolError(
    `no attachment ${number}, or one that is referred to twice`,
  );
}

/** The error of a text where bytes are referred to. */
export function notBytes(number: number): ProtocolError {
  return new ProtocolError(`attachment ${number} is a text, and no bytes`);
}

/** The error of attachments without references. */
export function unused(count: number): ProtocolError {
  return new ProtocolError(`${count} attachments that nothing uses`);
}

/** The size of the first buffer of a frame. */
const LEAST = 4096;

/** The most that a first buffer has, however long the frame before was. */
const MOST = 1 << 17;

const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

/** Collects the attachments of a frame, and writes it. */
export class AttachmentWriter {
  #buffer: Uint8Array = NOTHING;
  /** The size of the next first buffer: that of the last frame, so that it need not grow. */
  #usual = LEAST;
  #end = HEAD;
  #count = 0;
  /** The position in the frame of the attachments of the signal that is being written. */
  #keptEnd = HEAD;
  #keptCount = 0;
  /** Those of this signal that are not in the buffer, and where they belong in it. */
  readonly #apart: { at: number; content: Content }[] = [];
  #apartBytes = 0;

  /** The bytes of the frame's attachments. */
  get bytes(): number {
    return this.#end - HEAD;
  }

  /** The bytes of the attachments of the signal that is being written. */
  get fresh(): number {
    return this.#end - this.#keptEnd + this.#apartBytes;
  }

  /** The number of the first of them. */
  get first(): number {
    return this.#keptCount;
  }

  /** Attaches a text; returns its number, or nothing if it has a lone surrogate, which UTF-8 lacks. */
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
    // It is not ASCII.
    if (!text.isWellFormed()) return undefined;
    this.#reserve(at + 3 * length);
    const { written } = encoder.encodeInto(text, this.#rest(at));
    return this.#add(UTF8 | written, written);
  }

  /** Attaches a copy of bytes; returns their number. */
  addBytes(bytes: Uint8Array): number {
    const { length } = bytes;
    if (length >= APART) return this.#addApart(length, copyBytes(bytes));
    const at = this.#end + OWN_HEAD;
    this.#reserve(at + bytes.length);
    this.#buffer.set(bytes, at);
    return this.#add(bytes.length, bytes.length);
  }

  #addLongText(text: string): number | undefined {
    const bytes = Buffer.byteLength(text);
    if (bytes === text.length) return this.#addApart(bytes, text);
    return text.isWellFormed() ? this.#addApart(UTF8 | bytes, text) : undefined;
  }

  #addApart(head: number, content: Content): number {
    this.#reserve(this.#end + OWN_HEAD);
    const number = this.#add(head, 0);
    this.#apart.push({ at: this.#end, content });
    this.#apartBytes += contentLength(head);
    return number;
  }

  #add(head: number, length: number): number {
    writeInteger(this.#buffer, this.#end, head);
    this.#end += OWN_HEAD + length;
    return this.#count++;
  }

  /** The signal goes into the frame, and its attachments with it. */
  keep(): void {
    this.#keptEnd = this.#end;
    this.#keptCount = this.#count;
  }

  /** The signal is not sent: its attachments are removed. */
  drop(): void {
    this.#end = this.#keptEnd;
    this.#count = this.#keptCount;
    this.#apart.length = 0;
    this.#apartBytes = 0;
  }

  /** The signal does not go into the frame: its attachments are removed and returned, in pieces. */
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
    // The frame has no others, so that the buffer can be given away: it is not copied again.
    this.#buffer = NOTHING;
    return contents;
  }

  /** The frame of all attachments and a JSON text, without its length; nothing is attached any more. */
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

/** The attachments of a received frame, or of a large signal. */
export interface Attachments {
  /**
   * The text of that number.
   *
   * @throws {ProtocolError} If it is missing, has been used, or is not UTF-8.
   */
  text(number: number): string;
  /**
   * The bytes of that number, which nothing else refers to.
   *
   * @throws {ProtocolError} If it is missing, has been used, or is a text.
   */
  bytes(number: number): Uint8Array<ArrayBuffer>;
  /** @throws {ProtocolError} If some of them have not been used. */
  finish(): void;
}

/** The attachments of a received frame. */
export class AttachmentReader implements Attachments {
  readonly #bytes: Buffer;
  /** The positions of their heads; below 0 for a used one. */
  readonly #heads: number[] = [];
  #left: number;

  /**
   * Reads the attachments from `start` to `end` of the bytes, which are valid only now.
   *
   * @throws {ProtocolError} If one exceeds that range.
   */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = start;
    while (at < end) {
      const next = at + OWN_HEAD <= end
        ? at + OWN_HEAD + contentLength(this.#headAt(at))
        : Infinity;
      if (next > end) {
        throw new ProtocolError("an attachment that goes beyond its frame");
      }
      this.#heads.push(at);
      at = next;
    }
    this.#left = this.#heads.length;
  }

  #headAt(at: number): number {
    return headOf(this.#bytes, at);
  }

  text(number: number): string {
    const at = this.#use(number);
    const head = this.#headAt(at);
    const start = at + OWN_HEAD;
    const end = start + contentLength(head);
    return isUtf8(head)
      ? utf8Text(this.#bytes, start, end)
      : latin1Text(this.#bytes, start, end);
  }

  bytes(number: number): Uint8Array<ArrayBuffer> {
    const at = this.#use(number);
    const head = this.#headAt(at);
    if (isUtf8(head)) throw notBytes(number);
    const start = at + OWN_HEAD;
    const { buffer, byteOffset } = this.#bytes;
    // A copy by its constructor takes 0.4 µs less than one by `set`, which fills it with zeros first.
    return copyBytes(new Uint8Array(buffer, byteOffset + start, head));
  }

  #use(number: number): number {
    const at = this.#heads[number];
    if (at === undefined || at < 0) throw missing(number);
    this.#heads[number] = -1;
    this.#left--;
    return at;
  }

  finish(): void {
    if (this.#left > 0) throw unused(this.#left);
  }
}

/** The attachments of a frame that has none. */
export const NO_ATTACHMENTS: Attachments = new AttachmentReader(
  NOTHING,
  0,
  0,
);
