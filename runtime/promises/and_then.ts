/**
 * Goes on with a value that may be a promise: in the same turn if it is none.
 *
 * A server answers many requests without waiting, and a lookup that is answered at once must not let later
 * messages overtake the request. `await` would cost both a turn of the microtask queue.
 *
 * @param value The value, or a promise of it.
 * @param next Takes the value.
 * @param failed Takes the error of a promise that rejects.
 * @returns The result of `next`; a promise of it if the value was a promise.
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
