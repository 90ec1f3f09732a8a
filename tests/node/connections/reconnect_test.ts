/** A node that connects again while its old connection seems to exist, and dials that cross. */

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { test } from "../../../packages/testing/tags.ts";
import { Cluster, clusterTest } from "../../_nodes.ts";
import {
  hello,
  proofOf,
  RawListener,
  RawPeer,
  THEIRS,
} from "../../_raw_peer.ts";
import { Relay } from "../../_relay.ts";
import { Random, runs, SEED } from "../../_seeds.ts";
import { Echo } from "../../_echo.ts";

const KATE = "kate@localhost";
const RAW = "raw@localhost";

// A connection whose other end is gone.

/** The time that it takes to connect, in milliseconds. */
async function timeOf(connect: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  assertEquals(await connect(), true);
  return performance.now() - start;
}

for (
  const { what, creation, reason } of [
    {
      what: "a restarted node",
      creation: 8,
      reason: /the node was started again/,
    },
    {
      what: "the same node, whose end is closed",
      creation: 7,
      reason: /its other end is closed/,
    },
  ]
) {
  clusterTest(`${what} replaces its connection`, async (cluster) => {
    const kate = await cluster.start("kate");
    await kate.run(async () => {
      Process.register(self(), "inbox");
      await using first = await RawPeer.entered(kate, RAW);
      await first.say([["send_name", 1, "inbox", "first"]]);
      assertEquals(await receive(), "first");
      Node.monitorNodes(true);
      const ref = Process.monitor(THEIRS);
      await first.signal("monitor");

      await using second = await RawPeer.dial(kate.port);
      const { theirs } = await second.enter(RAW, KATE, { creation });
      assertEquals(theirs.status, "alive");
      await first.say([["send_name", 1, "inbox", "late"]]);
      await first.closed;
      await second.say([["send_name", 1, "inbox", "second"]]);
      const heard = [];
      while (heard.at(-1) !== "second") heard.push(await receive());
      assertEquals(heard, [
        { type: "DOWN", ref, object: THEIRS, reason: "noconnection" },
        { type: "nodedown", node: RAW },
        { type: "nodeup", node: RAW },
        "second",
      ]);
      assertEquals(Node.list(), [RAW]);
      assertFalse(second.isClosed);
      assertMatch(await cluster.logged(/raw@localhost is down/), reason);
    });
  });
}

clusterTest("only a proof replaces a connection", async (cluster) => {
  const kate = await cluster.start("kate");
  await kate.run(async () => {
    Process.register(self(), "inbox");
    await using first = await RawPeer.entered(kate, RAW);
    for (const proof of ["0".repeat(64), undefined]) {
      await using other = await RawPeer.dial(kate.port);
      await other.say({
        versions: [1],
        to: KATE,
        ...hello(RAW, { creation: 8 }),
      });
      assertEquals((await other.hear()).status, "alive");
      await other.say({ proof });
      await other.closed;
    }
    await first.say([["send_name", 1, "inbox", "still here"]]);
    assertEquals(await receive(), "still here");
    assertEquals(Node.list(), [RAW]);
  });
});

clusterTest("a dialler goes on with its older connection", async (cluster) => {
  // Of two nodes that dial each other, the dial of the smaller name continues.
  const smaller = "a@localhost";
  const alex = await cluster.start("alex");
  await using listener = await RawListener.listen();
  const connected = alex.run(() =>
    Node.connect(smaller, { address: listener.address })
  );
  await using dialled = await listener.accept();
  await dialled.hear();
  // The other node's own dial succeeds meanwhile.
  await using own = await RawPeer.entered(alex, smaller);
  assertEquals(await connected, true);
  await dialled.say({ ...hello(smaller), status: "alive" });
  await dialled.closed;
  assertEquals(await dialled.next(), undefined);
  assertFalse(own.isClosed);
  assertEquals(await alex.run(() => Node.list()), [smaller]);
});

clusterTest("a newer connection wins over an older one", async (cluster) => {
  const kate = await cluster.start("kate");
  await using first = await RawPeer.entered(kate, RAW);
  await using slow = await RawPeer.dial(kate.port);
  const mine = hello(RAW);
  await slow.say({ versions: [1], to: KATE, ...mine });
  const theirs = await slow.hear();
  assertEquals(theirs.status, "alive");
  await using second = await RawPeer.entered(kate, RAW);
  await first.closed;
  await slow.say({ proof: proofOf("dialler", mine, theirs) });
  assertEquals(await slow.hear(), { status: "alive" });
  await slow.closed;
  assertFalse(second.isClosed);
});

clusterTest("a half-reset connection is replaced", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await using relay = await Relay.listen(kate.port);
  const { address } = relay;
  await kate.run(async () => {
    Process.register(self(), "inbox");
    Node.monitorNodes(true);
    await alex.run(async () => {
      const first = await timeOf(() => Node.connect(KATE, { address }));
      Node.monitor(KATE);
      relay.reset();
      await receive((m) => m?.type === "nodedown");
      const again = await timeOf(() => Node.connect(KATE, { address }));
      // As long as any dial: no one waits for the tick time, or for a second.
      assert(again < 500 + 20 * first, `${again} ms, ${first} ms at first`);
      send({ name: "inbox", node: KATE }, "back");
    });
    const heard = [];
    while (heard.at(-1) !== "back") heard.push(await receive());
    const node = alex.name;
    assertEquals(heard, [
      { type: "nodeup", node },
      { type: "nodedown", node },
      { type: "nodeup", node },
      "back",
    ]);
  });
});

// Dials that cross.

/** The time between the starts of nodes, in milliseconds. */
// safe: the time between the starts of nodes, not a limit
const WITHIN = 25;

type Runner = (node: string, fn: () => Promise<void>) => Promise<unknown>;

/** Makes each node call a server of each other one at about the same time; returns the failed calls. */
/** The time limit for hundreds of concurrent dials on a loaded machine, in milliseconds. */
const WAIT = 100_000;

async function callAll(
  names: string[],
  beginOf: (node: number) => number,
  run: Runner,
): Promise<string[]> {
  for (const name of names) {
    await run(name, async () => {
      await GenServer.start(Echo, null, { name: "echo" });
    });
  }
  const failures: string[] = [];
  await Promise.all(
    names.map((from, i) =>
      run(from, async () => {
        await Process.sleep(beginOf(i));
        await Promise.all(
          names.filter((to) => to !== from).map(async (to) => {
            try {
              const server = { name: "echo", node: to };
              assertEquals(
                await GenServer.call(server, from, { timeout: WAIT }),
                from,
              );
            } catch (error) {
              failures.push(`${from} to ${to}: ${error}`);
            }
          }),
        );
        const missing = names.filter((each) =>
          each !== from && !Node.list().includes(each)
        );
        if (missing.length > 0) failures.push(`${from} has no ${missing}`);
      })
    ),
  );
  return failures;
}

for (
  // A served EPMD keeps fewer connections than the 552 look-ups of 24 nodes.
  const { count, rounds, tags } of [
    { count: 12, rounds: runs(5), tags: [] },
    { count: 24, rounds: 6, tags: ["slow"] },
  ]
) {
  test(
    `${count} nodes that call each other at once lose no call, in each round`,
    { tags, timeout: 600_000 },
    async () => {
      for (let round = 0; round < rounds; round++) {
        await using cluster = new Cluster();
        cluster.servesEpmd = false;
        const nodes = new Map<string, Node>();
        for (let i = 0; i < count; i++) {
          const node = await cluster.start(`n${i}`, {
            limits: { handshakeTimeout: WAIT },
          });
          nodes.set(node.name, node);
        }
        const random = new Random(SEED + round);
        const failures = await callAll(
          [...nodes.keys()],
          () => random.between(0, WITHIN),
          (node, fn) => nodes.get(node)!.run(fn),
        );
        assertEquals([failures, cluster.lines()], [[], []]);
      }
    },
  );
}

clusterTest("150 nodes connect to one node at once", async (cluster) => {
  const hub = await cluster.start("hub", { connectAll: false });
  const nodes: Node[] = [];
  for (let i = 0; i < 150; i++) {
    nodes.push(await cluster.start(`n${i}`, { connectAll: false }));
  }
  const connected = await Promise.all(
    nodes.map((node) => node.run(() => Node.connect(hub.name))),
  );
  assertEquals(connected.filter((each) => each !== true), []);
  assertEquals(await hub.run(() => Node.list().length), 150);
}, { tags: ["slow"] });

for (
  const [count, seeds] of [[12, runs(30)], [24, runs(4)]]
) {
  test(
    `${count} simulated nodes that call each other at once lose no call, for seeds from 1`,
    { timeout: 300_000 },
    async () => {
      for (let seed = 1; seed <= seeds; seed++) {
        const names = Array.from(
          { length: count },
          (_, i) => `n${i}@localhost`,
        );
        const warnings: string[] = [];
        await using cluster = await SimulatedCluster.start({
          nodes: names,
          seed,
          delay: { min: 1, max: 2 + 4 * (seed % 10) },
          log: ({ level, message }) => {
            if (level === "warning") warnings.push(message);
          },
        });
        const failures = await callAll(
          names,
          (node) => (node * 7919 * seed) % WITHIN,
          (node, fn) => cluster.run(node, fn),
        );
        assertEquals([failures, warnings], [[], []], `seed ${seed}`);
      }
    },
  );
}
