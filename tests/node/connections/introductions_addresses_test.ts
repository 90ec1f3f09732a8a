/** Addresses of nodes: which ones peers state, which are used, and how many are kept. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { advertisedAddress } from "../../../packages/node/addresses/advertised_address.ts";
import { connectToPeer } from "../../../packages/node/host/connect_to_peer.ts";
import type { Resolve } from "../../../packages/node/host/host_lookup.ts";
import {
  KnownAddresses,
  type TakenRoute,
} from "../../../packages/node/addresses/known_addresses.ts";
import { parseNodeName } from "../../../packages/node/addresses/node_name.ts";
import {
  addressFor,
  announcedAddress,
  redialAddress,
} from "../../../packages/node/addresses/peer_place.ts";
import type { Ends, Listening } from "../../../packages/node/wire.ts";
import { Node } from "../../../node.ts";
import { receive } from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { LyingEpmd } from "../../_fake_epmd.ts";
import {
  clusterTest,
  freePort,
  nodeDown,
  nodeUp,
  part,
  settled,
} from "../../_nodes.ts";
import { hello, jsonFrame, RawListener, RawPeer } from "../../_raw_peer.ts";
import { Relay } from "../../_relay.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const MOEBI = "moebi@localhost";
const RAW = "raw@localhost";

const NO_EPMD = { epmdPort: false } as const;

function addressOf(node: Node): string {
  return `127.0.0.1:${node.port}`;
}

/** Connects a node to the one at an address, and waits until it is connected to the others too. */
function join(node: Node, to: Node, others: string[]): Promise<void> {
  return node.run(async () => {
    Node.monitorNodes(true);
    assertEquals(await Node.connect({ address: addressOf(to) }), true);
    for (let i = 0; i <= others.length; i++) {
      await receive((m) => m?.type === "nodeup");
    }
    assertEquals(Node.list().toSorted(), [to.name, ...others].toSorted());
  });
}

function ends(remoteHost: string, localHost = remoteHost): Ends {
  return { localHost, remoteHost, remotePort: 50000 };
}

/** A connection to a peer, which has dialled unless there is a dialled address. */
function connected(
  listen: Listening | undefined,
  ends: Ends | undefined,
  dialled?: string,
) {
  return { peer: { listen }, ends, dialled };
}

// Without EPMD.

clusterTest("peers tell where a node without EPMD is", async (cluster) => {
  const alex = await cluster.start("alex", NO_EPMD);
  const kate = await cluster.start("kate", NO_EPMD);
  const moebi = await cluster.start("moebi", { ...NO_EPMD, connectAll: false });
  await join(kate, alex, []);
  await moebi.run(() => Node.connect({ address: addressOf(kate) }));
  const down = moebi.run(async () => {
    Node.monitor(KATE);
    await nodeDown(KATE);
  });
  await settled(moebi);
  await kate.stop();
  await down;
  // Where it was, nobody is now.
  assertEquals(await moebi.run(() => Node.connect(KATE)), false);
  await cluster.logged(
    /moebi warning: Cannot connect to kate@localhost: at 127/,
  );
  const again = await cluster.start("kate", NO_EPMD);
  assert(again.port !== kate.port);
  await join(again, alex, []);
  const late = await cluster.start("late", NO_EPMD);
  await join(late, again, [ALEX]);
  await late.run(() => Node.list());
});

clusterTest("a node is dialled where it advertises", async (cluster) => {
  const port = freePort();
  // As the published port of a container.
  await using relay = await Relay.listen(port);
  const advertise = relay.address;
  const alex = await cluster.start("alex", NO_EPMD);
  const options = { ...NO_EPMD, port, advertise, connectAll: false };
  const kate = await cluster.start("kate", options);
  await kate.run(() => Node.connect({ address: addressOf(alex) }));
  const moebi = await cluster.start("moebi", NO_EPMD);
  await join(moebi, alex, [KATE]);
  // Alex was dialled by kate, and dials it there.
  await part(alex, kate);
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  for (const node of [moebi, alex]) {
    const connections = await node.run(() => Node.connections());
    const ofKate = connections.find((each) => each.node === KATE);
    assertEquals(ofKate?.address, advertise);
  }
});

test("advertisedAddress() reads IP addresses of single machines", () => {
  const port = undefined;
  assertEquals(advertisedAddress("10.0.0.5"), { host: "10.0.0.5", port });
  assertEquals(advertisedAddress("10.0.0.5:1"), { host: "10.0.0.5", port: 1 });
  assertEquals(advertisedAddress("fd00::1"), { host: "fd00::1", port });
  assertEquals(advertisedAddress("[fd00::1]"), { host: "fd00::1", port });
  assertEquals(advertisedAddress("[fd00::1]:65535"), {
    host: "fd00::1",
    port: 65535,
  });
  const invalid =
    "host host:1 0.0.0.0 [::]:1 224.0.0.1 [fd00::1 fe80::1%eth0 " +
    "10.0.0.5:0 10.0.0.5:65536 10.0.0.5: 10.0.0.5:1x";
  for (const text of ["", " 10.0.0.5", ...invalid.split(" ")]) {
    assertEquals(advertisedAddress(text), undefined, text);
  }
});

clusterTest("a node without EPMD keeps its last address", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate", NO_EPMD);
  await alex.run(() => Node.connect({ address: addressOf(kate) }));
  await part(alex, kate);
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  assertEquals(cluster.lines(), []);
  await part(alex, kate);
  await kate.stop();
  assertEquals(await alex.run(() => Node.connect(KATE)), false);
  // Nobody listens there any more: that is no news.
  await cluster.logged(
    /Cannot connect to kate@localhost: no node named kate@localhost is registered; [^:]*$/m,
  );
});

clusterTest("an address is kept for Erlang's wire too", async (cluster) => {
  const alex = await cluster.start("alex", NO_EPMD);
  const kate = await cluster.start("kate", { ...NO_EPMD, wires: ["beam"] });
  const address = addressOf(kate);
  assertEquals(await alex.run(() => Node.connect(KATE, { address })), true);
  await part(alex, kate);
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  // It has stated no address, so that it cannot be dialled after it has dialled.
  await part(alex, kate);
  assertEquals(await kate.run(() => Node.connect(ALEX)), false);
});

// Statements of peers.

clusterTest("listen addresses go to nodes that listen", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"], NO_EPMD);
  await join(kate, alex, []);
  await using older = await RawPeer.dial(alex.port);
  const { theirs } = await older.enter(RAW, ALEX);
  assertEquals(theirs.listen, { port: alex.port, host: "127.0.0.1" });
  assertEquals(await older.signal("peers"), ["peers", [KATE]]);
  await using newer = await RawPeer.entered(alex, MOEBI, {
    listen: { port: 1 },
  });
  assertEquals(await newer.signal("peers"), [
    "peers",
    [KATE, RAW],
    [addressOf(kate), null],
  ]);
});

clusterTest("an introduction needs an address", async (cluster) => {
  const alex = await cluster.start("alex", NO_EPMD);
  for (
    const listen of [
      null,
      4370,
      "127.0.0.1:4370",
      [],
      { port: 0 },
      { port: 65536 },
      { port: 1.5 },
      { port: "4370" },
      { port: 1, host: 7 },
      { port: 1, host: null },
      { port: 1, host: "x".repeat(256) },
    ]
  ) {
    await using peer = await RawPeer.dial(alex.port);
    const first = { versions: [1], to: ALEX, ...hello(RAW), listen };
    await peer.write(jsonFrame(first));
    await peer.closed;
    assertEquals(await peer.next(), undefined);
  }
  assertEquals((await alex.run(() => Node.stats()))!.refused.protocol, 11);
});

clusterTest("introduced nodes need usable addresses", async (cluster) => {
  const alex = await cluster.start("alex", NO_EPMD);
  await using listener = await RawListener.listen();
  await using peer = await RawPeer.entered(alex, RAW, { listen: { port: 1 } });
  const { port } = new URL(`http://${listener.address}`);
  await peer.say([[
    "peers",
    ["bad@localhost", "good@localhost"],
    [`localhost:${port}`, listener.address],
  ]]);
  await using dialled = await listener.accept();
  assertEquals((await dialled.hear()).to, "good@localhost");
  await cluster.logged(/connect to bad@.*: this node does not use EPMD/);
  assert(!peer.isClosed);
});

clusterTest("an introduced address is no other node's", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"], NO_EPMD);
  await using peer = await RawPeer.entered(alex, RAW, { listen: { port: 1 } });
  await peer.say([[
    "peers",
    ["x@localhost", "y@localhost"],
    [addressOf(kate), addressOf(alex)],
  ]]);
  await cluster.logged(/connect to x@.*: at .*: kate@localhost answered there/);
  await cluster.logged(/connect to y@.*: at .*: alex@localhost answered there/);
  assertEquals(await alex.run(() => Node.list()), [RAW]);
  assertEquals(await kate.run(() => Node.list()), []);
  assert(!peer.isClosed);
});

clusterTest("a peer cannot displace a proven address", async (cluster) => {
  const alex = await cluster.start("alex", {
    ...NO_EPMD,
    limits: { maxConnections: 20, handshakeTimeout: 4000 },
  });
  const kate = await cluster.start("kate", NO_EPMD);
  await alex.run(() => Node.connect({ address: addressOf(kate) }));
  await using wrong = await RawListener.listen();
  await using peer = await RawPeer.entered(alex, RAW, { listen: { port: 1 } });
  // While it is connected, nobody else says where it is.
  await peer.say([["peers", [KATE], [wrong.address]]]);
  await peer.say([["monitor_name", 1, "nobody at all", 9]]);
  await peer.signal("down");
  await part(alex, kate);
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  await part(alex, kate);
  // A wrong address is tried, and then the one where it was.
  await peer.say([["peers", [KATE], [wrong.address]]]);
  const dialled = await wrong.accept();
  const connected = alex.run(async () => {
    Node.monitorNodes(true);
    if (!Node.list().includes(KATE)) await nodeUp(KATE);
  });
  await dialled.hear();
  await dialled.say({ status: "ok", ...hello(MOEBI) });
  await connected;
  await part(alex, kate);
  // One that never answers leaves time for the other.
  await peer.say([["peers", [KATE], [wrong.address]]]);
  const silent = await wrong.accept();
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  await silent.closed;
});

// The rules, case by case.

function place(address: string): TakenRoute {
  return { address, wire: "json" };
}

test("redialAddress() returns where a peer listens, and believes no nearer address", () => {
  const far = ends("10.0.0.2", "10.0.0.1");
  const near = ends("127.0.0.1");
  const link = ends("169.254.3.4");
  for (
    const [listen, connection, address] of [
      [{ port: 4370 }, far, "10.0.0.2:4370"],
      [{ port: 4370 }, ends("::ffff:10.0.0.2"), "10.0.0.2:4370"],
      [{ port: 4370 }, ends("2001:db8::2"), "[2001:db8::2]:4370"],
      [{ port: 4370, host: "10.0.0.9" }, far, "10.0.0.9:4370"],
      [{ port: 4370, host: "127.0.0.3" }, near, "127.0.0.3:4370"],
      [{ port: 4370, host: "10.0.0.9" }, near, "10.0.0.9:4370"],
      [{ port: 4370 }, undefined, "127.0.0.1:4370"],
      [{}, undefined, undefined],
      [{ host: "10.0.0.9" }, far, undefined],
      [{ port: 4370, host: "169.254.7.8" }, link, "169.254.7.8:4370"],
      [{ port: 4370, host: "169.254.169.254" }, far, undefined],
      [{ port: 4370, host: "fe80::1" }, far, undefined],
      [{ port: 4370, host: "127.0.0.1" }, far, undefined],
      [{ port: 4370, host: "127.0.0.1" }, link, undefined],
      [{ port: 4370, host: "::1" }, far, undefined],
      [{ port: 4370, host: "::ffff:127.0.0.1" }, far, undefined],
      [{ port: 4370, host: "localhost" }, near, undefined],
      [{ port: 4370, host: "0.0.0.0" }, near, undefined],
      [{ port: 4370, host: "127.0.0.1" }, ends(""), undefined],
      [{ port: 4370 }, ends(""), undefined],
      [undefined, far, undefined],
    ] as const
  ) {
    assertEquals(
      redialAddress(connected(listen, connection)),
      address,
      JSON.stringify([listen, connection]),
    );
  }
  const silent = connected({}, far, "10.0.0.2:50000");
  assertEquals([redialAddress(silent), addressFor(silent, far)], [
    "10.0.0.2:50000",
    undefined,
  ]);
  const dialled = connected(undefined, far, "kate.example.org:4370");
  assertEquals(redialAddress(dialled), "kate.example.org:4370");
  assertEquals(addressFor(dialled, far), "10.0.0.2:50000");
});

test("addressFor() returns no address that means another machine to the peer", () => {
  const everywhere = connected({ port: 4370 }, ends("127.0.0.1"));
  const loopback = connected(
    { port: 4370, host: "127.0.0.1" },
    ends("127.0.0.1"),
  );
  const far = connected({ port: 4370 }, ends("10.0.0.2"));
  const toFar = ends("10.0.0.3", "10.0.0.1");
  const toNear = ends("127.0.0.1");
  assertEquals(addressFor(everywhere, toFar), "10.0.0.1:4370");
  assertEquals(addressFor(everywhere, toNear), "127.0.0.1:4370");
  assertEquals(addressFor(everywhere, undefined), "127.0.0.1:4370");
  assertEquals(addressFor(loopback, toFar), undefined);
  assertEquals(addressFor(loopback, toNear), "127.0.0.1:4370");
  assertEquals(addressFor(far, toFar), "10.0.0.2:4370");
  assertEquals(addressFor(far, toNear), "10.0.0.2:4370");
  // From elsewhere, this machine cannot be reached at its loopback address either.
  assertEquals(
    addressFor(everywhere, ends("10.0.0.3", "127.0.0.1")),
    undefined,
  );
});

test("announcedAddress() reads addresses that the peer may name", () => {
  const far = ends("10.0.0.2");
  const near = ends("127.0.0.1");
  for (
    const [text, from, expected] of [
      ["10.0.0.3:4370", far, "10.0.0.3:4370"],
      ["[2001:db8::3]:4370", far, "[2001:db8::3]:4370"],
      ["127.0.0.1:4370", near, "127.0.0.1:4370"],
      ["127.0.0.1:4370", undefined, "127.0.0.1:4370"],
      ["[::1]:4370", near, "[::1]:4370"],
      ["[::ffff:127.0.0.1]:4370", near, "127.0.0.1:4370"],
      ["[::ffff:7f00:1]:4370", far, undefined],
      ["127.0.0.1:4370", far, undefined],
      ["[::1]:4370", far, undefined],
      ["[0:0:0:0:0:0:0:1]:4370", far, undefined],
      ["[0::0001]:4370", far, undefined],
      ["[::0.0.0.1]:4370", far, undefined],
      ["[0:0::ffff:7F00:0001]:4370", far, undefined],
      ["[FE80:0::1]:4370", far, undefined],
      ["[::ffff:a9fe:a9fe]:80", far, undefined],
      ["[::ffff:a00:3]:4370", far, "10.0.0.3:4370"],
      ["[::ffff:127.0.0.1]:4370", far, undefined],
      ["169.254.169.254:80", far, undefined],
      ["[fe80::1]:80", far, undefined],
      // The metadata services of clouds, and addresses of IPv6 that stand for one of IPv4.
      ["[fd00:ec2::254]:80", far, undefined],
      ["[fd20:ce::254]:80", far, undefined],
      ["100.100.100.200:80", far, undefined],
      ["168.63.129.16:80", far, undefined],
      ["[64:ff9b::a9fe:a9fe]:80", far, undefined],
      ["[2002:7f00:1::1]:80", far, undefined],
      ["[::ffff:0:127.0.0.1]:80", far, undefined],
      ["[::127.0.0.1]:80", far, undefined],
      ["[64:ff9b::a00:3]:80", far, "[64:ff9b::a00:3]:80"],
      ["[fd00:ec3::254]:80", far, "[fd00:ec3::254]:80"],
      ["10.0.0.3:0", far, undefined],
      ["10.0.0.3:65536", far, undefined],
      ["10.0.0.3:99999", far, undefined],
      ["10.0.0:4370", far, undefined],
      ["2001:db8::3:4370", far, undefined],
      ["[10.0.0.3]:4370", far, undefined],
      ["[127.0.0.1]:4370", near, undefined],
      ["[::ffff:0:0]:4370", near, undefined],
    ] as const
  ) {
    assertEquals(announcedAddress(text, from), expected, text);
  }
  const invalid = "localhost:1 127.1:1 2130706433:1 0x7f.0.0.1:1 127.0.0.1 " +
    "127.0.0.1:1/ 127.0.0.1:012345 127.0.0.1:-1 0.0.0.0:1 224.0.0.1:1 " +
    "255.255.255.255:1 [::]:1 [::1%lo]:1 [ff02::1]:1 user@127.0.0.1:1";
  for (const text of ["", " 127.0.0.1:1", "\x1b[2J", ...invalid.split(" ")]) {
    assertEquals(announcedAddress(text, near), undefined, text);
  }
});

/** Dials by a name whose host leads to an address once, and to another one after that. */
async function dialRebound(
  first: string,
  nearest: 0 | 1 | 2 | undefined,
  host = "rebound.example.org",
): Promise<{ outcome: string; asked: number; resolved: number }> {
  await using listener = await RawListener.listen();
  const { port } = new URL(`http://${listener.address}`);
  let asked = 0;
  await using epmd = await LyingEpmd.listen(() => {
    asked++;
    return { port: Number(port), extra: "" };
  });
  let resolved = 0;
  const own = {
    name: parseNodeName("alex@alex.example.org"),
    host: "127.0.0.1",
    epmdPort: epmd.port,
    tls: undefined,
    resolve: ((_, done) => {
      const address = resolved++ === 0 ? first : "127.0.0.9";
      done(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
    }) satisfies Resolve,
  };
  const { signal } = new AbortController();
  const outcome = await connectToPeer(
    parseNodeName(`x@${host}`),
    undefined,
    own,
    signal,
    nearest,
  ).then(
    ({ transport }) => {
      transport.destroy();
      return transport.remote;
    },
    (error: Error) => error.message,
  );
  return { outcome: outcome.replace(`:${port}`, ""), asked, resolved };
}

test("a dial by name asks the DNS once, and dials the node where EPMD has answered", async () => {
  const free = { outcome: "127.0.0.1", asked: 1, resolved: 1 };
  assertEquals(await dialRebound("127.0.0.1", undefined), free);
  assertEquals(await dialRebound("127.0.0.1", 0), free);
});

test("the name of an introduced node leads to no address that is nearer than the peer", async () => {
  for (
    const [address, nearest] of [
      ["127.0.0.1", 2],
      ["127.0.0.1", 1],
      ["::1", 2],
      ["::ffff:127.0.0.1", 2],
      ["169.254.169.254", 2],
      ["fd00:ec2::254", 2],
      ["fe80::1", 2],
      ["0.0.0.0", 2],
      ["::", 0],
    ] as const
  ) {
    const { outcome, asked } = await dialRebound(address, nearest);
    assertMatch(outcome, /is nearer to this node than the peer/, address);
    assertMatch(
      outcome,
      new RegExp(`rebound.example.org is ${address}, which`),
    );
    assertEquals(asked, 0, address);
  }
  for (const host of ["127.0.0.1", "0.0.0.0", "::1"]) {
    const { outcome, asked, resolved } = await dialRebound("1.1.1.1", 2, host);
    assertMatch(outcome, /is nearer to this node than the peer/, host);
    assertEquals([asked, resolved], [0, 0], host);
  }
  // Nodes of this machine have its name.
  const own = await dialRebound("10.0.0.9", 2, "alex.example.org");
  assertEquals([own.outcome, own.asked], ["127.0.0.1", 1]);
});

test("KnownAddresses keeps a number of each kind, and no peer displaces the others'", () => {
  const known = new KnownAddresses(100);
  for (let i = 0; i < 10; i++) known.introduce(`a${i}@x`, `10.0.0.${i}:1`, "a");
  for (let i = 0; i < 5000; i++) {
    known.introduce(`b${i}@x`, `10.1.0.${i % 250}:1`, "b");
  }
  assertEquals(known.size, 100);
  for (let i = 0; i < 10; i++) assertEquals(known.of(`a${i}@x`).length, 1);
  assertEquals(known.of("b4909@x"), []);
  assertEquals(known.of("b4910@x").length, 1);
  for (let i = 0; i < 5000; i++) {
    known.lost(`c${i}@x`, [place(`10.2.0.${i % 250}:1`)]);
  }
  assertEquals(known.size, 200);
  assertEquals(known.of("c4899@x"), []);
  assertEquals(known.of("c4900@x").length, 1);
  // The newer one first; each once.
  known.introduce("c4999@x", "10.3.0.1:1", "a");
  assertEquals(known.of("c4999@x"), [
    place("10.3.0.1:1"),
    place("10.2.0.249:1"),
  ]);
  known.introduce("c4999@x", "10.2.0.249:1", "b");
  assertEquals(known.of("c4999@x").length, 1);
  assertEquals(known.take("c4999@x"), [place("10.2.0.249:1")]);
  assertEquals(known.of("c4999@x"), []);
  // Of one node, the last two addresses.
  const places = ["10.4.0.1:1", "10.4.0.1:1", "10.4.0.2:1", "10.4.0.3:1"];
  known.lost("c4999@x", places.map(place));
  assertEquals(known.of("c4999@x"), [place("10.4.0.1:1"), place("10.4.0.2:1")]);
  assertEquals(known.take("c4999@x").length, 2);
  known.lost("nobody@x", []);
  assertEquals(known.of("nobody@x"), []);
  assertMatch(`${known.size}`, /^19\d$/);
});
