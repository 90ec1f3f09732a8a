/**
 * The crashes of entities that count: too many within some time park a key.
 *
 * @module
 */

import { pauseAfter } from "./backoff.ts";
import type { Definition } from "./entity_types.ts";

/** An entity that crashed too often. */
export interface ParkedEntity {
  /** The name under which its type is defined. */
  type: string;
  /** Identifies the entity within its type. */
  key: string;
  /** The last error. */
  reason: unknown;
  /**
   * When a call or an alarm starts it again, in milliseconds since 1970 of the store's clock; `null` if only
   * `Entities.release` does.
   */
  until: number | null;
}

/** The most keys whose crashes are counted, and the most that are parked: any node can call methods that throw. */
const MAX_KEYS = 10_000;

/** Adds an entry; of too many, removes the oldest. */
export function setNewest<T>(map: Map<string, T>, id: string, value: T): void {
  map.set(id, value);
  if (map.size > MAX_KEYS) map.delete(map.keys().next().value!);
}

interface Recent {
  /** The moments of the crashes. */
  readonly at: number[];
  /** When none of them counts any more. */
  readonly until: number;
}

/** A time that a key was parked. */
interface Parking {
  /** How often it was parked in a row. */
  readonly times: number;
  /** Milliseconds. */
  readonly pause: number;
  /** The end, on the node's clock. */
  readonly until: number;
}

/** The recent crashes of a node's entities, by key. */
export class Crashes {
  /** Those that crashed last are at the end. */
  readonly #recent = new Map<string, Recent>();
  /** The last time that each key was parked. */
  readonly #parkings = new Map<string, Parking>();

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
    this.clear(id);
    setNewest(this.#recent, id, { at, until: now + time });
    return at.length;
  }

  clear(id: string): void {
    this.#recent.delete(id);
  }

  /**
   * Returns how long a key is parked, in milliseconds. Each pause is twice as long as the pause before, until the key has been
   * well for as long as it was parked.
   */
  park(
    id: string,
    now: number,
    { retryParked }: Definition["options"],
  ): number {
    this.clear(id);
    const last = this.#parkings.get(id);
    const isInRow = last !== undefined && now < last.until + last.pause;
    const times = isInRow ? last.times + 1 : 1;
    const pause = pauseAfter(times, retryParked) ?? Infinity;
    this.#parkings.delete(id);
    setNewest(this.#parkings, id, { times, pause, until: now + pause });
    return pause;
  }

  /** Whether a key is parked no longer. */
  mayStart(id: string, now: number): boolean {
    const parking = this.#parkings.get(id);
    return parking !== undefined && now >= parking.until;
  }

  /** Forgets the crashes of a key. */
  release(id: string): void {
    this.clear(id);
    this.#parkings.delete(id);
  }
}
