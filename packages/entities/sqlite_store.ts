/**
 * A store in a file of SQLite, by `node:sqlite`.
 *
 * Nodes of one machine share the file: of one program, of several, and of threads. A function runs at once and
 * blocks its thread meanwhile, for the time of one write to the disk. It does not wait for others there: if another
 * program writes, it tries again later.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { BigIntStats } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checkOptions, FLAG } from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import { typeError } from "@otp/processes/values/options";
import type { OptionChecks } from "@otp/processes/values/options";
import { keyRange } from "./key_range.ts";
import type {
  DueAlarm,
  ShardEpoch,
  Store,
  StoreAppend,
  StoredEvent,
  StoredState,
  StoreNode,
  StoreShard,
  StoreStatement,
  StoreView,
  StoreWrite,
  StreamPart,
  WriteResult,
} from "./store.ts";

/** Options for {@linkcode sqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * Whether a write is on the disk before it is accepted. Without it, the last writes before a power failure may be
   * lost; a crash of the program loses none.
   *
   * @default {true}
   */
  sync?: boolean;
}

const SQLITE_OPTIONS: OptionChecks<SqliteStoreOptions> = { sync: FLAG };

/**
 * A store in a file, by `node:sqlite`: the nodes of one machine share it. Nothing has to be installed or started.
 *
 * The file is created with its tables by the first node, and only its owner can read and write it; one that is there
 * keeps its permissions. Beside it are two more, `-wal` and `-shm`. It must be on a disk of the machine, as SQLite's
 * locks do not work on network file systems.
 *
 * If one of the files is deleted or replaced under a store that is in use, all its functions reject from then on, as those
 * of a store that cannot be reached, until the file is back or the program starts again: nothing is stored in a file that
 * nobody would find. Restore a backup while no node runs.
 *
 * @param file The path of the file; it is there, or is created. `":memory:"` is a store for one node.
 * @throws {TypeError} If the path is not a text, or empty.
 *
 * @example Usage
 * ```ts ignore
 * import { Entities, sqliteStore } from "@otp/distribution/entities";
 * import { Room } from "./room.ts";
 *
 * const child = Entities.childSpec({ types: [Room], store: sqliteStore("rooms.db") });
 * ```
 */
export function sqliteStore(
  file: string,
  options: SqliteStoreOptions = {},
): Store {
  if (typeof file !== "string" || file === "" || file.includes("\0")) {
    throw typeError(
      file,
      `Cannot make a store in the file ${
        inspect(file)
      }: give a path, such as "rooms.db"`,
    );
  }
  checkOptions(options, "make a store in a file", SQLITE_OPTIONS, "{ sync }");
  return new SqliteStore(file, options.sync ?? true);
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS node (id TEXT PRIMARY KEY, name TEXT NOT NULL, info TEXT NOT NULL, beat INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS shard (id TEXT PRIMARY KEY, owner TEXT NOT NULL, epoch INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS state (
  type TEXT NOT NULL, key TEXT NOT NULL, shard TEXT NOT NULL, epoch INTEGER NOT NULL, version INTEGER NOT NULL,
  body TEXT NOT NULL, due REAL, PRIMARY KEY (type, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS state_due ON state (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS state_deleted ON state (shard) WHERE body = '';
CREATE TABLE IF NOT EXISTS log (
  type TEXT NOT NULL, key TEXT NOT NULL, stream TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY (type, key, stream, number)
) STRICT, WITHOUT ROWID;
`;

/** How long SQLite itself waits for a lock, in milliseconds; it blocks the thread. */
const BUSY = 2;

/** The bounds of the pause before a function tries again, in milliseconds. */
const PAUSE = { min: 1, max: 16 };

/** The number of attempts: about 10 s. */
const ATTEMPTS = 800;

type Sql = (text: string) => StatementSync;

/** An open database, and the check that its files are where they were. */
interface Opened {
  db: DatabaseSync;
  check: () => void;
}

class SqliteStore implements Store {
  readonly #file: string;
  readonly #sync: boolean;
  readonly #statements = new Map<string, StatementSync>();
  #opened: Promise<Opened> | undefined;
  /** The transactions under way: those that wait for a lock. */
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(file: string, sync: boolean) {
    this.#file = file;
    this.#sync = sync;
  }

  async open(): Promise<void> {
    await this.#database();
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new Error(
      `Cannot use the store ${this.#file}: it is closed; make another by sqliteStore()`,
    );
  }

  #database(): Promise<Opened> {
    this.#assertOpen();
    return this.#opened ??= this.#start().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
  }

  async #start(): Promise<Opened> {
    // Imported late: Bun has no such module, and other stores need none.
    const { DatabaseSync } = await import("node:sqlite");
    const fs = await import("node:fs");
    createPrivately(fs, this.#file);
    const db = new DatabaseSync(this.#file);
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY}`);
      await patiently(() => db.exec("PRAGMA journal_mode = WAL"));
      db.exec(`PRAGMA synchronous = ${this.#sync ? "FULL" : "NORMAL"}`);
      await patiently(() => inTransaction(db, () => db.exec(SCHEMA)));
      return { db, check: fileCheck(fs, db) };
    } catch (error) {
      db.close();
      throw error;
    }
  }

  #run<T>(fn: (sql: Sql, db: DatabaseSync) => T): Promise<T> {
    const running = this.#transaction(fn);
    this.#underWay.add(running);
    const ended = () => void this.#underWay.delete(running);
    running.then(ended, ended);
    return running;
  }

  /** Runs a transaction, all of it within one turn. */
  async #transaction<T>(fn: (sql: Sql, db: DatabaseSync) => T): Promise<T> {
    const { db, check } = await this.#database();
    const sql = (text: string) => {
      let statement = this.#statements.get(text);
      if (statement === undefined) {
        this.#statements.set(text, statement = db.prepare(text));
        // A number that somebody has written may be larger than those that JavaScript counts.
        statement.setReadBigInts(true);
      }
      return statement;
    };
    return await patiently(() => {
      this.#assertOpen();
      return inTransaction(db, () => {
        const result = fn(sql, db);
        check();
        return result;
      });
    });
  }

  setting(name: string, value: string): Promise<string> {
    return this.#run((sql) => {
      sql(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING",
      )
        .run(name, value);
      const row = sql("SELECT value FROM setting WHERE name = ?").get(name);
      return row!.value as string;
    });
  }

  join({ id, name, info }: Omit<StoreNode, "beat">): Promise<void> {
    return this.#run((sql) => {
      sql(
        "INSERT INTO node (id, name, info, beat) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING",
      )
        .run(id, name, info);
    });
  }

  beat(id: string, info: string): Promise<StoreView | undefined> {
    return this.#run((sql) => {
      const { changes } = sql(
        "UPDATE node SET beat = beat + 1, info = ? WHERE id = ?",
      ).run(info, id);
      return Number(changes) === 0 ? undefined : viewOf(sql);
    });
  }

  view(): Promise<StoreView> {
    return this.#run(viewOf);
  }

  remove(id: string, beat?: number): Promise<boolean> {
    return this.#run((sql) => {
      sql("DELETE FROM node WHERE id = ? AND beat = coalesce(?, beat)")
        .run(id, beat ?? null);
      return !isNode(sql, id);
    });
  }

  claim(id: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]> {
    return this.#run((sql) => {
      const isMember = isNode(sql, id);
      const claimed: ShardEpoch[] = [];
      for (const { shard, epoch } of shards) {
        const row = shardOf(sql, shard);
        if (row?.owner === id) claimed.push({ shard, epoch: row.epoch });
        else if (
          isMember && (row?.epoch ?? 0) === epoch &&
          (row === undefined || !isNode(sql, row.owner))
        ) {
          sql(
            "INSERT INTO shard (id, owner, epoch) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch",
          ).run(shard, id, epoch + 1);
          claimed.push({ shard, epoch: epoch + 1 });
        }
      }
      return claimed;
    });
  }

  give(
    from: string,
    to: string,
    shards: readonly ShardEpoch[],
  ): Promise<ShardEpoch[]> {
    return this.#run((sql) => {
      const isMember = isNode(sql, to);
      const given: ShardEpoch[] = [];
      for (const { shard, epoch } of shards) {
        const row = shardOf(sql, shard);
        if (row?.owner === to) given.push({ shard, epoch: row.epoch });
        else if (isMember && row?.owner === from && row.epoch === epoch) {
          sql("UPDATE shard SET owner = ?, epoch = epoch + 1 WHERE id = ?")
            .run(to, shard);
          given.push({ shard, epoch: epoch + 1 });
        }
      }
      return given;
    });
  }

  load(type: string, key: string): Promise<StoredState | undefined> {
    return this.#run((sql) => {
      const row = sql(
        "SELECT version, body FROM state WHERE type = ? AND key = ?",
      ).get(type, key);
      if (row === undefined) return undefined;
      return { version: Number(row.version), body: row.body as string };
    });
  }

  async write(
    owner: string,
    writes: readonly StoreWrite[],
  ): Promise<WriteResult[]> {
    try {
      return await this.#run((sql, db) =>
        writes.map((write) =>
          write.statements === undefined
            ? writeOne(sql, owner, write)
            : writeWithStatements(sql, db, owner, write, write.statements)
        )
      );
    } catch (error) {
      // Only the end of a transaction checks constraints that are deferred: one write of these has broken them.
      const message = messageOf(error);
      if (!message.includes("FOREIGN KEY")) throw error;
      if (writes.length === 1) return [{ error: message }];
      const results: WriteResult[] = [];
      for (const write of writes) {
        results.push(...await this.write(owner, [write]));
      }
      return results;
    }
  }

  readLog(
    ...[type, key, stream, after, limit, maxBytes]: Parameters<
      Store["readLog"]
    >
  ): Promise<StreamPart> {
    return this.#run((sql) => {
      const ends = sql(ENDS).get(type, key, stream, type, key, stream)!;
      const some =
        `FROM log WHERE ${OF_STREAM} AND number > ? AND body <> '' ORDER BY log.number LIMIT ?`;
      const given = [type, key, stream, after, limit];
      const { size } = sql(
        `SELECT sum(octet_length(body)) AS size FROM (SELECT body ${some})`,
      ).get(...given)!;
      // A statement that returns all rows at once takes a third of the time.
      const rows = sql(`SELECT CAST(number AS REAL) AS n, at, body ${some}`);
      const events: StoredEvent[] = [];
      let bytes = 0;
      for (
        const row of Number(size) <= maxBytes
          ? rows.all(...given)
          : rows.iterate(...given)
      ) {
        const body = row.body as string;
        bytes += Buffer.byteLength(body);
        if (bytes > maxBytes && events.length > 0) break;
        events.push({ number: row.n as number, at: row.at as number, body });
      }
      const last = Number(ends.last);
      return { first: Number(ends.first ?? last + 1), last, events };
    });
  }

  keys(
    ...[type, after, prefix, limit]: Parameters<Store["keys"]>
  ): Promise<string[]> {
    const { from, operator, below } = keyRange(after, prefix);
    const isBelow = below === undefined ? "" : "AND key < ?";
    const bounds = below === undefined ? [from] : [from, below];
    return this.#run((sql) =>
      sql(
        `SELECT key FROM state WHERE type = ? AND key ${operator} ? ${isBelow} AND body <> '' ORDER BY key LIMIT ?`,
      ).all(type, ...bounds, limit).map(({ key }) => key as string)
    );
  }

  clean(shards: readonly string[], limit: number): Promise<number> {
    return this.#run((sql) => {
      const { changes } = sql(`DELETE FROM state WHERE (type, key) IN (
  SELECT t.type, t.key FROM state t JOIN shard s ON s.id = t.shard
  WHERE t.body = '' AND t.epoch < s.epoch AND t.shard IN (SELECT value FROM json_each(?)) LIMIT ?
)`).run(JSON.stringify(shards), limit);
      return Number(changes);
    });
  }

  due(
    shards: readonly string[],
    before: number,
    limit: number,
  ): Promise<DueAlarm[]> {
    return this.#run((sql) =>
      sql(
        "SELECT type, key, shard, due FROM state WHERE due IS NOT NULL AND due <= ? AND shard IN (SELECT value FROM json_each(?)) ORDER BY due LIMIT ?",
      ).all(before, JSON.stringify(shards), limit).map((row) => ({
        type: row.type as string,
        key: row.key as string,
        shard: row.shard as string,
        due: Number(row.due),
      }))
    );
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const opened = this.#opened;
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    this.#statements.clear();
    if (opened !== undefined) (await opened).db.close();
  }
}

type Fs = typeof import("node:fs");

/**
 * Creates the file for its owner only, as it has the states of users; SQLite gives the files beside it the same mode. A
 * file that is there is not opened: to close it would take SQLite's locks from the other stores of this program.
 */
function createPrivately({ closeSync, openSync }: Fs, file: string): void {
  // Names of databases that are no files.
  if (file.startsWith(":") || file.startsWith("file:")) return;
  try {
    closeSync(openSync(file, "ax", 0o600));
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

/** Returns a function that throws if a file of the database was deleted or replaced since. */
function fileCheck({ statSync }: Fs, db: DatabaseSync): () => void {
  const [{ file }] = db.prepare("PRAGMA database_list").all();
  const stat = (path: string): BigIntStats | undefined =>
    statSync(path, { bigint: true, throwIfNoEntry: false });
  const files = file === "" ? [] : ["", "-wal", "-shm"].flatMap((end) => {
    const path = `${file}${end}`;
    const stats = stat(path);
    return stats === undefined ? [] : [{ path, stats }];
  });
  return () => {
    for (const { path, stats: { dev, ino } } of files) {
      const now = stat(path);
      if (now?.ino === ino && now.dev === dev) continue;
      throw new Error(
        `Cannot use the store ${file}: ${path} was ${
          now === undefined ? "deleted" : "replaced"
        } while it was in use; put it back, or start all nodes that use it again`,
      );
    }
  };
}

function viewOf(sql: Sql): StoreView {
  const nodes = sql("SELECT id, name, info, beat FROM node").all();
  return {
    now: Date.now(),
    nodes: nodes.map((row) =>
      ({ ...row, beat: Number(row.beat) }) as StoreNode
    ),
    shards: sql("SELECT id, owner, epoch FROM shard").all().map(asShard),
  };
}

function asShard(row: Record<string, unknown>): StoreShard {
  return { ...row, epoch: Number(row.epoch) } as StoreShard;
}

function isNode(sql: Sql, id: string): boolean {
  return sql("SELECT 1 AS found FROM node WHERE id = ?").get(id) !== undefined;
}

function shardOf(sql: Sql, id: string): StoreShard | undefined {
  const row = sql("SELECT id, owner, epoch FROM shard WHERE id = ?").get(id);
  return row && asShard(row);
}

/** Makes a write and runs its statements, unless it is stored already: all of that or nothing. */
function writeWithStatements(
  sql: Sql,
  db: DatabaseSync,
  owner: string,
  write: StoreWrite,
  statements: readonly StoreStatement[],
): WriteResult {
  const { type, key, epoch, version, body } = write;
  const isThere = sql(
    "SELECT 1 AS found FROM state WHERE type = ? AND key = ? AND epoch = ? AND version = ? AND body = ?",
  ).get(type, key, epoch, version, body) !== undefined;
  db.exec("SAVEPOINT statements");
  const result = writeOne(sql, owner, write);
  let error: string | undefined;
  try {
    if (result === "stored" && !isThere) {
      for (const statement of statements) runStatement(db, statement);
    }
  } catch (thrown) {
    error = messageOf(thrown);
    // Not the statement's fault: the whole transaction is undone, and repeated.
    if (NOT_OF_STATEMENT.test(error)) throw thrown;
    db.exec("ROLLBACK TO statements");
  }
  db.exec("RELEASE statements");
  return error === undefined ? result : { error };
}

/** The messages of a database that cannot be written to now, whatever the statement. */
const NOT_OF_STATEMENT =
  /is (locked|busy|full)|disk I\/O|malformed|read-?only|unable to open|out of memory|interrupted/;

function runStatement(
  db: DatabaseSync,
  { text, params }: StoreStatement,
): void {
  const statement = db.prepare(text);
  if (text.slice(statement.sourceSQL.length).trim() !== "") {
    throw new Error("there is more than one statement in the text");
  }
  statement.all(
    Object.fromEntries(params.map((param, i) => [`$${i + 1}`, param])),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function writeOne(sql: Sql, owner: string, write: StoreWrite): WriteResult {
  const { type, key, shard, epoch, version, body, due } = write;
  const { appends = [], ended = [] } = write;
  const fence = shardOf(sql, shard);
  if (fence?.owner !== owner || fence.epoch !== epoch) return "fenced";
  // A large state is read for a repeated write only.
  const row = sql(
    "SELECT version, epoch, CASE WHEN version = ? THEN body = ? END AS isBody FROM state WHERE type = ? AND key = ?",
  ).get(body === null ? null : version, body, type, key);
  const isWritten = row !== undefined && Number(row.version) === version;
  const isAsBefore = isWritten && Number(row.epoch) === epoch &&
    Number(row.isBody) === 1;
  const isNext = row === undefined || Number(row.version) === version - 1;
  const fits = body === null ? isWritten : isAsBefore || isNext;
  if (!fits) return "conflict";
  const next: StoreAppend[] = [];
  for (const append of appends) {
    const { last } = sql(LAST).get(type, key, append.stream)!;
    if (append.events[0].number === Number(last) + 1) next.push(append);
    else if (!areStored(sql, write, append)) return "conflict";
  }
  for (const append of next) appendTo(sql, write, append);
  if (body === null || isAsBefore) return "stored";
  sql(
    `INSERT INTO state (type, key, shard, epoch, version, body, due) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET shard = excluded.shard, epoch = excluded.epoch, version = excluded.version,
  body = excluded.body, due = excluded.due`,
  ).run(type, key, shard, epoch, version, body, due);
  for (const stream of ended) {
    sql(`DELETE FROM log WHERE ${OF_STREAM}`).run(type, key, stream);
  }
  if (body === "") {
    sql(`DELETE FROM log WHERE type = ? AND key = ? AND stream <> ''`)
      .run(type, key);
    sql(`DELETE FROM log WHERE ${OF_STREAM} AND number < ?`)
      .run(type, key, "", sql(LAST).get(type, key, "")!.last);
    sql(`UPDATE log SET body = '' WHERE ${OF_STREAM}`).run(type, key, "");
  }
  return "stored";
}

const OF_STREAM = "type = ? AND key = ? AND stream = ?";

const LAST =
  `SELECT coalesce(max(number), 0) AS last FROM log WHERE ${OF_STREAM}`;

/** The first number that is kept, and the last that was given. */
const ENDS =
  `SELECT (SELECT min(number) FROM log WHERE ${OF_STREAM} AND body <> '') AS first, (${LAST}) AS last`;

/** Whether events are in their stream already. */
function areStored(
  sql: Sql,
  { type, key }: StoreWrite,
  { stream, events }: StoreAppend,
): boolean {
  const find = sql(
    `SELECT 1 AS found FROM log WHERE ${OF_STREAM} AND number = ? AND at = ? AND body = ?`,
  );
  return events.every(({ number, at, body }) =>
    find.get(type, key, stream, number, at, body) !== undefined
  );
}

function appendTo(
  sql: Sql,
  { type, key }: StoreWrite,
  { stream, events, trim }: StoreAppend,
): void {
  if (trim !== undefined) {
    const { below, since } = trim;
    sql(
      `DELETE FROM log WHERE ${OF_STREAM} AND number < max(?, coalesce(
  (SELECT number FROM log WHERE ${OF_STREAM} AND at >= ? ORDER BY number LIMIT 1), ?))`,
    ).run(
      ...[type, key, stream, below, type, key, stream, since],
      events[0].number,
    );
  }
  const insert = sql(
    "INSERT INTO log (type, key, stream, number, at, body) VALUES (?, ?, ?, ?, ?, ?)",
  );
  for (const { number, at, body } of events) {
    insert.run(type, key, stream, number, at, body);
  }
}

function inTransaction<T>(db: DatabaseSync, fn: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = fn();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // Some errors, such as a full disk, have ended the transaction already.
    try {
      db.exec("ROLLBACK");
    } catch { /* There is none to roll back. */ }
    throw error;
  }
}

/** Tries until no other program holds the lock. */
async function patiently<T>(fn: () => T): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return fn();
    } catch (error) {
      if (attempt === ATTEMPTS || !isBusy(error)) throw error;
    }
    const pause = PAUSE.min + (PAUSE.max - PAUSE.min) * Math.random();
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Deno's errors have no code of SQLite. */
function isBusy(error: unknown): boolean {
  const { errcode, message } = error as { errcode?: number; message?: string };
  return errcode === 5 ||
    /database (table )?is (locked|busy)/.test(String(message));
}
