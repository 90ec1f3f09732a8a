/** Monitors: of pids and of names, here and on other nodes. */

import {
  beam,
  exit,
  makeRef,
  Node,
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
  spawnMonitor,
} from "../../../mod.ts";
import {
  expect,
  forever,
  killNode,
  message,
  next,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  traceNothing,
  UNKNOWN_NODE,
} from "../_scenario.ts";

/** Exits with the reason that it receives. */
export async function obedient(): Promise<never> {
  exit((await expect("exit"))[1]);
}

/** Registers the name, reports it, and exits with the reason that it receives. */
export async function named(name: string, main: Pid): Promise<void> {
  Process.register(self(), name);
  send(main, message("registered"));
  await obedient();
}

beam(named, { args: ["atom"] });

export function nothing(): void {}

async function startNamed(node: string, name: string): Promise<Pid> {
  const pid = await Node.spawn(node, named, [name, self()]);
  await expect("registered");
  return pid;
}

function tellToExit(
  to: Pid | string | { name: string; node: string },
  reason: unknown,
): void {
  send(to, message("exit", reason));
}

function downOf(ref: Ref): Promise<unknown> {
  return receive((message) => ref.equals(message?.ref));
}

scenario("each monitor of one process has its own DOWN", async () => {
  const pid = spawn(obedient);
  const refs = [
    Process.monitor(pid),
    Process.monitor(pid),
    Process.monitor(pid),
  ];
  await trace("monitors", [pid, ...refs]);
  tellToExit(pid, "oops");
  for (const ref of refs) await trace("got", downOf(ref));
  await traceMarker("then");
});

scenario("a dead process sends DOWN with noproc, remotely too", async () => {
  for (const node of [Node.self(), await peer("kate")]) {
    const pid = await Node.spawn(node, nothing);
    await reasonOf(pid);
    const ref = Process.monitor(pid);
    await trace("monitor", [pid, ref]);
    await traceNext("got");
  }
});

scenario("a free name sends DOWN with noproc, remotely too", async () => {
  const name = "nobody";
  for (
    const target of [name, { name, node: Node.self() }, {
      name,
      node: await peer("kate"),
    }]
  ) {
    await trace("monitor", Process.monitor(target));
    await traceNext("got");
  }
});

scenario("the DOWN of a monitored name has the name and node", async () => {
  await startNamed(Node.self(), "clerk");
  await trace("monitor", Process.monitor("clerk"));
  const other = Process.monitor({ name: "clerk", node: Node.self() });
  await trace("monitor", other);
  tellToExit("clerk", "oops");
  await trace(
    "got",
    receive((m) => m?.type === "DOWN" && !other.equals(m.ref)),
  );
  await traceNext("got");
});

scenario("the DOWN of a name elsewhere has the name and node", async () => {
  const clerk = { name: "clerk", node: await peer("kate") };
  await startNamed(clerk.node, "clerk");
  await trace("monitor", Process.monitor(clerk));
  tellToExit(clerk, "oops");
  await traceNext("got");
});

scenario("a name is looked up when the monitor is made", async () => {
  const pid = await startNamed(Node.self(), "clerk");
  const ref = Process.monitor("clerk");
  Process.unregister("clerk");
  Process.register(self(), "clerk");
  await trace("monitor", ref);
  tellToExit(pid, "renamed");
  await traceNext("got");
  Process.unregister("clerk");
});

scenario("an unreachable node sends DOWN with noconnection", async () => {
  const pid = await Node.spawn(await peer("victim"), forever);
  await trace("monitor", [pid, Process.monitor(pid)]);
  await killNode("victim");
  await traceNext("got");
  await trace("monitor", Process.monitor(pid));
  await traceNext("got");
  await trace("monitor", Process.monitor({ name: "clerk", node: pid.node }));
  await traceNext("got");
  await trace(
    "monitor",
    Process.monitor({ name: "clerk", node: UNKNOWN_NODE }),
  );
  await traceNext("got");
});

scenario("each monitor receives noconnection once", async () => {
  const clerk = { name: "clerk", node: await peer("kate") };
  const pid = await startNamed(clerk.node, "clerk");
  const refs = [pid, pid, clerk].map((target) => Process.monitor(target));
  await trace("monitors", [pid, ...refs]);
  await part("kate");
  for (const ref of refs) await trace("got", downOf(ref));
  await traceNothing("then");
  // The connection is made anew: the monitored process is alive, and no longer monitored.
  tellToExit(clerk, "late");
  await traceNothing("then");
});

scenario("the DOWN from another node contains the exit reason", async () => {
  for (
    const reason of ["normal", { type: "shutdown", reason: "done" }, {
      code: 1,
    }]
  ) {
    const pid = await Node.spawn(await peer("kate"), obedient);
    const ref = Process.monitor(pid);
    tellToExit(pid, reason);
    await trace("got", [await expect("DOWN"), ref, pid]);
  }
});

scenario("demonitor returns whether the monitor existed", async () => {
  const pid = spawn(obedient);
  const ref = Process.monitor(pid);
  await trace("first", Process.demonitor(ref));
  await trace("second", Process.demonitor(ref));
  tellToExit(pid, "unwatched");
  await reasonOf(pid);
  await traceMarker("then");
  await trace("of none", Process.demonitor(makeRef()));
});

scenario("a DOWN that arrived stays, unless demonitor flushes", async () => {
  const pid = spawn(obedient);
  const [kept, flushed] = [Process.monitor(pid), Process.monitor(pid)];
  tellToExit(pid, "oops");
  await reasonOf(pid);
  for (const ref of [kept, flushed]) send(self(), await downOf(ref));
  await trace("monitors", [kept, flushed]);
  await trace("kept", Process.demonitor(kept));
  await trace("flushed", Process.demonitor(flushed, { flush: true }));
  await traceMarker("got");
  await traceNext("then");
});

scenario("demonitor of a process of another node stops the DOWN", async () => {
  const pid = await Node.spawn(await peer("kate"), obedient);
  const [ref, other] = [Process.monitor(pid), Process.monitor(pid)];
  await trace("monitors", [ref, other]);
  await trace("demonitor", Process.demonitor(ref));
  tellToExit(pid, "oops");
  await traceNext("got");
  await traceNothing("then");
});

scenario("demonitor of a name on another node stops the DOWN", async () => {
  const clerk = { name: "clerk", node: await peer("kate") };
  const pid = await startNamed(clerk.node, "clerk");
  await trace("demonitor", Process.demonitor(Process.monitor(clerk)));
  const other = Process.monitor(pid);
  tellToExit(pid, "oops");
  await trace("got", [await expect("DOWN"), other, pid]);
  await traceNothing("then");
});

scenario("a process that monitors itself receives nothing", async () => {
  const { pid, ref } = spawnMonitor(async () => {
    const own = Process.monitor(self());
    await traceMarker("got");
    await trace("demonitor", Process.demonitor(own));
  });
  await trace("down", [await expect("DOWN"), ref, pid]);
});

scenario("a process of an older incarnation is noproc", async () => {
  const pid = await Node.spawn(await peer("victim"), forever);
  await killNode("victim");
  await Node.spawn(await peer("victim"), forever);
  await trace("monitor", [pid, Process.monitor(pid)]);
  await traceNext("got");
  await killNode("victim");
});

export async function heir(main: Pid): Promise<void> {
  send(main, message("heir", await next(5000)));
}

scenario("messages to an older incarnation of a node are dropped", async () => {
  const pid = await Node.spawn(await peer("victim"), forever);
  await killNode("victim");
  const other = await Node.spawn(await peer("victim"), heir, [self()]);
  send(pid, message("for_the_old_one"));
  send(other, message("for_the_new_one"));
  await traceNext("got");
  await killNode("victim");
});
