/**
 * Frames: four bytes of length, big-endian, then that many bytes. A length of zero is a tick; its
 * top bit marks raw bytes, and the one below it JSON with attachments.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ProtocolError } from "./json_checks.ts";
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
