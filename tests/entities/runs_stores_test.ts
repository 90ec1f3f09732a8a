/** Durable methods on SQLite and PostgreSQL: several nodes in one program, whose entities end abruptly. */

import { assertEquals } from "@std/assert";
import postgres from "npm:postgres@^3";
import {
  Entities,
  Entity,
  type EntityRun,
  postgresStore,
  sqliteStore,
  type Store,
} from "../../packages/entities/mod.ts";
import { Process, receive } from "../../packages/processes/process.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { test } from "../../packages/testing/tags.ts";
import { Cluster } from "../_nodes.ts";
import { PostgresServer } from "../_postgres.ts";

const KEYS = Array.from({ length: 24 }, (_, n) => `order ${n}`);
const STEPS = 5;

/** The number of times that each step has run. */
let attempts = new Map<string, number>();
/** Called by the first attempts of steps. */
let atStep: () => void = () => {};

const Order = Entity.define("order", {
  state: () => ({ steps: [] as number[] }),
  durable: {
    async fill(order) {
      for (let n = 0; n < STEPS; n++) {
        const result = await order.step(`step ${n}`, async ({ id }) => {
          const count = (attempts.get(id) ?? 0) + 1;
          attempts.set(id, count);
          atStep();
          await Promise.resolve();
          return n;
        });
        order.state.steps.push(result);
      }
      return order.state.steps.length;
    },
  },
  read: (order) => order.state.steps,
});

async function fillAll(open: () => Store): Promise<void> {
  attempts = new Map();
  await using cluster = new Cluster();
  const nodes = await cluster.startAll(["alex", "kate", "sophie"]);
  const [alex, kate, sophie] = nodes;
  const stores = nodes.map(() => open());
  for (const [n, node] of nodes.entries()) {
    const started = Promise.withResolvers<void>();
    node.run(async () => {
      const child = Entities.childSpec({
        ...{ types: [Order], store: stores[n], shards: 8, lease: 1500 },
        hosts: node !== sophie,
      });
      await Supervisor.startLink([child], { strategy: "one_for_one" });
      started.resolve();
      await receive(() => false);
    }).catch(() => {});
    await started.promise;
  }
  let count = 0;
  const kills = [20, 60, 75, 100];
  atStep = () => {
    if (++count !== kills[0]) return;
    kills.shift();
    const victim = kills.length % 2 === 0 ? alex : kate;
    // Like a program that is killed, and starts again: it does not say that it leaves.
    victim.run(() => {
      const server = Process.whereis("Entities");
      if (server !== undefined) Process.exit(server, "kill");
    });
  };
  await sophie.run(async () => {
    const options = { timeout: 120_000 };
    const runs = await Promise.all(
      KEYS.map((key) => Order.get(key, { ...options, id: "1" }).fill()),
    );
    const results = await Promise.all(
      runs.map((run: EntityRun<number>) => run.result(options)),
    );
    assertEquals(results, KEYS.map(() => STEPS));
    for (const key of KEYS) {
      assertEquals(await Order.get(key, options).read(), [0, 1, 2, 3, 4]);
    }
  });
  assertEquals(kills, []);
  assertEquals(attempts.size, KEYS.length * STEPS);
  for (const store of stores) await store.close();
}

test("durable methods count each step once on SQLite, whatever ends abruptly", {
  timeout: 120_000,
}, async () => {
  const folder = await Deno.makeTempDir();
  await fillAll(() => sqliteStore(`${folder}/orders.db`, { sync: false }));
  await Deno.remove(folder, { recursive: true });
});

test(
  "durable methods count each step once on PostgreSQL, whatever ends abruptly",
  {
    programs: ["postgres"],
    tags: ["slow"],
    timeout: 120_000,
  },
  async () => {
    await using server = await PostgresServer.start();
    const sql = postgres(server.url, {
      max: 6,
      fetch_types: false,
      onnotice() {},
    });
    await fillAll(() =>
      postgresStore((text, params) => sql.unsafe(text, params))
    );
    await sql.end();
  },
);
