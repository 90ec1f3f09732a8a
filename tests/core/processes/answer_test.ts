/** The reply to a call ends the call's monitor at both ends. */

import { assertEquals, assertRejects } from "@std/assert";
import {
  type From,
  GenServer,
  type GenServerModule,
} from "../../../otp/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../otp/process/process.ts";
import { Task } from "../../../otp/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { clusterTest } from "../../_nodes.ts";
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

async function watchersOf(pid: Pid): Promise<number> {
  return (await Process.info(pid, { remote: true }))!.monitoredBy.length;
}

rawTest("a call of a peer is answered by `answer` alone", async (peer) => {
  const pid = await GenServer.start(Server, undefined, { name: "Server" });
  await peer.say([["call_name", 100, "Server", 1, "one"]]);
  assertEquals((await peer.signal("answer")).slice(2), [1, "one"]);
  assertEquals(await watchersOf(pid), 0);
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
  assertEquals(await watchersOf(pid), 1);
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
  assertEquals(await watchersOf(pid), 0);
}, { limits: { maxMessageBytes: 1000 } });

/** Passes callers on. */
const Forward: GenServerModule<{
  arg: Pid;
  state: Pid;
  call: [unknown, unknown];
}> = {
  name: "Forward",
  init: (to) => ({ type: "ok", state: to }),
  handleCall(request, from, to) {
    send(to, { from, request });
    return { type: "noreply", state: to };
  },
};

/** Replies to callers. */
async function replier(): Promise<never> {
  for (;;) {
    const { from, request } = await receive<{ from: From; request: unknown }>();
    GenServer.reply(from, request);
  }
}

clusterTest("a third node's reply ends the first monitor", async (cluster) => {
  const modules = { Answer: { replier } };
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate");
  const moebi = await cluster.start("moebi", { modules });
  const server = await kate.run(async () =>
    await GenServer.start(
      Forward,
      await Node.spawn(moebi.name, ["Answer", "replier"]),
    )
  );
  await alex.run(async () => {
    for (let i = 0; i < 3; i++) {
      assertEquals(await GenServer.call(server, i), i);
    }
    // Its request is behind the demonitors.
    const info = await Process.info(server, { remote: true });
    assertEquals(info!.monitoredBy, []);
    assertEquals(Process.info(self())!.monitors, []);
  });
});

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

/** Waits for ever. */
async function wait(): Promise<void> {
  await receive(() => false);
}

clusterTest("a supervisor's monitor becomes its task's", async (cluster) => {
  const modules = { Answer: { wait } };
  const alex = await cluster.start("alex", { modules });
  const kate = await cluster.start("kate", { modules });
  const { promise, resolve } = Promise.withResolvers<Pid>();
  kate.run(async () => {
    resolve(await TaskSupervisor.startLink());
    await wait();
  }).catch(() => {});
  const remote = await promise;
  await alex.run(async () => {
    const own = await TaskSupervisor.startLink();
    for (const supervisor of [own, remote]) {
      const task = await TaskSupervisor.async(supervisor, ["Answer", "wait"]);
      const about = { remote: true } as const;
      const before = await Process.info(supervisor, about);
      assertEquals(before!.monitoredBy, []);
      const started = await Process.info(task.pid, about);
      assertEquals(started!.monitoredBy, [self()]);
      assertEquals(Process.info(self())!.monitors, [task.pid]);
      assertEquals(await Task.shutdown(task, "brutal_kill"), undefined);
      assertEquals(Process.info(self())!.monitors, []);
      // A refused start leaves nothing either.
      await assertRejects(() =>
        TaskSupervisor.async(supervisor, ["Answer", "none"])
      );
      const after = await Process.info(supervisor, about);
      assertEquals(after!.monitoredBy, []);
      assertEquals(Process.info(self())!.monitors, []);
    }
    await TaskSupervisor.stop(own);
  });
});
