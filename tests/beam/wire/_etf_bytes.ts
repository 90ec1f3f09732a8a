/** Bytes of Erlang's External Term Format, written by hand or by a writer. */

import { TermWriter } from "../../../packages/beam/wire/etf_encoder.ts";

const ENCODER = new TextEncoder();

/** Bytes of numbers and ASCII texts. */
export function term(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return joined(
    parts.map((each) => typeof each === "string" ? ENCODER.encode(each) : each),
  );
}

/** Bytes one after the other: much faster than `Buffer.concat` on Deno, and most of them are few. */
export function joined(parts: readonly (number | Uint8Array)[]): Uint8Array {
  let length = 0;
  for (const each of parts) {
    length += typeof each === "number" ? 1 : each.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const each of parts) {
    if (typeof each === "number") bytes[at++] = each;
    else {
      bytes.set(each, at);
      at += each.length;
    }
  }
  return bytes;
}

/** A 32-bit number. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** An atom of ASCII. */
export function atomOf(name: string): Uint8Array {
  return term(119, name.length, name);
}

/** The bytes of a value. */
export function termBytes(value: unknown, maxDepth = 10_000): Uint8Array {
  const writer = new TermWriter();
  writer.term(value, maxDepth);
  return writer.take().slice();
}
