/**
 * A store in PostgreSQL, over any client.
 *
 * Each function is one statement, which is one transaction by itself, or a second one if the first has changed nothing. So it needs no connection of its own, and works
 * through a pool and through pgbouncer in transaction mode. Rows are locked in the order of their ids, so no
 * two statements can block each other.
 *
 * A write takes a share lock on the row of its shard. A change of the owner, which updates that row, waits for the write;
 * a write that waited for a change sees the new epoch and stores nothing (READ COMMITTED checks the condition again).
 *
 * A write with statements of the user calls a function of the database, which is a transaction of its own.
 *
 * Each node asks for all shards again and again, and they rarely change. So a question has the digest of the shards in the
 * last answer, and the database sends shards only if their digest is another one. It is one of their content: a database
 * that goes back has it only with the same shards.
 *
 * @module
 */

import { checkOptions, FLAG } from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";
import { keyRange } from "./key_range.ts";
import type {
  DueAlarm,
  ShardEpoch,
  Store,
  StoredEvent,
  StoredState,
  StoreNode,
  StoreShard,
  StoreView,
  StoreWrite,
  StreamPart,
  WriteResult,
} from "./store.ts";

/** A row of a result. */
export type SqlRow = Record<string, unknown>;

/**
 * Runs a statement with parameters `$1`, `$2` and so on, which are texts, numbers and `null`, and returns the rows. It may
 * return a result with `rows`, as `pg` does.
 */
export type PostgresQuery = (
  text: string,
  params: (string | number | null)[],
) => PromiseLike<readonly SqlRow[] | { readonly rows: readonly SqlRow[] }>;

/** Options for {@linkcode postgresStore}. */
export interface PostgresStoreOptions {
  /**
   * Whether the tables are created and migrated by the store. If not, run the statements of
   * {@linkcode postgresSchema} before.
   *
   * @default {true}
   */
  migrate?: boolean;
  /**
   * The beginning of the tables' names, such as `"entities_"` or `"my_schema.entities_"`.
   *
   * @default {"entities_"}
   */
  prefix?: string;
}

const POSTGRES_OPTIONS: OptionChecks<PostgresStoreOptions> = {
  migrate: FLAG,
  prefix: true,
};

/**
 * Returns the statements that create the tables and a function, for those who run migrations themselves.
 *
 * They may run again: they change nothing that is there.
 *
 * @param prefix The beginning of the tables' names.
 * @returns The statements, in order.
 * @throws {TypeError} If the prefix is not a name in lower case.
 *
 * @example Print them
 * ```ts
 * import { postgresSchema } from "@otp/distribution/entities";
 * import { assert } from "@std/assert";
 *
 * assert(postgresSchema().join(";\n").includes("CREATE TABLE IF NOT EXISTS entities_state"));
 * ```
 */
export function postgresSchema(prefix: string = "entities_"): string[] {
  if (
    typeof prefix !== "string" ||
    !/^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*$/.test(prefix)
  ) {
    throw new TypeError(
      `Cannot name tables with the prefix ${
        JSON.stringify(prefix)
      }: use lower-case letters, digits and underscores, as in "entities_"`,
    );
  }
  const index = prefix.slice(prefix.indexOf(".") + 1);
  return [
    `CREATE TABLE IF NOT EXISTS ${prefix}setting (
  name text PRIMARY KEY,
  value text NOT NULL
)`,
    `CREATE TABLE IF NOT EXISTS ${prefix}node (
  id text PRIMARY KEY,
  name text NOT NULL,
  info text NOT NULL,
  beat bigint NOT NULL
)`,
    `CREATE TABLE IF NOT EXISTS ${prefix}shard (
  id text PRIMARY KEY,
  owner text NOT NULL,
  epoch bigint NOT NULL
)`,
    `CREATE TABLE IF NOT EXISTS ${prefix}state (
  type text NOT NULL,
  key text COLLATE "C" NOT NULL,
  shard text NOT NULL,
  epoch bigint NOT NULL,
  version bigint NOT NULL,
  body text NOT NULL,
  due double precision,
  PRIMARY KEY (type, key)
)`,
    `CREATE TABLE IF NOT EXISTS ${prefix}log (
  type text NOT NULL,
  key text NOT NULL,
  stream text NOT NULL,
  number bigint NOT NULL,
  at double precision NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (type, key, stream, number)
)`,
    `CREATE INDEX IF NOT EXISTS ${index}state_due ON ${prefix}state (due) WHERE due IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS ${index}state_deleted ON ${prefix}state (shard) WHERE body = ''`,
    writeFunction(prefix),
  ];
}

/**
 * A store in PostgreSQL 12 or later, over the client that the program has: `pg`, `postgres`, `Bun.SQL`, PGlite, or any
 * other function that runs a statement with parameters.
 *
 * Give it a pool of at least two connections, and a time limit for statements in the client or the server: nodes stop
 * waiting for an answer by themselves, but a connection that hangs must come back.
 *
 * @returns The store. It does not close the client.
 * @throws {TypeError} If the prefix is not a name in lower case.
 *
 * @example With `pg`, or with `postgres`
 * ```ts ignore
 * import { Pool } from "pg";
 * import postgres from "postgres";
 * import { postgresStore } from "@otp/distribution/entities";
 *
 * const pool = new Pool({ query_timeout: 10_000 });
 * pool.on("error", () => {}); // Without it, an idle connection that is lost ends the program.
 * const store = postgresStore((text, params) => pool.query(text, params));
 *
 * // With `fetch_types`, the loss of a new connection is a rejection that nobody handles: it ends the program.
 * const sql = postgres({ prepare: false, fetch_types: false });
 * const other = postgresStore((text, params) => sql.unsafe(text, params));
 * ```
 */
export function postgresStore(
  query: PostgresQuery,
  options: PostgresStoreOptions = {},
): Store {
  checkOptions(
    options,
    "make a store in PostgreSQL",
    POSTGRES_OPTIONS,
    "{ migrate: false }",
  );
  if (typeof query !== "function") {
    throw new TypeError(
      `Cannot make a store in PostgreSQL with ${
        inspect(query)
      }: give a function that runs a statement, as (text, params) => pool.query(text, params)`,
    );
  }
  const { migrate = true, prefix = "entities_" } = options;
  return new PostgresStore(query, prefix, postgresSchema(prefix), migrate);
}

/** The codes of a race between two nodes that create the same table. */
const CREATED_TWICE = ["23505", "42P07", "42710", "XX000"];

/** The classes of errors of a server that cannot have the function, or of a user who does not own it: writes say so. */
const HAS_NO_FUNCTION = /^(0A|42)/;

/** Parses a JSON list of shards and epochs, in the order of their ids. */
const GIVEN_SHARDS =
  `SELECT t.shard, t.epoch FROM jsonb_to_recordset($2::text::jsonb) AS t(shard text, epoch bigint)`;

/**
 * The timeline of the server, which every promotion of a standby and every recovery to a point in time increments. A
 * server in recovery, which cannot be written to, has none to say.
 */
const TIMELINE =
  `CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END`;

/** The classes of errors of a server that does not have these functions, or keeps them from this user. */
const HAS_NO_TIMELINE = /^(0A|42|55)/;

/** Shards, and their digest in the database. */
interface KnownShards {
  readonly digest: string;
  readonly shards: readonly StoreShard[];
}

class PostgresStore implements Store {
  /** The expression of the timeline, if the server knows it. */
  #timeline = "NULL";
  /** The shards of the last answer that had them. */
  #known: KnownShards = { digest: "", shards: [] };
  readonly #query: PostgresQuery;
  readonly #p: string;
  readonly #schema: string[];
  readonly #migrates: boolean;

  constructor(
    query: PostgresQuery,
    prefix: string,
    schema: string[],
    migrates: boolean,
  ) {
    this.#query = query;
    this.#p = prefix;
    this.#schema = schema;
    this.#migrates = migrates;
  }

  async #rows(
    text: string,
    params: (string | number | null)[] = [],
  ): Promise<readonly SqlRow[]> {
    const result = await this.#query(text, params);
    return "rows" in result ? result.rows : result;
  }

  async open(): Promise<void> {
    await this.#findTimeline();
    if (!this.#migrates) return;
    for (const statement of this.#schema) {
      for (let left = 3;; left--) {
        try {
          await this.#rows(statement);
          break;
        } catch (error) {
          const { code } = error as { code?: unknown };
          // IF NOT EXISTS does not see a table that another node is about to create.
          if (
            statement.includes(" FUNCTION ") &&
            HAS_NO_FUNCTION.test(String(code))
          ) break;
          if (left === 0 || !CREATED_TWICE.includes(String(code))) throw error;
        }
      }
    }
  }

  async #findTimeline(): Promise<void> {
    try {
      await this.#rows(`SELECT ${TIMELINE} AS timeline`);
      this.#timeline = TIMELINE;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (!HAS_NO_TIMELINE.test(String(code))) throw error;
    }
  }

  async setting(name: string, value: string): Promise<string> {
    // An update without a change returns the row that is there, which DO NOTHING does not.
    const [row] = await this.#rows(
      `INSERT INTO ${this.#p}setting AS t (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = t.value RETURNING value`,
      [name, value],
    );
    return row.value as string;
  }

  async join({ id, name, info }: Omit<StoreNode, "beat">): Promise<void> {
    await this.#rows(
      `INSERT INTO ${this.#p}node (id, name, info, beat) VALUES ($1, $2, $3, 0) ON CONFLICT (id) DO NOTHING`,
      [id, name, info],
    );
  }

  async beat(id: string, info: string): Promise<StoreView | undefined> {
    const known = this.#known;
    const [row] = await this.#rows(
      `WITH beaten AS (
  UPDATE ${this.#p}node SET beat = beat + 1, info = $2 WHERE id = $1 RETURNING id, name, info, beat
)
SELECT (SELECT count(*) FROM beaten)::int AS found, (${
        this.#view("$3")
      }) AS view`,
      [id, info, known.digest],
    );
    if (Number(row.found) === 0) return undefined;
    return this.#viewOf(row, known);
  }

  async view(): Promise<StoreView> {
    const known = this.#known;
    const [row] = await this.#rows(
      `SELECT (${this.#view("$1")}) AS view`,
      [known.digest],
    );
    return this.#viewOf(row, known);
  }

  /**
   * One JSON text, as clients differ in how they return numbers; without shards if the parameter `digest` is that of the
   * shards.
   */
  #view(digest: string): string {
    const p = this.#p;
    return `SELECT json_build_object(
  'now', (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  'timeline', ${this.#timeline},
  'nodes', (SELECT coalesce(json_agg(n), '[]') FROM ${p}node n),
  'digest', found.digest,
  'shards', CASE WHEN found.digest = ${digest}::text THEN NULL
    ELSE (SELECT coalesce(json_agg(s), '[]') FROM ${p}shard s) END
)::text FROM (
  SELECT coalesce(sum(hashtextextended(s::text, 0)), 0)::text AS digest FROM ${p}shard s
) found`;
  }

  #viewOf({ view }: SqlRow, known: KnownShards): StoreView {
    const { digest, shards, ...rest } = JSON.parse(view as string);
    const now: KnownShards = shards === null ? known : { digest, shards };
    this.#known = now;
    return { ...rest, shards: [...now.shards] };
  }

  async remove(id: string, beat?: number): Promise<boolean> {
    const [row] = await this.#rows(
      `WITH removed AS (
  DELETE FROM ${this.#p}node WHERE id = $1 AND beat = coalesce($2::text::bigint, beat) RETURNING id
)
SELECT (NOT EXISTS (SELECT 1 FROM ${this.#p}node WHERE id = $1) OR EXISTS (SELECT 1 FROM removed))::int AS gone`,
      [id, beat === undefined ? null : String(beat)],
    );
    return Number(row.gone) === 1;
  }

  async claim(
    id: string,
    shards: readonly ShardEpoch[],
  ): Promise<ShardEpoch[]> {
    const p = this.#p;
    const rows = await this.#rows(
      `WITH given AS (${GIVEN_SHARDS}), claimed AS (
  INSERT INTO ${p}shard AS s (id, owner, epoch)
  SELECT g.shard, $1, 1 + g.epoch FROM given g
  WHERE EXISTS (SELECT 1 FROM ${p}node n WHERE n.id = $1)
    AND (g.epoch = 0 OR EXISTS (SELECT 1 FROM ${p}shard o WHERE o.id = g.shard))
  ORDER BY g.shard
  ON CONFLICT (id) DO UPDATE SET owner = EXCLUDED.owner, epoch = EXCLUDED.epoch
  WHERE s.epoch = EXCLUDED.epoch - 1 AND NOT EXISTS (SELECT 1 FROM ${p}node n WHERE n.id = s.owner)
  RETURNING s.id, s.epoch
)
SELECT c.id AS shard, c.epoch::text AS epoch FROM claimed c
UNION
SELECT s.id, s.epoch::text FROM ${p}shard s JOIN given g ON g.shard = s.id
WHERE s.owner = $1 AND NOT EXISTS (SELECT 1 FROM claimed c WHERE c.id = s.id)`,
      [id, JSON.stringify(shards)],
    );
    return rows.map(shardEpochOf);
  }

  async give(
    from: string,
    to: string,
    shards: readonly ShardEpoch[],
  ): Promise<ShardEpoch[]> {
    const p = this.#p;
    const rows = await this.#rows(
      `WITH given AS (${GIVEN_SHARDS}), locked AS MATERIALIZED (
  SELECT s.id FROM ${p}shard s JOIN given g ON g.shard = s.id AND g.epoch = s.epoch
  WHERE s.owner = $1 ORDER BY s.id FOR UPDATE OF s
), moved AS (
  UPDATE ${p}shard s SET owner = $3, epoch = s.epoch + 1 FROM locked l
  WHERE s.id = l.id AND EXISTS (SELECT 1 FROM ${p}node n WHERE n.id = $3)
  RETURNING s.id, s.epoch
)
SELECT m.id AS shard, m.epoch::text AS epoch FROM moved m
UNION
SELECT s.id, s.epoch::text FROM ${p}shard s JOIN given g ON g.shard = s.id
WHERE s.owner = $3 AND NOT EXISTS (SELECT 1 FROM moved m WHERE m.id = s.id)`,
      [from, JSON.stringify(shards), to],
    );
    return rows.map(shardEpochOf);
  }

  async load(type: string, key: string): Promise<StoredState | undefined> {
    const [row] = await this.#rows(
      `SELECT version::text AS version, body FROM ${this.#p}state WHERE type = $1 AND key = $2`,
      [type, key],
    );
    if (row === undefined) return undefined;
    return { version: Number(row.version), body: row.body as string };
  }

  async write(
    owner: string,
    writes: readonly StoreWrite[],
  ): Promise<WriteResult[]> {
    const plain = writes.filter((write) => write.statements === undefined);
    if (plain.length < writes.length) {
      const stored = plain.length > 0 ? this.write(owner, plain) : [];
      // Each is a transaction of its own, so that no constraint that is checked at its end concerns others.
      const [results, ...others] = await Promise.all([
        stored,
        ...writes.filter((write) => write.statements !== undefined)
          .map((write) => this.#writeWithStatements(owner, write)),
      ]);
      const [left, rest] = [[...results], [...others]];
      return writes.map((write) =>
        (write.statements === undefined ? left : rest).shift()!
      );
    }
    if (await this.#appendOne(owner, writes)) return ["stored"];
    const { text, given, events } = this.#statement(writes);
    const params = [owner, given, ...events === undefined ? [] : [events]];
    const rows = await this.#rows(text, params);
    return rows.map(({ result }) => result as WriteResult);
  }

  /** The statement for some writes, and its parameters after the owner. */
  #statement(
    writes: readonly StoreWrite[],
    mayRepeat = true,
  ): { text: string; given: string; events?: string } {
    const events = writes.flatMap(eventRowsOf);
    const parts = {
      events: events.length > 0,
      trims: events.some(({ below }) => below !== undefined),
      states: writes.some(({ body }) => body !== null),
      ends: writes.some(({ body, ended }) => body === "" || ended),
    };
    const given = writes.map(({ appends: _, statements: __, ...write }, n) => ({
      n,
      ...write,
    }));
    return {
      text: writeStatement(this.#p, parts, mayRepeat),
      given: JSON.stringify(given),
      ...parts.events ? { events: JSON.stringify(events) } : undefined,
    };
  }

  async #writeWithStatements(
    owner: string,
    write: StoreWrite,
  ): Promise<WriteResult> {
    const { text, given, events = "[]" } = this.#statement([write], false);
    const [first, ...others] = write.statements!;
    const statements = JSON.stringify([{ ...first, write: text }, ...others]);
    try {
      const [row] = await this.#rows(
        `SELECT ${this.#p}write($1, $2, $3, $4) AS result`,
        [owner, given, events, statements],
      );
      const result = row.result as string;
      return result.startsWith(FAILED)
        ? { error: result.slice(FAILED.length) }
        : result as WriteResult;
    } catch (error) {
      const { code, errno } = error as { code?: unknown; errno?: unknown };
      if (code !== "42883" && errno !== "42883") throw error;
      return {
        error:
          `the database has no function ${this.#p}write; run the statements of postgresSchema() again`,
      };
    }
  }

  /**
   * Appends one event, if that is all there is to write, by a statement that takes half of the time. Returns false if it has
   * not appended it: the statement for all writes says why.
   */
  async #appendOne(
    owner: string,
    [write, ...others]: readonly StoreWrite[],
  ): Promise<boolean> {
    if (write?.body !== null || others.length > 0) return false;
    const [append, ...more] = write.appends ?? [];
    if (append?.events.length !== 1 || more.length > 0 || append.trim) {
      return false;
    }
    const { type, key, shard, epoch, version } = write;
    const { stream, events: [{ number, at, body }] } = append;
    const p = this.#p;
    const rows = await this.#rows(
      `WITH fence AS (
  SELECT id FROM ${p}shard WHERE id = $1 AND owner = $2 AND epoch = $3::text::bigint FOR SHARE
)
INSERT INTO ${p}log (type, key, stream, number, at, body)
SELECT $4, $5, $6, $7::text::bigint, $8::text::double precision, $9 FROM fence
WHERE $7::text::bigint = 1 + coalesce((
  SELECT l.number FROM ${p}log l WHERE l.type = $4 AND l.key = $5 AND l.stream = $6 ORDER BY l.number DESC LIMIT 1
), 0) AND $10::text::bigint = (SELECT t.version FROM ${p}state t WHERE t.type = $4 AND t.key = $5)
RETURNING 1 AS stored`,
      [
        ...[shard, owner, String(epoch), type, key, stream, String(number)],
        ...[String(at), body, String(version)],
      ],
    );
    return rows.length === 1;
  }

  async readLog(
    ...[type, key, stream, after, limit, maxBytes]: Parameters<
      Store["readLog"]
    >
  ): Promise<StreamPart> {
    const log = `${this.#p}log l`;
    const of = "l.type = $1 AND l.key = $2 AND l.stream = $3";
    // Bounds that any plan can use, as the server may know nothing of a new table.
    const [row] = await this.#rows(
      `WITH ends AS MATERIALIZED (
  SELECT (SELECT l.number FROM ${log} WHERE ${of} AND l.body <> '' ORDER BY l.number LIMIT 1) AS first,
    (SELECT l.number FROM ${log} WHERE ${of} ORDER BY l.number DESC LIMIT 1) AS last
), part AS (
  SELECT l.number, l.at, l.body, sum(octet_length(l.body)) OVER (ORDER BY l.number ROWS UNBOUNDED PRECEDING) AS bytes
  FROM ${log}
  WHERE ${of} AND l.number > (SELECT greatest($4::text::bigint, coalesce(first - 1, last)) FROM ends)
    AND l.number <= (SELECT greatest($4::text::bigint, coalesce(first - 1, last)) FROM ends) + $5::text::bigint
)
SELECT first::text, last::text, events.* FROM ends, (
  SELECT string_agg(number::text, ' ') AS numbers, string_agg(at::text, ' ') AS times, string_agg(body, E'\\x1e') AS bodies
  FROM part WHERE bytes <= $6::text::bigint OR bytes = octet_length(body)
) events`,
      [type, key, stream, String(after), String(limit), String(maxBytes)],
    );
    return streamPartOf(row);
  }

  async keys(
    ...[type, after, prefix, limit]: Parameters<Store["keys"]>
  ): Promise<string[]> {
    const { from, operator, below } = keyRange(after, prefix);
    const key = 's.key COLLATE "C"';
    const isBelow = below === undefined ? "" : `AND ${key} < $4`;
    const rows = await this.#rows(
      `SELECT s.key FROM ${this.#p}state s
WHERE s.type = $1 AND ${key} ${operator} $2 ${isBelow} AND s.body <> '' ORDER BY ${key} LIMIT $3::text::int`,
      [type, from, String(limit), ...below === undefined ? [] : [below]],
    );
    return rows.map(({ key }) => key as string);
  }

  async clean(shards: readonly string[], limit: number): Promise<number> {
    const [row] = await this.#rows(
      `WITH old AS (
  SELECT t.type, t.key FROM ${this.#p}state t JOIN ${this.#p}shard s ON s.id = t.shard
  WHERE t.body = '' AND t.epoch < s.epoch AND t.shard IN (SELECT jsonb_array_elements_text($1::text::jsonb))
  LIMIT $2::text::int FOR UPDATE OF t SKIP LOCKED
), removed AS (
  DELETE FROM ${this.#p}state t USING old o WHERE t.type = o.type AND t.key = o.key RETURNING 1
)
SELECT count(*)::int AS removed FROM removed`,
      [JSON.stringify(shards), String(limit)],
    );
    return Number(row.removed);
  }

  async due(
    shards: readonly string[],
    before: number,
    limit: number,
  ): Promise<DueAlarm[]> {
    const rows = await this.#rows(
      `SELECT s.type, s.key, s.shard, s.due::text AS due FROM ${this.#p}state s
WHERE s.due IS NOT NULL AND s.due <= $2::text::double precision
  AND s.shard IN (SELECT jsonb_array_elements_text($1::text::jsonb))
ORDER BY s.due LIMIT $3::text::int`,
      [JSON.stringify(shards), String(before), String(limit)],
    );
    return rows.map(({ type, key, shard, due }) => ({
      type: type as string,
      key: key as string,
      shard: shard as string,
      due: Number(due),
    }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** An event as the statement of a write reads it. */
interface EventRow extends StoredEvent {
  /** The number of its write in the batch. */
  n: number;
  type: string;
  key: string;
  stream: string;
  /** The number of the first event of its stream in the batch, which also has the bounds of a trim. */
  first: number;
  below?: number;
  since?: number;
}

function eventRowsOf(
  { type, key, appends = [] }: StoreWrite,
  n: number,
): EventRow[] {
  return appends.flatMap(({ stream, events, trim }) =>
    events.map((event, i) => ({
      ...{ n, type, key, stream, first: events[0].number, ...event },
      ...i === 0 ? trim : undefined,
    }))
  );
}

/** The parts of a batch of writes. */
type WriteParts = Record<"events" | "trims" | "states" | "ends", unknown>;

/**
 * Returns the statement that writes entities. What a batch does not have is not in it, as the server plans it each time.
 *
 * Rows are looked up by scalar subqueries: the server cannot turn them into scans of whole tables.
 *
 * Events are only inserted for a write that is accepted. Two runs of one write at the same time do not see each other's
 * events: the second violates the primary key, rejects, and is repeated.
 */
function writeStatement(
  p: string,
  has: WriteParts,
  mayRepeat: boolean,
): string {
  const parts = [
    `given AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($2::text::jsonb) AS t(
    n int, type text, key text, shard text, epoch bigint, version bigint, body text, due double precision, ended jsonb
  )
)`,
    `fence AS MATERIALIZED (
  SELECT s.id, s.epoch FROM ${p}shard s
  WHERE s.owner = $1 AND EXISTS (SELECT 1 FROM given g WHERE g.shard = s.id AND g.epoch = s.epoch)
  ORDER BY s.id FOR SHARE OF s
)`,
    has.events && eventPart(p),
    `checked AS MATERIALIZED (
  SELECT g.*, CASE WHEN f.id IS NULL THEN 'fenced' WHEN ${
      has.events
        ? "EXISTS (SELECT 1 FROM event e WHERE e.n = g.n AND e.place = 'other') OR "
        : ""
    }g.body IS NULL AND g.version IS DISTINCT FROM (
    SELECT t.version FROM ${p}state t WHERE t.type = g.type AND t.key = g.key
  ) THEN 'conflict' ELSE 'stored' END AS result
  FROM given g LEFT JOIN fence f ON f.id = g.shard AND f.epoch = g.epoch
)`,
    has.states ? statePart(p, mayRepeat) : "result AS (SELECT * FROM checked)",
    has.events &&
    `appended AS (
  INSERT INTO ${p}log (type, key, stream, number, at, body)
  SELECT e.type, e.key, e.stream, e.number, e.at, e.body FROM event e JOIN result r ON r.n = e.n
  WHERE e.place = 'next' AND r.result = 'stored' ORDER BY e.type, e.key, e.stream, e.number
)`,
    has.trims && trimPart(p),
    has.ends && endParts(p),
  ];
  return `WITH ${
    parts.filter(Boolean).join(", ")
  } SELECT n, result FROM result ORDER BY n`;
}

/** The beginning of the function's result if a statement of the user has failed. */
const FAILED = "failed: ";

/**
 * Returns the function that makes one write and runs its statements: statements of one query all see the rows of before,
 * so they cannot be parts of one. The first statement has the text of the write, with only the parts that this write needs:
 * the server takes three times as long to plan all of them, which it does for nodes of before. A statement is prepared, so
 * that its parameters get their types from where they stand.
 * A write that is stored already conflicts, as two runs of it at the same time must not both run the statements: the one that
 * waited sees then what the other has stored.
 */
function writeFunction(p: string): string {
  const all = { events: true, trims: true, states: true, ends: true };
  return `CREATE OR REPLACE FUNCTION ${p}write(text, text, text, text) RETURNS text
LANGUAGE plpgsql SET lock_timeout = '1s' AS $function$
DECLARE
  place int;
  outcome text;
  statement jsonb;
  given text;
  is_own boolean := true;
BEGIN
  IF EXISTS (SELECT 1 FROM pg_prepared_statements WHERE name = 'entities_statement') THEN
    EXECUTE 'DEALLOCATE entities_statement';
  END IF;
  EXECUTE coalesce($4::jsonb -> 0 ->> 'write', $write$${
    writeStatement(p, all, false)
  }$write$) INTO place, outcome USING $1, $2, $3;
  IF outcome = 'conflict' AND EXISTS (
    SELECT 1 FROM jsonb_to_recordset($2::jsonb) AS g(type text, key text, epoch bigint, version bigint, body text)
    JOIN ${p}state t ON t.type = g.type AND t.key = g.key AND t.epoch = g.epoch AND t.version = g.version
      AND t.body = g.body
  ) THEN
    RETURN 'stored';
  END IF;
  IF outcome <> 'stored' THEN
    RETURN outcome;
  END IF;
  is_own := false;
  FOR statement IN SELECT e.value FROM jsonb_array_elements($4::jsonb) WITH ORDINALITY AS e(value, n) ORDER BY e.n LOOP
    EXECUTE 'PREPARE entities_statement AS ' || (statement ->> 'text');
    SELECT '(' || string_agg(quote_nullable(e.value), ', ' ORDER BY e.n) || ')' INTO given
    FROM jsonb_array_elements_text(statement -> 'params') WITH ORDINALITY AS e(value, n);
    EXECUTE 'EXECUTE entities_statement' || coalesce(given, '');
    EXECUTE 'DEALLOCATE entities_statement';
  END LOOP;
  SET CONSTRAINTS ALL IMMEDIATE;
  RETURN outcome;
EXCEPTION WHEN OTHERS THEN
  IF is_own OR left(SQLSTATE, 2) IN ('40', '53', '57', '58', 'XX') THEN
    RAISE;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_prepared_statements WHERE name = 'entities_statement') THEN
    EXECUTE 'DEALLOCATE entities_statement';
  END IF;
  RETURN '${FAILED}' || SQLERRM;
END
$function$`;
}

/** The events: those that are next in their streams, those that are there already, and others. */
function eventPart(p: string): string {
  const rows =
    `FROM ${p}log l WHERE l.type = e.type AND l.key = e.key AND l.stream = e.stream`;
  return `event AS MATERIALIZED (
  SELECT e.*, CASE
    WHEN e.first = 1 + coalesce((SELECT l.number ${rows} ORDER BY l.number DESC LIMIT 1), 0) THEN 'next'
    WHEN (SELECT l.at = e.at AND l.body = e.body ${rows} AND l.number = e.number) THEN 'there'
    ELSE 'other' END AS place
  FROM jsonb_to_recordset($3::text::jsonb) AS e(
    n int, type text, key text, stream text, first bigint, number bigint, at double precision, body text, below bigint,
    since double precision
  )
)`;
}

function statePart(p: string, mayRepeat: boolean): string {
  return `stored AS (
  INSERT INTO ${p}state AS t (type, key, shard, epoch, version, body, due)
  SELECT c.type, c.key, c.shard, c.epoch, c.version, c.body, c.due FROM checked c
  WHERE c.body IS NOT NULL AND c.result = 'stored'
  ORDER BY c.type, c.key
  ON CONFLICT (type, key) DO UPDATE SET
    shard = EXCLUDED.shard, epoch = EXCLUDED.epoch, version = EXCLUDED.version, body = EXCLUDED.body, due = EXCLUDED.due
  WHERE t.version = EXCLUDED.version - 1${
    mayRepeat
      ? " OR (t.version = EXCLUDED.version AND t.epoch = EXCLUDED.epoch AND t.body = EXCLUDED.body)"
      : ""
  }
  RETURNING t.type, t.key
), result AS MATERIALIZED (
  SELECT c.n, c.type, c.key, c.body, c.ended,
    CASE WHEN c.result = 'stored' AND c.body IS NOT NULL AND s.key IS NULL THEN 'conflict' ELSE c.result END AS result
  FROM checked c LEFT JOIN stored s ON s.type = c.type AND s.key = c.key
)`;
}

/** Removes old events. */
function trimPart(p: string): string {
  return `trimmed AS (
  DELETE FROM ${p}log l USING event e JOIN result r ON r.n = e.n AND r.result = 'stored'
  WHERE e.below IS NOT NULL AND e.place = 'next' AND l.type = e.type AND l.key = e.key AND l.stream = e.stream
    AND l.number < greatest(e.below, coalesce((
      SELECT o.number FROM ${p}log o WHERE o.type = e.type AND o.key = e.key AND o.stream = e.stream AND o.at >= e.since
      ORDER BY o.number LIMIT 1
    ), e.first))
)`;
}

/** Removes streams, and all events of entities that are deleted; a row with the last number of their log stays. */
function endParts(p: string): string {
  const isLast = `l.number = (
    SELECT o.number FROM ${p}log o WHERE o.type = l.type AND o.key = l.key AND o.stream = ''
    ORDER BY o.number DESC LIMIT 1
  )`;
  return `ended AS (
  DELETE FROM ${p}log l USING result r WHERE r.result = 'stored' AND l.type = r.type AND l.key = r.key AND (
    r.body = '' AND NOT (l.stream = '' AND ${isLast})
    OR l.stream IN (SELECT jsonb_array_elements_text(r.ended))
  )
), emptied AS (
  UPDATE ${p}log l SET body = '' FROM result r
  WHERE r.result = 'stored' AND r.body = '' AND l.type = r.type AND l.key = r.key AND l.stream = '' AND ${isLast}
)`;
}

/**
 * Reads a part of a log. Its events are three texts, as clients take longer for rows than for their contents; bodies are
 * separated by a character that JSON never has.
 */
function streamPartOf(
  { first, last, numbers, times, bodies }: SqlRow,
): StreamPart {
  const end = Number(last ?? 0);
  const split = (text: unknown, by: string) =>
    (text as string | null)?.split(by) ?? [];
  const [at, body] = [split(times, " "), split(bodies, "\x1e")];
  const events = split(numbers, " ").map((number, i) => ({
    number: Number(number),
    at: Number(at[i]),
    body: body[i],
  }));
  // An aggregate promises no order.
  events.sort((one, other) => one.number - other.number);
  return { first: Number(first ?? end + 1), last: end, events };
}

function shardEpochOf({ shard, epoch }: SqlRow): ShardEpoch {
  return { shard: shard as string, epoch: Number(epoch) };
}
