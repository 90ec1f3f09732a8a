/**
 * Checks of arguments at the call, before anything is done.
 *
 * `doing` completes "Cannot …". A wrong type is a `TypeError`, a number out of bounds a `RangeError`.
 */

import { inspect, inspectArgument } from "./inspect.ts";
import {
  isOptions,
  type OptionCheck,
  type OptionChecks,
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

/** Checks options, which are an object: in Elixir, a timeout has their place. An `undefined` option is not given. */
export function checkOptions<O extends object>(
  options: O,
  doing: string,
  checks: OptionChecks<NoInfer<O>>,
  example?: string,
): O {
  checkRecord(options, doing, example);
  refuseUnknown(options, doing, checks);
  for (const name in checks) {
    const check: OptionCheck | true = checks[name as keyof O];
    const value = options[name as keyof O];
    if (check === true || value === undefined && !check.isRequired) continue;
    if (check.accepts(value)) continue;
    const error = invalidValue(value, doing, name, check);
    // The stack begins at the function whose option it is.
    Error.captureStackTrace?.(error, checkOptions);
    throw error;
  }
  return options;
}

export function checkValue(
  value: unknown,
  doing: string,
  name: string,
  check: OptionCheck,
): void {
  if (!check.accepts(value)) throw invalidValue(value, doing, name, check);
}

function invalidValue(
  value: unknown,
  doing: string,
  name: string,
  { give, isNumber }: OptionCheck,
): Error {
  const message = `Cannot ${doing}: ${name} is ${
    inspectArgument(value)
  }; give ${give}`;
  return isNumber ? typeError(value, message) : new TypeError(message);
}

export const FLAG: OptionCheck = {
  accepts: (value) => typeof value === "boolean",
  give: "true or false",
};

export const FUNCTION: OptionCheck = {
  accepts: (value) => typeof value === "function",
  give: "a function",
};

export const TEXT: OptionCheck = {
  accepts: (value) => typeof value === "string",
  give: "a string",
};

export const PID: OptionCheck = {
  accepts: (value) => value instanceof Pid,
  give: "a pid, such as spawn or whereis returns",
};

export const ARRAY: OptionCheck = {
  accepts: Array.isArray,
  give: "a list, [ … ]",
};

export const RECORD: OptionCheck = {
  accepts: isOptions,
  give: "an object, { key: value }",
};

export const SIGNAL: OptionCheck = {
  accepts: (value) => value instanceof AbortSignal,
  give: "an AbortSignal",
};

export const TIMEOUT: OptionCheck = {
  accepts: (value) => typeof value === "number" && value >= 0,
  give: "milliseconds, 0 or more, or Infinity",
  isNumber: true,
};

export function integerFrom(
  least: number,
  most: number = Infinity,
): OptionCheck {
  return {
    accepts: (value) => isInteger(value, least) && (value as number) <= most,
    give: most === Infinity
      ? `an integer, ${least} or more`
      : `an integer from ${least} to ${most}`,
    isNumber: true,
  };
}

export function countFrom(least: number): OptionCheck {
  return {
    accepts: (value) => value === Infinity || isInteger(value, least),
    give: `an integer, ${least} or more, or Infinity`,
    isNumber: true,
  };
}

export function oneOf(...texts: string[]): OptionCheck {
  return {
    accepts: (value) => texts.includes(value as string),
    give: texts.map((text) => `"${text}"`).join(", ")
      .replace(/, (?=[^,]*$)/, " or "),
  };
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

function isInteger(value: unknown, least: number): boolean {
  return Number.isInteger(value) && (value as number) >= least;
}

function invalid(doing: string, value: unknown, wanted: string): TypeError {
  return new TypeError(
    `Cannot ${doing} ${inspectArgument(value)}: ${wanted}${awaiting(value)}`,
  );
}

/** The end of an error's message, if the value is a promise that nobody has awaited. */
export function awaiting(value: unknown): string {
  return value instanceof Promise ? "; await the promise first" : "";
}
