/** The store: PostgreSQL by its address, or SQLite in a file of this machine. It has the orders, and a table of invoices. */

import {
  postgresStore,
  sqliteStore,
  type Store,
} from "@otp/distribution/entities";
import { env } from "node:process";

const PLACE = env.STORE ?? "orders.db";
const TABLE =
  "CREATE TABLE IF NOT EXISTS invoice (run text PRIMARY KEY, order_id text NOT NULL, cents integer NOT NULL)";

export const store: Store = /^postgres(ql)?:/.test(PLACE)
  ? await openPostgres()
  : await openSqlite();

async function openPostgres(): Promise<Store> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(PLACE, { max: 4, fetch_types: false, onnotice() {} });
  // Two nodes that create a table at once fail: the lock has them do it one after the other.
  await sql.unsafe(
    `DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); ${TABLE}; END $$`,
  );
  return postgresStore((text, params) => sql.unsafe(text, params as string[]));
}

async function openSqlite(): Promise<Store> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(PLACE, { timeout: 5000 });
  database.exec(TABLE);
  database.close();
  return sqliteStore(PLACE);
}
