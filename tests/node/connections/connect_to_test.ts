/** `Runtime.connectTo`: connections by a node's name and address, and the reasons of failed dials. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Node } from "../../../node.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import type {
  ConnectOutcome,
  DialReport,
  PeerAddress,
} from "../../../packages/processes/remote/peer_address.ts";
import { clusterTest } from "../../_nodes.ts";
import { hello, RawListener } from "../../_raw_peer.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

/** Connects a node to another one. */
async function connect(
  node: Node,
  to: PeerAddress,
  report?: DialReport,
): Promise<ConnectOutcome> {
  const { runtime } = await node.run(() => currentProcess());
  return await runtime.connectTo(to, report);
}

/** The reason why a node was not connected to. */
function reasonOf(outcome: ConnectOutcome): string {
  assert(!outcome.connected, `${outcome.node} is connected`);
  return outcome.reason;
}

function addressOf(node: Node): string {
  return `127.0.0.1:${node.port}`;
}

clusterTest("connectTo() connects to a name", async (cluster) => {
  const alex = await cluster.start("alex");
  await cluster.start("kate");
  const connected = { node: KATE, connected: true } as const;
  assertEquals(await connect(alex, { node: KATE }), {
    ...connected,
    isNew: true,
  });
  assertEquals(await connect(alex, { node: KATE }), {
    ...connected,
    isNew: false,
  });
  assertEquals(await alex.run(() => Node.list()), [KATE]);
});

clusterTest("connectTo() learns the name at an address", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"], {
    epmdPort: false,
  });
  const address = addressOf(kate);
  for (const isNew of [true, false]) {
    assertEquals(await connect(alex, { address }), {
      node: KATE,
      connected: true,
      isNew,
    });
  }
  const stats = kate.run(() => Node.stats());
  const { asked, connected, refused } = (await stats)!;
  assertEquals([asked, connected], [2, 1]);
  assertEquals(Object.values(refused).filter((count) => count > 0), []);
  assertEquals(cluster.lines(), []);
});

clusterTest("connectTo() finds the node itself", async (cluster) => {
  const alex = await cluster.start("alex", { epmdPort: false });
  const self = await connect(alex, { address: addressOf(alex) });
  assert(!self.connected);
  assertEquals([self.node, self.isSelf], [ALEX, true]);
  const named = await connect(alex, { node: ALEX });
  assert(named.connected || named.isSelf);
  assertMatch(reasonOf(named), /that is this node, alex@localhost/);
  assertEquals(cluster.lines(), []);
  const twin = await cluster.start("alex", { epmdPort: false });
  const other = await connect(alex, { address: addressOf(twin) });
  assert(!other.connected);
  assertEquals([other.node, other.isSelf], [ALEX, false]);
  assertMatch(other.reason, /another node named alex@localhost is there/);
  assertEquals(cluster.lines(), [`alex warning: ${other.reason}`]);
});

clusterTest("connectTo() an address says why it fails", async (cluster) => {
  const alex = await cluster.start("alex", {
    epmdPort: false,
    limits: { handshakeTimeout: 2000 },
  });
  const [beam, only] = await cluster.startAll(["beam", "only"], {
    epmdPort: false,
    wires: ["beam"],
  });
  await using silent = await RawListener.listen();
  const listener = await RawListener.listen();
  const gone = listener.address;
  await listener[Symbol.asyncDispose]();
  for (
    const [node, address, pattern] of [
      [alex, addressOf(beam), /speaks only Erlang's wire: give the node's/],
      [only, addressOf(alex), /this node speaks only Erlang's wire/],
      [alex, silent.address, /no answer within 2000 ms/],
      [alex, gone, /ECONNREFUSED|refused/],
      [alex, "nowhere", /not an address/],
    ] as const
  ) {
    const outcome = await connect(node, { address });
    assertEquals(outcome.node, undefined);
    assertMatch(reasonOf(outcome), pattern);
    assertMatch(reasonOf(outcome), /^Cannot connect to /);
  }
});

clusterTest("connectTo() sends one question at a time", async (cluster) => {
  const alex = await cluster.start("alex", { epmdPort: false });
  await using silent = await RawListener.listen();
  const { address } = silent;
  const asked = [connect(alex, { address }), connect(alex, { address })];
  await using peer = await silent.accept();
  assertEquals((await peer.hear()).to, null);
  await alex.stop();
  for (const each of asked) {
    assertMatch(reasonOf(await each), /the node stops/);
  }
});

clusterTest("connectTo() understands a wrong name", async (cluster) => {
  const alex = await cluster.start("alex", { epmdPort: false });
  await using listener = await RawListener.listen();
  const outcome = connect(alex, { address: listener.address }, "none");
  const question = await listener.accept();
  await question.hear();
  await question.say({ status: "ok", ...hello(KATE) });
  await question.closed;
  await using dial = await listener.accept();
  assertEquals((await dial.hear()).to, KATE);
  await dial.say({ status: "nok" });
  await alex.stop();
  assertEquals((await outcome).node, KATE);
});

clusterTest("connectTo() needs a proof of the name", async (cluster) => {
  const alex = await cluster.start("alex", { epmdPort: false });
  await using listener = await RawListener.listen();
  for (
    const [answer, pattern] of [
      [{ status: "name", name: "\x1b[2J", creation: 1 }, /it answered name/],
      [{ status: "name", name: KATE, creation: -1 }, /it answered name/],
      [{ status: "version", versions: [9] }, /version \[9\]/],
      [{ status: "\x1b[2J\n".repeat(9) }, /it answered \\/],
    ] as const
  ) {
    const outcome = connect(alex, { address: listener.address });
    await using peer = await listener.accept();
    await peer.hear();
    await peer.say(answer);
    assertMatch(reasonOf(await outcome), pattern);
    await peer.closed;
  }
  const outcome = connect(alex, { address: listener.address });
  await using question = await listener.accept();
  await question.hear();
  await question.say({ status: "name", name: KATE, creation: 1 });
  await using dial = await listener.accept();
  await dial.hear();
  await dial.say({ status: "ok", ...hello("moebi@localhost") });
  assertMatch(reasonOf(await outcome), /moebi@localhost answered there/);
});

clusterTest("connectTo() fails with the logged reason", async (cluster) => {
  const alex = await cluster.start("alex");
  await using listener = await RawListener.listen();
  const { address } = listener;
  for (const report of ["none", "all"] as const) {
    for (
      const [target, pattern] of [
        [{ node: "nobody@localhost" }, /nobody@localhost is registered/],
        [{ node: "a@long.example", address }, /a long one/],
        [{ node: KATE, address: "nowhere" }, /not an address/],
        [{ node: "no name" }, /is not a node name/],
      ] as const
    ) {
      const before = cluster.lines().length;
      const outcome = await connect(alex, target, report);
      const reason = reasonOf(outcome);
      assertMatch(reason, /^Cannot connect to .*: /);
      assertMatch(reason, pattern);
      assertEquals(
        cluster.lines().slice(before),
        report === "none" ? [] : [`alex warning: ${reason}`],
      );
    }
  }
});

clusterTest("connectTo() without a report shares a dial", async (cluster) => {
  const alex = await cluster.start("alex");
  const quiet = connect(alex, { node: "nobody@localhost" }, "none");
  assertEquals(await alex.run(() => Node.connect("nobody@localhost")), false);
  assertEquals(cluster.lines(), [`alex warning: ${reasonOf(await quiet)}`]);
});

clusterTest("connectTo() fails at a limit, and at a stop", async (cluster) => {
  const alex = await cluster.start("alex", { limits: { maxConnections: 1 } });
  await using listener = await RawListener.listen();
  const first = connect(alex, { node: KATE, address: listener.address });
  await using _peer = await listener.accept();
  const outcome = await connect(alex, { node: "x@localhost" }, "none");
  assertMatch(reasonOf(outcome), /limits\.maxConnections/);
  assertEquals(cluster.lines(), []);
  await alex.stop();
  assertMatch(reasonOf(await first), /the node stops/);
});
