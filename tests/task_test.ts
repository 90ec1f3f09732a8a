import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError } from "../errors.ts";
import { Node } from "../node.ts";
import {
  alive,
  callers,
  type DownMessage,
  exit,
  isDown,
  isExit,
  isReply,
  monitor,
  type Pid,
  receive,
  self,
  send,
  sleep,
  spawn,
  trapExit,
} from "../process.ts";
import { Supervisor } from "../supervisor.ts";
import { Task } from "../task.ts";
import { TaskSupervisor } from "../task_supervisor.ts";
import { NodeProcess } from "./_node_process.ts";
import { clusterTest, nodeDown } from "./_nodes.ts";
import { ended, isPending, mail, processTest, turn } from "./_processes.ts";
import * as Remote from "./_remote.ts";
import { logged } from "./_supervision.ts";

const KATE = "kate@localhost";

/** A task that never ends by itself. */
function endless(): Task<void> {
  return Task.async(() => receive(() => false));
}

/** The reason, and what was called, of an exit by a call. */
async function callOf(promise: Promise<unknown>): Promise<unknown[]> {
  const error = await assertRejects(() => promise, ExitError);
  // deno-lint-ignore no-explicit-any
  const { type, reason, call } = error.reason as any;
  assertEquals(type, "call");
  return [reason, ...call];
}

function brief({ pid, ref, owner }: Task<unknown>): unknown {
  return { pid, ref, owner };
}

// async() and await()

processTest(
  "Task.async() runs a function, and Task.await() gives what it returns",
  async () => {
    assertEquals(await Task.await(Task.async(() => 1)), 1);
    assertEquals(await Task.await(Task.async(() => Promise.resolve("2"))), "2");
    assertEquals(await Task.await(Task.async(() => {})), undefined);
    const list = [1];
    const task = Task.async((given: number[]) => {
      given.push(3);
      return given;
    }, [list]);
    list.push(2);
    assertEquals(await Task.await(task), [1, 3]);
    assertEquals(list, [1, 2]);
  },
);

processTest("Task.async() starts a process that the caller owns", async () => {
  const task = Task.async(() => self());
  assert(task.owner.equals(self()));
  assertEquals(await Task.await(task), task.pid);
  await turn();
  assertFalse(alive(task.pid));
});

processTest("Task.await() of many tasks, in any order", async () => {
  const tasks = [30, 1, 20].map((ms) =>
    Task.async(() => sleep(ms).then(() => ms))
  );
  const values: number[] = [];
  for (const task of tasks) values.push(await Task.await(task));
  assertEquals(values, [30, 1, 20]);
});

processTest("a task that throws ends its owner", async () => {
  const owner = spawn(async () => {
    await Task.await(Task.async(() => {
      throw new RangeError("no");
    }));
  });
  const reason = await ended(owner);
  assertInstanceOf(reason, RangeError);
  assertEquals(logged().length, 1);
});

processTest(
  "Task.await() of a task that throws exits with the reason and what was called",
  async () => {
    trapExit(true);
    const task = Task.async(() => exit("oops"));
    assertEquals(await callOf(Task.await(task)), [
      "oops",
      "Task",
      "await",
      [brief(task), 5000],
    ]);
    assertEquals((await receive(isExit)).from, task.pid);
  },
);

processTest(
  "Task.await() of a task that takes too long exits with timeout, and its late reply is dropped",
  async () => {
    const task = Task.async(async () => {
      await receive();
      return "late";
    });
    assertEquals(await callOf(Task.await(task, 5)), [
      "timeout",
      "Task",
      "await",
      [brief(task), 5],
    ]);
    assert(alive(task.pid));
    send(task.pid, "end");
    await ended(task.pid);
    assertEquals(await mail(), []);
  },
);

processTest(
  "Task.await() that is not caught ends the caller and its task",
  async () => {
    const here = self();
    const owner = spawn(async () => {
      const task = endless();
      send(here, task.pid);
      await Task.await(task, 5);
    });
    const pid: Pid = await receive();
    const refs = [monitor(owner), monitor(pid)];
    for (const ref of refs) {
      const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
      const { type, reason } = down.reason as { type: string; reason: string };
      assertEquals([type, reason], ["call", "timeout"]);
    }
  },
);

processTest("an owner that is killed takes its task along", async () => {
  const here = self();
  const owner = spawn(async () => {
    const task = endless();
    send(here, task.pid);
    await Task.await(task, Infinity);
  });
  const pid: Pid = await receive();
  const ref = monitor(pid);
  exit(owner, "kill");
  const down = await receive(isDown);
  assertEquals([down.ref, down.reason], [ref, "killed"]);
});

processTest("a task is its owner's alone", async () => {
  const task = endless();
  const other = Task.async(async () => {
    for (const use of [Task.await, Task.yield, Task.shutdown]) {
      await assertRejects(() => use(task), TypeError, "its owner is");
    }
    assertThrows(() => Task.ignore(task), TypeError, "its owner is");
  });
  await Task.await(other);
  await Task.shutdown(task);
});

processTest(
  "a task that nobody awaits gives its result and then its DOWN as mail",
  async () => {
    const task = Task.async(() => "done");
    assertEquals(await receive(), {
      type: "reply",
      ref: task.ref,
      value: "done",
    });
    assertEquals(await receive(), {
      type: "DOWN",
      ref: task.ref,
      object: task.pid,
      reason: "normal",
    });
  },
);

processTest("Task.await() takes a result out of the mail", async () => {
  const task = Task.async(() => "done");
  await turn();
  send(self(), "other");
  assertEquals(await Task.await(task), "done");
  assertEquals(await mail(), ["other"]);
});

processTest("Task.await() does not wait behind other mail", async () => {
  for (let i = 0; i < 1000; i++) send(self(), i);
  assertEquals(await Task.await(Task.async(() => "done")), "done");
  assertEquals((await mail()).length, 1000);
});

processTest("what a task gives is taken once", async () => {
  const awaited = Task.async(() => "done");
  assertEquals(await Task.await(awaited), "done");
  assertEquals((await callOf(Task.await(awaited, 1)))[0], "timeout");
  const received = Task.async(() => "done");
  assertEquals((await receive(isReply)).value, "done");
  assertEquals(await Task.yield(received, 1), {
    type: "exit",
    reason: "normal",
  });
  assertEquals(await Task.yield(received, 1), undefined);
});

processTest("waits for one task are served in their order", async () => {
  const task = Task.async(() => receive());
  const waits = [
    Task.yield(task, 1),
    Task.yield(task, Infinity),
    callOf(Task.await(task, 20)),
  ];
  assertEquals(await waits[0], undefined);
  send(task.pid, "go");
  assertEquals(await waits[1], { type: "ok", value: "go" });
  assertEquals((await waits[2] as unknown[])[0], "timeout");
});

processTest("Task refuses times that are none", async () => {
  const task = Task.completed(1);
  for (const timeout of [-1, NaN, "soon" as unknown as number]) {
    for (
      const wait of [
        () => Task.await(task, timeout),
        () => Task.yield(task, timeout),
        () => Task.shutdown(task, timeout),
        () => Task.awaitMany([task], timeout),
        () => Task.yieldMany([task], timeout),
        () => Task.yieldMany([task], { limit: timeout }),
      ]
    ) {
      const error = typeof timeout === "number" ? RangeError : TypeError;
      await assertRejects(wait, error, "give ");
    }
  }
  const onTimeout = "kill" as unknown as "kill_task";
  await assertRejects(
    () => Task.yieldMany([task], { onTimeout }),
    TypeError,
    `"kill_task"`,
  );
  assertEquals(await Task.await(task), 1);
});

// start(), startLink() and childSpec()

processTest(
  "Task.start() runs a function that nobody awaits and that is linked to nobody",
  async () => {
    logged();
    const here = self();
    const pid = Task.start((to: Pid) => {
      send(to, callers());
      exit("oops");
    }, [here]);
    assertEquals(await receive(), [here]);
    assertEquals(await ended(pid), "noproc");
    assertEquals(logged().length, 1);
    const lost = Task.start(() => receive());
    const owner = spawn(() => {
      send(here, Task.start(() => receive(() => false)));
      exit("gone");
    });
    await ended(owner);
    const orphan: Pid = await receive();
    assert(alive(orphan));
    for (const pid of [lost, orphan]) exit(pid, "kill");
    assertThrows(
      () => Task.start("no" as unknown as () => void),
      TypeError,
      "give a function",
    );
  },
);

processTest("Task.startLink() links the task to the caller", async () => {
  logged();
  trapExit(true);
  const here = self();
  const pid = Task.startLink(() => exit("oops"));
  assertEquals(await receive(), { type: "EXIT", from: pid, reason: "oops" });
  assertEquals(logged().length, 1);
  const owner = spawn(async () => {
    send(here, Task.startLink(() => receive(() => false)));
    await receive();
  });
  const task: Pid = await receive();
  const ref = monitor(task);
  exit(owner, "gone");
  const down = await receive(isDown);
  assertEquals([down.ref, down.reason], [ref, "gone"]);
});

processTest(
  "Task.childSpec() makes a child that is not restarted",
  async () => {
    const here = self();
    const tell = () => {
      send(here, callers().length);
    };
    const { id, restart } = Task.childSpec(tell);
    assertEquals([id, restart], ["Task", "temporary"]);
    const sup = await Supervisor.startLink(
      [[Task, tell], Supervisor.childSpec([Task, tell], { id: "other" })],
      { strategy: "one_for_one" },
    );
    assertEquals([await receive(), await receive()], [1, 1]);
    assertEquals(await Supervisor.whichChildren(sup), []);
    await Supervisor.stop(sup);
    assertThrows(
      () => Task.childSpec({} as unknown as () => void),
      TypeError,
      "give a function",
    );
  },
);

// completed()

processTest("Task.completed() has a result and no process", async () => {
  const list = [1];
  const task = Task.completed(list);
  list.push(2);
  assertEquals([task.pid, task.owner], [undefined, self()]);
  assertEquals(await Task.await(task), [1]);
  for (const end of [Task.yield, Task.shutdown, Task.ignore]) {
    const other = Task.completed("2");
    assertEquals(await end(other), { type: "ok", value: "2" });
    assertEquals(await Task.shutdown(other), undefined);
  }
  Task.completed(3);
  assertEquals((await receive(isReply)).value, 3);
});

// awaitMany()

processTest("Task.awaitMany() gives what all give, in order", async () => {
  const tasks = [20, 1].map((ms) => Task.async(() => sleep(ms).then(() => ms)));
  const early = Task.async(() => "early");
  await ended(early.pid);
  const values: [number, number, string, string, boolean] = await Task
    .awaitMany([tasks[0], tasks[1], early, early, Task.completed(true)]);
  assertEquals(values, [20, 1, "early", "early", true]);
  assertEquals(await Task.awaitMany([]), []);
});

processTest(
  "Task.awaitMany() exits with the first exit, in the order in which they came",
  async () => {
    trapExit(true);
    const second = Task.async(() => receive());
    const first = Task.async(() => exit("first"));
    await ended(first.pid);
    send(second.pid, "late");
    await ended(second.pid);
    const slow = endless();
    const tasks = [second, slow, first];
    assertEquals(await callOf(Task.awaitMany(tasks, 1000)), [
      "first",
      "Task",
      "awaitMany",
      [tasks.map(brief), 1000],
    ]);
    assert(alive(slow.pid));
    assertEquals(await Task.yield(slow, 1), undefined);
    exit(slow.pid, "kill");
    const kinds = (await mail()).map((m) => (m as { type: string }).type);
    assertEquals(kinds, ["EXIT", "reply", "EXIT", "EXIT"]);
    logged();
  },
);

processTest(
  "Task.awaitMany() exits with timeout when the time of all is over",
  async () => {
    const slow = endless();
    const tasks = [Task.async(() => 1), slow];
    assertEquals(await callOf(Task.awaitMany(tasks, 10)), [
      "timeout",
      "Task",
      "awaitMany",
      [tasks.map(brief), 10],
    ]);
    assert(alive(slow.pid));
    await Task.shutdown(slow);
  },
);

// yieldMany()

processTest("Task.yieldMany() gives what is there in time", async () => {
  const slow = Task.async(() => receive());
  const tasks = [Task.async(() => 1), slow, Task.completed(2)];
  const results = await Task.yieldMany(tasks, 20);
  assertEquals(results, [
    [tasks[0], { type: "ok", value: 1 }],
    [slow, undefined],
    [tasks[2], { type: "ok", value: 2 }],
  ]);
  send(slow.pid, 3);
  assertEquals(await Task.yieldMany([slow, slow], Infinity), [
    [slow, { type: "ok", value: 3 }],
    [slow, { type: "ok", value: 3 }],
  ]);
  assertEquals(await Task.yieldMany([]), []);
});

processTest("Task.yieldMany() gives exits", async () => {
  trapExit(true);
  const task = Task.async(() => exit("shutdown"));
  assertEquals(await Task.yieldMany([task]), [
    [task, { type: "exit", reason: "shutdown" }],
  ]);
  await receive(isExit);
});

processTest(
  "Task.yieldMany() stops at its limit, and leaves the others be",
  async () => {
    const tasks = [endless(), Task.completed(1), Task.completed(2)] as const;
    const results = await Task.yieldMany(tasks, {
      limit: 1,
      onTimeout: "kill_task",
    });
    assertEquals(results.map(([, result]) => result), [
      undefined,
      { type: "ok", value: 1 },
      undefined,
    ]);
    assert(alive(tasks[0].pid));
    assertEquals(await Task.await(tasks[2]), 2);
    assertEquals(
      await Task.yieldMany(tasks.slice(0, 1), { limit: 0 }),
      [[tasks[0], undefined]],
    );
    await Task.shutdown(tasks[0]);
  },
);

processTest("Task.yieldMany() kills tasks that are late", async () => {
  const tasks = [endless(), Task.completed(1)] as const;
  const options = { timeout: 5, onTimeout: "kill_task" } as const;
  const results = await Task.yieldMany([...tasks, tasks[0]], options);
  assertEquals(results.map(([, result]) => result), [
    undefined,
    { type: "ok", value: 1 },
    { type: "exit", reason: "noproc" },
  ]);
  assertFalse(alive(tasks[0].pid));
});

processTest("Task.yieldMany() ignores tasks that are late", async () => {
  const task = Task.async(() => receive());
  const options = { timeout: 5, onTimeout: "ignore" } as const;
  assertEquals(await Task.yieldMany([task], options), [[task, undefined]]);
  send(task.pid, "late");
  await ended(task.pid);
  assertEquals(await mail(), []);
});

processTest("tasks of others are neither awaited nor yielded", async () => {
  const task = endless();
  const other = Task.async(async () => {
    for (const use of [Task.awaitMany, Task.yieldMany]) {
      await assertRejects(() => use([task]), TypeError, "its owner is");
    }
  });
  await Task.await(other);
  await Task.shutdown(task);
});

// callers

processTest("a task knows on whose behalf it runs", async () => {
  const here = self();
  const outer = Task.async(() => {
    const inner = Task.async(() => callers());
    return Task.await(inner);
  });
  assertEquals(await Task.await(outer), [outer.pid, here]);
  assertEquals(callers(), []);
});

// yield()

processTest("Task.yield() can be asked again", async () => {
  const task = Task.async(() => receive());
  assertEquals(await Task.yield(task, 1), undefined);
  assertEquals(await Task.yield(task, 0), undefined);
  send(task.pid, "go");
  assertEquals(await Task.yield(task), { type: "ok", value: "go" });
});

processTest("Task.yield() gives the reason of a task that exits", async () => {
  trapExit(true);
  const task = Task.async(() => exit("oops"));
  assertEquals(await Task.yield(task), { type: "exit", reason: "oops" });
  assertEquals((await receive(isExit)).reason, "oops");
});

processTest(
  "a reply that comes between two calls of Task.yield() is not lost",
  async () => {
    const task = Task.async(() => receive());
    assertEquals(await Task.yield(task, 1), undefined);
    send(task.pid, "go");
    await ended(task.pid);
    assertEquals(await Task.yield(task, 0), { type: "ok", value: "go" });
  },
);

// shutdown()

processTest("Task.shutdown() ends a task", async () => {
  trapExit(true);
  for (const timeout of [5000, Infinity, "brutal_kill"] as const) {
    const task = endless();
    assertEquals(await Task.shutdown(task, timeout), undefined);
    assertFalse(alive(task.pid));
  }
});

processTest(
  "Task.shutdown() kills a task that does not end in time",
  async () => {
    const here = self();
    const task = Task.async(() => {
      trapExit(true);
      send(here, "up");
      return receive(() => false);
    });
    await receive();
    assertEquals(await Task.shutdown(task, 5), {
      type: "exit",
      reason: "killed",
    });
    assertFalse(alive(task.pid));
  },
);

processTest("Task.shutdown() gives a result that came before", async () => {
  const task = Task.async(() => "done");
  await turn();
  assertEquals(await Task.shutdown(task), { type: "ok", value: "done" });
});

processTest("Task.shutdown() gives a result that races with it", async () => {
  const here = self();
  const task = Task.async(async () => {
    trapExit(true);
    send(here, "up");
    await receive(isExit);
    return "at last";
  });
  await receive();
  assertEquals(await Task.shutdown(task), { type: "ok", value: "at last" });
});

processTest(
  "Task.shutdown() gives the reason of a task that exits otherwise",
  async () => {
    const here = self();
    const task = Task.async(async () => {
      trapExit(true);
      send(here, "up");
      await receive(isExit);
      exit("otherwise");
    });
    await receive();
    assertEquals(await Task.shutdown(task), {
      type: "exit",
      reason: "otherwise",
    });
  },
);

processTest("Task.shutdown() of a task that was awaited", async () => {
  const task = Task.async(() => 1);
  await Task.await(task);
  assertEquals(await Task.shutdown(task), { type: "exit", reason: "noproc" });
});

processTest(
  "Task.shutdown() is content with a task that had ended as it is told to",
  async () => {
    trapExit(true);
    for (
      const [reason, timeout] of [
        ["shutdown", 5000],
        ["killed", "brutal_kill"],
      ] as const
    ) {
      const task = Task.async(() => exit(reason));
      await receive(isExit);
      assertEquals(await Task.shutdown(task, timeout), undefined);
    }
    logged();
  },
);

processTest("Task.shutdown() of a task that has ended long ago", async () => {
  trapExit(true);
  const task = Task.async(() => exit("oops"));
  await ended(task.pid);
  assertEquals((await receive(isExit)).reason, "oops");
  assertEquals(await Task.shutdown(task), { type: "exit", reason: "oops" });
});

// ignore()

processTest(
  "Task.ignore() lets a task run on, and drops its result",
  async () => {
    const here = self();
    const task = Task.async(async () => {
      await receive();
      send(here, "ran on");
      return "dropped";
    });
    assertEquals(Task.ignore(task), undefined);
    send(task.pid, "go");
    assertEquals(await receive(), "ran on");
    await ended(task.pid);
  },
);

processTest("Task.ignore() lets a task outlive its owner", async () => {
  const here = self();
  const owner = spawn(() => {
    const task = endless();
    Task.ignore(task);
    send(here, task.pid);
    exit("gone");
  });
  await ended(owner);
  const pid: Pid = await receive();
  assert(alive(pid));
  exit(pid, "kill");
  await ended(pid);
});

processTest("Task.ignore() gives a result that came before", async () => {
  const task = Task.async(() => "done");
  await turn();
  assertEquals(Task.ignore(task), { type: "ok", value: "done" });
});

// On a node that is lost.

clusterTest("a task whose node is lost gives nodedown", async (cluster) => {
  const alex = await cluster.start("alex");
  await using kate = await NodeProcess.start(cluster, "kate");
  await alex.run(async () => {
    trapExit(true);
    const sup = { name: "tasks", node: KATE };
    const start = () => TaskSupervisor.asyncNolink(sup, Remote.wait);
    const [awaited, yielded, shut, mailed, kept, ...many] = [
      await start(),
      await start(),
      await start(),
      await start(),
      await start(),
      await start(),
      await start(),
    ];
    const linked = await TaskSupervisor.async(sup, Remote.wait);
    kate.kill("SIGSTOP");
    const results = [
      callOf(Task.await(awaited, Infinity)),
      callOf(Task.yield(yielded, Infinity)),
      callOf(Task.shutdown(shut)),
      callOf(Task.await(linked, 10_000)),
      callOf(Task.awaitMany([Task.completed(1), many[0]], 10_000)),
      callOf(Task.yieldMany([many[1]], Infinity)),
    ];
    assert(await isPending(results[0]));
    Node.monitor(KATE);
    kate.kill("SIGKILL");
    const reason = { type: "nodedown", node: KATE };
    const all = await Promise.all(results);
    assertEquals(all.map(([reason, , fn]) => [reason, fn]), [
      [reason, "await"],
      [reason, "yield"],
      [reason, "shutdown"],
      [reason, "await"],
      [reason, "awaitMany"],
      [reason, "yieldMany"],
    ]);
    assertEquals(await receive((m) => isDown(m) && m.ref.equals(mailed.ref)), {
      type: "DOWN",
      ref: mailed.ref,
      object: mailed.pid,
      reason: "noconnection",
    });
    const exited = await receive(isExit);
    assertEquals([exited.from, exited.reason], [linked.pid, "noconnection"]);
    await nodeDown(KATE);
    assertEquals((await callOf(Task.await(mailed, 1)))[0], "timeout");
    const error = await assertRejects(() => Task.await(kept), ExitError);
    assertMatch(
      error.message,
      /^exited in: Task\.await\(.*\)\n {4}\*\* \(EXIT\) no connection to kate@localhost$/s,
    );
    assertEquals(await mail(), []);
  });
});
