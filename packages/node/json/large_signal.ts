/**
 * Cuts a large signal into raw frames as it leaves: first its attachments, then its JSON.
 *
 * Byte arrays were copied when the signal was sent. Texts cannot change, so they are encoded now, a frame at a time:
 * each turn of the event loop does the work of a few frames only.
 */

import { Buffer } from "node:buffer";
import {
  giveRawBuffer,
  RAW_BYTES,
  takeRawBuffer,
} from "../wires/frame_buffers.ts";
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

/** A signal that travels in raw frames. */
export class LargeSignal {
  /** The number of bytes of the attachments and the JSON. */
  readonly bytes: number;
  readonly #id: number;
  /** The attachments, and the JSON as the last content. */
  readonly #contents: Content[];
  #next = 0;
  /** The number of bytes or characters of the current content that have been written. */
  #sent = 0;

  /** Creates a signal from the number of its raw byte array, its attachments, their size in bytes, and its JSON. */
  constructor(
    id: number,
    attachments: Content[],
    attachedBytes: number,
    json: string,
  ) {
    this.#id = id;
    this.#contents = [...attachments, json];
    this.bytes = attachedBytes + Buffer.byteLength(json);
    this.#skipWritten();
  }

  /** Whether all frames have been written. */
  get isDone(): boolean {
    return this.#next === this.#contents.length;
  }

  get #isInJson(): boolean {
    return this.#next === this.#contents.length - 1;
  }

  /** Returns the next frame, in a pooled buffer. */
  nextFrame(): Uint8Array {
    const buffer = takeRawBuffer().subarray(0, RAW_HEADER + RAW_BYTES);
    const isAttached = !this.#isInJson;
    let at = RAW_HEADER;
    while (
      at < buffer.length && !this.isDone && isAttached !== this.#isInJson
    ) {
      const content = this.#contents[this.#next];
      const written = typeof content === "string"
        ? this.#writeText(content, buffer.subarray(at))
        : this.#writeBytes(content, buffer, at);
      // The next character does not fit.
      if (written === 0) break;
      at += written;
      this.#skipWritten();
    }
    const kind = isAttached
      ? RAW_ATTACHMENTS
      : this.isDone
      ? RAW_END
      : RAW_JSON;
    return rawFrame(buffer.subarray(0, at), this.#id, kind);
  }

  #skipWritten(): void {
    while (!this.isDone && this.#sent === this.#contents[this.#next].length) {
      // Release the memory of a written content.
      giveRawBuffer(this.#contents[this.#next]);
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
    // Do not cut a surrogate pair.
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
