/** The queue of a pool, in the order in which its runs came. */

/** An entry of one queue at a time. The queue alone uses `before`, `after` and `isQueued`. */
export interface QueueEntry<T> {
  /** The entry's place in the order: a smaller ticket is earlier. */
  readonly ticket: number;
  /** The previous entry. */
  before: T | undefined;
  /** The next entry. */
  after: T | undefined;
  /** Whether the entry is in a queue. */
  isQueued: boolean;
}

/**
 * Entries in the order of their tickets, in a linked list, since any entry can be removed at any time. An entry whose
 * supervisor was full or lost comes back to its old place; finding it passes only entries that came back before.
 */
export class RunQueue<T extends QueueEntry<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;
  /** The entry that came back last: when a node is lost, many entries come back in order. */
  #returned: T | undefined;

  /** The earliest entry. */
  get first(): T | undefined {
    return this.#first;
  }

  /** The latest entry. */
  get last(): T | undefined {
    return this.#last;
  }

  /** The number of entries. */
  get length(): number {
    return this.#length;
  }

  /** Adds an entry at its place. */
  add(entry: T): void {
    const { ticket } = entry;
    const last = this.#last;
    if (last === undefined || last.ticket < ticket) {
      return this.#insert(entry, last, undefined);
    }
    const returned = this.#returned;
    let after = returned?.isQueued && returned.ticket < ticket
      ? returned.after
      : this.#first;
    while (after!.ticket < ticket) after = after!.after;
    this.#insert(entry, after!.before, after);
    this.#returned = entry;
  }

  #insert(entry: T, before: T | undefined, after: T | undefined): void {
    entry.before = before;
    entry.after = after;
    entry.isQueued = true;
    if (before === undefined) this.#first = entry;
    else before.after = entry;
    if (after === undefined) this.#last = entry;
    else after.before = entry;
    this.#length++;
  }

  /** Removes an entry; returns whether the entry was queued. */
  remove(entry: T): boolean {
    if (!entry.isQueued) return false;
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    entry.before = entry.after = undefined;
    entry.isQueued = false;
    if (this.#returned === entry) this.#returned = undefined;
    this.#length--;
    return true;
  }
}
