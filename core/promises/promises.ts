/**
 * Values that may be promises, and errors whose stacks show the lines that await them.
 *
 * An answer arrives in a callback: of a socket, a timer, another process. The stack of an error made there has the
 * frames of the callback only. V8 finds the frames of the code that awaits a promise when the error is made in a
 * reaction whose promise that code awaits. So a failure resolves the awaited promise with another promise, which
 * rejects when the first depends on it. Success pays nothing for that; an `async` function in between would cost a
 * promise and two turns of the microtask queue for each call.
 *
 * @module
 */

/** Marks a rejection as handled: a dead process's own waits must not end the whole program. */
export function ignore(): void {}

/** Calls a function that returns a promise. The promise rejects with an error that the function throws. */
export function promised<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return fn();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Whether `await` would wait for a value. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/**
 * Goes on with a value: in the same turn if it is no promise.
 *
 * A server answers many requests without waiting, and a lookup that is answered at once must not let later
 * messages overtake the request. `await` would cost both a turn of the microtask queue.
 */
export function andThen<T, R>(
  value: T | Promise<T>,
  next: (value: T) => R,
  failed?: (error: unknown) => R,
): R | Promise<Awaited<R>> {
  return value instanceof Promise
    ? value.then(next, failed) as Promise<Awaited<R>>
    : next(value);
}

const settled = Promise.resolve();

/** A frame of the host itself, which runs the microtask. */
const HOST_FRAMES = /\n\s+at [^\n]*\(?(?:ext:|node:internal\/)[^\n]*/g;

/**
 * Returns a promise that rejects with an error of the code that awaits it. Pass it to a promise's `resolve` in the
 * same turn.
 *
 * @param make Makes the error.
 * @param made Called when the stack of the error is known.
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
