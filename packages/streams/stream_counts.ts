/**
 * The number of streams, as this node knows it.
 *
 * A count in the store would be one more write for each creation. So a node counts the keys that the store has, and then
 * its own creations until these are a hundredth of the limit. A creation so costs the read of 100 keys, and the number is
 * wrong by what was deleted, and by what other nodes have created meanwhile.
 *
 * @module
 */

import { Entities } from "@otp/entities";
import type { StreamType } from "./stream_entity.ts";

/** The keys of one read. */
const PAGE = 10_000;

/** The owners whose number of streams a node remembers. */
const OWNERS = 10_000;

/** Milliseconds until streams are counted again if there are as many as there may be. */
const FULL = 1000;

interface Count {
  streams: Promise<number>;
  countedAt: number;
  /** The streams that this node has created since then. */
  created: number;
}

/** The numbers of streams whose names begin in the same way. */
export class StreamCounts {
  readonly #type: StreamType;
  readonly #counts = new Map<string, Count>();

  constructor(type: StreamType) {
    this.#type = type;
  }

  /** Whether there are `max` streams whose names begin with `prefix`. */
  async isFull(prefix: string, max: number): Promise<boolean> {
    let count = this.#counts.get(prefix);
    if (count === undefined || count.created > max / 100) {
      count = this.#count(prefix, max);
    }
    if (await isFull(count, max) && Date.now() - count.countedAt >= FULL) {
      count = this.#count(prefix, max);
    }
    return await isFull(count, max);
  }

  /** Counts a stream that was created. */
  add(prefix: string): void {
    const count = this.#counts.get(prefix);
    if (count !== undefined) count.created++;
  }

  #count(prefix: string, max: number): Count {
    const count: Count = {
      streams: this.#keys(prefix, max),
      countedAt: Date.now(),
      created: 0,
    };
    count.streams.catch(() => {
      if (this.#counts.get(prefix) === count) this.#counts.delete(prefix);
    });
    this.#counts.delete(prefix);
    this.#counts.set(prefix, count);
    if (this.#counts.size > OWNERS) {
      this.#counts.delete(this.#counts.keys().next().value!);
    }
    return count;
  }

  async #keys(prefix: string, max: number): Promise<number> {
    let number = 0;
    for (let after = ""; number < max;) {
      const options = { after, prefix, limit: Math.min(PAGE, max - number) };
      const keys = await Entities.keys(this.#type, options);
      number += keys.length;
      if (keys.length < options.limit) break;
      after = keys.at(-1)!;
    }
    return number;
  }
}

async function isFull({ streams, created }: Count, max: number) {
  return await streams + created >= max;
}
