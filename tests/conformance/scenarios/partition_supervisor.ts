/** PartitionSupervisor: routing by keys, restarts, other numbers of partitions; the examples of Elixir's pages. */

import {
  Agent,
  DynamicSupervisor,
  exit,
  GenServer,
  makeRef,
  type Pid,
  Process,
  Registry,
  self,
  send,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../../../mod.ts";
import {
  PartitionSupervisor,
  type PartitionSupervisorName,
  type PartitionSupervisorOptions,
} from "../../../packages/servers/supervisor/partition_supervisor.ts";
import type { ChildDefinition } from "../../../packages/servers/supervisor/supervisor.ts";
import { attempt, message, scenario, trace, traceNext } from "../_scenario.ts";
import { flaky, probe, result, settle, traceAll } from "../_supervision.ts";

const NAME = "Conformance.P";

/** The Collector of Elixir's documentation, which returns its messages in place of printing them. */
const Collector = {
  name: "Collector",
  init: (arg: unknown) => ({ type: "ok", state: [arg] } as const),
  handleCall: ({ collect }: { collect: unknown }, _: unknown, old: unknown) => {
    const state = [collect, ...old as unknown[]];
    return { type: "reply", reply: state, state } as const;
  },
  handleCast: ({ collect }: { collect: unknown }, old: unknown) => {
    return { type: "noreply", state: [collect, ...old as unknown[]] } as const;
  },
};
const CHILD = [Collector, "first"] as const;

async function start(
  childSpec: ChildDefinition,
  options: Partial<PartitionSupervisorOptions>,
): Promise<Pid> {
  const given = { name: NAME, childSpec, ...options };
  const sup = await PartitionSupervisor.startLink(given);
  await trace("supervisor", sup);
  return sup;
}

function via(key: unknown, name: PartitionSupervisorName = NAME) {
  return { via: PartitionSupervisor, name: [name, key] };
}

function collect(key: unknown, what: unknown): Promise<unknown> {
  return GenServer.call(via(key), { collect: what });
}

async function pidOf(key: unknown): Promise<Pid> {
  return await GenServer.whereis(via(key)) as Pid;
}

async function partitions(): Promise<unknown[]> {
  const found = await PartitionSupervisor.whichChildren(NAME);
  return found.sort((a, b) => a.id - b.id)
    .map(({ id, pid, type }) => [id, pid ?? "undefined", type]);
}

scenario("a key routes to one partition, which keeps its state", async () => {
  await start(CHILD, { partitions: 3 });
  await trace("one", collect(1, "hi"));
  await trace("one", collect(1, "ho"));
  await trace("two", collect(2, "a"));
  await trace("two", collect(2, "b"));
  await trace("cast", GenServer.cast(via(1), { collect: "cast" }));
  await trace("one", collect(1, "last"));
});

scenario("integers route by their absolute value's remainder", async () => {
  await start(CHILD, { partitions: 3 });
  await trace("partitions", partitions());
  for (const key of [0, 1, 2, 3, 4, -1, -2, -3, 1_000_000_007]) {
    await trace("key", [key, await pidOf(key)]);
  }
  const big = await pidOf(12_345_678_901_234_567_890_123n);
  await trace("big", big.equals(await pidOf(0)));
});

scenario("equal keys of any kind belong to one partition", async () => {
  await start(CHILD, { partitions: 4 });
  const keys = [
    "text",
    [1, "two"],
    { a: 1 },
    self(),
    makeRef(),
    undefined,
    true,
    1.5,
  ];
  for (const key of keys) {
    const pid = await pidOf(key);
    await trace("same", [pid.equals(await pidOf(key)), pid !== undefined]);
  }
  const used = new Set<string>();
  for (let n = 1; n <= 200; n++) used.add(`${await pidOf(`key ${n}`)}`);
  await trace("all used", used.size);
});

scenario("children of dynamic supervisors, by their starter", async () => {
  const options = { childSpec: DynamicSupervisor, name: NAME, partitions: 2 };
  const sup = await Supervisor.startLink([[PartitionSupervisor, options]], {
    strategy: "one_for_one",
  });
  const supervisor = via(self());
  const child = [Agent, () => ({})] as const;
  const agent = await DynamicSupervisor.startChild(supervisor, child) as Pid;
  await trace("agent", Agent.get(agent, (state) => state));
  await DynamicSupervisor.startChild(supervisor, child);
  const counts: number[] = [];
  for (const { pid } of await PartitionSupervisor.whichChildren(NAME)) {
    const { active } = await DynamicSupervisor.countChildren(pid as Pid);
    counts.push(active);
  }
  await trace("of each", counts.sort());
  await trace("counts", PartitionSupervisor.countChildren(NAME));
  await trace("stopped", Supervisor.stop(sup));
  await trace("agent lives", Process.alive(agent));
});

scenario("tasks of task supervisors, by their starter", async () => {
  await start(TaskSupervisor, { partitions: 2 });
  const supervisor = via(self());
  const task = await TaskSupervisor.async(supervisor, () => "do_something");
  await trace("task", Task.await(task));
  const crash = await TaskSupervisor.asyncNolink(
    supervisor,
    () => exit("oops"),
  );
  await trace("crash", Task.yield(crash));
  const stream = TaskSupervisor.asyncStream(
    supervisor,
    [1, 2, 3],
    (n) => n * 2,
  );
  await trace("stream", Array.fromAsync(stream));
});

scenario("with_arguments receives arguments and partition", async () => {
  const withArguments = ([arg]: unknown[], n: number) => [[arg, n]];
  await start(CHILD, { partitions: 3, withArguments });
  for (const key of [0, 1, 2]) await trace("state", collect(key, "hi"));
});

scenario("counts and lists its partitions", async () => {
  await start(probe("a", { type: "supervisor" }), { partitions: 2 });
  await trace("partitions", PartitionSupervisor.partitions(NAME));
  await trace("children", partitions());
  await trace("counts", PartitionSupervisor.countChildren(NAME));
  await traceAll(2);
});

scenario("a partition that exits restarts under its number", async () => {
  await start(probe("a"), { partitions: 2 });
  await trace("before", partitions());
  const pid = await pidOf(1);
  send(pid, message("exit", "oops"));
  await settle(NAME, pid);
  await trace("after", partitions());
  await trace("by key", pidOf(1));
  await trace("neighbour", pidOf(0));
  await traceAll(3);
});

scenario("its strategy may restart all of them", async () => {
  await start(probe("a"), { partitions: 3, strategy: "one_for_all" });
  await trace("before", partitions());
  const pid = await pidOf(1);
  send(pid, message("exit", "oops"));
  await settle(NAME, pid);
  await trace("after", partitions());
  await traceAll(6);
});

scenario("exits after max_restarts", async () => {
  Process.trapExit(true);
  const sup = await start(probe("a"), { partitions: 2, maxRestarts: 0 });
  send(await pidOf(1), message("exit", "oops"));
  await traceAll(2);
  await traceNext("exit");
  await trace("lives", Process.alive(sup));
  await attempt("partitions", () => PartitionSupervisor.partitions(NAME));
});

scenario("a partition that does not start ends the others", async () => {
  Process.trapExit(true);
  const started = await result(PartitionSupervisor.startLink({
    name: NAME,
    childSpec: flaky("a", [2]),
    partitions: 3,
  }));
  await trace("refused", (started as { type: string }).type);
  await traceAll(2);
  await attempt("partitions", () => PartitionSupervisor.partitions(NAME));
});

scenario("the name is taken once", async () => {
  const sup = await start(CHILD, { partitions: 1 });
  const again = PartitionSupervisor.startLink({
    name: NAME,
    childSpec: CHILD,
    partitions: 1,
  });
  await trace("again", result(again));
  await trace("still", sup.equals(await GenServer.whereis(NAME)));
});

scenario("an unknown name fails calls, and drops casts", async () => {
  await attempt("partitions", () => PartitionSupervisor.partitions(NAME));
  await attempt("whereis", () => pidOf(1));
  await attempt("call", () => collect(1, "hi"));
  await trace("cast", GenServer.cast(via(1), { collect: "hi" }));
});

scenario("a name of another server has no partitions", async () => {
  await Agent.startLink(() => 0, { name: NAME });
  await attempt("partitions", () => PartitionSupervisor.partitions(NAME));
});

scenario("resizes between zero and its first number", async () => {
  const resize = (count: number) => PartitionSupervisor.resize(NAME, count);
  await start(probe("a"), { partitions: 3 });
  await trace("children", partitions());
  await trace("was", resize(1));
  await trace("children", partitions());
  for (const key of [0, 1, 2]) await trace("key", [key, await pidOf(key)]);
  await trace("partitions", PartitionSupervisor.partitions(NAME));
  await trace("counts", PartitionSupervisor.countChildren(NAME));
  await trace("was", resize(1));
  await trace("was", resize(3));
  await trace("children", partitions());
  await attempt("more", () => resize(4));
  await attempt("less", () => resize(-1));
  await trace("was", resize(0));
  await attempt("none", () => pidOf(1));
  await traceAll(5);
});

scenario("under a name of a registry", async () => {
  await Registry.startLink({ keys: "unique", name: "Conformance.R" });
  const name = { via: Registry, name: ["Conformance.R", "partitions"] };
  const sup = await start(CHILD, { name, partitions: 2 });
  const partition = via(1, name);
  await trace("one", GenServer.call(partition, { collect: "hi" }));
  await trace("partitions", PartitionSupervisor.partitions(name));
  await trace("was", PartitionSupervisor.resize(name, 1));
  await trace("zero", GenServer.call(partition, { collect: "ho" }));
  await trace("stopped", Supervisor.stop(sup));
  await trace("gone", await GenServer.whereis(name) === undefined);
});

scenario("rejects invalid options", async () => {
  const begin = (options: object) =>
    PartitionSupervisor.startLink(options as PartitionSupervisorOptions);
  const child = { name: NAME, childSpec: CHILD };
  await attempt("no name", () => begin({ childSpec: CHILD }));
  await attempt("no child", () => begin({ name: NAME }));
  for (const partitions of [0, -1, 1.5, "many"]) {
    await attempt("partitions", () => begin({ ...child, partitions }));
  }
  await attempt(
    "with_arguments",
    () => begin({ ...child, withArguments: "none" }),
  );
});

scenario("stops with its partitions, last first", async () => {
  await start(probe("a", { trap: true }), { partitions: 2 });
  await trace("stopped", PartitionSupervisor.stop(NAME));
  await traceAll(4);
  await attempt("again", () => PartitionSupervisor.stop(NAME));
});
