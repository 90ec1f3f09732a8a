import { assert, assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import {
  isExit,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { NodeProcess } from "../../_node_process.ts";
import { type Cluster, clusterTest, nodeDown } from "../../_nodes.ts";
import { RawPeer } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";
const RAW = "raw@localhost";
const TICK_TIME = 400;

/** A pause, as the test measures the effect of passing time. */
function pause(ms: number): Promise<void> {
  // safe: a busy node ticks later, and the limits here are lower ones
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asserts that at least 0.75 tick times have passed. There is no upper bound here, as a loaded machine has
 * none: simulation_test.ts has both, in simulated time.
 */
function assertNotTooSoon(start: number): void {
  const took = performance.now() - start;
  assert(took > 0.75 * TICK_TIME, `after ${took} ms`);
}

/** Asserts that a node has not logged a lost connection. */
function assertNoneDown(cluster: Cluster): void {
  assertEquals(
    cluster.lines(true).filter((each) => each.includes("is down")),
    [],
  );
}

clusterTest("a silent peer is ticked, and then down", async (cluster) => {
  const alex = await cluster.start("alex", { tickTime: TICK_TIME });
  await using peer = await RawPeer.dial(alex.port);
  await alex.run(async () => {
    const start = performance.now();
    await peer.enter(RAW, ALEX);
    Node.monitor(RAW);
    await nodeDown(RAW);
    assertNotTooSoon(start);
  });
  await peer.closed;
  let ticks = 0;
  for (let frame = await peer.next(); frame; frame = await peer.next()) {
    if (frame.json === undefined && frame.raw === undefined) ticks++;
  }
  assert(ticks >= 3, `${ticks} ticks`);
  await cluster.logged(
    /raw@localhost is down: it was silent for longer than the tick time/,
  );
});

clusterTest("idle nodes stay connected", async (cluster) => {
  const alex = await cluster.start("alex", { tickTime: TICK_TIME });
  await cluster.start("kate", { tickTime: TICK_TIME });
  await alex.run(() => Node.connect(KATE));
  await pause(5 * TICK_TIME);
  assertEquals(await alex.run(() => Node.list()), [KATE]);
  assertNoneDown(cluster);
});

clusterTest("a node whose OS process is stopped goes down", async (cluster) => {
  const alex = await cluster.start("alex", { tickTime: TICK_TIME });
  await using kate = await NodeProcess.start(cluster, "kate", {
    tickTime: TICK_TIME,
  });
  await alex.run(async () => {
    Process.trapExit(true);
    Node.monitor(KATE);
    const pid = await Node.spawnLink(KATE, Remote.echo);
    send(pid, { from: self(), value: "there" });
    assertEquals(await receive(), "there");
    kate.kill("SIGSTOP");
    const exited = await receive(isExit);
    assertEquals([exited.from, exited.reason], [pid, "noconnection"]);
    await nodeDown(KATE);
    kate.kill("SIGCONT");
  });
});

clusterTest("a node that computes is not down", async (cluster) => {
  // The rest of the tick time, and a quarter more, is left for other programs.
  const tickTime = 1200;
  const busy = 0.75 * tickTime;
  const alex = await cluster.start("alex", { tickTime });
  await using kate = await NodeProcess.start(cluster, "kate", { tickTime });
  await alex.run(async () => {
    assertEquals(await Node.ping(kate.name), "pong");
    for (let round = 0; round < 2; round++) {
      const { ref } = await Node.spawnMonitor(KATE, Remote.compute, [busy]);
      const down = await receive((m) => ref.equals(m?.ref));
      assertEquals(down.reason, "normal");
      Remote.compute(busy);
      await pause(tickTime / 4);
    }
    assertEquals(Node.list(), [KATE]);
  });
  assertNoneDown(cluster);
}, { tags: ["slow"] });
