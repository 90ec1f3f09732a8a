/**
 * Erlang's terms that are not values of JavaScript and have no parts that are terms.
 *
 * @module
 */

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

/** Whether a value is one of Erlang's terms without parts. */
export function isLeafTerm(value: object): value is LeafTerm {
  return value instanceof Float || value instanceof Bitstring ||
    value instanceof ExternalFunction || value instanceof Port ||
    value instanceof LocalFunction;
}

/** A copy of a term; immutable terms are returned as they are. */
export function copyLeafTerm(value: LeafTerm): LeafTerm {
  if (value instanceof Bitstring) {
    return new Bitstring(value.bytes, value.bits);
  }
  if (value instanceof LocalFunction) {
    const { module, index, uniq, arity, bytes } = value;
    return new LocalFunction(module, index, uniq, arity, bytes);
  }
  return value;
}
