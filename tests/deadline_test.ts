import { assertEquals } from "@std/assert";
import { Node } from "../node.ts";
import { Process, receive, self, send, spawn } from "../process.ts";
import { rpc } from "../rpc.ts";
import { NodeProcess } from "./_node_process.ts";
import { clusterTest } from "./_nodes.ts";
import * as Remote from "./_remote.ts";

/** The number of requests that `Remote.askEveryWay` makes. */
const REQUESTS = 12;
const ALL_ANSWERED = Array(REQUESTS).fill("an answer");

/** A pause, as the test measures the effect of passing time. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

clusterTest(
  "answers that arrived in time are taken by a node that computed beyond the time limit",
  async (cluster) => {
    await using kate = await NodeProcess.start(cluster, "kate");
    const alex = await cluster.start("alex");
    const outcomes = await alex.run(async () => {
      const pid = await Node.spawn(kate.name, Remote.answerLate, [
        100,
        REQUESTS,
      ]);
      const outcomes = Remote.askEveryWay(pid, 1000);
      // The requests leave; the answers arrive while the program computes.
      await pause(20);
      compute(2000);
      return await outcomes;
    });
    assertEquals(outcomes, ALL_ANSWERED);
  },
);

clusterTest(
  "large answers that arrived in time are taken by a node that computed beyond the time limit",
  async (cluster) => {
    await using kate = await NodeProcess.start(cluster, "kate");
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      // A dial could not proceed while the program computes.
      await Node.connect(kate.name);
      // It fits into the buffers of the socket.
      const size = 60_000;
      const answer = rpc.call(kate.name, Remote.lateText, [100, size], {
        timeout: 1000,
      });
      await pause(20);
      compute(2000);
      assertEquals((await answer).length, size);
    });
  },
);

clusterTest(
  "answers that arrived in time are taken by a node that was stopped beyond the time limit",
  async (cluster) => {
    await using kate = await NodeProcess.start(cluster, "kate");
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      const parent = self();
      const outcomes = rpc.call(kate.name, Remote.askEveryWay, [
        spawn(async () => {
          Process.register(self(), "responder");
          const requests = [];
          for (let i = 0; i < REQUESTS; i++) requests.push(await receive());
          send(parent, "asked");
          await receive();
          for (const { ref, from, request } of requests) {
            if (ref === undefined) send(from, request);
            else Process.reply(ref, request);
          }
          send(parent, "answered");
        }),
        1000,
      ]);
      await receive((m) => m === "asked");
      kate.kill("SIGSTOP");
      send("responder", "go");
      await receive((m) => m === "answered");
      await pause(1500);
      kate.kill("SIGCONT");
      assertEquals(await outcomes, ALL_ANSWERED);
    });
  },
);

clusterTest(
  "a node that was stopped for longer than the tick time does not treat its peer as silent",
  async (cluster) => {
    await using kate = await NodeProcess.start(cluster, "kate", {
      tickTime: 800,
    });
    // It ticks often enough for kate, and waits longer than kate is stopped.
    const alex = await cluster.start("alex", { tickTime: 4000 });
    await alex.run(async () => {
      const pid = await Node.spawn(kate.name, Remote.exiting, []);
      const ref = Process.monitor(pid);
      kate.kill("SIGSTOP");
      await pause(1600);
      kate.kill("SIGCONT");
      await pause(600);
      send(pid, { reason: "asked" });
      const down = await receive((m) => ref.equals(m?.ref));
      assertEquals(down.reason, "asked");
    });
  },
);
