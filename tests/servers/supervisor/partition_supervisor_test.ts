/** PartitionSupervisor where it differs from Elixir's; `conformance/elixir/partition_supervisor.ex` has the rest. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { ExitError } from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  PartitionSupervisor,
  type PartitionSupervisorOptions,
} from "../../../packages/servers/supervisor/partition_supervisor.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { PartitionTable } from "../../../packages/servers/supervisor/partition_table.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { clusterTest } from "../../_nodes.ts";
import { ended, idle, processTest } from "../../_processes.ts";
import { exitOf } from "../_gen_servers.ts";

const P = "Test.Partitions";

const zero = [Agent, () => 0] as const;

function start(
  options: Partial<PartitionSupervisorOptions> = {},
): Promise<Pid> {
  return PartitionSupervisor.startLink({
    name: P,
    childSpec: zero,
    partitions: 3,
    ...options,
  });
}

function via(key: unknown) {
  return { via: PartitionSupervisor, name: [P, key] };
}

/** A server that keeps its argument. */
const Keeper = {
  name: "Keeper",
  init: (arg: unknown) => ({ type: "ok", state: arg } as const),
  handleCall: (_get: unknown, _from: unknown, state: unknown) => (
    { type: "reply", reply: state, state } as const
  ),
  childSpecs: 0,
};

/** Starts a keeper, as a function that a node exports. */
const Keepers = {
  start: (...args: unknown[]): Promise<Pid | "ignore"> =>
    GenServer.startLink(Keeper, args),
};

function states(): Promise<unknown[]> {
  return Promise.all([0, 1].map((n) => GenServer.call(via(n), "get")));
}

processTest("startLink() tells each child its partition", async () => {
  const withArguments = (args: unknown[], n: number) => [{ args, n }];
  const told = (args: unknown[]) => [{ args, n: 0 }, { args, n: 1 }];
  const fn = (...args: unknown[]) => Keepers.start(...args);
  const cases: [PartitionSupervisorOptions["childSpec"], unknown[]][] = [
    [[Keeper, "options"], told(["options"])],
    [Keeper, told([undefined])],
    [
      {
        childSpec: (options: unknown) => ({
          id: "keeper",
          start: () => GenServer.startLink(Keeper, options),
        }),
      },
      told([{}]),
    ],
    [{ id: "keeper", start: fn }, told([]).map((each) => [each])],
  ];
  for (const [childSpec, expected] of cases) {
    await start({ childSpec, withArguments, partitions: 2 });
    assertEquals(await states(), expected);
    await PartitionSupervisor.stop(P);
  }
});

clusterTest("PartitionSupervisor starts exports", async (cluster) => {
  const alex = await cluster.start("alex", { modules: { Keepers } });
  await alex.run(async () => {
    await start({
      childSpec: { id: "keeper", start: ["Keepers", "start", ["a"]] },
      withArguments: (args, n) => [...args, n],
      partitions: 2,
    });
    assertEquals(await states(), [["a", 0], ["a", 1]]);
    await PartitionSupervisor.stop(P);
  });
});

processTest("startLink() rejects invalid options first", async () => {
  const bad: [object, typeof TypeError | typeof RangeError, string][] = [
    [{ name: { global: "p" } }, TypeError, "give a string, an atom, or"],
    [{ childSpec: { id: "a" } }, TypeError, 'the child "a"'],
    [{ withArguments: () => "none" }, TypeError, "start partition 0"],
  ];
  for (const [options, type, text] of bad) {
    await assertRejects(() => start(options), type, text);
  }
  assertEquals(Process.whereis(P), undefined);
  for (const name of [P, [P], [P, 1, 2], undefined]) {
    const server = { via: PartitionSupervisor, name };
    await assertRejects(
      () => GenServer.call(server, "hi"),
      TypeError,
      "give [supervisor, key]",
    );
  }
});

processTest("a partition's name cannot be registered", async () => {
  await start();
  const error = await exitOf(Agent.start(() => 0, { name: via(1) }));
  const pid = await GenServer.whereis(via(1)) as Pid;
  assertEquals(error, { type: "already_started", pid });
  assertThrows(
    () => PartitionSupervisor.registerName([P, 1], self()),
    TypeError,
    "Cannot register",
  );
  await PartitionSupervisor.stop(P);
});

processTest("keys of many kinds are spread over the partitions", () => {
  const count = 8;
  const table = new PartitionTable(count);
  const kinds: Record<string, (n: number) => unknown> = {
    integers: (n) => n - 2000,
    texts: (n) => `user ${n}`,
    pids: () => spawn(() => {}),
    objects: (n) => ({ type: "user", n }),
    lists: (n) => ["user", n],
    fractions: (n) => n + 0.5,
  };
  for (const [kind, keyOf] of Object.entries(kinds)) {
    const counts = new Array(count).fill(0);
    for (let n = 0; n < 4000; n++) counts[table.partitionOf(keyOf(n))]++;
    // 500 each, with a standard deviation of 21.
    assert(
      counts.every((each) => each > 380 && each < 620),
      `${kind}: ${counts}`,
    );
  }
  for (const key of [-0, 0, 0n, 2n ** 70n * 8n]) {
    assertEquals(table.partitionOf(key), 0);
  }
  const odd = [NaN, Infinity, -Infinity, -1.5, Number.MAX_VALUE];
  for (const key of [...odd, -(2n ** 65n), undefined, null]) {
    const found = table.partitionOf(key);
    assert(Number.isInteger(found) && found >= 0 && found < count, `${found}`);
  }
});

processTest("a key that is not a value fails the call", async () => {
  await start();
  for (const key of [() => {}, Symbol("s")]) {
    await assertRejects(() => GenServer.call(via(key), "hi"), TypeError);
  }
  let deep: unknown = 1;
  for (let n = 0; n < 600; n++) deep = [deep];
  await assertRejects(() => GenServer.call(via(deep), "hi"), RangeError);
  assertEquals(GenServer.cast(via(deep), "hi"), "ok");
  await PartitionSupervisor.stop(P);
});

processTest("a restarting partition is noproc", async () => {
  const gate = Promise.withResolvers<void>();
  let starts = 0;
  await start({
    childSpec: {
      id: "slow",
      start: async () => {
        if (++starts > 2) await gate.promise;
        return await Agent.startLink(() => starts);
      },
    },
    partitions: 2,
  });
  const pid = await GenServer.whereis(via(1)) as Pid;
  const other = await GenServer.whereis(via(0)) as Pid;
  Process.exit(pid, "kill");
  assertEquals(await ended(pid), "noproc");
  const { reason } = await exitOf(Agent.get(via(1), (n) => n));
  assertEquals(reason, "noproc");
  // The other one is not affected, and routing asks nobody.
  assertEquals(await Agent.get(via(0), (n) => n), 1);
  assertEquals(PartitionSupervisor.partitions(P), 2);
  gate.resolve();
  await PartitionSupervisor.countChildren(P);
  const next = await GenServer.whereis(via(1)) as Pid;
  assert(!next.equals(pid) && Process.alive(next));
  assert(other.equals(await GenServer.whereis(via(0))));
  await PartitionSupervisor.stop(P);
});

processTest("partitions find each other while they start", async () => {
  const me = self();
  await start({
    childSpec: {
      id: "curious",
      start: async (n: number) => {
        const before = PartitionSupervisor.whereisName([P, n - 1]);
        send(me, [n, PartitionSupervisor.partitions(P), before !== undefined]);
        return await Agent.startLink(() => n);
      },
    },
    withArguments: (_args, n) => [n + 3],
  });
  for (const expected of [[3, 3, false], [4, 3, true], [5, 3, true]]) {
    assertEquals(await receive(), expected);
  }
  await PartitionSupervisor.stop(P);
});

processTest("calls of resize() wait for each other", async () => {
  await start({ partitions: 4 });
  const before = await Promise.all(
    [2, 4, 0, 1, 4].map((count) => PartitionSupervisor.resize(P, count)),
  );
  assertEquals(before, [4, 2, 4, 0, 1]);
  const { active, specs } = await PartitionSupervisor.countChildren(P);
  assertEquals([active, specs], [4, 4]);
  for (const count of [5, -1, "2"]) {
    await assertRejects(
      () => PartitionSupervisor.resize(P, count as number),
      typeof count === "number" ? RangeError : TypeError,
      "Cannot resize a PartitionSupervisor",
    );
  }
  await PartitionSupervisor.resize(P, 0);
  await assertRejects(
    () => GenServer.call(via(1), "hi"),
    RangeError,
    "it has none; give it some by PartitionSupervisor.resize",
  );
  await PartitionSupervisor.stop(P);
  const { type } = await exitOf(PartitionSupervisor.resize(P, 1));
  assertEquals(type, "call");
});

processTest("a failed resize keeps the number", async () => {
  let fails = false;
  await start({
    childSpec: {
      id: "failing",
      start: () => {
        if (fails) throw new ExitError("not now");
        return Agent.startLink(() => 0);
      },
    },
  });
  await PartitionSupervisor.resize(P, 1);
  fails = true;
  await assertRejects(() => PartitionSupervisor.resize(P, 3), ExitError);
  assertEquals(PartitionSupervisor.partitions(P), 1);
  fails = false;
  assertEquals(await PartitionSupervisor.resize(P, 3), 1);
  await PartitionSupervisor.stop(P);
});

processTest("a registry of names may take its time", async () => {
  const pids = new Map<unknown, Pid>();
  const slow = {
    registerName(name: unknown, pid: Pid) {
      pids.set(name, pid);
      return Promise.resolve(true);
    },
    unregisterName: (name: unknown) => void pids.delete(name),
    whereisName: (name: unknown) => Promise.resolve(pids.get(name)),
  };
  const name = { via: slow, name: "slow" };
  const sup = await start({ name });
  assertEquals(await PartitionSupervisor.partitions(name), 3);
  const server = { via: PartitionSupervisor, name: [name, 1] };
  assertEquals(await Agent.get(server, (n) => n), 0);
  assertEquals(GenServer.whereis(sup) instanceof Promise, true);
  await Supervisor.stop(sup);
  pids.clear();
  await assertRejects(
    () => Promise.resolve(PartitionSupervisor.partitions(name)),
    ExitError,
  );
});

processTest("a pid is not a name", async () => {
  const pid = idle();
  assertThrows(
    () => PartitionSupervisor.partitions(pid as never),
    TypeError,
    "give a string",
  );
  Process.exit(pid, "kill");
  assertEquals(await ended(pid), "noproc");
});

clusterTest("nodes have partitions of their own", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await kate.run(async () => Process.unlink(await start({ partitions: 2 })));
  await alex.run(async () => {
    assertThrows(() => PartitionSupervisor.partitions(P), ExitError);
    await start({ childSpec: TaskSupervisor, partitions: 5 });
    assertEquals(PartitionSupervisor.partitions(P), 5);
    // Functions that ask the supervisor itself ask supervisors of other nodes too.
    const there = { name: P, node: kate.name };
    assertEquals((await PartitionSupervisor.whichChildren(there)).length, 2);
    assertEquals((await PartitionSupervisor.countChildren(there)).active, 2);
    assert(Node.list().includes(kate.name));
    await PartitionSupervisor.stop(P);
    await PartitionSupervisor.stop(there);
  });
});
