/**
 * A map that mostly has one entry or none.
 *
 * A process has up to five of them (its links, monitors, watchers, aliases, waits). A `Map` takes 200 bytes
 * and more at its first entry; with one for each, they were a fifth of the memory of an idle server, and
 * the garbage collector's work at a start follows from that.
 *
 * @module
 */

/** A map that keeps a single entry in its own fields, and more in a `Map`. */
export class FewMap<K, V> {
  #key: K | undefined = undefined;
  #value: V | undefined = undefined;
  #hasOne = false;
  /** All entries, from the moment that there were two. */
  #all: Map<K, V> | undefined = undefined;

  /** How many entries there are. */
  get size(): number {
    return this.#all === undefined ? (this.#hasOne ? 1 : 0) : this.#all.size;
  }

  /** The value of a key. */
  get(key: K): V | undefined {
    if (this.#all !== undefined) return this.#all.get(key);
    return this.#hasOne && this.#key === key ? this.#value : undefined;
  }

  /** Whether there is an entry for a key. */
  has(key: K): boolean {
    if (this.#all !== undefined) return this.#all.has(key);
    return this.#hasOne && this.#key === key;
  }

  /** Adds an entry, or replaces the value of a key. */
  set(key: K, value: V): void {
    if (this.#all !== undefined) {
      this.#all.set(key, value);
    } else if (!this.#hasOne || this.#key === key) {
      this.#hasOne = true;
      this.#key = key;
      this.#value = value;
    } else {
      this.#all = new Map([[this.#key!, this.#value!], [key, value]]);
      this.#forgetOne();
    }
  }

  /** Removes the entry of a key; returns whether there was one. */
  delete(key: K): boolean {
    if (this.#all !== undefined) return this.#all.delete(key);
    if (!this.#hasOne || this.#key !== key) return false;
    this.#forgetOne();
    return true;
  }

  /** The keys, the oldest first. */
  keys(): Iterable<K> {
    return this.#all?.keys() ?? (this.#hasOne ? [this.#key!] : []);
  }

  /** The values, the oldest first. */
  values(): Iterable<V> {
    return this.#all?.values() ?? (this.#hasOne ? [this.#value!] : []);
  }

  /** The entries, the oldest first. */
  [Symbol.iterator](): Iterator<[K, V]> {
    const entries: Iterable<[K, V]> = this.#all ??
      (this.#hasOne ? [[this.#key!, this.#value!]] : []);
    return entries[Symbol.iterator]();
  }

  #forgetOne(): void {
    this.#hasOne = false;
    this.#key = this.#value = undefined;
  }
}
