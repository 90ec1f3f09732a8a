/** Clusters that form themselves: the strategies that need no network of their own, over real sockets. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
} from "@std/assert";
import {
  Cluster,
  type ClusterAddress,
  type Topology,
} from "../../../packages/cluster/discovery/cluster.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import {
  connected,
  event,
  FAST,
  ONCE,
  SOON,
  Told,
  topology,
  until,
  withOwn,
} from "./_clusters.ts";
import { clusterTest, nodeDown, nodeUp, part, reasonOf } from "../../_nodes.ts";
import { mail } from "../../_processes.ts";

// Forming.

clusterTest("Node.start({ cluster }) connects in any order", async (nodes) => {
  const names = ["alex", "kate", "mia"].map((each) => `${each}@localhost`);
  const cluster = {
    team: { strategy: "static", nodes: names, ...SOON },
  } as const;
  const kate = await nodes.start("kate", { cluster });
  await kate.run(async () => {
    Node.monitorNodes(true);
    const alex = await nodes.start("alex", { cluster });
    await nodeUp(alex.name);
    await nodes.start("mia", { cluster });
    await nodeUp("mia@localhost");
    const team = await topology("team");
    const own = team.addresses.find(({ node }) => node === kate.name);
    assertEquals(own?.state, "self");
  });
});

clusterTest("a cluster forms from one address", async (nodes) => {
  const kate = await nodes.start("kate", { epmdPort: false });
  const address = `127.0.0.1:${kate.port}`;
  const own = { strategy: "static", nodes: [address], ...SOON } as const;
  await withOwn(nodes, own, async () => {
    await connected();
    assertEquals(Node.list(), [kate.name]);
    const [entry] = (await topology("own")).addresses;
    assertEquals([entry.node, entry.address], [kate.name, address]);
  }, { epmdPort: false });
});

clusterTest("the node's own address is dialled once", async (nodes) => {
  const told = new Told();
  await withOwn(nodes, { strategy: told.strategy, ...FAST }, async (alex) => {
    told.addresses = [`127.0.0.1:${alex.port}`];
    await event("added");
    for (;;) {
      const [{ state, node, attempts }] = (await topology("own")).addresses;
      if (state === "dialling" || state === "waiting") {
        await Node.ping("nobody@localhost");
        continue;
      }
      assertEquals([state, node, attempts], ["self", alex.name, 0]);
      return;
    }
  });
});

clusterTest("a hidden node's cluster dials, and dials again", async (nodes) => {
  const kate = await nodes.start("kate");
  const own = { strategy: "static", nodes: [kate.name], ...SOON } as const;
  await withOwn(nodes, own, async (alex) => {
    await connected();
    await kate.run(() => Node.disconnect(alex.name));
    assertEquals((await event("disconnected")).node, kate.name);
    await event("connected");
    assertEquals(Node.list("hidden"), [kate.name]);
  }, { hidden: true });
});

// Dialling again.

clusterTest("an address is dialled with growing delays", async (nodes) => {
  // cluster_backoff_test.ts has the delays.
  const own = {
    strategy: "static",
    nodes: ["kate@localhost"],
    minDelay: 5,
    maxDelay: 40,
  } as const;
  await withOwn(nodes, own, async () => {
    let last = 0;
    while (last < 8) {
      const { attempts, reason, next, node } = await event("dial_failed");
      assert(attempts > last);
      last = attempts;
      assert(next > 0);
      assertEquals(node, "kate@localhost");
      assertMatch(reason, /no node named kate@localhost is registered/);
    }
    const [{ lastError, lastErrorAt }] = (await topology("own")).addresses;
    assertMatch(lastError!, /no node named kate@localhost/);
    assert(lastErrorAt! > 0);
    await nodes.start("kate");
    await event("connected");
    const [{ state, attempts, next }] = (await topology("own")).addresses;
    assertEquals([state, attempts, next], ["connected", 0, undefined]);
  });
  const lines = nodes.lines().filter((line) =>
    /Cannot connect to kate/.test(line)
  );
  assertEquals(lines.length, 1, "one warning for one reason");
});

for (
  const [wire, by] of [["json", "name"], ["json", "address"], ["beam", "name"]]
) {
  clusterTest(`a refusal is logged at once (${wire}, ${by})`, async (nodes) => {
    const wires = [wire as "json" | "beam"];
    const kate = await nodes.start("kate", { wires, cookie: "another" });
    const node = by === "name" ? kate.name : `127.0.0.1:${kate.port}`;
    // The second attempt comes after the test.
    const SLOW = { minDelay: 600_000, maxDelay: 600_000 };
    const own = { strategy: "static", nodes: [node], ...SLOW } as const;
    await nodes.start("alex", { wires, cluster: { own } });
    await nodes.logged(
      /^alex warning: Cannot connect to kate@localhost: .*; start both nodes with the same cookie/,
    );
  });
}

// Forgetting.

clusterTest("an address no longer named is forgotten", async (nodes) => {
  const told = new Told();
  const kate = await nodes.start("kate");
  await withOwn(nodes, { strategy: told.strategy, ...FAST }, async () => {
    told.addresses = [kate.name];
    await event("connected");
    told.addresses = ["gone@localhost"];
    assertEquals((await event("removed")).node, kate.name);
    await event("added", "gone@localhost");
    assertEquals(Node.list(), [kate.name]);
    const { addresses } = await topology("own");
    assertEquals(addresses.map(({ node }) => node), ["gone@localhost"]);
    told.addresses = [];
    await event("removed", "gone@localhost");
    assertEquals((await topology("own")).addresses, []);
  });
});

clusterTest("disconnectForgotten closes the connection", async (nodes) => {
  const told = new Told();
  const kate = await nodes.start("kate");
  const own = { strategy: told.strategy, disconnectForgotten: true, ...FAST };
  await withOwn(nodes, own, async () => {
    Node.monitorNodes(true);
    told.addresses = [kate.name];
    await event("connected");
    told.addresses = [];
    await event("removed", kate.name);
    assertEquals(Node.list(), [kate.name]);
    told.addresses = [kate.name];
    await event("connected");
    told.addresses = ["mia@localhost"];
    await nodeDown(kate.name);
    await event("removed", kate.name);
  });
});

clusterTest("one of two addresses keeps the watch", async (nodes) => {
  const told = new Told();
  const kate = await nodes.start("kate");
  const own = { strategy: told.strategy, ...FAST };
  // A hidden node has no other news of its nodes than its monitors.
  await withOwn(nodes, own, async (alex) => {
    const address = `127.0.0.1:${kate.port}`;
    told.addresses = [kate.name, { node: kate.name, address }];
    await event("connected");
    await event("connected");
    told.addresses = [kate.name];
    await event("removed", address);
    await part(kate, alex);
    await event("disconnected");
    await event("connected");
  }, { hidden: true });
});

// A program's strategy that misbehaves.

clusterTest("a strategy that fails is asked again", async (nodes) => {
  const told = new Told();
  await withOwn(nodes, { strategy: told.strategy, ...FAST }, async () => {
    told.addresses = ["kate@localhost"];
    await event("added");
    told.addresses = new Error("no route to the registry");
    const { reason, next } = await event("strategy_failed");
    assertEquals(reason, "no route to the registry");
    assert(next! > 0);
    const own = await topology("own");
    assertEquals([own.lastError, own.strategy], [reason, "custom"]);
    assertEquals(own.addresses.map(({ node }) => node), ["kate@localhost"]);
    assert(own.lastAnswer! > 0);
    told.addresses = ["kate@localhost", "mia@localhost"];
    await event("added", "mia@localhost");
    assertEquals((await topology("own")).lastError, undefined);
  });
});

/** Answers that are not lists of addresses. */
const GARBAGE: [name: string, answer: () => unknown, says: RegExp][] = [
  ["nothing", () => undefined, /it answered undefined, which is not a list/],
  ["a string", () => "kate@localhost", /which is not a list of addresses/],
  // cluster_options_test.ts has the table of invalid addresses.
  ["numbers", () => [1, null, {}], /1 is not the address of a node/],
  [
    "a very long text",
    () => ["x".repeat(1_000_000)],
    /^"x{50,100}.{0,10} is not the address/,
  ],
  ["fields that throw", () => [{
    get node() {
      throw new Error("no node for you");
    },
  }], /no node for you/],
  ["an iterator that throws", () => ({
    [Symbol.iterator]() {
      throw new Error("no iterator");
    },
  }), /no iterator/],
  ["an async iterator of garbage", () => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(7) }),
  }), /its iterator returned 7/],
  ["an async iterator that fails", async function* () {
    yield ["kate@localhost"];
    throw new Error("the watch ended");
  }, /the watch ended/],
];

for (const [name, answer, says] of GARBAGE) {
  clusterTest(`a strategy that answers ${name} is reported`, async (nodes) => {
    const strategy = answer as () => ClusterAddress[];
    const own = { strategy, ...ONCE, interval: 50 };
    await withOwn(nodes, own, async () => {
      const { lastError } = await topology("own");
      assertMatch(lastError ?? (await event("strategy_failed")).reason, says);
    });
  });
}

/** Thrown values that are no errors, or worse. */
const THROWN: [name: string, value: unknown, says: RegExp][] = [
  ["null", null, /^null$/],
  ["a symbol", Symbol("s"), /Symbol/],
  ["an object without a text", Object.create(null), /{}/],
  ["a text that throws", {
    get message() {
      throw new Error("no message");
    },
    toString() {
      throw new Error("no text");
    },
  }, /./],
  ["a long text", "x".repeat(1_000_000), /^x{1000}$/],
];

for (const [name, value, says] of THROWN) {
  clusterTest(`a strategy that throws ${name} is reported`, async (nodes) => {
    const strategy = () => {
      throw value;
    };
    await withOwn(nodes, { strategy, ...FAST }, async () => {
      assertMatch((await event("strategy_failed")).reason, says);
    });
  });
}

clusterTest("each value of an iterable replaces the last", async (nodes) => {
  const ended = Promise.withResolvers<void>();
  const steps = [["kate@localhost"], ["mia@localhost"]];
  const strategy = async function* ({ signal, topology, node }: {
    signal: AbortSignal;
    topology: string;
    node: string;
  }) {
    assertEquals([topology, node], ["own", "alex@localhost"]);
    try {
      yield* steps;
      await new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve())
      );
    } finally {
      ended.resolve();
    }
  };
  await withOwn(nodes, { strategy, ...FAST }, async (alex) => {
    await event("removed", "kate@localhost");
    await event("added", "mia@localhost");
    alex.stop();
  }).catch(() => {});
  await ended.promise;
});

clusterTest("a strategy runs as the topology's process", async (nodes) => {
  const kate = await nodes.start("kate");
  // It asks for the connected nodes of its own node, and for those of another.
  const strategy = () => {
    assertEquals(Node.self(), "alex@localhost");
    assert(Process.alive(self()));
    return [kate.name];
  };
  await withOwn(nodes, { strategy, ...FAST }, connected);
});

// Processes.

clusterTest("a topology that crashes is restarted", async (nodes) => {
  const kate = await nodes.start("kate");
  const own = { strategy: "static", nodes: [kate.name], ...SOON } as const;
  await withOwn(nodes, own, async (alex) => {
    await connected();
    const children = await Supervisor.whichChildren("Cluster");
    assertEquals(children.map(({ id }) => id), [
      "topology own",
      "Cluster.Server",
    ]);
    Process.exit(children[0].pid as Pid, "kill");
    await event("connected");
    await part(kate, alex);
    const lost = await event("disconnected");
    assertEquals([lost.topology, lost.cluster], ["own", "Cluster"]);
    assert(lost.next > 0);
    await event("connected");
    assertMatch((await topology("own")).addresses[0].lastError!, /was lost/);
  });
});

clusterTest("news of nodes that is not true changes nothing", async (nodes) => {
  const kate = await nodes.start("kate");
  const own = {
    strategy: "static",
    nodes: [kate.name, "gone@localhost"],
    ...ONCE,
  } as const;
  await withOwn(nodes, own, async () => {
    for (;;) {
      const { addresses } = await topology("own");
      if (addresses.every(({ state }) => state !== "dialling")) break;
    }
    const [{ pid }] = await Supervisor.whichChildren("Cluster");
    for (
      const forged of [
        { type: "nodedown", node: kate.name },
        { type: "nodeup", node: "gone@localhost" },
        { type: "nodeup", node: 1 },
        { type: "$tell", from: pid, message: { type: "wake" } },
        null,
      ]
    ) send(pid as Pid, forged);
    // It has handled these when it answers.
    assertEquals(await GenServer.call(pid as Pid, "x"), {
      type: "error",
      reason: "badarg",
    });
    const { addresses } = await topology("own");
    assertEquals(
      addresses.map(({ state }) => state).sort(),
      ["connected", "waiting"],
    );
  });
});

clusterTest("Cluster.info() can be asked from elsewhere", async (nodes) => {
  const kate = await nodes.start("kate");
  await nodes.start("alex", {
    cluster: { own: { strategy: "static", nodes: [kate.name] } },
  });
  await kate.run(async () => {
    const ref = { name: "Cluster", node: "alex@localhost" };
    const { node, cluster, topologies } = await Cluster.info(ref);
    assertEquals([node, cluster], ["alex@localhost", "Cluster"]);
    assertEquals(topologies.map((each) => each.topology), ["own"]);
    // deno-lint-ignore no-explicit-any
    const refused = await assertRejects(() => Cluster.subscribe(ref as any));
    assert(refused instanceof Error);
    const none = await assertRejects(() => Cluster.info(), ExitError);
    assertEquals((none.reason as { reason: unknown }).reason, "noproc");
  });
});

clusterTest("subscriptions end in three ways", async (nodes) => {
  const told = new Told();
  const alex = await nodes.start("alex", {
    cluster: { own: { strategy: told.strategy, ...FAST } },
  });
  await alex.run(async () => {
    const subscriber = spawn(async () => void await Cluster.subscribe());
    await reasonOf(subscriber);
    const first = await Cluster.subscribe();
    const second = await Cluster.subscribe();
    assert(await Cluster.unsubscribe(first));
    assertFalse(await Cluster.unsubscribe(first));
    told.addresses = ["10.0.0.1:4370"];
    await event("added");
    assert(await Cluster.unsubscribe(second));
    told.addresses = [];
    await until("own", ({ addresses }) => addresses.length === 0);
    assertEquals(await mail(), []);
    await Cluster.subscribe();
    const server = Process.whereis("Cluster.Server")!;
    Process.exit(server, "kill");
    await reasonOf(server);
    await until("own", () => Process.whereis("Cluster.Server") !== undefined);
    told.addresses = ["10.0.0.1:4370"];
    await until("own", ({ addresses }) => addresses.length === 1);
    assertEquals(await mail(), []);
    await Cluster.subscribe();
    told.addresses = [];
    await event("removed");
  });
});

clusterTest("two clusters of a node have names of their own", async (nodes) => {
  const kate = await nodes.start("kate");
  const alex = await nodes.start("alex", { cluster: {} });
  await alex.run(async () => {
    const topologies = {
      t: { strategy: "static", nodes: [kate.name] },
    } as const;
    const start = () => Cluster.startLink({ topologies });
    const { reason } = await assertRejects(start, ExitError);
    assertEquals((reason as { type: string }).type, "already_started");
    const sup = await Supervisor.startLink(
      [[Cluster, { topologies, name: "Other" }]],
      { strategy: "one_for_one" },
    );
    await Cluster.subscribe("Other");
    const { topologies: [{ addresses }] } = await Cluster.info("Other");
    if (addresses[0].state !== "connected") {
      assertEquals((await event("connected")).cluster, "Other");
    }
    assertEquals((await Cluster.info()).topologies, []);
    // The end of a cluster closes no connection.
    await Supervisor.stop(sup);
    assertEquals(Node.list(), [kate.name]);
  });
});

clusterTest("Node.start() rejects an invalid cluster", async (nodes) => {
  // cluster_options_test.ts has the table of what is invalid.
  const cluster = { a: { strategy: "nope" } as unknown as Topology };
  await assertRejects(
    () => nodes.start("alex", { cluster }),
    TypeError,
    '"a": its strategy is "nope"; give "static"',
  );
});
