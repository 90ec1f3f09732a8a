/**
 * Watchers that are in an index, as their process keeps them.
 *
 * In a list, as calls of other nodes come and go: with 100 of them at a time a `Map` allocates another table every
 * few calls.
 *
 * @module
 */

import type { Pid, Ref } from "../values/pid.ts";
import type { Watcher } from "./links_and_monitors.ts";

/** A watcher in the index, with its place in the list of its process. */
export class IndexedWatcher<P> implements Watcher {
  readonly pid: Pid;
  readonly ref: Ref;
  readonly name: string | undefined;
  readonly isCall: boolean;
  /** The process that it watches. */
  readonly process: P;
  /** The one before it in the list. */
  before: IndexedWatcher<P> | undefined = undefined;
  /** The one after it in the list. */
  after: IndexedWatcher<P> | undefined = undefined;

  /** A watcher that is in no list yet. */
  constructor(
    process: P,
    pid: Pid,
    ref: Ref,
    name: string | undefined,
    isCall: boolean,
  ) {
    this.process = process;
    this.pid = pid;
    this.ref = ref;
    this.name = name;
    this.isCall = isCall;
  }
}

/** The indexed watchers of one process, the oldest first. */
export class WatcherList<P> {
  #first: IndexedWatcher<P> | undefined = undefined;
  #last: IndexedWatcher<P> | undefined = undefined;

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Adds one. */
  add(watcher: IndexedWatcher<P>): void {
    const last = this.#last;
    watcher.before = last;
    if (last === undefined) this.#first = watcher;
    else last.after = watcher;
    this.#last = watcher;
  }

  /** Removes one that is in the list. */
  remove(watcher: IndexedWatcher<P>): void {
    const { before, after } = watcher;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    watcher.before = watcher.after = undefined;
  }

  /** All of them; they may be removed meanwhile. */
  *[Symbol.iterator](): Generator<IndexedWatcher<P>> {
    let next = this.#first;
    while (next !== undefined) {
      const watcher = next;
      next = watcher.after;
      yield watcher;
    }
  }
}
