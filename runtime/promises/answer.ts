/**
 * Answers that code awaits, and errors whose stacks show the lines that await them.
 *
 * An answer comes in a callback: of a socket, a timer, another process. An error made there has the
 * frames of the callback only. V8 finds the frames of the code that awaits a promise when the error is
 * made in a reaction whose promise that code awaits. So a failure resolves the awaited promise with
 * another one, which rejects when the first has come to depend on it. Success pays nothing for that;
 * an `async` function in between would cost a promise and two turns of the microtask queue for each call.
 *
 * @module
 */

import { ignore } from "./ignore.ts";

const settled = Promise.resolve();

/** A frame of the host itself, which runs the microtask. */
const HOST_FRAMES = /\n\s+at [^\n]*\(?(?:ext:|node:internal\/)[^\n]*/g;

/**
 * A promise that rejects with an error that is made when the promise is awaited: its stack has the
 * lines of the awaiting code, not those of the callback in which the failure was noticed.
 *
 * It is for a promise's `resolve`, to be called in the same turn.
 *
 * @param make Makes the error.
 * @param made Is called when its stack is known.
 */
export function failure(
  make: () => unknown,
  made?: () => void,
): Promise<never> {
  function reject(): never {
    const error = atAwait(make(), reject);
    made?.();
    throw error;
  }
  // The promise that is resolved with this one waits for it one microtask later.
  return settled.then(ignore).then(reject);
}

/**
 * Replaces the stack of an error by that of the code that awaits the running code, without the frames down to
 * `hidden`.
 *
 * @param error The thrown value; it is returned unchanged if it is not an error.
 * @param hidden The function that the author of the code does not know.
 * @returns The error.
 */
export function atAwait(
  error: unknown,
  // deno-lint-ignore ban-types
  hidden: Function,
): unknown {
  if (!(error instanceof Error) || Error.captureStackTrace === undefined) {
    return error;
  }
  try {
    const before = error.stack;
    Error.captureStackTrace(error, hidden);
    // Without a frame, no code awaits it yet: the frames of the callback are better than none.
    const stack = error.stack?.replace(HOST_FRAMES, "") ?? "";
    error.stack = /\n\s+at /.test(stack) ? stack : before;
  } catch {
    // A frozen error keeps its stack.
  }
  return error;
}

/** An answer that is awaited, settled once and from outside. */
export class Answer<T> {
  /** Settles when the answer has come. */
  readonly promise: Promise<T>;
  readonly #mayBeLeft: boolean;
  #isSettled = false;
  #resolve!: (value: T | Promise<never>) => void;
  #reject!: (error: unknown) => void;

  /**
   * An answer that has not come.
   *
   * @param mayBeLeft Whether it is often not awaited: that it fails must then not end the program.
   */
  constructor(mayBeLeft = false) {
    this.#mayBeLeft = mayBeLeft;
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Settles with the answer. */
  resolve(value: T): void {
    this.#isSettled = true;
    this.#resolve(value);
  }

  /** Settles with a failure: the error is created for the code that awaits. */
  fail(make: () => unknown): void {
    // The error of a second failure would reject a promise that is not awaited.
    if (this.#isSettled) return;
    this.#isSettled = true;
    // A second reaction would hide the code that awaits.
    const made = this.#mayBeLeft ? () => this.#leave() : undefined;
    this.#resolve(failure(make, made));
  }

  /** Settles with a failure whose error is kept as it is, with its stack. */
  rejectWith(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#mayBeLeft) this.#leave();
    this.#reject(error);
  }

  /** Called when the process that awaits has exited: its unhandled rejection is no error of the program. */
  abandon(error: () => unknown): void {
    this.#leave();
    if (!this.#isSettled) this.#reject(error());
    this.#isSettled = true;
  }

  #leave(): void {
    this.promise.catch(ignore);
  }
}
