import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  ExitError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../errors.ts";
import { Node } from "../node.ts";
import {
  alive,
  callers,
  type DownMessage,
  exit,
  info,
  monitor,
  type Pid,
  receive,
  self,
  send,
  sleep,
  spawn,
  trapExit,
  unlink,
} from "../process.ts";
import { Task } from "../task.ts";
import { TaskSupervisor } from "../task_supervisor.ts";
import { test } from "../testing/tags.ts";
import { clusterTest } from "./_nodes.ts";
import { ended, inProcess, mail, processTest, turn } from "./_processes.ts";
import * as Remote from "./_remote.ts";
import { logged } from "./_supervision.ts";

const KATE = "kate@localhost";
const TASKS = { name: "tasks", node: KATE };

/** Takes all that a stream gives. */
async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of stream) results.push(result);
  return results;
}

function ok<T>(...values: T[]): { type: "ok"; value: T }[] {
  return values.map((value) => ({ type: "ok", value }));
}

/** Tells who it is, and never ends. */
async function endless(to: Pid): Promise<void> {
  send(to, { started: self() });
  await receive(() => false);
}

async function started(): Promise<Pid> {
  return (await receive((m) => m?.started !== undefined)).started;
}

/** Waits for the ends of processes. */
async function reasonsOf(...pids: Pid[]): Promise<unknown[]> {
  const refs = pids.map((pid) => monitor(pid));
  const reasons: unknown[] = [];
  for (const ref of refs) {
    const down = await receive<DownMessage>((m) => ref.equals(m?.ref));
    reasons.push(down.reason);
  }
  return reasons;
}

/** The reason, and what was called, of an exit by a call. */
async function callOf(promise: Promise<unknown>): Promise<unknown[]> {
  const error = await assertRejects(() => promise, ExitError);
  // deno-lint-ignore no-explicit-any
  const { type, reason, call } = error.reason as any;
  assertEquals(type, "call");
  return [reason, ...call];
}

/** What tells of each step: what is pulled, what ends, and that it is closed. */
function* source(
  journal: string[],
  values: Iterable<number>,
): Generator<number> {
  try {
    for (const value of values) {
      journal.push(`pull ${value}`);
      yield value;
    }
  } finally {
    journal.push("closed");
  }
}

function* numbers(): Generator<number> {
  for (let n = 1;; n++) yield n;
}

// What it gives, and when.

processTest(
  "Task.asyncStream() gives what the tasks give, in order",
  async () => {
    const wait = async (ms: number, unit: string) => {
      await sleep(ms);
      return `${ms} ${unit}`;
    };
    assertEquals(
      await all(
        Task.asyncStream([30, 1, 15], wait, {
          args: ["ms"],
          maxConcurrency: 3,
        }),
      ),
      ok("30 ms", "1 ms", "15 ms"),
    );
    assertEquals(await all(Task.asyncStream([], wait)), []);
    assertEquals(await mail(), []);
  },
);

processTest("Task.asyncStream() may give results as they come", async () => {
  const tasks = new Map<number, Pid>();
  const here = self();
  const wait = async (n: number) => {
    send(here, { n, pid: self() });
    await receive();
    return n;
  };
  const stream = Task.asyncStream([1, 2, 3], wait, {
    ordered: false,
    maxConcurrency: 3,
  });
  const results = all(stream);
  for (let i = 0; i < 3; i++) {
    const { n, pid } = await receive();
    tasks.set(n, pid);
  }
  for (const n of [3, 1, 2]) {
    send(tasks.get(n)!, "go");
    await ended(tasks.get(n)!);
  }
  assertEquals(await results, ok(3, 1, 2));
});

processTest(
  "Task.asyncStream() runs nothing before it is iterated over, and all anew each time",
  async () => {
    const runs: number[] = [];
    const stream = Task.asyncStream([1, 2], (n) => void runs.push(n));
    await turn();
    assertEquals(runs, []);
    await all(stream);
    await all(stream);
    assertEquals(runs, [1, 2, 1, 2]);
  },
);

processTest(
  "Task.asyncStream() takes the next element when a result has been taken",
  async () => {
    const journal: string[] = [];
    const stream = Task.asyncStream(source(journal, [1, 2, 3, 4]), (n) => n, {
      maxConcurrency: 2,
    });
    for await (const result of stream) {
      assert(result.type === "ok");
      journal.push(`got ${result.value}`);
    }
    assertEquals(journal, [
      "pull 1",
      "pull 2",
      "got 1",
      "pull 3",
      "got 2",
      "pull 4",
      "got 3",
      "closed",
      "got 4",
    ]);
  },
);

processTest("Task.asyncStream() runs so many tasks at a time", async () => {
  let running = 0;
  let most = 0;
  const count = async () => {
    most = Math.max(most, ++running);
    await sleep(1);
    running--;
  };
  const values = Array.from({ length: 20 }, (_, i) => i);
  for (const maxConcurrency of [1, 3, 20, Infinity]) {
    most = 0;
    for (const ordered of [true, false]) {
      await all(Task.asyncStream(values, count, { maxConcurrency, ordered }));
    }
    assertEquals(most, Math.min(maxConcurrency, 20));
  }
});

processTest("Task.asyncStream() takes elements of any iterable", async () => {
  async function* later(): AsyncGenerator<number> {
    for (const n of [1, 2, 3]) yield await sleep(1).then(() => n);
  }
  const given: number[][] = [];
  const keep = (list: number[]) => {
    list.push(0);
    given.push(list);
  };
  assertEquals(
    await all(Task.asyncStream(later(), (n) => n * 2)),
    ok(2, 4, 6),
  );
  assertEquals(
    await all(Task.asyncStream(new Set(["a"]), (text: string) => text)),
    ok("a"),
  );
  const list = [1];
  await all(Task.asyncStream([list], keep));
  assertEquals([list, given], [[1], [[1, 0]]]);
});

test("Task.asyncStream() works outside any process", async () => {
  assertEquals(await all(Task.asyncStream([1, 2], (n) => n + 1)), ok(2, 3));
});

test("Task.asyncStream() refuses options that are none", () => {
  const id = (value: unknown) => value;
  for (
    const options of [
      { maxConcurrency: 0 },
      { maxConcurrency: 1.5 },
      { timeout: -1 },
      { onTimeout: "kill" as "kill_task" },
    ]
  ) {
    assertThrows(
      () => Task.asyncStream([], id, options),
      "onTimeout" in options ? TypeError : RangeError,
      "Cannot make a stream by Task.asyncStream",
    );
  }
  for (const shutdown of [-1, NaN, "infinity" as "brutal_kill"]) {
    assertThrows(
      () => TaskSupervisor.asyncStream("sup", [], id, { shutdown }),
      typeof shutdown === "number" ? RangeError : TypeError,
      "Cannot make a stream by TaskSupervisor.asyncStream",
    );
  }
  const bad = 5 as unknown as [];
  assertThrows(() => Task.asyncStream(bad, id), TypeError, "iterated over");
  assertThrows(
    () => Task.asyncStream([], bad as unknown as () => void),
    TypeError,
    "give a function",
  );
});

// Tasks that exit.

processTest("a task of a stream that crashes ends the owner", async () => {
  logged();
  const owner = spawn(async () => {
    await all(Task.asyncStream([1, 2], (n) => {
      if (n === 2) throw new RangeError("no");
      return receive(() => false);
    }, { maxConcurrency: 2 }));
  });
  const reason = await ended(owner);
  assertInstanceOf(reason, RangeError);
  assertEquals(logged().length, 1);
});

processTest("a stream gives exits to an owner that traps them", async () => {
  trapExit(true);
  const run = async (n: number) => {
    if (n === 2) exit("oops");
    if (n === 3) throw "thrown";
    if (n === 4) await receive(() => false);
    if (n === 5) exit("normal");
    return n;
  };
  const options = { timeout: 10, onTimeout: "kill_task" } as const;
  const values = [1, 2, 3, 4, 5];
  const exits = [
    { type: "exit", reason: "oops" },
    { type: "exit", reason: { type: "nocatch", value: "thrown" } },
    { type: "exit", reason: "timeout" },
    { type: "exit", reason: "normal" },
  ];
  assertEquals(
    await all(Task.asyncStream(values, run, options)),
    [...ok(1), ...exits] as never,
  );
  assertEquals(
    await all(
      Task.asyncStream(values, run, { ...options, zipInputOnExit: true }),
    ),
    [...ok(1), ...exits.map((item, i) => ({ ...item, input: i + 2 }))] as never,
  );
  logged();
});

processTest(
  "a task of a stream that is too slow ends the owner, and its other tasks with it",
  async () => {
    const here = self();
    // The second begins to run when half of the first one's time is over.
    async function* late(): AsyncGenerator<number> {
      yield 1;
      await sleep(15);
      yield 2;
    }
    const owner = spawn(async () => {
      const options = { timeout: 30, maxConcurrency: 2 };
      await all(Task.asyncStream(late(), () => endless(here), options));
    });
    const owners = reasonsOf(owner);
    const tasks = reasonsOf(await started(), await started());
    const [reason] = await owners;
    const call = ["Task.Supervised", "stream", [30]];
    assertEquals(reason, { type: "call", reason: "timeout", call });
    assertEquals(await tasks, ["killed", reason]);
  },
);

processTest(
  "the exit of an owner whose task is too slow says so, and the others run to their end",
  async () => {
    const here = self();
    const run = async (n: number) => {
      send(here, { started: self() });
      if (n === 2) await receive(() => false);
      if (n === 3) await receive();
      return n;
    };
    const results: unknown[] = [];
    const stream = Task.asyncStream([1, 2, 3], run, {
      timeout: 20,
      maxConcurrency: 3,
    });
    const iterate = async () => {
      for await (const result of stream) {
        results.push(result);
        if (results.length > 1) continue;
        const pids = [await started(), await started(), await started()];
        send(pids[2], "go");
        await ended(pids[2]);
        results.push("ended");
      }
    };
    assertEquals(await callOf(iterate()), [
      "timeout",
      "Task.Supervised",
      "stream",
      [20],
    ]);
    assertEquals(results, [...ok(1), "ended"] as never);
    assertEquals(info()?.links, []);
  },
);

processTest(
  "tasks of a stream whose owner catches its exit go on, and then nothing is left",
  async () => {
    const here = self();
    const run = async (n: number) => {
      if (n === 1) await receive(() => false);
      send(here, { started: self() });
      await receive();
    };
    // The second begins to run when half of the first one's time is over.
    async function* late(): AsyncGenerator<number> {
      yield 1;
      await sleep(15);
      yield 2;
    }
    const stream = Task.asyncStream(late(), run, {
      timeout: 30,
      maxConcurrency: 2,
    });
    assertEquals((await callOf(all(stream)))[0], "timeout");
    const task = await started();
    const [host] = info()!.links;
    const ends = reasonsOf(task, host);
    send(task, "go");
    assertEquals(await ends, ["normal", "normal"]);
    assertEquals(info()?.links, []);
  },
);

// Leaving it.

processTest(
  "leaving the loop kills the tasks that run, and closes the source",
  async () => {
    trapExit(true);
    const here = self();
    const run = (n: number) => n === 1 ? n : endless(here);
    for (const leave of ["break", "throw", "return"]) {
      const journal: string[] = [];
      const pids: Pid[] = [];
      const iterate = async () => {
        const elements = source(journal, numbers());
        const stream = Task.asyncStream(elements, run, { maxConcurrency: 3 });
        for await (const _ of stream) {
          pids.push(await started(), await started());
          if (leave === "break") break;
          if (leave === "throw") throw new TypeError("left");
          return;
        }
      };
      if (leave === "throw") await assertRejects(iterate, TypeError, "left");
      else await iterate();
      assertEquals(pids.map(alive), [false, false]);
      assertEquals(journal, ["pull 1", "pull 2", "pull 3", "closed"]);
      assertEquals(info()?.links, []);
      assertEquals(await mail(), []);
    }
  },
);

processTest("a source that throws ends the tasks", async () => {
  const here = self();
  function* broken(): Generator<number> {
    yield* [1, 2];
    throw new TypeError("broken");
  }
  async function* brokenLater(): AsyncGenerator<number> {
    yield* [1, 2];
    await sleep(1);
    throw new TypeError("broken");
  }
  const run = (n: number) => n === 1 ? n : endless(here);
  for (const elements of [broken(), brokenLater()]) {
    const stream = Task.asyncStream(elements, run, { maxConcurrency: 2 });
    await assertRejects(() => all(stream), TypeError, "broken");
    assertFalse(alive(await started()));
  }
});

processTest("an iterator of a stream can be disposed of", async () => {
  const here = self();
  const run = (n: number) => n === 1 ? n : endless(here);
  const iterator = Task.asyncStream([1, 2], run, { maxConcurrency: 2 })
    [Symbol.asyncIterator]();
  assertEquals((await iterator.next()).value, ok(1)[0] as never);
  const task = await started();
  await iterator.return?.();
  assertFalse(alive(task));
});

// Who dies with whom.

for (const trap of [false, true]) {
  for (const reason of ["killed", "oops", "normal"]) {
    const lives = reason === "normal";
    processTest(
      `an owner that ${trap ? "traps exits and " : ""}exits with ${reason} ${
        lives ? "leaves" : "ends"
      } its stream's tasks`,
      async () => {
        const here = self();
        const owner = spawn(async () => {
          trapExit(trap);
          const run = (n: number) => n === 1 ? n : endless(here);
          const iterator = Task.asyncStream([1, 2], run, { maxConcurrency: 2 })
            [Symbol.asyncIterator]();
          await iterator.next();
          send(here, "up");
          exit(await receive());
        });
        await receive((m) => m === "up");
        const task = await started();
        const reasons = lives ? ended(owner) : reasonsOf(task);
        if (reason === "killed") exit(owner, "kill");
        else send(owner, reason);
        if (!lives) assertEquals(await reasons, [reason]);
        else {
          await reasons;
          await turn();
          assert(alive(task));
          exit(task, "kill");
        }
      },
    );
  }
}

processTest(
  "an owner that traps exits exits itself when the process between is killed",
  async () => {
    trapExit(true);
    const here = self();
    const stream = Task.asyncStream([1], () => endless(here));
    const results = callOf(all(stream));
    const task = await started();
    const [host] = info()!.links;
    const reasons = reasonsOf(task);
    exit(host, "kill");
    assertEquals(await results, ["killed", "Task.Supervised", "stream", [
      5000,
    ]]);
    assertEquals(await reasons, ["killed"]);
  },
);

processTest(
  "an owner that is killed within its loop closes the source",
  async () => {
    const journal: string[] = [];
    const here = self();
    const owner = spawn(async () => {
      const stream = Task.asyncStream(source(journal, [1, 2]), (n) => n);
      for await (const _ of stream) {
        send(here, "up");
        await receive(() => false);
      }
    });
    await receive();
    exit(owner, "kill");
    await turn();
    assertEquals(journal.at(-1), "closed");
  },
);

processTest("a stream is gone through by one process", async () => {
  const iterator = Task.asyncStream([1, 2, 3], (n) => n, { maxConcurrency: 1 })
    [Symbol.asyncIterator]();
  await iterator.next();
  const other = Task.async(async () => {
    await assertRejects(
      () => iterator.next(),
      TypeError,
      "iterate over it in one process",
    );
  });
  await Task.await(other);
  await turn();
  assertEquals(info()?.links, []);
});

// Under a supervisor.

processTest(
  "TaskSupervisor.asyncStream() runs its tasks under it",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const here = self();
    const run = async (n: number) => [
      n,
      callers(),
      (await TaskSupervisor.children(sup)).some((pid) => pid.equals(self())),
    ];
    assertEquals(
      await all(TaskSupervisor.asyncStream(sup, [1, 2], run)),
      ok([1, [here], true], [2, [here], true]),
    );
    assertEquals(await TaskSupervisor.children(sup), []);
    await TaskSupervisor.stop(sup);
  },
);

processTest(
  "a task by TaskSupervisor.asyncStream() takes its owner along, one by asyncStreamNolink() does not",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const check = (n: number) => n === 2 ? exit("oops") : n;
    const owner = spawn(() => all(TaskSupervisor.asyncStream(sup, [2], check)));
    assertEquals(await ended(owner), "oops");
    assertEquals(
      await all(TaskSupervisor.asyncStreamNolink(sup, [1, 2, 3], check)),
      [...ok(1), { type: "exit", reason: "oops" }, ...ok(3)],
    );
    await TaskSupervisor.stop(sup);
    logged();
  },
);

for (
  const { name, left } of [
    { name: "asyncStream", left: 0 },
    { name: "asyncStreamNolink", left: 1 },
  ] as const
) {
  processTest(
    `an owner that is killed leaves ${left} of the tasks by TaskSupervisor.${name}()`,
    async () => {
      const sup = await TaskSupervisor.startLink();
      const here = self();
      const owner = spawn(() =>
        all(TaskSupervisor[name](sup, [1], () => endless(here)))
      );
      const task = await started();
      exit(owner, "kill");
      await ended(owner);
      if (left === 0) await ended(task);
      assertEquals((await TaskSupervisor.children(sup)).length, left);
      await TaskSupervisor.stop(sup);
    },
  );

  processTest(
    `leaving the loop ends the tasks by TaskSupervisor.${name}()`,
    async () => {
      const sup = await TaskSupervisor.startLink();
      const here = self();
      const run = (n: number) => n === 1 ? n : endless(here);
      const options = { maxConcurrency: 2 };
      for await (
        const _ of TaskSupervisor[name](sup, [1, 2], run, options)
      ) break;
      assertFalse(alive(await started()));
      assertEquals(await TaskSupervisor.children(sup), []);
      await TaskSupervisor.stop(sup);
    },
  );

  processTest(
    `TaskSupervisor.${name}() throws when there are as many tasks as there may be`,
    async () => {
      const sup = await TaskSupervisor.startLink({ maxChildren: 2 });
      const here = self();
      const pids: Pid[] = [];
      async function* elements(): AsyncGenerator<number> {
        yield* [1, 2];
        pids.push(await started(), await started());
        yield 3;
      }
      const run = () => endless(here);
      const stream = TaskSupervisor[name](sup, elements(), run, {
        maxConcurrency: 3,
      });
      await assertRejects(() => all(stream), RangeError, "maxConcurrency");
      assertEquals(pids.map(alive), [false, false]);
      assertEquals(info()?.links, [sup]);
      await TaskSupervisor.stop(sup);
    },
  );
}

processTest(
  "TaskSupervisor.asyncStream() exits when the supervisor is not there",
  async () => {
    const stream = TaskSupervisor.asyncStream("absent", [1], (n) => n);
    const owner = spawn(() => all(stream));
    const { reason, call } = await ended(owner);
    assertEquals(
      [reason, call[0], call[1]],
      ["noproc", "TaskSupervisor", "asyncStream"],
    );
    trapExit(true);
    const [why, ...rest] = await callOf(all(stream));
    assertEquals((why as { reason: string }).reason, "noproc");
    assertEquals(rest, ["Task.Supervised", "stream", [5000]]);
  },
);

processTest(
  "TaskSupervisor.asyncStream() finds its supervisor by a registry",
  async () => {
    const sup = await TaskSupervisor.startLink();
    for (const found of [sup, Promise.resolve(sup)]) {
      const via = {
        registerName: () => false,
        unregisterName: () => {},
        whereisName: (name: unknown) =>
          name === "tasks" ? found : Promise.resolve(undefined),
      };
      const stream = (name: string) =>
        TaskSupervisor.asyncStream({ via, name }, [1, 2], (n) => n);
      assertEquals(await all(stream("tasks")), ok(1, 2));
      const { reason } = await ended(spawn(() => all(stream("others"))));
      assertEquals(reason, "noproc");
    }
    await TaskSupervisor.stop(sup);
  },
);

processTest(
  "tasks of a stream are ended with their supervisor as its shutdown says",
  async () => {
    const sup = await TaskSupervisor.startLink();
    const stubborn = async (to: Pid) => {
      trapExit(true);
      await endless(to);
    };
    const results = all(
      TaskSupervisor.asyncStreamNolink(sup, [self()], stubborn, {
        shutdown: "brutal_kill",
      }),
    );
    await started();
    await TaskSupervisor.stop(sup);
    assertEquals(await results, [{ type: "exit", reason: "killed" }]);
  },
);

// On another node.

clusterTest(
  "Task.asyncStream() runs a function by its name",
  async (cluster) => {
    const kate = await cluster.start("kate");
    await kate.run(async () => {
      const run = (name: string) =>
        all(Task.asyncStream([1, 2], ["Remote", name], { args: [10] }));
      assertEquals(await run("add"), ok<unknown>(11, 12));
      await assertRejects(
        () => run("missing"),
        UndefinedFunctionError,
        "function Remote.missing/2 is not exported",
      );
      assertEquals(info()?.links, []);
      assertEquals(await mail(), []);
    });
  },
);

/** Runs `fn` in a process of alex; kate has a Task.Supervisor of the name `tasks`. */
function remoteTest(name: string, fn: (kate: Node) => Promise<void>): void {
  clusterTest(name, async (cluster) => {
    const kate = await cluster.start("kate");
    const alex = await cluster.start("alex");
    await kate.run(async () => {
      unlink(await TaskSupervisor.startLink({ name: "tasks" }));
    });
    await alex.run(() => inProcess(() => fn(kate)));
  });
}

remoteTest(
  "TaskSupervisor.asyncStream() runs its tasks on another node",
  async () => {
    const add = { args: [10] as [number], maxConcurrency: 2 };
    assertEquals(
      await all(TaskSupervisor.asyncStream(TASKS, [1, 2, 3], Remote.add, add)),
      ok(11, 12, 13),
    );
    const named = ["Remote", "whoAndFor"] as const;
    const [result] = await all(TaskSupervisor.asyncStream(TASKS, [1], named));
    assert(result.type === "ok");
    const { node, callers } = result.value as { node: string; callers: Pid[] };
    assertEquals([node, callers], [KATE, [self()]]);
    const missing = ["Remote", "missing"] as const;
    await assertRejects(
      () => all(TaskSupervisor.asyncStream(TASKS, [1], missing)),
      UndefinedFunctionError,
      "Remote.missing/1",
    );
    await assertRejects(
      () => all(TaskSupervisor.asyncStream(TASKS, [1], (n) => n)),
      SpawnRefusedError,
      "--allow-closures",
    );
    assertEquals(await TaskSupervisor.children(TASKS), []);
  },
);

remoteTest(
  "leaving the loop ends a stream's tasks on another node",
  async () => {
    for await (
      const result of TaskSupervisor.asyncStream(
        TASKS,
        ["1", self()],
        Remote.echoOrWait,
        { maxConcurrency: 2 },
      )
    ) {
      assertEquals(result, ok("1")[0] as never);
      assertEquals(await receive(), "up");
      break;
    }
    assertEquals(await TaskSupervisor.children(TASKS), []);
    assertEquals(info()?.links, []);
  },
);

remoteTest(
  "a stream's tasks on a node that is lost exit with noconnection",
  async () => {
    const here = self();
    const start = (name: "asyncStream" | "asyncStreamNolink") =>
      TaskSupervisor[name](TASKS, [here], Remote.echoOrWait);
    const owner = spawn(() => all(start("asyncStream")));
    const results = all(start("asyncStreamNolink"));
    await receive();
    await receive();
    const reasons = reasonsOf(owner);
    Node.disconnect(KATE);
    assertEquals(await reasons, ["noconnection"]);
    assertEquals(await results, [{ type: "exit", reason: "noconnection" }]);
  },
);

remoteTest("a stream whose node is not there exits", async () => {
  trapExit(true);
  const sup = { name: "tasks", node: "moebi@localhost" };
  const stream = TaskSupervisor.asyncStream(sup, [1, 2], Remote.add);
  const [why] = await callOf(all(stream));
  assertEquals((why as { reason: unknown }).reason, {
    type: "nodedown",
    node: "moebi@localhost",
  });
});
