/** Statements of users in the transaction of the state, on SQLite and PostgreSQL. */

import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import postgres from "npm:postgres@^3";
import {
  Entities,
  Entity,
  EntityError,
  memoryStore,
  type PostgresQuery,
  postgresSchema,
  postgresStore,
  sqliteStore,
  type Store,
  type StoreStatement,
  type StoreWrite,
} from "../../packages/entities/mod.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { test } from "../../packages/testing/tags.ts";
import { PostgresServer } from "../_postgres.ts";

/** A table `outbox` with a unique `id` and a `note`, and `child`, whose reference to it is checked late. */
const TABLES = [
  "CREATE TABLE outbox (id INTEGER PRIMARY KEY, note TEXT)",
  "CREATE TABLE child (id INTEGER REFERENCES outbox (id) DEFERRABLE INITIALLY DEFERRED)",
];
const INSERT = "INSERT INTO outbox (id, note) VALUES ($1, $2)";

/** A store, and the rows of the outbox beside it. */
interface Setting {
  store: Store;
  rows(): Promise<unknown[]>;
}

const Order = Entity.define("order", {
  state: () => ({ count: 0 }),
  log: {},
  add(order, id: number, note: string | null) {
    order.state.count++;
    order.log.append({ type: "added", id });
    order.sql(INSERT, [id, note]);
    return order.state.count;
  },
  move(order, id: number, note: string) {
    order.sql("DELETE FROM outbox WHERE id = $1", [id]);
    order.sql(INSERT, [id, note]);
  },
  adopt(order, parent: number) {
    order.state.count++;
    order.sql("INSERT INTO child (id) VALUES ($1)", [parent]);
  },
  refuseTo(order, id: number) {
    order.sql(INSERT, [id, "refused"]);
    order.refuse("no");
  },
  execute: (order, text: string, params?: number[]) => order.sql(text, params),
  end(order, id: number) {
    order.sql(INSERT, [id, "ended"]);
    order.delete();
  },
  count: (order) => order.state.count,
  durable: {
    async fill(order, first: number, second: number) {
      order.sql(INSERT, [first, "first"]);
      await order.step("step", () => 1);
      order.state.count += 100;
      order.log.append({ type: "filled" });
      order.sql(INSERT, [second, "second"]);
      return "filled";
    },
  },
});

const Late = Entity.define("late", {
  state: () => 0,
  execute: (late) => late.sql(INSERT, [1, null]),
}, { durability: { every: 1000 } });

async function assertSql(call: PromiseLike<unknown>, says: RegExp) {
  const error = await assertRejects(() => Promise.resolve(call), EntityError);
  assertEquals([error.code, error.mayHaveRun], ["sql", false]);
  assertEquals(says.test(error.message), true, error.message);
}

async function runOrders({ store, rows }: Setting): Promise<void> {
  const tree = await Supervisor.startLink([
    Entities.childSpec({ types: [Order, Late], store, shards: 4 }),
  ], { strategy: "one_for_one" });
  const options = { timeout: 60_000 };
  const order = Order.get("o1", options);
  const size = async () => (await order.log.read()).last;
  assertEquals(await order.add(1, "it's $1 \\ é"), 1);
  assertEquals(await order.add(2, null), 2);
  await order.move(1, "moved");
  const both = [[1, "moved"], [2, null]];
  assertEquals(await rows(), both);
  // A refused statement costs its own call, and the memory is as before.
  const other = Order.get("o2", options);
  const results = await Promise.allSettled([
    Order.get("o1", { ...options, id: "a" }).add(2, "twice"),
    other.add(3, "three"),
  ]);
  assertEquals(results.map(({ status }) => status), ["rejected", "fulfilled"]);
  await assertSql(
    Order.get("o1", { ...options, id: "a" }).add(2, "twice"),
    /unique/i,
  );
  assertEquals([await order.count(), await size()], [2, 2]);
  await assertSql(order.execute("INSERT INTO nothing VALUES (1)"), /nothing/);
  await assertSql(order.adopt(77), /foreign key/i);
  assertEquals([await order.count(), await size()], [2, 2]);
  await order.adopt(2);
  await assertRejects(() => order.refuseTo(9), EntityError, "no");
  assertEquals(await rows(), [...both, [3, "three"]]);
  // A run.
  const run = await order.fill(4, 5);
  assertEquals(await run.result(options), "filled");
  await assertSql(order.fill(4, 6), /unique/i);
  const bad = await order.fill(6, 1);
  const error = await assertRejects(
    () => Promise.resolve(bad.result(options)),
    EntityError,
  );
  assertStringIncludes(error.message.toLowerCase(), "unique");
  assertEquals([await order.count(), await size()], [103, 3]);
  // A deletion has them too.
  await order.end(7);
  assertEquals(await order.count(), 0);
  assertEquals((await rows()).map((row) => (row as unknown[])[0]), [
    ...[1, 2, 3, 4, 5, 6, 7],
  ]);
  // Mistakes of code.
  for (
    const [text, params] of [["COMMIT"], ["SELECT $2", [1]], ["DROP TABLE t"], [
      "SELECT 1; COMMIT",
    ], [
      INSERT,
      [NaN, 1],
    ]] as [string, number[]?][]
  ) {
    const error = await assertRejects(
      () => Promise.resolve(Order.get(`bad ${text}`).execute(text, params)),
      EntityError,
      "Cannot run a statement",
    );
    assertEquals(error.code, "crashed");
  }
  await assertRejects(
    () => Promise.resolve(Late.get("l1").execute()),
    EntityError,
    "durability",
  );
  await Supervisor.stop(tree);
}

/** Asserts what the store itself does with statements. */
async function writeStatements({ store, rows }: Setting): Promise<void> {
  await store.open();
  for (const id of ["alex", "kate"]) {
    await store.join({ id, name: `${id}@localhost`, info: "" });
  }
  await store.claim("alex", [{ shard: "s/0", epoch: 0 }]);
  const insert = (id: number): StoreStatement => ({
    text: INSERT,
    params: [id, "x"],
  });
  const write = (given: Partial<StoreWrite>): StoreWrite => ({
    ...{ type: "s", key: "a", shard: "s/0", epoch: 1, version: 1, due: null },
    ...{ body: "{}", ...given },
  });
  const first = write({ statements: [insert(101)] });
  assertEquals(await store.write("alex", [first]), ["stored"]);
  // The answer was lost: they run once.
  assertEquals(await store.write("alex", [first]), ["stored"]);
  const twice = await Promise.all(
    [0, 1].map(() =>
      store.write("alex", [
        write({ version: 2, body: "2", statements: [insert(102)] }),
      ])
    ),
  );
  assertEquals(twice, [["stored"], ["stored"]]);
  const old = write({ version: 2, body: "x", statements: [insert(103)] });
  assertEquals(await store.write("alex", [old]), ["conflict"]);
  const events = [{ number: 5, at: 1, body: "5" }];
  const gap = write({
    ...{ version: 3, body: "3", statements: [insert(103)] },
    appends: [{ stream: "", events }],
  });
  assertEquals(await store.write("alex", [gap]), ["conflict"]);
  // The shard is given away between: the fence refuses, and undoes it.
  await store.give("alex", "kate", [{ shard: "s/0", epoch: 1 }]);
  const late = write({ version: 3, body: "3", statements: [insert(103)] });
  assertEquals(await store.write("alex", [late]), ["fenced"]);
  // Statements of two keys may run at the same time: the row is one of theirs, and the other key's write is refused.
  const [a, b, c] = await store.write("kate", [
    { ...late, epoch: 2, statements: [insert(104)] },
    write({ key: "b", epoch: 2, statements: [insert(104)] }),
    write({ key: "c", epoch: 2 }),
  ]);
  assertEquals([typeof a, typeof b].sort(), ["object", "string"]);
  assertEquals(c, "stored");
  const ids = (await rows()).map((row) => (row as number[])[0]);
  assertEquals(ids.filter((id) => id > 100), [101, 102, 104]);
}

test("a statement on SQLite is stored with its state, once, or not at all", {
  timeout: 120_000,
}, async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/orders.db`;
  const db = new DatabaseSync(file);
  for (const table of TABLES) db.exec(table);
  const rows = () =>
    Promise.resolve(
      db.prepare("SELECT id, note FROM outbox ORDER BY id").all()
        .map(({ id, note }) => [id, note]),
    );
  const setting = { store: sqliteStore(file, { sync: false }), rows };
  await writeStatements(setting);
  db.exec("DELETE FROM outbox");
  await runOrders(setting);
  await setting.store.close();
  db.close();
  await Deno.remove(folder, { recursive: true });
});

test("a store in memory gives statements to its function, and refuses them without one", async () => {
  const ran: unknown[] = [];
  const sql = (text: string, params: readonly unknown[]) => {
    if (ran.length === 1) throw new Error("full");
    ran.push([text, ...params]);
  };
  for (const store of [memoryStore({ sql }), memoryStore()]) {
    const tree = await Supervisor.startLink([
      Entities.childSpec({ types: [Order], store }),
    ], { strategy: "one_for_one" });
    const order = Order.get("o1");
    if (ran.length === 0) {
      assertEquals(await order.add(1, null), 1);
      await assertSql(order.add(2, null), /full/);
      assertEquals(await order.count(), 1);
    } else await assertSql(order.add(1, null), /memoryStore\(\{ sql \}\)/);
    await Supervisor.stop(tree);
  }
  assertEquals(ran, [[INSERT, 1, null]]);
});

test(
  "a statement on PostgreSQL is stored with its state, also through pgbouncer",
  {
    programs: ["postgres", "pgbouncer"],
    tags: ["slow"],
    timeout: 120_000,
  },
  async () => {
    await using server = await PostgresServer.start();
    await using bouncer = await server.bounce();
    for (const { url } of [server, bouncer]) {
      const sql = postgres(url, {
        ...{ max: 4, prepare: false, fetch_types: false },
        onnotice() {},
      });
      await sql.unsafe("DROP TABLE IF EXISTS child, outbox");
      for (const table of TABLES) await sql.unsafe(table);
      const rows = async () =>
        (await sql.unsafe("SELECT id, note FROM outbox ORDER BY id"))
          .map(({ id, note }) => [id, note]);
      const store = postgresStore((text, params) => sql.unsafe(text, params));
      await writeStatements({ store, rows });
      await sql.unsafe("DELETE FROM outbox");
      await runOrders({ store, rows });
      for (const table of ["shard", "state", "log", "node", "setting"]) {
        await sql.unsafe(`DELETE FROM entities_${table}`);
      }
      await sql.end();
    }
  },
);

test("nodes and a function of before write statements with those of now", {
  programs: ["postgres"],
  tags: ["slow"],
}, async () => {
  await using server = await PostgresServer.start();
  const sql = postgres(server.url, {
    max: 4,
    fetch_types: false,
    onnotice() {},
  });
  for (const table of TABLES) await sql.unsafe(table);
  for (const statement of postgresSchema()) await sql.unsafe(statement);
  const rows = async () =>
    (await sql.unsafe("SELECT id, note FROM outbox ORDER BY id"))
      .map(({ id, note }) => [id, note]);
  // A node of before does not give the text of its write.
  const old: PostgresQuery = (text, params) => {
    const isWrite = text.includes("entities_write(");
    const given = params.map((param, n) =>
      isWrite && n === 3
        ? JSON.stringify(
          JSON.parse(param as string).map((
            { text, params }: StoreStatement,
          ) => ({ text, params })),
        )
        : param
    );
    return sql.unsafe(text, given);
  };
  await writeStatements({ store: postgresStore(old), rows });
  // The function of before makes its own text.
  const now = postgresSchema().at(-1)!;
  const before = now.replace("coalesce($4::jsonb -> 0 ->> 'write', ", "(");
  assertNotEquals(before, now);
  await sql.unsafe(before);
  for (
    const table of [
      "entities_shard",
      "entities_state",
      "entities_log",
      "entities_node",
      "outbox",
    ]
  ) {
    await sql.unsafe(`DELETE FROM ${table}`);
  }
  const query: PostgresQuery = (text, params) => sql.unsafe(text, params);
  await writeStatements({
    store: postgresStore(query, { migrate: false }),
    rows,
  });
  await sql.end();
});
