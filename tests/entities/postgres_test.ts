/** The store in a real PostgreSQL server, over two clients. */

import { assertEquals } from "@std/assert";
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
