import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import { Process, receive, self } from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { clusterTest, part } from "../../_nodes.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const MOEBI = "moebi@localhost";

// Connect, list, disconnect, ping.

clusterTest("Node.connect() takes an address only", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const connect = (node: Node) =>
    alex.run(() => Node.connect({ address: `127.0.0.1:${node.port}` }));
  assertEquals([await connect(kate), await connect(alex)], [true, true]);
  assertEquals(await alex.run(() => Node.list()), [KATE]);
  for (const wrong of [{ address: 1 }, { address: undefined }, {}, [], null]) {
    await assertRejects(
      // deno-lint-ignore no-explicit-any
      () => alex.run(() => Node.connect(wrong as any)),
      TypeError,
      wrong !== null && "address" in wrong ? "address" : "as a name",
    );
  }
});

clusterTest("Node.connect() to itself returns true", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assertEquals(await Node.connect(ALEX), true);
    assertEquals(await Node.ping(ALEX), "pong");
    assertEquals(Node.list("connected"), []);
    assertEquals(Node.disconnect(ALEX), false);
    assertEquals(Node.monitor(atom(ALEX)), true);
    assertEquals(Node.monitor(ALEX, false), true);
  });
});

clusterTest("Node.connect() by address needs no EPMD", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"], {
    epmdPort: false,
  });
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

// Connections of all nodes.

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
