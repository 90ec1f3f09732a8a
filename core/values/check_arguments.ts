/**
 * Checks of arguments at the call, before anything is done.
 *
 * `doing` completes "Cannot …". A wrong type is a `TypeError`, a number out of bounds a `RangeError`.
 */

import { inspect } from "./inspect.ts";
import {
  isOptions,
  type OptionNames,
  refuseUnknown,
  typeError,
} from "./options.ts";
import { Pid, Ref } from "./pid.ts";
import { Atom } from "./atom.ts";

/** Whether a value can be a name: a string or an atom. */
export function isName(value: unknown): value is string | Atom {
  return typeof value === "string" || value instanceof Atom;
}

export function checkPid(value: unknown, doing: string): asserts value is Pid {
  if (!(value instanceof Pid)) {
    throw invalid(doing, value, "give a pid, such as spawn or whereis returns");
  }
}

export function checkRef(
  value: unknown,
  doing: string,
  source: string,
): asserts value is Ref {
  if (!(value instanceof Ref)) {
    throw invalid(doing, value, `give the reference that ${source}`);
  }
}

export function checkBoolean(
  value: unknown,
  doing: string,
): asserts value is boolean {
  if (typeof value !== "boolean") {
    throw invalid(doing, value, "give true or false");
  }
}

export function checkFlags<O extends object>(
  options: O,
  doing: string,
  ...flags: (keyof O & string)[]
): void {
  for (const flag of flags) {
    const value = options[flag];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(
        `Cannot ${doing}: the option ${flag} is ${
          inspect(value)
        }; give true or false`,
      );
    }
  }
}

export function checkFunction(
  value: unknown,
  doing: string,
): asserts value is (...args: never) => unknown {
  if (typeof value !== "function") {
    throw invalid(doing, value, "give a function");
  }
}

export function checkString(
  value: unknown,
  doing: string,
): asserts value is string {
  if (typeof value !== "string") throw invalid(doing, value, "give a string");
}

export function checkSignal(
  value: unknown,
  doing: string,
): asserts value is AbortSignal {
  if (!(value instanceof AbortSignal)) {
    throw invalid(`${doing} with the signal`, value, "give an AbortSignal");
  }
}

export function checkList(
  value: unknown,
  doing: string,
): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(doing, value, "give a list, [ … ]");
}

export function checkArgs(args: unknown): void {
  if (args === undefined || Array.isArray(args)) return;
  throw new TypeError(
    `Cannot run a function with the arguments ${
      inspect(args)
    }: give a list of them, [ … ]`,
  );
}

/** Checks the names of options, and that the options are an object: in Elixir, a timeout has their place. */
export function checkOptions<O extends object>(
  options: O,
  doing: string,
  known: OptionNames<NoInfer<O>>,
  example?: string,
): void {
  checkRecord(options, doing, example);
  refuseUnknown(options, doing, known);
}

/** Checks an object whose keys the user chooses. */
export function checkRecord(
  record: unknown,
  doing: string,
  example = "{ timeout: 1000 }",
): void {
  if (isOptions(record)) return;
  throw new TypeError(
    `Cannot ${doing} with the options ${
      inspect(record)
    }: give them by name, as in ${example}`,
  );
}

export function checkTimeout(
  timeout: unknown,
  doing: string,
): asserts timeout is number {
  if (typeof timeout === "number" && timeout >= 0) return;
  throw typeError(
    timeout,
    `Cannot ${doing} with a timeout of ${
      inspect(timeout)
    }: give milliseconds, 0 or more, or Infinity`,
  );
}

export function checkInteger(
  value: unknown,
  doing: string,
  what: string,
  least: number,
): asserts value is number {
  if (!isInteger(value, least)) {
    throw outOfRange(value, doing, what, `${least} or more`);
  }
}

export function checkCount(
  value: unknown,
  doing: string,
  what: string,
  least = 0,
): asserts value is number {
  if (value !== Infinity && !isInteger(value, least)) {
    throw outOfRange(value, doing, what, `${least} or more, or Infinity`);
  }
}

function isInteger(value: unknown, least: number): boolean {
  return Number.isInteger(value) && (value as number) >= least;
}

function outOfRange(
  value: unknown,
  doing: string,
  what: string,
  range: string,
): Error {
  const message = `Cannot ${doing}: ${what} is ${inspect(value)}`;
  return typeError(value, `${message}; give an integer, ${range}`);
}

function invalid(doing: string, value: unknown, wanted: string): TypeError {
  return new TypeError(
    `Cannot ${doing} ${inspect(value)}: ${wanted}${awaiting(value)}`,
  );
}

/** The end of an error's message, if the value is a promise that nobody has awaited. */
export function awaiting(value: unknown): string {
  return value instanceof Promise ? "; await the promise first" : "";
}
