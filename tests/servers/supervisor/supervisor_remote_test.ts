import { assert, assertEquals } from "@std/assert";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { global } from "../../../packages/cluster/global/global.ts";
import { Node } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { clusterTest, reasonOf } from "../../_nodes.ts";
import { exitOf } from "../_gen_servers.ts";

const Worker = {
  start(): Pid {
    return spawnLink(() => receive());
  },
};

clusterTest("a supervisor starts exports for other nodes", async (cluster) => {
  const kate = await cluster.start("kate", { modules: { Worker } });
  const alex = await cluster.start("alex", { modules: { Worker } });
  await kate.run(async () => {
    Process.unlink(
      await Supervisor.startLink([], { strategy: "one_for_one", name: "sup" }),
    );
  });
  const sup = { name: "sup", node: "kate@localhost" };
  await alex.run(async () => {
    const pid = await Supervisor.startChild(sup, {
      id: "by name",
      start: ["Worker", "start"],
    });
    assert(pid !== undefined);
    assertEquals(pid.node, "kate@localhost");
    await Supervisor.startChild(sup, {
      id: "by function",
      start: Worker.start,
      restart: "temporary",
    });
    const [second, first] = await Supervisor.whichChildren(sup);
    assertEquals(second.id, "by function");
    assert(pid.equals(first.pid));

    assertEquals(
      await exitOf(
        Supervisor.startChild(sup, { id: "by name", start: Worker.start }),
      ),
      { type: "already_started", pid },
    );

    assertEquals(await Supervisor.stop(sup), "ok");
    assertEquals(
      (await exitOf(Supervisor.countChildren(sup))).reason,
      "noproc",
    );
  });
});

clusterTest(
  "a child whose name another node has costs no restart",
  async (cluster) => {
    const [kate, alex] = await cluster.startAll(["kate", "alex"]);
    await alex.run(() => Node.connect(kate.name));
    const Holder = { init: () => ({ type: "ok", state: 0 } as const) };
    const ids = ["a", "b", "c"];
    const children = ids.map((id) =>
      GenServer.childSpec(Holder, undefined, { id, name: { global: id } })
    );
    await alex.run(async () => {
      const limits = { maxRestarts: 1 };
      const sup = await Supervisor.startLink(children, {
        strategy: "one_for_one",
        ...limits,
      });
      const running = async () => (await Supervisor.countChildren(sup)).active;
      await moveAll();
      assertEquals(await running(), 0);
      for (const id of ids) await Supervisor.deleteChild(sup, id);

      await kate.run(async () => {
        for (const id of ids) await global.unregisterName(id);
      });
      const dynamic = await DynamicSupervisor.startLink(limits);
      for (const child of children) {
        await DynamicSupervisor.startChild(dynamic, child);
      }
      await moveAll();
      assertEquals((await DynamicSupervisor.countChildren(dynamic)).active, 0);

      /** Gives each name to a process of kate's, and then ends the child that had the name. */
      async function moveAll(): Promise<void> {
        for (const id of ids) {
          const pid = (await global.whereisName(id))!;
          await kate.run(() =>
            global.reRegisterName(id, spawn(() => receive()))
          );
          Process.exit(pid, "kill");
          // The supervisor answers after it has handled the child's exit.
          await reasonOf(pid);
        }
      }
    });
  },
);
