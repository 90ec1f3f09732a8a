/** A node that drains, as processes of Elixir see it. */

import { assertEquals, assertMatch } from "@std/assert";
import { pg } from "../../../packages/node/pg/pg.ts";
import { Process, send, spawn } from "../../../packages/processes/process.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { clusterTest } from "../../_nodes.ts";
import * as Remote from "../../_remote.ts";

const CATCH = `
caught = fn fun ->
  try do
    fun.()
  catch
    kind, reason -> {kind, reason}
  end
end`;

clusterTest("a draining node refuses Elixir's processes", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await ElixirNode.start("kate", cluster);
  await kate.evaluate("{:ok, _} = :pg.start(:pg)");
  await kate.evaluate(CATCH);
  const task = await alex.run(async () => {
    await pg.start();
    Process.unlink(await TaskSupervisor.startLink({ name: "tasks" }));
    await pg.join("room", spawn(Remote.wait));
    const task = await TaskSupervisor.startChild("tasks", Remote.exiting);
    return task;
  });
  const node = `:"${alex.name}"`;
  assertEquals(await kate.evaluate(`Node.connect(${node})`), "true");
  await kate.becomes(`length(:pg.get_members("room"))`, "1");

  const drained = alex.drain();
  await kate.becomes(`length(:pg.get_members("room"))`, "0");
  const sup = `{:tasks, ${node}}`;
  const asked = [
    [
      `:erpc.call(${node}, Remote, :add, [1, 2])`,
      "{:error, {:erpc, :draining}}",
    ],
    [
      `Task.Supervisor.start_child(${sup}, Remote, :add, [1, 2])`,
      "{:error, :draining}",
    ],
    [
      `Node.spawn_monitor(${node}, Remote, :add, [1, 2])`,
      "{:error, :draining}",
    ],
    [`:proc_lib.spawn(${node}, Remote, :add, [1, 2])`, "{:error, :draining}"],
    [
      `(fn {:badrpc, {:EXIT, {error, _}}} -> error.message =~ "draining" end).(:rpc.block_call(${node}, Remote, :add, [1, 2]))`,
      "true",
    ],
  ];
  for (const [code, expected] of asked) {
    assertEquals(await kate.evaluate(`caught.(fn -> ${code} end)`), expected);
  }
  // Elixir knows one reason why a task does not start; any other is an error as this one.
  assertMatch(
    await kate.evaluate(
      `caught.(fn -> Task.Supervisor.async(${sup}, Remote, :add, [1, 2]) end)`,
    ),
    /^\{:error, .*\{:error, :draining\}/,
  );
  await alex.run(() => send(task, { reason: "normal" }));
  assertEquals(await drained, "drained");
  await kate.becomes("Node.list()", "[]");
}, { programs: ELIXIR, timeout: 60_000 });
