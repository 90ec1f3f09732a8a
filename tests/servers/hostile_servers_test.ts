/** The effects that a peer that knows the cookie can have on the servers of a node: only intended ones. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { Application } from "../../packages/servers/application/application.ts";
import { DynamicSupervisor } from "../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  QueueFullError,
  UndefinedFunctionError,
} from "../../packages/processes/errors.ts";
import {
  GenServer,
  type NameRegistry,
} from "../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { globalServer } from "../../packages/cluster/global/global_server.ts";
import { IO } from "../../packages/node/io/io.ts";
import { Node } from "../../node.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import {
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
  spawnMonitor,
} from "../../packages/processes/process.ts";
import { Registry } from "../../packages/servers/registry/registry.ts";
import { rpc } from "../../packages/node/rpc/rpc.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { mutated, ODD } from "../_fuzz.ts";
import { clusterTest } from "../_nodes.ts";
import { isPending, quiet, turn } from "../_processes.ts";
import { numbersIn } from "../_pages.ts";
import {
  callOf,
  ours,
  RawPeer,
  rawTest,
  theirRef,
  THEIRS,
  theirs,
  told,
} from "../_raw_peer.ts";
import { BOUNDS } from "../../packages/processes/values/bounds.ts";
import * as Remote from "../_remote.ts";
import { fuzz, type Random, runs } from "../_seeds.ts";
import { until } from "../_until.ts";
import { Echo } from "../_echo.ts";
import { jsonOf, OWN, ROWS } from "./_every_server.ts";

const RAW = "raw@localhost";
const ALEX = "alex@localhost";
const KATE = "kate@localhost";

clusterTest("a refused answer fails only the call", async (cluster) => {
  const kate = await cluster.start("kate");
  await kate.run(async () => {
    const echo = await GenServer.start(Echo, undefined, { name: "Echo" });
    await using peer = await RawPeer.entered(kate, RAW, { maxMessageBytes: 1 });
    await peer.say([["monitor_name", 100, "Echo", 1]]);
    await peer.sayTo("Echo", callOf("x".repeat(100_000)));
    const [, , , ref, reason] = await peer.signal("down");
    assertEquals(ref, 1);
    assert(JSON.stringify(reason).includes("Cannot send a message of"));
    assertEquals(await GenServer.call(echo, "hi"), "hi");
    await GenServer.stop(echo);
  });
});

clusterTest("a refused line is the reader's error", async (cluster) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const kate = await cluster.start("kate", {
    io: { write() {}, readLine: () => promise },
  });
  await using peer = await RawPeer.entered(kate, RAW, { maxMessageBytes: 1 });
  await peer.sayTo("user", {
    type: "io_request",
    from: theirs(100),
    replyAs: theirRef(3),
    request: { type: "get_line", prompt: "" },
  });
  await peer.takenIn();
  resolve("x".repeat(100_000) + "\n");
  const [, , , value] = await peer.signal("reply");
  assertEquals((value as { type: string }).type, "error");
  assertEquals(await kate.run(() => IO.puts("still there")), "ok");
});

rawTest("the answer to a call goes only to the caller's node", async (peer) => {
  // A process of this node waits for a task; its reference is easy to guess.
  const tasks = await TaskSupervisor.startLink({ name: "Tasks" });
  const echo = await GenServer.startLink(Echo, undefined, { name: "Echo" });
  const task = Task.async(() => receive((m) => m === "go"));
  const guessed = { $ref: [1, task.ref.number, task.ref.creation] };
  for (
    const request of [
      { ...callOf("forged") as object, ref: guessed },
      { type: "$stop", from: theirs(100), ref: guessed, reason: "normal" },
    ]
  ) await peer.sayTo("Echo", request);
  await peer.sayTo(
    "Tasks",
    callOf({
      type: "start_task",
      run: { module: "Remote", function: "add", args: [1, 2] },
      callers: [],
      link: false,
      task: guessed,
      restart: "temporary",
      shutdown: 5000,
    }),
  );
  await peer.say([
    ["reply", 100, task.ref.number, "forged"],
    ["spawn*", 100, 7, {
      run: {
        module: "$rpc",
        function: "call",
        args: [{ module: "Remote", function: "add", args: [1, 2] }, guessed],
      },
      link: false,
      monitor: true,
      groupLeader: theirs(100),
    }],
  ]);
  await peer.takenIn();
  assertEquals(await GenServer.call(echo, "hi"), "hi");
  assertEquals(await TaskSupervisor.children(tasks), []);
  send(task.pid, "go");
  assertEquals(await Task.await(task), "go");
  await GenServer.stop(echo);
  await TaskSupervisor.stop(tasks);
});

clusterTest("a peer cannot act in groups for others", async (cluster) => {
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  await alex.run(() => pg.start());
  await alex.run(() => pg.join("g", spawn(Remote.wait)));
  await kate.run(async () => {
    await pg.start();
    const own = spawn(Remote.wait);
    await pg.join("own", own);
    const { ref } = await pg.monitor("g");
    await Node.connect(ALEX);
    await receive((m) => ref.equals(m?.ref));
    const members = pg.getMembers("g");
    assertEquals(members.length, 1);
    const scope = Process.whereis("pg") as Pid;
    const others = await alex.run(() => Process.whereis("pg") as Pid);
    await using peer = await RawPeer.entered(kate, RAW);
    const foreign = { $pid: [ALEX, others.number, others.creation] };
    const groups: unknown[] = [];
    const messages = [
      { type: "sync", peer: foreign, groups },
      { type: "$tell", from: foreign, message: { type: "sync", groups } },
      told({ type: "join", group: "g", pids: [ours(own)] }),
      told({ type: "sync", groups: [{ group: "g", pids: [ours(own)] }] }),
      callOf({ type: "join", group: "g", pids: [ours(own)] }),
      callOf({ type: "leave", group: "own", pids: [ours(own)] }),
      callOf({ type: "monitor_scope" }),
      ...Array.from({ length: 50 }, (_, number) => (
        { type: "DOWN", ref: { $ref: [1, number, self().creation] } }
      )),
      ...Array.from({ length: 50 }, (_, number) => (
        { type: "DOWN", ref: theirRef(number) }
      )),
    ];
    for (const message of messages) await peer.sayTo(scope, message);
    await peer.takenIn();
    assertEquals(pg.getMembers("g"), members);
    assertEquals(pg.getMembers("own"), [own]);
  });
});

rawTest("a node has one part in a scope of groups", async (peer) => {
  await pg.start();
  for (let number = 1; number <= 50; number++) {
    const from = theirs(number);
    await peer.say([["send_name*", number, "pg", {
      type: "$tell",
      from,
      message: { type: "join", group: "g", pids: [from] },
    }], ["send_name*", number, "pg", {
      type: "$tell",
      from,
      message: { type: "sync", groups: [{ group: "g", pids: [from] }] },
    }]]);
  }
  await peer.takenIn();
  assertEquals(pg.getMembers("g").map(({ number }) => number), [50]);
  await pg.join("own", self());
  const said = await peer.takenIn();
  assertEquals(said.filter(([kind]) => kind === "send*").length, 1);
});

rawTest("a group that is too deep ends no scope", async (peer) => {
  await pg.start();
  let group: unknown = "g";
  for (let i = 0; i < 58; i++) group = [group];
  await peer.sayTo("pg", told({ type: "discover" }));
  await peer.sayTo("pg", told({ type: "join", group, pids: [theirs(100)] }));
  await peer.sayTo(
    "pg",
    told({ type: "join", group: "flat", pids: [theirs(100)] }),
  );
  await peer.takenIn();
  const { groups } = await pg.monitorScope();
  assertEquals(groups.map(({ group }) => group), ["flat"]);
  await assertRejects(() => pg.join([group], self()), RangeError);
  assertEquals(await pg.join("flat", self()), "ok");
}, { limits: { maxDepth: 64 } });

clusterTest("a peer of small messages gets no groups", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(() => pg.start());
  await kate.run(async () => {
    await pg.start();
    await Node.connect(ALEX);
    await using peer = await RawPeer.entered(kate, RAW, { maxMessageBytes: 1 });
    await peer.sayTo("pg", told({ type: "discover" }));
    await peer.signal("send*");
    const group = "x".repeat(BOUNDS.key - 100);
    await pg.join(group, self());
    await cluster.logged(/kate error: pg: raw@localhost is not told/);
    await pg.join("g", self());
    const member = self();
    await alex.run(async () => {
      const { ref, pids } = await pg.monitor("g");
      if (pids.length === 0) await receive((m) => ref.equals(m?.ref));
      assertEquals(pg.getMembers("g"), [member]);
    });
  });
});

clusterTest("a peer that does not read gets groups later", async (cluster) => {
  const kate = await cluster.start("kate", {
    limits: { maxQueueBytes: 1 << 16, highWaterMark: 1 << 14 },
  });
  await kate.run(async () => {
    await pg.start();
    const scope = Process.whereis("pg");
    await using peer = await RawPeer.entered(kate, RAW);
    await peer.sayTo("pg", told({ type: "discover" }));
    await peer.signal("send*");
    peer.pause();
    const member = self();
    const group = (i: number) => `${i} ${"x".repeat(10_000)}`;
    // More than the host buffers for a socket.
    for (let i = 0; i < 1500; i++) {
      await pg.join(group(i), member);
      if (i > 0) await pg.leave(group(i - 1), member);
    }
    await peer.sayTo("pg", { type: "nodeup", node: RAW });
    assertEquals(Process.whereis("pg"), scope);
    peer.resume();
    // deno-lint-ignore no-explicit-any
    let said: any;
    do {
      const signal = await peer.signal("send*");
      said = signal.slice(3).findLast((each) =>
        // deno-lint-ignore no-explicit-any
        (each as any).message?.type === "sync"
      ) ?? said;
    } while (
      !said?.message.groups.some(
        (each: { group: string }) => each.group === group(1499),
      )
    );
    assertEquals(said.message.groups.length, 1);
    assertEquals(Process.whereis("pg"), scope);
  });
}, { timeout: 60_000 });

clusterTest("messages that look like exits have no effect", async (cluster) => {
  const kate = await cluster.start("kate", { log() {} });
  await using peer = await RawPeer.dial(kate.port);
  // Global names ignore hidden nodes, so no node waits for this one's names.
  await peer.enter(RAW, KATE, { hidden: true });
  await kate.run(async () => {
    await global.registerName("leader", self());
    await Registry.startLink({ keys: "unique", name: "Reg" });
    const owner = self();
    const member = spawn(async () => {
      await Registry.register("Reg", "key", 1);
      send(owner, "registered");
      await Remote.wait();
    });
    await receive((m) => m === "registered");
    assert(await global.setLock(["printer", self()]));
    const servers = [...currentRuntime().processes.values()]
      .map(({ pid }) => pid).filter((pid) => !pid.equals(self()));
    const holder = spawn(() =>
      Registry.lock("Reg", "held", () => receive((m) => m === "go"))
    );
    for (const to of servers) {
      await peer.sayTo(to, callOf({ type: "lock", key: "door" }));
      for (let number = 1; number < 60; number++) {
        for (
          const ref of [
            { $ref: [1, number, self().creation] },
            theirRef(number),
          ]
        ) {
          await peer.sayTo(to, { type: "DOWN", ref });
          await peer.sayTo(to, { type: "unlock", ref });
          await peer.sayTo(to, told({ type: "unlock", ref }));
        }
      }
      await peer.sayTo(to, {
        type: "EXIT",
        from: ours(member),
        reason: "normal",
      });
    }
    await peer.takenIn();
    assertEquals(Registry.lookup("Reg", "key"), [{ pid: member, value: 1 }]);
    assertEquals(await global.whereisName("leader"), self());
    const other = global.setLock(["printer", "other"], { retries: 0 });
    assertEquals(await other, false);
    // No registry lock is held by others, nor acquired by two.
    assertEquals(await Registry.lock("Reg", "door", () => "in"), "in");
    const second = Registry.lock("Reg", "held", () => "second");
    assert(await isPending(second));
    send(holder, "go");
    assertEquals(await second, "second");
    await global.delLock(["printer", self()]);
  });
});

rawTest("no message starts an application", async (peer) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events: string[] = [];
  const start = Application.start({
    name: "slow",
    async start() {
      await promise;
      events.push("up");
      return await Supervisor.startLink([], { strategy: "one_for_one" });
    },
  }).then(() => events.push("told"));
  await until(() => Process.whereis("application_controller") !== undefined);
  const started = { type: "application_started", name: "slow" };
  for (
    const message of [
      { type: "$cast", request: started },
      told(started),
      started,
    ]
  ) await peer.sayTo("application_controller", message);
  await peer.sayTo(
    "application_controller",
    callOf({
      type: "stop_application",
      name: "slow",
      timeout: { $bigint: "12" },
    }),
  );
  await peer.takenIn();
  await quiet();
  assertEquals(events, []);
  resolve();
  await start;
  assertEquals(events, ["up", "told"]);
  assertEquals(await Application.stop("slow"), "ok");
});

rawTest("invalid answers fail the caller, and nothing else", async (peer) => {
  const server = { name: "Server", node: RAW };
  const none = { id: "x", start: ["Remote", "wait"] } as const;
  const asks = [
    () => TaskSupervisor.async(server, Remote.add, [1, 2]),
    () => TaskSupervisor.startChild(server, Remote.wait),
    () => TaskSupervisor.children(server),
    () => Array.fromAsync(TaskSupervisor.asyncStream(server, [1], Remote.wait)),
    () => DynamicSupervisor.startChild(server, none),
    () => Supervisor.startChild(server, none),
    () => Supervisor.restartChild(server, "x"),
    () => Agent.get(server, ["Remote", "add"]),
    () => rpc.call(RAW, ["Remote", "add"], [1, 2]),
  ];
  const odd = { toString: 1 };
  const answers = [
    null,
    "x",
    5,
    { type: "error" },
    { type: "error", reason: null, message: odd },
    { type: "refused", error: odd, message: odd },
    { type: "refused", error: "limit", message: "full" },
  ];
  Process.trapExit(true);
  for (const answer of answers) {
    for (const ask of asks) {
      const { ref } = spawnMonitor(async () => void await ask());
      for (let isAnswered = false; !isAnswered;) {
        for (const [kind, , , last] of await peer.hear()) {
          const isCall = /^call_name/.test(kind);
          if (!isCall && kind !== "spawn*") continue;
          const number = isCall ? last : last.run.args[1].$ref[1];
          await peer.say([["reply", 1, number, answer]]);
          isAnswered = true;
        }
      }
      await receive((m) => m?.type === "DOWN" && ref.equals(m.ref));
    }
  }
});

clusterTest("a refused cast without await has no effect", async (cluster) => {
  const kate = await cluster.start("kate", {
    limits: { maxQueueBytes: 1 << 16, highWaterMark: 1 << 14 },
  });
  await using peer = await RawPeer.entered(kate, RAW, { hidden: true });
  peer.pause();
  await kate.run(async () => {
    const via: NameRegistry = {
      registerName: () => true,
      unregisterName() {},
      whereisName: () => Promise.resolve(THEIRS),
    };
    const name = { via, name: "x" };
    const big = "x".repeat(50_000);
    for (let isFull = false; !isFull;) {
      for (let i = 0; i < 100; i++) GenServer.cast(name, big);
      Agent.cast(name, ["Remote", "add", [big]]);
      const last = GenServer.cast(name, big) as Promise<"ok">;
      isFull = await Promise.race([
        last.then(() => false, (error) => error instanceof QueueFullError),
        // safe: a queue that is full later is found in a later round
        turn().then(() => false),
      ]);
    }
  });
});

clusterTest("long names and refusals close no connection", async (cluster) => {
  const many = Array.from({ length: 1000 }, (_, i) => [`Module${i}`, Remote]);
  await cluster.start("kate", { modules: Object.fromEntries(many) });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assert(await Node.connect(KATE));
    const { ref } = await Node.spawnMonitor(KATE, ["Module1", "wait"]);
    await assertRejects(
      () => Node.spawn(KATE, ["Missing", "wait"]),
      UndefinedFunctionError,
      "the node exports no module",
    );
    const name = "x".repeat(256);
    const long = { name, node: KATE };
    assertThrows(() => send(long, "hi"), RangeError, " 256 characters");
    assertThrows(() => Process.monitor(long), RangeError);
    assertThrows(() => Process.register(self(), name), RangeError);
    assertThrows(() => GenServer.cast(long, "hi"), RangeError);
    await assertRejects(
      () => GenServer.start(Echo, undefined, { name }),
      RangeError,
    );
    await assertRejects(async () => {
      await Node.spawn(KATE, [name, "wait"]);
    }, RangeError);
    const down = (m: { ref?: Ref } | null) => ref.equals(m?.ref);
    // safe: nothing may arrive, however long it takes
    assertEquals(await receive(down, { timeout: 20, after: "up" }), "up");
    assertEquals(Node.list(), [KATE]);
  });
});

/** The requests that alex receives from the resolver of a conflict. */
const asked: string[] = [];

const Secret = {
  keep(_name: unknown, _first: Pid, second: Pid): Pid {
    asked.push("keep");
    return second;
  },
};

clusterTest("allow decides on a resolver of conflicts", async (cluster) => {
  asked.length = 0;
  const options = { connectAll: false, modules: { Remote, Secret } };
  const alex = await cluster.start("alex", {
    ...options,
    allow: (node, module) => module !== "Secret" || node !== "zoe@localhost",
  });
  const mike = await cluster.start("mike", options);
  const zoe = await cluster.start("zoe", options);
  const others = await mike.run(async () => {
    const pid = spawn(Remote.wait);
    assert(await global.registerName("x", pid, global.notifyAllName));
    return pid;
  });
  await alex.run(() => global.sync());
  for (const own of [false, true]) {
    const pid = await alex.run(() => spawn(Remote.wait));
    if (!own) await zoe.run(() => Node.connect(ALEX));
    await (own ? alex : zoe).run(async () => {
      assert(await global.registerName("x", pid, ["Secret", "keep"]));
    });
    await alex.run(async () => {
      // Alex has the smaller name, and so joins the two.
      await Node.connect("mike@localhost");
      await global.sync();
      const kept = await global.whereisName("x");
      assertEquals(kept, own ? pid : others);
      assertEquals(asked, own ? ["keep"] : []);
      assertEquals(Node.stats()!.refusedRequests.not_allowed, 1);
      await Node.disconnect("mike@localhost");
      if (!own) await Node.disconnect("zoe@localhost");
    });
  }
});

/** The number of messages to each server in the fuzz test. */
const FUZZ_RUNS = runs(
  numbersIn("docs/security.md", "sends # almost valid messages to each")[0],
);

/** Messages that a peer might send to any server; some fit no server. */
function requests(own: Pid): unknown[] {
  const pid = ours(own);
  const run = { module: "Remote", function: "add", args: [1, 2] };
  const entry = { name: "x", pid: theirs(100), resolve: "random_exit_name" };
  const pids = [theirs(1), theirs(1)];
  const change = { type: "change", change: { type: "register", entry } };
  return [
    ...ROWS.flatMap((row) =>
      Object.values(row.requests).map((of) => callOf(jsonOf(of(OWN))))
    ),
    callOf({ type: "terminate_child", id: "y", pid }),
    callOf({ type: "drain", timeout: "soon" }),
    callOf({ type: "get", run: { kept: "x" } }),
    callOf({ type: "update", run: { source: "(n) => n", args: [] } }),
    ...[
      { type: "want_turn" },
      { type: "no_turn" },
      { type: "load", tasks: 0, max: 9, draining: false, turn: true },
      { type: "load", tasks: -1, max: "many", draining: 1 },
      { type: "discover" },
      { type: "sync", groups: [{ group: "x", pids }] },
      { type: "join", group: ["x"], pids },
      { type: "leave", groups: [["x"]], pids },
      { ...change, ref: theirRef(1) },
      { type: "connect", server: theirs(100) },
    ].map(told),
    { type: "$cast", request: { type: "try_again_restart", id: "y", pid } },
    { type: "$cast", request: { type: "cast", run: { ...run, args: [] } } },
    { type: "nodeup", node: RAW },
    { type: "nodedown", node: RAW },
    { type: "DOWN", ref: { $ref: [1, 5, 7] }, object: pid, reason: "x" },
    { type: "EXIT", from: theirs(100), reason: "x" },
    {
      type: "io_request",
      from: theirs(100),
      replyAs: theirRef(3),
      request: {
        type: "requests",
        requests: [
          { type: "put_chars", chars: "x" },
          { type: "get_line", prompt: ">" },
        ],
      },
    },
  ];
}

/** Returns true for a request to drain. A valid one is not hostile: its receiver then refuses work for good. */
function isDrain(message: { request?: { type?: unknown } } | null): boolean {
  return message?.request?.type === "drain";
}

/** The value unchanged, or changed in a place or two, or another, invalid value. */
// deno-lint-ignore no-explicit-any
function hostile(random: Random, good: unknown[]): any {
  let message = random.of(good);
  for (let times = random.below(4); times > 0; times--) {
    message = mutated(random, message);
  }
  return random.below(20) === 0 ? random.of(ODD) : message;
}

clusterTest(`fuzz: ${FUZZ_RUNS} messages to each server`, async (cluster) => {
  const kate = await cluster.start("kate", { io: { write() {} }, log() {} });
  await kate.run(async () => {
    Process.register(self(), "owner");
    const child = { id: "y", start: () => Task.startLink(Remote.wait) };
    const none = { strategy: "one_for_one" } as const;
    await Supervisor.startLink([child], { ...none, name: "Sup" });
    await DynamicSupervisor.startLink({ name: "Dyn" });
    await TaskSupervisor.startLink({ name: "Tasks" });
    await TaskSupervisor.startLink({ name: "Drained" });
    await Agent.startLink(() => 0, { name: "Agent" });
    await GenServer.startLink(Echo, undefined, { name: "Echo" });
    await Registry.startLink({ keys: "unique", name: "Reg" });
    await pg.start();
    await global.registerName("owner", self());
    await Application.start({
      name: "app",
      start: () => Supervisor.startLink([], none),
    });
    const { processes } = currentRuntime();
    const servers = [...processes.values()].filter(({ pid, parent, name }) =>
      !pid.equals(self()) && pid.number >= 100 &&
      (name !== undefined || parent !== undefined)
    );
    let peers = 0;
    const enter = async () => {
      const peer = await RawPeer.dial(kate.port);
      await peer.enter(`raw${++peers}@localhost`, KATE);
      return peer;
    };
    let peer = await enter();
    const good = requests(self());
    const children = new Set(
      (await Supervisor.whichChildren("Sup")).map(({ pid }) => `${pid}`),
    );
    await fuzz(FUZZ_RUNS, async (random) => {
      for (const { pid, name, label } of servers) {
        if (children.has(`${pid}`)) continue;
        const message = hostile(random, good);
        if (isDrain(message) && name === "Tasks") continue;
        if (peer.isClosed) peer = await enter();
        await peer.sayTo(pid, message);
        if (random.below(50) > 0) continue;
        // safe: only lets servers run; all are looked at once more at the end
        await turn();
        for (const server of servers) {
          assert(
            server.alive || children.has(`${server.pid}`),
            `${server.name ?? server.label}, ${label}: ${
              JSON.stringify(message)
            } ${Deno.inspect(server.exitReason)}`,
          );
        }
      }
    });
    await peer[Symbol.asyncDispose]();
    peer = await enter();
    await peer.takenIn();
    await peer[Symbol.asyncDispose]();
    for (const server of servers) {
      assert(server.alive || children.has(`${server.pid}`), server.label);
    }
    await Supervisor.countChildren("Sup");
    await DynamicSupervisor.countChildren("Dyn");
    await TaskSupervisor.children("Drained");
    const task = await TaskSupervisor.async("Tasks", Remote.add, [1, 2]);
    assertEquals(await Task.await(task), 3);
    assertEquals(await Agent.get("Agent", () => "got"), "got");
    assertEquals(await GenServer.call("Echo", "hi"), "hi");
    assertEquals(await Registry.lock("Reg", ["x"], () => "in"), "in");
    assertEquals(await pg.join("owners", self()), "ok");
    assertEquals(await global.registerName("other", spawn(Remote.wait)), true);
    assertEquals(await IO.puts("hi"), "ok");
  });
}, { timeout: 600_000 });

const entryOf = (name: string, pid: unknown, resolve: unknown) => (
  { name, pid, resolve }
);

/** Answers that a name server may send, and some that it never sends. */
const ANSWERS: readonly unknown[] = [
  true,
  true,
  "ok",
  false,
  "taken",
  5,
  { type: "welcome", server: theirs(100) },
  { type: "welcome", server: theirs(100) },
  { type: "welcome", server: { $pid: ["third@localhost", 1, 1] } },
  [theirs(100)],
  [theirs(100), { $pid: ["third@localhost", 1, 1] }],
  [entryOf("x", theirs(101), "random_exit_name"), null, 5],
  [entryOf("x", theirs(101), ["Remote", "add"])],
  [entryOf("y", theirs(101), "notify_all_name")],
  ...ODD,
];

const NAME_SERVERS = runs(25);

clusterTest(`fuzz: ${NAME_SERVERS} peers' name servers`, async (cluster) => {
  const kate = await cluster.start("kate", { log() {} });
  await kate.run(async () => {
    const pid = spawn(Remote.wait);
    await global.registerName("x", pid);
    const server = Process.whereis("global_name_server");
    await fuzz(NAME_SERVERS, async (random, seed) => {
      // If the peer has the smaller name, kate waits for it to join the two; otherwise kate joins them.
      const name = `${random.below(4) === 0 ? "a" : "z"}${seed}@localhost`;
      await using peer = await RawPeer.entered(kate, name);
      await peer.sayTo("global_name_server", callOf({ type: "hello" }));
      // Until no request has arrived for a while.
      for (let idle = 0; idle < 30 && !peer.isClosed; idle++) {
        await peer.say([["monitor_name", 100, "nobody at all", 999]]);
        for (let isThere = false; !isThere;) {
          const frame = await peer.next();
          if (frame === undefined) break;
          for (const signal of frame.json as unknown[][] ?? []) {
            const [kind, , , ref] = signal;
            if (kind === "down" && signal[3] === 999) isThere = true;
            else if (kind === "spawn*") {
              await peer.say([
                ["not_spawned", signal[1], signal[2], "undef", "x"],
              ]);
            } else if (/^call/.test(kind as string)) {
              const answer = random.of(ANSWERS);
              await peer.say([["reply*", 100, ref, answer]]);
              idle = 0;
            }
          }
        }
      }
    });
    await global.sync();
    assertEquals(Process.whereis("global_name_server"), server);
    const other = spawn(Remote.wait);
    assertEquals(await global.registerName("z", other), true);
    assertEquals(await global.whereisName("z"), other);
  });
}, { timeout: 600_000 });

rawTest("a peer's processes leave groups in linear time", async (peer) => {
  await pg.startLink();
  const ref = pg.monitorScope().then(({ ref }) => ref);
  await ref;
  const say = (message: unknown) => peer.sayTo("pg", told(message));
  await say({ type: "discover" });
  const names = Array.from({ length: 3000 }, (_, i) => `group ${i}`);
  const pids = Array.from({ length: 20_000 }, (_, i) => theirs(i + 1));
  for (const group of ["G", ...names]) {
    await say({ type: "join", group, pids: [theirs(1)] });
  }
  await say({ type: "join", group: "H", pids: [1, 1, 1, 1, 2, 3].map(theirs) });
  // Each took 10^9 steps before, or sent as many pids in messages.
  const many = new Array(50_000).fill("G");
  await say({ type: "leave", groups: many, pids: pids.slice(10) });
  await say({ type: "leave", groups: [...names, "H"], pids });
  await say({
    type: "leave",
    groups: ["H", "G", "H"],
    pids: [1, 3, 4].map(theirs),
  });
  await peer.takenIn();
  while (pg.whichGroups().length > 1) await Node.ping("nobody@localhost");
  assertEquals(pg.whichGroups(), ["H"]);
  assertEquals(pg.getMembers("H").map(({ number }) => number), [1]);
});

rawTest("a peer that never answers blocks no names", async () => {
  const [found, names, isNamed] = await Promise.all([
    global.whereisName("nobody"),
    global.registeredNames(),
    global.registerName("somebody", self()),
  ]);
  assertEquals([found, names, isNamed], [undefined, [], true]);
  assertEquals(await global.whereisName("somebody"), self());
});

rawTest("a peer that always joins blocks no look-ups", async (peer) => {
  const server = "global_name_server";
  const known = global.whereisName("nobody");
  // The node with the smaller name joins the two: this node, which the peer keeps waiting.
  await peer.sayTo(server, callOf({ type: "hello" }));
  await peer.signal("reply*");
  assertEquals(await known, undefined);
  assertEquals(await global.registeredNames(), []);
});

rawTest("a call with many arguments ends no server", async (peer) => {
  const agent = await Agent.start(() => 1);
  const supervisor = await Supervisor.startLink([], {
    strategy: "one_for_one",
  });
  const tasks = await TaskSupervisor.startLink();
  const run = {
    module: "Remote",
    function: "echoOrWait",
    args: new Array(200_000).fill(1),
  };
  const spec = {
    id: "a",
    start: run,
    restart: "temporary",
    shutdown: 1,
    type: "worker",
    significant: false,
  };
  for (
    const [ref, to, request] of [
      [1, agent, { type: "get", run }],
      [2, agent, { type: "update", run }],
      [3, supervisor, { type: "start_child", child: spec, spec }],
      [4, tasks, {
        type: "start_task",
        link: false,
        run,
        restart: "temporary",
        shutdown: 1,
        callers: [],
      }],
    ] as const
  ) {
    const answer = await peer.ask(to, request, ref);
    assertMatch(JSON.stringify(answer), /error.*20000[01] arguments/);
  }
  await assertRejects(
    () => rpc.call(Node.self(), ["Remote", "add"], run.args),
    UndefinedFunctionError,
    "no function takes",
  );
  assertEquals(await Agent.get(agent, (state) => state), 1);
  assertEquals(await TaskSupervisor.children(tasks), []);
});

rawTest("a name server asks one lock of each node", async (peer) => {
  globalServer(currentRuntime());
  const server = theirs(100);
  const hello = { type: "hello" };
  await peer.say([["call_name", 100, "global_name_server", 1, hello]]);
  // It joins the other's part: it asks for the servers there, for their locks, and for the servers again.
  const asked: unknown[] = [];
  while (asked.length < 5) {
    const [, , to, ref, request] = await peer.signal("call");
    const { type } = request as { type: string };
    asked.push([type, to]);
    const answer = type === "get_servers"
      ? [server, ...[101, 102, 103].map(theirs), {
        $pid: ["nobody@localhost", 1, 7],
      }]
      : type !== "get_digest" && true;
    await peer.say([["answer*", to, ref, answer]]);
  }
  assertEquals(asked, [
    ["get_servers", 100],
    ["lock_names", 100],
    ["get_servers", 100],
    ["get_digest", 100],
    ["get_names", 100],
  ]);
});

rawTest(
  "a task supervisor tells 100 pools of a node its load",
  async (peer) => {
    const supervisor = await TaskSupervisor.startLink() as Pid;
    const request = { type: "watch_load" };
    await peer.say(
      Array.from(
        { length: 101 },
        (_, i) => ["call", i + 1, supervisor.number, i + 1, request],
      ),
    );
    const answers: unknown[] = [];
    while (answers.length < 101) {
      for (const [kind, , , answer] of await peer.hear()) {
        if (kind === "answer") answers.push(answer);
      }
    }
    const load = { type: "load", tasks: 0, max: "infinity", draining: false };
    assertEquals(answers[99], load);
    assertEquals(answers[100], { type: "error", reason: "system_limit" });
  },
);

rawTest(
  "eight processes of a node wait for the lock of the names",
  async (peer) => {
    const { number } = globalServer(currentRuntime()).process.pid;
    const request = { type: "lock_names", wait: 60_000 };
    await peer.say(
      Array.from({ length: 10 }, (_, i) => ["call", i, number, i, request]),
    );
    const answers: unknown[] = [];
    while (answers.length < 2) {
      for (const [kind, , ref, answer] of await peer.hear()) {
        if (kind === "answer") answers.push([ref, answer]);
      }
    }
    assertEquals(answers, [[0, true], [9, false]]);
  },
);
