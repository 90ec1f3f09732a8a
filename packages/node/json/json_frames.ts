/**
 * Frames: a big-endian u32 with the length, then the payload. Length zero is a tick. The top bit of the length marks
 * raw bytes; the next bit marks JSON with attachments.
 */

import { Buffer } from "node:buffer";
import { ProtocolError } from "../wires/over_limit.ts";
import {
  FRAME_BUFFER,
  giveFrameBuffer,
  takeFrameBuffer,
} from "../wires/frame_buffers.ts";

const RAW = 0x8000_0000;
const ATTACHED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;

/** The bytes of a tick. */
export const TICK: Uint8Array = new Uint8Array(4);

/** The size of a raw frame's header: length, number, kind. */
export const RAW_HEADER = 9;

/** The kind of a raw frame with a part of JSON, but not the last part. */
export const RAW_JSON = 0;
/** The kind of a raw frame with the last part of JSON, which ends the raw array. */
export const RAW_END = 1;
/** The kind of a raw frame with a part of attachments. */
export const RAW_ATTACHMENTS = 2;

/** Texts up to this length are encoded in a loop, which costs less than a call of the host. */
const SHORT = 256;

/** An incomplete frame of at least this many bytes takes a pooled buffer; a peer that sends less holds no buffer. */
const MANY = FRAME_BUFFER / 8;

const encoder = new TextEncoder();

/** Returns the JSON frame of a text; with `isBrief`, in a pooled buffer, which must be given back soon. */
export function textFrame(text: string, isBrief = false): Uint8Array {
  const frame = (text.length <= SHORT ? shortFrame(text) : undefined) ??
    longFrame(text, isBrief);
  writeInteger(frame, 0, frame.length - 4);
  return frame;
}

/** Returns the frame of a text, without its length; `undefined` if the text is not ASCII. */
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

/** Writes a big-endian u32 at `at`. */
export function writeInteger(bytes: Uint8Array, at: number, n: number): void {
  bytes[at] = n >>> 24;
  bytes[at + 1] = n >>> 16;
  bytes[at + 2] = n >>> 8;
  bytes[at + 3] = n;
}

/** Writes the length of a JSON frame with attachments into the frame's first four bytes. */
export function attachedFrame(frame: Uint8Array): Uint8Array {
  writeInteger(frame, 0, ATTACHED | (frame.length - 4));
  return frame;
}

/** Writes the header of a raw frame in front of its payload. */
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

/** Handles received frames. `bytes` is valid only during a call. */
export interface FrameHandler {
  /** Called with a JSON frame, from `start` to `end`. */
  text(bytes: Uint8Array, start: number, end: number): void;
  /** Called with a JSON frame with attachments, from `start` to `end`. */
  attached(bytes: Uint8Array, start: number, end: number): void;
  /** Called with a raw frame, or the next part of one. `kind` is RAW_END only for the last part of such a frame. */
  raw(id: number, bytes: Uint8Array, kind: number): void;
}

const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream of bytes into frames.
 *
 * Parts of raw frames are passed on as they come, so their bytes are copied once, to their destination. Assembling a
 * raw frame first would take a second copy, in new memory.
 */
export class FrameReader {
  readonly #maxBytes: number;
  /** The beginning of an incomplete frame, in an array that doubles when it is full. */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  /** The size of the incomplete frame, with its length field; 4 while the length is not known. */
  #wanted = 4;
  /** The number of missing bytes of the current raw frame, and the frame's number and kind. */
  #rawLeft = 0;
  #rawId = 0;
  #rawKind = 0;

  /** Rejects frames of more than `maxBytes` bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Reads bytes and passes complete frames to `handler`. Throws a `ProtocolError` if a frame is too long. */
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

  /** Reads the header of a raw frame; passes an empty raw frame on at once. */
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

  /** Passes raw bytes of the chunk on; returns the position after them. */
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

  /** Continues the incomplete frame with bytes of the chunk; returns the number of bytes used. */
  #complete(chunk: Uint8Array, handler: FrameHandler): number {
    let at = 0;
    for (;;) {
      const end = Math.min(at + this.#wanted - this.#keptBytes, chunk.length);
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

  /** Appends to the incomplete frame, in a pooled buffer if much is there: a quarter of the bytes of 1 kB messages. */
  #append(bytes: Uint8Array): void {
    const length = this.#keptBytes + bytes.length;
    if (length > this.#kept.length) {
      // Do not allocate the announced length: a peer could announce much and send little.
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

  /** Returns the size of the frame that begins at `at`, with its length field. */
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

/** Returns the big-endian 32-bit integer at `at`, signed. */
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
