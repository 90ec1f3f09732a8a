/** The groups that a process has joined. */

import type { TermKey } from "../../core/values/term_key.ts";

/**
 * The joins of one process, in their order. A process can join a group several times; leaving removes the last join, in
 * constant time.
 */
export class Joins {
  readonly #groups = new Map<number, TermKey>();
  readonly #numbers = new Map<TermKey, number[]>();
  #next = 0;

  /** The number of joins. */
  get size(): number {
    return this.#groups.size;
  }

  /** Adds a join. */
  add(group: TermKey): void {
    const number = this.#next++;
    this.#groups.set(number, group);
    const numbers = this.#numbers.get(group);
    if (numbers === undefined) this.#numbers.set(group, [number]);
    else numbers.push(number);
  }

  /** Removes the last join of a group; returns false if there is no join. */
  take(group: TermKey): boolean {
    const numbers = this.#numbers.get(group);
    if (numbers === undefined) return false;
    this.#groups.delete(numbers.pop()!);
    if (numbers.length === 0) this.#numbers.delete(group);
    return true;
  }

  /** Returns the groups, the last joined group first. */
  groups(): TermKey[] {
    return [...this.#groups.values()].reverse();
  }
}
