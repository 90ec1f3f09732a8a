/** The approximate size of values, in memory and on a wire. */

import { Bitstring } from "./bitstring.ts";
import { LocalFunction } from "./functions.ts";
import { ImproperList } from "./improper_list.ts";
import { isLeafTerm } from "./leaf_term.ts";
import { Pid, Ref } from "./pid.ts";
import { ServerMessage } from "./server_message.ts";
import { Tuple } from "./tuple.ts";

/** The bytes that values take. */
interface Costs {
  /** The minimum for any value. */
  value: number;
  /** An object, except for its contents. */
  object: number;
  /** A character of an error's message or stack. */
  errorText: number;
}

const MEMORY: Costs = { value: 8, object: 32, errorText: 1 };

/** A digit and the brackets of an object in JSON. Texts of errors are shortened for other nodes, and count nothing. */
const LEAST_JSON: Costs = { value: 1, object: 2, errorText: 0 };

/** The approximate bytes of a message that can be sent: it is not nested too deeply. */
export function termBytes(value: unknown): number {
  return bytesOf(value, MEMORY);
}

/** The minimum number of bytes of such a message on a wire. */
export function leastWireBytes(value: unknown): number {
  return bytesOf(value, LEAST_JSON);
}

function bytesOf(value: unknown, costs: Costs): number {
  switch (typeof value) {
    case "string":
      return costs.value + value.length;
    case "bigint":
      // Approximate, as measuring a long bigint exactly takes as long as writing it.
      return costs.value + (value.toString(16).length >> 1);
    case "object":
      return value === null ? costs.value : objectBytes(value, costs);
    default:
      return costs.value;
  }
}

function itemsBytes(items: readonly unknown[], costs: Costs): number {
  let bytes = 0;
  for (let i = 0; i < items.length; i++) bytes += bytesOf(items[i], costs);
  return bytes;
}

function objectBytes(value: object, costs: Costs): number {
  if (value instanceof Pid || value instanceof Ref) {
    return costs.object + costs.value;
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return costs.object + value.byteLength;
  }
  if (Array.isArray(value)) return costs.object + itemsBytes(value, costs);
  if (value instanceof Tuple) {
    return costs.object + itemsBytes(value.elements, costs);
  }
  if (value instanceof ImproperList) {
    return costs.object + itemsBytes(value.items, costs) +
      bytesOf(value.tail, costs);
  }
  if (isLeafTerm(value)) {
    return costs.object + costs.value +
      (value instanceof Bitstring || value instanceof LocalFunction
        ? value.bytes.length
        : 0);
  }
  let bytes = costs.object;
  if (value instanceof Map) {
    for (const [key, item] of value) {
      bytes += bytesOf(key, costs) + bytesOf(item, costs);
    }
    return bytes;
  }
  if (value instanceof Set) {
    for (const item of value) bytes += bytesOf(item, costs);
    return bytes;
  }
  if (value instanceof Error) {
    bytes += costs.errorText *
      (value.message.length + (value.stack?.length ?? 0));
    for (const key of ["cause", "errors"]) {
      bytes += bytesOf(
        (value as unknown as Record<string, unknown>)[key],
        costs,
      );
    }
  }
  const fields = value instanceof ServerMessage ? value.fields() : value;
  for (const [key, field] of Object.entries(fields)) {
    bytes += key.length + bytesOf(field, costs);
  }
  return bytes;
}
