/** Requests to supervisors, between nodes of this library and of Elixir, both ways. */

import { assert, assertEquals } from "@std/assert";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  Pid,
  Process,
  receive,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { Atom } from "../../../packages/processes/values/atom.ts";
import {
  idFromOtp,
  idToOtp,
} from "../../../packages/beam/servers/supervisor_otp.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";
import { assertValues, elixirPairTest } from "../../_elixir_pair.ts";
import { exitOf } from "../_gen_servers.ts";

const WORKER = `
defmodule Kate.Worker do
  use GenServer
  def start_link(arg), do: GenServer.start_link(__MODULE__, arg)
  def init(:ignore), do: :ignore
  def init(:stop), do: {:stop, :bad}
  def init(arg), do: {:ok, arg}
  def handle_call(:state, _from, arg), do: {:reply, arg, arg}
end
`;

test("an id of a child is an atom on a BEAM if it is a name, and is short enough for one", () => {
  for (const id of ["worker", "M".repeat(248)]) {
    assert(idToOtp(id) instanceof Atom, id);
  }
  for (const id of ["a worker", "M".repeat(249), 1]) {
    assertEquals(idToOtp(id), id);
  }
  assertEquals([null, true].map(idFromOtp), ["nil", "true"]);
});

/** The same functions of this library. */
const Worker = {
  startLink: (_arg: unknown) => spawnLink(() => receive(() => false)),
  ignore: () => "ignore",
};

elixirPairTest("Supervisor calls a Supervisor of Elixir", async ({ kate }) => {
  await kate.evaluate(WORKER);
  await kate.evaluate(`
      {:ok, _} = Supervisor.start_link(
        [%{id: :first, start: {Kate.Worker, :start_link, [1]}}, {Kate.Worker, 2}],
        strategy: :one_for_one, name: Kate.Supervisor)`);
  const sup = { name: "Kate.Supervisor", node: kate.name };
  const ids = async () =>
    (await Supervisor.whichChildren(sup)).map(({ id, pid, type }) => [
      id,
      pid instanceof Pid ? pid.node : pid,
      type,
    ]);
  assertEquals(await ids(), [
    ["Kate.Worker", kate.name, "worker"],
    ["first", kate.name, "worker"],
  ]);
  const child = {
    id: "A child",
    start: ["Kate.Worker", "startLink", [{ of: "alex" }]],
    restart: "transient",
    shutdown: "brutal_kill",
    type: "supervisor",
  } as const;
  const started = await Supervisor.startChild(sup, child);
  assert(started instanceof Pid);
  assertEquals(
    await kate.evaluate(
      ':supervisor.get_childspec(Kate.Supervisor, "A child")',
    ),
    '{:ok, %{id: "A child", restart: :transient, shutdown: :brutal_kill, start: {Kate.Worker, :start_link, [%{"of" => "alex"}]}, type: :supervisor, modules: [Kate.Worker], significant: false}}',
  );
  assertEquals<unknown>(await Supervisor.getChildspec(sup, "A child"), {
    ...child,
    significant: false,
  });
  assertEquals(await exitOf(Supervisor.startChild(sup, child)), {
    type: "already_started",
    pid: started,
  });
  const start = [":erlang", "no_such_function", []] as const;
  const bad = Supervisor.startChild(sup, { id: "bad", start });
  assert(await exitOf(bad) !== undefined);
  assertEquals(await Supervisor.countChildren(sup), {
    specs: 3,
    active: 3,
    supervisors: 1,
    workers: 2,
  });
  assertEquals(await Supervisor.deleteChild(sup, "first"), "running");
  assertEquals(
    await exitOf(Supervisor.restartChild(sup, "first")),
    "running",
  );
  assertEquals(await Supervisor.terminateChild(sup, "first"), "ok");
  assertEquals((await ids())[2], ["first", undefined, "worker"]);
  assert(await Supervisor.restartChild(sup, "first") instanceof Pid);
  assertEquals(await Supervisor.terminateChild(sup, "Kate.Worker"), "ok");
  assertEquals(await Supervisor.deleteChild(sup, "Kate.Worker"), "ok");
  assertEquals(await Supervisor.terminateChild(sup, "none"), "not_found");
  assertEquals(await Supervisor.getChildspec(sup, "none"), "not_found");
  assertEquals(
    await kate.evaluate(
      "Supervisor.which_children(Kate.Supervisor) |> Enum.map(&elem(&1, 0))",
    ),
    '["A child", :first]',
  );
});

elixirPairTest("DynamicSupervisor calls those of Elixir", async ({ kate }) => {
  await kate.evaluate(WORKER);
  await kate.evaluate(`
      {:ok, _} = DynamicSupervisor.start_link(max_children: 1, name: Kate.Dynamic)
      {:ok, _} = Task.Supervisor.start_link(name: Kate.Tasks)
      {:ok, _} = Task.Supervisor.start_child(Kate.Tasks, fn -> Process.sleep(:infinity) end)`);
  const sup = { name: "Kate.Dynamic", node: kate.name };
  const child = {
    id: "any",
    start: ["Kate.Worker", "startLink", [7]],
    restart: "temporary",
  } as const;
  const pid = await DynamicSupervisor.startChild(sup, child) as Pid;
  assertEquals(await DynamicSupervisor.whichChildren(sup), [
    { pid, type: "worker" },
  ]);
  assertEquals(await DynamicSupervisor.countChildren(sup), {
    specs: 1,
    active: 1,
    supervisors: 0,
    workers: 1,
  });
  assertEquals(
    await exitOf(DynamicSupervisor.startChild(sup, child)),
    "max_children",
  );
  assertEquals(await DynamicSupervisor.terminateChild(sup, pid), "ok");
  assertEquals(await DynamicSupervisor.terminateChild(sup, pid), "not_found");
  const tasks = { name: "Kate.Tasks", node: kate.name };
  const [task] = await TaskSupervisor.children(tasks);
  assertEquals(task.node, kate.name);
  assertEquals(await TaskSupervisor.terminateChild(tasks, task), "ok");
  assertEquals(await TaskSupervisor.children(tasks), []);
});

elixirPairTest("Elixir's functions reach our supervisors", async ({ kate }) => {
  await Supervisor.startLink([
    { id: "first", start: ["Worker", "startLink", [1]] },
  ], { strategy: "one_for_one", name: "Alex.Supervisor" });
  await DynamicSupervisor.startLink({ maxChildren: 2, name: "Alex.Dynamic" });
  await kate.evaluate(`
      sup = {Alex.Supervisor, :alex@localhost}
      dynamic = {Alex.Dynamic, :alex@localhost}
      hide = fn term -> inspect(term) |> String.replace(~r/#PID<[^>]*>/, "PID") end`);
  const ask = async (code: string) =>
    JSON.parse(await kate.evaluate(`hide.(${code})`));
  await assertValues(
    ask,
    `
      Supervisor.which_children(sup) #=> [{:first, PID, :worker, :dynamic}]
      Supervisor.start_child(sup, %{id: :second, start: {Worker, :start_link, [2]}, restart: :transient, shutdown: :infinity})
        #=> {:ok, PID}
      Supervisor.start_child(sup, {"third one", {Worker, :start_link, [3]}, :temporary, :brutal_kill, :supervisor, [Worker]})
        #=> {:ok, PID}
      Supervisor.start_child(sup, %{id: Fourth, start: {Worker, :ignore, []}}) #=> {:ok, :undefined}
      Supervisor.start_child(sup, %{id: :second, start: {Worker, :start_link, [2]}})
        #=> {:error, {:already_started, PID}}
      Supervisor.which_children(sup)
        #=> [{Fourth, :undefined, :worker, :dynamic}, {"third one", PID, :supervisor, :dynamic}, {:second, PID, :worker, :dynamic}, {:first, PID, :worker, :dynamic}]
      Supervisor.count_children(sup) |> Enum.sort() #=> [active: 3, specs: 4, supervisors: 1, workers: 3]
      :supervisor.get_childspec(sup, :second)
        #=> {:ok, %{id: :second, restart: :transient, shutdown: :infinity, start: {Worker, :start_link, [2]}, type: :worker, modules: :dynamic, significant: false}}
      :supervisor.get_childspec(sup, :none) #=> {:error, :not_found}
      Supervisor.terminate_child(sup, :second) #=> :ok
      Supervisor.start_child(sup, %{id: :second, start: {Worker, :start_link, [2]}}) #=> {:error, :already_present}
      Supervisor.restart_child(sup, :second) #=> {:ok, PID}
      Supervisor.restart_child(sup, :second) #=> {:error, :running}
      Supervisor.delete_child(sup, :second) #=> {:error, :running}
      Supervisor.delete_child(sup, Fourth) #=> :ok
      Supervisor.delete_child(sup, Fourth) #=> {:error, :not_found}
      Supervisor.terminate_child(sup, :none) #=> {:error, :not_found}
      Supervisor.start_child(sup, %{id: :x, start: {Worker, :start_link, [2]}, restart: :never})
        #=> {:error, {:invalid_restart_type, :never}}
      Supervisor.start_child(sup, %{id: :x, start: {Worker, :start_link, [2]}, shutdown: -1})
        #=> {:error, {:invalid_shutdown, -1}}
      Supervisor.start_child(sup, %{id: :x}) #=> {:error, :missing_start}
      GenServer.call(sup, {:start_child, %{start: {Worker, :start_link, [2]}}}) #=> {:error, :missing_id}
      GenServer.call(sup, {:start_child, %{}}) #=> {:error, :missing_id}
      GenServer.call(sup, {:start_child, :nonsense}) #=> {:error, {:invalid_child_spec, :nonsense}}
      GenServer.call(sup, {:nonsense}) #=> {:error, :badarg}
      DynamicSupervisor.start_child(dynamic, %{id: :x, start: {Worker, :start_link, [9]}, restart: :temporary})
        #=> {:ok, PID}
      DynamicSupervisor.start_child(dynamic, %{id: :x, start: {Worker, :ignore, []}}) #=> :ignore
      DynamicSupervisor.start_child(dynamic, %{id: :x, start: {Worker, :start_link, [9]}, type: :supervisor})
        #=> {:ok, PID}
      DynamicSupervisor.start_child(dynamic, %{id: :x, start: {Worker, :start_link, [9]}}) #=> {:error, :max_children}
      DynamicSupervisor.which_children(dynamic)
        #=> [{:undefined, PID, :worker, :dynamic}, {:undefined, PID, :supervisor, :dynamic}]
      DynamicSupervisor.count_children(dynamic) |> Enum.sort() #=> [active: 2, specs: 2, supervisors: 1, workers: 1]
      DynamicSupervisor.terminate_child(dynamic, (pid = elem(hd(DynamicSupervisor.which_children(dynamic)), 1)))
        #=> :ok
      DynamicSupervisor.terminate_child(dynamic, pid) #=> {:error, :not_found}
      Supervisor.stop(dynamic) #=> :ok
      Supervisor.stop(sup) #=> :ok`,
  );
  assertEquals(Process.whereis("Alex.Supervisor"), undefined);
}, { modules: { Worker } });
