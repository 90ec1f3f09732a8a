/** The handshake of the JSON wire: cookies, names, crossing dials, and ends before the proof. */

import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { Node, type NodeOptions } from "../../../node.ts";
import {
  isDown,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { Cluster, clusterTest, COOKIE, nodeDown } from "../../_nodes.ts";
import {
  type Hello,
  hello,
  jsonFrame,
  proofOf,
  RawListener,
  RawPeer,
} from "../../_raw_peer.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const RAW = "raw@localhost";

/** A test of kate, with a peer that dials kate. */
function peerTest(
  name: string,
  fn: (peer: RawPeer, cluster: Cluster, kate: Node) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const kate = await cluster.start("kate");
    await using peer = await RawPeer.dial(kate.port);
    await fn(peer, cluster, kate);
  });
}

/** Introduces a peer to kate; returns the introduction. */
async function introduce(peer: RawPeer, more: object = {}): Promise<Hello> {
  const mine = { ...hello(RAW), ...more };
  await peer.say({ versions: [1], to: KATE, ...mine });
  return mine;
}

/** A test that alex's dial of raw@localhost fails, with a line in the log, if the peer answers so. */
function failedDialTest(
  name: string,
  line: RegExp,
  answer: (peer: RawPeer) => unknown,
  limits: NodeOptions["limits"] = {},
): void {
  clusterTest(name, async (cluster) => {
    const alex = await cluster.start("alex", { limits });
    await using listener = await RawListener.listen();
    const { address } = listener;
    const connected = alex.run(() => Node.connect(RAW, { address }));
    await using peer = await listener.accept();
    await answer(peer);
    assertEquals(await connected, false);
    await peer.closed;
    await cluster.logged(line);
  });
}

// The cookie.

clusterTest("a wrong cookie is logged at both ends", async (cluster) => {
  const kate = await cluster.start("kate", { cookie: "katescookie" });
  const alex = await cluster.start("alex", { cookie: "alexscookie" });
  await kate.run(async () => {
    Process.register(self(), "inbox");
    Node.monitorNodes(true);
    await alex.run(async () => {
      const inbox = { name: "inbox", node: KATE };
      send(inbox, "hi");
      const ref = Process.monitor(inbox);
      assertEquals(await Node.connect(KATE), false);
      const down = await receive(isDown);
      assertEquals([down.ref, down.reason], [ref, "noconnection"]);
      assertEquals(Node.list("connected"), []);
    });
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
    assertEquals(Node.list("connected"), []);
  });
  await cluster.logged(/^kate warning: .* alex@localhost has another cookie/);
  await cluster.logged(
    /^alex warning: Cannot connect to kate@localhost: .*cookie is another one/,
  );
  assertFalse(cluster.lines(true).join().includes("scookie"));
});

peerTest("nothing is sent before the proof", async (peer, cluster, kate) => {
  await kate.run(async () => {
    Process.register(self(), "inbox");
    await introduce(peer);
    const theirs = await peer.hear();
    assertFalse(JSON.stringify(theirs).includes(COOKIE));
    await peer.say([["send_name", 1, "inbox", "hi"]]);
    await peer.closed;
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
  });
  await cluster.logged(/a frame that is not a JSON object/);
});

peerTest(
  "signals in the proof's segment are delivered",
  async (peer, _cluster, kate) => {
    await kate.run(async () => {
      Process.register(self(), "inbox");
      const mine = await introduce(peer);
      const theirs = await peer.hear() as Hello;
      const proof = jsonFrame({ proof: proofOf("dialler", mine, theirs) });
      const signals = jsonFrame([["send_name", 1, "inbox", "hi"]]);
      await peer.write(Uint8Array.from([...proof, ...signals]));
      assertEquals(await receive(), "hi");
      assertEquals(
        (await peer.hear()).proof,
        proofOf("listener", mine, theirs),
      );
    });
  },
);

// Names.

for (
  const [name, to, line] of [
    ["raw@example.org", KATE, /raw@example.org is not let in/],
    [
      RAW,
      "moebi@localhost",
      /raw@localhost asked for moebi@localhost, and this is kate@localhost/,
    ],
  ] as const
) {
  peerTest(`a dial of ${name} to ${to} is refused`, async (peer, cluster) => {
    await assertRejects(
      () => peer.enter(name, to),
      Error,
      "refused: not_allowed",
    );
    await peer.closed;
    await cluster.logged(line);
  });
}

failedDialTest(
  "a listener with another name is refused",
  /other@localhost answered there, not raw@localhost/,
  (peer) => peer.say({ ...hello("other@localhost"), status: "ok" }),
);

for (
  const bad of [
    { name: "raw" },
    { name: 7 },
    { nonce: "0" },
    { creation: -1 },
    { creation: "1" },
    { hidden: null },
    { maxMessageBytes: 1.5 },
    { traces: 1 },
    { traces: null },
    { beam: "yes" },
    { listen: [] },
    { listen: { port: 0 } },
    { listen: { port: 1, host: "localhost" } },
    { listen: { port: 1, host: "1.2.3" } },
    { listen: { port: 1, host: "[::1]" } },
    { listen: { port: 1, host: null } },
  ]
) {
  peerTest(`introduction ${JSON.stringify(bad)}`, async (peer, cluster) => {
    await introduce(peer, bad);
    await peer.closed;
    await cluster.logged(
      /an introduction (with a bad|that listens on no|whose traces or beam)/,
    );
  });
}

// Both at once.

clusterTest("row 13: simultaneous dials have one result", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const rounds = 200;
  await alex.run(async () => {
    Process.register(self(), "inbox");
    const here = self();
    await kate.run(async () => {
      Process.register(self(), "inbox");
      for (let round = 0; round < rounds; round++) {
        Node.monitor(ALEX);
        const both = await Promise.all([
          Node.connect(ALEX),
          alex.run(() => Node.connect(KATE)),
        ]);
        assertEquals(both, [true, true]);
        assertEquals(Node.list(), [ALEX]);
        assertEquals(await alex.run(() => Node.list()), [KATE]);
        send(here, round);
        await alex.run(() => void send({ name: "inbox", node: KATE }, round));
        assertEquals(await receive(), round);
        await alex.run(() => {
          Node.disconnect(KATE);
        });
        await nodeDown(ALEX);
      }
    });
    for (let round = 0; round < rounds; round++) {
      assertEquals(await receive(), round);
    }
  });
  for (const node of [alex, kate]) {
    const { connected, connections } = await node.run(() => Node.stats()!);
    assertEquals([connected, connections], [rounds, 0]);
  }
  assertEquals(cluster.lines(), []);
}, { timeout: 60_000 });

peerTest(
  "a dialler that leaves is not refused",
  async (first, cluster, kate) => {
    await introduce(first);
    assertEquals((await first.hear()).status, "ok");
    await using second = await RawPeer.entered(kate, RAW);
    second.end();
    await cluster.logged(/kate info: The connection to raw@localhost is down/);
    first.end();
    await first.closed;
    assertEquals((await kate.run(() => Node.stats()!)).refused.alive, 1);
    assertEquals(cluster.lines().filter((line) => /Refused/.test(line)), []);
  },
);

// Unauthenticated connections.

failedDialTest(
  "a listener of another version is logged",
  /^alex warning: .*it speaks version \[2\] of the JSON wire, and this node version 1/,
  (peer) => peer.say({ status: "version", versions: [2] }),
);

peerTest("a connection without data is logged", async (peer, cluster) => {
  await peer[Symbol.asyncDispose]();
  await cluster.logged(/it closed before it said a word/);
});

failedDialTest(
  "a dial to a silent listener ends in time",
  /Cannot connect to raw@localhost: no answer within 150 ms/,
  () => {},
  { handshakeTimeout: 150 },
);

peerTest("stop() closes pending handshakes", async (silent, _cluster, kate) => {
  await using slow = await RawPeer.dial(kate.port);
  await introduce(slow);
  await slow.hear();
  await kate.stop();
  await Promise.all([silent.closed, slow.closed]);
  assert(slow.bytes.length === 0);
});

clusterTest("stop() ends a pending dial", async (cluster) => {
  await using other = new Cluster();
  await other.start("sophie");
  const alex = await cluster.start("alex");
  await using listener = await RawListener.listen();
  const connected = Promise.withResolvers<unknown>();
  const ran = alex.run(async () => {
    connected.resolve(await Node.connect(RAW, { address: listener.address }));
  });
  const refused = assertRejects(() => ran);
  await using peer = await listener.accept();
  await peer.hear();
  await alex.stop();
  await refused;
  await peer.closed;
});
