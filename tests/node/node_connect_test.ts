import {
  assertEquals,
  assertFalse,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { GenServer } from "../../otp/gen_server/gen_server.ts";
import { global } from "../../otp/global/global.ts";
import { Node } from "../../node.ts";
import {
  isDown,
  isExit,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../otp/process/process.ts";
import { atom } from "../../core/values/atom.ts";
import { clusterTest, nodeDown, part, settled } from "../_nodes.ts";
import * as Remote from "../_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const MOEBI = "moebi@localhost";

// Connect, list, disconnect, ping.

clusterTest("Node.connect() takes an address only", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  const connect = (node: Node) =>
    alex.run(() => Node.connect({ address: `127.0.0.1:${node.port}` }));
  assertEquals([await connect(kate), await connect(alex)], [true, true]);
  assertEquals(await alex.run(() => Node.list()), [KATE]);
  await kate.stop();
  assertEquals(await connect(kate), false);
  assertMatch(
    await cluster.logged(/Cannot connect/),
    /alex warning: Cannot connect to 127\.0\.0\.1:\d+: .*(ECONN|refused)/,
  );
  for (const wrong of [{ address: 1 }, { address: undefined }, {}, [], null]) {
    await assertRejects(
      // deno-lint-ignore no-explicit-any
      () => alex.run(() => Node.connect(wrong as any)),
      TypeError,
      wrong !== null && "address" in wrong ? "address" : "as a name",
    );
  }
});

clusterTest("Node.connect() connects both ends, once", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  assertEquals(
    await alex.run(() =>
      Promise.all([
        Node.connect(KATE),
        Node.connect(atom(KATE)),
        Node.ping(KATE),
      ])
    ),
    [true, true, "pong"],
  );
  assertEquals(await alex.run(() => Node.connect(KATE)), true);
  assertEquals(await alex.run(() => Node.list()), [KATE]);
  assertEquals(await kate.run(() => Node.list()), [ALEX]);
  const connected = cluster.lines(true).filter((each) =>
    each.includes("Connected")
  );
  assertEquals(connected.sort(), [
    `alex info: Connected to ${KATE}`,
    `kate info: Connected to ${ALEX}`,
  ]);
});

clusterTest("Node.connect() to itself returns true", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assertEquals(await Node.connect(ALEX), true);
    assertEquals(await Node.ping(ALEX), "pong");
    assertEquals(Node.list("connected"), []);
    assertEquals(Node.disconnect(ALEX), false);
  });
});

clusterTest("Node.connect() says why a node is absent", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assertEquals(await Node.connect("nobody@localhost"), false);
    assertEquals(await Node.ping("nobody@localhost"), "pang");
    assertEquals(Node.disconnect("nobody@localhost"), false);
    assertEquals(await Node.connect("no name"), false);
  });
  const [first, , third] = cluster.lines();
  assertMatch(
    first,
    /^alex warning: Cannot connect to nobody@localhost: no node named nobody@localhost is registered/,
  );
  assertMatch(third, /Cannot connect to no name: .* is not a node name/);
});

clusterTest("Node.disconnect() closes both ends", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await kate.run(async () => {
    Node.monitorNodes(true);
    await alex.run(async () => {
      assertEquals(await Node.connect(KATE), true);
      assertEquals(Node.disconnect(KATE), true);
      assertEquals(Node.list(), []);
      assertEquals(Node.disconnect(KATE), false);
    });
    assertEquals(await receive(), { type: "nodeup", node: ALEX });
    assertEquals(await receive(), { type: "nodedown", node: ALEX });
    assertEquals(Node.list(), []);
    assertEquals(await Node.ping(ALEX), "pong");
  });
});

clusterTest("Node.connect() by address needs no EPMD", async (cluster) => {
  const alex = await cluster.start("alex", { epmdPort: false });
  const kate = await cluster.start("kate", { epmdPort: false });
  const address = `localhost:${kate.port}`;
  await alex.run(async () => {
    assertEquals(await Node.connect(KATE), false);
    assertEquals(await Node.connect(MOEBI, { address }), false);
    for (
      const bad of ["localhost", ":1", "localhost:0", "localhost:x", "a:99999"]
    ) {
      assertEquals(await Node.connect(KATE, { address: bad }), false);
    }
    assertEquals(await Node.connect(KATE, { address }), true);
    assertEquals(Node.list(), [KATE]);
  });
  const lines = cluster.lines().filter((each) => each.startsWith("alex"));
  assertMatch(lines[0], /does not use EPMD; give the node's address/);
  assertMatch(lines[1], /Cannot connect to moebi@localhost/);
  assertMatch(lines[2], /"localhost" is not an address: write host:port/);
  assertEquals(lines.length, 7);
});

clusterTest("Node.connect() keeps name kinds apart", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate@127.0.0.1");
  const moebi = await cluster.start("moebi@127.0.0.1");
  assertEquals(await alex.run(() => Node.connect(kate.name)), false);
  assertEquals(await kate.run(() => Node.connect(ALEX)), false);
  assertEquals(await kate.run(() => Node.connect(moebi.name)), true);
  for (const line of cluster.lines()) assertMatch(line, /do not mix/);
});

// Connections of all nodes.

clusterTest("a hidden node is listed as hidden", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  const moebi = await cluster.start("moebi", { hidden: true });
  await kate.run(async () => {
    await Node.connect(ALEX);
    Node.monitorNodes(true);
    assertEquals(await moebi.run(() => Node.connect(KATE)), true);
    await settled(moebi);
    assertEquals(Node.list(), [ALEX]);
    assertEquals(Node.list("visible"), [ALEX]);
    assertEquals(Node.list("hidden"), [MOEBI]);
    assertEquals(Node.list("connected").sort(), [ALEX, MOEBI]);
    Node.monitor(MOEBI);
    await moebi.stop();
    assertEquals(await receive(), { type: "nodedown", node: MOEBI });
    const none = await receive(null, { timeout: 0, after: "none" });
    assertEquals(none, "none");
  });
  assertEquals(await alex.run(() => Node.list("connected")), [KATE]);
});

clusterTest("a hidden node's connections are hidden", async (cluster) => {
  const kate = await cluster.start("kate", { hidden: true });
  const alex = await cluster.start("alex");
  const moebi = await cluster.start("moebi", { hidden: true });
  const lock = (owner: string): [string, string] => ["resource", owner];
  await kate.run(async () => {
    Process.register(self(), "load");
    Node.monitorNodes(true);
    assertEquals(await Node.connect(ALEX), true);
    assertEquals(await Node.connect(MOEBI), true);
    assertEquals(Node.list(), []);
    assertEquals(Node.list("hidden").sort(), [ALEX, MOEBI]);
    assertEquals(Node.list("connected").sort(), [ALEX, MOEBI]);
    // Functions for all nodes include this one.
    assertEquals(await global.setLock(lock("kate"), { retries: 0 }), true);
    await alex.run(async () => {
      Process.register(self(), "load");
      assertEquals(await global.setLock(lock("alex"), { retries: 0 }), true);
    });
    const { badNodes } = await GenServer.multiCall("nobody", "load");
    assertEquals(badNodes, [KATE]);
    GenServer.abcast("load", "all");
    assertEquals((await receive()).request, "all");
    await part(alex, kate);
    await part(moebi, kate);
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
    assertEquals(Node.list("connected"), []);
  });
  assertEquals(await alex.run(() => Node.list("connected")), []);
});

// Nodes that come and go.

clusterTest("Node.monitor() sends one nodedown per call", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    assertEquals(Node.monitor(KATE), true);
    Node.monitor(KATE);
    Node.monitor(atom(KATE));
    Node.monitor(KATE, false);
    assertEquals(await Node.ping(KATE), "pong");
    await part(kate, alex);
    const down = { type: "nodedown", node: KATE };
    assertEquals([await receive(), await receive()], [down, down]);
    assertEquals(await Node.ping(KATE), "pong");
    await part(kate, alex);
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
  });
});

clusterTest("Node.monitor() of no node sends nodedown", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assertEquals(Node.monitor("nobody@localhost"), true);
    await nodeDown("nobody@localhost");
    assertEquals(Node.monitor(ALEX), true);
    assertEquals(Node.monitor(ALEX, false), true);
  });
});

clusterTest("Node.monitorNodes() reports visible nodes", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    assertEquals(Node.monitorNodes(true), false);
    assertEquals(Node.monitorNodes(true), true);
    await Node.connect(KATE);
    await part(kate, alex);
    // Subscribed twice, each event arrives twice.
    for (const type of ["nodeup", "nodeup", "nodedown", "nodedown"]) {
      assertEquals(await receive(), { type, node: KATE });
    }
    assertEquals(Node.monitorNodes(false), true);
    assertEquals(Node.monitorNodes(false), false);
    await Node.connect(KATE);
    assertEquals(await receive(null, { timeout: 0, after: "none" }), "none");
  });
});

// A first use connects.

clusterTest("send() to a name on a node connects in order", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await kate.run(async () => {
    Process.register(self(), "inbox");
    await alex.run(() => {
      for (let i = 0; i < 100; i++) send({ name: "inbox", node: KATE }, i);
      send({ name: "nobody", node: KATE }, "dropped");
      send({ name: "inbox", node: "nobody@localhost" }, "dropped");
    });
    for (let i = 0; i < 100; i++) assertEquals(await receive(), i);
    assertEquals(Node.list(), [ALEX]);
  });
});

clusterTest("monitor(), link() and Node.spawn() connect", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    const ref = Process.monitor({ name: "nobody", node: KATE });
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object: { name: "nobody", node: KATE },
      reason: "noproc",
    });
    assertEquals(Node.list(), [KATE]);
    await part(kate, alex);
    const pid = await Node.spawn(KATE, Remote.exiting);
    assertEquals(Node.list(), [KATE]);
    await part(kate, alex);
    Process.trapExit(true);
    Process.link(pid);
    send(pid, { reason: "linked" });
    assertEquals(await receive(), {
      type: "EXIT",
      from: pid,
      reason: "linked",
    });
    assertEquals(Node.list(), [KATE]);
  });
});

// Incarnations.

clusterTest("a restarted node gets no old signals", async (cluster) => {
  const alex = await cluster.start("alex");
  const first = await cluster.start("kate");
  const old = await first.run(() => spawn(Remote.wait));
  await alex.run(async () => {
    Node.monitor(KATE);
    await Node.ping(KATE);
    await first.stop();
    await nodeDown(KATE);
    const second = await cluster.start("kate");
    const relayTo = self();
    assertNotEquals(second.creation, first.creation);
    const heir = await second.run(() => spawn(Remote.relay, [relayTo]));
    assertEquals(await receive(), "up");
    assertEquals(heir.number, old.number);
    assertFalse(heir.equals(old));
    Process.trapExit(true);
    send(old, "for the dead");
    Process.exit(old, "kill");
    Process.exit(old, "shutdown");
    const ref = Process.monitor(old);
    assertEquals(await receive(isDown), {
      type: "DOWN",
      ref,
      object: old,
      reason: "noproc",
    });
    Process.link(old);
    assertEquals(await receive(isExit), {
      type: "EXIT",
      from: old,
      reason: "noproc",
    });
    send(heir, "for the heir");
    assertEquals(await receive(), { relayed: "for the heir" });
  });
});

clusterTest("nodes outlive the one that serves EPMD", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  const moebi = await cluster.start("moebi");
  await kate.run(() => Node.connect(MOEBI));
  await alex.stop();
  assertEquals(await kate.run(() => Node.list()), [MOEBI]);
  const sophie = await cluster.start("sophie");
  assertEquals(await sophie.run(() => Node.ping(KATE)), "pong");
  assertEquals(await moebi.run(() => Node.ping(sophie.name)), "pong");
});
