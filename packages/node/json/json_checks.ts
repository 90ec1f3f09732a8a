/** Checks of a peer's data. Each check returns the typed value, or throws an error, which closes the connection. */

import { Buffer } from "node:buffer";
import { isLongName, MAX_NAME_LENGTH } from "@otp/processes/values/atom";
import { isNodeName } from "@otp/processes/values/pid";
import { ProtocolError } from "../wires/over_limit.ts";

/** Returns whether a text has more than `bytes` bytes in UTF-8, with three for a lone surrogate. */
export function isLongerThan(text: string, bytes: number): boolean {
  // A code unit takes at most three bytes, so a short text needs no count.
  if (text.length * 3 <= bytes || bytes === Infinity) return false;
  return text.length > bytes || Buffer.byteLength(text, "utf8") > bytes;
}

/** @throws {ProtocolError} If `value` is not a text that can be an atom or a name. */
export function checkAtomText(value: unknown): string {
  if (typeof value !== "string" || isLongName(value)) {
    throw expected(`a name of at most ${MAX_NAME_LENGTH} characters`, value);
  }
  return value;
}

/** @throws {ProtocolError} If `value` is not a text of at most `max` bytes in UTF-8. */
export function checkText(value: unknown, max: number): string {
  if (typeof value !== "string" || isLongerThan(value, max)) {
    throw expected(`a text of at most ${max} bytes`, value);
  }
  return value;
}

/** @throws {ProtocolError} If `value` is not the name of a node. */
export function checkNode(value: unknown): string {
  if (!isNodeName(value)) throw expected("a node's name", value);
  return value;
}

/** @throws {ProtocolError} If `value` is not a natural number below 2^53. */
export function checkNatural(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw expected("a natural number", value);
  }
  // JSON can hold -0: return 0 for it.
  return (value as number) + 0;
}

/** @throws {ProtocolError} If `value` is not a natural number below 2^32. */
export function checkWord(value: unknown): number {
  const word = checkNatural(value);
  if (word > 0xffff_ffff) {
    throw new ProtocolError(`expected a number of 32 bits, got ${word}`);
  }
  return word;
}

/** @throws {ProtocolError} If `value` is not a number. */
export function checkNumber(value: unknown): number {
  if (typeof value !== "number") throw expected("a number", value);
  return value;
}

/** @throws {ProtocolError} If `value` is neither true nor false. */
export function checkFlag(value: unknown): boolean {
  if (typeof value !== "boolean") throw expected("true or false", value);
  return value;
}

/** @throws {ProtocolError} If `value` is not an array. */
// deno-lint-ignore no-explicit-any
export function checkArray(value: unknown): any[] {
  if (!Array.isArray(value)) throw expected("an array", value);
  return value;
}

/** @throws {ProtocolError} If `value` is not an array of `length` items. */
// deno-lint-ignore no-explicit-any
export function checkLength(value: unknown, length: number): any[] {
  const array = checkArray(value);
  if (array.length !== length) {
    throw new ProtocolError(
      `expected an array of ${length} items, got ${array.length}`,
    );
  }
  return array;
}

/** @throws {ProtocolError} If `value` is not a JSON object. */
export function checkObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw expected("an object", value);
  }
  return value as Record<string, unknown>;
}

function expected(what: string, value: unknown): ProtocolError {
  const kind = value === null
    ? "null"
    : Array.isArray(value)
    ? "array"
    : typeof value;
  return new ProtocolError(`expected ${what}, got ${kind}`);
}
