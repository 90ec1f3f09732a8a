// Offline stand-in for the parts of `@std/assert` that deal in errors, so that
// a clone works without JSR; the published package depends on the genuine one.

import { stripVTControlCharacters } from "node:util";

/** The error that a failed assertion throws. */
export class AssertionError extends Error {
  /**
   * @param message What was expected, and what was there.
   * @param options The cause, if there is one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** A class of errors, concrete or abstract. */
// deno-lint-ignore no-explicit-any
export type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/**
 * Throws an {@linkcode AssertionError}.
 *
 * @param message What failed.
 * @param note What the caller of the assertion has to say.
 */
export function raise(message: string, note?: string): never {
  throw new AssertionError(note ? `${message}: ${note}` : `${message}.`);
}

/** Fails. */
export function fail(msg?: string): never {
  return raise("Failed", msg);
}

/** Fails because a line was reached that should not be. */
export function unreachable(msg?: string): never {
  return raise("Reached what should not be reached", msg);
}

/** Fails because a thing is not built yet. */
export function unimplemented(msg?: string): never {
  return raise("Not built yet", msg);
}

/** Asserts that `error` is an error, of a class and with a message if these are given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorClass<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    raise("Expected an Error", msg);
  }
  if (ErrorClass !== undefined && !(error instanceof ErrorClass)) {
    raise(
      `Expected a ${ErrorClass.name}, not a ${error.constructor?.name}`,
      msg,
    );
  }
  if (!msgMatches) return;
  const message = stripVTControlCharacters(error.message);
  const matches = msgMatches instanceof RegExp
    ? msgMatches.test(message)
    : message.includes(stripVTControlCharacters(msgMatches));
  if (!matches) {
    raise(
      `Expected a message with ${
        msgMatches instanceof RegExp ? msgMatches : JSON.stringify(msgMatches)
      }, not ${JSON.stringify(error.message)}`,
      msg,
    );
  }
}

/** Asserts that `fn` throws, and returns the thrown value. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that `fn` throws an error of a class, and gives it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let error: unknown;
  try {
    fn();
  } catch (thrown) {
    error = thrown;
    checkError(error, "thrown", expected);
    return error;
  }
  return raise("Expected a throw, and nothing was thrown", expected.msg);
}

/** Asserts that what `fn` returns rejects, and gives the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Asserts that what `fn` returns rejects with an error of a class, and gives it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: unknown;
  try {
    promise = fn();
  } catch {
    raise("Expected a promise that rejects", expected.msg);
  }
  if (
    typeof promise !== "object" || promise === null ||
    typeof Reflect.get(promise, "then") !== "function"
  ) {
    raise("Expected a promise that rejects", expected.msg);
  }
  try {
    await promise;
  } catch (error) {
    checkError(error, "rejected", expected);
    return error;
  }
  return raise("Expected a rejection, and the promise resolved", expected.msg);
}

interface Expectation {
  ErrorClass?: ErrorClass<Error>;
  msgIncludes?: string;
  msg?: string;
}

function expectation(
  classOrMsg: ErrorClass<Error> | string | undefined,
  msgIncludes?: string,
  msg?: string,
): Expectation {
  return typeof classOrMsg === "string"
    ? { msg: classOrMsg }
    : { ErrorClass: classOrMsg, msgIncludes, msg };
}

function checkError(error: unknown, how: string, expected: Expectation): void {
  if (expected.ErrorClass === undefined) return;
  if (!(error instanceof Error)) {
    raise(`Expected an Error, and something else was ${how}`, expected.msg);
  }
  assertIsError(error, expected.ErrorClass, expected.msgIncludes, expected.msg);
}
