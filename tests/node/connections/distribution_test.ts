import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { Node } from "../../../node.ts";
import {
  isDown,
  isExit,
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { insideOf } from "../../../packages/processes/runtime/current_process.ts";
import { NodeProcess } from "../../_node_process.ts";
import { clusterTest, pairTest, part } from "../../_nodes.ts";
import { mail } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const NOBODY = "nobody@localhost";

// Spawn.

pairTest("Node.spawn() rejects a function without a source", async () => {
  const method = { run() {} }.run;
  for (const noSource of [method, method.bind(null), Math.max]) {
    await assertRejects(
      () => Node.spawn(KATE, noSource),
      TypeError,
      "its source is not a function expression",
    );
  }
});

pairTest("Node.spawn() runs a closure if allowed", async () => {
  // Names on the node that runs it, where self and send are in scope.
  const here = self();
  await Node.spawn(
    KATE,
    // @ts-ignore: Remote is a name there.
    (to: Pid) => Remote.tell(to, "from", Node.self()),
    [here],
  );
  assertEquals([await receive(), await receive()], ["from", KATE]);
  for (const fn of [() => here, () => Promise.resolve().then(() => here)]) {
    const reference = await Node.spawnMonitor(KATE, fn);
    const down = await receive(isDown);
    assertEquals(down.ref, reference.ref);
    assertInstanceOf(down.reason, ReferenceError);
    const message =
      "here is not defined; a closure takes no variables to another node: pass them as arguments";
    assertEquals(down.reason.message, message);
    assertMatch(
      down.reason.stack ?? "",
      new RegExp(`^ReferenceError: ${message}\n`),
    );
  }
}, { kate: { allowClosures: true } });

clusterTest("monitorNodes() reports nodes of its type", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  const moebi = await cluster.start("moebi", { hidden: true });
  await alex.run(async () => {
    assertEquals(Node.monitorNodes(true, { nodeType: "all" }), false);
    assertEquals(Node.monitorNodes(true, { nodeType: "all" }), true);
    assertEquals(Node.monitorNodes(true, { nodeType: "hidden" }), false);
    assertEquals(Node.monitorNodes(true, { nodeType: "visible" }), false);
    assertEquals(Node.monitorNodes(true), false);
    for (const type of ["nodeup", "nodedown"]) {
      for (const { name } of [kate, moebi]) {
        await (type === "nodeup" ? Node.connect(name) : Node.disconnect(name));
      }
      const visible = { type, node: kate.name, nodeType: "visible" };
      const hidden = { type, node: moebi.name, nodeType: "hidden" };
      assertEquals(await mail(), [
        { type, node: kate.name },
        ...[visible, visible, visible],
        ...[hidden, hidden, hidden],
      ]);
    }
    assertEquals(Node.monitorNodes(false, { nodeType: "all" }), true);
    assertEquals(Node.monitorNodes(false), true);
    await Node.connect(moebi.name);
    assertEquals((await mail()).length, 1);
  });
});

clusterTest("a pending spawn fails with its node", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await NodeProcess.start(cluster, "kate");
  await alex.run(async () => {
    assertEquals(await Node.ping(KATE), "pong");
    kate.kill("SIGSTOP");
    const spawning = Node.spawnMonitor(KATE, Remote.wait);
    const linking = Node.spawnLink(KATE, Remote.wait);
    Process.trapExit(true);
    kate.kill("SIGKILL");
    const { pid, ref } = await spawning;
    assertEquals(pid.node, Node.self());
    const from = await linking;
    assertEquals(await receive(isDown), {
      type: "DOWN",
      ref,
      object: pid,
      reason: "noconnection",
    });
    assertEquals(await receive(isExit), {
      type: "EXIT",
      from,
      reason: "noconnection",
    });
    assertEquals(await mail(), []);
  });
});

// The context in which code runs.

clusterTest("connections and timers belong to no process", async (cluster) => {
  const inside = new Set<unknown>();
  const look = () => void inside.add(insideOf());
  const alex = await cluster.start("alex", { log: look, tickTime: 100 });
  // Started, dialled and dialling from within a process each.
  const kate = await alex.run(() => cluster.start("kate", { log: look }));
  await alex.run(async () => {
    Process.register(self(), "inbox");
    assertEquals(await Node.connect(KATE), true);
    await kate.run(() => void send({ name: "inbox", node: ALEX }, "there"));
    assertEquals(await receive(), "there");
    assertEquals(await Node.connect(NOBODY), false);
    await part(kate, alex);
  });
  assertEquals(await kate.run(() => Node.connect(ALEX)), true);
  await kate.stop();
  // disconnect() calls back within its caller; everything else runs outside.
  const callers = [...inside].filter((each) => each !== undefined);
  assert(callers.length <= 1, `${callers.length} processes`);
});

clusterTest("code stays in its process's context", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  await alex.run(async () => {
    const me = self();
    const same = () => assert(self().equals(me) && Node.self() === ALEX);
    await Node.connect(KATE);
    same();
    const pid = await Node.spawn(KATE, Remote.echo);
    same();
    send(pid, { from: me, value: 1 });
    await receive((m) => {
      same();
      return m === 1;
    });
    same();
    await kate.run(() => assertEquals(Node.self(), KATE));
    same();
    await send(pid, { from: me, value: new Uint8Array(8 << 20) });
    same();
    await receive();
    same();
  });
});
