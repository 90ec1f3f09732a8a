/** A SQLite store that is closed while transactions wait for a lock. */

import { assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "../../packages/entities/mod.ts";
import { test } from "../../packages/testing/tags.ts";

test("a SQLite store that is closed leaves no transaction that waits", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/rooms.db`;
  const store = sqliteStore(file, { sync: false });
  await store.open();
  const other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  // It finds the lock, and pauses.
  const joined = assertRejects(
    () => store.join({ id: "alex@localhost/1", name: "alex", info: "{}" }),
    Error,
    "it is closed",
  );
  await Promise.resolve();
  await store.close();
  await joined;
  other.exec("ROLLBACK");
  other.close();
  await Deno.remove(folder, { recursive: true });
});
