/**
 * A store that checks what it accepts, and what the nodes believe.
 *
 * - A write is accepted from the owner of its shard only, under its current epoch, and as the next version of the state.
 * - No epoch of a shard has two owners, and the epochs of a state only grow.
 * - A node that serves a shard, which is open under a valid lease, is its owner in the store, under the same epoch. So at
 *   most one node serves it.
 * - A shard changes its owner only when the one before has no entity of it in memory, or has no lease.
 *
 * @module
 */

import type { EntityNode } from "@otp/entities/entity_node";
import type { Store, StoreShard, StoreWrite } from "@otp/entities/store";
import { storeThrough } from "@otp/entities/store_calls";

/** The questions of a watched store to the simulation. */
export interface Watch {
  /** The parts of all nodes that are alive, except those whose clocks may be wrong. */
  parts(): Iterable<EntityNode>;
  /** Notes a violation. */
  broken(what: string): void;
}

/** The last write of a state. */
interface LastWrite {
  epoch: number;
  version: number;
  isDeletion: boolean;
}

/** A store that checks what it accepts. */
export class WatchedStore {
  /** The store, for nodes. */
  readonly store: Store;
  readonly #inner: Store;
  readonly #watch: Watch;
  readonly #rows = new Map<string, StoreShard>();
  readonly #owners = new Map<string, string>();
  readonly #states = new Map<string, LastWrite>();
  #hasGoneBack = false;

  constructor(inner: Store, watch: Watch) {
    this.#inner = inner;
    this.#watch = watch;
    this.store = {
      ...storeThrough(inner, (_, call) => call()),
      remove: async (id, beat) => this.#checked(await inner.remove(id, beat)),
      claim: async (id, shards) => this.#checked(await inner.claim(id, shards)),
      give: async (from, to, shards) => {
        const given = await inner.give(from, to, shards);
        for (const { shard } of given) this.#checkEmpty(shard, from);
        return this.#checked(given);
      },
      write: async (owner, writes) => {
        const results = await inner.write(owner, writes);
        for (const [i, write] of writes.entries()) {
          if (results[i] === "stored") this.#checkWrite(owner, write);
          // A late copy of a write that was stored is refused.
          else if (
            results[i] === "conflict" && !this.#hasGoneBack &&
            write.version > (this.#states.get(nameOf(write))?.version ?? 0)
          ) this.#watch.broken(`the store refuses ${describe(owner, write)}`);
        }
        return results;
      },
    };
  }

  /** The epoch of a shard in the store. */
  epochOf(shard: string): number {
    return this.#rows.get(shard)?.epoch ?? 0;
  }

  /** Forgets all that it has seen, as the store has gone back, and reads what is there. */
  async startAnew(): Promise<void> {
    this.#hasGoneBack = true;
    this.#owners.clear();
    for (const name of this.#states.keys()) {
      const [type, key] = JSON.parse(name);
      const row = await this.#inner.load(type, key);
      if (row === undefined) this.#states.delete(name);
      else {
        const { version, body } = row;
        this.#states.set(name, { epoch: 0, version, isDeletion: body === "" });
      }
    }
    this.#rows.clear();
    await this.check();
  }

  /** Checks what the nodes believe. */
  async check(): Promise<void> {
    const { shards } = await this.#inner.view();
    for (const row of shards) this.#rows.set(row.id, row);
    for (const part of this.#watch.parts()) {
      for (const { id, epoch, state } of part.owned.values()) {
        if (state !== "open" || !part.lease.isValid) continue;
        const row = this.#rows.get(id);
        if (row?.owner === part.lease.id && row?.epoch === epoch) continue;
        this.#watch.broken(
          `${part.runtime.node} serves the shard ${id} under epoch ${epoch}, and in the store ${row?.owner} owns it under ${row?.epoch}`,
        );
      }
    }
  }

  async #checked<T>(value: T): Promise<T> {
    await this.check();
    return value;
  }

  #checkEmpty(shard: string, from: string): void {
    for (const part of this.#watch.parts()) {
      const own = part.owned.get(shard);
      if (part.lease.id !== from || !own || own.entities.size === 0) continue;
      this.#watch.broken(
        `${part.runtime.node} hands ${shard} over while ${own.entities.size} entities of it are in memory`,
      );
    }
  }

  #checkWrite(owner: string, write: StoreWrite): void {
    const { shard, epoch, version } = write;
    const what = describe(owner, write);
    const key = nameOf(write);
    const row = this.#rows.get(shard);
    if (row?.owner !== owner || row.epoch !== epoch) {
      this.#watch.broken(
        `the store accepts ${what}, and ${row?.owner} owns its shard under epoch ${row?.epoch}`,
      );
    }
    const term = `${shard} ${epoch}`;
    const other = this.#owners.get(term) ?? owner;
    this.#owners.set(term, other);
    if (other !== owner) {
      this.#watch.broken(`the store accepts ${what}, as it did from ${other}`);
    }
    const last = this.#states.get(key) ??
      { epoch: 0, version: 0, isDeletion: false };
    if (epoch < last.epoch) {
      this.#watch.broken(`the store accepts ${what} after epoch ${last.epoch}`);
    }
    // A deletion of an earlier epoch may have been removed.
    const isNew = version === 1 && last.isDeletion && epoch > last.epoch ||
      // What the owner has in memory is all that is left of a state that the store has lost.
      this.#hasGoneBack && last.version === 0;
    if (!isNew && version !== last.version && version !== last.version + 1) {
      this.#watch.broken(`the store accepts ${what} after ${last.version}`);
    }
    this.#states.set(key, { epoch, version, isDeletion: write.body === "" });
  }
}

function nameOf({ type, key }: StoreWrite): string {
  return JSON.stringify([type, key]);
}

function describe(owner: string, write: StoreWrite): string {
  const { type, key, version, epoch } = write;
  return `version ${version} of the ${type} ${
    JSON.stringify(key)
  } from ${owner} under epoch ${epoch}`;
}
