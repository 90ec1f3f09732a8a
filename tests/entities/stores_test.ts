/** The stores of entities keep their contract. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Runtime } from "../../packages/processes/process/runtime.ts";
import { checkStore } from "../../packages/entities/check_store.ts";
import type { StoreLease } from "../../packages/entities/lease.ts";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import type { OwnedShard } from "../../packages/entities/owned_shard.ts";
import { sqliteStore } from "../../packages/entities/sqlite_store.ts";
import type { StoreWrite } from "../../packages/entities/store.ts";
import { Writer } from "../../packages/entities/writer.ts";
import { Timeline } from "../../packages/testing/simulation/timeline.ts";
import { test } from "../../packages/testing/tags.ts";
import { quiet } from "../_processes.ts";
import { claimAll, SHARDS } from "./_sqlite_program.ts";

test("memoryStore() keeps the contract of a store", async () => {
  const store = memoryStore();
  await checkStore(() => store);
});

test("sqliteStore() keeps it, with two connections to one file", async () => {
  const folder = await Deno.makeTempDir();
  await checkStore(() => sqliteStore(`${folder}/entities.db`, { sync: false }));
  await Deno.remove(folder, { recursive: true });
});

test(
  "sqliteStore() creates files that only their owner can read, and leaves others as they are",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    const folder = await Deno.makeTempDir();
    const modes = async (name: string) => {
      const store = sqliteStore(`${folder}/${name}`, { sync: false });
      await store.open();
      const found = ["", "-wal", "-shm"].map((end) =>
        Deno.statSync(`${folder}/${name}${end}`).mode! & 0o777
      );
      await store.close();
      return found;
    };
    assertEquals(await modes("new"), [0o600, 0o600, 0o600]);
    await Deno.writeFile(`${folder}/given`, new Uint8Array());
    await Deno.chmod(`${folder}/given`, 0o640);
    assertEquals(await modes("given"), [0o640, 0o640, 0o640]);
    await Deno.remove(folder, { recursive: true });
  },
);

test("sqliteStore() gives each shard to one of several programs, whose writes it takes", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "entities.db");
  const program = fileURLToPath(
    new URL("_sqlite_program.ts", import.meta.url),
  );
  const other = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", program, file],
  }).output();
  const order = [...Array(SHARDS).keys()].reverse();
  const here = await claimAll(file, "test", order);
  const { code, stdout, stderr } = await other;
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const there = Number(new TextDecoder().decode(stdout));
  assertEquals(here + there, SHARDS);
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
    {
      deadlines: { after: timeline.after.bind(timeline) },
      clock: { now: () => 0 },
      log: { report() {} },
    } as never as Runtime,
    { ...memoryStore(), write },
    {
      ...{ id: "kate", storeTimeout: 60_000, isValid: true },
      wasRenewedSince: () => false,
    } as never as StoreLease,
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

test("sqliteStore() adds the log to a file of before", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/entities.db`;
  const before = sqliteStore(file, { sync: false });
  await before.open();
  await before.join({ id: "1", name: "kate@localhost", info: "" });
  await before.close();
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(file);
  db.exec("DROP TABLE log");
  db.close();
  const store = sqliteStore(file, { sync: false });
  await store.open();
  assertEquals((await store.view()).nodes.map(({ id }) => id), ["1"]);
  assertEquals(await store.readLog("room", "r1", "", 0, 1, 1), {
    first: 1,
    last: 0,
    events: [],
  });
  await store.close();
  await Deno.remove(folder, { recursive: true });
});

test("sqliteStore() refuses what is no path", () => {
  for (const file of ["", undefined, {}, "a\0b"]) {
    assertThrows(
      () => sqliteStore(file as string),
      TypeError,
      "Cannot make a store in the file",
    );
  }
});

for (const end of ["", "-wal", "-shm"]) {
  test(
    `sqliteStore() accepts nothing once its file${end} was deleted or replaced, until it is back`,
    { ignore: Deno.build.os === "windows" },
    async () => {
      const folder = await Deno.makeTempDir();
      const store = sqliteStore(`${folder}/entities.db`, { sync: false });
      await store.open();
      await store.join({ id: "1", name: "kate@localhost", info: "" });
      const path = `${folder}/entities.db${end}`;
      await Deno.rename(path, `${path}.away`);
      await assertRejects(() => store.beat("1", ""), Error, "was deleted");
      await assertRejects(() => store.claim("1", []), Error, "was deleted");
      await Deno.copyFile(`${path}.away`, path);
      await assertRejects(() => store.beat("1", ""), Error, "was replaced");
      await Deno.rename(`${path}.away`, path);
      assertEquals((await store.beat("1", ""))?.nodes[0].beat, 1);
      await store.close();
      await Deno.remove(folder, { recursive: true });
    },
  );
}

test("sqliteStore() reads numbers that are too large to count", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/entities.db`;
  const store = sqliteStore(file, { sync: false });
  await store.open();
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(file);
  db.exec("INSERT INTO shard VALUES ('note/1', 'kate', 9007199254740995)");
  db.close();
  assertEquals((await store.view()).shards[0].epoch >= 2 ** 53, true);
  await store.close();
  await Deno.remove(folder, { recursive: true });
});
