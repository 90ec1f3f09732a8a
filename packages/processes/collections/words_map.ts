/**
 * Values by a few 32-bit words: the monitors of Erlang's nodes, whose references have no number.
 *
 * A text of the words as the key of a `Map` took a sixth of the time of a server that 100 processes of Elixir call.
 */

import { NumberMap } from "./number_map.ts";

/** Secrets of this program: without them, a peer cannot choose many lists of words for one hash. */
const [START, FACTOR] = crypto.getRandomValues(new Uint32Array(2))
  .map((secret) => secret | 1);

/** Hashes words to a number that is not 0. */
function hashOf(words: readonly number[]): number {
  let hash = START;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i], FACTOR);
    hash ^= hash >>> 15;
  }
  return (hash >>> 0) + 1;
}

function isSame(some: readonly number[], others: readonly number[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) {
    if (some[i] !== others[i]) return false;
  }
  return true;
}

interface Entry<V> {
  readonly words: readonly number[];
  value: V;
  /** The next entry of the same hash. */
  next: Entry<V> | undefined;
}

/** A hash table. */
export class WordsMap<V> {
  readonly #entries = new NumberMap<Entry<V>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  #find(words: readonly number[], hash: number): Entry<V> | undefined {
    let entry = this.#entries.get(hash);
    while (entry !== undefined && !isSame(entry.words, words)) {
      entry = entry.next;
    }
    return entry;
  }

  get(words: readonly number[]): V | undefined {
    return this.#find(words, hashOf(words))?.value;
  }

  set(words: readonly number[], value: V): void {
    const hash = hashOf(words);
    const entry = this.#find(words, hash);
    if (entry !== undefined) return void (entry.value = value);
    const next = this.#entries.get(hash);
    this.#entries.set(hash, { words, value, next });
    this.#size++;
  }

  delete(words: readonly number[]): void {
    const hash = hashOf(words);
    const entry = this.#find(words, hash);
    if (entry === undefined) return;
    this.#size--;
    const first = this.#entries.get(hash)!;
    if (first === entry) {
      if (entry.next === undefined) this.#entries.delete(hash);
      else this.#entries.set(hash, entry.next);
      return;
    }
    let before = first;
    while (before.next !== entry) before = before.next!;
    before.next = entry.next;
  }
}
