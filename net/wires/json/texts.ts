/** Decodes bytes into texts. */

import { Buffer } from "node:buffer";
import { ProtocolError } from "./json_checks.ts";

/** A Buffer with `latin1Slice`, the method behind `toString("latin1")` on all hosts. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes Latin-1. */
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
 * Decodes UTF-8.
 *
 * @throws {ProtocolError} If the bytes are not valid UTF-8.
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
