/**
 * A store in memory, for tests.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { checkOptions, FUNCTION } from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { compareKeys } from "./key_range.ts";
import type {
  DueAlarm,
  ShardEpoch,
  Store,
  StoreAppend,
  StoredEvent,
  StoredState,
  StoreNode,
  StoreShard,
  StoreView,
  StoreWrite,
  StreamPart,
  WriteResult,
} from "./store.ts";

/** Options for {@linkcode memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * The store's clock: milliseconds since 1970.
   *
   * @default {Date.now}
   */
  now?: () => number;
  /**
   * Runs a statement of `room.sql`. If it throws, the call fails, and nothing of it is stored; what this function has done
   * for earlier statements of the call stays. Without it, calls that use `room.sql` fail.
   */
  sql?: (text: string, params: readonly (string | number | null)[]) => void;
}

const MEMORY_OPTIONS: OptionChecks<MemoryStoreOptions> = {
  now: FUNCTION,
  sql: FUNCTION,
};

function noSql(): never {
  throw new Error(
    "a store in memory has no SQL; give it a function: memoryStore({ sql })",
  );
}

/**
 * A store in the memory of the program, for tests: the nodes of one program share it, and it is gone with the program.
 *
 * @example Usage
 * ```ts
 * import { memoryStore } from "@otp/distribution/entities";
 * import { assertEquals } from "@std/assert";
 *
 * const store = memoryStore();
 * await store.join({ id: "1", name: "alex@localhost", info: "" });
 * assertEquals(await store.claim("1", [{ shard: "room/0", epoch: 0 }]), [{ shard: "room/0", epoch: 1 }]);
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkOptions(options, "make a store in memory", MEMORY_OPTIONS, "{ now }");
  const { now = Date.now, sql = noSql } = options;
  return new MemoryStore(now, sql);
}

interface StateRow
  extends Omit<StoreWrite, "appends" | "ended" | "statements"> {
  body: string;
}

class MemoryStore implements Store {
  readonly #now: () => number;
  readonly #sql: NonNullable<MemoryStoreOptions["sql"]>;
  readonly #settings = new Map<string, string>();
  readonly #nodes = new Map<string, StoreNode>();
  readonly #shards = new Map<string, StoreShard>();
  readonly #states = new Map<string, StateRow>();
  /** The streams of each key. The last event of a stream stays, as it has the last number. */
  readonly #logs = new Map<string, Map<string, StoredEvent[]>>();
  /** The ids of deletions. */
  readonly #deleted = new Set<string>();

  constructor(
    now: () => number,
    sql: NonNullable<MemoryStoreOptions["sql"]>,
  ) {
    this.#now = now;
    this.#sql = sql;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  setting(name: string, value: string): Promise<string> {
    const stored = this.#settings.get(name) ?? value;
    this.#settings.set(name, stored);
    return Promise.resolve(stored);
  }

  join({ id, name, info }: Omit<StoreNode, "beat">): Promise<void> {
    if (!this.#nodes.has(id)) this.#nodes.set(id, { id, name, info, beat: 0 });
    return Promise.resolve();
  }

  beat(id: string, info: string): Promise<StoreView | undefined> {
    const node = this.#nodes.get(id);
    if (node === undefined) return Promise.resolve(undefined);
    node.beat++;
    node.info = info;
    return this.view();
  }

  view(): Promise<StoreView> {
    return Promise.resolve({
      now: this.#now(),
      nodes: [...this.#nodes.values()].map((node) => ({ ...node })),
      shards: [...this.#shards.values()].map((shard) => ({ ...shard })),
    });
  }

  remove(id: string, beat?: number): Promise<boolean> {
    const node = this.#nodes.get(id);
    if (node !== undefined && (beat === undefined || node.beat === beat)) {
      this.#nodes.delete(id);
    }
    return Promise.resolve(!this.#nodes.has(id));
  }

  claim(id: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]> {
    const claimed: ShardEpoch[] = [];
    for (const { shard, epoch } of shards) {
      const row = this.#shards.get(shard);
      if (row?.owner === id) claimed.push({ shard, epoch: row.epoch });
      else if (
        this.#nodes.has(id) && (row?.epoch ?? 0) === epoch &&
        (row === undefined || !this.#nodes.has(row.owner))
      ) {
        this.#shards.set(shard, { id: shard, owner: id, epoch: epoch + 1 });
        claimed.push({ shard, epoch: epoch + 1 });
      }
    }
    return Promise.resolve(claimed);
  }

  give(
    from: string,
    to: string,
    shards: readonly ShardEpoch[],
  ): Promise<ShardEpoch[]> {
    const given: ShardEpoch[] = [];
    for (const { shard, epoch } of shards) {
      const row = this.#shards.get(shard);
      if (
        row?.owner === from && row.epoch === epoch && this.#nodes.has(to)
      ) {
        row.owner = to;
        row.epoch++;
      }
      if (row?.owner === to) given.push({ shard, epoch: row.epoch });
    }
    return Promise.resolve(given);
  }

  load(type: string, key: string): Promise<StoredState | undefined> {
    const row = this.#states.get(idOf(type, key));
    if (row === undefined) return Promise.resolve(undefined);
    const { version, body } = row;
    return Promise.resolve({ version, body });
  }

  write(
    owner: string,
    writes: readonly StoreWrite[],
  ): Promise<WriteResult[]> {
    return Promise.resolve(writes.map((write) => this.#write(owner, write)));
  }

  #write(owner: string, write: StoreWrite): WriteResult {
    const { appends = [], ended = [], statements = [], body, ...rest } = write;
    const shard = this.#shards.get(write.shard);
    if (shard?.owner !== owner || shard.epoch !== write.epoch) return "fenced";
    const id = idOf(write.type, write.key);
    const row = this.#states.get(id);
    const isWritten = row !== undefined && row.version === write.version;
    const isAsBefore = isWritten && row.epoch === write.epoch &&
      row.body === body;
    const isNext = row === undefined || row.version === write.version - 1;
    const fits = body === null ? isWritten : isAsBefore || isNext;
    const streams = this.#logs.get(id) ?? new Map<string, StoredEvent[]>();
    if (!fits || !appends.every((append) => fitsIn(streams, append))) {
      return "conflict";
    }
    try {
      for (const { text, params } of isAsBefore ? [] : statements) {
        this.#sql(text, params);
      }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
    for (const append of appends) this.#append(streams, append);
    if (streams.size > 0) this.#logs.set(id, streams);
    if (body === null || isAsBefore) return "stored";
    this.#states.set(id, { ...rest, body });
    for (const stream of ended) streams.delete(stream);
    if (body === "") {
      this.#deleted.add(id);
      const last = streams.get("")?.at(-1);
      this.#logs.delete(id);
      if (last) this.#logs.set(id, new Map([["", [{ ...last, body: "" }]]]));
    } else this.#deleted.delete(id);
    return "stored";
  }

  #append(
    streams: Map<string, StoredEvent[]>,
    { stream, events, trim }: StoreAppend,
  ): void {
    const rows = streams.get(stream) ?? [];
    const [{ number: first }] = events;
    if (first !== 1 + (rows.at(-1)?.number ?? 0)) return;
    streams.set(stream, rows);
    if (trim !== undefined) {
      const { below, since } = trim;
      const young = rows.findIndex(({ at }) => at >= since);
      const high = rows.findIndex(({ number }) => number >= below);
      const kept = [young, high].map((i) => i === -1 ? rows.length : i);
      rows.splice(0, Math.max(...kept));
    }
    for (const event of events) rows.push({ ...event });
  }

  readLog(
    type: string,
    key: string,
    stream: string,
    after: number,
    limit: number,
    maxBytes: number,
  ): Promise<StreamPart> {
    const rows = this.#logs.get(idOf(type, key))?.get(stream) ?? [];
    const last = rows.at(-1)?.number ?? 0;
    const empty = rows[0]?.body === "" ? 1 : 0;
    const first = (rows[0]?.number ?? 1) + empty;
    const events: StoredEvent[] = [];
    let bytes = 0;
    for (
      let i = Math.max(empty, after + 1 - first + empty);
      i < rows.length && events.length < limit;
      i++
    ) {
      bytes += Buffer.byteLength(rows[i].body);
      if (bytes > maxBytes && events.length > 0) break;
      events.push({ ...rows[i] });
    }
    return Promise.resolve({ first, last, events });
  }

  keys(
    type: string,
    after: string,
    prefix: string,
    limit: number,
  ): Promise<string[]> {
    const keys = [...this.#states.values()]
      .filter(({ type: its, key, body }) =>
        its === type && body !== "" && key.startsWith(prefix) &&
        compareKeys(key, after) > 0
      )
      .map(({ key }) => key)
      .sort(compareKeys);
    return Promise.resolve(keys.slice(0, limit));
  }

  clean(shards: readonly string[], limit: number): Promise<number> {
    let removed = 0;
    for (const id of this.#deleted) {
      const { shard, epoch } = this.#states.get(id)!;
      const isOld = epoch < (this.#shards.get(shard)?.epoch ?? 0);
      if (removed === limit || !isOld || !shards.includes(shard)) continue;
      this.#states.delete(id);
      this.#deleted.delete(id);
      removed++;
    }
    return Promise.resolve(removed);
  }

  due(
    shards: readonly string[],
    before: number,
    limit: number,
  ): Promise<DueAlarm[]> {
    const wanted = new Set(shards);
    const alarms = [...this.#states.values()]
      .filter(({ shard, due }) =>
        due !== null && due <= before && wanted.has(shard)
      )
      .map(({ type, key, shard, due }) => ({ type, key, shard, due: due! }))
      .sort((one, other) => one.due - other.due);
    return Promise.resolve(alarms.slice(0, limit));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function idOf(type: string, key: string): string {
  return JSON.stringify([type, key]);
}

/** Whether events follow the last event of their stream, or are stored already. */
function fitsIn(
  streams: ReadonlyMap<string, StoredEvent[]>,
  { stream, events }: StoreAppend,
): boolean {
  const rows = streams.get(stream) ?? [];
  if (events[0].number === 1 + (rows.at(-1)?.number ?? 0)) return true;
  return events.every(({ number, at, body }) => {
    const row = rows[number - rows[0]?.number];
    return row?.at === at && row.body === body;
  });
}
