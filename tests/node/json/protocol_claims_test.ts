/** The claims of `docs/protocol.md` about a node's answers, tested over a socket. */

import { assert, assertEquals } from "@std/assert";
import { global } from "../../../packages/cluster/global/global.ts";
import {
  Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { clusterTest } from "../../_nodes.ts";
import { RawPeer, rawTest, THEIRS, theirs } from "../../_raw_peer.ts";

rawTest("a monitor replaces one of its reference", async (peer) => {
  const processes = [1, 2].map(() => spawn(() => receive(() => false)));
  const [first, second] = processes;
  for (const { number, creation } of processes) {
    await peer.say([["monitor", 1, number, creation, 5]]);
  }
  await peer.say([["exit", 1, first.number, "kill"]]);
  assertEquals(await peer.takenIn(), []);
  await peer.say([["exit", 1, second.number, "kill"]]);
  assertEquals(await peer.takenIn(), [["down", second.number, 1, 5, "killed"]]);
  // Neither for a reference that monitors nothing, nor twice.
  await peer.say([["demonitor", 1, 5], ["demonitor", 1, 6]]);
  assertEquals(await peer.takenIn(), []);
});

rawTest("a demonitor contains only the reference", async (peer) => {
  const process = spawn(() => receive(() => false));
  Process.register(process, "Named");
  const { number, creation } = process;
  await peer.say([
    ["monitor", 1, number, creation, 1],
    ["monitor_name", 1, "Named", 2],
    ["monitor_name", 1, "Named", 3],
    ["demonitor", 1, 1],
    ["demonitor", 1, 2],
    ["exit", 1, number, "bye"],
  ]);
  assertEquals(await peer.takenIn(), [["down", number, 1, 3, "bye"]]);
});

rawTest("an unrequested process is notified", async (peer) => {
  const { number, creation } = self();
  await peer.say([
    ["spawned", 5, number, 77, true, true],
    ["spawned", 6, number, 78, true, false],
    ["spawned", 7, number, 79, false, true],
    ["spawned", 8, number, 80, false, false],
  ]);
  assertEquals(await peer.takenIn(), [
    ["exit_link", number, creation, 5, "noproc"],
    ["demonitor", number, 77],
    ["exit_link", number, creation, 6, "noproc"],
    ["demonitor", number, 79],
  ]);
});

rawTest("links to missing processes are answered", async (peer) => {
  const { number, creation } = self();
  await peer.say([
    ["link", 1, 9999, creation],
    ["link", 1, number, creation + 1],
    ["unlink", 1, 9999, creation, 7],
    ["unlink", 1, number, creation, 8],
    ["unlink_ack", 1, number, 0],
    ["exit_link", 1, 7, number, "not linked"],
  ]);
  assertEquals(await peer.takenIn(), [
    ["exit_link", 9999, creation, 1, "noproc"],
    ["exit_link", number, creation + 1, 1, "noproc"],
    ["unlink_ack", 9999, 1, 7],
    ["unlink_ack", number, 1, 8],
  ]);
});

rawTest("a down has its reference, and pid or name", async (peer) => {
  const named = { name: "Named", node: THEIRS.node };
  for (const target of [THEIRS, named]) {
    const ref = Process.monitor(target);
    await peer.signal(target === named ? "monitor_name" : "monitor");
    await peer.say([["down", 1, self().number, ref.number, "bye"]]);
    assertEquals(await receive(), {
      type: "DOWN",
      ref,
      object: target,
      reason: "bye",
    });
    // It has exited.
    await peer.say([["down", 1, self().number, ref.number, "again"]]);
  }
  await peer.takenIn();
  send(self(), "last");
  assertEquals(await receive(), "last");
});

rawTest("own pids may be written by name", async (peer) => {
  const { node, number, creation } = self();
  await peer.say([["send*", 1, number, [
    { $pid: [0, 1, 7] },
    { $pid: ["raw@localhost", 1, 7] },
    { $pid: [1, number, creation] },
    { $pid: [node, number, creation] },
    { $pid: [1, number, creation + 1] },
  ]]]);
  const pids = await receive() as Pid[];
  assert(pids[0].equals(THEIRS) && pids[1].equals(THEIRS));
  assert(pids[2].equals(self()) && pids[3].equals(self()));
  assert(!pids[4].equals(self()) && pids[4].node === node);
});

rawTest("a down of nobody comes from that pid, or 0", async (peer) => {
  const { number, creation } = self();
  await peer.say([
    ["monitor", 1, 9999, creation, 5],
    ["monitor", 1, number, creation + 1, 6],
    ["monitor_name", 1, "Nobody", 7],
  ]);
  assertEquals(await peer.takenIn(), [
    ["down", 9999, 1, 5, "noproc"],
    ["down", number, 1, 6, "noproc"],
    ["down", 0, 1, 7, "noproc"],
  ]);
});

clusterTest("a name server without digests is asked", async (cluster) => {
  const kate = await cluster.start("kate");
  await using peer = await RawPeer.dial(kate.port);
  // The greater name: kate joins the two.
  await peer.enter("zoe@localhost", kate.name);
  await kate.run(async () => {
    const found = global.whereisName("printer");
    const requests: unknown[] = [];
    const server = theirs(50);
    let isMerged = false;
    while (!isMerged) {
      for (const signal of await peer.hear()) {
        const [kind, , , ref, request] = signal;
        if (!/^call/.test(kind)) continue;
        const { type } = request;
        requests.push(type);
        const entry = {
          name: "printer",
          pid: theirs(1),
          resolve: "random_exit_name",
        };
        const answer: unknown = {
          hello: { type: "welcome", server },
          get_servers: [server],
          lock_names: true,
          get_digest: 2 ** 32 + 12_345,
          get_names: [entry],
          merge: "ok",
          unlock_names: true,
        }[type as string];
        await peer.say([["reply*", 50, ref, answer]]);
        isMerged ||= type === "merge";
      }
    }
    assertEquals(await found, new Pid("zoe@localhost", 1, 7));
    assert(requests.includes("get_names"));
  });
});
