/** TaskPool on nodes of this program: places, queue, deadlines, and the ends of runs. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  ExitError,
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  Process,
  receive,
  self,
  send,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { Task } from "../../../packages/servers/task/task.ts";
import {
  PoolError,
  type PoolRunOptions,
  TaskPool,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { type Cluster, clusterTest } from "../../_nodes.ts";
import {
  type Begun,
  begun,
  GROUP,
  Jobs,
  nodes,
  pool,
  ready,
  release,
  supervisor,
  until,
} from "./_pool_jobs.ts";
import { until as eventually } from "../../_until.ts";
import { exitOf } from "../../servers/_gen_servers.ts";

/** Runs a held task in the pool. */
function hold(id: unknown, options: PoolRunOptions = {}): Promise<unknown> {
  const run = TaskPool.run("pool", ["Jobs", "held"], [self(), id], {
    timeout: Infinity,
    ...options,
  });
  // A test may look at its failure later.
  run.catch(() => {});
  return run;
}

async function failed(
  promise: Promise<unknown>,
  code: PoolError["code"],
): Promise<PoolError> {
  const error = await assertRejects(() => promise, PoolError);
  assertEquals(error.code, code, error.message);
  return error;
}

/** A test of a pool on alex, as a process of alex; a supervisor on each of the nodes named. */
function poolTest(
  name: string,
  places: Record<string, number>,
  fn: (nodes: Record<string, Node>, cluster: Cluster) => Promise<void>,
  options: Parameters<typeof pool>[1] = {},
  tags: string[] = [],
): void {
  clusterTest(`TaskPool ${name}`, async (cluster) => {
    const names = ["alex", ...Object.keys(places).filter((n) => n !== "alex")];
    const started = await nodes(cluster, ...names);
    const byName = Object.fromEntries(names.map((n, i) => [n, started[i]]));
    await pool(started[0], options);
    for (const [at, maxChildren] of Object.entries(places)) {
      await supervisor(byName[at], { maxChildren, name: "sup" });
    }
    await started[0].run(async () => {
      await ready(Object.keys(places).length);
      await fn(byName, cluster);
      assertEquals(currentProcess().entries?.size ?? 0, 0, "no wait is left");
    });
  }, { timeout: 120_000, tags });
}

poolTest(
  "runs each task at the supervisor with the smallest part of its places taken",
  { alex: 1, kate: 2, moebi: 4 },
  async () => {
    const at: string[] = [];
    const runs = [];
    for (let i = 0; i < 7; i++) {
      runs.push(hold(i));
      at.push((await begun(i)).pid.node.split("@")[0]);
    }
    const first = at.slice(0, 3).sort();
    assertEquals(first, ["alex", "kate", "moebi"], "each has one first");
    assertEquals(at.filter((each) => each === "moebi").length, 4);
    assertEquals(at[3], "moebi", "a quarter is less than a half");
    assertEquals((await TaskPool.info("pool")).members.length, 3);
    await endAll(runs);
  },
);

/** Ends all tasks of all supervisors that runs have begun, by the end of the pool. */
async function endAll(runs: Promise<unknown>[]): Promise<void> {
  await TaskPool.stop("pool");
  for (const run of runs) await assertRejects(() => run, ExitError);
}

poolTest("runs what waits in order", { kate: 1 }, async () => {
  const runs = [0, 1, 2, 3].map((id) => hold(id));
  await until(({ queued }) => queued === 3);
  for (const id of [0, 1, 2, 3]) {
    const task = await begun();
    assertEquals(task.begun, id);
    release(task, id * 2);
    assertEquals(await runs[id], id * 2);
  }
});

poolTest("fails the run after a full queue", { kate: 1 }, async () => {
  const first = hold(0);
  const second = hold(1);
  const error = await failed(hold(2), "queue_full");
  assert(!error.mayHaveRun);
  assertEquals(
    error.message,
    "Cannot run a task in the pool pool: no supervisor has a place for it, and 1 runs wait already; give the pool a larger maxQueue, or the group more places",
  );
  release(await begun(0), "first");
  release(await begun(1), "second");
  assertEquals(await Promise.all([first, second]), ["first", "second"]);
}, { maxQueue: 1 });

poolTest("without a queue runs at once", { kate: 1 }, async () => {
  const run = hold(0);
  await failed(hold(1), "queue_full");
  release(await begun(0), "done");
  assertEquals(await run, "done");
}, { maxQueue: 0 });

poolTest("fails a queued run at its deadline", { kate: 1 }, async () => {
  const run = hold(0);
  const task = await begun(0);
  using time = new FakeTime();
  const isQueued = async () =>
    assertEquals((await TaskPool.info("pool")).queued, 1);
  for (const limit of [{ timeout: 20 }, { deadline: Date.now() + 40 }]) {
    const late = failed(hold(1, limit), "deadline");
    await isQueued();
    time.tick(20);
    assert(!(await late).mayHaveRun);
  }
  await failed(hold(1, { deadline: Date.now() - 1 }), "deadline");
  await failed(hold(1, { timeout: 0 }), "deadline");
  assertEquals((await TaskPool.info("pool")).queued, 0);
  release(task, "done");
  assertEquals(await run, "done");
  assertEquals((await TaskPool.info("pool")).counts, {
    runs: 5,
    done: 1,
    exited: 0,
    retried: 0,
    refused: 0,
    queue_full: 0,
    deadline: 4,
    no_node: 0,
    lost: 0,
  });
});

poolTest("rejects with the signal's reason", { kate: 1 }, async () => {
  const early = AbortSignal.abort("early");
  assertEquals(await hold(0, { signal: early }).catch((e) => e), "early");
  const running = new AbortController();
  const queued = new AbortController();
  const first = hold(1, { signal: running.signal });
  const second = hold(2, { signal: queued.signal });
  const third = hold(3);
  const { pid } = await begun(1);
  const ref = Process.monitor(pid);
  const left = new Error("left");
  queued.abort(left);
  assertEquals(await second.catch((e) => e), left);
  assertEquals((await TaskPool.info("pool")).queued, 1);
  running.abort("enough");
  assertEquals(await first.catch((e) => e), "enough");
  const down = await receive((m) => ref.equals(m?.ref));
  assertEquals(down.reason, "shutdown");
  release(await begun(3), 3);
  assertEquals(await third, 3);
  const { counts, running: inFlight } = await TaskPool.info("pool");
  assertEquals([counts.runs, counts.done], [3, 1], "the first was not sent");
  await until(({ running }) => running === 0);
  assert(inFlight <= 1);
});

poolTest("ends a task on its own node", { alex: 1 }, async () => {
  for (const shutdown of [60_000, "brutal_kill"] as const) {
    const gone = new AbortController();
    const run = hold(0, { signal: gone.signal, shutdown });
    await begun(0);
    gone.abort("gone");
    assertEquals(await run.catch((e) => e), "gone");
    await until(({ running }) => running === 0);
  }
  await TaskPool.run("pool", ["Jobs", "here"]);
});

poolTest("that exits fails its runs", { kate: 1 }, async ({ alex }) => {
  await TaskPool.stop("pool");
  const sup = await Supervisor.startLink(
    [[TaskPool, { name: "pool", group: GROUP }]],
    { strategy: "one_for_one" },
  );
  await ready(1);
  const [running, queued] = [hold(0), hold(1)];
  const { pid } = await begun(0);
  const ref = Process.monitor(pid);
  const old = Process.whereis("pool")!;
  Process.exit(old, "kill");
  for (const run of [running, queued]) {
    const { type, reason } = await exitOf(run);
    assertEquals([type, reason], ["call", "killed"]);
  }
  assertEquals((await receive((m) => ref.equals(m?.ref))).reason, "killed");
  await eventually(() => {
    const now = Process.whereis("pool");
    return now !== undefined && !now.equals(old);
  });
  assertEquals(
    await TaskPool.run("pool", ["Jobs", "here"], [1]),
    [1, "kate@localhost"],
  );
  assertEquals(alex.name, Node.self());
  await Supervisor.stop(sup);
});

poolTest("that does not run is noproc", { kate: 1 }, async ({ kate }) => {
  assertEquals(
    (await exitOf(TaskPool.run("none", ["Jobs", "here"]))).reason,
    "noproc",
  );
  const name = { name: "pool", node: kate.name };
  await assertRejects(
    () => TaskPool.run(name, ["Jobs", "here"]),
    TypeError,
    "is on another node",
  );
  await assertRejects(
    () => TaskPool.run(self(), ["Jobs", "here"]),
    TypeError,
    "that process is no pool",
  );
});

poolTest("waits for a first node", {}, async ({ alex }, cluster) => {
  const early = TaskPool.run("pool", ["Jobs", "here"], [1]);
  const [kate] = await nodes(cluster, "kate");
  await supervisor(kate, { name: "sup" });
  await Node.connect(kate.name);
  assertEquals(await early, [1, "kate@localhost"]);
  await TaskPool.stop("pool");
  await pool(alex, { waitForNode: 30, group: "others" });
  const [first, second] = [hold(1), hold(2)];
  for (const run of [first, second]) {
    assert(!(await failed(run, "no_node")).mayHaveRun);
  }
  await TaskPool.stop("pool");
  await pool(alex, { waitForNode: 0, maxQueue: 0, group: "others" });
  await failed(hold(3), "no_node");
});

poolTest(
  "rejects with the exit of a task, and with the errors of its start",
  { kate: 1 },
  async ({ kate }, cluster) => {
    const thrown = await assertRejects(
      () => TaskPool.run("pool", ["Jobs", "fails"], ["oops"]),
      ExitError,
      "oops",
    );
    assertEquals((thrown.reason as { type: string }).type, "call");
    await assertRejects(
      () => TaskPool.run("pool", ["Jobs", "nothing"]),
      UndefinedFunctionError,
    );
    await assertRejects(
      () => TaskPool.run("pool", ["Jobs", "here"], [Symbol("s")]),
      TypeError,
    );
    assertEquals(await TaskPool.run("pool", Jobs.here, [1]), [1, kate.name]);
    // None of these has used up the place, or the supervisor.
    assertEquals((await TaskPool.info("pool")).running, 0);
    const strict = await cluster.start("sophie", { modules: {} });
    await Node.connect(strict.name);
    await kate.run(() => TaskSupervisor.stop("sup"));
    await supervisor(strict);
    await until(({ members }) => members[0]?.pid.node === strict.name);
    await assertRejects(() => TaskPool.run("pool", () => 1), SpawnRefusedError);
  },
);

poolTest("is among the callers of its tasks", { kate: 1 }, async () => {
  const callers = await TaskPool.run("pool", () => Process.callers());
  assertEquals(callers, [self()]);
});

poolTest("copies the arguments of a run", { kate: 1 }, async () => {
  const first = hold(0);
  const list = [1];
  const second = TaskPool.run("pool", ["Jobs", "here"], [list]);
  list.push(2);
  release(await begun(0), 0);
  await first;
  assertEquals(await second, [[1], "kate@localhost"]);
});

poolTest(
  "starts a run that may run twice no more often than maxRuns",
  { kate: 4 },
  async ({ kate }) => {
    const run = hold("poison", { mayRunTwice: true });
    const nodes: Begun[] = [];
    for (let i = 0; i < 2; i++) {
      nodes.push(await begun("poison"));
      await kate.run(() => Process.exit(Process.whereis("sup")!, "kill"));
      await until(({ members }) => members.length === 0);
      if (i === 0) await supervisor(kate, { name: "sup" });
    }
    const error = await failed(run, "lost");
    assert(error.message.includes("started 2 times, and maxRuns is 2"));
  },
  { maxRuns: 2 },
);

for (const way of ["kill", "stop"]) {
  poolTest(
    `sends the tasks of a supervisor elsewhere that ends by ${way}`,
    { kate: 2, moebi: 2 },
    async ({ kate, moebi }) => {
      const runs = [0, 1, 2, 3, 4, 5].map((id) =>
        hold(id, { mayRunTwice: id !== 1 })
      );
      const tasks: Begun[] = [];
      for (let i = 0; i < 4; i++) tasks.push(await begun());
      const one = tasks.find((each) => each.begun === 1)!;
      const node = one.pid.node === kate.name ? kate : moebi;
      await node.run(async () => {
        if (way === "stop") await TaskSupervisor.stop("sup");
        else Process.exit(Process.whereis("sup")!, way);
      });
      const error = await failed(runs[1], "lost");
      assert(error.mayHaveRun);
      assertStringIncludes(
        error.message,
        `its task on ${node.name} was lost`,
      );
      for (const each of tasks) {
        if (each.pid.node !== node.name) release(each, each.begun);
      }
      // The one that was lost as well, before those that came later.
      const order: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        const task = await begun();
        order.push(task.begun);
        release(task, task.begun);
      }
      const other = tasks.find((each) =>
        each.begun !== 1 && each.pid.node === node.name
      )!;
      assertEquals(order, [other.begun, 4, 5]);
      for (const id of [0, 2, 3, 4, 5]) assertEquals(await runs[id], id);
    },
  );
}

for (const leaves of [false, true]) {
  poolTest(
    `takes an odd exit for a lost task${leaves ? " outside the group" : ""}`,
    { kate: 1 },
    async ({ kate }) => {
      const run = TaskPool.run("pool", ["Jobs", "stoical"], [self(), 1]);
      run.catch(() => {});
      await begun(1);
      if (leaves) {
        await kate.run(() => pg.leave(GROUP, Process.whereis("sup")!));
        await until(({ members }) => members.length === 0);
      }
      await kate.run(() => Process.exit(Process.whereis("sup")!, "kill"));
      await failed(run, "lost");
    },
  );
}

poolTest("that was restarted has runs wait", { kate: 1 }, async () => {
  await TaskPool.stop("pool");
  const started = TaskPool.startLink({ name: "pool", group: GROUP });
  assertEquals(await TaskPool.run("pool", ["Jobs", "here"]), [
    "kate@localhost",
  ]);
  await TaskPool.stop(await started);
});

clusterTest("TaskPool shares a full supervisor in turns", async (cluster) => {
  const [kate, alex, moebi] = await nodes(cluster, "kate", "alex", "moebi");
  await supervisor(kate, { maxChildren: 1, name: "sup" });
  const webs = [alex, moebi];
  for (const web of webs) await pool(web);
  const order = await kate.run(async () => {
    const me = self();
    const done: Promise<unknown>[] = [];
    for (const web of webs) {
      done.push(web.run(async () => {
        await ready(1);
        const run = () =>
          TaskPool.run("pool", ["Jobs", "held"], [me, web.name], {
            timeout: Infinity,
          });
        await Promise.all(Array.from({ length: 8 }, run));
      }));
      // Alex has them all in its queue before moebi comes, and moebi before the first one ends.
      await web.run(() => until(({ queued }) => queued > 5));
    }
    const order: unknown[] = [];
    while (order.length < 16) {
      const task = await begun();
      order.push(task.begun);
      release(task, 0);
    }
    await Promise.all(done);
    return order;
  });
  const middle = order.slice(2, 14);
  const ofMoebi = middle.filter((name) => name === moebi.name).length;
  assert(ofMoebi >= 4 && ofMoebi <= 8, order.join());
  const info = await kate.run(() => TaskSupervisor.children("sup"));
  assertEquals(info, []);
});

clusterTest("TaskPool and others share a supervisor", async (cluster) => {
  const [alex, kate] = await nodes(cluster, "alex", "kate");
  await pool(alex);
  const sup = await supervisor(kate, { maxChildren: 1 });
  await alex.run(async () => {
    await ready(1);
    const me = self();
    const task = await TaskSupervisor.async(sup, Jobs.held, [me, "other"]);
    const other = await begun("other");
    const run = hold("own");
    await until(({ queued }) => queued === 1);
    release(other, 1);
    assertEquals(await Task.await(task), 1);
    release(await begun("own"), 2);
    assertEquals(await run, 2);
  });
});

poolTest(
  "keeps its members when the scope of groups restarts",
  { alex: 1, kate: 1 },
  async ({ alex, kate }) => {
    for (const node of [alex, kate]) {
      await node.run(async () => {
        Process.exit(Process.whereis("pg")!, "kill");
        if (node === alex) {
          // Any process can send the pool such a message while no scope runs.
          send("pool", { type: "leave" });
          await until(({ members }) => members.length === 0);
        }
        await pg.start();
      });
    }
    await until(({ members }) => members.length === 2);
    const runs = [hold(0), hold(1)];
    for (const id of [0, 1]) release(await begun(id), id);
    assertEquals(await Promise.all(runs), [0, 1]);
  },
);

poolTest("forgets 10,000 queued runs", { kate: 1 }, async () => {
  const first = hold(0);
  const task = await begun(0);
  const control = new AbortController();
  const runs = Array.from(
    { length: 5000 },
    (_, id) => hold(id, { signal: control.signal }),
  );
  const ended = Promise.allSettled(runs);
  const { pid } = spawnMonitor(() => {
    for (let id = 0; id < 5000; id++) hold(id).catch(() => {});
    return receive(() => false);
  });
  await until(({ queued }) => queued === 10_000);
  control.abort("over");
  assertEquals((await TaskPool.info("pool")).queued, 5000);
  for (const result of await ended) {
    assertEquals(result, { status: "rejected", reason: "over" });
  }
  Process.exit(pid, "kill");
  await until(({ queued }) => queued === 0);
  release(task, 1);
  assertEquals(await first, 1);
  await receive((m) => m?.type === "DOWN");
}, { maxQueue: 10_000 });

poolTest(
  "completes 10,000 queued runs",
  { kate: 50, moebi: 50 },
  async () => {
    const runs = Array.from(
      { length: 10_000 },
      (_, id) =>
        TaskPool.run("pool", ["Jobs", "here"], [id], { timeout: Infinity }),
    );
    const results = await Promise.all(runs) as [number, string][];
    assertEquals(results.map(([id]) => id), runs.map((_, id) => id));
    const { counts, queued, running } = await TaskPool.info("pool");
    assertEquals([counts.done, queued], [10_000, 0]);
    assert(running <= 100);
  },
  { maxQueue: 10_000 },
  ["slow"],
);

clusterTest("TaskPool.startLink() needs a scope and group", async (cluster) => {
  const [alex] = await nodes(cluster, "alex");
  await alex.run(async () => {
    Process.trapExit(true);
    const starts = [TaskPool.startLink, TaskSupervisor.startLink];
    for (const start of starts) {
      await assertRejects(
        () => start({ group: GROUP }),
        ExitError,
        "no such scope runs",
      );
    }
    await pg.startLink();
    for (const start of starts) {
      await assertRejects(() => start({ group: Symbol("s") }), TypeError);
    }
  });
});
