/** The stores of entities keep their contract. */

import { assertEquals } from "@std/assert";
import type { Runtime } from "../../core/processes/runtime.ts";
import { checkStore } from "../../entities/check_store.ts";
import type { StoreLease } from "../../entities/lease.ts";
import { memoryStore } from "../../entities/memory_store.ts";
import type { OwnedShard } from "../../entities/owned_shard.ts";
import { sqliteStore } from "../../entities/sqlite_store.ts";
import type { StoreWrite } from "../../entities/store.ts";
import { Writer } from "../../entities/writer.ts";
import { Timeline } from "../../testing/simulation/timeline.ts";
import { test } from "../../testing/tags.ts";
import { quiet } from "../_processes.ts";

test("memoryStore() keeps the contract of a store", async () => {
  const store = memoryStore();
  await checkStore(() => store);
});

test("sqliteStore() keeps it, with two connections to one file", async () => {
  const folder = await Deno.makeTempDir();
  await checkStore(() => sqliteStore(`${folder}/entities.db`, { sync: false }));
  await Deno.remove(folder, { recursive: true });
});

test("a write by itself is given up when the store has refused it 10 times", async () => {
  const timeline = new Timeline();
  let tries = 0;
  const write = () => {
    tries++;
    throw new Error("value too long");
  };
  const writer = new Writer(
    { after: timeline.after.bind(timeline), report() {} } as never as Runtime,
    { ...memoryStore(), write },
    { id: "kate", storeTimeout: 60_000, isValid: true } as StoreLease,
  );
  const shard = { state: "open", writes: new Map() } as never as OwnedShard;
  void writer.run();
  let result: unknown;
  void writer.write(shard, { key: "r1" } as StoreWrite)
    .then((written) => result = written);
  for (let tried = 1; tried <= 10; tried++) {
    await quiet();
    assertEquals([tries, result], [tried, tried < 10 ? undefined : "conflict"]);
    timeline.step();
  }
});
