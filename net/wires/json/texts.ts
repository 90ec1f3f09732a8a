/**
 * Texts of bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ProtocolError } from "./json_checks.ts";

/** A buffer with the method behind `toString("latin1")`, which all hosts have. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

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
