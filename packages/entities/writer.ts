/**
 * Writes states and events, as many in one transaction as have come while the one before ran, and in the turn of the event
 * loop in which it could begin.
 *
 * A write whose answer is lost, or that failed, is sent again, the same: the store answers `stored` if it had stored it.
 * So every result is certain, unless the shard is lost before.
 *
 * A transaction that fails although the store has renewed the lease meanwhile has a write that the store cannot take, such
 * as one of a row that another program has locked. Its writes are sent one by one, beside later transactions: they hold up
 * no others. One that fails too often by itself is given up.
 *
 * @module
 */

import type { Runtime } from "@otp/processes/process/runtime";
import { answeredWithin, Changes, type StoreLease, turned } from "./lease.ts";
import type { OwnedShard } from "./owned_shard.ts";
import type { Store, StoreWrite, WriteResult } from "./store.ts";

/** The maximum number of writes in a transaction. */
const MAX_BATCH = 500;

/** The number of failures after which a write by itself is given up, if the store serves others. */
const GIVE_UP = 10;

/** The bounds of the pause after a failure, in milliseconds. */
const PAUSE = { min: 20, max: 1000 };

interface Pending {
  readonly shard: OwnedShard;
  readonly write: StoreWrite;
  readonly settle: (result: WriteResult) => void;
  failures: number;
  /** Whether an attempt without an answer may still store it. */
  isUncertain: boolean;
}

/** The writes of one node. */
export class Writer {
  readonly #runtime: Runtime;
  readonly #store: Store;
  readonly #lease: StoreLease;
  readonly #added = new Changes();
  readonly #queue: Pending[] = [];
  /** Writes that are sent one by one. */
  readonly #failing: Pending[] = [];
  readonly #failed = new Changes();
  /** The number of transactions, and of writes in them. */
  readonly counts = { transactions: 0, writes: 0, failures: 0 };

  constructor(runtime: Runtime, store: Store, lease: StoreLease) {
    this.#runtime = runtime;
    this.#store = store;
    this.#lease = lease;
  }

  /** Writes a state of a shard; resolves when the result is certain, or the shard is closed. */
  write(shard: OwnedShard, write: StoreWrite): Promise<WriteResult> {
    const { promise, resolve: settle } = Promise.withResolvers<WriteResult>();
    this.#queue.push({ shard, write, settle, failures: 0, isUncertain: false });
    shard.writes.set(write.key, promise);
    this.#added.notify();
    return promise;
  }

  /** Writes for ever: the code of a process of its own. */
  async run(): Promise<void> {
    await Promise.all([this.#writeQueued(), this.#writeFailing()]);
  }

  async #writeQueued(): Promise<void> {
    for (;;) {
      if (this.#queue.length === 0) await this.#added.wait();
      // Methods of other keys that can run now have their writes in this transaction.
      await turned();
      await this.#writeAll(this.#queue.splice(0, MAX_BATCH));
    }
  }

  /** Sends writes until their results are known, or one of them seems to be the cause of the failures. */
  async #writeAll(batch: Pending[]): Promise<void> {
    const since = this.#runtime.clock.now();
    for (let pause = PAUSE.min;; pause = Math.min(2 * pause, PAUSE.max)) {
      batch = await this.#try(batch);
      if (batch.length === 0) return;
      if (this.#lease.wasRenewedSince(since)) break;
      await this.#pause(pause);
    }
    this.#failing.push(...batch);
    this.#failed.notify();
  }

  async #writeFailing(): Promise<void> {
    for (let pause = PAUSE.min;; pause = Math.min(2 * pause, PAUSE.max)) {
      if (this.#failing.length === 0) {
        pause = PAUSE.min;
        await this.#failed.wait();
      }
      const left: Pending[] = [];
      for (const pending of this.#failing.splice(0)) {
        left.push(...await this.#try([pending]));
      }
      if (left.length === 0) continue;
      this.#failing.push(...left);
      await this.#pause(pause);
    }
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#runtime.deadlines.after(ms, resolve);
    return promise;
  }

  /** Returns the writes whose result is not known. */
  async #try(given: Pending[]): Promise<Pending[]> {
    const open = given.filter((pending) => {
      if (pending.shard.state !== "closed") return true;
      this.#settle(pending, "fenced");
      return false;
    });
    const { id, storeTimeout } = this.#lease;
    if (open.length === 0 || id === undefined) return open;
    let results: WriteResult[];
    try {
      results = await answeredWithin(
        this.#runtime,
        storeTimeout,
        () => this.#store.write(id, open.map(({ write }) => write)),
      );
    } catch (error) {
      this.#runtime.log.report(
        "warning",
        () => `Entities: ${open.length} writes are repeated: ${error}`,
        { what: "writes of entities" },
      );
      this.counts.failures++;
      for (const pending of open) pending.isUncertain = true;
      return open.length > 1 ? open : open.filter((pending) => {
        // One that is given up may still be stored: the next write of its entity is refused then.
        if (!this.#lease.isValid || ++pending.failures < GIVE_UP) return true;
        this.#settle(pending, "conflict");
        return false;
      });
    }
    this.counts.transactions++;
    this.counts.writes += open.length;
    for (const [i, pending] of open.entries()) {
      const result = results[i];
      // Its statement has failed now, but an attempt of before may still arrive, and store it.
      const isOpen = typeof result === "object" && pending.isUncertain;
      this.#settle(pending, isOpen ? "conflict" : result);
    }
    return [];
  }

  #settle({ shard, write, settle }: Pending, result: WriteResult): void {
    shard.writes.delete(write.key);
    settle(result);
  }
}
