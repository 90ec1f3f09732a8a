/** Decodes bytes into texts. */

import { Buffer, isUtf8 } from "node:buffer";
import { ProtocolError } from "./over_limit.ts";

/** The methods behind `toString`, which take less time, on all hosts. */
interface TextBuffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Decodes the Latin-1 of a Buffer. */
export function asciiText(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as TextBuffer).latin1Slice(start, end);
}

/** Decodes the UTF-8 of a Buffer; returns `undefined` for invalid bytes. */
export function unicodeText(
  bytes: Buffer,
  start: number,
  end: number,
): string | undefined {
  return isUtf8(bytes.subarray(start, end))
    ? (bytes as unknown as TextBuffer).utf8Slice(start, end)
    : undefined;
}

/** Decodes Latin-1. */
export function latin1Text(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  return asciiText(bufferOf(bytes), start, end);
}

/**
 * Decodes UTF-8. A text that is not ASCII takes less time than with {@linkcode unicodeText}. Throws a `ProtocolError`
 * if the bytes are not valid UTF-8.
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
