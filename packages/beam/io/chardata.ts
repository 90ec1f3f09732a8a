/** Chardata, Erlang's texts: a binary, or a list of code points and chardata. */

import { Atom } from "@otp/processes/values/atom";
import { ImproperList } from "@otp/processes/values/improper_list";
import type { Encoding } from "@otp/node/io/leader_operations";

/** The maximum nesting of lists in a text. */
const MAX_NESTING = 64;

const UTF8 = new TextEncoder();
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a binary; `undefined` for other values. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value === "string") return UTF8.encode(value);
  return value instanceof Uint8Array ? value : undefined;
}

/** The name of an atom, including the atoms that are JavaScript values; `undefined` for other values. */
export function textOfAtom(value: unknown): string | undefined {
  if (value instanceof Atom) return value.name;
  if (value === null) return "nil";
  return typeof value === "boolean" || value === undefined
    ? String(value)
    : undefined;
}

/** Decodes bytes as Latin-1. */
export function byteText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return text;
}

/** Encodes a text as Latin-1; `undefined` if a character is above 255. */
export function bytesOfText(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

export interface CharsOptions {
  /** The encoding of the binaries in the text. */
  encoding: Encoding;
  /** Decodes a binary that is not UTF-8 as Latin-1; without it, such a text is invalid. */
  isLenient?: boolean;
  /** Rejects code points above 255. */
  isNarrow?: boolean;
}

/** The text of chardata; `undefined` if it is invalid. */
export function charsOf(
  data: unknown,
  options: CharsOptions,
): string | undefined {
  const parts: string[] = [];
  return collect(data, options, parts, MAX_NESTING)
    ? parts.join("")
    : undefined;
}

function collect(
  data: unknown,
  options: CharsOptions,
  parts: string[],
  left: number,
): boolean {
  const binary = binaryText(data, options);
  if (binary !== undefined) {
    parts.push(binary);
    return true;
  }
  const items = data instanceof ImproperList ? data.items : data;
  if (!Array.isArray(items) || left === 0) return false;
  const most = options.isNarrow ? 255 : 0x10ffff;
  for (const each of items) {
    if (typeof each === "number") {
      if (!isCodePoint(each, most)) return false;
      parts.push(String.fromCodePoint(each));
    } else if (!collect(each, options, parts, left - 1)) return false;
  }
  if (!(data instanceof ImproperList)) return true;
  const tail = binaryText(data.tail, options);
  if (tail !== undefined) parts.push(tail);
  return tail !== undefined;
}

function binaryText(
  data: unknown,
  { encoding, isLenient }: CharsOptions,
): string | undefined {
  if (encoding === "latin1") {
    const bytes = bytesOf(data);
    return bytes && byteText(bytes);
  }
  if (!(data instanceof Uint8Array)) {
    return typeof data === "string" ? data : undefined;
  }
  try {
    return FROM_UTF8.decode(data);
  } catch {
    return isLenient ? byteText(data) : undefined;
  }
}

function isCodePoint(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most &&
    (value < 0xd800 || value > 0xdfff);
}
