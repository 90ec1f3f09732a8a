/**
 * Frames: four bytes of length, big-endian, then that many bytes. A length of zero is a tick; its
 * top bit marks raw bytes, and the one below it JSON with attachments.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ProtocolError } from "./checks.ts";
import {
  FRAME_BUFFER,
  giveFrameBuffer,
  takeFrameBuffer,
} from "./frame_buffers.ts";

const RAW = 0x8000_0000;
const ATTACHED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;

/** The bytes of a tick. */
export const TICK: Uint8Array = new Uint8Array(4);

/** The bytes before the payload of a raw frame: length, number, kind. */
export const RAW_HEADER = 9;

/** A raw frame with a part of JSON that goes on. */
export const RAW_JSON = 0;
/** A raw frame with the last part of JSON, which ends the array. */
export const RAW_END = 1;
/** A raw frame with a part of attachments. */
export const RAW_ATTACHMENTS = 2;

/** The number of characters up to which a text is written here: a call of the host costs more than a loop. */
const SHORT = 256;

/** From that many bytes on, an incomplete frame is kept in a frame buffer: a peer that sends few keeps none. */
const MANY = FRAME_BUFFER / 8;

const encoder = new TextEncoder();

/** A JSON frame of a text; in a frame buffer if `isBrief` says that it will be given back soon. */
export function textFrame(text: string, isBrief = false): Uint8Array {
  const frame = (text.length <= SHORT ? shortFrame(text) : undefined) ??
    longFrame(text, isBrief);
  writeInteger(frame, 0, frame.length - 4);
  return frame;
}

/** The frame of a text that is ASCII, without its length. */
function shortFrame(text: string): Uint8Array | undefined {
  const frame = Buffer.allocUnsafe(4 + text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return undefined;
    frame[4 + i] = code;
  }
  return frame;
}

function longFrame(text: string, isBrief: boolean): Uint8Array {
  const length = 4 + text.length;
  const frame = isBrief && length <= FRAME_BUFFER
    ? takeFrameBuffer()
    : Buffer.allocUnsafe(length);
  const { read, written } = encoder.encodeInto(text, frame.subarray(4));
  if (read === text.length) return frame.subarray(0, 4 + written);
  giveFrameBuffer(frame);
  const longer = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  encoder.encodeInto(text, longer.subarray(4));
  return longer;
}

/** Writes an integer of 32 bits there. */
export function writeInteger(bytes: Uint8Array, at: number, n: number): void {
  bytes[at] = n >>> 24;
  bytes[at + 1] = n >>> 16;
  bytes[at + 2] = n >>> 8;
  bytes[at + 3] = n;
}

/** Writes the length of a JSON frame with attachments, whose first four bytes are free for it. */
export function attachedFrame(frame: Uint8Array): Uint8Array {
  writeInteger(frame, 0, ATTACHED | (frame.length - 4));
  return frame;
}

/** Completes a raw frame, whose payload is behind the room for its header. */
export function rawFrame(
  frame: Uint8Array,
  id: number,
  kind: number,
): Uint8Array {
  writeInteger(frame, 0, RAW | (frame.length - 4));
  writeInteger(frame, 4, id);
  frame[8] = kind;
  return frame;
}

/** Receives frames. */
export interface FrameHandler {
  /** A JSON frame, from `start` to `end` of the bytes, which are valid only now. */
  text(bytes: Uint8Array, start: number, end: number): void;
  /** A JSON frame with attachments, in the same way. */
  attached(bytes: Uint8Array, start: number, end: number): void;
  /**
   * A raw frame, or the next part of one; valid only now. A part that is not the last one of its frame is not the
   * last one of JSON either.
   */
  raw(id: number, bytes: Uint8Array, kind: number): void;
}

const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream of bytes into frames.
 *
 * Raw frames are passed on as they come, so that their bytes are copied once, to where they belong: to put each
 * one together first took a second copy, in new memory.
 */
export class FrameReader {
  readonly #maxBytes: number;
  /** The beginning of a frame that is not whole yet; the room behind it doubles when it is full. */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  /** The bytes of that frame, its length included; only of the length while that is not known. */
  #wanted = 4;
  /** The bytes that are still to come of a raw frame, its number and its kind. */
  #rawLeft = 0;
  #rawId = 0;
  #rawKind = 0;

  /** Rejects frames of more than that many bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes bytes and delivers the complete frames.
   *
   * @throws {ProtocolError} If a frame is too long.
   */
  read(chunk: Uint8Array, handler: FrameHandler): void {
    let at = this.#rawLeft > 0 ? this.#readRaw(chunk, 0, handler) : 0;
    if (this.#keptBytes > 0) at = this.#complete(chunk, handler);
    for (;;) {
      const left = chunk.length - at;
      if (left < 4) return this.#keep(chunk, at, 4);
      const wanted = this.#frameBytes(chunk, at);
      if (isRaw(chunk[at])) {
        if (left < RAW_HEADER) return this.#keep(chunk, at, RAW_HEADER);
        this.#startRaw(chunk, at, wanted, handler);
        at = this.#readRaw(chunk, at + RAW_HEADER, handler);
        continue;
      }
      if (left < wanted) return this.#keep(chunk, at, wanted);
      readFrame(chunk, at, wanted, handler);
      at += wanted;
    }
  }

  /** Reads the header of a raw frame, and all of an empty one. */
  #startRaw(
    bytes: Uint8Array,
    at: number,
    length: number,
    handler: FrameHandler,
  ): void {
    const kind = bytes[at + 8];
    if (kind > RAW_ATTACHMENTS) {
      throw new ProtocolError(`a raw frame with ${kind} as its fifth byte`);
    }
    this.#rawLeft = length - RAW_HEADER;
    this.#rawId = headOf(bytes, at + 4) >>> 0;
    this.#rawKind = kind;
    if (this.#rawLeft === 0) handler.raw(this.#rawId, NOTHING, kind);
  }

  /** Passes on the raw bytes of the chunk; returns where they end. */
  #readRaw(chunk: Uint8Array, at: number, handler: FrameHandler): number {
    const end = Math.min(at + this.#rawLeft, chunk.length);
    if (end === at) return at;
    this.#rawLeft -= end - at;
    const kind = this.#rawLeft > 0 && this.#rawKind === RAW_END
      ? RAW_JSON
      : this.#rawKind;
    handler.raw(this.#rawId, chunk.subarray(at, end), kind);
    return end;
  }

  /** Completes the incomplete frame, as far as the chunk goes; returns the number of bytes used. */
  #complete(chunk: Uint8Array, handler: FrameHandler): number {
    let at = 0;
    for (;;) {
      const end = Math.min(
        at + this.#wanted - this.#keptBytes,
        chunk.length,
      );
      this.#append(chunk.subarray(at, end));
      at = end;
      if (this.#keptBytes < this.#wanted) return at;
      if (this.#wanted === 4) {
        this.#wanted = this.#frameBytes(this.#kept, 0);
        if (this.#wanted > 4 && isRaw(this.#kept[0])) this.#wanted = RAW_HEADER;
        if (this.#wanted > 4) continue;
      }
      const frame = this.#kept;
      this.#kept = NOTHING;
      this.#keptBytes = 0;
      if (isRaw(frame[0])) {
        this.#startRaw(frame, 0, this.#frameBytes(frame, 0), handler);
        at = this.#readRaw(chunk, at, handler);
      } else readFrame(frame, 0, this.#wanted, handler);
      giveFrameBuffer(frame);
      return at;
    }
  }

  /** In a frame buffer if much is there: of 1 kB messages a quarter of the bytes come here. */
  #append(bytes: Uint8Array): void {
    const length = this.#keptBytes + bytes.length;
    if (length > this.#kept.length) {
      // Not all of its length: a peer that announces much and sends little would cost that.
      const room = Math.max(
        length,
        Math.min(this.#wanted, 2 * this.#kept.length),
      );
      const grown = length >= MANY && this.#wanted <= FRAME_BUFFER
        ? takeFrameBuffer()
        : new Uint8Array(room);
      grown.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = grown;
    }
    this.#kept.set(bytes, this.#keptBytes);
    this.#keptBytes = length;
  }

  #keep(chunk: Uint8Array, at: number, wanted: number): void {
    if (at === chunk.length) return;
    this.#wanted = wanted;
    this.#append(chunk.subarray(at));
  }

  /** The bytes of the frame that begins there, its length included. */
  #frameBytes(bytes: Uint8Array, at: number): number {
    const length = headOf(bytes, at) & LENGTH;
    if (length > this.#maxBytes) {
      throw new ProtocolError(
        `a frame of ${length} bytes, and ${this.#maxBytes} is the most`,
      );
    }
    if (length < RAW_HEADER - 4 && isRaw(bytes[at])) {
      throw new ProtocolError(`a raw frame of ${length} bytes`);
    }
    return 4 + length;
  }
}

/** The integer of 32 bits there. */
export function headOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) |
    bytes[at + 3];
}

function readFrame(
  bytes: Uint8Array,
  at: number,
  length: number,
  handler: FrameHandler,
): void {
  const start = at + 4;
  const end = at + length;
  switch (bytes[at] >>> 6) {
    case 0:
      if (length > 4) handler.text(bytes, start, end);
      return;
    case 1:
      return handler.attached(bytes, start, end);
    default:
      throw new ProtocolError("a frame of an unknown kind");
  }
}

function isRaw(first: number): boolean {
  return first >>> 6 === 2;
}

/** A buffer with the method behind `toString("latin1")`, which all hosts have. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value of a JSON text, and whether it is nested deeper than its reader expects. */
export interface Parsed {
  /** The value. */
  value: unknown;
  /** Whether the JSON is nested deeper than the lower of the two bounds. */
  isDeep: boolean;
}

/**
 * The value of a JSON text, if it may be parsed.
 *
 * The depth is checked before that, as parsing and printing deep values costs far more than their
 * bytes.
 *
 * @throws {ProtocolError} If it is not UTF-8 or not JSON, or nested deeper than `maxDepth`.
 */
export function parseJson(
  bytes: Uint8Array,
  maxDepth: number,
  deep: number = maxDepth,
  start = 0,
  end: number = bytes.length,
): Parsed {
  const found = scan(bytes, start, end, maxDepth, deep);
  const text = (found & NOT_ASCII) === 0
    ? latin1Text(bytes, start, end)
    : utf8Text(bytes, start, end);
  try {
    return {
      value: JSON.parse((found & INDEX) === 0 ? text : withoutIndexes(text)),
      isDeep: (found & DEEP) !== 0,
    };
  } catch {
    throw new ProtocolError("a frame is not JSON");
  }
}

/** The text of bytes that are a character each. */
export function latin1Text(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return (buffer as unknown as Latin1Buffer).latin1Slice(start, end);
}

/**
 * The text of bytes in UTF-8.
 *
 * @throws {ProtocolError} If they are not that.
 */
export function utf8Text(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtocolError("a text is not UTF-8");
  }
}

/**
 * The text with the first digit of each string of digits escaped, but for keys.
 *
 * V8 puts short strings without escapes into one table for the whole program as it parses, and one
 * that spells an index of an array has that number for a hash. 1 MB of those that were chosen to meet
 * in one place held a node for 5 s, and strings that came before count too.
 */
function withoutIndexes(text: string): string {
  return text.replace(
    /(?<!\\)"([1-9])(?=[0-9]{7,9}"(?![ \t\n\r]*:))/g,
    '"\\u003$1',
  );
}

/** A result of {@linkcode scan}: the fast way of decoding is not possible. */
const NOT_ASCII = 1;
/** A result of {@linkcode scan}: more levels than the lower bound. */
const DEEP = 2;
/** A result of {@linkcode scan}: a string may spell a large index of an array. */
const INDEX = 4;

/** The number of digits of such a string: with fewer, few strings can be in one place. */
const MIN_DIGITS = 8;
const MAX_DIGITS = 10;

/** Sorts of bytes. */
const PLAIN = 0;
const QUOTE = 1;
const OPEN = 2;
const CLOSE = 3;
const HIGH = 4;
const BACKSLASH = 5;

function sortsOf(bytes: Record<string, number>): Uint8Array {
  const sorts = new Uint8Array(256).fill(HIGH, 0x80);
  for (const byte in bytes) sorts[byte.charCodeAt(0)] = bytes[byte];
  return sorts;
}

/** The sorts of bytes outside and inside of strings. */
const SORTS = sortsOf({
  '"': QUOTE,
  "[": OPEN,
  "{": OPEN,
  "]": CLOSE,
  "}": CLOSE,
});
const TEXT_SORTS = sortsOf({ '"': QUOTE, "\\": BACKSLASH });

/**
 * Looks at every byte of a JSON text once, before it is parsed: for its depth, for strings that spell an
 * index, and for whether it is ASCII.
 *
 * Parsing does not make this unnecessary. `JSON.parse` takes any depth, and has put the strings into its
 * table when it returns; and a walk through each value, which is the other way to learn its depth, takes as
 * long as this for objects (0.1 µs of 2.6 µs for one of 128 bytes), and longer for arrays of numbers. Long texts and bytes, of
 * which this took a third of the receiver's time, are attachments, and not looked at.
 *
 * A loop of its own for bytes of no meaning, and tables instead of comparisons, take 1.0 ns a byte of objects
 * and 0.75 of numbers, not 1.45.
 */
function scan(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxDepth: number,
  deep: number,
): number {
  let depth = 0;
  let bound = Math.min(deep, maxDepth);
  let found = 0;
  for (let i = start; i < end;) {
    let sort = SORTS[bytes[i++]];
    while (sort === PLAIN && i < end) sort = SORTS[bytes[i++]];
    if (sort === QUOTE) {
      const opened = i;
      while (i < end) {
        const inside = TEXT_SORTS[bytes[i++]];
        if (inside === PLAIN) continue;
        if (inside === QUOTE) break;
        // Behind a backslash is one more byte of the string.
        if (inside === HIGH || bytes[i++] > 0x7f) found |= NOT_ASCII;
      }
      const length = i - 1 - opened;
      if (
        length >= MIN_DIGITS && length <= MAX_DIGITS && (found & INDEX) === 0 &&
        areDigits(bytes, opened, i - 1)
      ) found |= INDEX;
    } else if (sort === OPEN) {
      if (++depth > bound) {
        if (depth > maxDepth) {
          throw new ProtocolError(`a frame is nested deeper than ${maxDepth}`);
        }
        bound = maxDepth;
      }
    } else if (sort === CLOSE) depth--;
    else if (sort === HIGH) found |= NOT_ASCII;
  }
  return found | (bound > deep ? DEEP : 0);
}

function areDigits(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] < 0x30 || bytes[i] > 0x39) return false;
  }
  return true;
}
