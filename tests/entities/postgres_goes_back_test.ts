/** Hosts whose PostgreSQL loses what it had accepted last, while they run. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import postgres from "npm:postgres@^3";
import {
  EntityError,
  type EntityMessage,
} from "../../packages/entities/mod.ts";
import { receive } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import { Program } from "../examples/_program.ts";
import { Cluster, COOKIE } from "../_nodes.ts";
import { readPage } from "../_pages.ts";
import { PostgresServer } from "../_postgres.ts";
import { until } from "../_until.ts";
import { Ledger, servesAt, startEntities } from "./_host.ts";

const LEASE = 3000;
const HOSTS = ["alex@localhost", "kate@localhost"];
const KEYS = Array.from({ length: 12 }, (_, n) => `key ${n}`);
const AGAIN = { timeout: 10 * LEASE, mayRunTwice: true };

/** How PostgreSQL goes back to an earlier moment: each prepares it at that moment. */
const WAYS: Record<
  string,
  (server: PostgresServer) => Promise<() => Promise<void>>
> = {
  "a standby without the last writes takes over": (server) => server.standby(),
  "an older dump is restored": (server) => server.dump("entities_*"),
};

for (const [what, prepare] of Object.entries(WAYS)) {
  test(
    `${what}: all hosts serve what PostgreSQL has, and say so once`,
    { programs: ["postgres"], tags: ["slow"], timeout: 300_000 },
    async () => {
      await using stack = new AsyncDisposableStack();
      const server = stack.use(await PostgresServer.start());
      const sql = postgres(server.url, { max: 1, fetch_types: false });
      stack.defer(() => sql.end());
      const beats = () => sql`SELECT beat::int FROM entities_node ORDER BY id`;
      const cluster = stack.use(new Cluster());
      const caller = await cluster.start("caller");
      const settings = { store: server.url, lease: LEASE };
      const programs = HOSTS.map((name) => {
        const node = { name, cookie: COOKIE, epmdPort: cluster.epmdPort };
        const args = JSON.stringify({ node, ...settings });
        return stack.use(new Program("../tests/entities/_host.ts", [args]));
      });
      await caller.run(async () => {
        await using _ = await startEntities(settings, false);
        for (const [i, program] of programs.entries()) {
          await program.matches(/^up$/m);
          await servesAt(HOSTS[i]);
        }
        const add = (key: string, id: number) =>
          Ledger.get(key, { ...AGAIN, id: `${id}` }).add(id);
        const addAll = (ids: number[]) =>
          Promise.all(KEYS.map(async (key) => {
            for (const id of ids) await add(key, id);
          }));
        await addAll([1, 2, 3]);
        await Ledger.get(KEYS[0]).subscribe();
        const { log } = Ledger.get(KEYS[0]);
        const follower = log.follow({ after: 3 });
        const walker = Ledger.get("walker", AGAIN);
        const walk = await walker.walk();
        const waits = async () =>
          (await walk.info().catch(() => undefined))?.state === "waiting";
        await until(waits);
        const goBack = await prepare(server);
        await walker.go();
        const steps = await walk.result();
        const lostWalk = await walker.walk();
        const before = await beats();
        await addAll([4, 5]);
        for (const number of [4, 5]) {
          assertEquals((await receive<EntityMessage>()).number, number);
        }
        const events = [await follower.next(), await follower.next()];
        const [four, five] = events.map(({ value }) => value);
        assertEquals([four.event, five.event], [4, 5]);
        // All hosts have renewed their leases twice since.
        await until(async () =>
          (await beats()).every(({ beat }, i) => beat > before[i].beat + 1)
        );
        await goBack();
        const size = (key: string) =>
          Ledger.get(key, AGAIN).size().catch(() => undefined);
        for (const key of KEYS) await until(async () => await size(key) === 3);
        assertEquals((await receive<EntityMessage>()).event, "gap");
        // Numbers are given again, for other events: who has seen the lost ones must not go on with these.
        await addAll([6, 7, 8]);
        for (const key of KEYS) assertEquals(await size(key), 6, key);
        const lost = { first: 1, last: 6 };
        const reads = [
          () => follower.next(),
          () => log.read({ after: five }),
        ];
        for (const read of reads) {
          const { code, data } = await assertRejects(read, EntityError);
          assertEquals([code, data], ["gap", lost]);
        }
        // The run waits as it did; its steps run again, under the ids that they had. A run that was lost is not made up.
        await until(waits);
        await walker.go();
        assertEquals(await walk.result(), steps);
        assertEquals(await lostWalk.info(), undefined);
        const { code } = await assertRejects(
          () => Promise.resolve(lostWalk.result()),
          EntityError,
        );
        assertEquals(code, "no_run");
        const another = await walker.walk();
        assertEquals(
          (await walker.runs()).map(({ id }) => id).sort(),
          [
            walk.id,
            another.id,
          ].sort(),
        );
        const part = await log.read({ after: 3 });
        assertEquals(part.events.map(({ event }) => event), [6, 7, 8]);
      });
      for (const [i, { output }] of programs.entries()) {
        const said = output.match(/the store has gone back/g) ?? [];
        assertEquals(said.length, 1, `${HOSTS[i]}:\n${output}`);
      }
    },
  );
}

test(
  "an older dump is restored while no node runs: with raised epochs, as docs/entities_production.md says, no fence is given again",
  { programs: ["postgres"], tags: ["slow"], timeout: 300_000 },
  async () => {
    const page = await readPage("docs/entities_production.md");
    const [raise] = /UPDATE entities_shard SET epoch = epoch \+ \d+/.exec(
      page,
    )!;
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await PostgresServer.start());
    const sql = postgres(server.url, { max: 1, fetch_types: false });
    stack.defer(() => sql.end());
    const cluster = stack.use(new Cluster());
    const [name] = HOSTS;
    const node = { name, cookie: COOKIE, epmdPort: cluster.epmdPort };
    const settings = { store: server.url, lease: LEASE };
    const caller = await cluster.start("caller");
    /** Starts the host, and stops it; returns a fence that it has given. */
    const fence = async (): Promise<number> => {
      const args = JSON.stringify({ node, ...settings });
      await using program = new Program("../tests/entities/_host.ts", [args]);
      await program.matches(/^up$/m);
      const [, fence] = await caller.run(async () => {
        await using _ = await startEntities(settings, false);
        await servesAt(name);
        return await Ledger.get("a", AGAIN).add(1);
      });
      await program.drain();
      return fence;
    };
    const first = await fence();
    const goBack = await server.dump("entities_*");
    const second = await fence();
    await goBack();
    assertEquals(await fence(), second, "an older dump alone gives it again");
    await goBack();
    await sql.unsafe(raise);
    const third = await fence();
    assert(first < second && second < third, `${[first, second, third]}`);
  },
);
