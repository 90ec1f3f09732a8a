import {
  assertEquals,
  assertFalse,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  NoProcessError,
  RpcError,
} from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { Process } from "../../../packages/processes/process.ts";
import {
  Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { DynamicSupervisor } from "../../../packages/servers/supervisor/dynamic_supervisor.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import * as Remote from "../../_remote.ts";
import { pairTest, reasonOf } from "../../_nodes.ts";
import { ended, idle, processTest, quiet } from "../../_processes.ts";

processTest("info() describes another process", async () => {
  const leader = idle();
  const { pid, ref } = spawnMonitor(
    async () => {
      Process.trapExit(true);
      Process.groupLeader(leader);
      Process.register(self(), "worker");
      await receive((message) => message === "go");
      await receive(() => false);
    },
    [],
    { label: "worker loop" },
  );
  send(pid, "one");
  send(pid, { two: 2 });
  Process.link(pid);
  Process.monitor(pid);
  await quiet();
  const { messages, ...found } = Process.info(pid, { messages: true })!;
  assertEquals(messages, ["one", { two: 2 }]);
  assertEquals(found, {
    pid,
    registeredName: "worker",
    initialCall: "worker loop",
    status: "waiting",
    messageQueueLen: 2,
    links: [self()],
    monitors: [],
    monitoredBy: [self(), self()],
    trapExit: true,
    groupLeader: leader,
    parent: self(),
    ancestors: [],
    callers: [],
  });
  const own = Process.info()!;
  assertEquals([own.pid, own.status, own.links], [self(), "running", [pid]]);
  assertEquals(own.monitors, [pid, pid]);
  Process.unlink(pid);
  assertEquals(Process.info()!.links, []);
  Process.exit(pid, "kill");
  Process.exit(leader, "kill");
  assertEquals((await receive((m) => ref.equals(m?.ref))).reason, "killed");
  await receive();
});

processTest("info() returns copies of the messages", async () => {
  send(self(), { list: [1] });
  const [message] = Process.info(self(), { messages: true })!.messages as [
    { list: number[] },
  ];
  message.list.push(2);
  assertEquals(await receive(), { list: [1] });
});

processTest("info() rejects a value that is not a process of this node", () => {
  const { creation } = self();
  for (const pid of [new Pid("kate@localhost", 1, creation), "worker"]) {
    assertThrows(
      () => Process.info(pid as Pid),
      TypeError,
      "it is not a process of nonode@nohost; ask on its own node",
    );
  }
});

processTest("list() returns live processes in order of start", async () => {
  const before = Process.list();
  const [first, second] = [idle(), idle()];
  const isNew = (pid: Pid) => !before.some((each) => each.equals(pid));
  assertEquals(Process.list().filter(isNew), [first, second]);
  Process.exit(first, "kill");
  assertEquals(Process.list().filter(isNew), [second]);
  Process.exit(second, "kill");
  assertEquals(Process.list(), before);
  await ended(first);
});

processTest("a server's ancestors are its starters", async () => {
  const inner = {
    id: "inner",
    start: () => DynamicSupervisor.startLink(),
    type: "supervisor",
  } as const;
  const outer = await Supervisor.startLink([inner], {
    strategy: "one_for_one",
    name: "outer",
  });
  const [{ pid }] = await Supervisor.whichChildren(outer);
  assertEquals(Process.info(outer)!.ancestors, [self()]);
  assertEquals(Process.info(pid as Pid)!.ancestors, ["outer", self()]);
  assertEquals(Process.info(pid as Pid)!.parent, outer);
  const plain = spawnLink(() => receive());
  assertEquals(Process.info(plain)!.ancestors, []);
  Process.unlink(plain);
  Process.exit(plain, "kill");
  await Supervisor.stop(outer);
});

processTest("info() distinguishes a task's ancestors and callers", async () => {
  const sup = await TaskSupervisor.startLink({ name: "tasks" });
  const task = await TaskSupervisor.async(sup, () => Process.info());
  const found = await Task.await(task);
  assertEquals(found?.ancestors, [sup, self()]);
  assertEquals(found?.callers, [self()]);
  assertEquals(found?.parent, sup);
  await TaskSupervisor.stop(sup);
});

processTest("groupLeader() rejects a dead process", async () => {
  const dead = spawn(() => {});
  await ended(dead);
  assertThrows(
    () => Process.groupLeader(dead, self()),
    NoProcessError,
    "no such process is alive here",
  );
});

const outputs: Record<string, string> = {};

pairTest("groupLeader() redirects remote output", async () => {
  const start = () => Node.spawn("kate@localhost", Remote.printNext);
  const [before, after] = [await start(), await start()];
  const there = await Node.spawn("kate@localhost", Remote.waitFor);
  const ends = [reasonOf(before), reasonOf(after)];
  send(before, "to alex");
  Process.groupLeader(after, there);
  Process.groupLeader(after, Process.groupLeader());
  send(after, "to alex too");
  assertEquals(await Promise.all(ends), ["normal", "normal"]);
  assertEquals(outputs, { alex: "to alex\nto alex too\n" });
  // No process: dropped, as any signal.
  Process.groupLeader(before, Process.groupLeader());
  Process.groupLeader(new Pid("nobody@localhost", 1, 1), Process.groupLeader());
  Process.exit(there, "kill");
}, { outputs });

processTest("list() with info describes each process", async () => {
  const pid = idle();
  Process.register(pid, "idle");
  send(pid, "waits");
  await quiet();
  const all = Process.list({ info: true });
  assertEquals(all.map((each) => each.pid), Process.list());
  assertEquals(all.find((each) => each.pid.equals(pid)), Process.info(pid));
  assertEquals(Process.list({ info: false }), Process.list());
  Process.exit(pid, "kill");
  await ended(pid);
});

pairTest("info() of a process of another node asks that node", async () => {
  const pid = await Node.spawn("kate@localhost", Remote.wait);
  const ref = Process.monitor(pid);
  send(pid, "waits for nobody");
  const found = await Process.info(pid, { remote: true });
  assertEquals(found?.pid, pid);
  assertEquals(found?.initialCall, "Remote.wait/0");
  assertEquals(found?.monitoredBy, [self()]);
  assertEquals(found?.parent, self());
  assertEquals(found?.groupLeader, Process.groupLeader());
  assertEquals(found?.registeredName, undefined);
  assertFalse("messages" in found!);
  Process.exit(pid, "kill");
  await receive((m) => ref.equals(m?.ref));
  assertEquals(await Process.info(pid, { remote: true }), undefined);
  assertEquals(await Process.info(self(), { remote: true }), Process.info());
  const messages = true as unknown as undefined;
  await assertRejects(
    () => Process.info(pid, { remote: true, messages }),
    TypeError,
    "Cannot tell the messages of",
  );
  await assertRejects(
    () => Process.info("kate" as unknown as Pid, { remote: true }),
    TypeError,
    "it is not a pid",
  );
  await assertRejects(
    () => Process.info(new Pid("nobody@localhost", 1, 1), { remote: true }),
    RpcError,
    "Cannot call Process.info/1 on nobody@localhost",
  );
});
