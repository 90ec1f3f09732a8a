/**
 * Values that may be promises, and errors whose stacks show the lines that await them.
 *
 * An answer arrives in a callback: of a socket, a timer, another process. The stack of an error created there shows
 * only the callback. V8 adds the frames of code that awaits a promise if the error is created in a reaction of that
 * promise. So a failure resolves the awaited promise with another promise, which rejects once the first depends on
 * it. Success costs nothing extra; an `async` function in between would cost a promise and two turns of the microtask
 * queue for each call.
 */

/** Captured at load: a program's own `then` may run its callbacks in another context. */
export const nativeThen: typeof Promise.prototype.then = Promise.prototype.then;

/** Marks a rejection as handled: the waits of a dead process must not end the program. */
export function ignore(): void {}

/** The functions of the promise that was created last. */
export const newest = { resolve: ignore, reject: ignore } as {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};

/** The executor of promises that many processes await: a closure for each would cost 100 bytes. */
export function captureFunctions(
  resolve: (value: never) => void,
  reject: (error: unknown) => void,
): void {
  newest.resolve = resolve as (value: unknown) => void;
  newest.reject = reject;
}

/** Calls a function that returns a promise. If the function throws, the promise rejects with the error. */
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
 * Applies a function to a value, in the same turn if the value is no promise.
 *
 * A server answers many requests without waiting, and a lookup that is answered at once must keep later messages
 * behind the request. `await` would cost both a turn of the microtask queue.
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

/** The stack frames of the host, which runs the microtask. */
const HOST_FRAMES = /\n\s+at [^\n]*\(?(?:ext:|node:internal\/)[^\n]*/g;

/**
 * Returns a promise that rejects with an error of the code that awaits it. Pass it to a promise's `resolve` in the
 * same turn. Calls `made` when the error has its stack.
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
  // The promise that is resolved with this one depends on it one microtask later.
  return settled.then(ignore).then(reject);
}

/**
 * Replaces an error's stack by the stack of the code that awaits the running code, without the frames down to `hidden`.
 * Returns any other value unchanged.
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
    // If no code awaits yet, keep the frames of the callback.
    const stack = error.stack?.replace(HOST_FRAMES, "") ?? "";
    error.stack = /\n\s+at /.test(stack) ? stack : before;
  } catch {
    // A frozen error keeps its stack.
  }
  return error;
}
