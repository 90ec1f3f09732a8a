/** Checks of options. Every function that takes options refuses unknown ones. */

import { quoteWithin } from "./literals.ts";
import { nearName } from "./near_name.ts";
import { shapeOf } from "./term_shape.ts";

/** The maximum number of characters of an unknown option's name in an error. */
const MAX_NAME = 100;

/** Whether a value can be an options object; a number, as in Elixir's place for the timeout, cannot. */
export function isOptions(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  try {
    return value.constructor === Object || !isOther(value);
  } catch {
    // A proxy may throw; the code that reads the options reports that.
    return true;
  }
}

/** A check of an option's value. */
export interface OptionCheck {
  /** Whether a value is valid. */
  readonly accepts: (value: unknown) => boolean;
  /** The valid values, for errors. */
  readonly give: string;
  /** Whether the option is a number, so that another number is out of bounds. */
  readonly isNumber?: boolean;
  /** Whether the option has no default. */
  readonly isRequired?: boolean;
}

/**
 * The checks of an interface's options; `true` for an option that the function itself checks. The type requires every
 * name and no other, so the constant cannot differ from the interface.
 */
export type OptionChecks<O> = {
  readonly [Name in keyof O]-?: OptionCheck | true;
};

/**
 * Refuses unknown options: a misspelled option would silently leave its default in force. Throws a `TypeError` if
 * `options` has an unknown option.
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

/** Whether no option is unknown or invalid. */
export function areValid<O extends object>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): boolean {
  for (const name in options) {
    const check = checks[name] as OptionChecks<O>[keyof O] | undefined;
    if (check === true) continue;
    // Any object has names such as `toString`.
    if (typeof check?.accepts !== "function") return false;
    const value = options[name];
    if (value !== undefined && !check.accepts(value)) return false;
  }
  return true;
}

/** Creates the error for an unknown option, with the nearest option or else all options. */
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

/** Whether an object cannot be options, but is a collection, a term, or a misplaced argument. */
function isOther(value: object): boolean {
  return Symbol.iterator in value || isBuiltIn(value) ||
    shapeOf(value) !== undefined;
}

/** Whether an object is an instance of a built-in class. Instances of a user's class may hold options. */
function isBuiltIn(value: object): boolean {
  return value instanceof Date || value instanceof Error ||
    value instanceof Promise || value instanceof RegExp ||
    value instanceof ArrayBuffer || value instanceof DataView ||
    value instanceof WeakMap || value instanceof WeakSet;
}

/** Creates the error for an invalid number: of a wrong type, or out of bounds. */
export function typeError(value: unknown, message: string): Error {
  return typeof value === "number"
    ? new RangeError(message)
    : new TypeError(message);
}
