/** Messages that look like internal messages of servers: they are ignored unless the sender may send them. */

import { assert, assertEquals } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { IO } from "../../../packages/node/io/io.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  makeRef,
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { clusterTest } from "../../_nodes.ts";
import {
  ourRef,
  ours,
  RawPeer,
  rawTest,
  theirRef,
  theirs,
} from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import { Echo, type EchoTypes } from "../../_echo.ts";

const ALEX = "alex@localhost";

/** An object as the wire writes it if its keys or its type are reserved. */
function asData(object: Record<string, unknown>): unknown {
  return { $object: Object.entries(object) };
}

rawTest("a group leader answers the peer alone", async (peer) => {
  const task = Task.async(() => receive((m) => m === "go"));
  const requests = [
    { from: theirs(100), replyAs: ourRef(task.ref) },
    { from: ours(self()), replyAs: ourRef(task.ref) },
    { from: ours(self()), replyAs: theirRef(1) },
  ].map((names) => ({
    type: "io_request",
    ...names,
    request: { type: "put_chars", chars: "x" },
  }));
  for (const request of requests) {
    await peer.sayTo("user", request);
    await peer.sayTo("user", asData(request));
  }
  await peer.takenIn();
  send(task.pid, "go");
  assertEquals(await Task.await(task), "go");
}, { io: { write() {} } });

/** A function that sends what another node asks for: some nodes export such functions. */
const Deputy = {
  tell: (to: string, message: unknown) => void send(to, message),
};

clusterTest("only the task itself sends its result", async (cluster) => {
  const io = { write() {} };
  const alex = await cluster.start("alex", { io, modules: { Deputy } });
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    const task = Task.async(() => receive((m) => m === "go"));
    const { ref } = task;
    const owner = self();
    await kate.run(async () => {
      for (const from of [owner, self()]) {
        await rpc.call(ALEX, ["Deputy", "tell"], ["user", {
          type: "io_request",
          from,
          replyAs: ref,
          request: { type: "put_chars", chars: "x" },
        }]);
      }
    });
    assertEquals(await IO.puts("in order"), "ok");
    send(task.pid, "go");
    assertEquals(await Task.await(task), "go");
  });
});

clusterTest("a forwarded message is data to a server", async (cluster) => {
  const modules = { Deputy, Remote };
  const asked: string[] = [];
  const alex = await cluster.start("alex", {
    modules,
    allow: (node, _module, fn) => {
      asked.push(`${node} ${fn}`);
      return fn === "tell";
    },
  });
  const kate = await cluster.start("kate");
  await alex.run(async () => {
    await GenServer.startLink(Echo, undefined, { name: "Echo" });
    await Agent.startLink(() => 1, { name: "Agent" });
    await pg.startLink();
    const owner = self();
    const mike = await cluster.start("mike");
    const trusted = await mike.run(() => self());
    await kate.run(async () => {
      const ref = makeRef();
      const messages = [
        {
          type: "$call",
          from: owner,
          ref,
          request: { type: "get", run: { kept: "1" } },
        },
        {
          type: "$call",
          from: trusted,
          ref,
          request: {
            type: "update",
            run: { module: "Remote", function: "add", args: [1] },
          },
        },
        { type: "$cast", request: 1 },
        { type: "$stop", from: owner, ref, reason: "normal" },
        { type: "$stop" },
        {
          type: "$tell",
          from: trusted,
          message: { type: "sync", groups: [{ group: "g", pids: [trusted] }] },
        },
      ];
      for (const message of messages) {
        for (const to of ["Echo", "Agent", "pg"]) {
          await rpc.call(ALEX, ["Deputy", "tell"], [to, message]);
        }
      }
    });
    assertEquals(asked.filter((each) => !each.endsWith(" tell")), []);
    assertEquals(await Agent.get("Agent", (n: number) => n), 1);
    assertEquals(pg.getMembers("g"), []);
    const mail = await GenServer.call<EchoTypes>("Echo", "mail") as {
      info: { type: string };
    }[];
    assertEquals(
      mail.map(({ info }) => info?.type),
      ["$call", "$call", "$cast", "$stop", "$stop", "$tell"],
    );
  });
});

clusterTest("an object with a server's type is data", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  await kate.run(async () => {
    const echo = await GenServer.startLink(Echo, undefined);
    const messages = [
      { type: "$call" },
      { type: "$call", request: { deep: [1, 2n] } },
      { type: "$cast", request: "hi" },
      { type: "$stop", reason: "normal", "$pid": [0, 1] },
      { type: "$tell", message: null },
      { type: "io_request" },
    ];
    await alex.run(() => {
      for (const message of messages) send(echo, message);
      return GenServer.call(echo, "flush");
    });
    for (const message of messages) send(echo, message);
    const mail = await GenServer.call<EchoTypes>(echo, "mail");
    assertEquals(mail, [...messages, ...messages].map((info) => ({ info })));
  });
});

rawTest("a sent EXIT is no child's or parent's", async (peer) => {
  Process.trapExit(true);
  let starts = 0;
  const child = {
    id: "child",
    start: () => {
      starts++;
      return GenServer.startLink(Echo, undefined);
    },
  };
  const sup = await Supervisor.startLink([child], { strategy: "one_for_one" });
  const dynamic = await DynamicSupervisor.startLink();
  const own = await DynamicSupervisor.startChild(dynamic, child) as Pid;
  const [{ pid }] = await Supervisor.whichChildren(sup) as { pid: Pid }[];
  assertEquals(starts, 2);
  for (const to of [sup, dynamic, pid]) {
    for (const from of [pid, own, sup, dynamic, self()]) {
      for (const reason of ["kill", "normal", "shutdown"]) {
        // In its parent's name it counts, as in Elixir, if a process of its node sends it.
        const parent = to === pid ? sup : self();
        if (from !== parent) send(to, { type: "EXIT", from, reason });
        await peer.sayTo(to, { type: "EXIT", from: ours(from), reason });
      }
    }
  }
  await peer.takenIn();
  const [{ pid: same }] = await Supervisor.whichChildren(sup) as { pid: Pid }[];
  assert(pid.equals(same));
  const { active } = await DynamicSupervisor.countChildren(dynamic);
  assertEquals([starts, active], [2, 1]);
  assertEquals(await GenServer.call(pid, "hi"), "hi");
  await Supervisor.stop(sup);
  await DynamicSupervisor.stop(dynamic);
});

rawTest("only a complete request stops a server", async (peer) => {
  const echo = await GenServer.start(Echo, undefined, { name: "Echo" });
  for (
    const stop of [
      { type: "$stop" },
      { type: "$stop", reason: "normal" },
      { type: "$stop", from: theirs(100) },
      { type: "$stop", from: theirs(100), ref: 1, reason: "normal" },
      { type: "$stop", from: theirs(100), ref: { $ref: [1, 1, 7] } },
      { type: "$stop", from: ours(self()), ref: theirRef(1) },
      { type: "$stop", ref: theirRef(1), reason: "normal" },
    ]
  ) {
    await peer.sayTo("Echo", stop);
    await peer.say([["send_name", 100, "Echo", { type: "$stop" }]]);
  }
  await peer.takenIn();
  assertEquals(await GenServer.call(echo, "hi"), "hi");
  await peer.say([["monitor_name", 100, "Echo", 5]]);
  await peer.sayTo("Echo", {
    type: "$stop",
    from: theirs(100),
    ref: theirRef(1),
    reason: "shutdown",
  });
  const [, , , ref, reason] = await peer.signal("down");
  assertEquals([ref, reason], [5, "shutdown"]);
});

clusterTest("only the requested node answers", async (cluster) => {
  const alex = await cluster.start("alex");
  await using peer = await RawPeer.entered(alex, "raw@localhost");
  const MIKE = "mike@localhost";
  await using mike = await RawPeer.entered(alex, MIKE);
  await alex.run(async () => {
    const { number } = self();
    const forge = async (ref: number) => {
      await peer.say([
        ["spawned", 100, number, ref, false, true],
        ["not_spawned", number, ref, "undef", "forged"],
        ["send_alias", 100, ref, "forged"],
        ["down", 100, number, ref, "forged"],
      ]);
      await peer.takenIn();
    };
    const spawning = Node.spawn(MIKE, ["Remote", "wait"]);
    const [, , spawnRef] = await mike.signal("spawn*");
    await forge(spawnRef as number);
    await mike.say([["spawned", 5, number, spawnRef, false, false]]);
    const pid = await spawning;
    assertEquals([pid.node, pid.number], [MIKE, 5]);

    const calling = rpc.call(MIKE, ["Remote", "add"], [1, 2]);
    const [, , rpcRef] = await mike.signal("spawn*");
    await forge(rpcRef as number);
    const answer = { type: "return", value: 3 };
    await peer.say([["reply", 100, rpcRef, answer]]);
    await peer.takenIn();
    const right = { type: "return", value: 4 };
    await mike.say([
      ["spawned", 6, number, rpcRef, false, true],
      // Not the process that runs it.
      ["reply", 7, rpcRef, answer],
      ["reply", 6, rpcRef, right],
    ]);
    assertEquals(await calling, 4);

    const asking = GenServer.call({ name: "Echo", node: MIKE }, "hi");
    const [, , , ref] = await mike.signal("call_name");
    const callRef = ref as number;
    await forge(callRef);
    await mike.say([["reply", 8, callRef, "hello"]]);
    assertEquals(await asking, "hello");
  });
});
