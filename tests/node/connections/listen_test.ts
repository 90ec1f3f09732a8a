/** Nodes that listen on other addresses than 127.0.0.1, or whose host resolves to another address. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { toRegistration } from "../../../packages/epmd/entry.ts";
import { EpmdUnreachableError, lookup } from "../../../packages/epmd/mod.ts";
import { encodeRequest } from "../../../packages/epmd/epmd_protocol.ts";
import { Node, type NodeOptions } from "../../../node.ts";
import { eventually, RawConnection, startEpmd } from "../../_epmd_helpers.ts";
import { NodeProcess } from "../../_node_process.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";

/** Only on Linux is all of 127.0.0.0/8 local. */
const options = { ignore: Deno.build.os !== "linux" };

type Place = [name: string, listen?: string];

/** The name of IPv6 among the programs that a test needs. */
const IPV6 = "ipv6";

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

/** Pairs of nodes, with their names and addresses. */
const PAIRS: [what: string, one: Place, other: Place][] = [
  ["the same address", ["alex@127.0.0.3", "127.0.0.3"], [
    "kate@127.0.0.3",
    "127.0.0.3",
  ]],
  ["two addresses", ["alex@127.0.0.3", "127.0.0.3"], [
    "kate@127.0.0.1",
    "127.0.0.1",
  ]],
  ["an address that its host does not resolve to", [
    "alex@localhost",
    "127.0.0.3",
  ], ["kate@localhost"]],
  ["two addresses of one host", ["alex@localhost", "127.0.0.3"], [
    "kate@localhost",
    "127.0.0.4",
  ]],
  // As /etc/hosts of Debian resolves the name of the host.
  ["a host that resolves to 127.0.1.1", ["alex@127.0.1.1"], ["kate@127.0.1.1"]],
  ["another such host", ["alex@127.0.1.1"], ["kate@127.0.0.1"]],
  ["all addresses", ["alex@127.0.1.1", "0.0.0.0"], ["kate@127.0.1.1"]],
  [IPV6, ["alex@localhost", "::1"], ["kate@localhost"]],
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

/** What a pair needs that is not here. */
function missingFor(what: string): string[] {
  return what === IPV6 && !hasIpv6() ? [IPV6] : [];
}

for (const [what, one, other] of PAIRS) {
  const programs = missingFor(what);
  for (const places of [[one, other], [other, one]]) {
    clusterTest(
      `nodes meet at ${what} (${places[0][0]} first)`,
      async (cluster) => {
        await assertBothFind(cluster, places);
      },
      { ...options, programs },
    );
  }
}

clusterTest("nodes meet at all of these (real epmd)", async (cluster) => {
  const stop = await startEpmd(cluster.epmdPort, "0.0.0.0");
  try {
    for (const [what, ...places] of PAIRS) {
      if (missingFor(what).length > 0) continue;
      for (const node of await assertBothFind(cluster, places)) {
        await node.stop();
      }
    }
  } finally {
    await stop();
  }
}, { ...options, programs: ["epmd"] });

clusterTest("EPMD answers at 127.0.0.1, and its node's", async (cluster) => {
  cluster.servesEpmd = false;
  const port = cluster.epmdPort;
  const alex = await cluster.start("alex", { listen: "127.0.0.3" });
  await cluster.start("kate");
  for (const host of ["127.0.0.1", "127.0.0.3"]) {
    for (const name of ["alex", "kate"]) {
      assert(await lookup(name, { host, port }) !== undefined, name + host);
    }
  }
  await alex.stop();
  await eventually(async () => {
    try {
      return await lookup("kate", { port }) !== undefined;
    } catch {
      return false;
    }
  });
}, options);

clusterTest("a registration makes EPMD listen nowhere", async (cluster) => {
  const port = cluster.epmdPort;
  // It may listen on 127.0.0.1 alone.
  await using _kate = await NodeProcess.start(cluster, "kate");
  const denied = "127.0.0.9";
  await using raw = new RawConnection(port);
  const registration = toRegistration({
    name: "thief",
    port: 5,
    hidden: false,
    extra: `otp-json/1 listen=${denied}`,
  });
  raw.send(encodeRequest({ type: "alive", registration }));
  await eventually(() => raw.received.length === 6);
  assertEquals((await lookup("thief", { port }))?.port, 5);
  await assertRejects(
    () => lookup("thief", { host: denied, port }),
    EpmdUnreachableError,
  );
  assertEquals((await lookup("thief", { port }))?.port, 5);
}, options);
