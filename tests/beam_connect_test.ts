/** Connections between nodes of ours and of Elixir, over Erlang's distribution. */

import { assertEquals } from "@std/assert";
import { Node } from "../node.ts";
import { ELIXIR, ElixirNode } from "./_elixir.ts";
import { clusterTest } from "./_nodes.ts";

const OPTIONS = { programs: ELIXIR };

clusterTest(
  "Node.connect() connects to a node of Elixir, which lists it as hidden",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using kate = await ElixirNode.start("kate", cluster);
    await alex.run(async () => {
      assertEquals(await Node.connect(kate.name), true);
      assertEquals(Node.list(), []);
      assertEquals(Node.list("hidden"), [kate.name]);
      assertEquals(Node.list("connected"), [kate.name]);
    });
    assertEquals(
      await kate.evaluate("{Node.list(), Node.list(:hidden)}"),
      "{[], [:alex@localhost]}",
    );
  },
  OPTIONS,
);

clusterTest(
  "a node of Elixir connects with Node.connect, and both notice the end",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using kate = await ElixirNode.start("kate", cluster);
    assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
    await alex.run(async () => {
      assertEquals(Node.list("hidden"), [kate.name]);
      await kate.evaluate("Node.monitor(:alex@localhost, true)");
      await Node.disconnect(kate.name);
    });
    assertEquals(
      await kate.evaluate("receive do m -> m end"),
      "{:nodedown, :alex@localhost}",
    );
  },
  OPTIONS,
);
