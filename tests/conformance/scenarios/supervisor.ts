/** Supervisor: order, strategies, restarts, shutdown, significant children, trees, other nodes. */

import {
  type ChildSpec,
  exit,
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
  type SupervisorOptions,
} from "../../../mod.ts";
import type { ChildDefinition } from "../../../packages/servers/supervisor/supervisor.ts";
import {
  attempt,
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
  finish,
  flaky,
  inTree,
  parent,
  pidOf,
  probe,
  type ProbeOptions,
  result,
  settle,
  startProbe,
  traceAll,
  tree,
} from "../_supervision.ts";
import { why } from "../_tasks.ts";

const ONE = { strategy: "one_for_one" } as const;
const ALL = { strategy: "one_for_all" } as const;
const REST = { strategy: "rest_for_one" } as const;
const ANY_SIGNIFICANT = { autoShutdown: "any_significant" } as const;
const ALL_SIGNIFICANT = { autoShutdown: "all_significant" } as const;
const DONE = { type: "shutdown", reason: "done" };

async function start(
  children: ChildDefinition[],
  options: Partial<SupervisorOptions> = {},
): Promise<Pid> {
  const sup = await Supervisor.startLink(children, { ...ONE, ...options });
  await trace("supervisor", sup);
  return sup;
}

function trapping(...ids: string[]): ChildSpec[] {
  return ids.map((id) => probe(id, { trap: true }));
}

// Order

scenario("starts its children in order, and ends them in reverse", async () => {
  const sup = await start(trapping("a", "b", "c"));
  await traceAll(3);
  await trace("tree", tree(sup));
  await trace("stopped", Supervisor.stop(sup));
  await traceAll(3);
});

scenario("a later child is started last and terminated first", async () => {
  const sup = await start(trapping("a", "b"));
  await trace("added", Supervisor.startChild(sup, probe("c", { trap: true })));
  await traceAll(3);
  await trace("tree", tree(sup));
  await Supervisor.stop(sup);
  await traceAll(3);
});

scenario("counts its children by whether they run, and by type", async () => {
  const sup = await start([
    probe("a"),
    probe("b", { type: "supervisor" }),
    probe("c", { restart: "transient" }),
    probe("d", { restart: "temporary" }),
  ]);
  await trace("all", Supervisor.countChildren(sup));
  await finish(sup, "c", "normal");
  await finish(sup, "d", "normal");
  await Supervisor.terminateChild(sup, "b");
  await trace("fewer", Supervisor.countChildren(sup));
  await traceAll(4);
});

// Strategies

scenario("one_for_one restarts the exited child in its position", async () => {
  const sup = await start([...trapping("a"), probe("b"), ...trapping("c")]);
  await traceAll(3);
  await trace("tree", tree(sup));
  await finish(sup, "b", "oops");
  await traceAll(1);
  await trace("tree", tree(sup));
});

scenario("one_for_all ends the others in reverse, restarts all", async () => {
  const sup = await start(trapping("a", "b", "c", "d"), ALL);
  await traceAll(4);
  await finish(sup, "b", "oops");
  await traceAll(7);
});

scenario("rest_for_one restarts the children started later", async () => {
  const sup = await start(trapping("a", "b", "c", "d"), REST);
  await traceAll(4);
  await trace("tree", tree(sup));
  await finish(sup, "b", "oops");
  await traceAll(5);
  await trace("tree", tree(sup));
});

const TEMPORARY = { trap: true, restart: "temporary" } as const;

scenario("one_for_all removes temporary siblings for good", async () => {
  const children = [probe("a"), probe("t", TEMPORARY), probe("b")];
  const sup = await start(children, ALL);
  await traceAll(3);
  await finish(sup, "a", "oops");
  await traceAll(3);
  await trace("tree", tree(sup));
});

scenario("one_for_all goes on when a temporary child exits", async () => {
  const children = [probe("a"), probe("t", TEMPORARY), probe("b")];
  const sup = await start(children, ALL);
  await traceAll(3);
  await trace("tree", tree(sup));
  await finish(sup, "t", "oops");
  await trace("tree", tree(sup));
});

scenario("rest_for_one leaves an earlier temporary child", async () => {
  const temporary = (id: string) => probe(id, TEMPORARY);
  const children = [temporary("s"), probe("a"), temporary("t")];
  const sup = await start(children, REST);
  await traceAll(3);
  await trace("tree", tree(sup));
  await finish(sup, "a", "oops");
  await traceAll(2);
  await trace("tree", tree(sup));
});

scenario("one_for_all restarts an exited transient sibling", async () => {
  const children = [probe("a"), probe("b", { restart: "transient" })];
  const sup = await start(children, ALL);
  await finish(sup, "b", "normal");
  await trace("tree", tree(sup));
  await finish(sup, "a", "oops");
  await traceAll(4);
  await trace("tree", tree(sup));
});

scenario("one_for_all restarts once for two exits at once", async () => {
  const options = { ...ALL, maxRestarts: 1 };
  const sup = await start([probe("a"), probe("b")], options);
  const pids = [await pidOf(sup, "a"), await pidOf(sup, "b")];
  const spec = flaky("c", [1], { wait: true });
  const answer = result(Supervisor.startChild(sup, spec));
  await expect("failing");
  for (const pid of pids) Process.exit(pid, "kill");
  for (const pid of pids) await reasonOf(pid);
  send(sup, message("fail"));
  await trace("not added", answer);
  await traceAll(4);
  await trace("counts", Supervisor.countChildren(sup));
});

// Restart types

scenario("a permanent child restarts for any reason", async () => {
  const sup = await start([probe("a")], { maxRestarts: 9 });
  for (const reason of ["normal", "shutdown", DONE, "oops"]) {
    await finish(sup, "a", reason);
    await trace("after", reason);
  }
  await traceAll(5);
});

scenario("a transient child restarts unless it exits normally", async () => {
  const children = [probe("a", { restart: "transient" })];
  const sup = await start(children, { maxRestarts: 9 });
  const odd = { type: "odd", value: 1 };
  for (const reason of ["oops", "normal", "shutdown", DONE, odd]) {
    await finish(sup, "a", reason);
    await trace("after", reason);
    const isOdd = reason === "oops" || reason === odd;
    if (isOdd) await trace("runs", pidOf(sup, "a"));
    else await trace("tree", tree(sup));
    if (await pidOf(sup, "a") === undefined) {
      await Supervisor.restartChild(sup, "a");
    }
  }
  await traceAll(6);
});

scenario("a temporary child never restarts, and is forgotten", async () => {
  const sup = await start([]);
  for (const reason of ["normal", "shutdown", "oops"]) {
    await Supervisor.startChild(sup, probe("a", { restart: "temporary" }));
    await finish(sup, "a", reason);
    await trace("tree", tree(sup));
  }
  await traceAll(3);
});

// Intensity

/** Makes a child exit with a reason. */
async function end(sup: Pid | string, id: string, reason: unknown) {
  send(await pidOf(sup, id), message("exit", reason));
}

scenario("exits after one restart too many, and ends the others", async () => {
  Process.trapExit(true);
  const children = [...trapping("a"), probe("b"), ...trapping("c")];
  const sup = await start(children, { maxRestarts: 1 });
  await finish(sup, "b", "oops");
  await end(sup, "b", "oops");
  await traceAll(7);
});

scenario("a restart longer ago than max_seconds does not count", async () => {
  const sup = await start([probe("a")], { maxRestarts: 1, maxSeconds: 1 });
  await finish(sup, "a", "oops");
  // OTP counts whole seconds.
  // safe: a longer pause counts as little
  await Process.sleep(2100);
  await finish(sup, "a", "oops");
  await traceAll(3);
  await trace("counts", Supervisor.countChildren(sup));
});

scenario("restarts are counted in whole seconds", async () => {
  Process.trapExit(true);
  const sup = await start([probe("a")], { maxRestarts: 1, maxSeconds: 1 });
  await Process.sleep(1000 - performance.now() % 1000);
  await finish(sup, "a", "oops");
  // More than one second later, in the next second of the clock.
  // safe: more time only moves it further from the first second
  await Process.sleep(1300);
  await end(sup, "a", "oops");
  await traceAll(3);
});

scenario("each attempt to restart a child counts", async () => {
  Process.trapExit(true);
  const sup = await start([flaky("a", [2, 3, 4])]);
  await end(sup, "a", "normal");
  await traceAll(5);
});

scenario("a child whose restart fails is retried until it starts", async () => {
  const sup = await start([flaky("a", [2, 3]), probe("b")]);
  await finish(sup, "a", "oops");
  await traceAll(5);
  await trace("counts", Supervisor.countChildren(sup));
});

scenario("serves requests between two attempts", async () => {
  const sup = await start([flaky("a", [2], { wait: true })]);
  await end(sup, "a", "oops");
  await traceAll(2);
  const before = Supervisor.whichChildren(sup);
  const deleted = Supervisor.deleteChild(sup, "a");
  const restarted = result(Supervisor.restartChild(sup, "a"));
  const counts = Supervisor.countChildren(sup);
  const terminated = Supervisor.terminateChild(sup, "a");
  const last = Supervisor.whichChildren(sup);
  send(sup, message("fail"));
  await trace("before", inTree(await before));
  await trace("delete", result(deleted));
  await trace("restart", restarted);
  await trace("counts", counts);
  await trace("terminate", terminated);
  await trace("after", inTree(await last));
  await Supervisor.stop(sup);
  await trace("stopped");
  await traceNothing("tried");
});

async function failsToRestart(
  options: typeof ALL | typeof REST,
  count: number,
) {
  const b = flaky("b", [2], { trap: true });
  const sup = await start([...trapping("a"), b, ...trapping("c")], options);
  await end(sup, "a", "oops");
  await traceAll(count);
  await trace("tree", tree(sup));
}

scenario(
  "one_for_all restarts all once more when one of them fails to start",
  () => failsToRestart(ALL, 11),
);

scenario(
  "rest_for_one goes on from the child that failed to start",
  () => failsToRestart(REST, 9),
);

// How children are terminated

async function terminateMonitored(options: ProbeOptions, count: number) {
  const sup = await start([probe("a", options)]);
  await trace("monitor", Process.monitor(await pidOf(sup, "a")));
  await trace("terminated", Supervisor.terminateChild(sup, "a"));
  await traceAll(count);
}

scenario(
  "kills a child that takes longer than its shutdown",
  () => terminateMonitored({ stubborn: true, shutdown: 20 }, 3),
);

scenario(
  "brutal_kill kills a child without asking it to exit",
  () => terminateMonitored({ trap: true, shutdown: "brutal_kill" }, 2),
);

/** Stops a supervisor in another process, which reports the result. */
function stopElsewhere(sup: Pid): void {
  const observer = self();
  spawnLink(async () => {
    send(observer, { type: "stopped", value: await Supervisor.stop(sup) });
  });
}

scenario("waits for a child with shutdown infinity", async () => {
  const slow = probe("a", { slow: true, shutdown: "infinity" });
  const sup = await start([slow, ...trapping("b")]);
  const a = await pidOf(sup, "a");
  await trace("monitor", Process.monitor(sup));
  stopElsewhere(sup);
  await traceAll(4);
  await trace("alive", Process.alive(sup));
  send(a, message("go"));
  await trace("stopped", expect("stopped"));
  await traceAll(1);
});

scenario("a stop whose caller timed out is still a stop", async () => {
  Process.trapExit(true);
  const sup = await start([probe("a", { slow: true, shutdown: "infinity" })]);
  const a = await pidOf(sup, "a");
  await attempt("stop", () => Supervisor.stop(sup, "shutdown", 10));
  await traceAll(2);
  send(a, message("go"));
  await traceAll(1);
});

scenario("a child that exits during a termination stays away", async () => {
  const sup = await start([probe("a"), probe("b", { slow: true })]);
  const [a, b] = [await pidOf(sup, "a"), await pidOf(sup, "b")];
  stopElsewhere(sup);
  await traceAll(3);
  send(a, message("exit", "oops"));
  await trace("ended", reasonOf(a));
  send(b, message("go"));
  await traceAll(1);
});

scenario("terminates a child that has unlinked itself", async () => {
  const sup = await start([]);
  const observer = self();
  const startUnlinked = async (id: string) => {
    const pid = await startProbe(id, observer);
    Process.unlink(pid);
    return pid;
  };
  for (const id of ["a", "b"]) {
    await Supervisor.startChild(sup, { id, start: () => startUnlinked(id) });
  }
  const [a, b] = [await pidOf(sup, "a"), await pidOf(sup, "b")];
  await trace("tree", tree(sup));
  send(a, message("exit", "oops"));
  await trace("ended", reasonOf(a));
  await trace("tree", tree(sup));
  await trace("counts", Supervisor.countChildren(sup));
  await Supervisor.stop(sup);
  await trace("alive", Process.alive(b));
  await traceAll(2);
});

scenario("an exit signal in a child's name counts as its exit", async () => {
  const sup = await start([]);
  const pid = await Supervisor.startChild(sup, {
    id: "a",
    start: () =>
      spawnLink(async () => {
        await expect("go");
        Process.exit(sup, "oops");
        await forever();
      }),
  });
  await trace("first", pid);
  send(pid, message("go"));
  await settle(sup, pid);
  await trace("second", pidOf(sup, "a"));
  await Supervisor.stop(sup);
  await trace("first alive", Process.alive(pid));
});

// The supervisor's own exit

scenario("stops with the given reason", async () => {
  Process.trapExit(true);
  for (const reason of ["normal", "shutdown", DONE, "oops"]) {
    const sup = await start([probe("a", { trap: true })]);
    await trace("stopped", Supervisor.stop(sup, reason));
    await traceAll(3);
  }
});

scenario("stop exits if it is missing or the reason differs", async () => {
  Process.trapExit(true);
  await attempt("nobody", () => Supervisor.stop("nobody"));
  const sup = await start([probe("a", { slow: true })]);
  const a = await pidOf(sup, "a");
  const observer = self();
  spawn(async () => {
    await attempt("killed", () => Supervisor.stop(sup));
    send(observer, message("done"));
  });
  await traceAll(2);
  Process.exit(sup, "kill");
  await expect("done");
  send(a, message("go"));
  await traceAll(1);
});

async function childOfParent() {
  const found = await parent(() => Supervisor.startLink([], ONE));
  await Supervisor.startChild(found.sup, probe("a", { trap: true }));
  await trace("monitor", [found.sup, Process.monitor(found.sup)]);
  return found;
}

scenario("exits with its parent, for the same reason", async () => {
  for (const reason of ["normal", "shutdown", "oops"]) {
    const { pid } = await childOfParent();
    send(pid, message("exit", reason));
    await traceAll(3);
  }
});

scenario("exits with killed when its parent is killed", async () => {
  const { pid } = await childOfParent();
  Process.exit(pid, "kill");
  await traceAll(3);
});

scenario("a killed supervisor ends its children over their links", async () => {
  Process.trapExit(true);
  const sup = await start([probe("a"), probe("b", { trap: true })]);
  await traceAll(2);
  const a = await pidOf(sup, "a");
  await trace("monitor", [a, Process.monitor(a)]);
  Process.exit(sup, "kill");
  await trace("down", expect("DOWN"));
  await trace("down", expect("down"));
  await trace("exit", receive(isExit));
});

scenario("ignores exits of other processes and messages", async () => {
  const sup = await start([probe("a")]);
  const stranger = spawn(async () => {
    Process.exit(sup, "oops");
    send(sup, message("hello"));
    send(sup, { type: "EXIT", from: self(), reason: "oops" });
    await trace("counts", Supervisor.countChildren(sup));
  });
  await reasonOf(stranger);
  await traceAll(1);
  await trace("alive", Process.alive(sup));
});

// Starts that fail

scenario("a child that fails to start ends the earlier ones", async () => {
  Process.trapExit(true);
  const children = [...trapping("a", "b"), flaky("c", [1]), probe("d")];
  await trace("start", result(Supervisor.startLink(children, ONE)));
  await traceAll(5);
  await traceNothing("exit");
});

scenario("a failed start ends a caller that does not trap exits", async () => {
  const children = [flaky("a", [1])];
  const pid = spawn(() => Supervisor.startLink(children, ONE));
  await trace("reason", reasonOf(pid));
  await traceAll(1);
});

scenario("a start under a registered name starts no child", async () => {
  const options = { ...ONE, name: "taken" };
  const sup = await Supervisor.startLink([], options);
  await trace("first", sup);
  await trace("second", result(Supervisor.startLink([probe("a")], options)));
  await Supervisor.stop("taken");
  await trace("free", Process.whereis("taken"));
  await traceNothing("child");
});

scenario("its parent's exit signal ends it, and frees its name", async () => {
  Process.trapExit(true);
  const options = { ...ONE, name: "named" };
  const sup = await Supervisor.startLink(trapping("a"), options);
  await trace("pid", sup);
  Process.exit(sup, "oops");
  await traceAll(3);
  await trace("free", Process.whereis("named"));
});

function ignoring(id: string, options: Partial<ChildSpec> = {}): ChildSpec {
  return { id, start: () => "ignore", ...options };
}

scenario("an ignored start is kept, unless it is temporary", async () => {
  const temporary = { restart: "temporary" } as const;
  const sup = await start([
    ignoring("a"),
    ignoring("b", temporary),
    ignoring("c", { restart: "transient" }),
  ]);
  await trace("tree", tree(sup));
  await trace("restart", result(Supervisor.restartChild(sup, "a")));
  for (const child of [ignoring("d"), ignoring("e", temporary)]) {
    await trace("start", result(Supervisor.startChild(sup, child)));
  }
  await trace("start", result(Supervisor.startChild(sup, ignoring("a"))));
  await trace("tree", tree(sup));
  await trace("counts", Supervisor.countChildren(sup));
});

scenario("an ignored restart leaves a child without a process", async () => {
  const observer = self();
  let starts = 0;
  const begin = () => starts++ === 0 ? startProbe("a", observer) : "ignore";
  const sup = await start([{ id: "a", start: begin }], { maxRestarts: 1 });
  await finish(sup, "a", "oops");
  await trace("tree", tree(sup));
  await traceAll(1);
});

scenario("an ignored restart counts as a restart", async () => {
  Process.trapExit(true);
  const observer = self();
  let starts = 0;
  const begin = () => starts++ === 0 ? startProbe("a", observer) : "ignore";
  const children = [{ id: "a", start: begin }, probe("b")];
  const sup = await start(children, { maxRestarts: 1 });
  await finish(sup, "a", "oops");
  await end(sup, "b", "oops");
  await traceAll(3);
});

// Requests

scenario("start_child refuses known ids and failing children", async () => {
  const sup = await start([probe("a")]);
  await trace("pid", pidOf(sup, "a"));
  const again = () => result(Supervisor.startChild(sup, probe("a")));
  await trace("running", again());
  await Supervisor.terminateChild(sup, "a");
  await trace("known", again());
  await trace("failing", result(Supervisor.startChild(sup, flaky("b", [1]))));
  await trace("tree", tree(sup));
  await traceAll(2);
});

scenario("terminate_child keeps all but temporary children", async () => {
  const sup = await start([probe("a", { trap: true }), probe("t", TEMPORARY)]);
  for (const id of ["a", "a", "t", "t"]) {
    await trace(id, result(Supervisor.terminateChild(sup, id)));
  }
  await trace("tree", tree(sup));
  await traceAll(4);
});

scenario("restart_child and delete_child need a stopped child", async () => {
  const sup = await start([flaky("a", [2])]);
  const restart = async () => {
    await trace("restart", result(Supervisor.restartChild(sup, "a")));
  };
  const remove = async () => {
    await trace("delete", result(Supervisor.deleteChild(sup, "a")));
  };
  await trace("tree", tree(sup));
  await restart();
  await remove();
  await Supervisor.terminateChild(sup, "a");
  await restart();
  await trace("tree", tree(sup));
  await restart();
  await Supervisor.terminateChild(sup, "a");
  await remove();
  await remove();
  await restart();
  await traceAll(3);
});

scenario("restart_child keeps the child's position", async () => {
  const sup = await start(trapping("a", "b"));
  await Supervisor.terminateChild(sup, "a");
  await Supervisor.restartChild(sup, "a");
  await Supervisor.stop(sup);
  await traceAll(6);
});

scenario("a request to a missing supervisor exits with the call", async () => {
  await attempt("which", () => Supervisor.whichChildren("nobody"));
  await attempt("terminate", () => Supervisor.terminateChild("nobody", "a"));
});

// Significant children

const SIGNIFICANT = { restart: "transient", significant: true } as const;

scenario("any_significant ends it when a child exits normally", async () => {
  Process.trapExit(true);
  for (const reason of ["normal", "shutdown", DONE]) {
    const c = probe("c", { trap: true, ...SIGNIFICANT });
    const children = [...trapping("a"), probe("b", SIGNIFICANT), c];
    const sup = await start(children, ANY_SIGNIFICANT);
    await end(sup, "b", reason);
    await traceAll(6);
  }
});

scenario("any_significant goes on after restarts and requests", async () => {
  const b = probe("b", { restart: "transient" });
  const sup = await start([probe("a", SIGNIFICANT), b], ANY_SIGNIFICANT);
  await finish(sup, "a", "oops");
  await finish(sup, "b", "normal");
  await Supervisor.terminateChild(sup, "a");
  await traceAll(3);
  await trace("tree", tree(sup));
});

scenario("any_significant ends it when a temporary child fails", async () => {
  Process.trapExit(true);
  const child = probe("a", { restart: "temporary", significant: true });
  const sup = await start([child], ANY_SIGNIFICANT);
  await end(sup, "a", "oops");
  await traceAll(2);
});

scenario("all_significant ends it when the last of them exits", async () => {
  Process.trapExit(true);
  const sup = await start([
    probe("a", SIGNIFICANT),
    probe("b", { trap: true }),
    probe("c", { restart: "temporary", significant: true }),
    ignoring("d", SIGNIFICANT),
  ], ALL_SIGNIFICANT);
  await finish(sup, "a", "normal");
  await trace("counts", Supervisor.countChildren(sup));
  await end(sup, "c", "oops");
  await traceAll(5);
});

scenario("all_significant waits for a child that is retried", async () => {
  Process.trapExit(true);
  const a = flaky("a", [2], { wait: true, ...SIGNIFICANT });
  const sup = await start([a, probe("b", SIGNIFICANT)], ALL_SIGNIFICANT);
  const b = await pidOf(sup, "b");
  await end(sup, "a", "oops");
  await traceAll(3);
  send(b, message("exit", "normal"));
  await trace("ended", reasonOf(b));
  send(sup, message("fail"));
  await traceAll(1);
  await settle(sup, b);
  await end(sup, "a", "normal");
  await traceAll(1);
});

scenario("significant supervisors end the tree above them", async () => {
  Process.trapExit(true);
  const nest = (id: string, children: ChildSpec[]): ChildSpec => ({
    id,
    type: "supervisor",
    start: () =>
      Supervisor.startLink(children, { ...ONE, ...ANY_SIGNIFICANT, name: id }),
    ...SIGNIFICANT,
  });
  await start([
    probe("b", { trap: true }),
    nest("outer", [nest("inner", [probe("a", SIGNIFICANT)])]),
  ], ANY_SIGNIFICANT);
  await end("inner", "a", "normal");
  await traceAll(4);
});

// Trees

function inner(
  children: ChildSpec[],
  options: Partial<ChildSpec> = {},
): ChildSpec {
  const own = { ...ONE, maxRestarts: 0, name: "inner" };
  return {
    id: "inner",
    type: "supervisor",
    start: () => Supervisor.startLink(children, own),
    ...options,
  };
}

scenario("a parent restarts a supervisor that gives up", async () => {
  const sup = await start([...trapping("x"), inner(trapping("a", "b"))]);
  const pid = await pidOf(sup, "inner");
  await trace("inner", pid);
  await end("inner", "b", "oops");
  await settle(sup, pid);
  await traceAll(6);
  await trace("inner", pidOf(sup, "inner"));
  await Supervisor.stop(sup);
  await traceAll(3);
});

scenario("a transient supervisor that gives up is not restarted", async () => {
  const sup = await start([inner([probe("a")], { restart: "transient" })]);
  const pid = await pidOf(sup, "inner");
  await end("inner", "a", "oops");
  await settle(sup, pid);
  await traceAll(1);
  await trace("tree", tree(sup));
});

scenario("giving up goes up the tree when each level exceeds", async () => {
  Process.trapExit(true);
  const children = [...trapping("x"), inner([probe("a")])];
  const sup = await start(children, { maxRestarts: 1 });
  const pid = await pidOf(sup, "inner");
  await end("inner", "a", "oops");
  await settle(sup, pid);
  await end("inner", "a", "oops");
  await traceAll(5);
});

scenario("a failed tree reports the path to the failed child", async () => {
  Process.trapExit(true);
  const children = [inner([flaky("a", [1])])];
  await trace("start", result(Supervisor.startLink(children, ONE)));
  await traceAll(1);
});

// Other nodes

export function remote(): Pid {
  return spawnLink(async () => exit((await expect("exit"))[1]));
}

export function startRemote(): Promise<Pid> {
  return Supervisor.startLink([], { ...ONE, name: "far" });
}

export async function wait(observer: Pid): Promise<never> {
  send(observer, message("waiting"));
  await forever();
  return exit("unreachable");
}

scenario("on another node it starts and ends children there", async () => {
  const kate = await peer("kate");
  const pid = await on("kate", startRemote);
  const sup = { name: "far", node: kate };
  await trace("sup", [pid, pid.node]);
  const child = await Supervisor.startChild(sup, { id: "a", start: remote });
  await trace("child", [child, child.node]);
  await finish(sup, "a", "oops");
  await trace("next", pidOf(sup, "a"));
  const again = Supervisor.startChild(sup, { id: "a", start: remote });
  await trace("again", result(again));
  await trace("terminated", Supervisor.terminateChild(sup, "a"));
  await trace("tree", tree(sup));
  await trace("stopped", Supervisor.stop(sup));
  await trace("gone", why(() => Supervisor.whichChildren(sup)));
});

scenario("a child on another node restarts if that is killed", async () => {
  const victim = await peer("victim");
  const observer = self();
  let node = victim;
  const sup = await start([{
    id: "a",
    restart: "transient",
    start: () => {
      send(observer, ["on", node]);
      const pid = Node.spawnLink(node, forever);
      node = Node.self();
      return pid;
    },
  }]);
  const pid = await pidOf(sup, "a");
  await trace("first", pid);
  await killNode("victim");
  await settle(sup, pid);
  await traceAll(2);
  await trace("second", pidOf(sup, "a"));
});

scenario("a request exits with nodedown when the node is killed", async () => {
  const sup = { name: "far", node: await peer("victim") };
  await on("victim", startRemote);
  const observer = self();
  spawnLink(async () => {
    const start = ["Conformance.Supervisor", "wait", [observer]] as const;
    const reason = await why(() =>
      Supervisor.startChild(sup, { id: "a", start })
    );
    send(observer, { type: "failed", reason });
  });
  await traceAll(1);
  await killNode("victim");
  await traceAll(1);
  await trace("after", why(() => Supervisor.countChildren(sup)));
});

scenario("get_childspec returns a specification by its id", async () => {
  const child = probe("a", { restart: "transient", shutdown: 100 });
  const sup = await start([child]);
  const of = async (id: string) => {
    const spec = await Supervisor.getChildspec(sup, id);
    if (spec === "not_found") return spec;
    const { restart, shutdown, type, significant } = spec;
    const shown = { id, restart, shutdown, type, significant };
    return new Map<string, unknown>(Object.entries(shown));
  };
  await trace("of a", of("a"));
  await trace("of none", of("b"));
  await Supervisor.startChild(sup, probe("b", { type: "supervisor" }));
  await trace("of b", of("b"));
  await Supervisor.terminateChild(sup, "a");
  await trace("of one that is stopped", of("a"));
  await Supervisor.deleteChild(sup, "a");
  await trace("of one that is deleted", of("a"));
  await traceAll(2);
});
