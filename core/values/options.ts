/**
 * Checks of options. Every function that takes options refuses unknown ones.
 *
 * @module
 */

import { quoteWithin } from "./literals.ts";
import { nearName } from "./near_name.ts";
import { shapeOf } from "./term_shape.ts";

/** The maximum number of characters of an unknown option's name in an error. */
const MAX_NAME = 100;

/** Whether a value can be an object with options: a number, where Elixir has the timeout, cannot. */
export function isOptions(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  try {
    return value.constructor === Object || !isOther(value);
  } catch {
    // A proxy may throw: the code that reads the options finds out.
    return true;
  }
}

/**
 * The names of the options of an interface. The type requires each of them, and no other, so the list of a
 * constant cannot differ from the interface.
 *
 * @typeParam O The interface.
 */
export type OptionNames<O> = { readonly [Name in keyof O]-?: true };

/**
 * Refuses unknown options: a misspelled one would leave its default in force, without a word.
 *
 * @throws {TypeError} If an object has an option that is not known.
 */
export function refuseUnknown(
  options: object,
  doing: string,
  known: object,
): void {
  for (const name in options) {
    if (!Object.hasOwn(known, name)) throw unknownOption(name, doing, known);
  }
}

/** Whether an object has an option that is not known. */
export function hasUnknown(options: object, known: object): boolean {
  for (const name in options) {
    if (!Object.hasOwn(known, name)) return true;
  }
  return false;
}

/** The error for an unknown option: it names the option that was probably meant, or else all options. */
function unknownOption(name: string, doing: string, known: object): TypeError {
  const names = Object.keys(known);
  const near = nearName(name.slice(0, MAX_NAME), names);
  const next = near === undefined
    ? `there ${names.length === 1 ? "is" : "are"} ${names.join(", ")}`
    : `did you mean ${quoteWithin(near, MAX_NAME)}?`;
  return new TypeError(
    `Cannot ${doing}: there is no option ${
      quoteWithin(name, MAX_NAME)
    }; ${next}`,
  );
}

/** Whether an object cannot be options: a collection, a term, or an argument in the wrong position. */
function isOther(value: object): boolean {
  return Symbol.iterator in value || isBuiltIn(value) ||
    shapeOf(value) !== undefined;
}

/** Whether an object is an instance of a built-in class. An instance of a user's class may hold options. */
function isBuiltIn(value: object): boolean {
  return value instanceof Date || value instanceof Error ||
    value instanceof Promise || value instanceof RegExp ||
    value instanceof ArrayBuffer || value instanceof DataView ||
    value instanceof WeakMap || value instanceof WeakSet;
}

/** The error for an invalid number: a wrong type, or out of bounds. */
export function typeError(value: unknown, message: string): Error {
  return typeof value === "number"
    ? new RangeError(message)
    : new TypeError(message);
}
