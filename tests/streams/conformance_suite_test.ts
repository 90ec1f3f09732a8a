/**
 * The conformance suite of Durable Streams from npm: on one node, and on three behind a round-robin.
 *
 * Three nodes take a minute of both cores of CI, so they are asked for: `FUZZ_TIMES=2`. In CI, the client from npm has the three
 * nodes of `stream_programs_test.ts`.
 */

import { join } from "node:path";
import { sqliteStore } from "../../packages/entities/sqlite_store.ts";
import { isMissing } from "../../packages/testing/_programs.ts";
import { test } from "../../packages/testing/tags.ts";
import { runs } from "../_seeds.ts";
import { temporaryFolder } from "../_temporary.ts";
import { StreamCluster } from "./_cluster.ts";
import { serveOnDeno } from "./_server.ts";
import { LONG_POLL, Suite, withLongerLives } from "./_suite.ts";

test("the conformance suite of Durable Streams passes", {
  tags: ["slow", "npm"],
  timeout: 600_000,
}, async (t) => {
  await using suite = await Suite.install();

  await t.step("on one node with SQLite", async () => {
    await using folder = await temporaryFolder();
    await using server = serveOnDeno({
      store: sqliteStore(join(folder.path, "streams.db")),
      limits: { longPoll: LONG_POLL },
    }, withLongerLives);
    await suite.passes(server.url);
  });

  await t.step({
    name: "on three nodes with PostgreSQL",
    ignore: runs(1) < 2 || isMissing("postgres"),
    async fn() {
      await using cluster = await StreamCluster.start();
      await suite.passes(cluster.proxy.url);
    },
  });
});
