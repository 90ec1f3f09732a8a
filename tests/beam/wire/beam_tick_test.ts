/** Ticks on connections with nodes of Elixir: an idle one stays up, and a dead one does not. */

import { assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { NodeProcess } from "../../_node_process.ts";
import { clusterTest, nodeDown } from "../../_nodes.ts";
import { enterBeam, heard } from "../../node/wires/_raw_handshake.ts";
import { RawPeer } from "../../_raw_peer.ts";

const KATE = "kate@localhost";

/**
 * The tick time, in seconds, and how long the connections are idle: either end takes a connection as lost after 10 s in which
 * it hears nothing, and a node with the usual tick time ticks every 15 s by itself.
 */
const TICK_TIME = 8;
const IDLE = 30;

clusterTest(
  `connections that are idle for ${IDLE} s at a tick time of ${TICK_TIME} s stay up`,
  async (cluster) => {
    const alex = await cluster.start("alex", {
      tickTime: TICK_TIME * 1000,
      connectAll: false,
    });
    // The other node's tick time may be shorter than its own, of 60 s: it answers ticks.
    const zoe = await cluster.start("zoe", { connectAll: false });
    await using kate = await ElixirNode.start("kate", {
      epmdPort: cluster.epmdPort,
      erl: [`-kernel net_ticktime ${TICK_TIME}`],
    });
    await kate.evaluate(":net_kernel.monitor_nodes(true, node_type: :all)");
    for (const node of [alex, zoe]) {
      assertEquals(await node.run(() => Node.connect(KATE)), true);
    }
    // safe: the longer the pause, the more is proved
    await new Promise((resolve) => setTimeout(resolve, IDLE * 1000));
    for (const node of [alex, zoe]) {
      assertEquals(await node.run(() => Node.list()), [KATE]);
      // No connection was lost and made again.
      assertEquals(await node.run(() => Node.stats()?.connected), 1);
    }
    assertEquals(
      await kate.evaluate(
        "{:messages, messages} = Process.info(self(), :messages); Enum.map(messages, &elem(&1, 0))",
      ),
      "[:nodeup, :nodeup]",
    );
    assertEquals(cluster.lines(), []);
  },
  { programs: ELIXIR, tags: ["slow"], timeout: (IDLE + 40) * 1000 },
);

clusterTest("Elixir's stopped node is down in time", async (cluster) => {
  const alex = await cluster.start("alex", { tickTime: 500 });
  await using kate = await ElixirNode.start("kate", {
    epmdPort: cluster.epmdPort,
    erl: ["-kernel net_ticktime 1"],
  });
  await alex.run(async () => {
    assertEquals(await Node.connect(KATE), true);
    Node.monitor(KATE);
    kate.signal("SIGSTOP");
    await nodeDown(KATE);
    assertEquals(Node.stats()?.silent, 1);
  });
}, { programs: ELIXIR });

clusterTest("our stopped node is down at Elixir's", async (cluster) => {
  // It serves EPMD, which the stopped node could not.
  await cluster.start("alex");
  await using zoe = await NodeProcess.start(cluster, "zoe");
  await using kate = await ElixirNode.start("kate", {
    epmdPort: cluster.epmdPort,
    erl: ["-kernel net_ticktime 1"],
  });
  assertEquals(await kate.evaluate("Node.connect(:zoe@localhost)"), "true");
  await kate.evaluate("Node.monitor(:zoe@localhost, true)");
  zoe.kill("SIGSTOP");
  assertEquals(
    await kate.evaluate("receive do m -> m end"),
    "{:nodedown, :zoe@localhost}",
  );
}, { programs: ELIXIR });

clusterTest("a node answers every second tick when idle", async (cluster) => {
  const alex = await cluster.start("alex");
  await using raw = await RawPeer.dial(alex.port);
  await enterBeam(raw, "raw@localhost");
  const tick = new Uint8Array(4);
  for (let round = 0; round < 3; round++) {
    await raw.write(tick);
    assertEquals(await heard(raw, 4), "");
    await raw.write(tick);
  }
  // Answers to the even ones would have arrived before that to this pair.
  await raw.write(tick);
  assertEquals(await heard(raw, 4), "");
  assertEquals(raw.bytes.length, 0);
});
