import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { DynamicSupervisor } from "../dynamic_supervisor.ts";
import {
  ExitError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../errors.ts";
import { Node, type NodeOptions } from "../node.ts";
import {
  type DownMessage,
  exit,
  isDown,
  isExit,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawn,
  trapExit,
  unlink,
} from "../process.ts";
import { atom } from "../runtime/values/pid.ts";
import { Supervisor } from "../supervisor.ts";
import { Task } from "../task.ts";
import {
  TaskSupervisor,
  type TaskSupervisorOptions,
  type TaskSupervisorRef,
} from "../task_supervisor.ts";
import { type Cluster, clusterTest, reasonOf } from "./_nodes.ts";
import { ended, mail, processTest } from "./_processes.ts";
import * as Remote from "./_remote.ts";
import { logged } from "./_supervision.ts";

const KATE = "kate@localhost";
const TASKS = { name: "tasks", node: KATE };

/** Starts a task, in one way or another. */
type Start = (
  supervisor: TaskSupervisorRef,
  fn: ((...args: never[]) => unknown) | [string, string],
  args?: unknown[],
) => Promise<unknown>;

const STARTS = {
  async: TaskSupervisor.async as Start,
  asyncNolink: TaskSupervisor.asyncNolink as Start,
  startChild: TaskSupervisor.startChild as Start,
};

/** Runs `fn` in a process of alex; kate has a Task.Supervisor of the name `tasks`. */
async function withTasks(
  cluster: Cluster,
  fn: (supervisor: Pid, kate: Node) => Promise<void>,
  { alex: alexOptions, kate: kateOptions, ...options }:
    & TaskSupervisorOptions
    & { alex?: Partial<NodeOptions>; kate?: Partial<NodeOptions> } = {},
): Promise<void> {
  const kate = await cluster.start("kate", kateOptions);
  const alex = await cluster.start("alex", alexOptions);
  const supervisor = await kate.run(async () => {
    const pid = await TaskSupervisor.startLink({ name: "tasks", ...options });
    unlink(pid);
    return pid;
  });
  await alex.run(() => fn(supervisor, kate));
}

/** Waits for the reasons that so many processes end with. */
async function reasonsOf(pids: Pid[]): Promise<unknown[]> {
  const refs = pids.map((pid) => monitor(pid));
  const reasons: unknown[] = [];
  for (const ref of refs) {
    const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
    reasons.push(down.reason);
  }
  return reasons;
}

// Here.

processTest("TaskSupervisor is reached by pid, name or atom", async () => {
  const pid = await TaskSupervisor.startLink({ name: atom("here") });
  for (
    const ref of [pid, "here", atom("here"), {
      name: "here",
      node: Node.self(),
    }]
  ) {
    const task = await TaskSupervisor.async(ref, (n: number) => n + 1, [1]);
    assertEquals(await Task.await(task), 2);
  }
  const taken = await assertRejects(
    () => TaskSupervisor.startLink({ name: "here" }),
    ExitError,
  );
  assertEquals(taken.reason, { type: "already_started", pid });
  assertEquals(await TaskSupervisor.stop("here"), "ok");
});

processTest(
  "TaskSupervisor.startLink() refuses limits that are none",
  async () => {
    for (const options of [{ maxChildren: -1 }, { maxRestarts: NaN }]) {
      await assertRejects(
        () => TaskSupervisor.startLink(options),
        RangeError,
        "Cannot start a Task.Supervisor",
      );
    }
  },
);

processTest("TaskSupervisor is a child of a supervisor", async () => {
  const sup = await Supervisor.startLink(
    [[TaskSupervisor, { name: "child" }]],
    { strategy: "one_for_one" },
  );
  const task = await TaskSupervisor.async("child", () => "done");
  assertEquals(await Task.await(task), "done");
  const [child] = await Supervisor.whichChildren(sup);
  assertEquals([child.id, child.type], ["child", "supervisor"]);
  await Supervisor.stop(sup);
});

processTest(
  "a task under a supervisor here is copied to, and may be any function",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const list = [1];
    const asked = TaskSupervisor.async(sup, (given: number[]) => {
      given.push(3);
      return given;
    }, [list]);
    list.push(2);
    assertEquals(await Task.await(await asked), [1, 3]);
    await TaskSupervisor.stop(sup);
  },
);

processTest(
  "TaskSupervisor.async() to an absent supervisor exits with noproc",
  async () => {
    const error = await assertRejects(
      () => TaskSupervisor.async("absent", () => {}),
      ExitError,
    );
    assertEquals((error.reason as { reason: unknown }).reason, "noproc");
    assertMatch(error.message, /no process/);
  },
);

processTest(
  "TaskSupervisor.startChild() restarts as it is told, up to a limit",
  async () => {
    trapExit(true);
    const sup = await TaskSupervisor.startLink({ maxRestarts: 2 });
    const here = self();
    const start = (
      reason: string,
      restart: "temporary" | "transient" | "permanent",
    ) =>
      TaskSupervisor.startChild(
        sup,
        () => {
          send(here, reason);
          exit(reason);
        },
        [],
        { restart },
      );
    assertEquals((await start("oops", "temporary")).type, "ok");
    assertEquals(await receive(), "oops");
    await start("shutdown", "transient");
    assertEquals(await receive(), "shutdown");
    assertEquals(await TaskSupervisor.children(sup), []);
    await start("normal", "permanent");
    for (let i = 0; i < 3; i++) assertEquals(await receive(), "normal");
    assertEquals(await receive(), {
      type: "EXIT",
      from: sup,
      reason: "shutdown",
    });
    logged();
  },
);

processTest(
  "TaskSupervisor refuses restarts and shutdowns that are none",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const run = () => {};
    const restart = "always" as "permanent";
    for (const shutdown of [-1, NaN, "kill" as "brutal_kill"]) {
      for (const start of [TaskSupervisor.async, TaskSupervisor.asyncNolink]) {
        await assertRejects(
          () => start(sup, run, [], { shutdown }),
          typeof shutdown === "number" ? RangeError : TypeError,
          "Cannot start a task: shutdown is",
        );
      }
    }
    await assertRejects(
      () => TaskSupervisor.startChild(sup, run, [], { restart }),
      TypeError,
      'Cannot start a task: restart is "always"',
    );
    assertEquals(await TaskSupervisor.children(sup), []);
    assertEquals(await mail(), []);
    await TaskSupervisor.stop(sup);
  },
);

processTest(
  "TaskSupervisor.terminateChild() ends a permanent child for good",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const options = { restart: "permanent" } as const;
    const wait = () => receive(() => false);
    const started = await TaskSupervisor.startChild(sup, wait, [], options);
    assert(started.type === "ok");
    const { pid } = started;
    assertEquals(await TaskSupervisor.terminateChild(sup, pid), "ok");
    assertEquals(await TaskSupervisor.children(sup), []);
    await TaskSupervisor.stop(sup);
  },
);

processTest(
  "a Task.Supervisor is asked as a DynamicSupervisor is",
  async () => {
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
  },
);

processTest(
  "TaskSupervisor.stop() tells its tasks to shut down, and kills those that do not",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const here = self();
    const stubborn = async () => {
      trapExit(true);
      send(here, "up");
      await receive(() => false);
    };
    const pids: Pid[] = [];
    for (
      const [fn, shutdown] of [
        [() => receive(() => false), 5000],
        [stubborn, 5],
        [stubborn, "brutal_kill"],
      ] as const
    ) {
      const started = await TaskSupervisor.startChild(sup, fn, [], {
        shutdown,
      });
      assert(started.type === "ok");
      pids.push(started.pid);
    }
    await receive();
    await receive();
    const reasons = reasonsOf(pids);
    assertEquals(await TaskSupervisor.stop(sup), "ok");
    assertEquals(await reasons, ["shutdown", "killed", "killed"]);
  },
);

// On another node.

clusterTest(
  "TaskSupervisor.async() runs a task on another node",
  (cluster) =>
    withTasks(cluster, async (supervisor) => {
      for (
        const sup of [
          TASKS,
          { name: atom("tasks"), node: atom(KATE) },
          supervisor,
        ]
      ) {
        const task = await TaskSupervisor.async(sup, Remote.add, [1, 2]);
        assertEquals([task.pid.node, await Task.await(task)], [KATE, 3]);
        const named = await TaskSupervisor.async(sup, ["Remote", "add"], [
          3,
          4,
        ]);
        assertEquals(await Task.await(named), 7);
      }
      const tasks = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          TaskSupervisor.async(TASKS, Remote.add, [i, i])),
      );
      assertEquals(
        await Promise.all(tasks.map((task) =>
          Task.await(task)
        )),
        Array.from({ length: 100 }, (_, i) => 2 * i),
      );
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "a task on another node knows on whose behalf it runs, the nearest first",
  (cluster) =>
    withTasks(cluster, async () => {
      const here = self();
      const outer = Task.async(async () => {
        const task = await TaskSupervisor.async(TASKS, Remote.whoAndFor);
        return await Task.await(task);
      });
      assertEquals(await Task.await(outer), {
        node: KATE,
        callers: [outer.pid, here],
      });
    }),
);

clusterTest(
  "what a task under a supervisor prints comes out at the supervisor's node",
  async (cluster) => {
    const out = { alex: "", kate: "" };
    const io = (node: "alex" | "kate") => ({
      write: (text: string) => void (out[node] += text),
    });
    await withTasks(cluster, async () => {
      const task = await TaskSupervisor.async(TASKS, Remote.print, ["hi"]);
      await Task.await(task);
      assertEquals(out, { alex: "", kate: "hi\n" });
    }, { alex: { io: io("alex") }, kate: { io: io("kate") } });
  },
);

clusterTest(
  "a task that crashes ends its owner, unless it is not linked",
  (cluster) =>
    withTasks(cluster, async () => {
      const owner = spawn(async () => {
        await Task.await(
          await TaskSupervisor.async(TASKS, Remote.crash, ["no"]),
        );
      });
      const reason = await ended(owner);
      assertInstanceOf(reason, TypeError);
      assertEquals(reason.message, "no");
      const task = await TaskSupervisor.asyncNolink(TASKS, Remote.crash, [
        "no",
      ]);
      const error = await assertRejects(() => Task.await(task), ExitError);
      const { reason: why } = error.reason as { reason: Error };
      assertInstanceOf(why, TypeError);
      assertMatch(
        error.message,
        /^exited in: Task\.await\(.*an exception was raised:\n.*TypeError: no/s,
      );
      const other = await TaskSupervisor.asyncNolink(TASKS, Remote.toss, [1]);
      assertEquals(await Task.yield(other), {
        type: "exit",
        reason: { type: "nocatch", value: 1 },
      });
      assertEquals(await TaskSupervisor.children(TASKS), []);
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "a late result of a task on another node is dropped",
  (cluster) =>
    withTasks(cluster, async () => {
      const task = await TaskSupervisor.async(TASKS, Remote.echo);
      const error = await assertRejects(() => Task.await(task, 5), ExitError);
      assertEquals((error.reason as { reason: unknown }).reason, "timeout");
      unlink(task.pid);
      send(task.pid, { from: self(), value: "sync" });
      assertEquals(await receive(), "sync");
      const slow = await TaskSupervisor.async(TASKS, Remote.waitFor);
      await assertRejects(() => Task.await(slow, 5), ExitError);
      send(slow.pid, "late");
      assertEquals(await reasonOf(slow.pid) !== "noconnection", true);
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "Task.shutdown() and Task.ignore() of a task on another node",
  (cluster) =>
    withTasks(cluster, async () => {
      const task = await TaskSupervisor.async(TASKS, Remote.wait);
      assertEquals(await TaskSupervisor.children(TASKS), [task.pid]);
      assertEquals(await Task.shutdown(task), undefined);
      const brutal = await TaskSupervisor.async(TASKS, Remote.wait);
      assertEquals(await Task.shutdown(brutal, "brutal_kill"), undefined);
      const done = await TaskSupervisor.async(TASKS, Remote.add, [1, 2]);
      await reasonOf(done.pid);
      assertEquals(await Task.shutdown(done), { type: "ok", value: 3 });
      const ignored = await TaskSupervisor.async(TASKS, Remote.waitFor);
      assertEquals(Task.ignore(ignored), undefined);
      send(ignored.pid, "go");
      await reasonOf(ignored.pid);
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "TaskSupervisor refuses what its node does not run",
  (cluster) =>
    withTasks(cluster, async () => {
      for (const start of Object.values(STARTS)) {
        for (
          const [module, name] of [
            ["Remote", "missing"],
            ["Remote", "constructor"],
            ["__proto__", "toString"],
            ["Missing", "f"],
          ]
        ) {
          const error = await assertRejects(
            () => start(TASKS, [module, name]),
            UndefinedFunctionError,
          );
          assertMatch(
            error.message,
            /^Cannot spawn on kate@localhost: function \w+\.\w+\/0 is not exported/,
          );
        }
        await assertRejects(
          () => start(TASKS, () => 1),
          SpawnRefusedError,
          "--allow-closures",
        );
      }
      assertEquals(await TaskSupervisor.children(TASKS), []);
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "TaskSupervisor runs a closure where they are allowed",
  (cluster) =>
    withTasks(cluster, async () => {
      const task = await TaskSupervisor.async(
        TASKS,
        async (n: number) => [n, await Promise.resolve(Node.self())],
        [7],
      );
      assertEquals(await Task.await(task), [7, KATE]);
    }, { kate: { allowClosures: true } }),
);

clusterTest(
  "TaskSupervisor has as many tasks as it may have",
  (cluster) =>
    withTasks(cluster, async () => {
      const task = await TaskSupervisor.async(TASKS, Remote.wait);
      const child = await TaskSupervisor.startChild(TASKS, Remote.wait);
      for (const start of [TaskSupervisor.async, TaskSupervisor.asyncNolink]) {
        await assertRejects(
          () => start(TASKS, Remote.wait),
          RangeError,
          "maxChildren",
        );
      }
      assertEquals(await TaskSupervisor.startChild(TASKS, Remote.wait), {
        type: "error",
        reason: "max_children",
      });
      await Task.shutdown(task);
      const again = await TaskSupervisor.async(TASKS, Remote.add, [1, 1]);
      assertEquals(await Task.await(again), 2);
      assertEquals(child.type, "ok");
      assertEquals(await mail(), []);
    }, { maxChildren: 2 }),
);

clusterTest(
  "TaskSupervisor.terminateChild() ends a task of its own",
  (cluster) =>
    withTasks(cluster, async () => {
      const started = await TaskSupervisor.startChild(TASKS, Remote.wait);
      assert(started.type === "ok");
      const ref = monitor(started.pid);
      assertEquals(await TaskSupervisor.children(TASKS), [started.pid]);
      assertEquals(
        await TaskSupervisor.terminateChild(TASKS, started.pid),
        "ok",
      );
      const down = await receive(isDown);
      assertEquals([down.ref, down.reason], [ref, "shutdown"]);
      assertEquals(await TaskSupervisor.children(TASKS), []);
      for (const pid of [started.pid, self()]) {
        assertEquals(await TaskSupervisor.terminateChild(TASKS, pid), {
          type: "error",
          reason: "not_found",
        });
      }
    }),
);

clusterTest(
  "TaskSupervisor.async() to a supervisor that is not there says so",
  (cluster) =>
    withTasks(cluster, async () => {
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
        const error = await assertRejects(
          () => Promise.resolve(ask(absent)),
          ExitError,
        );
        assertEquals((error.reason as { reason: unknown }).reason, "noproc");
      }
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "TaskSupervisor.async() to a node that is not there says what was called",
  async (cluster) => {
    const alex = await cluster.start("alex");
    const sup = { name: "Chat.TaskSupervisor", node: "moebi@localhost" };
    await alex.run(async () => {
      for (
        const [name, start] of Object.entries(STARTS)
      ) {
        const error = await assertRejects(
          () => start(sup, ["Chat", "receiveMessage"], ["hi"]),
          ExitError,
        );
        assertEquals(
          error.message,
          `exited in: TaskSupervisor.${name}({ name: "Chat.TaskSupervisor", node: "moebi@localhost" }, ["Chat", "receiveMessage"], ["hi"])\n` +
            "    ** (EXIT) no connection to moebi@localhost",
        );
        assertEquals((error.reason as { reason: unknown }).reason, {
          type: "nodedown",
          node: "moebi@localhost",
        });
      }
      assertEquals(await mail(), []);
    });
  },
);

// Who dies with whom.

for (
  const { name, left } of [
    { name: "async", left: 0 },
    { name: "asyncNolink", left: 100 },
    { name: "startChild", left: 100 },
  ] as const
) {
  clusterTest(
    `an owner of 100 tasks by ${name}() that is killed leaves ${left}`,
    (cluster) =>
      withTasks(cluster, async () => {
        const here = self();
        const owner = spawn(async () => {
          for (let i = 0; i < 100; i++) {
            await STARTS[name](TASKS, Remote.wait);
          }
          send(here, "up");
          await receive(() => false);
        });
        assertEquals(await receive(), "up");
        const pids = await TaskSupervisor.children(TASKS);
        assertEquals(pids.length, 100);
        exit(owner, "kill");
        if (left === 0) {
          const reasons = new Set(await reasonsOf(pids));
          for (const reason of reasons) {
            assert(reason === "killed" || reason === "noproc", String(reason));
          }
        } else await ended(owner);
        assertEquals((await TaskSupervisor.children(TASKS)).length, left);
      }),
  );
}

clusterTest(
  "a supervisor that is killed takes its tasks along",
  (cluster) =>
    withTasks(cluster, async (supervisor) => {
      trapExit(true);
      const linked = await TaskSupervisor.async(TASKS, Remote.wait);
      const nolink = await TaskSupervisor.asyncNolink(TASKS, Remote.wait);
      const started = await TaskSupervisor.startChild(TASKS, Remote.wait);
      assert(started.type === "ok");
      const ref = monitor(started.pid);
      exit(supervisor, "kill");
      for (const task of [linked, nolink]) {
        const error = await assertRejects(() => Task.await(task), ExitError);
        assertEquals((error.reason as { reason: unknown }).reason, "killed");
      }
      const exited = await receive(isExit);
      assertEquals([exited.from, exited.reason], [linked.pid, "killed"]);
      const down = await receive(isDown);
      assertEquals([down.ref, down.reason], [ref, "killed"]);
      assertEquals(await mail(), []);
    }),
);

clusterTest(
  "a supervisor that is stopped shuts tasks of another node's owners down",
  (cluster) =>
    withTasks(cluster, async () => {
      trapExit(true);
      const task = await TaskSupervisor.async(TASKS, Remote.wait);
      assertEquals(await TaskSupervisor.stop(TASKS), "ok");
      const error = await assertRejects(() => Task.await(task), ExitError);
      assertEquals((error.reason as { reason: unknown }).reason, "shutdown");
      assertEquals((await receive(isExit)).reason, "shutdown");
    }),
);

clusterTest(
  "a task under a supervisor of another node outlives neither owner's node nor connection",
  (cluster) =>
    withTasks(cluster, async (_supervisor, kate) => {
      trapExit(true);
      const task = await TaskSupervisor.async(TASKS, Remote.wait);
      const nolink = await TaskSupervisor.asyncNolink(TASKS, Remote.wait);
      const gone = kate.run(() => reasonOf(task.pid));
      await kate.run(() => {});
      Node.disconnect(KATE);
      assertEquals(await gone, "noconnection");
      for (const each of [task, nolink]) {
        const error = await assertRejects(() => Task.await(each), ExitError);
        assertMatch(error.message, /no connection to kate@localhost$/);
      }
      assertEquals((await receive(isExit)).reason, "noconnection");
      assertEquals(await TaskSupervisor.children(TASKS), [nolink.pid]);
    }),
);
