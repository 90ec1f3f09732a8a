/**
 * The findings about values that took long, so that nobody waits for them twice.
 *
 * To see the first key of an object, the host collects all of them: 0.25 s for a million. So a few such messages in a
 * mailbox would make a node slow each time that somebody looks at it.
 *
 * @module
 */

/** The time from which on a result is kept, in milliseconds. */
const SLOW = 2;

/** Results for values that nobody changes, such as messages in a mailbox. */
export class SlowValues<T> {
  readonly #known: WeakMap<object, T> = new WeakMap();

  /** The result for a value, which is found once if that takes long. */
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
