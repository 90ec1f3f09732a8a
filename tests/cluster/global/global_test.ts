import { assert, assertEquals, assertRejects } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import {
  global,
  type TimeLimits,
} from "../../../packages/cluster/global/global.ts";
import { PartitionSupervisor } from "../../../packages/servers/supervisor/partition_supervisor.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { setProtocols } from "../../../packages/beam/servers/border.ts";
import * as protocols from "../../../packages/beam/servers/protocols.ts";
import { globalNames } from "../../../packages/cluster/global/global_client.ts";
import { Call, Cast } from "../../../packages/servers/server/messages.ts";
import { ReplyTo } from "../../../packages/processes/values/reply_to.ts";
import { currentRuntime } from "../../../packages/processes/runtime/current_process.ts";
import { type Cluster, clusterTest, pairTest, reasonOf } from "../../_nodes.ts";
import { SimulatedCluster } from "../../../packages/testing/mod.ts";
import { test } from "../../../packages/testing/tags.ts";
import { idle, processTest } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";

const ALEX = "alex@localhost";
const KATE = "kate@localhost";

const THREE = ["alex", "kate", "moebi"];

const SERVER = "global_name_server";

/** The functions that nodes export to resolve conflicts. */
const Resolve = {
  keepSecond: (_name: unknown, _first: Pid, second: Pid) => second,
  keepFirst: (_name: unknown, first: Pid) => first,
  nobody: () => undefined,
  nonsense: () => "nonsense" as unknown as Pid,
  fails: () => {
    throw new Error("cannot decide");
  },
};

interface Three {
  cluster: Cluster;
  alex: Node;
  kate: Node;
  moebi: Node;
  all: Node[];
}

/** A test of three nodes that are all connected; its body is a process of alex. */
function threeTest(name: string, fn: (nodes: Three) => Promise<void>): void {
  clusterTest(name, async (cluster) => {
    const options = { modules: { Remote, Resolve } };
    const [kate, alex, moebi] = await cluster.startAll([
      "kate",
      "alex",
      "moebi",
    ], options);
    const all = [alex, kate, moebi];
    await join(all);
    await alex.run(() => fn({ cluster, alex, kate, moebi, all }));
  });
}

/** Connects nodes with each other. */
async function join(nodes: Node[]): Promise<void> {
  for (;;) {
    for (const node of nodes) {
      for (const { name } of nodes) await node.run(() => Node.connect(name));
    }
    const lists = await Promise.all(
      nodes.map((node) => node.run(() => Node.list())),
    );
    if (lists.every(({ length }) => length === nodes.length - 1)) return;
  }
}

/** The holder of a name on each of the nodes. */
function seen(name: unknown, nodes: Node[]): Promise<(Pid | undefined)[]> {
  return Promise.all(
    nodes.map((node) => node.run(() => global.whereisName(name))),
  );
}

/** Waits until nodes have the same names. */
async function synced(nodes: Node[]): Promise<void> {
  for (const node of nodes) await node.run(() => global.sync());
}

/** Starts an idle process on a node. */
function idleOn(node: Node): Promise<Pid> {
  return node.run(() => spawn(Remote.wait));
}

pairTest("nodes without global run no name server", async ({ kate }) => {
  await Node.connect(KATE);
  assertEquals(await global.registerName("leader", self()), true);
  assertEquals(await kate.run(() => Process.whereis(SERVER)), undefined);
  // From its first use on, it has the names of the others.
  await kate.run(async () => {
    assertEquals((await global.whereisName("leader"))?.node, ALEX);
    assertEquals(await global.registerName("leader", self()), false);
  });
});

threeTest("the server restarts at its next use", async ({ all, kate }) => {
  const pid = await idleOn(kate);
  await global.registerName("leader", pid);
  await synced(all);
  for (const node of all) {
    await node.run(async () => {
      const server = Process.whereis(SERVER)!;
      Process.exit(server, "kill");
      await reasonOf(server);
      assert(pid.equals(await global.whereisName("leader")));
      assertEquals(await global.registerName("leader", self()), false);
    });
  }
  await synced(all);
  for (const found of await seen("leader", all)) assert(pid.equals(found));
});

processTest("the server's own name is not taken from its holder", async () => {
  await using node = await Node.start({
    name: "lone@localhost",
    cookie: "c",
    epmdPort: false,
  });
  await node.run(async () => {
    Process.register(self(), SERVER);
    await assertRejects(() => global.whereisName("x"), TypeError, SERVER);
  });
});

threeTest("invalid messages have no effect", async ({ alex, kate, all }) => {
  // The code of the locker is loaded, as with the first node of Erlang.
  setProtocols(protocols);
  await global.registerName("leader", self());
  await kate.run(async () => {
    const to = { name: SERVER, node: ALEX };
    const entry = { name: "leader", pid: self(), resolve: "random_exit_name" };
    const requests: unknown[] = [
      undefined,
      null,
      "hello",
      { type: "hello" },
      { type: "register" },
      { type: "register", entry },
      { type: "unregister", name: "leader" },
      { type: "merge" },
      { type: "merge", servers: [self()], insert: [entry], remove: ["leader"] },
      { type: "set_lock" },
      { type: "del_lock" },
      { type: "share_lock" },
      { type: "unlock_names" },
      { type: "exchange", node: KATE },
      { type: "change", change: { type: "unregister", name: "leader" } },
      { type: "change" },
      { type: "change", change: { type: "register", entry } },
      { type: "connect", server: "server" },
      { type: "whereis", name: "leader" },
      { type: "sync" },
      { type: "DOWN" },
      { type: "DOWN", ref: "ref" },
      { type: "nodeup", node: 5 },
      { type: "nodeup", node: "nobody@localhost" },
      { type: "nodedown" },
      { type: "nodedown", node: KATE },
    ];
    const processes = await alex.run(() =>
      [...currentRuntime().processes.values()]
        .filter(({ label }) => label === SERVER).map(({ pid }) => pid)
    );
    // The server, its worker, and the locker of nodes of Erlang.
    assertEquals(processes.length, 3);
    const ask = async (request: unknown) => {
      const ref = Process.monitor(to, { alias: "reply_demonitor" });
      send(to, new Call(new ReplyTo(self(), ref), request));
      const { type } = await receive((m) => ref.equals(m?.ref));
      assertEquals(type, "reply", `to ${JSON.stringify(request)}`);
    };
    for (const request of requests) {
      await ask(request);
      for (const pid of processes) {
        send(pid, new Cast(request));
        send(pid, request);
      }
    }
    // With the lock, changes are checked.
    for (
      const request of [
        { type: "lock_names" },
        { type: "register" },
        { type: "register", entry: { ...entry, pid: "pid" } },
        { type: "register", entry: { ...entry, resolve: ["Resolve"] } },
        { type: "merge", servers: 1, insert: {}, remove: null },
        { type: "merge", servers: ["x"], insert: [1, null], remove: [] },
        { type: "unlock_names" },
      ]
    ) await ask(request);
  });
  await synced(all);
  for (const pid of await seen("leader", all)) assert(self().equals(pid));
  assertEquals(await global.registerName("leader", spawn(Remote.wait)), false);
});

threeTest("a name of one node is taken", async (three) => {
  const { cluster, alex, kate, moebi } = three;
  await synced([alex, kate]);
  const server = await idleOn(moebi);
  await kate.run(async () => {
    const entry = { name: "half", pid: self(), resolve: "random_exit_name" };
    const to = { name: SERVER, node: ALEX };
    await GenServer.call(to, { type: "lock_names", wait: 5000 });
    for (
      const request of [
        { type: "register", entry, isNew: true },
        { type: "merge", servers: [server], insert: [], remove: [] },
        { type: "unlock_names" },
      ]
    ) await GenServer.call(to, request);
    const servers = await GenServer.call(to, { type: "get_servers" });
    assert((servers as Pid[]).some((each) => each.equals(server)));
    const pid = spawn(Remote.wait);
    assertEquals(await global.registerName("half", pid), false);
  });
  assertEquals(cluster.lines(), []);
});

const NEW = { name: { global: "new" } };
const KNOWN = { global: "known" };

/** A registry of the cluster's names. */
const VIA = { name: { via: globalNames, name: "new" } };

const Server = { init: () => ({ type: "ok", state: 0 } as const) };

/** A child whose start does not end. */
const SLOW = { id: "slow", start: () => receive(() => false) as Promise<Pid> };

/** Waits of a node that another one holds up. */
const WAITS: Record<string, (limits: TimeLimits) => Promise<unknown>> = {
  registerName: (limits) =>
    global.registerName("new", self(), global.notifyAllName, limits),
  reRegisterName: (limits) =>
    global.reRegisterName("new", self(), global.notifyAllName, limits),
  unregisterName: (limits) => global.unregisterName("new", limits),
  whereisName: (limits) => global.whereisName("new", limits),
  registeredNames: (limits) => global.registeredNames(limits),
  send: (limits) => global.send("new", "hi", limits),
  sync: (limits) => global.sync(limits),
  setLock: (limits) => global.setLock(["door", self()], limits),
  "setLock on a list": (limits) =>
    global.setLock(["door", self()], { nodes: [ALEX, KATE], ...limits }),
  delLock: (limits) => global.delLock(["door", self()], limits),
  trans: (limits) => global.trans(["door", self()], () => "ran", limits),
  "GenServer.startLink": (limits) =>
    GenServer.startLink(Server, 0, { ...NEW, ...limits }),
  "GenServer.start": (limits) =>
    GenServer.start(Server, 0, { ...VIA, ...limits }),
  "Agent.startLink": (limits) =>
    Agent.startLink(() => 0, { ...NEW, ...limits }),
  "Agent.start": (limits) => Agent.start(() => 0, { ...NEW, ...limits }),
  "Supervisor.startLink": (limits) =>
    Supervisor.startLink([], { strategy: "one_for_one", ...NEW, ...limits }),
  "Supervisor.startLink with a slow child": (limits) =>
    Supervisor.startLink([SLOW], { strategy: "one_for_one", ...limits }),
  "DynamicSupervisor.startLink": (limits) =>
    DynamicSupervisor.startLink({ ...NEW, ...limits }),
  "TaskSupervisor.startLink": (limits) =>
    TaskSupervisor.startLink({ ...NEW, ...limits }),
  "PartitionSupervisor.startLink": (limits) =>
    PartitionSupervisor.startLink({ ...VIA, childSpec: SLOW, ...limits }),
  "Supervisor.startChild": (limits) =>
    Supervisor.startChild(KNOWN, SLOW, limits),
  "DynamicSupervisor.startChild": (limits) =>
    DynamicSupervisor.startChild(KNOWN, SLOW, limits),
  "TaskSupervisor.startChild": (limits) =>
    TaskSupervisor.startChild(KNOWN, ["Remote", "add"], [1, 2], limits),
};

for (const [what, wait] of Object.entries(WAITS)) {
  test(`${what} ends by its limits while another node hangs`, async () => {
    await using cluster = await SimulatedCluster.start({
      nodes: ["alex", "kate"],
    });
    await cluster.run("kate", async () => {
      await Node.connect(ALEX);
      await global.registerName("known", idle());
    });
    cluster.partition(["alex"], ["kate"]);
    const outcomes: unknown[] = [];
    const controller = new AbortController();
    const limits: TimeLimits[] = [
      { timeout: 100 },
      { deadline: Date.now() + 100 },
      { signal: controller.signal },
      { deadline: 0 },
      { signal: AbortSignal.abort("already") },
    ];
    for (const [i, each] of limits.entries()) {
      cluster.spawn("alex", async () => {
        outcomes[i] = await wait(each).catch((error) => {
          if (!(error instanceof ExitError)) return error;
          const { reason } = error;
          return (reason as { reason?: unknown }).reason ?? reason;
        });
        assertEquals(await receive(() => true, { timeout: 0, after: 0 }), 0);
      });
    }
    await cluster.advance(50);
    controller.abort("enough");
    await cluster.advance(60);
    assertEquals(
      outcomes,
      ["timeout", "timeout", "enough", "timeout", "already"],
    );
    // Nothing is left of them.
    cluster.heal();
    await cluster.advance(20_000);
    for (const name of ["alex", "kate"]) {
      await cluster.run(name, async () => {
        assertEquals(await global.registeredNames(), ["known"]);
        const id = ["door", self()] as const;
        assert(await global.setLock(id, { retries: 0 }));
        await global.delLock(id);
      });
    }
  });
}

/** Simulated nodes with a name each; kate hangs. */
async function hanging(): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.start({ nodes: THREE });
  for (const name of THREE) {
    await cluster.run(name, async () => {
      await Node.connect(KATE);
      await global.registerName(name, idle());
    });
  }
  await cluster.advance(1000);
  cluster.partition(["kate"], ["alex", "moebi"]);
  return cluster;
}

test("a registration under way is undone if its caller gives up", async () => {
  await using cluster = await hanging();
  const pid = await cluster.run("alex", idle);
  // safe: virtual time
  const limits = { timeout: 50 };
  const registered = cluster.run(
    "alex",
    () => global.registerName("new", pid, global.notifyAllName, limits),
  );
  await assertRejects(() => registered, ExitError, "time out");
  assert(await cluster.run("moebi", () => global.whereisName("new")));
  cluster.heal();
  await cluster.advance(1000);
  for (const name of THREE) {
    const names = await cluster.run(name, () => global.registeredNames());
    assertEquals(names.sort(), THREE);
  }
});

test("a lock under way is released if its caller gives up", async () => {
  await using cluster = await hanging();
  cluster.spawn("alex", async () => {
    // safe: virtual time
    await global.setLock(["door", self()], { timeout: 50 }).catch(() => {});
    await receive(() => false);
  });
  const lockThere = () =>
    cluster.run(
      "moebi",
      () =>
        global.setLock(["door", self()], { nodes: [Node.self()], retries: 0 }),
    );
  await cluster.advance(40);
  assertEquals(await lockThere(), false);
  await cluster.advance(40);
  assertEquals(await lockThere(), true);
});

clusterTest("a hidden node has its own names", async (cluster) => {
  const alex = await cluster.start("alex");
  const kate = await cluster.start("kate", { hidden: true });
  await alex.run(async () => {
    await Node.connect(KATE);
    assertEquals(await global.registerName("leader", self()), true);
    await kate.run(async () => {
      assertEquals(await global.whereisName("leader"), undefined);
      assertEquals(await global.registerName("leader", self()), true);
    });
    assert(self().equals(await global.whereisName("leader")));
  });
});

processTest("globalNames is the registry of global names", async () => {
  assertEquals(await globalNames.registerName("me", self()), true);
  assert(self().equals(await globalNames.whereisName("me")));
  await globalNames.unregisterName("me");
  assertEquals(await globalNames.whereisName("me"), undefined);
});
