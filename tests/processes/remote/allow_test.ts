/** The rule `allow` of a node, and the functions that a node exports. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  ExitError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import {
  Process,
  self,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import * as Remote from "../../_remote.ts";
import { clusterTest, pairTest } from "../../_nodes.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { mail } from "../../_processes.ts";
import { global } from "../../../packages/cluster/global/global.ts";

const KATE = "kate@localhost";

type Run = readonly [module: string, name: string];

const on = (name: string) => ({ name, node: KATE });

/** Starts a child that a function starts; rejects with the reason of the exit. */
function child(
  [module, name]: Run,
  args: unknown[],
  start: (spec: never) => Promise<unknown>,
): Promise<unknown> {
  const spec = { id: `${module}.${name}`, start: [module, name, args] };
  return start(spec as never).catch((error) => {
    throw error instanceof ExitError ? error.reason : error;
  });
}

/** Each way to have kate run an exported function. */
const WAYS: Record<string, (run: Run, args: unknown[]) => Promise<unknown>> = {
  "Node.spawn": (run, args) => Node.spawn(KATE, run, args),
  "Node.spawnLink": (run, args) => Node.spawnLink(KATE, run, args),
  "Node.spawnMonitor": (run, args) =>
    Promise.resolve(Node.spawnMonitor(KATE, run, args)),
  "rpc.call": (run, args) => rpc.call(KATE, run, args),
  async: (run, args) => TaskSupervisor.async(on("tasks"), run, args),
  asyncNolink: (run, args) =>
    TaskSupervisor.asyncNolink(on("tasks"), run, args),
  "TaskSupervisor.startChild": (run, args) =>
    TaskSupervisor.startChild(on("tasks"), run, args),
  "Agent.get": (run, args) => Agent.get(on("agent"), [...run, args]),
  "Agent.update": (run, args) => Agent.update(on("agent"), [...run, args]),
  "Agent.getAndUpdate": (run, args) =>
    Agent.getAndUpdate(on("agent"), [...run, args]),
  "Supervisor.startChild": (run, args) =>
    child(run, args, (spec) => Supervisor.startChild(on("sup"), spec)),
  "DynamicSupervisor.startChild": (run, args) =>
    child(run, args, (spec) => DynamicSupervisor.startChild(on("dyn"), spec)),
};

/** The ways that take a function whose source is sent. */
const CLOSURES: Record<string, (fn: () => number) => Promise<unknown>> = {
  "Node.spawn": (fn) => Node.spawn(KATE, fn),
  "rpc.call": (fn) => rpc.call(KATE, fn),
  async: (fn) => TaskSupervisor.async(on("tasks"), fn),
  asyncNolink: (fn) => TaskSupervisor.asyncNolink(on("tasks"), fn),
  startChild: (fn) => TaskSupervisor.startChild(on("tasks"), fn),
  "Agent.get": (fn) => Agent.get(on("agent"), fn),
};

/** Names that no function of kate has. */
const MISSING: Run[] = [
  ...["missing", "constructor", "__proto__", "toString"].map((name): Run => [
    "Remote",
    name,
  ]),
  ["__proto__", "toString"],
  ["constructor", "constructor"],
  ["Object", "keys"],
  ["Missing", "f"],
  ["https://example.org/x.ts", "f"],
];

/** Functions that the rule of kate refuses, under each way to write a name. */
const REFUSED: Run[] = [
  ["Remote", "wait"],
  ["Admin", "wipeAll"],
  ["'Admin'", "wipeAll"],
  ["Admin", "'wipeAll'"],
  ["'Admin'", "'wipeAll'"],
  ["Process", "info"],
  ["'Process'", "info"],
  // The rule throws.
  ["Remote", "crash"],
];

/** Services of a node, which only spawns reach. */
const SERVICES: Run[] = [
  ["$global", "start"],
  ["$rpc", "cast"],
  ["$rpc", "call"],
  ["$proc_lib", "init_p"],
  ["$otp", "erlang:node/0"],
];

/** What the rule of kate was asked. */
const asked: string[] = [];

/** The rule of kate. */
function allow(node: string, module: string, name: string): boolean {
  asked.push(`${node} ${module}.${name}`);
  if (name === "crash") throw new Error("a rule that fails");
  return name === "add";
}

const MODULES = { Remote, Admin: { wipeAll: () => "wiped" } };

/** A child of kate's own. */
const OWN = { id: "own", start: () => spawnLink(Remote.wait) };

pairTest("allow decides on each way to run exports", async ({ kate }) => {
  const stats = () => kate.run(() => Node.stats()!);
  await kate.run(async () => {
    for (
      const pid of [
        await TaskSupervisor.startLink({ name: "tasks" }),
        await Supervisor.startLink([OWN], {
          strategy: "one_for_one",
          name: "sup",
        }),
        await DynamicSupervisor.startLink({ name: "dyn" }),
      ]
    ) Process.unlink(pid);
    await Agent.start(() => 1, { name: "agent" });
    // A node's own processes need no permission.
    await Node.spawn(KATE, Remote.wait);
  });
  asked.length = 0;
  const ways = Object.entries(WAYS);
  for (const [way, start] of ways) {
    for (const run of MISSING) {
      const error = await assertRejects(
        () => start(run, [1]),
        UndefinedFunctionError,
        undefined,
        `${way} ${run}`,
      );
      // An agent's function has the state as well.
      assertMatch(
        error.message,
        /^Cannot .* on kate@localhost: function \w+\.\w+\/[12] is not exported|no module/,
      );
    }
    assertEquals(asked, []);
    for (const run of REFUSED) {
      const error = await assertRejects(
        () => start(run, ["x"]),
        SpawnRefusedError,
        "does not let alex@localhost run ",
        `${way} ${run}`,
      );
      assertEquals(error.code, "not_allowed");
      const [module, name] = run.map((each) => each.replaceAll("'", ""));
      assertEquals(
        asked.splice(0),
        [`alex@localhost ${module}.${name}`],
        way,
      );
    }
  }
  const indirect = ways.filter(([way]) => !way.startsWith("Node."));
  const run = { module: "Remote", function: "wait", args: [] };
  for (const [way, start] of indirect) {
    for (const service of SERVICES) {
      const error = await assertRejects(
        () => start(service, [run]),
        SpawnRefusedError,
        "is reached by spawn requests only",
        `${way} ${service}`,
      );
      assertEquals(error.code, "not_allowed");
    }
  }
  assertEquals(asked, []);
  // With a spawn, a service asks for the function that it runs.
  const init = ["$proc_lib", "init_p"] as const;
  await assertRejects(
    () => Node.spawn(KATE, init, [run]),
    SpawnRefusedError,
    "does not let alex@localhost run Remote.wait",
  );
  assertEquals(asked.splice(0), ["alex@localhost Remote.wait"]);
  await assertRejects(
    () => Node.spawn(KATE, init, [null]),
    UndefinedFunctionError,
  );
  for (const [way, start] of Object.entries(CLOSURES)) {
    const error = await assertRejects(
      () => start(() => 1),
      SpawnRefusedError,
      "--allow-closures",
      way,
    );
    assertEquals(error.code, "closure");
  }
  const { refusedRequests, held } = await stats();
  const refusals = ways.length * REFUSED.length +
    indirect.length * SERVICES.length + 1;
  assertEquals(
    [refusedRequests.not_allowed, refusedRequests.undef],
    [refusals, ways.length * MISSING.length + 1],
  );
  assertEquals(held, { processes: 0, links: 0, monitors: 0 });
  // A lock starts the server of locks there, by a service that asks nothing.
  assert(await global.setLock(["printer", self()], { nodes: [KATE] }));
  await global.delLock(["printer", self()], { nodes: [KATE] });
  // These say nothing to their callers.
  rpc.cast(KATE, Remote.wait);
  Agent.cast(on("agent"), ["Remote", "wait"]);
  assertEquals(await rpc.call(KATE, Remote.add, [1, 2]), 3);
  const task = await TaskSupervisor.async(on("tasks"), Remote.add, [1, 2]);
  assertEquals(await Task.await(task), 3);
  assertEquals(await Agent.get(on("agent"), ["Remote", "add", [2]]), 3);
  assertEquals(
    asked.sort(),
    ["add", "add", "add", "wait", "wait"]
      .map((name) => `alex@localhost Remote.${name}`),
  );
  assertEquals(
    (await stats()).refusedRequests.not_allowed,
    refusals + 2,
  );
  assertEquals(await TaskSupervisor.children(on("tasks")), []);
  assertEquals((await Supervisor.countChildren(on("sup"))).specs, 1);
  assertEquals((await DynamicSupervisor.countChildren(on("dyn"))).specs, 0);
  assertEquals(await mail(), []);
}, { kate: { modules: MODULES, allow } });

clusterTest("a module whose export throws is refused", async (cluster) => {
  const Module = {
    get getter() {
      throw new RangeError("broken");
    },
  };
  const reason =
    'the export "getter" of the module "Module" throws #RangeError<broken>';
  await assertRejects(
    () => cluster.start("kate", { modules: { Module } }),
    TypeError,
    `Cannot start kate@localhost: ${reason}`,
  );
  const alex = await cluster.start("alex");
  assertThrows(
    () => alex.export("Module", Module),
    TypeError,
    `Cannot export on alex@localhost: ${reason}`,
  );
});

clusterTest("a module's exports are read once, at start", async (cluster) => {
  let reads = 0;
  const Module = {
    get getter() {
      if (++reads > 1) throw new Error("read again");
      return () => "from the getter";
    },
    later: undefined as unknown,
  };
  await cluster.start("kate", { modules: { Module } });
  Module.later = () => "too late";
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    for (let i = 0; i < 3; i++) {
      assertEquals(
        await rpc.call(KATE, ["Module", "getter"]),
        "from the getter",
      );
    }
    await assertRejects(
      () => rpc.call(KATE, ["Module", "later"]),
      UndefinedFunctionError,
    );
  });
  assertEquals(reads, 1);
});
