import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import {
  ExitError,
  SpawnRefusedError,
} from "../../../packages/processes/errors.ts";
import { Node, type NodeOptions } from "../../../node.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import {
  currentProcess,
  currentRuntime,
} from "../../../packages/processes/runtime/current_process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { ReplyTo } from "../../../packages/processes/values/reply_to.ts";
import { systemMessage } from "../../../packages/beam/servers/sys_otp.ts";
import { supervisionOf } from "../../../packages/servers/supervisor/supervision.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import {
  type ServerRef,
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "../../../task_supervisor.ts";
import { clusterTest } from "../../_nodes.ts";
import { mail, processTest, quiet } from "../../_processes.ts";
import * as Remote from "../../_remote.ts";
import { exitOf } from "../_gen_servers.ts";

const KATE = "kate@localhost";
const TASKS = { name: "tasks", node: KATE };

/** Starts a task in one of several ways. */
type Start = (
  supervisor: ServerRef,
  fn: ((...args: never[]) => unknown) | [string, string],
  args?: unknown[],
) => Promise<unknown>;

const STARTS = {
  async: TaskSupervisor.async as Start,
  asyncNolink: TaskSupervisor.asyncNolink as Start,
  startChild: TaskSupervisor.startChild as Start,
};

/** Runs `fn` in a process of alex; kate has a Task.Supervisor named `tasks`. */
function tasksTest(
  name: string,
  fn: (supervisor: Pid, kate: Node) => Promise<void>,
  { alex: alexOptions, kate: kateOptions, ...options }:
    & TaskSupervisorOptions
    & { alex?: Partial<NodeOptions>; kate?: Partial<NodeOptions> } = {},
): void {
  clusterTest(name, async (cluster) => {
    const kate = await cluster.start("kate", kateOptions);
    const alex = await cluster.start("alex", alexOptions);
    const supervisor = await kate.run(async () => {
      const pid = await TaskSupervisor.startLink({ name: "tasks", ...options });
      Process.unlink(pid);
      return pid;
    });
    await alex.run(() => fn(supervisor, kate));
  });
}

/** Sends a server a system message, and waits until the server has handled it. */
async function tellSystem(server: Pid, request: string): Promise<void> {
  const process = currentProcess();
  const { pid, runtime } = process;
  const replyTo = new ReplyTo(pid, runtime.makeRef());
  process.send(
    server,
    systemMessage(replyTo, atom(request), runtime.node),
  );
  await quiet();
}

// On the same node.

processTest("TaskSupervisor accepts a pid, a name or an atom", async () => {
  const pid = await TaskSupervisor.startLink({ name: atom("here") });
  const there = { name: "here", node: Node.self() };
  for (const ref of [pid, "here", atom("here"), there]) {
    const task = await TaskSupervisor.async(ref, (n: number) => n + 1, [1]);
    assertEquals(await Task.await(task), 2);
  }
  assertEquals(await exitOf(TaskSupervisor.startLink({ name: "here" })), {
    type: "already_started",
    pid,
  });
  assertEquals(await TaskSupervisor.stop("here"), "ok");
});

processTest("a full TaskSupervisor names its limit", async () => {
  const sup = await TaskSupervisor.startLink({ maxChildren: 0 });
  const message =
    "Cannot start a task: the supervisor has the maximum number of children (maxChildren)";
  for (const name of ["async", "asyncNolink"] as const) {
    const error = await assertRejects(
      () => TaskSupervisor[name](sup, () => 1),
      Error,
    );
    assertEquals([error.name, error.message], ["Error", message]);
  }
  for (const name of ["asyncStream", "asyncStreamNolink"] as const) {
    const error = await assertRejects(
      () => Array.fromAsync(TaskSupervisor[name](sup, [1], (n) => n)),
      Error,
    );
    assertEquals(error.name, "Error");
    assertMatch(error.message, /\(maxChildren\).*\bmaxConcurrency\b/);
  }
  await TaskSupervisor.stop(sup);
});

processTest("Task.Supervisor answers a DynamicSupervisor's calls", async () => {
  const sup = await TaskSupervisor.startLink();
  const task = await TaskSupervisor.async(sup, () => receive());
  assertEquals(await DynamicSupervisor.countChildren(sup), {
    specs: 1,
    active: 1,
    supervisors: 0,
    workers: 1,
  });
  assertEquals(await DynamicSupervisor.whichChildren(sup), [
    { pid: task.pid, type: "worker" },
  ]);
  await Task.shutdown(task);
  await TaskSupervisor.stop(sup);
});

// On another node.

tasksTest("TaskSupervisor runs closures if allowed", async () => {
  const task = await TaskSupervisor.async(
    TASKS,
    async (n: number) => [n, await Promise.resolve(Node.self())],
    [7],
  );
  assertEquals(await Task.await(task), [7, KATE]);
}, { kate: { allowClosures: true } });

tasksTest("async() to a missing supervisor names the call", async () => {
  const absent = { name: "Chat.TaskSupervisor", node: KATE };
  for (const [name, start] of Object.entries(STARTS)) {
    const error = await assertRejects(
      () => start(absent, Remote.add, [1, 2]),
      ExitError,
    );
    assertMatch(
      error.message,
      new RegExp(
        `^exited in: TaskSupervisor\\.${name}\\(.*Chat\\.TaskSupervisor.*"add".*no process`,
        "s",
      ),
    );
  }
  for (const ask of [TaskSupervisor.children, TaskSupervisor.stop]) {
    assertEquals((await exitOf(Promise.resolve(ask(absent)))).reason, "noproc");
  }
  assertEquals(await mail(), []);
});

processTest(
  "a start keeps its place behind the requests to its supervisor",
  async () => {
    const supervisor = await TaskSupervisor.startLink();
    const drain = TaskSupervisor.drain(supervisor, { timeout: 0 });
    await assertRejects(
      () => TaskSupervisor.async(supervisor, () => 1),
      SpawnRefusedError,
      "draining",
    );
    assertEquals(await drain, "drained");
  },
);

processTest(
  "a suspended supervisor starts a task when it is resumed",
  async () => {
    const supervisor = await TaskSupervisor.startLink();
    const events: string[] = [];
    await tellSystem(supervisor, "suspend");
    const start = TaskSupervisor.async(supervisor, () => events.push("ran"));
    await quiet();
    events.push("resumed");
    await tellSystem(supervisor, "resume");
    await Task.await(await start);
    assertEquals(events, ["resumed", "ran"]);
  },
);

processTest("an idle supervisor starts a task at once", async () => {
  const supervisor = await TaskSupervisor.startLink({ maxChildren: 1 });
  const work = Promise.withResolvers<void>();
  const child = TaskSupervisor.startChild(supervisor, () => work.promise);
  const { tasks } = supervisionOf(currentRuntime().find(supervisor)!)!
    .occupancy!();
  assertEquals(tasks, 1);
  const full = await exitOf(
    TaskSupervisor.startChild(supervisor, () => 1),
  );
  assertEquals(full, "max_children");
  const ref = Process.monitor(await child);
  work.resolve();
  await receive((m) => ref.equals(m?.ref));
  // The end of the task has freed the place.
  const task = await TaskSupervisor.async(supervisor, () => "free");
  assertEquals(await Task.await(task), "free");
});

processTest(
  "an idle supervisor forgets a task at once, and needs no message for it",
  async () => {
    const supervisor = await TaskSupervisor.startLink();
    const process = currentRuntime().find(supervisor)!;
    const occupancy = () => supervisionOf(process)!.occupancy!().tasks;
    const { received } = process.mailbox;
    const task = await TaskSupervisor.async(supervisor, () => occupancy());
    assertEquals(await Task.await(task), 1);
    assertEquals(occupancy(), 0);
    assertEquals(process.mailbox.received, received);
  },
);

processTest(
  "an idle supervisor restarts a permanent task by a message",
  async () => {
    const supervisor = await TaskSupervisor.startLink();
    const process = currentRuntime().find(supervisor)!;
    const owner = self();
    let runs = 0;
    await TaskSupervisor.startChild(
      supervisor,
      () => {
        send(owner, ++runs);
        return runs === 1 ? undefined : receive();
      },
      [],
      { restart: "permanent" },
    );
    assertEquals([await receive(), await receive()], [1, 2]);
    assertEquals(process.mailbox.received, 1);
  },
);

processTest(
  "a suspended supervisor counts a task until it is resumed",
  async () => {
    const supervisor = await TaskSupervisor.startLink();
    const work = Promise.withResolvers<void>();
    const child = await TaskSupervisor.startChild(
      supervisor,
      () => work.promise,
    );
    const ref = Process.monitor(child);
    await tellSystem(supervisor, "suspend");
    work.resolve();
    await receive((m) => ref.equals(m?.ref));
    const server = supervisionOf(currentRuntime().find(supervisor)!)!;
    assertEquals(server.occupancy!().tasks, 1);
    await tellSystem(supervisor, "resume");
    assertEquals(server.occupancy!().tasks, 0);
  },
);
