// Offline stand-in for `@std/assert`, so that a clone works without JSR; the
// published package depends on the genuine one.

import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect } from "node:util";
import { equal, isObject, visit, type Visited } from "./equal.ts";
import { AssertionError, raise } from "./errors.ts";

export { equal } from "./equal.ts";
export {
  AssertionError,
  assertIsError,
  assertRejects,
  assertThrows,
  fail,
  unimplemented,
  unreachable,
} from "./errors.ts";

/** An array, typed array or the like, but no string. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** The values that count as false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Asserts that `expr` counts as true. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that `expr` counts as false. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
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
    raise(
      `Expected anything but this very ${show(actual)}`,
      msg,
    );
  }
}

/** Asserts that two numbers are within `tolerance`, one ten-millionth of `expected` by default. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance: number = Number.isFinite(expected)
    ? Math.abs(expected) * 1e-7
    : 1e-7,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const delta = Math.abs(actual - expected);
  if (delta <= tolerance) return;
  raise(
    `Expected ${expected} within ${tolerance}, got ${actual}`,
    msg,
  );
}

/** Asserts that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  requireOrder(actual > expected, ">", actual, expected, msg);
}

/** Asserts that `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  requireOrder(actual >= expected, ">=", actual, expected, msg);
}

/** Asserts that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  requireOrder(actual < expected, "<", actual, expected, msg);
}

/** Asserts that `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  requireOrder(actual <= expected, "<=", actual, expected, msg);
}

/** Asserts that `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    raise(`Expected a value, got ${actual}`, msg);
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
  raise(
    `Expected a ${expectedType.name}, got ${
      show(isObject(actual) ? actual.constructor?.name ?? "Object" : actual)
    }`,
    msg,
  );
}

/** Asserts that `actual` was not made by a class. */
export function assertNotInstanceOf<A, T>(
  actual: A,
  // deno-lint-ignore no-explicit-any
  unexpectedType: abstract new (...args: any[]) => T,
  msg?: string,
): asserts actual is Exclude<A, T> {
  if (actual instanceof unexpectedType) {
    raise(
      `Expected anything but a ${unexpectedType.name}`,
      msg,
    );
  }
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
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) =>
    !present.some((other) => equal(item, other))
  );
  if (missing.length > 0) {
    raise(
      `Expected ${show(missing)} too in ${show(actual)}`,
      msg,
    );
  }
}

/** Asserts that what `expected` has is in `actual` too, which may have more. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  if (!covers(actual, expected, new Map())) {
    raiseDifference(actual, expected, msg);
  }
}

function covers(actual: unknown, expected: unknown, visited: Visited): boolean {
  if (
    !isObject(actual) || !isObject(expected) ||
    [RegExp, Date].some((kind) =>
      actual instanceof kind || expected instanceof kind
    )
  ) {
    return equal(actual, expected);
  }
  if (!visit(actual, expected, visited)) return true;
  if (actual instanceof Map && expected instanceof Map) {
    return Array.from(expected).every(([key, value]) =>
      actual.has(key) && covers(actual.get(key), value, visited)
    );
  }
  if (actual instanceof Set && expected instanceof Set) {
    return Array.from(expected).every((value) => actual.has(value));
  }
  if (kindOf(actual) !== kindOf(expected)) return false;
  return Reflect.ownKeys(expected).every((key) =>
    (Array.isArray(expected) && key === "length") ||
    (Object.hasOwn(actual, key) &&
      covers(Reflect.get(actual, key), Reflect.get(expected, key), visited))
  );
}

function kindOf(value: object): unknown {
  return [Array, Map, Set].find((kind) => value instanceof kind);
}

function requireOrder(
  holds: boolean,
  sign: string,
  actual: unknown,
  expected: unknown,
  msg?: string,
): void {
  if (!holds) {
    throw new AssertionError(
      msg ?? `Expected ${show(actual)} ${sign} ${show(expected)}`,
    );
  }
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
