/** Rows of a store that somebody has written by hand. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  Entities,
  type EntitiesOptions,
  Entity,
  memoryStore,
} from "../../packages/entities/mod.ts";
import { hashOf } from "../../packages/entities/placement.ts";
import { test } from "../../packages/testing/tags.ts";
import { LEASE, startEntities, startNodes } from "./_clusters.ts";

const Note = Entity.define("note", { state: () => 0, read: (n) => n.state });

const KEYS = Array.from({ length: 40 }, (_, n) => `key ${n}`);

for (
  const info of [
    "{}",
    "null",
    "no JSON",
    '{"types":["note"],"weight":1,"pins":5,"isDraining":false}',
    '{"types":5,"weight":1,"isDraining":false}',
    '{"types":["note"],"weight":"x","isDraining":false}',
  ]
) {
  test(`a node whose description is ${info} gets no shards, and others go on`, async () => {
    const { cluster, store } = await startNodes({
      kate: { types: [Note], shards: 8 },
    });
    await using _ = cluster;
    await store.join({ id: "x/1", name: "x", info });
    await cluster.advance(LEASE / 5);
    await cluster.run("kate", () => Note.get("a").read());
    await cluster.advance(2 * LEASE);
    const { nodes } = await cluster.run("kate", () => Entities.info());
    assertEquals(nodes.length, 1);
  });
}

test("a shard whose epoch cannot be counted has no owner, and others have", async () => {
  const { cluster, store } = await startNodes({
    kate: { types: [Note], shards: 8 },
  });
  await using _ = cluster;
  const { view, beat } = store;
  const spoil = async (asked: ReturnType<typeof beat>) => {
    const answer = await asked;
    for (const row of answer?.shards ?? []) {
      if (row.id === "note/3") row.epoch = 2 ** 60;
    }
    return answer;
  };
  store.view = () => spoil(view.call(store)) as ReturnType<typeof view>;
  store.beat = (id, info) => spoil(beat.call(store, id, info));
  await cluster.advance(LEASE);
  const { shards } = await cluster.run("kate", () => Entities.info());
  assertEquals(shards.length, 7);
  const others = KEYS.filter((key) => hashOf(key) % 8 !== 3);
  await cluster.run(
    "kate",
    () => Promise.all(others.map((key) => Note.get(key).read())),
  );
});

/** The most nodes among which a node places shards: the ones that it has known for longest. */
const MOST_NODES = 500;

for (
  const { rows, owner } of [
    { rows: MOST_NODES - 2, owner: "moebi" },
    { rows: MOST_NODES - 1, owner: "kate" },
  ]
) {
  test(`a type that is pinned to a new node belongs to ${owner} beside ${rows} rows of nodes by hand`, async () => {
    const { cluster, store } = await startNodes({
      kate: { types: [Note], shards: 8 },
      moebi: undefined,
    });
    await using _ = cluster;
    for (let n = 0; n < rows; n++) {
      // Nodes of almost no weight, which stay alive without a beat.
      const info = { types: ["note"], weight: 1e-300, isDraining: false };
      const text = JSON.stringify({ ...info, lease: 1e9 });
      await store.join({ id: `x${n}/1`, name: `x${n}@localhost`, info: text });
    }
    await cluster.advance(LEASE);
    const pins = { note: true as const };
    startEntities(cluster, "moebi", { store, types: [Note], shards: 8, pins });
    await cluster.advance(3 * LEASE);
    const { shards } = await cluster.run(owner, () => Entities.info());
    assertEquals(shards.length, 8);
  });
}

test("Entities.childSpec() refuses no types, too many shards, and names that are no text", () => {
  const store = memoryStore();
  for (
    const wrong of [
      { types: [] },
      { shards: 2 ** 40 },
      { name: 5 },
      { name: "" },
      { pins: { note: [5] } },
    ]
  ) {
    assertThrows(() =>
      Entities.childSpec(
        { types: [Note], store, ...wrong } as unknown as EntitiesOptions,
      )
    );
  }
});
