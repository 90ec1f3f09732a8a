/**
 * Frames: four bytes of length, big-endian, then so many bytes. A length of zero is a tick; its
 * top bit marks raw bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { copyBytes } from "../../runtime/term.ts";
import { ProtocolError } from "./values.ts";

const RAW = 0x8000_0000;

/** The bytes of a tick. */
export const TICK: Uint8Array = new Uint8Array(4);

/** The most raw bytes in a frame that this side writes. */
export const FRAGMENT_BYTES = 1 << 16;

/** The bytes before the payload of a raw frame: length, number, whether it is the last one. */
const RAW_HEADER = 9;

/** Up to how many characters a text is written here: a call of the host costs more than a loop. */
const SHORT = 256;

/** In how many pieces a frame that is not whole yet is kept. */
const MAX_KEPT = 256;

const encoder = new TextEncoder();

/** A JSON frame of a text. */
export function textFrame(text: string): Uint8Array {
  const frame = (text.length <= SHORT ? shortFrame(text) : undefined) ??
    longFrame(text);
  writeLength(frame, frame.length - 4);
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

function longFrame(text: string): Uint8Array {
  const frame = Buffer.allocUnsafe(4 + text.length);
  const { read } = encoder.encodeInto(text, frame.subarray(4));
  if (read === text.length) return frame;
  const longer = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  encoder.encodeInto(text, longer.subarray(4));
  return longer;
}

function writeLength(frame: Uint8Array, length: number): void {
  frame[0] = length >>> 24;
  frame[1] = length >>> 16;
  frame[2] = length >>> 8;
  frame[3] = length;
}

/** A frame with a part of raw bytes. */
export function rawFrame(
  id: number,
  bytes: Uint8Array,
  last: boolean,
): Uint8Array {
  const frame = Buffer.allocUnsafe(RAW_HEADER + bytes.length);
  frame.writeUInt32BE((RAW | (5 + bytes.length)) >>> 0, 0);
  frame.writeUInt32BE(id, 4);
  frame[8] = last ? 1 : 0;
  frame.set(bytes, RAW_HEADER);
  return frame;
}

/** Who is told of frames. */
export interface FrameHandler {
  /** A JSON frame, from `start` to `end` of the bytes, which are valid only now. */
  text(bytes: Uint8Array, start: number, end: number): void;
  /** A frame of raw bytes; valid only now. */
  raw(id: number, bytes: Uint8Array, last: boolean): void;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  readonly #maxBytes: number;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #wanted = 4;

  /** Refuses frames of more than so many bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes bytes in and gives the frames that are whole.
   *
   * @throws {ProtocolError} If a frame is too long.
   */
  read(chunk: Uint8Array, handler: FrameHandler): void {
    let bytes = chunk;
    if (this.#keptBytes > 0) {
      this.#keptBytes += chunk.length;
      if (this.#keptBytes < this.#wanted) {
        this.#kept.push(copyBytes(chunk));
        // Many small chunks cost far more than their bytes.
        if (this.#kept.length >= MAX_KEPT) {
          this.#kept = [Buffer.concat(this.#kept, this.#keptBytes)];
        }
        return;
      }
      this.#kept.push(chunk);
      bytes = Buffer.concat(this.#kept, this.#keptBytes);
      this.#kept = [];
      this.#keptBytes = 0;
    }
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      if (left < 4) return this.#keep(bytes, at, 4);
      const head = ((bytes[at] << 24) | (bytes[at + 1] << 16) |
        (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
      const length = (head & ~RAW) >>> 0;
      if (length > this.#maxBytes) {
        throw new ProtocolError(
          `a frame of ${length} bytes, and ${this.#maxBytes} is the most`,
        );
      }
      if (left < 4 + length) return this.#keep(bytes, at, 4 + length);
      const start = at + 4;
      at = start + length;
      if (head >= RAW) readRaw(bytes.subarray(start, at), handler);
      else if (length > 0) handler.text(bytes, start, at);
    }
  }

  #keep(bytes: Uint8Array, at: number, wanted: number): void {
    this.#wanted = wanted;
    this.#keptBytes = bytes.length - at;
    if (this.#keptBytes === 0) return;
    this.#kept = [copyBytes(bytes.subarray(at))];
  }

  /** Takes out what is not a whole frame yet. */
  rest(): Uint8Array {
    const bytes = Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    return bytes;
  }
}

function readRaw(body: Uint8Array, handler: FrameHandler): void {
  if (body.length < 5) {
    throw new ProtocolError(`a raw frame of ${body.length} bytes`);
  }
  const id = ((body[0] << 24) | (body[1] << 16) | (body[2] << 8) | body[3]) >>>
    0;
  handler.raw(id, body.subarray(5), body[4] === 1);
}

/** A buffer with the method behind `toString("latin1")`, which all hosts have. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The value of a JSON text, if it may be parsed.
 *
 * @throws {ProtocolError} If it is no UTF-8 or no JSON, holds a number that no float is, or is
 *   nested too deeply: that before it is parsed, as parsing and printing deep values costs far
 *   more than their bytes.
 */
export function parseJson(
  bytes: Uint8Array,
  maxDepth: number,
  start = 0,
  end: number = bytes.length,
): unknown {
  const found = scan(bytes, start, end, maxDepth);
  const text = decodeText(bytes, start, end, (found & NOT_ASCII) === 0);
  if ((found & ODD_NUMBER) !== 0) assertFloats(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError("a frame is not JSON");
  }
}

function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  isAscii: boolean,
): string {
  if (isAscii) {
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return (buffer as unknown as Latin1Buffer).latin1Slice(start, end);
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtocolError("a frame is not UTF-8");
  }
}

/** What {@linkcode scan} finds: the quick way of decoding will not do. */
const NOT_ASCII = 1;
/** What {@linkcode scan} finds: a number with an exponent, or a long one. */
const ODD_NUMBER = 2;

/** From how many digits on an integer may be one that no float is. */
const LONG_INTEGER = 16;

/** Looks at every byte of a JSON text once. */
function scan(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxDepth: number,
): number {
  let depth = 0;
  let all = 0;
  let inString = false;
  let digits = 0;
  let isFraction = false;
  let found = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    all |= byte;
    if (inString) {
      if (byte === 0x5c) all |= bytes[++i]; // after a backslash
      else if (byte === 0x22) inString = false;
    } else if (byte <= 0x39) {
      if (byte >= 0x30) { // a digit
        if (++digits >= LONG_INTEGER && !isFraction) found = ODD_NUMBER;
      } else {
        digits = 0;
        isFraction = byte === 0x2e; // a dot
        inString = byte === 0x22;
      }
    } else {
      if (byte === 0x5b || byte === 0x7b) {
        if (++depth > maxDepth) {
          throw new ProtocolError(`a frame is nested deeper than ${maxDepth}`);
        }
      } else if (byte === 0x5d || byte === 0x7d) depth--;
      else if (digits > 0 && (byte | 0x20) === 0x65) found = ODD_NUMBER; // an exponent
      digits = 0;
      isFraction = false;
    }
  }
  return all < 0x80 ? found : found | NOT_ASCII;
}

const STRINGS = /"(?:[^"\\]|\\.)*"/gs;
const NUMBERS = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** @throws {ProtocolError} If a number of a JSON text would be another one when it is read. */
function assertFloats(text: string): void {
  for (const [literal] of text.replace(STRINGS, '""').matchAll(NUMBERS)) {
    const value = Number(literal);
    const isInteger = /^-?\d+$/.test(literal);
    if (
      !Number.isFinite(value) ||
      (isInteger && literal.length >= LONG_INTEGER && `${value}` !== literal)
    ) {
      throw new ProtocolError(
        `the number ${literal.slice(0, 40)}, which no float is`,
      );
    }
  }
}
