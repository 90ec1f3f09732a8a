/** The database: PostgreSQL by its address, or SQLite in a file of this machine. It has the entities, and the invoices. */

import {
  postgresStore,
  sqliteStore,
  type Store,
} from "@otp/distribution/entities";
import { env } from "node:process";

const PLACE = env.STORE ?? "orders.db";
const TABLE =
  "CREATE TABLE IF NOT EXISTS invoice (run text PRIMARY KEY, order_id text NOT NULL, cents integer NOT NULL)";
const INSERT =
  "INSERT INTO invoice (run, order_id, cents) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/** The store, and a function that adds an invoice, which adds none if the run has one. */
export const { store, addInvoice } = /^postgres(ql)?:/.test(PLACE)
  ? await postgresDatabase()
  : await sqliteDatabase();

interface Database {
  store: Store;
  addInvoice(run: string, order: string, cents: number): Promise<void>;
}

async function postgresDatabase(): Promise<Database> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(PLACE, { max: 4, fetch_types: false, onnotice() {} });
  // Two nodes that create a table at once fail: the lock has them do it one after the other.
  await sql.unsafe(
    `DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); ${TABLE}; END $$`,
  );
  return {
    store: postgresStore((text, params) =>
      sql.unsafe(text, params as string[])
    ),
    async addInvoice(...values) {
      await sql.unsafe(INSERT, values);
    },
  };
}

async function sqliteDatabase(): Promise<Database> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(PLACE, { timeout: 5000 });
  database.exec(TABLE);
  const insert = database.prepare(INSERT.replace(/\$\d/g, "?"));
  return {
    store: sqliteStore(PLACE),
    // deno-lint-ignore require-await
    async addInvoice(...values) {
      insert.run(...values);
    },
  };
}
