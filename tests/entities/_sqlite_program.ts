/** One of two programs with a store in one file: claims all shards, one by one, and writes a state in each. */

import { sqliteStore } from "../../packages/entities/sqlite_store.ts";
import { until } from "../_until.ts";

/** The number of shards. */
export const SHARDS = 100;

/** Returns the number of shards that this program got, once both have joined. */
export async function claimAll(
  file: string,
  id: string,
  order: number[],
): Promise<number> {
  const store = sqliteStore(file, { sync: false });
  await store.open();
  await store.join({ id, name: id, info: "" });
  await until(async () => (await store.view()).nodes.length === 2);
  let count = 0;
  for (const n of order) {
    const shard = `note/${n}`;
    const [claimed] = await store.claim(id, [{ shard, epoch: 0 }]);
    const [result] = await store.write(id, [{
      ...{ type: "note", key: `${n}`, shard, epoch: 1, version: 1 },
      ...{ body: JSON.stringify(id), due: null },
    }]);
    if (result !== (claimed ? "stored" : "fenced")) {
      throw new Error(`a write of ${id} to ${shard} is ${result}`);
    }
    if (claimed) count++;
  }
  await store.close();
  return count;
}

if (import.meta.main) {
  const order = [...Array(SHARDS).keys()];
  console.log(await claimAll(Deno.args[0], "program", order));
}
