/**
 * One way to fail for functions that return a promise.
 *
 * @module
 */

/** Calls a function that returns a promise. The promise rejects with an error that the function throws. */
export function promised<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return fn();
  } catch (error) {
    return Promise.reject(error);
  }
}
