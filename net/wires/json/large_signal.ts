/**
 * Large signals, as they leave: cut into raw frames.
 *
 * Byte arrays were copied when the signal was sent. Texts cannot change, so that they are encoded only now, a
 * frame at a time: no turn of the event loop has more to do than for some frames.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { takeRawBuffer } from "./frame_buffers.ts";
import {
  RAW_ATTACHMENTS,
  RAW_END,
  RAW_HEADER,
  RAW_JSON,
  rawFrame,
} from "./json_frames.ts";

/** Bytes that nothing else changes, or a well-formed text. */
export type Content = Uint8Array | string;

const encoder = new TextEncoder();

/** Contents, which are written one after the other. */
class Contents {
  readonly #contents: Content[];
  #next = 0;
  /** The bytes or characters of the next one that have been written. */
  #sent = 0;

  constructor(contents: Content[]) {
    this.#contents = contents;
    this.#skipWritten();
  }

  get isDone(): boolean {
    return this.#next === this.#contents.length;
  }

  /** Fills an array from there on; returns where it ended. */
  fill(target: Uint8Array, start: number): number {
    let at = start;
    while (!this.isDone && at < target.length) {
      const content = this.#contents[this.#next];
      const written = typeof content === "string"
        ? this.#writeText(content, target.subarray(at))
        : this.#writeBytes(content, target, at);
      // No room for the next character.
      if (written === 0) break;
      at += written;
      this.#skipWritten();
    }
    return at;
  }

  #skipWritten(): void {
    while (
      !this.isDone && this.#sent === this.#contents[this.#next].length
    ) {
      // Its memory is free when it has been written.
      this.#contents[this.#next++] = "";
      this.#sent = 0;
    }
  }

  #writeBytes(bytes: Uint8Array, target: Uint8Array, at: number): number {
    const end = Math.min(this.#sent + target.length - at, bytes.length);
    const part = bytes.subarray(this.#sent, end);
    target.set(part, at);
    this.#sent = end;
    return part.length;
  }

  #writeText(text: string, target: Uint8Array): number {
    let end = Math.min(this.#sent + target.length, text.length);
    // Not within a character of two units.
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    const { read, written } = encoder.encodeInto(
      text.substring(this.#sent, end),
      target,
    );
    this.#sent += read;
    return written;
  }
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** A signal that travels in raw frames. */
export class LargeSignal {
  /** The number of its raw byte array. */
  readonly id: number;
  /** The bytes of its attachments and JSON. */
  readonly bytes: number;
  readonly #attachments: Contents;
  readonly #json: Contents;

  /** Takes its attachments, which have that many bytes, and its JSON. */
  constructor(
    id: number,
    attachments: Content[],
    attachedBytes: number,
    json: string,
  ) {
    this.id = id;
    this.bytes = attachedBytes + Buffer.byteLength(json);
    this.#attachments = new Contents(attachments);
    this.#json = new Contents([json]);
  }

  /** Whether all of its frames have been written. */
  get isDone(): boolean {
    return this.#json.isDone;
  }

  /** The next frame, in a buffer that can be used again. */
  nextFrame(): Uint8Array {
    const buffer = takeRawBuffer();
    const isAttached = !this.#attachments.isDone;
    const contents = isAttached ? this.#attachments : this.#json;
    const end = contents.fill(buffer, RAW_HEADER);
    const kind = isAttached
      ? RAW_ATTACHMENTS
      : this.isDone
      ? RAW_END
      : RAW_JSON;
    return rawFrame(buffer.subarray(0, end), this.id, kind);
  }
}
