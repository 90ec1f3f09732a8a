/**
 * Joins of `global` whose nodes or name servers die at any moment: the others have the same names afterwards.
 *
 * Two parts of two nodes each meet. The one that joins them notifies each server, and may have notified only
 * some of them when it dies.
 */

import { assertEquals } from "@std/assert";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import { Process, receive, self } from "../../../packages/processes/process.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { fuzz, runs } from "../../_seeds.ts";

const NODES = ["alex", "kate", "moebi", "zoe"];

/** Connects a node to those after it. */
function connect(cluster: SimulatedCluster, nodes: readonly string[]): void {
  for (const [i, name] of nodes.entries()) {
    cluster.spawn(name, () => {
      for (const other of nodes.slice(i + 1)) {
        void Node.connect(`${other}@localhost`);
      }
      void global.sync();
    });
  }
}

/** Ends a node, or its name server. */
const ENDS: Record<
  string,
  (cluster: SimulatedCluster, name: string) => Promise<void>
> = {
  "a node": (cluster, name) => cluster.kill(name),
  "a name server": (cluster, name) =>
    cluster.run(name, () => {
      const server = Process.whereis("global_name_server");
      if (server !== undefined) Process.exit(server, "kill");
    }),
};

for (const [what, end] of Object.entries(ENDS)) {
  test(`global joins all others when ${what} dies at any moment of a join`, {
    timeout: 600_000,
  }, () =>
    fuzz(runs(3), async (_, seed) => {
      for (let moment = 2; moment <= 150; moment += 3) {
        const dies = NODES[(seed + moment) % NODES.length];
        await using cluster = await SimulatedCluster.start({
          nodes: NODES,
          seed,
          delay: { min: 1, max: 20 },
        });
        connect(cluster, ["alex", "moebi"]);
        connect(cluster, ["kate", "zoe"]);
        await cluster.advance(2000);
        connect(cluster, NODES);
        await cluster.advance(moment);
        await end(cluster, dies);
        await cluster.advance(5000);
        const rest = NODES.filter((name) => name !== dies);
        let done = 0;
        for (const name of rest) {
          cluster.spawn(name, async () => {
            await global.sync();
            await global.registerName(name, self());
            done++;
            await receive(() => false);
          });
        }
        await cluster.advance(20_000);
        const life = `${dies} after ${moment} ms`;
        assertEquals(done, rest.length, life);
        for (const name of rest) {
          const names = await cluster.run(name, () => global.registeredNames());
          assertEquals(names.sort(), rest, life);
        }
      }
    }));
}
