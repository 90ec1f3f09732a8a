/** Erlang's terms without parts that JavaScript has no values for. */

import { Bitstring } from "./bitstring.ts";
import { Float } from "./float.ts";
import { ExternalFunction, LocalFunction } from "./functions.ts";
import { Port } from "./port.ts";

/** A term without parts. */
export type LeafTerm =
  | Bitstring
  | ExternalFunction
  | Float
  | LocalFunction
  | Port;

/** Whether a value is an Erlang term without parts. */
export function isLeafTerm(value: object): value is LeafTerm {
  return value instanceof Float || value instanceof Bitstring ||
    value instanceof ExternalFunction || value instanceof Port ||
    value instanceof LocalFunction;
}

/** Copies a term; returns an immutable term itself. */
export function copyLeafTerm(value: LeafTerm): LeafTerm {
  if (value instanceof Bitstring) return new Bitstring(value.bytes, value.bits);
  if (value instanceof LocalFunction) {
    const { module, index, uniq, arity, bytes } = value;
    return new LocalFunction(module, index, uniq, arity, bytes);
  }
  return value;
}
