/** The stores of entities keep their contract. */

import { checkStore } from "../../entities/check_store.ts";
import { memoryStore } from "../../entities/memory_store.ts";
import { sqliteStore } from "../../entities/sqlite_store.ts";
import { test } from "../../testing/tags.ts";

test("memoryStore() keeps the contract of a store", async () => {
  const store = memoryStore();
  await checkStore(() => store);
});

test("sqliteStore() keeps it, with two connections to one file", async () => {
  const folder = await Deno.makeTempDir();
  await checkStore(() => sqliteStore(`${folder}/entities.db`, { sync: false }));
  await Deno.remove(folder, { recursive: true });
});
