/** Task: async and await, yield, shutdown, several at a time, and tasks that are not awaited. */

import {
  exit,
  Process,
  self,
  send,
  spawn,
  Supervisor,
  Task,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  raise,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
} from "../_scenario.ts";
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
  reasonWhen,
  started,
  trapping,
  waited,
} from "../_tasks.ts";

// async and await

scenario("returns its value, and leaves no message and no link", async () => {
  const task = Task.async(() => ({ type: "ok", pid: self() }));
  await trace("task", [task.pid, task.owner.equals(self())]);
  await trace("value", Task.await(task));
  await trace("again", ["normal", "noproc"].includes(await reasonOf(task.pid)));
  await trace("links", Process.info()!.links);
  await traceMarker("mail");
});

scenario("an exit exits the awaiting process, with the call", async () => {
  Process.trapExit(true);
  const task = Task.async(() => exit("oops"));
  await trace("task", task.pid);
  await attempt("await", waited(() => Task.await(task)));
  await traceNext("mail");
});

scenario("a throw exits with nocatch", async () => {
  Process.trapExit(true);
  const task = Task.async(() => {
    throw "ball";
  });
  await trace("task", task.pid);
  await attempt("await", waited(() => Task.await(task, Infinity)));
  await traceNext("mail");
});

scenario("a raised error is the exit reason", async () => {
  Process.trapExit(true);
  const task = Task.async(() => raise("no"));
  await trace("task", task.pid);
  await attempt("yield", () => Task.yield(task));
  await traceNext("mail");
});

scenario("a crash ends an owner that does not trap exits", async () => {
  await trace(
    "reason",
    reasonWhen(() => Task.await(Task.async(() => exit("oops")))),
  );
});

scenario("a killed owner ends it", async () => {
  const main = self();
  const pid = owner(() => void Task.async(() => endless(main)));
  const ref = Process.monitor(await started());
  Process.exit(pid, "kill");
  await trace("reason", down(ref));
});

scenario("an owner that exits normally does not end it", async () => {
  const main = self();
  const pid = owner(() => void Task.async(() => obedient(main)));
  const task = await started();
  send(pid, quit("normal"));
  await reasonOf(pid);
  await trace("reason", endAfter(task, give(1)));
});

scenario("a timeout ends the wait; the task runs on", async () => {
  const main = self();
  const task = Task.async(() => obedient(main));
  await trace("task", [task.pid, await started()]);
  // safe: its expiry is tested
  await attempt("await", waited(() => Task.await(task, 10)));
  await trace("reason", endAfter(task.pid, give("late")));
  await traceMarker("mail");
});

scenario("an exit by timeout that is not caught ends the task", async () => {
  const main = self();
  // safe: its expiry is tested
  const pid = spawn(() => Task.await(Task.async(() => endless(main)), 10));
  const refs = [Process.monitor(pid), Process.monitor(await started())];
  const reasons: unknown[] = [];
  for (const ref of refs) {
    reasons.push((await down(ref) as { reason: unknown }).reason);
  }
  await trace("reasons", reasons);
});

scenario("a reply or exit that is not awaited is a message", async () => {
  const task = Task.async(() => "done");
  await trace("task", [task.pid, task.ref]);
  await traceNext("got");
  await traceNext("got");
});

scenario("a reply that was received is not awaited again", async () => {
  const task = Task.async(() => "done");
  await trace("ref", task.ref);
  await traceNext("got");
  await trace("end", (await expect("DOWN")).reason);
  // safe: its expiry is tested
  await attempt("await", waited(() => Task.await(task, 10)));
});

scenario("yield returns an exit after the received reply", async () => {
  const task = Task.async(() => "done");
  await trace("ref", task.ref);
  await traceNext("got");
  await trace("yield", Task.yield(task));
  // safe: its expiry is tested
  await trace("again", Task.yield(task, 10));
});

scenario("is awaited once", async () => {
  const task = Task.async(() => "done");
  await trace("await", Task.await(task));
  // safe: its expiry is tested
  await attempt("again", waited(() => Task.await(task, 10)));
  // safe: its expiry is tested
  await trace("yield", Task.yield(task, 10));
  await trace("ignore", Task.ignore(task));
  await trace("shutdown", Task.shutdown(task));
});

scenario("await leaves other messages", async () => {
  send(self(), "first");
  await trace("await", Task.await(Task.async(() => "done")));
  await traceNext("mail");
});

scenario("is awaited only by its owner", async () => {
  const task = Task.async(() => forever());
  const other = Task.async(async () => {
    await attempt("await", () => Task.await(task));
    await attempt("yield", () => Task.yield(task));
    await attempt("shutdown", () => Task.shutdown(task));
    await attempt("ignore", () => Task.ignore(task));
    await attempt("await_many", () => Task.awaitMany([task]));
    await attempt("yield_many", () => Task.yieldMany([task]));
  });
  await Task.await(other);
});

scenario("invalid timeouts are rejected", async () => {
  const task = Task.completed(1);
  await attempt("await", () => Task.await(task, -1));
  await attempt("yield", () => Task.yield(task, -1));
  await attempt("await_many", () => Task.awaitMany([task], -1));
  await attempt("yield_many", () => Task.yieldMany([task], -1));
  await trace("await", Task.await(task));
});

// yield

scenario("yield can be called again", async () => {
  const main = self();
  const task = Task.async(() => obedient(main));
  await trace("yield", Task.yield(task, 0));
  // safe: its expiry is tested
  await trace("yield", Task.yield(task, 5));
  send(task.pid, give("value"));
  await trace("yield", Task.yield(task, Infinity));
});

scenario("yield returns an exit without a result, normal or not", async () => {
  Process.trapExit(true);
  for (const reason of REASONS) {
    await trace("yield", Task.yield(Task.async(() => exit(reason))));
  }
});

// shutdown and ignore

scenario("shutdown ends it without a result or an EXIT", async () => {
  Process.trapExit(true);
  const main = self();
  for (const how of [5000, Infinity, "brutal_kill"] as const) {
    const task = Task.async(() => endless(main));
    const ref = Process.monitor(await started());
    await trace("shutdown", Task.shutdown(task, how));
    await trace("reason", down(ref));
  }
  await traceMarker("mail");
});

scenario("shutdown returns the value of a task that obeys", async () => {
  const main = self();
  const task = Task.async(() => trapping(main, "give"));
  await started();
  await trace("shutdown", Task.shutdown(task));
});

scenario("shutdown returns another reason of the task", async () => {
  const main = self();
  const task = Task.async(() => trapping(main, "other"));
  await started();
  await trace("shutdown", Task.shutdown(task));
});

scenario("shutdown kills a task that does not exit in time", async () => {
  const main = self();
  const task = Task.async(() => trapping(main, "go_on"));
  await started();
  // safe: its expiry is tested
  await trace("shutdown", Task.shutdown(task, 10));
});

scenario("shutdown returns an earlier result", async () => {
  const task = Task.async(() => "done");
  await reasonOf(task.pid);
  await trace("shutdown", Task.shutdown(task));
  await trace("again", Task.shutdown(task));
});

scenario("shutdown of an exited task returns other reasons", async () => {
  Process.trapExit(true);
  for (const reason of ["shutdown", "killed", "oops"]) {
    for (const how of [5000, "brutal_kill"] as const) {
      const task = Task.async(() => exit(reason));
      await expect("EXIT");
      await trace("shutdown", Task.shutdown(task, how));
    }
  }
});

scenario("ignore unlinks it, and drops its result", async () => {
  const main = self();
  const pid = owner(async () => {
    const task = Task.async(() => obedient(main));
    await trace("ignore", Task.ignore(task));
    send(main, { type: "ignored", pid: task.pid });
  });
  await started();
  const { pid: task } = await expect("ignored");
  send(pid, quit("oops"));
  await reasonOf(pid);
  await trace("reason", endAfter(task, give(1)));
});

scenario("ignore returns an earlier result", async () => {
  Process.trapExit(true);
  for (const fn of [() => "done", () => exit("oops")]) {
    const task = Task.async(fn);
    await reasonOf(task.pid);
    await expect("EXIT");
    await trace("ignore", Task.ignore(task));
  }
  await traceMarker("mail");
});

// Several

scenario("await_many returns values in order, with repetitions", async () => {
  const main = self();
  const slow = Task.async(() => obedient(main));
  const fast = Task.async(() => "fast");
  await reasonOf(fast.pid);
  send(slow.pid, give("slow"));
  await trace(
    "values",
    Task.awaitMany([slow, fast, slow, Task.completed("completed")]),
  );
  await trace("none", Task.awaitMany([]));
});

scenario("await_many exits with the first, and leaves the rest", async () => {
  Process.trapExit(true);
  const main = self();
  const slow = Task.async(() => endless(main));
  await started();
  const first = Task.async(() => exit("first"));
  await reasonOf(first.pid);
  const second = Task.async(() => exit("second"));
  await reasonOf(second.pid);
  const done = Task.async(() => "done");
  await reasonOf(done.pid);
  await trace("tasks", [slow.pid, first.pid, second.pid, done.pid, done.ref]);
  await attempt(
    "await_many",
    waited(() => Task.awaitMany([done, second, slow, first])),
  );
  for (let i = 0; i < 4; i++) await traceNext("mail");
  await trace("slow", [Process.alive(slow.pid), await Task.yield(slow, 0)]);
  await traceMarker("mail");
});

scenario("await_many exits at the timeout for all", async () => {
  const main = self();
  const tasks = [Task.async(() => "done"), Task.async(() => endless(main))];
  // safe: its expiry is tested
  await attempt("await_many", waited(() => Task.awaitMany(tasks, 20)));
  await trace("alive", Process.alive(await started()));
});

function results(yielded: readonly (readonly [unknown, unknown])[]): unknown[] {
  return yielded.map(([, result]) => result);
}

scenario("yield_many returns the results in time, not the rest", async () => {
  Process.trapExit(true);
  const main = self();
  const slow = Task.async(() => obedient(main));
  const tasks = [
    slow,
    Task.async(() => "done"),
    Task.async(() => exit("oops")),
  ];
  for (const { pid } of tasks.slice(1)) await reasonOf(pid);
  // safe: its expiry is tested
  const yielded = await Task.yieldMany(tasks, 10);
  await trace("results", results(yielded));
  await trace("tasks", yielded.every(([task], i) => task === tasks[i]));
  send(slow.pid, give("slow"));
  await trace("results", results(await Task.yieldMany([slow, slow], Infinity)));
});

scenario("yield_many stops at its limit without on_timeout", async () => {
  const main = self();
  const slow = Task.async(() => endless(main));
  const one = Task.completed(1);
  const two = Task.completed(2);
  const yielded = await Task.yieldMany([slow, two, one], {
    limit: 1,
    onTimeout: "kill_task",
  });
  await trace("results", results(yielded));
  await trace("alive", Process.alive(slow.pid));
  await trace("two", Task.await(two));
});

scenario("yield_many kills late tasks, and repeats a task", async () => {
  const main = self();
  const slow = Task.async(() => endless(main));
  const ref = Process.monitor(await started());
  const tasks = [slow, Task.completed(1), slow];
  // safe: its expiry is tested
  const options = { timeout: 10, onTimeout: "kill_task" } as const;
  await trace("results", results(await Task.yieldMany(tasks, options)));
  await trace("reason", down(ref));
});

scenario("yield_many ignores late tasks", async () => {
  const main = self();
  const slow = Task.async(() => obedient(main));
  await started();
  // safe: its expiry is tested
  const options = { timeout: 10, onTimeout: "ignore" } as const;
  await trace("results", results(await Task.yieldMany([slow], options)));
  await trace("reason", endAfter(slow.pid, give("late")));
  await traceMarker("mail");
});

// Without an owner that awaits

scenario("a completed task has a result and no process", async () => {
  const task = Task.completed("value");
  await trace("task", [task.pid, task.ref]);
  await trace("await", Task.await(task));
  await trace("ignore", Task.ignore(Task.completed(1)));
  await trace("shutdown", Task.shutdown(Task.completed(2), "brutal_kill"));
  await trace("again", Task.shutdown(task));
  Task.completed(3);
  await traceNext("mail");
});

scenario("start makes no link; start_link links to its caller", async () => {
  const main = self();
  const pid = owner(() => {
    const alone = Task.start(() => obedient(main));
    const linked = Task.startLink(() => endless(main));
    send(main, { type: "tasks", alone, linked });
  });
  const { alone, linked } = await expect("tasks");
  await trace("tasks", [pid, alone, linked]);
  await trace("links", Process.info(pid)!.links);
  const linkedRef = Process.monitor(linked);
  send(pid, quit("oops"));
  await trace("linked", down(linkedRef));
  await trace("alone", endAfter(alone, quit("own")));
});

scenario("a task of start or start_link sends no result", async () => {
  const main = self();
  const pid = Task.start(() => obedient(main));
  await started();
  await trace("reason", endAfter(pid, give("nothing")));
  await traceMarker("mail");
});

scenario("as a supervisor's child it is temporary", async () => {
  const main = self();
  await trace("spec", Task.childSpec(() => "ok").restart);
  const sup = await Supervisor.startLink(
    [[Task, () => obedient(main)]],
    { strategy: "one_for_one" },
  );
  const task = await started();
  await trace("reason", endAfter(task, quit("oops")));
  await trace("children", Supervisor.whichChildren(sup));
  await Supervisor.stop(sup);
});

scenario("knows its callers, the nearest first", async () => {
  const main = self();
  await trace("main", [main, callers()]);
  const outer = Task.async(async () => {
    await trace("outer", [self(), callers()]);
    const inner = Task.async(() => trace("inner", [self(), callers()]));
    await Task.await(inner);
    const pid = Task.startLink(() => trace("alone", [self(), callers()]));
    await reasonOf(pid);
    spawn(() => void send(main, { type: "spawned", callers: callers() }));
  });
  await Task.await(outer);
  await traceNext("plain");
});
