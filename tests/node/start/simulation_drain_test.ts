/** A node that drains in a simulated cluster: the time that it waits for nodes that do not answer. */

import { assertEquals } from "@std/assert";
import { pg } from "../../../packages/node/pg/pg.ts";
import { receive, spawn } from "../../../packages/processes/process.ts";
import { Node } from "../../../node.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";

const ALEX = "alex@localhost";

const [PATIENCE] = numbersIn("docs/security.md", "and # for a peer that");

test("drain() waits a while for nodes that do not confirm that its groups have gone", async () => {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    tickTime: 600_000,
  });
  const serve = async () => {
    await pg.start();
    await pg.join("room", spawn(() => receive(() => false)));
    await receive(() => false);
  };
  await cluster.run("kate", () => Node.connect(ALEX));
  for (const name of ["alex", "kate"]) cluster.spawn(name, serve);
  await cluster.settle();
  cluster.partition(["alex"], ["kate"]);
  const kate = cluster.node("kate");
  let outcome: unknown;
  const drained = kate.drain().then((value) => outcome = value);
  await cluster.advance(PATIENCE - 100);
  assertEquals([outcome, kate.status], [undefined, "draining"]);
  await cluster.advance(200);
  assertEquals(kate.status === "draining", false);
  cluster.heal();
  await cluster.advance(1000);
  await drained;
  assertEquals(outcome, "drained");
});
