/**
 * Task.Supervisor: its tasks and children, on its node and from others; exits of owners, tasks and supervisors.
 */

import {
  type ExitError,
  IO,
  Node,
  type Pid,
  Process,
  self,
  send,
  Supervisor,
  Task,
  TaskSupervisor,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  killNode,
  message,
  on,
  output,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
  UNKNOWN_NODE,
} from "../_scenario.ts";
import { result } from "../_supervision.ts";
import {
  callers,
  down,
  endAfter,
  endless,
  give,
  obedient,
  owner,
  quit,
  REASONS,
  remoteSup,
  started,
  startNamed,
  startSup,
  toss,
  trapping,
  waited,
  why,
} from "../_tasks.ts";

export function tell(main: Pid): void {
  send(main, message("told", self(), Node.self(), callers()));
}

export function giveBack(value: unknown): unknown {
  return message("given", value);
}

/** A Task.Supervisor on kate. */
function kateSup(): Promise<{ name: string; node: string }> {
  return remoteSup("kate");
}

/** Whether both have the same pids. */
function same(one: Pid[], other: Pid[]): boolean {
  return one.length === other.length &&
    one.every((pid) => other.some((each) => each.equals(pid)));
}

/** As Elixir sorts pids of one node. */
function sorted(pids: Pid[]): Pid[] {
  return pids.toSorted((one, other) => one.number - other.number);
}

// Starting

scenario("a task is linked to its owner and to its supervisor", async () => {
  const main = self();
  const sup = await startSup();
  const task = await TaskSupervisor.async(sup, () => obedient(main));
  await trace("task", [main, sup, await started(), task.owner.equals(main)]);
  await trace("links", sorted(Process.info(task.pid)!.links));
  await trace("own", same(Process.info()!.links, [sup, task.pid]));
  send(task.pid, give("value"));
  await trace("value", Task.await(task));
  await trace("children", TaskSupervisor.children(sup));
});

scenario("a task without a link does not end its owner", async () => {
  const main = self();
  const sup = await startSup();
  const task = await TaskSupervisor.asyncNolink(sup, () => obedient(main));
  await trace("task", [sup, await started()]);
  await trace("links", Process.info(task.pid)!.links);
  send(task.pid, quit("oops"));
  await trace("yield", Task.yield(task));
  await traceMarker("mail");
});

/** Starts a child; returns its pid. */
async function child(
  sup: Pid,
  fn: () => unknown,
  options?: Parameters<typeof TaskSupervisor.startChild>[3],
): Promise<Pid> {
  return await TaskSupervisor.startChild(sup, fn, [], options);
}

scenario("a child is linked only to it, and sends no result", async () => {
  const main = self();
  const sup = await startSup();
  const pid = await child(sup, () => obedient(main));
  await trace("child", [sup, (await started()).equals(pid)]);
  await trace("links", Process.info(pid)!.links);
  await trace("reason", endAfter(pid, give("nothing")));
  await traceMarker("mail");
});

scenario("a start under a registered name fails", async () => {
  const sup = await startSup({ name: "sup" });
  await trace("sup", sup);
  const { reason } = await startSup({ name: "sup" })
    .catch((error: ExitError) => error) as ExitError;
  await trace("again", { type: "error", reason });
  const task = await TaskSupervisor.async("sup", () => "by_name");
  await trace("value", Task.await(task));
});

scenario("invalid limits are rejected", async () => {
  for (
    const options of [
      { maxChildren: -1 },
      { maxRestarts: -1 },
      { maxSeconds: 0 },
      { maxSeconds: 0.5 },
    ]
  ) {
    await trace("started", startSup(options).then(() => true, () => false));
  }
});

scenario("is a supervisor's child by its name, and permanent", async () => {
  const given = [TaskSupervisor, { name: "sup" }] as const;
  const { id, type, restart } = Supervisor.childSpec(given);
  await trace("spec", [id, type, restart]);
  const parent = await Supervisor.startLink([given], {
    strategy: "one_for_one",
  });
  const sup = Process.whereis("sup")!;
  Process.exit(sup, "kill");
  await reasonOf(sup);
  const [{ pid: again }] = await Supervisor.whichChildren(parent);
  const now = Process.whereis("sup")!;
  await trace("again", [now.equals(again), sup.equals(again)]);
  await Supervisor.stop(parent);
});

// max_children

scenario("max_children limits its tasks", async () => {
  const main = self();
  const sup = await startSup({ maxChildren: 1 });
  const task = await TaskSupervisor.async(sup, () => endless(main));
  await started();
  const ok = () => "ok";
  // Only the class is compared: the texts differ.
  const classOf = (start: Promise<unknown>) =>
    start.catch((error: Error) =>
      error.name === "Error" ? "runtime_error" : error
    );
  await trace("async", classOf(TaskSupervisor.async(sup, ok)));
  await trace("nolink", classOf(TaskSupervisor.asyncNolink(sup, ok)));
  await trace("child", result(TaskSupervisor.startChild(sup, ok)));
  await Task.shutdown(task);
  await trace("again", Task.await(await TaskSupervisor.async(sup, ok)));
});

scenario("max_children 0 allows no task", async () => {
  const sup = await startSup({ maxChildren: 0 });
  await trace("child", result(TaskSupervisor.startChild(sup, () => "ok")));
  await traceMarker("mail");
});

// Missing supervisors and nodes

scenario("a request to a missing supervisor exits with noproc", async () => {
  const kate = await peer("kate");
  for (const sup of ["absent", { name: "absent", node: kate }]) {
    await trace("async", why(() => TaskSupervisor.async(sup, forever)));
    await trace("nolink", why(() => TaskSupervisor.asyncNolink(sup, forever)));
    await trace("child", why(() => TaskSupervisor.startChild(sup, forever)));
    await trace("children", why(() => TaskSupervisor.children(sup)));
    await trace(
      "terminate",
      why(() => TaskSupervisor.terminateChild(sup, self())),
    );
  }
  await traceMarker("mail");
});

scenario("a request to an unknown node exits with nodedown", async () => {
  const sup = { name: "sup", node: UNKNOWN_NODE };
  await trace("async", why(() => TaskSupervisor.async(sup, forever)));
  await trace("child", why(() => TaskSupervisor.startChild(sup, forever)));
  await trace("children", why(() => TaskSupervisor.children(sup)));
  await traceMarker("mail");
});

scenario(
  "a missing function",
  {
    difference: {
      row: "undefined-function",
      elixir: ["task: exit(raised(undef))", "children: []"],
      typescript: ["task: raised(undef)", "children: []"],
    },
  },
  async () => {
    const kate = await kateSup();
    const name = ["Conformance.TaskSupervisor", "noSuchFunction"] as const;
    await attempt("task", async () => {
      return await Task.yield(await TaskSupervisor.asyncNolink(kate, name));
    });
    await trace("children", TaskSupervisor.children(kate));
  },
);

// Restarts

scenario("a temporary child does not restart", async () => {
  const main = self();
  const sup = await startSup();
  const pid = await child(sup, () => obedient(main));
  await trace("started", (await started()).equals(pid));
  send(pid, quit("oops"));
  await reasonOf(pid);
  await trace("children", TaskSupervisor.children(sup));
});

scenario("a transient child restarts only after an error", async () => {
  const main = self();
  const sup = await startSup();
  for (const reason of REASONS) {
    const options = { restart: "transient" } as const;
    const pid = await child(sup, () => obedient(main), options);
    await started();
    send(pid, quit(reason));
    await reasonOf(pid);
    await trace("children", (await TaskSupervisor.children(sup)).length);
  }
  const again = [await started()];
  await trace("again", same(again, await TaskSupervisor.children(sup)));
});

scenario("a permanent child restarts, also after a normal exit", async () => {
  const main = self();
  const sup = await startSup();
  const options = { restart: "permanent" } as const;
  const pid = await child(sup, () => obedient(main), options);
  await trace("sup", [sup, (await started()).equals(pid)]);
  send(pid, give("value"));
  const again = await started();
  const children = await TaskSupervisor.children(sup);
  await trace("again", [again, again.equals(pid), same(children, [again])]);
  await trace("callers", same(Process.info(again)!.callers, [main]));
});

scenario("a terminated permanent child does not restart", async () => {
  const main = self();
  const sup = await startSup();
  const options = { restart: "permanent" } as const;
  const pid = await child(sup, () => endless(main), options);
  const ref = Process.monitor(await started());
  const terminate = (pid: Pid) =>
    result(TaskSupervisor.terminateChild(sup, pid));
  await trace("terminate", terminate(pid));
  await trace("reason", down(ref));
  await trace("children", TaskSupervisor.children(sup));
  await trace("again", terminate(pid));
  await trace("other", terminate(self()));
});

scenario("too many restarts end it and its tasks", async () => {
  Process.trapExit(true);
  const main = self();
  const sup = await startSup({ maxRestarts: 1 });
  await trace("sup", sup);
  const task = await TaskSupervisor.asyncNolink(sup, () => endless(main));
  await started();
  const options = { restart: "permanent" } as const;
  const pid = await child(sup, () => obedient(main), options);
  await trace("child", [(await started()).equals(pid)]);
  send(pid, quit("oops"));
  send(await started(), quit("oops"));
  await trace("task", Task.yield(task));
  await traceNext("got");
});

scenario("three restarts are allowed, and a fourth is not", async () => {
  Process.trapExit(true);
  const main = self();
  const sup = await startSup();
  await trace("sup", sup);
  await child(sup, () => obedient(main), { restart: "transient" });
  for (let n = 1; n <= 4; n++) {
    send(await started(), quit("oops"));
    await trace("restart", n);
  }
  await traceNext("got");
});

// The exit of a supervisor

scenario("terminates its tasks according to their shutdown", async () => {
  Process.trapExit(true);
  const main = self();
  const sup = await startSup();
  const refs = [];
  for (
    const [fn, shutdown] of [
      [() => endless(main), 5000],
      [() => trapping(main, "own"), 5000],
      [() => trapping(main, "go_on"), 10],
      [() => trapping(main, "go_on"), "brutal_kill"],
    ] as const
  ) {
    await child(sup, fn, { shutdown });
    refs.push(Process.monitor(await started()));
  }
  await trace("stop", TaskSupervisor.stop(sup));
  const reasons: unknown[] = [];
  for (const ref of refs) reasons.push(await down(ref));
  await trace("reasons", reasons);
});

scenario("terminate_child ends a child according to its shutdown", async () => {
  const main = self();
  const sup = await startSup();
  for (
    const [answer, options] of [["own", {}], ["go_on", {
      shutdown: 10,
    }]] as const
  ) {
    const pid = await child(sup, () => trapping(main, answer), options);
    const ref = Process.monitor(await started());
    await trace("terminate", TaskSupervisor.terminateChild(sup, pid));
    await trace("reason", down(ref));
  }
});

scenario("a killed supervisor ends all its tasks", async () => {
  Process.trapExit(true);
  const main = self();
  const sup = await startSup();
  const linked = await TaskSupervisor.async(sup, () => endless(main));
  await trace("sup", [sup, await started()]);
  const nolink = await TaskSupervisor.asyncNolink(sup, () => endless(main));
  await started();
  const ref = Process.monitor(await child(sup, () => endless(main)));
  await started();
  Process.exit(sup, "kill");
  await attempt("linked", waited(() => Task.await(linked)));
  await trace("nolink", Task.yield(nolink));
  await trace("child", down(ref));
  const exits = [await expect("EXIT"), await expect("EXIT")];
  const reasons = (pid: Pid) =>
    exits.filter(({ from }) => pid.equals(from)).map(({ reason }) => reason);
  await trace("exits", [reasons(sup), reasons(linked.pid)]);
});

// The exit of an owner

scenario("a killed owner ends the linked task, and no other", async () => {
  const main = self();
  const sup = await startSup();
  const pid = owner(async () => {
    const linked = await TaskSupervisor.async(sup, () => endless(main));
    const nolink = await TaskSupervisor.asyncNolink(sup, () => obedient(main));
    const third = await child(sup, () => endless(main));
    send(main, message("tasks", linked.pid, nolink.pid, third));
  });
  for (let i = 0; i < 3; i++) await started();
  const [, linked, nolink, third] = await expect("tasks");
  const linkedRef = Process.monitor(linked);
  Process.exit(pid, "kill");
  await trace("linked", down(linkedRef));
  const left = await TaskSupervisor.children(sup);
  await trace("children", same(left, [nolink, third]));
  await trace("nolink", endAfter(nolink, give("late")));
});

// On another node

scenario("a task runs on its node, with the owner as caller", async () => {
  const kate = await kateSup();
  const main = self();
  const outer = Task.async(async () => {
    await trace("outer", [main, self()]);
    await Task.await(await TaskSupervisor.async(kate, tell, [main]));
    await TaskSupervisor.startChild(kate, tell, [main]);
  });
  await Task.await(outer);
  await traceNext("told");
  await traceNext("told");
});

scenario("a task's ancestors are pids, even of named processes", async () => {
  const main = self();
  const sup = await startSup({ name: "sup" });
  await trace("pids", [main, sup]);
  const ancestors = () => Process.info()!.ancestors;
  const task = await TaskSupervisor.async(sup, ancestors);
  await trace("supervised", Task.await(task));
  Process.register(main, "starter");
  await trace("alone", Task.await(Task.async(ancestors)));
  Process.unregister("starter");
});

export async function print(text: string): Promise<void> {
  await IO.puts(text);
}

scenario("a task prints on its supervisor's node", async () => {
  const kate = await kateSup();
  await Task.await(await TaskSupervisor.async(kate, print, ["hello"]));
  await trace("here", output());
  await trace("there", output("kate"));
});

export function whereIsSup(): Pid | undefined {
  return Process.whereis("sup");
}

scenario("a supervisor on another node is reached by its pid", async () => {
  await kateSup();
  const pid = await on("kate", whereIsSup) as Pid;
  const task = await TaskSupervisor.async(pid, giveBack, [1]);
  await trace("node", task.pid.node);
  await trace("value", Task.await(task));
});

scenario("a crash on another node ends a linked owner", async () => {
  const kate = await kateSup();
  const main = self();
  const pid = owner(() => TaskSupervisor.async(kate, obedient, [main]));
  const ref = Process.monitor(pid);
  send(await started(), quit("oops"));
  await trace("owner", down(ref));
  const task = await TaskSupervisor.asyncNolink(kate, obedient, [main]);
  send(await started(), toss("ball"));
  await attempt("await", waited(() => Task.await(task)));
});

scenario("a late reply from another node is dropped", async () => {
  const kate = await kateSup();
  const task = await TaskSupervisor.asyncNolink(kate, obedient, [self()]);
  await trace("task", (await started()).equals(task.pid));
  // safe: its expiry is tested
  await attempt("await", waited(() => Task.await(task, 10)));
  await trace("reason", endAfter(task.pid, give("late")));
  await traceMarker("mail");
});

scenario("shutdown and ignore of a task on another node", async () => {
  const kate = await kateSup();
  const main = self();
  const first = await TaskSupervisor.async(kate, endless, [main]);
  const firstRef = Process.monitor(await started());
  await trace("shutdown", Task.shutdown(first));
  await trace("reason", down(firstRef));
  const second = await TaskSupervisor.async(kate, trapping, [main, "give"]);
  await started();
  await trace("shutdown", Task.shutdown(second));
  const third = await TaskSupervisor.async(kate, obedient, [main]);
  const ref = Process.monitor(await started());
  await trace("ignore", Task.ignore(third));
  send(third.pid, give(1));
  await trace("reason", down(ref));
  await traceMarker("mail");
});

scenario("a lost connection exits each wait with nodedown", async () => {
  const kate = await kateSup();
  const main = self();
  const tasks: Task<void>[] = [];
  for (let i = 0; i < 6; i++) {
    tasks.push(await TaskSupervisor.asyncNolink(kate, endless, [main]));
  }
  for (const _ of tasks) await started();
  await part("kate");
  const [awaited, yielded, shut, ignored, many, yields] = tasks;
  await attempt("await", waited(() => Task.await(awaited)));
  await attempt("yield", waited(() => Task.yield(yielded)));
  await trace("shutdown", why(() => Task.shutdown(shut)));
  await attempt("ignore", waited(() => Task.ignore(ignored)));
  await attempt("await_many", waited(() => Task.awaitMany([many])));
  await attempt("yield_many", waited(() => Task.yieldMany([yields])));
});

scenario("a lost connection ends linked tasks and owners only", async () => {
  const kate = await kateSup();
  const main = self();
  const pid = owner(async () => {
    const linked = await TaskSupervisor.async(kate, endless, [main]);
    const nolink = await TaskSupervisor.asyncNolink(kate, endless, [main]);
    send(main, message("tasks", linked.pid, nolink.pid));
  });
  const ref = Process.monitor(pid);
  await started();
  await started();
  const [, linked, nolink] = await expect("tasks");
  await part("kate");
  await trace("owner", down(ref));
  await trace("linked", on("kate", isGone, linked));
  await trace("left", same(await TaskSupervisor.children(kate), [nolink]));
});

export async function isGone(pid: Pid): Promise<boolean> {
  return ["noconnection", "noproc"].includes(await reasonOf(pid));
}

export async function ownTasks(main: Pid): Promise<void> {
  const sup = { name: "sup", node: main.node };
  const linked = await TaskSupervisor.async(sup, endless, [main]);
  const nolink = await TaskSupervisor.asyncNolink(sup, endless, [main]);
  send(main, message("tasks", linked.pid, nolink.pid));
  await forever();
}

scenario("the kill of an owner's node ends linked tasks only", async () => {
  const victim = await peer("victim");
  await Node.ping(victim);
  const sup = await startNamed();
  await Node.spawn(victim, ownTasks, [self()]);
  const [, linked, nolink] = await expect("tasks");
  const ref = Process.monitor(linked);
  await killNode("victim");
  await trace("linked", down(ref));
  await trace("left", same(await TaskSupervisor.children(sup), [nolink]));
});

export function stopSup(): Promise<"ok"> {
  return TaskSupervisor.stop("sup");
}

scenario("a stopped supervisor elsewhere shuts its tasks down", async () => {
  const kate = await kateSup();
  const task = await TaskSupervisor.asyncNolink(kate, obedient, [self()]);
  await started();
  await on("kate", stopSup);
  await trace("yield", Task.yield(task));
  await trace("again", why(() => TaskSupervisor.async(kate, giveBack, [1])));
});
