/**
 * A cache of results about values that took long to compute.
 *
 * To return the first key of an object, the host collects all keys: 0.25 s for a million. So without the cache, a few such
 * messages in a mailbox would slow the node down at each observation.
 */

/** Results that took at least this time are kept, in milliseconds. */
const SLOW = 2;

/** Caches results for values that nobody changes, such as messages in a mailbox. */
export class SlowValues<T> {
  readonly #known: WeakMap<object, T> = new WeakMap();

  /** Returns the result for a value; computes it only once if that takes long. */
  of(value: unknown, find: () => T): T {
    if (typeof value !== "object" || value === null) return find();
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const started = performance.now();
    const found = find();
    if (performance.now() - started >= SLOW) this.#known.set(value, found);
    return found;
  }
}
