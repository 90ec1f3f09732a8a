/**
 * A store that checks what it accepts, and what the nodes believe.
 *
 * - A write is accepted from the owner of its shard only, under its current epoch, and as the next version of the state.
 * - No epoch of a shard has two owners, and the epochs of a state only grow.
 * - A node that serves a shard, which is open under a valid lease, is its owner in the store, under the same epoch. So at
 *   most one node serves it.
 * - A shard changes its owner only when the one before has no entity of it in memory, or has no lease.
 * - Each statement of an accepted write runs once, and no other.
 * - What `watched_logs.ts` says of logs, runs and alarms, and `watched_calls.ts` of the methods that have asked for them.
 *
 * @module
 */

import type { EntityNode } from "@otp/entities/entity_node";
import type {
  Store,
  StoreShard,
  StoreStatement,
  StoreWrite,
} from "@otp/entities/store";
import { storeThrough } from "@otp/entities/store_calls";
import { WatchedCalls } from "./watched_calls.ts";
import { WatchedLogs } from "./watched_logs.ts";

/** The questions of a watched store to the simulation. */
export interface Watch {
  /** The parts of all nodes that are alive, except those whose clocks may be wrong. */
  parts(): Iterable<EntityNode>;
  /** The statements that the store has run, in order. */
  statements(): readonly StoreStatement[];
  /** Notes a violation. */
  broken(what: string): void;
}

/** The last write of a state. */
interface LastWrite {
  epoch: number;
  version: number;
  /** The state; empty after a deletion. */
  body: string | null;
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
  readonly #calls = new Map<string, WatchedCalls>();
  /** The accepted logs, runs and alarms. */
  readonly logs: WatchedLogs;
  #hasGoneBack = false;

  constructor(inner: Store, watch: Watch) {
    this.#inner = inner;
    this.#watch = watch;
    this.logs = new WatchedLogs((what) => watch.broken(what));
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
        const before = watch.statements().length;
        const writing = inner.write(owner, writes);
        const ran = watch.statements().slice(before);
        const results = await writing;
        for (const [i, write] of writes.entries()) {
          if (results[i] === "stored") this.#checkWrite(owner, write, ran);
          // A late copy of a write that was stored is refused.
          else if (
            results[i] === "conflict" && !this.#hasGoneBack &&
            write.version > (this.#states.get(nameOf(write))?.version ?? 0)
          ) this.#watch.broken(`the store refuses ${describe(owner, write)}`);
        }
        for (const { text } of ran) {
          watch.broken(`the store runs ${text}, and accepts no state with it`);
        }
        return results;
      },
    };
  }

  /** The epoch of a shard in the store. */
  epochOf(shard: string): number {
    return this.#rows.get(shard)?.epoch ?? 0;
  }

  /** The calls of a key. */
  callsOf(type: string, key: string): WatchedCalls {
    const id = JSON.stringify([type, key]);
    const calls = this.#calls.get(id) ?? new WatchedCalls();
    this.#calls.set(id, calls);
    return calls;
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
        this.#states.set(name, { epoch: 0, version, body });
      }
    }
    this.#rows.clear();
    for (const calls of this.#calls.values()) calls.startAnew();
    await this.logs.reload(this.#inner);
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

  /** Checks an accepted write; takes its statements from those that have run. */
  #checkWrite(
    owner: string,
    write: StoreWrite,
    ran: StoreStatement[],
  ): void {
    const { shard, epoch, version, statements = [], body } = write;
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
      { epoch: 0, version: 0, body: null };
    if (epoch < last.epoch) {
      this.#watch.broken(`the store accepts ${what} after epoch ${last.epoch}`);
    }
    // A deletion of an earlier epoch may have been removed.
    const isNew = version === 1 && last.body === "" && epoch > last.epoch ||
      // What the owner has in memory is all that is left of a state that the store has lost.
      this.#hasGoneBack && last.version === 0;
    const isAsBefore = version === last.version &&
      (body === null || body === last.body);
    if (!isNew && !isAsBefore && version !== last.version + 1) {
      this.#watch.broken(`the store accepts ${what} after ${last.version}`);
    }
    this.#states.set(key, { epoch, version, body: body ?? last.body });
    const broken = (why: string) =>
      this.#watch.broken(`the store accepts ${what}: ${why}`);
    const isAgain = !isNew && isAsBefore;
    for (const { text, params } of isAgain ? [] : statements) {
      const at = ran.findIndex((other) =>
        other.text === text && String(other.params) === String(params)
      );
      if (at === -1) broken(`it does not run the statement ${text}`);
      else ran.splice(at, 1);
    }
    const calls = this.callsOf(write.type, write.key);
    calls.accept(isAgain ? { ...write, body: null } : write, broken);
    this.logs.accept(write, calls);
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
