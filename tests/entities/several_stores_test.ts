/** Types of one node in several stores, in virtual time: each has servers of its own. */

import { assertEquals } from "@std/assert";
import { Entity, memoryStore } from "../../packages/entities/mod.ts";
import { SimulatedCluster } from "../../exports/testing.ts";
import { test } from "../../packages/testing/tags.ts";
import { LEASE, pass, startEntities } from "./_clusters.ts";

const STORES = 2;
const KEYS = Array.from({ length: 20 }, (_, n) => `key ${n}`);
const TYPES = Array.from(
  { length: STORES },
  (_, n) =>
    Entity.define(`count-${n}`, {
      state: () => ({ n: 0 }),
      add: (count) => ++count.state.n,
    }),
);

/** The types take turns with the keys. */
function typeOf(key: string): number {
  return KEYS.indexOf(key) % STORES;
}

test("types in several stores are handed over together, and each key stays in its store", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate", "sophie"],
    log: () => {},
  });
  const stores = TYPES.map(() => memoryStore({ now: () => cluster.now() }));
  for (const node of ["alex", "kate", "sophie"]) {
    for (const [n, store] of stores.entries()) {
      startEntities(cluster, node, {
        ...{ types: [TYPES[n]], store, shards: 16, name: `Entities ${n}` },
        hosts: node !== "sophie",
      });
    }
  }
  await cluster.advance(4 * LEASE);
  const failures: unknown[] = [];
  let isOver = false;
  let rounds = 0;
  for (const key of KEYS) {
    cluster.spawn("sophie", async () => {
      for (let n = 1; !isOver; n++) {
        const seen = await TYPES[typeOf(key)].get(key, { timeout: 10 * LEASE })
          .add().catch(String);
        if (seen !== n) failures.push(`${key}: ${seen}, not ${n}`);
        rounds++;
        await pass(20);
      }
    });
  }
  await cluster.advance(500);
  const [before] = await Promise.all(stores.map((store) => store.view()));
  const owners = new Set(before.shards.map(({ owner }) => owner));
  assertEquals(owners.size, 2, "both nodes own shards");
  const outcome = await cluster.run("kate", () => cluster.node("alex").drain());
  assertEquals(outcome, "drained");
  await cluster.stop("alex");
  await cluster.advance(2000);
  isOver = true;
  await cluster.advance(2000);
  assertEquals(failures, []);
  assertEquals(rounds > 20 * KEYS.length, true, `${rounds} calls`);
  for (const key of KEYS) {
    const found = await Promise.all(
      stores.map((store, n) => store.load(`count-${n}`, key)),
    );
    assertEquals(
      found.map((state) => state !== undefined),
      TYPES.map((_, n) => n === typeOf(key)),
    );
  }
  for (const store of stores) {
    const { nodes } = await store.view();
    assertEquals(nodes.map(({ name }) => name), ["kate@localhost"]);
  }
});
