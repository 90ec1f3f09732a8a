/** Reading from connections beside the steps of processes. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { pairTest } from "../../_nodes.ts";
import { compute } from "../../_remote.ts";

const MESSAGES = 200_000;

/** A message that takes longer to decode than to receive. A host reads 17,000 of them in a burst. */
const message = (n: number) => ({
  n,
  user: { name: "alex", tags: ["cat", "dog"], at: { lat: 52.5, lon: 13.25 } },
});

/** Receives the messages of a flood; returns the maximum number that waited. */
async function receiveAll(): Promise<number> {
  let most = 0;
  for (let n = 0; n < MESSAGES; n++) {
    const received = await receive() as { n: number };
    if (received.n !== n) throw new Error(`received ${received.n} for ${n}`);
    if (n % 500 === 0) {
      most = Math.max(most, Process.info(self())!.messageQueueLen);
    }
  }
  return most;
}

/** Fills the queue to another node. */
async function flood(pid: Pid, messages = MESSAGES): Promise<void> {
  // Fewer signals may wait for a node that is dialled.
  assert(await Node.ping(pid.node));
  for (let n = 0; n < messages; n++) send(pid, message(n));
}

/** Has a process receive a flood; returns the maximum number of messages that waited. */
async function mostWaiting(kate: Node): Promise<number> {
  const started = Promise.withResolvers<Pid>();
  const taken = kate.run(async () => {
    started.resolve(self());
    return await receiveAll();
  });
  await flood(await started.promise);
  return await taken;
}

pairTest("a flood waits in the connection, not in mail", async ({ kate }) => {
  // While other programs have the processors, a slice of steps may end after a few of them. Without a pause of
  // the connection, 49,000 wait in each flood.
  let least = Infinity;
  for (let flood = 0; flood < 12 && least >= MESSAGES / 10; flood++) {
    least = Math.min(least, await mostWaiting(kate));
  }
  assertLess(least, MESSAGES / 10);
});

/**
 * Floods a process that takes no message, and then sends to another one on the same connection, which gets the message.
 * Returns the number of messages that wait for the first process.
 */
async function floodThenSend(kate: Node, messages: number): Promise<number> {
  const started = Promise.withResolvers<Pid>();
  const other = Promise.withResolvers<Pid>();
  const done = Promise.withResolvers<void>();
  const idle = kate.run(async () => {
    started.resolve(self());
    await done.promise;
    return Process.info(self())!.messageQueueLen;
  });
  const last = kate.run(async () => {
    other.resolve(self());
    return await receive();
  });
  await flood(await started.promise, messages);
  send(await other.promise, "last");
  assertEquals(await last, "last");
  done.resolve();
  return await idle;
}

pairTest("a full mailbox does not stop its connection", async ({ kate }) => {
  const waiting = await floodThenSend(kate, MESSAGES);
  assertEquals(waiting, MESSAGES);
});

pairTest("a node that always computes reads on", async ({ kate }) => {
  // A dial beside these steps takes 200 turns of the event loop, and each lasts for a slice or more.
  assert(await Node.ping(kate.name));
  let isOver = false;
  const busy = kate.run(async () => {
    // Each step takes as long as the slice of all steps.
    while (!isOver) {
      compute(8);
      send(self(), "next");
      await receive();
    }
  });
  await floodThenSend(kate, 20_000);
  isOver = true;
  await busy;
});
