/** The store in a real PostgreSQL server, over two clients. */

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
