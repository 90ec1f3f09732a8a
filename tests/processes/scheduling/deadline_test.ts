/** Deadlines of a node that computed, or was stopped, while the answers arrived. */

import { assertEquals } from "@std/assert";
import { Node } from "../../../node.ts";
import {
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { NodeProcess } from "../../_node_process.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";
import * as Remote from "../../_remote.ts";
import { until } from "../../_until.ts";

/** The number of requests that `Remote.askEveryWay` makes. */
const REQUESTS = 12;

/** The time limit of the requests, in milliseconds. */
const LIMIT = 10_000;

/** Large answers; all of them fit into the buffers of a socket. */
const LARGE = "x".repeat(5000);

/** Waits until a time limit is over. */
function over(ms: number): Promise<void> {
  // safe: the time limit is over by then, however late the timer is.
  return new Promise((resolve) => setTimeout(resolve, ms + 500));
}

/** A node in an OS process that can be kept from its event loop. */
interface Asker {
  name: string;
  /** Keeps it from its event loop; returns a function that lets it go on. */
  block(): Promise<() => void>;
}

/** Starts a node that can be stopped by a signal. */
async function stoppable(
  cluster: Cluster,
  name: string,
  stack: AsyncDisposableStack,
): Promise<Asker> {
  const node = stack.use(await NodeProcess.start(cluster, name));
  const block = () => {
    node.kill("SIGSTOP");
    return Promise.resolve(() => node.kill("SIGCONT"));
  };
  return { name: node.name, block };
}

/** Starts a node that can be asked to compute. */
async function computing(
  cluster: Cluster,
  name: string,
  stack: AsyncDisposableStack,
): Promise<Asker> {
  const readable = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(readable, { recursive: true }));
  const node = stack.use(
    await NodeProcess.start(cluster, name, {}, { readable }),
  );
  const block = async () => {
    const file = `${readable}/go`;
    await Node.spawn(node.name, Remote.block, [self(), file]);
    await receive((m) => m === "blocked");
    return () => Deno.writeTextFileSync(file, "");
  };
  return { name: node.name, block };
}

/** Answers the requests of a node while it is blocked, and lets it go on after their time limit. */
async function answerWhileBlocked(
  { name, block }: Asker,
  wanted: string,
): Promise<string[]> {
  const parent = self();
  const responder = spawn(async () => {
    const requests = [];
    for (let i = 0; i < REQUESTS; i++) requests.push(await receive());
    send(parent, "asked");
    await receive();
    for (const { ref, from, request } of requests) {
      if (ref === undefined) send(from, request);
      else Process.reply(ref, request);
    }
    send(parent, "answered");
  });
  const outcomes = rpc.call(name, Remote.askEveryWay, [
    responder,
    LIMIT,
    wanted,
  ]);
  await receive((m) => m === "asked");
  const unblock = await block();
  send(responder, "go");
  await receive((m) => m === "answered");
  await until(() =>
    Node.connections().every(({ queuedBytes }) => queuedBytes === 0)
  );
  await over(LIMIT);
  unblock();
  return await outcomes;
}

clusterTest("answers in time count after computations", async (cluster) => {
  await using stack = new AsyncDisposableStack();
  const alex = await cluster.start("alex");
  const cases: [Asker, string][] = [
    [await computing(cluster, "kate", stack), "an answer"],
    [await computing(cluster, "zoe", stack), LARGE],
    [await stoppable(cluster, "moebi", stack), "an answer"],
  ];
  // At the same time, as each takes as long as the time limit.
  await Promise.all(cases.map(([asker, wanted]) =>
    alex.run(async () => {
      const outcomes = await answerWhileBlocked(asker, wanted);
      assertEquals(outcomes, Array(REQUESTS).fill(wanted), asker.name);
    })
  ));
}, { tags: ["slow"], timeout: 120_000 });

clusterTest("a stopped node finds no peer silent", async (cluster) => {
  const tickTime = 4000;
  await using kate = await NodeProcess.start(cluster, "kate", { tickTime });
  // It ticks often enough for kate, and waits longer than kate is stopped.
  const alex = await cluster.start("alex", { tickTime: 5 * tickTime });
  await alex.run(async () => {
    const pid = await Node.spawn(kate.name, Remote.exiting, []);
    const ref = Process.monitor(pid);
    kate.kill("SIGSTOP");
    await over(tickTime);
    kate.kill("SIGCONT");
    // It would notice the silence at its next tick.
    await over(tickTime / 8);
    send(pid, { reason: "asked" });
    const down = await receive((m) => ref.equals(m?.ref));
    assertEquals(down.reason, "asked");
  });
}, { timeout: 120_000 });

clusterTest("late timers send in the order of their times", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    // Each is due after the one before it, however slowly they are set.
    const times = [0, 200, 290, 380];
    for (const ms of times) Process.sendAfter(self(), ms, ms);
    // safe: only a pause that makes all timers late, however long it takes
    for (const end = performance.now() + 400; performance.now() < end;);
    const got: unknown[] = [];
    for (const _ of times) got.push(await receive());
    assertEquals(got, times);
  });
});
