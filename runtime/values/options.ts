/**
 * Options and numbers that are invalid: which they are, and the class of their errors.
 *
 * @module
 */

import { Pid, Ref } from "./pid.ts";
import { Atom } from "./atom.ts";
import { isLeafTerm } from "./leaf_term.ts";
import { Tuple } from "./tuple.ts";

/** Whether a value can be an object with options: a number, where Elixir has the timeout, cannot. */
export function isOptions(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  try {
    return value.constructor === Object || !isOther(value);
  } catch {
    // A proxy may throw: whoever reads the options finds out.
    return true;
  }
}

/** Whether an object is certainly no options object, but an argument in the wrong position. */
function isOther(value: object): boolean {
  return Array.isArray(value) || value instanceof Promise ||
    value instanceof Pid || value instanceof Ref || value instanceof Atom ||
    value instanceof Tuple || isLeafTerm(value);
}

/** The error for an invalid number: a wrong type, or out of bounds. */
export function misfit(value: unknown, message: string): Error {
  return typeof value === "number"
    ? new RangeError(message)
    : new TypeError(message);
}
