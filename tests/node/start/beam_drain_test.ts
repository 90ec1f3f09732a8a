/** A node that drains, as processes of Elixir see it. */

import { assertEquals, assertMatch } from "@std/assert";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import type { Tuple } from "../../../packages/processes/values/tuple.ts";
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
    await pg.join("work", Process.whereis("tasks")!);
    const task = await TaskSupervisor.startChild("tasks", Remote.exiting);
    return task;
  });
  const node = `:"${alex.name}"`;
  assertEquals(await kate.evaluate(`Node.connect(${node})`), "true");
  await kate.becomes(`length(:pg.get_members("work"))`, "1");

  const drained = alex.drain();
  await kate.becomes(`length(:pg.get_members("work"))`, "0");
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

clusterTest(
  "Elixir sees a draining node's members to the end",
  async (cluster) => {
    const MEMBERS = 100;
    const alex = await cluster.start("alex", { drainTimeout: Infinity });
    await using kate = await ElixirNode.start("kate", cluster);
    await kate.evaluate("{:ok, _} = :pg.start(:pg)");
    const heard: string[] = [];
    const tab = async () => {
      for (;;) {
        const message = await receive();
        if (message === "close") return;
        const [said, from] = (message as Tuple).elements as [string, Pid];
        heard.push(`${self().number} ${said}`);
        send(from, atom("seen"));
      }
    };
    const join = async (count: number) => {
      const tabs = Array.from({ length: count }, () => spawn(tab));
      await pg.join("room", tabs);
    };
    await alex.run(async () => {
      await pg.start();
      await join(MEMBERS);
    });
    const closed = Promise.withResolvers<void>();
    alex.onDrain(async () => {
      await closed.promise;
      for (const each of pg.getLocalMembers("room")) send(each, "close");
    });
    assertEquals(await kate.evaluate(`Node.connect(:"${alex.name}")`), "true");
    const say = async (said: string, count: number) => {
      await kate.becomes(`length(:pg.get_members("room"))`, `${count}`);
      await kate.evaluate(`
      for pid <- :pg.get_members("room"), do: send(pid, {"${said}", self()})
      for _ <- 1..${count}, do: (receive do :seen -> :ok end)`);
    };
    await say("before", MEMBERS);
    const drained = alex.drain();
    await say("during", MEMBERS);
    await alex.run(() => join(10));
    await say("later", MEMBERS + 10);
    closed.resolve();
    await kate.becomes(`length(:pg.get_members("room"))`, "0");
    assertEquals(await drained, "drained");
    assertEquals(heard.length, 3 * MEMBERS + 10);
    assertEquals(new Set(heard).size, heard.length);
  },
  { programs: ELIXIR, timeout: 60_000 },
);
