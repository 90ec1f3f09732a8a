/** The store in a real PostgreSQL server, over two clients. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import pg from "npm:pg@^8";
import postgres from "npm:postgres@^3";
import { checkStore } from "../../packages/entities/check_store.ts";
import { postgresStore } from "../../packages/entities/postgres_store.ts";
import { test } from "../../packages/testing/tags.ts";
import { PostgresServer } from "../_postgres.ts";

test("postgresStore() keeps the contract of a store over pg and postgres", {
  programs: ["postgres"],
  tags: ["slow"],
}, async () => {
  await using server = await PostgresServer.start();
  const pool = new pg.Pool({ connectionString: server.url, max: 4 });
  pool.on("error", () => {});
  const sql = postgres(server.url, {
    max: 4,
    fetch_types: false,
    onnotice() {},
  });
  const stores = [
    postgresStore((text, params) => pool.query(text, params)),
    postgresStore((text, params) => sql.unsafe(text, params)),
  ];
  await checkStore(() => stores.pop()!);
  await pool.end();
  await sql.end();
});

test("it keeps it through pgbouncer in transaction mode", {
  programs: ["postgres", "pgbouncer"],
  tags: ["slow"],
}, async () => {
  await using server = await PostgresServer.start();
  await using bouncer = await server.bounce();
  const sql = postgres(bouncer.url, {
    max: 20,
    prepare: false,
    fetch_types: false,
    onnotice() {},
  });
  await checkStore(
    () => postgresStore((text, params) => sql.unsafe(text, params)),
  );
  await sql.end();
});

test("a node gets the shards from the database only when they have changed", {
  programs: ["postgres"],
  tags: ["slow"],
}, async () => {
  await using server = await PostgresServer.start();
  const sql = postgres(server.url, {
    max: 4,
    fetch_types: false,
    onnotice() {},
  });
  let sent = 0;
  const store = postgresStore(async (text, params) => {
    const rows = await sql.unsafe(text, params);
    sent = [...String(rows[0]?.view ?? "").matchAll(/"owner"/g)].length;
    return rows;
  });
  const other = postgresStore((text, params) => sql.unsafe(text, params));
  const shards = ["room/0", "room/1"].map((shard) => ({ shard, epoch: 0 }));
  await store.open();
  for (const id of ["alex", "kate"]) {
    await store.join({ id, name: `${id}@localhost`, info: "" });
  }
  /** Asserts the owners that a beat and a view return, and how many shards the database has sent for each. */
  const expect = async (owners: string[], ...counts: number[]) => {
    for (const [at, count] of counts.entries()) {
      const view = at % 2 === 0
        ? await store.beat("alex", "")
        : await store.view();
      const found = view!.shards.toSorted((a, b) => a.id < b.id ? -1 : 1);
      assertEquals([...found.map(({ owner }) => owner), sent], [
        ...owners,
        count,
      ]);
      // The caller may do as it likes with an answer.
      view!.shards.length = 0;
    }
  };
  await expect([], 0, 0);
  await other.claim("alex", shards);
  await expect(["alex", "alex"], 2, 0, 0, 0);
  await other.give("alex", "kate", [{ shard: "room/1", epoch: 1 }]);
  await expect(["alex", "kate"], 2, 0, 0);
  // The database goes back, and on to the same epochs with other owners.
  await sql`UPDATE entities_shard SET owner = CASE owner WHEN 'alex' THEN 'kate' ELSE 'alex' END`;
  await expect(["kate", "alex"], 2, 0);
  await sql`DELETE FROM entities_shard`;
  await expect([], 0, 0);
  await sql.end();
});

test("keys are read by the primary key, and are the same in tables of before", {
  programs: ["postgres"],
  tags: ["slow"],
}, async () => {
  await using server = await PostgresServer.start();
  const pool = new pg.Pool({ connectionString: server.url, max: 4 });
  pool.on("error", () => {});
  let last: [string, (string | number | null)[]] = ["", []];
  const store = postgresStore((text, params) => {
    last = [text, params];
    return pool.query(text, params);
  });
  await store.open();
  await pool.query(
    `INSERT INTO entities_state (type, key, shard, epoch, version, body)
SELECT 'room', chr(65 + n % 58) || n, 'room/0', 1, 1, '{}' FROM generate_series(1, 20000) n`,
  );
  await pool.query("ANALYZE entities_state");
  const plan = async () => {
    const { rows } = await pool.query(`EXPLAIN ${last[0]}`, last[1]);
    return rows.map((row: Record<string, string>) => row["QUERY PLAN"]).join(
      "\n",
    );
  };
  const page = await store.keys("room", "Z3", "", 100);
  const byPlan = await plan();
  assertMatch(byPlan, /Index Scan using entities_state_pkey/);
  assert(!byPlan.includes("Sort"), byPlan);
  assertEquals(page.length, 100);
  const some = await store.keys("room", "", "a1", 100);
  assertMatch(await plan(), /Index Cond: .*>=.*<.*/);
  await pool.query(
    'ALTER TABLE entities_state ALTER COLUMN key TYPE text COLLATE "default"',
  );
  assertEquals(await store.keys("room", "Z3", "", 100), page);
  assertEquals(await store.keys("room", "", "a1", 100), some);
  await pool.end();
});
