/** Callers of ledgers under load, and the check that no answer was wrong, by the tables in PostgreSQL. */

import { assert, assertEquals } from "@std/assert";
import postgres from "npm:postgres@^3";
import { EntityError } from "../../packages/entities/mod.ts";
import { Process, spawn } from "../../packages/processes/process.ts";
import { until } from "../_until.ts";
import { Ledger } from "./_host.ts";

/** The number of keys of a round. */
const KEYS = 12;

/** The number of processes that call. */
const WORKERS = 6;

/** The codes of calls that have not run. */
const NOT_RUN = ["timeout", "no_store", "no_host", "overloaded"];

interface Write {
  id: number;
  key: string;
  /** The place and the epoch in the answer, or the code of the error. */
  result: [place: number, fence: number] | string | undefined;
}

/** The row of a key after an accepted write. */
interface Accepted {
  version: number;
  size: number;
  epoch: number;
}

/** Callers that add ids to keys, and what they were told. */
export class Load implements AsyncDisposable {
  readonly #sql: postgres.Sql;
  readonly #writes: Write[] = [];
  readonly #wrong: string[] = [];
  /** The greatest place in an answer, by key. */
  readonly #sizes = new Map<string, number>();
  #round = 0;
  #reads = 0;
  #timeout = 0;
  #isOver = true;
  #ended: Promise<unknown> = Promise.resolve();
  /** The number of calls that failed, and the longest that did not, in milliseconds. */
  failed = 0;
  longest = 0;

  private constructor(sql: postgres.Sql) {
    this.#sql = sql;
  }

  /** Prepares the database: it notes each accepted write, with the owner at that moment. */
  static async start(store: string): Promise<Load> {
    const sql = postgres(store, { max: 1, fetch_types: false, onnotice() {} });
    await sql.unsafe(`
CREATE TABLE history (
  n bigserial PRIMARY KEY, key text, shard text, epoch int, version int, size int, last int, owner text, current int
);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO history (key, shard, epoch, version, size, last, owner, current)
  SELECT NEW.key, NEW.shard, NEW.epoch, NEW.version, jsonb_array_length(NEW.body::jsonb -> 's'),
    (NEW.body::jsonb -> 's' ->> -1)::int, s.owner, s.epoch
  FROM entities_shard s WHERE s.id = NEW.shard;
  RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON entities_state FOR EACH ROW EXECUTE FUNCTION note();`);
    return new Load(sql);
  }

  get keys(): string[] {
    return Array.from({ length: KEYS }, (_, n) => `${this.#round}/${n}`);
  }

  /** Calls new keys until `fn` has ended, and then checks the tables. */
  async during(
    what: string,
    timeout: number,
    fn: () => Promise<void>,
  ): Promise<void> {
    this.#round++;
    this.#timeout = timeout;
    this.#isOver = false;
    this.#reads = this.failed = this.longest = 0;
    const began = this.#writes.length;
    const workers = Array.from({ length: WORKERS }, (_, worker) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      spawn(() => this.#work(worker).then(resolve, reject));
      return promise;
    });
    this.#ended = Promise.all(workers);
    await this.servesAll();
    await fn();
    await this.servesAll();
    this.#isOver = true;
    await this.#ended;
    const writes = this.#writes.slice(began);
    await this.#check(writes);
    const outcomes = Map.groupBy(
      writes,
      ({ result }) => Array.isArray(result) ? "accepted" : result!,
    );
    const counts = Array.from(
      outcomes,
      ([outcome, { length }]) => `${length} ${outcome}`,
    );
    console.log(
      `${what}: writes: ${
        counts.join(", ")
      }; ${this.#reads} reads; the longest call took ${
        Math.round(this.longest)
      } ms`,
    );
  }

  /** Waits until a call of each key, which began after this one, was answered. */
  async servesAll(): Promise<void> {
    await until(this.#servedFromNow());
  }

  /** Waits until some more calls have failed, or a call of each key was answered. */
  async failsOrServesAll(): Promise<void> {
    const from = this.failed;
    const areServed = this.#servedFromNow();
    await until(() => this.failed > from + WORKERS || areServed());
  }

  /** Returns whether a call of each key, which began after this one, was answered. */
  #servedFromNow(): () => boolean {
    const from = this.#writes.length;
    return () => {
      const served = new Set<string>();
      for (const { key, result } of this.#writes.slice(from)) {
        if (Array.isArray(result)) served.add(key);
      }
      return served.size === KEYS;
    };
  }

  async #work(worker: number): Promise<void> {
    for (let n = worker; !this.#isOver; n++) {
      const key = this.keys[n % KEYS];
      const began = performance.now();
      const known = this.#sizes.get(key) ?? 0;
      try {
        const size = Math.floor(n / KEYS) % 3 === 2
          ? await this.#read(key)
          : await this.#write(key, n % 2 === 0);
        if (size < known) {
          this.#wrong.push(`${key}: ${size} after ${known} was seen`);
        }
        this.#sizes.set(key, Math.max(size, this.#sizes.get(key) ?? 0));
        this.longest = Math.max(this.longest, performance.now() - began);
      } catch (error) {
        if (!(error instanceof EntityError)) throw error;
        this.failed++;
      }
      // safe: the load of the machine; nothing depends on it
      await Process.sleep(10);
    }
  }

  async #read(key: string): Promise<number> {
    const size = await Ledger.get(key, { timeout: this.#timeout }).size();
    this.#reads++;
    return size;
  }

  async #write(key: string, hasId: boolean): Promise<number> {
    const id = this.#writes.length + 1;
    const write: Write = { id, key, result: undefined };
    this.#writes.push(write);
    const options = { timeout: this.#timeout, ...hasId ? { id: `${id}` } : {} };
    try {
      const result = await Ledger.get(key, options).add(id);
      write.result = result;
      return result[0];
    } catch (error) {
      write.result = error instanceof EntityError ? error.code : String(error);
      throw error;
    }
  }

  /** Asserts that the tables have each acknowledged write once, in its place, by the only owner of its epoch. */
  async #check(writes: readonly Write[]): Promise<void> {
    assertEquals(this.#wrong, []);
    const ids = new Map<string, number[]>();
    const epochs = new Map<string, number[]>();
    for (const key of this.keys) {
      const [{ body }] = await this.#sql`
        SELECT body FROM entities_state WHERE type = 'ledger' AND key = ${key}`;
      ids.set(key, JSON.parse(body).s);
      epochs.set(key, []);
    }
    const history = await this.#sql`
      SELECT * FROM history WHERE key LIKE ${`${this.#round}/%`} ORDER BY n`;
    const owners = new Map<string, string>();
    const accepted = new Map<string, Accepted>();
    for (const row of history) {
      const { key, shard, epoch, version, size, last, owner, current } = row;
      const what = JSON.stringify(row);
      assertEquals(epoch, current, `written under an old epoch: ${what}`);
      const known = owners.get(`${shard} ${epoch}`) ?? owner;
      assertEquals(owner, known, `two owners of one epoch: ${what}`);
      owners.set(`${shard} ${epoch}`, owner);
      assertEquals(last, ids.get(key)![size - 1], what);
      const before = accepted.get(key) ?? { version: 0, size: 0, epoch: 0 };
      accepted.set(key, { version, size, epoch });
      if (version === before.version) {
        // A write whose answer was lost is repeated, the same.
        assertEquals({ version, size, epoch }, before, what);
        continue;
      }
      assertEquals(version, before.version + 1, what);
      // Calls that come together share a write.
      assert(size > before.size, what);
      assert(epoch >= before.epoch, what);
      const places = epochs.get(key)!;
      while (places.length < size) places.push(epoch);
    }
    for (const key of this.keys) {
      assertEquals(epochs.get(key)!.length, ids.get(key)!.length, key);
      assertEquals(new Set(ids.get(key)).size, ids.get(key)!.length, key);
    }
    for (const { id, key, result } of writes) {
      if (Array.isArray(result)) {
        const [place, fence] = result;
        assertEquals(ids.get(key)![place - 1], id, `lost: ${id} of ${key}`);
        assertEquals(epochs.get(key)![place - 1], fence, `${id} of ${key}`);
      } else if (NOT_RUN.includes(result!)) {
        assert(!ids.get(key)!.includes(id), `${id} of ${key}: ${result}`);
      } else assertEquals(result, "unknown");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#ended.catch(() => {});
    await this.#sql.end();
  }
}
