/** `Runtime.reach`: connections by a node's name and address, and why there is none. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Node } from "../node.ts";
import { currentProcess } from "../runtime/context/current_process.ts";
import type { Reached, ReachTarget } from "../runtime/reach.ts";
import { clusterTest } from "./_nodes.ts";
import { RawListener } from "./_raw_peer.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

/** Reaches a node from another one. */
function reach(node: Node, target: ReachTarget): Promise<Reached> {
  return node.run(() => currentProcess().runtime.reach(target));
}

/** The reason why a node was not reached. */
function reasonOf(reached: Reached): string {
  assert(!reached.connected, `${reached.node} is connected`);
  return reached.reason;
}

function addressOf(node: Node): string {
  return `127.0.0.1:${node.port}`;
}

clusterTest(
  "reach() connects to a name, and says whether it was connected before",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await cluster.start("kate");
    const connected = { node: KATE, connected: true } as const;
    assertEquals(await reach(alex, { node: KATE }), {
      ...connected,
      isNew: true,
    });
    assertEquals(await reach(alex, { node: KATE }), {
      ...connected,
      isNew: false,
    });
    assertEquals(await alex.run(() => Node.list()), [KATE]);
  },
);

clusterTest(
  "reach() connects to a name at an address without EPMD",
  async (cluster) => {
    const alex = await cluster.start("alex", { epmdPort: false });
    const kate = await cluster.start("kate", { epmdPort: false });
    const address = addressOf(kate);
    assertEquals(await reach(alex, { node: KATE, address }), {
      node: KATE,
      connected: true,
      isNew: true,
    });
  },
);

clusterTest(
  "reach() says that a name is the node's own",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const reached = await reach(alex, { node: ALEX });
    assertEquals(reached.connected || reached.isSelf, true);
    assertMatch(reasonOf(reached), /this node has that name/);
  },
);

clusterTest(
  "reach() fails with the reason that is logged, or with quiet, is not",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using listener = await RawListener.listen();
    const { address } = listener;
    for (const quiet of [true, false]) {
      for (
        const [target, pattern] of [
          [{ node: "nobody@localhost" }, /nobody@localhost is registered/],
          [{ node: "a@long.example", address }, /a long one/],
          [{ node: KATE, address: "nowhere" }, /not an address/],
        ] as const
      ) {
        const before = cluster.lines().length;
        const reached = await reach(alex, { ...target, quiet });
        const reason = reasonOf(reached);
        assertMatch(reason, /^Cannot connect to .*: /);
        assertMatch(reason, pattern);
        assertEquals(
          cluster.lines().slice(before),
          quiet ? [] : [`alex warning: ${reason}`],
        );
      }
    }
  },
);

clusterTest(
  "reach() with quiet shares a dial with connect(), which logs its failure",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const quiet = reach(alex, { node: "nobody@localhost", quiet: true });
    assertEquals(
      await alex.run(() => Node.connect("nobody@localhost")),
      false,
    );
    assertEquals(cluster.lines(), [`alex warning: ${reasonOf(await quiet)}`]);
  },
);

clusterTest(
  "reach() fails beyond the limit of dials, and when the node stops",
  async (cluster) => {
    const alex = await cluster.start("alex", { limits: { maxConnections: 1 } });
    await using listener = await RawListener.listen();
    const { runtime } = await alex.run(() => currentProcess());
    const first = runtime.reach({ node: KATE, address: listener.address });
    await using _peer = await listener.accept();
    const reached = await runtime.reach({ node: "x@localhost", quiet: true });
    assertMatch(reasonOf(reached), /limits\.maxConnections/);
    assertEquals(cluster.lines(), []);
    await alex.stop();
    assertMatch(reasonOf(await first), /the node stops/);
  },
);
