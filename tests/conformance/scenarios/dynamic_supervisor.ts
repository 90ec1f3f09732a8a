/** DynamicSupervisor: children on demand, limits, restarts, the concurrent termination of all, other nodes. */

import {
  type ChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  exit,
  GenServer,
  Node,
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  type ServerRef,
  spawn,
  spawnLink,
  Supervisor,
} from "../../../mod.ts";
import type { ChildDefinition } from "../../../packages/servers/supervisor/supervisor.ts";
import {
  expect,
  forever,
  killNode,
  message,
  on,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNothing,
} from "../_scenario.ts";
import {
  flaky,
  parent,
  probe,
  result,
  startProbe,
  traceAll,
  tree,
} from "../_supervision.ts";

const DONE = { type: "shutdown", reason: "done" };
const IGNORE: ChildSpec = { id: "a", start: () => "ignore" };

async function start(options: DynamicSupervisorOptions = {}): Promise<Pid> {
  const sup = await DynamicSupervisor.startLink(options);
  await trace("supervisor", sup);
  return sup;
}

async function add(sup: ServerRef, child: ChildDefinition): Promise<Pid> {
  return await DynamicSupervisor.startChild(sup, child) as Pid;
}

async function children(sup: ServerRef): Promise<unknown[][]> {
  const found = await DynamicSupervisor.whichChildren(sup);
  return found.map(({ pid, type }) => [pid, type]);
}

/** Makes a child exit with a reason, and waits until its supervisor has handled it. */
async function exitWith(sup: ServerRef, pid: Pid, reason: unknown) {
  send(pid, message("exit", reason));
  while ((await children(sup)).some(([other]) => pid.equals(other)));
}

function stopElsewhere(sup: Pid): void {
  const observer = self();
  spawnLink(async () => {
    const value = await DynamicSupervisor.stop(sup);
    send(observer, { type: "stopped", value });
  });
}

scenario("starts children of one id, in order, and counts them", async () => {
  const sup = await start();
  for (const type of ["worker", "supervisor", "worker"] as const) {
    await trace("pid", add(sup, probe("a", { type })));
  }
  await trace("children", children(sup));
  await trace("counts", DynamicSupervisor.countChildren(sup));
  await traceAll(3);
});

scenario("refuses children above max_children until one exits", async () => {
  const sup = await start({ maxChildren: 1 });
  const pid = await add(sup, probe("a", { restart: "temporary" }));
  const full = async (id: string) => {
    const refused = result(DynamicSupervisor.startChild(sup, probe(id)));
    await trace("full", refused);
  };
  await full("b");
  await exitWith(sup, pid, "normal");
  const next = await add(sup, probe("c"));
  await full("d");
  await trace("terminated", DynamicSupervisor.terminateChild(sup, next));
  await trace("room", Process.alive(await add(sup, probe("e"))));
  await traceAll(3);
});

scenario("max_children 0 calls no start, not even an ignored one", async () => {
  const sup = await start({ maxChildren: 0 });
  for (const child of [IGNORE, flaky("b", [1])]) {
    await trace("start", result(DynamicSupervisor.startChild(sup, child)));
  }
  await trace("children", children(sup));
});

scenario("keeps no child whose start fails or is ignored", async () => {
  const sup = await start();
  const answer = (child: ChildDefinition) =>
    result(DynamicSupervisor.startChild(sup, child));
  await trace("ignore", answer(IGNORE));
  await trace("failing", answer(flaky("b", [1])));
  await trace("counts", DynamicSupervisor.countChildren(sup));
  await traceAll(1);
});

scenario("a permanent child restarts last, with another pid", async () => {
  const sup = await start({ maxRestarts: 9 });
  let pid = await add(sup, probe("a"));
  await add(sup, probe("b"));
  await trace("children", children(sup));
  for (const reason of ["normal", "shutdown", DONE, "oops"]) {
    await exitWith(sup, pid, reason);
    const found = await children(sup);
    await trace("children", found);
    pid = found[1][0] as Pid;
  }
  await traceAll(6);
});

scenario("a transient child restarts unless it exited normally", async () => {
  const sup = await start({ maxRestarts: 9 });
  const odd = { type: "odd", value: 1 };
  for (const reason of ["normal", "shutdown", DONE, "oops", odd]) {
    const pid = await add(sup, probe("a", { restart: "transient" }));
    await exitWith(sup, pid, reason);
    await trace("after", [reason, await children(sup)]);
  }
  await traceAll(7);
});

scenario("a temporary child never restarts", async () => {
  const sup = await start();
  for (const reason of ["normal", "oops"]) {
    const pid = await add(sup, probe("a", { restart: "temporary" }));
    await exitWith(sup, pid, reason);
    await trace("after", [reason, await children(sup)]);
  }
  await traceAll(2);
});

scenario("exits after one restart too many, and ends the others", async () => {
  Process.trapExit(true);
  const sup = await start({ maxRestarts: 1 });
  const pid = await add(sup, probe("a"));
  await add(sup, probe("b", { trap: true }));
  await exitWith(sup, pid, "oops");
  const [, [next]] = await children(sup);
  send(next as Pid, message("exit", "oops"));
  await traceAll(5);
});

scenario("each attempt to restart a child counts as a restart", async () => {
  Process.trapExit(true);
  const sup = await start();
  const pid = await add(sup, flaky("a", [2, 3, 4]));
  send(pid, message("exit", "oops"));
  await traceAll(5);
});

scenario("a child whose restart fails is retried until it starts", async () => {
  const sup = await start();
  await exitWith(sup, await add(sup, flaky("a", [2, 3])), "oops");
  await traceAll(4);
  await trace("counts", DynamicSupervisor.countChildren(sup));
});

scenario("a retried child counts, and its old pid removes it", async () => {
  const sup = await start({ maxChildren: 1 });
  const pid = await add(sup, flaky("a", [2], { wait: true }));
  await trace("pid", pid);
  send(pid, message("exit", "oops"));
  await traceAll(2);
  const before = children(sup);
  const counts = DynamicSupervisor.countChildren(sup);
  const terminated = DynamicSupervisor.terminateChild(sup, pid);
  const again = result(DynamicSupervisor.terminateChild(sup, pid));
  const last = children(sup);
  send(sup, message("fail"));
  await trace("before", before);
  await trace("counts", counts);
  await trace("terminate", terminated);
  await trace("terminate", again);
  await trace("after", last);
  await DynamicSupervisor.stop(sup);
  await trace("stopped");
  await traceNothing("tried");
});

scenario("a child that ignores its restart is forgotten", async () => {
  const observer = self();
  let starts = 0;
  const sup = await start();
  const pid = await add(sup, {
    id: "a",
    start: () => starts++ === 0 ? startProbe("a", observer) : "ignore",
  });
  await exitWith(sup, pid, "oops");
  await trace("children", children(sup));
  await traceAll(1);
});

scenario("an ignored restart counts as a restart", async () => {
  Process.trapExit(true);
  const observer = self();
  let starts = 0;
  const sup = await start({ maxRestarts: 1 });
  const pid = await add(sup, {
    id: "a",
    start: () => starts++ === 0 ? startProbe("a", observer) : "ignore",
  });
  const other = await add(sup, probe("b"));
  await exitWith(sup, pid, "oops");
  send(other, message("exit", "oops"));
  await traceAll(3);
});

scenario("terminate_child ends a child, or returns not_found", async () => {
  const sup = await start();
  const pid = await add(sup, probe("a", { trap: true }));
  const terminate = (pid: Pid) =>
    result(DynamicSupervisor.terminateChild(sup, pid));
  await trace("pid", pid);
  await trace("terminate", terminate(pid));
  await trace("terminate", terminate(pid));
  await trace("self", terminate(self()));
  await trace("children", children(sup));
  await traceAll(2);
});

scenario("asks all its children to exit at once", async () => {
  Process.trapExit(true);
  const sup = await start();
  const options = { slow: true, shutdown: "infinity" } as const;
  const pids: Pid[] = [];
  for (const id of ["a", "b"]) pids.push(await add(sup, probe(id, options)));
  await traceAll(2);
  stopElsewhere(sup);
  // Either could be first; the point is that both are asked before one has exited.
  const told = [(await expect("down")).id, (await expect("down")).id];
  await trace("told", told.sort());
  await trace("alive", Process.alive(sup));
  for (const pid of pids) send(pid, message("go"));
  await trace("stopped", expect("stopped"));
});

scenario("each child is killed after its own shutdown timeout", async () => {
  const sup = await start();
  const refs: Ref[] = [];
  for (
    const options of [
      { stubborn: true, shutdown: 20 },
      { trap: true, shutdown: "brutal_kill" },
    ] as const
  ) {
    const pid = await add(sup, probe("a", options));
    const ref = Process.monitor(pid);
    await trace("monitor", [pid, ref]);
    refs.push(ref);
  }
  const slow = await add(sup, probe("b", { slow: true, shutdown: "infinity" }));
  await traceAll(3);
  stopElsewhere(sup);
  for (const id of ["b", "a"]) {
    const { reason } = await receive((m) => m?.type === "down" && m.id === id);
    await trace("told", reason);
  }
  for (const ref of refs) {
    await trace("got", receive((m) => ref.equals(m?.ref)));
  }
  send(slow, message("go"));
  await trace("stopped", expect("stopped"));
});

scenario("exits with its parent, for the same reason", async () => {
  for (const reason of ["normal", "oops"]) {
    const { pid, sup } = await parent(() => DynamicSupervisor.startLink());
    await add(sup, probe("a", { trap: true }));
    await trace("monitor", [sup, Process.monitor(sup)]);
    send(pid, message("exit", reason));
    await traceAll(3);
  }
});

scenario("stops with the given reason", async () => {
  Process.trapExit(true);
  for (const reason of ["normal", DONE, "oops"]) {
    const sup = await start();
    await add(sup, probe("a", { trap: true }));
    await trace("stopped", DynamicSupervisor.stop(sup, reason));
    await traceAll(3);
  }
});

scenario("ignores casts, messages and exits of other processes", async () => {
  const sup = await start();
  const pid = await add(sup, probe("a"));
  const stranger = spawn(async () => {
    GenServer.cast(sup, "hello");
    send(sup, message("hello"));
    Process.exit(sup, "oops");
    const [[same], ...others] = await children(sup);
    await trace("same", pid.equals(same) && others.length === 0);
  });
  await reasonOf(stranger);
  await trace("alive", Process.alive(sup));
});

scenario("a supervisor restarts it without its children", async () => {
  const top = await Supervisor.startLink([
    [DynamicSupervisor, { name: "rooms" }],
  ], { strategy: "one_for_one" });
  await trace("top", tree(top));
  await add("rooms", probe("a", { trap: true }));
  await trace("rooms", children("rooms"));
  const pid = Process.whereis("rooms")!;
  Process.exit(pid, "kill");
  while (
    (await Supervisor.whichChildren(top)).some((each) => pid.equals(each.pid))
  );
  await trace("top", tree(top));
  await trace("rooms", children("rooms"));
  await traceAll(2);
});

scenario("a start with a registered name returns its holder", async () => {
  const options = { name: "rooms" };
  await trace("first", DynamicSupervisor.startLink(options));
  const second = result(DynamicSupervisor.startLink(options));
  await trace("second", second);
});

export function remote(): Pid {
  return spawnLink(async () => exit((await expect("exit"))[1]));
}

export function startRemote(): Promise<Pid> {
  return DynamicSupervisor.startLink({ name: "far", maxChildren: 1 });
}

scenario("on another node it starts and ends children there", async () => {
  const sup = { name: "far", node: await peer("kate") };
  await on("kate", startRemote);
  const child = { id: "a", start: remote };
  const pid = await add(sup, child);
  await trace("child", [pid, pid.node]);
  const full = result(DynamicSupervisor.startChild(sup, child));
  await trace("full", full);
  await exitWith(sup, pid, "oops");
  const [[next]] = await children(sup);
  await trace("next", next);
  const terminated = DynamicSupervisor.terminateChild(sup, next as Pid);
  await trace("terminated", terminated);
  await trace("children", children(sup));
  await trace("stopped", DynamicSupervisor.stop(sup));
});

scenario("forgets a temporary child whose node is killed", async () => {
  const victim = await peer("victim");
  const sup = await start();
  const pid = await add(sup, {
    id: "a",
    start: () => Node.spawnLink(victim, forever),
    restart: "temporary",
  });
  await trace("children", children(sup));
  await killNode("victim");
  while ((await children(sup)).some(([other]) => pid.equals(other)));
  await trace("children", children(sup));
});

scenario("extra_arguments come before the child's own arguments", async () => {
  const main = self();
  const sup = await start({ extraArguments: ["one", [2]] });
  const child = (id: string) => ({
    id,
    start: (first: string, second: number[]) => {
      send(main, { type: "started", first, second });
      return spawnLink(async () => exit(await expect("exit")));
    },
  });
  const pid = await DynamicSupervisor.startChild(sup, child("a"));
  await trace("started", receive());
  send(pid, message("exit", "oops"));
  await trace("again", receive());
  await DynamicSupervisor.startChild(sup, child("b"));
  await trace("another", receive());
});
