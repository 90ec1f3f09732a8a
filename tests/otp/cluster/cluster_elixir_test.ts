/** A cluster that has nodes of Elixir. */

import { assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { event, FAST, SOON, withOwn } from "./_clusters.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { clusterTest } from "../../_nodes.ts";

const OPTIONS = { programs: ELIXIR, timeout: 120_000 };
const KATE = "kate@localhost";

clusterTest("a cluster connects to Elixir, and again", async (nodes) => {
  const own = { strategy: "static", nodes: [KATE], ...SOON } as const;
  await withOwn(nodes, own, async () => {
    {
      await using kate = await ElixirNode.start("kate", nodes);
      await event("connected", KATE);
      assertEquals(Node.list(), [KATE]);
      await kate.kill();
      await event("disconnected", KATE);
    }
    await using _again = await ElixirNode.start("kate", nodes);
    await event("connected", KATE);
  });
}, OPTIONS);

clusterTest("epmd finds a node of Elixir", async (nodes) => {
  const own = { strategy: "epmd", hosts: ["localhost"], ...FAST } as const;
  await withOwn(nodes, own, async () => {
    await using _kate = await ElixirNode.start("kate", nodes);
    await event("connected", KATE);
  });
}, OPTIONS);
