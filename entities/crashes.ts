/**
 * The crashes of entities that count: too many within some time park a key.
 *
 * @module
 */

import type { Definition } from "./entity_types.ts";

/** An entity that crashed too often. */
export interface ParkedEntity {
  /** The type. */
  type: string;
  /** The key. */
  key: string;
  /** The last error. */
  reason: unknown;
}

interface Recent {
  /** The moments of the crashes. */
  readonly at: number[];
  /** When none of them counts any more. */
  readonly until: number;
}

/** The recent crashes of a node's entities, by key. */
export class Crashes {
  /** Those that crashed last are at the end. */
  readonly #recent = new Map<string, Recent>();

  /** The number of keys with crashes that count. */
  get size(): number {
    return this.#recent.size;
  }

  /** Notes a crash; returns how many there were, of those that count together. */
  note(
    id: string,
    now: number,
    { maxSeconds }: Definition["options"],
  ): number {
    for (const [other, { until }] of this.#recent) {
      if (until > now) break;
      this.#recent.delete(other);
    }
    const time = 1000 * maxSeconds;
    const before = this.#recent.get(id)?.at ?? [];
    const at = [...before.filter((at) => at > now - time), now];
    this.forget(id);
    this.#recent.set(id, { at, until: now + time });
    return at.length;
  }

  forget(id: string): void {
    this.#recent.delete(id);
  }
}
