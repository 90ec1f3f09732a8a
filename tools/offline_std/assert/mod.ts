// Offline stand-in for the parts of `@std/assert` that this repository uses, so
// that a clone works without JSR; the published package depends on the genuine one.

import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect, stripVTControlCharacters } from "node:util";
import { equal } from "./equal.ts";

export { equal };

/** The error that a failed assertion throws. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

// deno-lint-ignore no-explicit-any
export type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails with what was expected, and what the caller of the assertion has to say. */
function raise(message: string, note?: string): never {
  throw new AssertionError(note ? `${message}: ${note}` : `${message}.`);
}

/** Asserts that `expr` counts as true. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(
  expr: unknown,
  msg = "",
): asserts expr is false | 0 | 0n | "" | null | undefined {
  if (expr) throw new AssertionError(msg);
}

/** Asserts that two values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) raiseDifference(actual, expected, msg);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) {
    raise(`Expected anything but ${show(expected)}`, msg);
  }
}

/** Asserts that two values are the same one. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (!Object.is(actual, expected)) raiseDifference(actual, expected, msg);
}

/** Asserts that two values are not the same one. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (Object.is(actual, expected)) {
    raise(`Expected anything but this very ${show(actual)}`, msg);
  }
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) {
    raise(`Expected ${show(actual)} > ${show(expected)}`, msg);
  }
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) {
    raise(`Expected ${show(actual)} < ${show(expected)}`, msg);
  }
}

/** Asserts that `actual` was made by a class or by one that extends it. */
export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any
  T extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  raise(`Expected a ${expectedType.name}, got ${show(actual)}`, msg);
}

/** Asserts that a text contains another. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (!actual.includes(expected)) {
    raise(`Expected "${expected}" in "${actual}"`, msg);
  }
}

/** Asserts that a text matches a pattern. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) {
    raise(`Expected a match of ${expected} in "${actual}"`, msg);
  }
}

/** Asserts that a text does not match a pattern. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) {
    raise(`Expected no match of ${expected} in "${actual}"`, msg);
  }
}

/** Asserts that every value in `expected` is deeply equal to one in `actual`. */
export function assertArrayIncludes<T>(
  actual: readonly T[],
  expected: readonly T[],
  msg?: string,
): void {
  const missing = expected.filter((item) =>
    !actual.some((other) => equal(item, other))
  );
  if (missing.length > 0) {
    raise(`Expected ${show(missing)} too in ${show(actual)}`, msg);
  }
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  ...expected: Expected
): unknown {
  try {
    fn();
  } catch (error) {
    return checked(error, expected);
  }
  return raise("Expected a throw, and nothing was thrown", noteOf(expected));
}

/** Asserts that what `fn` returns rejects, and returns the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Asserts that what `fn` returns rejects with an error of a class, and returns it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  ...expected: Expected
): Promise<unknown> {
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch {
    // A function that throws returns no promise.
  }
  if (typeof promise?.then !== "function") {
    raise("Expected a promise that rejects", noteOf(expected));
  }
  try {
    await promise;
  } catch (error) {
    return checked(error, expected);
  }
  return raise(
    "Expected a rejection, and the promise resolved",
    noteOf(expected),
  );
}

/** The arguments of {@linkcode assertThrows} behind its function. */
type Expected = [
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
];

function noteOf([classOrMsg, , msg]: Expected): string | undefined {
  return typeof classOrMsg === "string" ? classOrMsg : msg;
}

/** Returns an error that has the expected class and message. */
function checked(error: unknown, expected: Expected): unknown {
  const [ErrorClass, includes = ""] = expected;
  if (typeof ErrorClass !== "function") return error;
  const note = noteOf(expected);
  if (!(error instanceof ErrorClass)) {
    return raise(`Expected a ${ErrorClass.name}, not ${show(error)}`, note);
  }
  const [message, part] = [error.message, includes]
    .map(stripVTControlCharacters);
  if (message.includes(part)) return error;
  return raise(`Expected a message with "${part}", not "${message}"`, note);
}

/** Fails with the lines in which the two differ, as Node prints them. */
function raiseDifference(
  actual: unknown,
  expected: unknown,
  msg?: string,
): never {
  const { message } = new NodeAssertionError({
    actual,
    expected,
    operator: "deepStrictEqual",
  });
  throw new AssertionError(
    `Expected equal values${msg ? `: ${msg}` : "."}\n\n${message}`,
  );
}

function show(value: unknown): string {
  return inspect(value, { depth: Infinity, sorted: true });
}
