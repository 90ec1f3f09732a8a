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

clusterTest("discovery of Elixir dials each node here once", async (nodes) => {
  for (const name of ["alex", "moebi"]) await nodes.start(name);
  await using kate = await ElixirNode.start("kate", nodes);
  // As discovery for Elixir does: names from EPMD, and a dial of each that is not in the list. The first dial may
  // introduce the second node before its turn.
  const code = `
      poll = fn ->
        {:ok, names} = :erl_epmd.names(~c"localhost")
        found = for {name, _} <- names, do: :"#{name}@localhost"
        missing = found -- [node() | Node.list()]
        for name <- missing, do: true = Node.connect(name)
      end
      first = poll.()
      :global.sync()
      later = for _ <- 1..20, do: (Process.sleep(10); poll.())
      {length(first) in 1..2, Enum.sort(Node.list()), Enum.concat(later)}`;
  assertEquals(
    await kate.evaluate(code),
    "{true, [:alex@localhost, :moebi@localhost], []}",
  );
}, OPTIONS);
