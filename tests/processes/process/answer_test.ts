/** The reply to a call ends the call's monitor at both ends. */

import { assertEquals, assertRejects } from "@std/assert";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  spawn,
} from "../../../packages/processes/process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { pairTest } from "../../_nodes.ts";
import * as Remote from "../../_remote.ts";
import { rawTest } from "../../_raw_peer.ts";

const RAW = "raw@localhost";

/** Replies to each call; `"exit"` ends it, and `"large"` is answered by too much. */
const Server: GenServerModule<{
  arg: void;
  state: number;
  call: [unknown, unknown];
}> = {
  name: "Server",
  init: () => ({ type: "ok", state: 0 }),
  handleCall(request, _from, state) {
    if (request === "exit") exit("stopped");
    const reply = request === "large" ? "x".repeat(10_000) : request;
    return { type: "reply", reply, state };
  },
};

async function watchersOf(pid: Pid): Promise<Pid[]> {
  return (await Process.info(pid, { remote: true }))!.monitoredBy;
}

rawTest("a call of a peer is answered by `answer` alone", async (peer) => {
  const pid = await GenServer.start(Server, undefined, { name: "Server" });
  await peer.say([["call_name", 100, "Server", 1, "one"]]);
  assertEquals((await peer.signal("answer")).slice(2), [1, "one"]);
  assertEquals(await watchersOf(pid), []);
  // Without `call`, the monitor is one like any other.
  await peer.say([
    ["monitor", 100, pid.number, pid.creation, 2],
    ["send*", 100, pid.number, {
      type: "$call",
      from: { $pid: [0, 100, 7] },
      ref: { $ref: [0, 2, 7] },
      request: "two",
    }],
  ]);
  assertEquals((await peer.signal("reply")).slice(2), [2, "two"]);
  assertEquals((await watchersOf(pid)).length, 1);
  await peer.say([["call", 100, pid.number, 3, "exit"]]);
  const downs: unknown[] = [];
  while (downs.length < 2) {
    for (const [kind, , , ref, reason] of await peer.hear()) {
      if (kind === "down") downs.push([ref, reason]);
    }
  }
  assertEquals(downs.sort(), [[2, "stopped"], [3, "stopped"]]);
});

rawTest("a caller ends its monitor after `reply` alone", async (peer) => {
  const caller = self();
  const kinds: unknown[] = [];
  /** The next signal of a kind; notes the kinds of all that come. */
  const next = async (kind: string): Promise<unknown[]> => {
    for (;;) {
      const heard: unknown[][] = await peer.hear();
      kinds.push(...heard.map(([each]) => each));
      const found = heard.find(([each]) => each === kind);
      if (found !== undefined) return found;
    }
  };
  const ask = async (kind: string) => {
    const server = { name: "Server", node: RAW };
    const reply = GenServer.call(server, kind);
    const [, , , ref] = await next("call_name");
    await peer.say([[kind, 100, ref, kind]]);
    assertEquals(await reply, kind);
    return ref;
  };
  await ask("answer");
  assertEquals(Process.info(caller)!.monitors, []);
  const ref = await ask("reply");
  assertEquals((await next("demonitor"))[2], ref);
  assertEquals(kinds, ["call_name", "call_name", "demonitor"]);
  assertEquals(Process.info(caller)!.monitors, []);
  // An answer of another node, or of no call, ends nothing.
  const waiting = spawn(() => receive());
  const monitor = Process.monitor(waiting, { alias: "reply_demonitor" });
  await peer.say([["answer", 100, monitor.number, "forged"]]);
  assertEquals((await receive()).value, "forged");
  assertEquals(Process.info(waiting)!.monitoredBy, []);
  assertEquals(Process.info(caller)!.monitors, []);
});

rawTest("a reply that is too large ends by the monitor", async (peer) => {
  const pid = await GenServer.start(Server, undefined);
  await peer.say([["call", 100, pid.number, 1, "large"]]);
  assertEquals((await peer.signal("down"))[3], 1);
  await peer.say([["call", 100, pid.number, 2, "small"]]);
  assertEquals((await peer.signal("answer")).slice(2), [2, "small"]);
  assertEquals(await watchersOf(pid), []);
}, { limits: { maxMessageBytes: 1000 } });

rawTest("a caller that has given up gets no answer", async (peer) => {
  const server = { name: "Server", node: RAW };
  // safe: its expiry is tested
  const late = GenServer.call(server, 1, { timeout: 1 }).catch(() => "late");
  const [, , , ref] = await peer.signal("call_name");
  assertEquals(await late, "late");
  assertEquals((await peer.signal("demonitor"))[2], ref);
  await peer.say([
    ["answer", 100, ref, "late"],
    ["reply", 100, ref, "later"],
    ["down", 100, self().number, ref, "latest"],
    ["send", 100, self().number, { type: "end" }],
  ]);
  assertEquals(await receive(), { type: "end" });
});

pairTest("a supervisor's monitor becomes its task's", async ({ kate }) => {
  const { promise, resolve } = Promise.withResolvers<Pid>();
  kate.run(async () => {
    resolve(await TaskSupervisor.startLink());
    await Remote.wait();
  }).catch(() => {});
  const own = await TaskSupervisor.startLink();
  for (const supervisor of [own, await promise]) {
    const task = await TaskSupervisor.async(supervisor, Remote.wait);
    assertEquals(await watchersOf(supervisor), []);
    assertEquals(await watchersOf(task.pid), [self()]);
    assertEquals(Process.info(self())!.monitors, [task.pid]);
    assertEquals(await Task.shutdown(task, "brutal_kill"), undefined);
    assertEquals(Process.info(self())!.monitors, []);
    // A refused start leaves nothing either.
    await assertRejects(() =>
      TaskSupervisor.async(supervisor, ["Remote", "none"])
    );
    assertEquals(await watchersOf(supervisor), []);
    assertEquals(Process.info(self())!.monitors, []);
  }
  await TaskSupervisor.stop(own);
});
