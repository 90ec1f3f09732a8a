/** The log of nodes that cannot be connected to: at the first try, then at growing intervals, and when they are back. */

import { assertEquals, assertMatch } from "@std/assert";
import { send } from "../../../packages/processes/process.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { event, SOON, withOwn } from "../../cluster/discovery/_clusters.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

const REFUSED =
  /^alex warning: Cannot connect to kate@localhost: it closed the connection after .*its cookie is another one; start both nodes with the same cookie/;
const BACK =
  /^alex warning: Connected to kate@localhost, which was away for \d+ s$/;

const OWN = { strategy: "static", nodes: [KATE], ...SOON } as const;

/** Waits for failed dials of the caller's cluster. */
async function dials(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await event("dial_failed");
}

function linesOf(cluster: Cluster, node: string): string[] {
  return cluster.lines().filter((line) => line.startsWith(`${node} `));
}

test("messages to a node that is away are logged less and less often, and when it is back", async () => {
  const minutes: number[] = [];
  const lines: string[] = [];
  await using cluster = await SimulatedCluster.start({
    nodes: [
      {
        name: "alex",
        logLevel: "warning",
        log: ({ message }) => {
          minutes.push(Math.round((cluster.now() - since) / 60_000));
          lines.push(message);
        },
      },
      "kate",
    ],
  });
  const tell = () =>
    cluster.run("alex", () => send({ name: "inbox", node: KATE }, "hi"));
  await tell();
  await cluster.settle();
  await cluster.kill("kate");
  const since = cluster.now();
  for (let i = 0; i < 16 * 30; i++) {
    await tell();
    await cluster.advance(2000);
  }
  assertEquals(minutes, [0, 1, 3, 7, 15]);
  for (const line of lines) {
    assertMatch(line, /^Cannot connect to kate@localhost: /);
  }
  assertMatch(lines[1], / \(and \d+ times since the last report\)$/);
  await cluster.restart("kate");
  await tell();
  await cluster.settle();
  assertEquals(lines.length, 6);
  assertMatch(lines[5], /^Connected to kate@localhost, which was away for \d+/);
  // What is over is news when it begins again.
  await cluster.kill("kate");
  for (let i = 0; i < 3; i++) {
    await tell();
    await cluster.advance(2000);
  }
  assertEquals(lines.length, 7);
});

clusterTest(
  "a wrong cookie of a node at another address is logged at the first try, and once",
  async (cluster) => {
    const before = await cluster.start("kate");
    await withOwn(cluster, OWN, async () => {
      await event("connected");
      await before.stop();
      const kate = await cluster.start("kate", { cookie: "another" });
      // The dials before that found no node.
      for (;;) {
        const { reason } = await event("dial_failed");
        if (/cookie is another/.test(reason)) break;
      }
      const lines = linesOf(cluster, "alex");
      assertEquals(lines.length, 1, lines.join("\n"));
      assertMatch(lines[0], REFUSED);
      await dials(5);
      assertEquals(linesOf(cluster, "alex"), lines);
      const refused = linesOf(cluster, "kate");
      assertEquals(refused.length, 1, refused.join("\n"));
      assertMatch(refused[0], /alex@localhost has another cookie; start both/);
      await kate.stop();
      await cluster.start("kate");
      await event("connected");
      assertMatch(linesOf(cluster, "alex").at(-1)!, BACK);
    });
  },
);

clusterTest(
  "a wrong cookie of Elixir's node is logged at the first try, and once",
  async (cluster) => {
    // EPMD starts with the first node of the test.
    await cluster.start("mia", { hidden: true });
    await using kate = await ElixirNode.start("kate", {
      epmdPort: cluster.epmdPort,
      cookie: "another",
    });
    await withOwn(cluster, OWN, async () => {
      await dials(1);
      const lines = linesOf(cluster, "alex");
      assertEquals(lines.length, 1, lines.join("\n"));
      assertMatch(lines[0], REFUSED);
      await dials(5);
      assertEquals(linesOf(cluster, "alex"), lines);
      await kate.evaluate(`Node.set_cookie(:"${ALEX}", :secret_token)`);
      await event("connected");
      assertMatch(linesOf(cluster, "alex").at(-1)!, BACK);
    });
  },
  { programs: ELIXIR },
);
