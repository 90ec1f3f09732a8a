/** Introductions of nodes: which nodes a node introduces, to whom, and which introductions it follows. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Node } from "../../../node.ts";
import { receive } from "../../../packages/processes/process.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";
import { RawPeer } from "../../_raw_peer.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const MOEBI = "moebi@localhost";
const RAW = "raw@localhost";

/** All settings of the node that introduces, and of the peer. */
function* settings(): Generator<
  { hidden: boolean; connectAll: boolean; peerHidden: boolean }
> {
  for (const hidden of [false, true]) {
    for (const connectAll of [true, false]) {
      for (const peerHidden of [false, true]) {
        yield { hidden, connectAll, peerHidden };
      }
    }
  }
}

/** The names in all introductions that arrive before an answer. */
async function introduced(peer: RawPeer): Promise<unknown[]> {
  return (await peer.takenIn())
    .flatMap(([kind, names]) => kind === "peers" ? names : []).sort();
}

/** Starts alex, connected to two visible nodes and two hidden ones. */
async function startAmong(
  cluster: Cluster,
  options: { hidden: boolean; connectAll: boolean },
): Promise<Node> {
  const alex = await cluster.start("alex", options);
  const others = [
    { name: "hidden1", hidden: true },
    { name: "kate", hidden: false },
    { name: "hidden2", hidden: true },
    { name: "moebi", hidden: false },
  ];
  for (const { name, hidden } of others) {
    // Each is connected to alex only: none of them connects the others.
    const node = await cluster.start(name, { hidden, connectAll: false });
    assert(await node.run(() => Node.connect(ALEX)));
  }
  return alex;
}

for (const given of settings()) {
  const { hidden, connectAll, peerHidden } = given;
  const isShared = !hidden && connectAll && !peerHidden;
  const what = `${hidden ? "hidden" : "visible"} node${
    connectAll ? "" : " without connectAll"
  }`;
  const whom = `a ${peerHidden ? "hidden" : "visible"} peer`;

  clusterTest(
    `a ${what} introduces ${
      isShared ? "its visible peers, and no hidden one" : "nobody"
    } to ${whom}`,
    async (cluster) => {
      const alex = await startAmong(cluster, { hidden, connectAll });
      await using peer = await RawPeer.entered(alex, RAW, {
        hidden: peerHidden,
      });
      assertEquals(await introduced(peer), isShared ? [KATE, MOEBI] : []);
    },
  );

  clusterTest(
    `a ${what} ${
      isShared ? "dials" : "does not dial"
    } nodes that ${whom} introduces`,
    async (cluster) => {
      const alex = await cluster.start("alex", { hidden, connectAll });
      const kate = await cluster.start("kate");
      await using peer = await RawPeer.entered(alex, RAW, {
        hidden: peerHidden,
      });
      await peer.say([["peers", [ALEX, RAW, KATE]]]);
      // After it, alex's actions on it have begun.
      await introduced(peer);
      if (isShared) {
        while (!(await kate.run(() => Node.list())).includes(ALEX)) {
          await kate.run(() => Node.ping("nobody@localhost"));
        }
      } else {
        for (let i = 0; i < 5; i++) {
          await alex.run(() => Node.ping("nobody@localhost"));
        }
        assertEquals(await kate.run(() => Node.list("connected")), []);
      }
    },
  );
}

clusterTest(
  "an introduced node that cannot be reached is dialled again",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using peer = await RawPeer.entered(alex, RAW, { hidden: false });
    await peer.say([["peers", [KATE]]]);
    await cluster.logged(/Cannot connect to kate@localhost/);
    const kate = await cluster.start("kate");
    await kate.run(async () => {
      Node.monitorNodes(true);
      while (!Node.list().includes(ALEX)) await receive();
    });
  },
);

/** The digest of nodes, by the rule of docs/protocol.md. */
function digestOf(...names: string[]): string {
  const digest = Buffer.alloc(8);
  for (const name of names) {
    createHash("sha256").update(name).digest().subarray(0, 8)
      .forEach((byte, at) => digest[at] ^= byte);
  }
  return digest.toString("hex");
}

for (
  const { what, knows, expected } of [
    { what: "nobody", knows: digestOf(MOEBI, KATE), expected: [] },
    { what: "all", knows: digestOf(KATE), expected: [KATE, MOEBI] },
    { what: "all", knows: 7, expected: [KATE, MOEBI] },
  ]
) {
  clusterTest(
    `a node introduces ${what} to a peer that states to know ${knows}`,
    async (cluster) => {
      const options = { hidden: false, connectAll: true };
      const alex = await startAmong(cluster, options);
      await using peer = await RawPeer.dial(alex.port);
      const entered = await peer.enter(RAW, ALEX, { knows });
      assertEquals(await introduced(peer), expected);
      assertEquals(entered.knows, digestOf(KATE, MOEBI));
    },
  );
}

clusterTest(
  "an introduced node is dialled again if its introducer is lost, but not a peer that may have left it out",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using peer = await RawPeer.entered(alex, RAW, { hidden: false });
    await using other = await RawPeer.entered(alex, "other@localhost", {
      knows: digestOf(KATE),
    });
    await peer.say([["peers", [KATE]]]);
    await cluster.logged(/Cannot connect to kate@localhost/);
    await peer[Symbol.asyncDispose]();
    await cluster.logged(/connection to raw@localhost is down/);
    const kate = await cluster.start("kate");
    await kate.run(async () => {
      Node.monitorNodes(true);
      while (!Node.list().includes(ALEX)) await receive();
    });
    await introduced(other);
  },
);
