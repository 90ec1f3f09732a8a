/** Places that a package declares, and that a package above it fills. */

/** A place for one value of each owner, such as a runtime. It is empty where no package fills it. */
export class Slot<T extends object> {
  readonly #values = new WeakMap<object, T>();

  /** Fills the place of `owner`. */
  fill(owner: object, value: T): void {
    this.#values.set(owner, value);
  }

  /** Returns the value of `owner`; `undefined` if its place is empty. */
  of(owner: object): T | undefined {
    return this.#values.get(owner);
  }
}
