/** A Task.Supervisor that drains: it starts nothing new, and finishes its tasks. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  ExitError,
  SpawnRefusedError,
} from "../../../packages/processes/errors.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  exit,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { type ServerRef, TaskSupervisor } from "../../../task_supervisor.ts";
import { clusterTest } from "../../_nodes.ts";
import { isPending, processTest, quiet } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";

const KATE = "kate@localhost";

/** Makes a process of `Remote.exiting` exit. */
function end(pid: Pid | undefined, reason: unknown = "normal"): void {
  send(pid!, { reason });
}

/** Each way to start a task, with the function that it runs. */
const STARTS: Record<string, (sup: ServerRef) => Promise<unknown>> = {
  async: (sup) => TaskSupervisor.async(sup, Remote.add, [1, 2]),
  asyncNolink: (sup) => TaskSupervisor.asyncNolink(sup, Remote.add, [1, 2]),
  startChild: (sup) => TaskSupervisor.startChild(sup, Remote.add, [1, 2]),
  asyncStream: (sup) =>
    Array.fromAsync(
      TaskSupervisor.asyncStream(sup, [1], Remote.add, { args: [2] }),
    ),
  asyncStreamNolink: (sup) =>
    Array.fromAsync(
      TaskSupervisor.asyncStreamNolink(sup, [1], Remote.add, { args: [2] }),
    ),
};

processTest("TaskSupervisor.drain() waits for running tasks", async () => {
  const sup = await TaskSupervisor.startLink();
  const task = await TaskSupervisor.async(sup, Remote.waitFor);
  const drained = TaskSupervisor.drain(sup);
  assertEquals(await isPending(drained), true);
  for (const [name, start] of Object.entries(STARTS)) {
    const error = await assertRejects(() => start(sup), SpawnRefusedError);
    assertEquals(error.code, "draining", name);
    assertMatch(error.message, /^Cannot start a task on .*draining/);
  }
  send(task.pid!, "done");
  assertEquals(await drained, "drained");
  assertEquals(await Task.await(task), "done");
  assertEquals(await TaskSupervisor.drain(sup), "drained");
  await assertRejects(() => STARTS.async(sup), SpawnRefusedError);
  await TaskSupervisor.stop(sup);
});

processTest("TaskSupervisor.drain() answers by each timeout", async () => {
  const sup = await TaskSupervisor.startLink();
  const pid = await TaskSupervisor.startChild(sup, Remote.exiting);
  assertEquals(await TaskSupervisor.drain(sup, { timeout: 0 }), "timeout");
  const patient = TaskSupervisor.drain(sup);
  // safe: the task runs until it is asked to exit, so only the timeout can end the wait.
  assertEquals(await TaskSupervisor.drain(sup, { timeout: 5 }), "timeout");
  assertEquals(await isPending(patient), true);
  assertEquals(await TaskSupervisor.children(sup), [pid]);
  end(pid);
  assertEquals(await patient, "drained");
  await TaskSupervisor.stop(sup);
});

processTest("TaskSupervisor.drain() ends with its supervisor", async () => {
  const sup = await TaskSupervisor.startLink();
  Process.unlink(sup);
  await TaskSupervisor.startChild(sup, Remote.wait);
  const drained = TaskSupervisor.drain(sup, { timeout: 600_000 });
  const failed = assertRejects(() => drained, ExitError);
  await quiet();
  Process.exit(sup, "kill");
  assertEquals(((await failed).reason as { reason: unknown }).reason, "killed");
});

processTest("TaskSupervisor.drain() waits for transient tasks", async () => {
  const sup = await TaskSupervisor.startLink();
  const permanent: Pid[] = [];
  for (let i = 0; i < 2; i++) {
    permanent.push(
      await TaskSupervisor.startChild(sup, Remote.wait, [], {
        restart: "permanent",
      }),
    );
  }
  const me = self();
  await TaskSupervisor.startChild(
    sup,
    async () => {
      send(me, self());
      exit((await receive()).reason);
    },
    [],
    { restart: "transient" },
  );
  const first = await receive();
  const drained = TaskSupervisor.drain(sup);
  end(first, "oops");
  const second = await receive();
  assertEquals(await isPending(drained), true);
  // A permanent task that is ended no longer counts as one.
  assertEquals(await TaskSupervisor.terminateChild(sup, permanent[0]), "ok");
  assertEquals(await isPending(drained), true);
  end(second);
  assertEquals(await drained, "drained");
  assertEquals(await TaskSupervisor.children(sup), [permanent[1]]);
  await TaskSupervisor.stop(sup);
});

processTest("TaskSupervisor.drain() ends with the last task", async () => {
  const sup = await TaskSupervisor.startLink();
  const pid = await TaskSupervisor.startChild(sup, Remote.wait);
  const drained = TaskSupervisor.drain(sup);
  assertEquals(await TaskSupervisor.terminateChild(sup, pid), "ok");
  assertEquals(await drained, "drained");
  await TaskSupervisor.stop(sup);
});

processTest("drain() rejects if the server does not know it", async () => {
  const pid = await GenServer.start({
    init: () => ({ type: "ok", state: 0 } as const),
    handleCall: () => (
      {
        type: "reply",
        reply: { type: "error", reason: "badarg" },
        state: 0,
      } as const
    ),
  }, 0);
  await assertRejects(
    () => TaskSupervisor.drain(pid),
    TypeError,
    "Cannot drain a Task.Supervisor: it answered",
  );
  await GenServer.stop(pid);
});

clusterTest("a draining TaskSupervisor leaves its groups", async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  const tasks = { name: "tasks", node: KATE };
  const [sup, other] = await kate.run(async () => {
    await pg.start();
    const sup = await TaskSupervisor.startLink({ name: "tasks" });
    Process.unlink(sup);
    const other = spawn(Remote.wait);
    await pg.join("workers", [sup, other]);
    await pg.join("more", [sup, sup]);
    return [sup, other];
  });
  await alex.run(async () => {
    await pg.start();
    const { ref } = await pg.monitorScope();
    await Node.connect(KATE);
    for (let joins = 0; joins < 2; joins++) {
      await receive((m) => m?.type === "join" && ref.equals(m.ref));
    }
    const task = await TaskSupervisor.asyncNolink(tasks, Remote.exiting);
    assertEquals(await TaskSupervisor.drain(tasks, { timeout: 0 }), "timeout");
    // It left before it answered, and its scope and the answer came over one connection.
    for (let left = 0; left < 2; left++) {
      await receive((m) => m?.type === "leave" && ref.equals(m.ref));
    }
    assertEquals(pg.getMembers("workers"), [other]);
    assertEquals(pg.getMembers("more"), []);
    for (const [name, start] of Object.entries(STARTS)) {
      const error = await assertRejects(() => start(tasks), SpawnRefusedError);
      assertEquals(error.code, "draining", name);
    }
    const drained = TaskSupervisor.drain(tasks, { timeout: 60_000 });
    end(task.pid, "done");
    assertEquals(await drained, "drained");
    assertEquals(await Task.yield(task), { type: "exit", reason: "done" });
  });
  assertEquals(await kate.run(() => pg.getLocalMembers("workers")), [other]);
  await kate.run(() => TaskSupervisor.stop(sup));
});
