/**
 * A store with a standby that lags: its last transactions can be lost, as when a database fails over.
 *
 * @module
 */

import type { Store, StoreView } from "@otp/entities/store";
import { storeThrough } from "@otp/entities/store_calls";

/** The functions that change nothing. */
const READS: readonly (keyof Store)[] = [
  "open",
  "view",
  "load",
  "readLog",
  "keys",
  "due",
];

/** A change of the store. */
interface Change {
  name: keyof Store;
  run: (store: Store) => Promise<unknown>;
}

/** A store whose last changes can be lost. */
export class StandbyStore {
  /** The store, for nodes. */
  readonly store: Store;
  /** Whether views have a timeline, as those of PostgreSQL. */
  readonly #hasTimeline: boolean;
  readonly #open: () => Store;
  #primary: Store;
  #timeline = 1;
  #changes: Change[] = [];

  /** A store of those that a function makes, which are empty. */
  constructor(open: () => Store, { hasTimeline = true } = {}) {
    this.#open = open;
    this.#hasTimeline = hasTimeline;
    this.#primary = open();
    this.store = storeThrough(this.#primary, (name, _, args) => {
      const run = (store: Store) =>
        (store[name] as (...args: unknown[]) => Promise<unknown>)
          .apply(store, args);
      if (!READS.includes(name)) this.#changes.push({ name, run });
      return run(this.#primary).then((value) => this.#stamped(name, value));
    });
  }

  /** The number of changes so far. */
  get changes(): number {
    return this.#changes.length;
  }

  /** Has a standby take over, which has only that number of changes. */
  async goBackTo(changes: number): Promise<void> {
    const standby = this.#open();
    const applied = this.#changes.slice(0, changes);
    for (const { run } of applied) await run(standby);
    this.#changes = applied;
    this.#primary = standby;
    this.#timeline++;
  }

  #stamped(name: keyof Store, value: unknown): unknown {
    if (!this.#hasTimeline || value === undefined) return value;
    return name === "view" || name === "beat"
      ? { ...value as StoreView, timeline: String(this.#timeline) }
      : value;
  }
}
