/** Task.Supervisors of Elixir as members of a pool's group: they tell no load, and refuse when they are full. */

import { assert, assertEquals } from "@std/assert";
import {
  PoolError,
  TaskPool,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { clusterTest } from "../../_nodes.ts";
import { GROUP, pool, until } from "./_pool_jobs.ts";

const WORK = `
defmodule Work do
  def nap(x) do
    Process.sleep(20)
    x * 2
  end
  def stay, do: Process.sleep(:infinity)
end
{:ok, _} = :pg.start(:pg)
{:ok, sup} = Task.Supervisor.start_link(max_children: 2)
:ok = :pg.join(:pg, "${GROUP}", sup)
`;

clusterTest("TaskPool shares a supervisor of Elixir", async (cluster) => {
  const alex = await cluster.start("alex");
  await pool(alex);
  const kate = await ElixirNode.start("kate", cluster);
  try {
    await kate.evaluate(WORK);
    await alex.run(async () => {
      const runs = Array.from(
        { length: 8 },
        (_, i) =>
          TaskPool.run<[number], number>("pool", ["Work", "nap"], [i], {
            timeout: 20_000,
          }),
      );
      await kate.evaluate("true = Node.connect(:alex@localhost)");
      assertEquals(await Promise.all(runs), [0, 2, 4, 6, 8, 10, 12, 14]);
      const { counts, members } = await TaskPool.info("pool");
      assertEquals([counts.done, members.length], [8, 1]);
      const lost = TaskPool.run("pool", ["Work", "stay"], [], {
        timeout: Infinity,
      }).catch((error) => error);
      await until(({ running }) => running === 1);
      await kate[Symbol.asyncDispose]();
      const error = await lost;
      assert(error instanceof PoolError && error.code === "lost", `${error}`);
    });
  } finally {
    await kate[Symbol.asyncDispose]();
  }
}, { programs: ELIXIR, timeout: 60_000 });
