/** Nodes that listen elsewhere than on 127.0.0.1, or whose host stands for another address. */

import { assertEquals } from "@std/assert";
import { lookup } from "../distribution/epmd/mod.ts";
import { Node, type NodeOptions } from "../node.ts";
import { eventually, hasEpmd, startEpmd } from "./_epmd_helpers.ts";
import { type Cluster, clusterTest } from "./_nodes.ts";

/** All of 127.0.0.0/8 is this machine on Linux alone. */
const options = { ignore: Deno.build.os !== "linux" };

type Place = [name: string, listen?: string];

/** Two nodes, as they are called and listen. */
const PAIRS: [what: string, one: Place, other: Place][] = [
  ["the same address", ["alex@127.0.0.3", "127.0.0.3"], [
    "kate@127.0.0.3",
    "127.0.0.3",
  ]],
  ["two addresses", ["alex@127.0.0.3", "127.0.0.3"], [
    "kate@127.0.0.1",
    "127.0.0.1",
  ]],
  ["an address that its host does not stand for", [
    "alex@localhost",
    "127.0.0.3",
  ], ["kate@localhost"]],
  ["two addresses of one host", ["alex@localhost", "127.0.0.3"], [
    "kate@localhost",
    "127.0.0.4",
  ]],
  // As the host of a Debian machine does by its /etc/hosts.
  ["a host that stands for 127.0.1.1", ["alex@127.0.1.1"], ["kate@127.0.1.1"]],
  ["another such host", ["alex@127.0.1.1"], ["kate@127.0.0.1"]],
  ["all addresses", ["alex@127.0.1.1", "0.0.0.0"], ["kate@127.0.1.1"]],
  ["IPv6", ["alex@localhost", "::1"], ["kate@localhost"]],
];

async function assertBothFind(
  cluster: Cluster,
  places: Place[],
  rest: Partial<NodeOptions> = {},
): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const [name, listen] of places) {
    nodes.push(
      await cluster.start(
        name,
        listen === undefined ? rest : { listen, ...rest },
      ),
    );
  }
  for (const [from, to] of [nodes, nodes.toReversed()]) {
    assertEquals(
      await from.run(() => Node.connect(to.name)),
      true,
      `${from.name} to ${to.name}\n${cluster.lines(true).join("\n")}`,
    );
    await from.run(() => Node.disconnect(to.name));
    await eventually(async () =>
      (await to.run(() => Node.list("connected"))).length === 0
    );
  }
  return nodes;
}

for (const [what, one, other] of PAIRS) {
  for (const places of [[one, other], [other, one]]) {
    clusterTest(
      `nodes find each other at ${what} (${places[0][0]} first)`,
      async (cluster) => {
        await assertBothFind(cluster, places);
      },
      options,
    );
  }
}

clusterTest(
  "nodes find each other at all these places (real epmd)",
  async (cluster) => {
    const stop = await startEpmd(cluster.epmdPort, "0.0.0.0");
    try {
      for (const [, ...places] of PAIRS) {
        for (const node of await assertBothFind(cluster, places)) {
          await node.stop();
        }
      }
    } finally {
      await stop();
    }
  },
  { ...options, ignore: options.ignore || !hasEpmd() },
);

clusterTest(
  "EPMD answers where any of its nodes listens, and goes on when another serves it",
  async (cluster) => {
    const port = cluster.epmdPort;
    const found = (name: string, host: string) =>
      eventually(async () => {
        try {
          return await lookup(name, { host, port }) !== undefined;
        } catch {
          return false;
        }
      });
    const kate = await cluster.start("kate");
    await cluster.start("alex", { listen: "127.0.0.3" });
    await cluster.start("moebi", { listen: "127.0.0.4" });
    for (let i = 0; i < 2; i++) {
      for (const host of ["127.0.0.1", "127.0.0.3", "127.0.0.4"]) {
        await found("alex", host);
        await found("moebi", host);
      }
      await kate.stop();
    }
  },
  options,
);
