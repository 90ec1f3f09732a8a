/**
 * Measures entities: `deno task bench:entities`.
 *
 * - A call without a write, on one node and between two, against `GenServer.call`: CPU time of the program.
 * - Writes of 100 busy keys on SQLite, and of 10, 100 and 1,000 on PostgreSQL if it is installed, against bare
 *   transactions of the same driver, and against transactions that lock their key by an advisory lock of PostgreSQL and
 *   read it first.
 * - Both beside Effect Cluster with one runner, if npm can install it: a message that it keeps nowhere, and one that
 *   PostgreSQL keeps, with its reply.
 * - The log: appends of one and of 100 keys, and a read of 100,000 events, against bare statements of the same driver;
 *   how long after the write a follower on another node has an event, against a cast after a bare write; and a write of
 *   the state with a statement of the user's in its transaction, against one without.
 * - Durable methods of five empty steps on PostgreSQL, one and 100 at a time, beside Effect's workflows and DBOS.
 * - The first calls of new keys, the memory of idle entities, a drain with live ones, and a `kill -9` of a host.
 *
 * All rivals but Effect Cluster, which runs on Node, are in one program. All take turns, and each figure is the median of
 * its turns. `--quick` shows that everything works, `--postgres` makes the writes on PostgreSQL only, `--durable` the durable
 * methods only, and `--log` the log only.
 *
 * @module
 */

import process from "node:process";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { parseArgs } from "node:util";
import postgres from "npm:postgres@^3";
import {
  Entities,
  Entity,
  memoryStore,
  postgresStore,
  sqliteStore,
  type Store,
} from "../packages/entities/mod.ts";
import { GenServer, Node, Process, spawn } from "../mod.ts";
import { freePort } from "../packages/testing/_ports.ts";
import { PostgresServer } from "../tests/_postgres.ts";
import { Ledger, startEntities } from "../tests/entities/_host.ts";
import { Program } from "../tests/examples/_program.ts";
import { collectGarbage } from "./measure.ts";
import { Echo } from "./ours/jobs.ts";
import { isInstalled } from "./processes.ts";

const { values: { quick, postgres: hasPostgresOnly, durable, log } } =
  parseArgs({
    options: {
      durable: { type: "boolean", default: false },
      log: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      postgres: { type: "boolean", default: false },
    },
  });
const isPostgresOnly = hasPostgresOnly || durable || log;
const SHARE = quick ? 0.02 : 1;
const TURNS = quick ? 2 : 9;
const CALLS = Math.ceil(20_000 * SHARE);
const REMOTE_CALLS = Math.ceil(2000 * SHARE);
const WRITES = Math.ceil(5000 * SHARE);
const BUSY = 100;
/** The numbers of busy keys on PostgreSQL. */
const MANY_BUSY = [10, BUSY, 1000];
const RUNS = Math.ceil(2000 * SHARE);
/** Appends of a row, and the length of the log that is read. */
const APPENDS = Math.ceil(2000 * SHARE);
const EVENTS = Math.ceil(100_000 * SHARE);
/** An event: a line of a chat. */
const LINE = { by: "moebi", text: "x".repeat(100) };
const NEW_KEYS = Math.ceil(10_000 * SHARE);
const IDLE = Math.ceil(100_000 * SHARE);
const LIVE = Math.ceil(1000 * SHARE);
/** The lease of hosts that are killed, in milliseconds. */
const LEASE = 2000;
const PATIENT = { timeout: 60_000 };

const Counter = Entity.define("counter", {
  state: () => ({ n: 0 }),
  echo: (_counter, value: number) => value,
  add: (counter) => ++counter.state.n,
  durable: {
    async five(counter) {
      let n = 0;
      for (let i = 0; i < 5; i++) n += await counter.step(`step ${i}`, () => 1);
      return n;
    },
  },
}, { idle: Infinity });

const Chat = Entity.define("chat", {
  state: () => ({}),
  log: {},
  say: (chat, event: unknown) => chat.log.append(event),
  /** Appends many events. */
  fill(chat, count: number): void {
    for (let n = 0; n < count; n++) chat.log.append(LINE);
  },
}, { idle: Infinity });

/** A counter with a row of an outbox for each change. */
const Outbox = Entity.define("outbox", {
  state: () => ({ n: 0 }),
  add(outbox) {
    outbox.state.n++;
    outbox.sql("INSERT INTO outbox (key, n) VALUES ($1, $2)", [
      outbox.key,
      outbox.state.n,
    ]);
  },
}, { idle: Infinity });

/** The results of the turns, by row and side. */
const results = new Map<string, Map<string, number[]>>();

function note(row: string, side: string, value: number): void {
  const sides = results.get(row) ?? new Map<string, number[]>();
  results.set(row, sides);
  sides.set(side, [...sides.get(side) ?? [], value]);
}

/** Prints the rows that are complete. */
function report(): void {
  for (const [row, sides] of results) {
    const entity = median(sides.get("entity")!);
    const others = [...sides].filter(([side]) => side !== "entity").map((
      [side, values],
    ) =>
      `${side} ${median(values).toPrecision(3)} (entity: ${
        (entity / median(values)).toFixed(2)
      } ×)`
    );
    console.log(
      [`${row}: entity ${entity.toPrecision(3)}`, ...others].join("; "),
    );
  }
  results.clear();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Microseconds of CPU time for each call. */
async function cpu(
  count: number,
  call: (n: number) => Promise<number>,
): Promise<number> {
  const before = process.cpuUsage();
  for (let n = 0; n < count; n++) {
    if (await call(n) !== n) throw new Error("Cannot go on: a wrong answer");
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Milliseconds of some work. */
async function time(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Writes per second of all busy keys. */
async function rate(
  busy: number,
  write: (key: string) => Promise<unknown>,
  writes = WRITES,
): Promise<number> {
  const each = Math.ceil(writes / busy);
  const ms = await time(() =>
    Promise.all(Array.from({ length: busy }, async (_, key) => {
      for (let n = 0; n < each; n++) await write(`key ${key}`);
    }))
  );
  return each * busy / ms * 1000;
}

/** Starts the entities of a node, in a process that stays. */
function host(node: Node, store: Store, hosts = true): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  void node.run(() => {
    spawn(async () => {
      await Entities.startLink({
        types: [Counter, Chat, Outbox],
        ...{ store, hosts },
        shards: 64,
        maxEntities: 1e6,
      })
        .then(resolve, reject);
      await Process.sleep(Infinity);
    });
  });
  return promise;
}

/** A rival from npm, on Node, with its data in PostgreSQL. */
class Rival {
  readonly #folder: string;
  readonly #url: string;

  private constructor(folder: string, url: string) {
    this.#folder = folder;
    this.#url = url;
  }

  static async install(
    name: "effect" | "dbos",
    parent: string,
    url: string,
  ): Promise<Rival | undefined> {
    if (!await isInstalled("npm")) return undefined;
    const folder = `${parent}/${name}`;
    await Deno.mkdir(folder);
    for (const file of ["package.json", "main.mjs"]) {
      const from = new URL(`./rivals/${name}/${file}`, import.meta.url);
      await Deno.copyFile(from, `${folder}/${file}`);
    }
    const rival = new Rival(folder, url);
    await rival.#run("npm", ["install", "--no-audit", "--no-fund"]);
    return rival;
  }

  async figure(row: string, ...counts: number[]): Promise<number> {
    const args = ["main.mjs", row, this.#url, ...counts.map(String)];
    const output = await this.#run("node", args);
    return Number(/^figure (.*)$/m.exec(output)![1]);
  }

  async #run(program: string, args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: this.#folder,
    }).output();
    const [output, errors] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    if (!success) throw new Error(`Cannot run ${program}: ${output}${errors}`);
    return output;
  }
}

async function calls(
  alex: Node,
  kate: Node,
  rival: Rival | undefined,
): Promise<void> {
  await kate.run(async () => {
    const own = await GenServer.startLink(Echo, null);
    const other = { name: "Echo", node: alex.name };
    await alex.run(() =>
      void spawn(async () => {
        await GenServer.startLink(Echo, null, { name: "Echo" });
        await Process.sleep(Infinity);
      })
    );
    const keys = new Map<string, string>();
    for (let n = 0; keys.size < 2; n++) {
      const { node } = await Counter.get(`${n}`).pid();
      keys.set(node, `${n}`);
    }
    const [here, there] = [keys.get(kate.name)!, keys.get(alex.name)!];
    for (let turn = -2; turn < TURNS; turn++) {
      const rows = [
        ["call on one node, µs of CPU", CALLS, own, here],
        ["call on another node, µs of CPU", REMOTE_CALLS, other, there],
      ] as const;
      for (const [row, count, server, key] of rows) {
        const plain = await cpu(
          count,
          (value) => GenServer.call(server, { type: "echo", value }),
        );
        const entity = await cpu(count, (n) => Counter.get(key).echo(n));
        if (turn < 0) continue;
        note(row, "GenServer", plain);
        note(row, "entity", entity);
      }
      if (turn < 0 || rival === undefined) continue;
      note(rows[0][0], "Effect Cluster", await rival.figure("volatile", CALLS));
    }
  });
}

async function openAndRest(alex: Node): Promise<void> {
  await alex.run(async () => {
    const memory = () => {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const open = (from: number, count: number) =>
      Promise.all(
        Array.from(
          { length: count },
          (_, i) => Counter.get(`new ${from + i}`, PATIENT).echo(i),
        ),
      );
    await open(0, LIVE);
    const ms = await time(() => open(LIVE, NEW_KEYS));
    note(
      "first calls of new keys at once, thousand/s",
      "entity",
      NEW_KEYS / ms,
    );
    const before = memory();
    for (let n = 0; n < IDLE; n += NEW_KEYS) {
      await open(LIVE + NEW_KEYS + n, Math.min(NEW_KEYS, IDLE - n));
    }
    note("an idle entity, bytes", "entity", (memory() - before) / IDLE);
  });
  await alex.stop();
}

/** Moves live entities while they are called. */
async function moves(alex: Node, kate: Node): Promise<void> {
  const keys = Array.from({ length: LIVE }, (_, n) => `live ${n}`);
  await kate.run(async () => {
    await Promise.all(keys.map((key) => Counter.get(key, PATIENT).add()));
    let isOver = false;
    let failed = 0;
    const load = (async () => {
      for (let n = 0; !isOver; n++) {
        await Counter.get(keys[n % LIVE]).add().catch(() => failed++);
      }
    })();
    note("drain, ms", "entity", await time(() => alex.drain()));
    isOver = true;
    await load;
    note("drain, failed calls", "entity", failed);
  });
}

/** Kills the program of one of two hosts, whose keys are called all the time. */
async function failsOver(url: string): Promise<void> {
  const caller = await start("caller");
  const host = (name: string) =>
    new Program("../tests/entities/_host.ts", [JSON.stringify({
      node: { name: `${name}@localhost`, cookie: COOKIE, epmdPort },
      store: url,
      lease: LEASE,
    })]);
  await using moebi = host("moebi");
  await using sophie = host("sophie");
  for (const each of [moebi, sophie]) await each.matches(/^up$/m);
  await caller.run(async () => {
    await using _ = await startEntities({ store: url, lease: LEASE }, false);
    let longest = 0;
    let isOver = false;
    const load = Promise.all(Array.from({ length: BUSY }, async (_, key) => {
      for (let n = 0; !isOver; n++) {
        const options = { ...PATIENT, mayRunTwice: true };
        const ledger = Ledger.get(`key ${key}`, options);
        longest = Math.max(longest, await time(() => ledger.size()));
        await Process.sleep(10);
      }
    }));
    // A node takes its share of shards a few at a time.
    await Process.sleep(5000);
    longest = 0;
    sophie.kill("SIGKILL");
    await Process.sleep(3 * LEASE);
    isOver = true;
    await load;
    note(
      `longest call at kill -9, lease of ${LEASE} ms, ms`,
      "entity",
      longest,
    );
  });
  await caller.stop();
}

async function writes(
  node: Node,
  row: string,
  busy: number,
  rivals: Rivals,
  cluster?: Rival,
): Promise<void> {
  await node.run(async () => {
    for (let turn = -1; turn < Math.min(TURNS, 5); turn++) {
      const sides = {
        ...rivals,
        entity: (key: string) => Counter.get(key, PATIENT).add(),
      };
      for (const [side, write] of Object.entries(sides)) {
        const found = await rate(busy, write);
        if (turn >= 0) note(row, side, found);
      }
      if (turn < 0 || cluster === undefined) continue;
      const found = await cluster.figure("persisted", WRITES, busy);
      note(row, "Effect Cluster", found);
    }
  });
}

/** A database without entities, by the driver that a store uses. */
interface Bare {
  /** Creates the tables. */
  create(): unknown;
  /** Adds an event of a key to a table of its own. */
  insert(key: string, number: number, body: string): Promise<unknown>;
  /** Returns the bodies of the events of a key of the store. */
  select(key: string): string[] | Promise<string[]>;
}

const EVENT_TABLE =
  "CREATE TABLE event (key text, number bigint, body text NOT NULL, PRIMARY KEY (key, number))";
const OUTBOX_TABLE = "CREATE TABLE outbox (key text, n bigint)";

/** The events of keys of `node`, which `other` follows. */
async function logs(
  node: Node,
  other: Node,
  where: string,
  bare: Bare,
  accepted: () => number,
): Promise<void> {
  await bare.create();
  await node.run(async () => {
    const numbers = new Map<string, number>();
    const body = JSON.stringify(LINE);
    const insert = (key: string) => {
      const number = (numbers.get(key) ?? 0) + 1;
      numbers.set(key, number);
      return bare.insert(key, number, body);
    };
    const append = (key: string) => Chat.get(key, PATIENT).say(LINE);
    const few = Math.min(TURNS, 3);
    for (let turn = -1; turn < few; turn++) {
      const add = (row: string, side: string, value: number) => {
        if (turn >= 0) note(`${row} on ${where}`, side, value);
      };
      for (
        const [row, busy, of] of [
          [`appends of ${BUSY} keys, 1/s`, BUSY, (key: string) => key],
          ["appends of a key by 100 callers, 1/s", BUSY, () => "key"],
          ["appends of a key by a caller, 1/s", 1, () => "key"],
        ] as const
      ) {
        add(row, "bare", await rate(busy, (key) => insert(of(key)), APPENDS));
        add(row, "entity", await rate(busy, (key) => append(of(key)), APPENDS));
      }
      const row = `writes of ${BUSY} keys with a statement, 1/s`;
      for (
        const [side, type] of [["without", Counter], [
          "entity",
          Outbox,
        ]] as const
      ) {
        add(
          row,
          side,
          await rate(BUSY, (key) => type.get(key, PATIENT).add(), APPENDS),
        );
      }
    }
    await delays(other, where, insert, accepted);

    const read = "long";
    for (let left = EVENTS; left > 0; left -= 5000) {
      await Chat.get(read, PATIENT).fill(Math.min(left, 5000));
    }
    const assertAll = (count: number) => {
      if (count !== EVENTS) throw new Error(`Cannot go on: ${count} events`);
    };
    for (let turn = -1; turn < few; turn++) {
      const row = `a read of ${EVENTS} events on ${where}, thousand/s`;
      const bareMs = await time(async () => {
        const events = await bare.select(read);
        assertAll(events.map((body) => JSON.parse(body)).length);
      });
      const { log } = Chat.get(read, PATIENT);
      const ms = await time(async () => {
        let after = 0;
        while (after < EVENTS) {
          const { events } = await log.read({ after, limit: 1000 });
          after = events.at(-1)!.number;
        }
        assertAll(after);
      });
      const followMs = await time(async () => {
        let count = 0;
        for await (const _ of log.follow({ after: 0 })) {
          if (++count === EVENTS) break;
        }
        assertAll(count);
      });
      if (turn < 0) continue;
      note(row, "bare SELECT", EVENTS / bareMs);
      note(row, "follow", EVENTS / followMs);
      note(row, "entity", EVENTS / ms);
    }
  });
}

/** Milliseconds from an accepted write to its arrival on another node: of an event, and of a cast after a bare write. */
async function delays(
  other: Node,
  where: string,
  insert: (key: string) => Promise<unknown>,
  accepted: () => number,
): Promise<void> {
  const key = "followed";
  let arrived = Promise.withResolvers<number>();
  const arrive = () => arrived.resolve(performance.now());
  const isReady = Promise.withResolvers<void>();
  void other.run(() => {
    spawn(async () => {
      await GenServer.startLink(
        {
          init: () => ({ type: "ok", state: null }),
          handleCast(_, state: null) {
            arrive();
            return { type: "noreply", state };
          },
        },
        null,
        { name: "Arrivals" },
      );
      isReady.resolve();
      for await (const _ of Chat.get(key).log.follow()) arrive();
    });
  });
  await isReady.promise;
  const server = { name: "Arrivals", node: other.name };
  // The first events are those of before.
  await Process.sleep(1000);
  const row = `p99 of the delay of a follower on ${where}, ms`;
  const [casts, events]: [number[], number[]] = [[], []];
  for (let n = 0; n < REMOTE_CALLS; n++) {
    for (const isCast of [true, false]) {
      arrived = Promise.withResolvers();
      if (isCast) {
        await insert(key);
        const written = performance.now();
        GenServer.cast(server, n);
        casts.push(await arrived.promise - written);
      } else {
        await Chat.get(key, PATIENT).say(LINE);
        events.push(await arrived.promise - accepted());
      }
    }
  }
  const p99 = (values: number[]) =>
    values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)];
  note(row, "cast", p99(casts));
  note(row, "entity", p99(events));
}

/** Runs of durable methods, some at a time. */
async function runs(
  node: Node,
  atOnce: number,
  rivals: Record<string, Rival | undefined>,
): Promise<void> {
  const row = `durable methods of 5 steps, ${atOnce} at a time, 1/s`;
  const each = Math.ceil(RUNS / (atOnce === 1 ? 10 : 1) / atOnce);
  await node.run(async () => {
    for (let turn = -1; turn < Math.min(TURNS, 5); turn++) {
      const ms = await time(() =>
        Promise.all(Array.from({ length: atOnce }, async (_, key) => {
          const counter = Counter.get(`run ${key}`, PATIENT);
          for (let n = 0; n < each; n++) {
            const run = await counter.five();
            if (await run.result() !== 5) throw new Error("a wrong result");
          }
        }))
      );
      if (turn < 0) continue;
      note(row, "entity", each * atOnce / ms * 1000);
      for (const [side, rival] of Object.entries(rivals)) {
        if (rival === undefined) continue;
        const count = Math.ceil(each * atOnce / 4);
        note(row, side, await rival.figure("workflow", count, atOnce));
      }
    }
  });
}

type Rivals = Record<string, (key: string) => Promise<unknown>>;

/** A transaction for each write, as SQLite's driver does it: at once. */
function bareSqlite(file: string): Rivals {
  const db = new DatabaseSync(file);
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (key TEXT PRIMARY KEY, n INTEGER)",
  );
  const write = db.prepare(
    "INSERT INTO t VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1",
  );
  return {
    bare: (key) => {
      write.run(key);
      // Other work of the program goes on between transactions.
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function bareEvents(store: string, file: string): Bare {
  const db = new DatabaseSync(file);
  const own = new DatabaseSync(store);
  own.exec("PRAGMA busy_timeout = 1000");
  let insert: StatementSync;
  return {
    create() {
      db.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${EVENT_TABLE}`,
      );
      own.exec(OUTBOX_TABLE);
      insert = db.prepare("INSERT INTO event VALUES (?, ?, ?)");
    },
    insert(...row) {
      insert.run(...row);
      // Other work of the program goes on between transactions.
      return new Promise((resolve) => setImmediate(resolve));
    },
    select(key) {
      const rows = own.prepare(
        "SELECT number, body FROM log WHERE type = 'chat' AND key = ? AND stream = '' ORDER BY number",
      ).all(key);
      return rows.map(({ body }) => body as string);
    },
  };
}

function bareEventsOfPostgres(sql: postgres.Sql): Bare {
  return {
    create: () => sql.unsafe(`${EVENT_TABLE}; ${OUTBOX_TABLE}`),
    insert: (...row) =>
      sql.unsafe("INSERT INTO event VALUES ($1, $2, $3)", row),
    async select(key) {
      const rows = await sql.unsafe(
        "SELECT number, body FROM entities_log WHERE type = 'chat' AND key = $1 AND stream = '' ORDER BY number",
        [key],
      );
      return rows.map(({ body }) => body as string);
    },
  };
}

/** Measures the log of entities of a node, with a follower on another node, which hosts none. */
async function measureLogs(
  where: string,
  open: () => Store,
  bare: Bare,
): Promise<void> {
  const [alex, kate] = [await start("alex"), await start("kate")];
  const store = open();
  const write = store.write.bind(store);
  let accepted = 0;
  store.write = async (...args) => {
    const results = await write(...args);
    accepted = performance.now();
    return results;
  };
  await host(alex, store);
  await host(kate, open(), false);
  await logs(alex, kate, where, bare, () => accepted);
  await kate.stop();
  await alex.stop();
  report();
}

async function barePostgres(sql: postgres.Sql): Promise<Rivals> {
  await sql`CREATE TABLE t (key text PRIMARY KEY, n int)`;
  return {
    bare: (key) =>
      sql`INSERT INTO t VALUES (${key}, 1) ON CONFLICT (key) DO UPDATE SET n = t.n + 1`,
    lock: (key) =>
      sql.begin(async (sql) => {
        await sql`SELECT pg_advisory_xact_lock(hashtext(${key}))`;
        const [row] = await sql`SELECT n FROM t WHERE key = ${key}`;
        await sql`UPDATE t SET n = ${row.n + 1} WHERE key = ${key}`;
      }),
  };
}

const COOKIE = "bench";
const epmdPort = freePort();
const start = (name: string) =>
  Node.start({
    name: `${name}@localhost`,
    cookie: COOKIE,
    epmdPort,
    onTreeEnd: "continue",
    log() {},
  });

/** Runs some work with nodes that have entities in a store. */
async function withNodes(
  store: () => Store,
  names: string[],
  work: (...nodes: Node[]) => Promise<void>,
): Promise<void> {
  const nodes: Node[] = [];
  for (const name of names) {
    const node = await start(name);
    await host(node, store());
    nodes.push(node);
  }
  // A node takes its share of shards a few at a time.
  if (names.length > 1) await Process.sleep(5000);
  await work(...nodes);
  for (const node of nodes) await node.stop();
}

const folder = await Deno.makeTempDir();
const server = await isInstalled("postgres")
  ? await PostgresServer.start()
  : undefined;
const cluster = server && !hasPostgresOnly && !log
  ? await Rival.install("effect", folder, server.url)
  : undefined;
if (!isPostgresOnly) {
  const shared = memoryStore();
  await withNodes(
    () => shared,
    ["alex", "kate"],
    (alex, kate) => calls(alex, kate, cluster),
  );
  const resting = memoryStore();
  await withNodes(() => resting, ["alex"], openAndRest);
  await withNodes(
    () => sqliteStore(`${folder}/moves.db`),
    ["alex", "kate"],
    moves,
  );
  await withNodes(
    () => sqliteStore(`${folder}/entities.db`),
    ["alex"],
    (alex) =>
      writes(
        alex,
        "writes on SQLite, 1/s",
        BUSY,
        bareSqlite(`${folder}/bare.db`),
      ),
  );
}
if (log || !isPostgresOnly) {
  const file = `${folder}/logs.db`;
  await measureLogs(
    "SQLite",
    () => sqliteStore(file),
    bareEvents(file, `${folder}/events.db`),
  );
}
if (server !== undefined) {
  const sql = postgres(server.url, {
    max: 10,
    fetch_types: false,
    onnotice() {},
  });
  const rivals = await barePostgres(sql);
  const open = () => postgresStore((text, params) => sql.unsafe(text, params));
  if (log || !isPostgresOnly) {
    await measureLogs("PostgreSQL", open, bareEventsOfPostgres(sql));
  }
  if (!log) {
    await withNodes(
      open,
      ["alex"],
      async (alex) => {
        if (!hasPostgresOnly) {
          await sql`CREATE DATABASE dbos`;
          const url = server.url.replace(/\/postgres$/, "/dbos");
          const dbos = await Rival.install("dbos", folder, url);
          for (const atOnce of [1, BUSY]) {
            await runs(alex, atOnce, {
              "Effect Workflow": cluster,
              DBOS: dbos,
            });
          }
        }
        if (durable) return;
        for (const busy of MANY_BUSY) {
          const row = `writes of ${busy} keys on PostgreSQL, 1/s`;
          await writes(alex, row, busy, rivals, cluster);
        }
      },
    );
  }
  // Hosts in programs have another number of shards.
  await sql`CREATE DATABASE hosts`;
  await sql.end();
  const turns = isPostgresOnly ? 0 : Math.min(TURNS, 3);
  for (let turn = 0; turn < turns; turn++) {
    await failsOver(server.url.replace(/\/postgres$/, "/hosts"));
  }
}
await server?.[Symbol.asyncDispose]();
await Deno.remove(folder, { recursive: true });

report();
Deno.exit();
