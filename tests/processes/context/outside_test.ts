/** Tests of code outside any process, such as the handlers of a web server. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import {
  Agent,
  exit,
  ExitError,
  isExit,
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../../../mod.ts";
import { test } from "../../../packages/testing/tags.ts";
import { clusterTest } from "../../_nodes.ts";
import { until } from "../../_until.ts";

const Work = {
  wait: async (to: Pid) => {
    await send(to, self());
    await receive();
  },
};

test("Task.async() outside any process makes only its own await fail", async () => {
  const shell = self();
  const never = Promise.withResolvers<number>();
  const waits = Task.async(() => never.promise);
  const fails = Task.async(() => exit("boom"));
  const error = await assertRejects(() => Task.await(fails), ExitError);
  assertEquals((error.reason as { reason: unknown }).reason, "boom");
  never.resolve(1);
  assertEquals(await Task.await(waits), 1);
  assert(self().equals(shell));
});

test("Task.async() outside any process does not end it after the await has timed out", async () => {
  const shell = self();
  const task = Task.async(async () => {
    await receive();
    exit("late");
  });
  await assertRejects(() => Task.await(task, 0), ExitError, "time out");
  send(task.pid, "go");
  await until(() => !Process.alive(task.pid));
  assert(self().equals(shell));
});

test("Task.async() outside any process sends an EXIT if exits are trapped", async () => {
  Process.trapExit(true);
  try {
    const task = Task.async(() => exit("boom"));
    await assertRejects(() => Task.await(task), ExitError);
    assertEquals(await receive(isExit), {
      type: "EXIT",
      from: task.pid,
      reason: "boom",
    });
  } finally {
    Process.trapExit(false);
  }
});

test("Task.asyncStream() outside any process makes only its own loop fail", async () => {
  const shell = self();
  await assertRejects(async () => {
    for await (const _ of Task.asyncStream([1], () => exit("boom")));
  }, ExitError);
  assert(self().equals(shell));
});

/** Starts a task supervisor on a node, which runs as long as the node. */
function startTasks(node: Node): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  node.run(() => {
    spawn(async () => {
      await TaskSupervisor.startLink({ name: "Work.Tasks" });
      resolve();
      await receive();
    });
  });
  return promise;
}

clusterTest("twelve requests: those on the old node fail", async (cluster) => {
  const web = await cluster.start("web", { modules: { Work } });
  const nodes = await Promise.all(
    ["one", "two"].map((name) => cluster.start(name, { modules: { Work } })),
  );
  await Promise.all(nodes.map(startTasks));
  const shell = self();
  assertEquals(shell.node, web.name);
  const requests = Array.from({ length: 12 }, async (_, i) => {
    const supervisor = { name: "Work.Tasks", node: nodes[i % 2].name };
    const task = await TaskSupervisor.async(supervisor, Work.wait, [shell]);
    return await Task.await(task, Infinity);
  });
  const settled = Promise.allSettled(requests);
  const pids: Pid[] = [];
  while (pids.length < 12) pids.push(await receive() as Pid);
  await nodes[0].stop();
  for (const pid of pids) send(pid, "go");
  assertEquals(
    (await settled).map(({ status }) => status),
    requests.map((_, i) => i % 2 === 0 ? "rejected" : "fulfilled"),
  );
  assert(self().equals(shell));
});

clusterTest("a task ends with the node of its owner", async (cluster) => {
  const web = await cluster.start("web", { modules: { Work } });
  const one = await cluster.start("one", { modules: { Work } });
  await startTasks(one);
  await TaskSupervisor.async(
    { name: "Work.Tasks", node: one.name },
    Work.wait,
    [self()],
  );
  const pid = await receive() as Pid;
  const ended = one.run(async () => {
    const ref = Process.monitor(pid);
    return (await receive((m) => ref.equals(m.ref))).reason;
  });
  // The monitor exists before the node stops: run() starts before stop() does.
  await one.run(() => {});
  await web.stop();
  assertEquals(await ended, "shutdown");
});

test("Node.run() starts a process for each call: a link made in it ends that call only", async () => {
  const shell = self();
  const failing = Node.run(async () => {
    spawnLink(() => exit("boom"));
    await receive();
  });
  const others = await Promise.all([1, 2].map(() => Node.run(() => self())));
  const error = await assertRejects(() => failing, ExitError);
  assertEquals(error.reason, "boom");
  assert(!others[0].equals(others[1]) && !others[0].equals(shell));
  assert(self().equals(shell));
});

test("Node.run() rejects with the reason of a signal that aborts, and ends the process", async () => {
  const abort = new AbortController();
  const pid = Promise.withResolvers<Pid>();
  const running = Node.run(async () => {
    pid.resolve(self());
    await receive();
  }, { signal: abort.signal });
  const process = await pid.promise;
  abort.abort(new Error("the client is gone"));
  await assertRejects(() => running, Error, "the client is gone");
  assert(!Process.alive(process));
  await assertRejects(
    () => Node.run(() => 1, { signal: abort.signal }),
    Error,
    "the client is gone",
  );
});

test("Node.run() keeps the caller's AsyncLocalStorage", async () => {
  const trace = new AsyncLocalStorage<string>();
  const seen = await trace.run(
    "request 1",
    () =>
      Node.run(async () => {
        send(self(), "goes on");
        await receive();
        return [trace.getStore(), self().toString()];
      }),
  );
  assertEquals(seen[0], "request 1");
  assert(seen[1] !== self().toString());
});

clusterTest("an exit over a link is logged with advice", async (cluster) => {
  await cluster.start("web");
  const shared = self();
  const crashed = spawnLink(() => exit("boom"));
  await assertRejects(() => receive(), ExitError, "boom");
  const [line, ...more] = cluster.lines();
  assertMatch(line, /^web warning: .*boom.*Node\.run\(fn\)/);
  for (const pid of [shared, crashed]) assertStringIncludes(line, `${pid}`);
  assertEquals(more, []);
});

test("a server that exits normally ends nothing outside any process", async () => {
  const shell = self();
  const server = await Agent.startLink(() => 0);
  await Agent.stop(server);
  assert(self().equals(shell));
});

clusterTest("a node's stop ends its supervisors silently", async (cluster) => {
  let warnings = 0;
  const web = await cluster.start("web", {
    log({ message }) {
      if (/^All waits of code outside any process fail/.test(message)) {
        warnings++;
      }
    },
  });
  const ended = await Supervisor.startLink([], { strategy: "one_for_one" });
  await assertRejects(() => Supervisor.stop(ended, "shutdown"), ExitError);
  assertEquals(warnings, 1, "before the stop, it is a failure");
  await Supervisor.startLink([], { strategy: "one_for_one" });
  await web.stop();
  assertEquals(warnings, 1);
});
