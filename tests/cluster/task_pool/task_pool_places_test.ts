/** The places of a pool's supervisors: when each is taken and free, step by step and in virtual time. */

import { assertEquals } from "@std/assert";
import { QueueFullError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import {
  Process,
  receive,
  spawn,
} from "../../../packages/processes/process.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import {
  isLoadReport,
  PoolMember,
  type TaskInFlight,
} from "../../../packages/cluster/task_pool/pool_member.ts";
import {
  fateOf,
  isLost,
  NotStarted,
  Refused,
} from "../../../packages/cluster/task_pool/task_pool_server.ts";
import {
  PoolError,
  TaskPool,
  type TaskPoolOptions,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { SimulatedCluster } from "../../../packages/testing/simulation/simulated_cluster.ts";
import { Timeline } from "../../../packages/testing/simulation/timeline.ts";
import { test } from "../../../packages/testing/tags.ts";
import { numbersIn } from "../../_pages.ts";

const PLACEMENT = "docs/placement.md";
const [PLACES] = numbersIn(
  PLACEMENT,
  "Supervisors without `maxChildren` count as having # places",
);
const [FIRST_PAUSE, LONGEST_PAUSE] = numbersIn(
  PLACEMENT,
  "asks it again after # ms to #.",
);
const [PATIENCE] = numbersIn(
  PLACEMENT,
  "answered a request for # second",
).map((seconds) => 1000 * seconds);

/** A supervisor of a group, in virtual time. */
class Scene {
  readonly timeline = new Timeline();
  readonly member = new PoolMember(
    new Pid("kate@localhost", 1, 1),
    new Ref("alex@localhost", 1, 1),
  );
  /** How often the pool was told to look again. */
  changed = 0;
  readonly clock = {
    after: (ms: number, fn: () => void) => this.timeline.after(ms, fn),
    changed: () => void this.changed++,
  };

  get now(): number {
    return this.timeline.time;
  }

  send(): TaskInFlight {
    const attempt = { askedAt: 0 };
    this.member.attempts.add(attempt);
    this.member.asked(attempt, this.now);
    return attempt;
  }

  report(tasks: number, max: number | "infinity", turn?: boolean): void {
    this.member.report({ type: "load", tasks, max, draining: false, turn });
  }

  get canTake(): boolean {
    return this.member.canTake(this.now);
  }
}

test("a supervisor of which nothing is known gets one task", () => {
  const scene = new Scene();
  assertEquals(scene.canTake, true);
  const attempt = scene.send();
  assertEquals(scene.canTake, false);
  scene.member.answered(attempt);
  assertEquals(scene.canTake, false, "its load is not known");
  scene.member.tellsLoad = false;
  assertEquals(scene.canTake, true, "it tells none");
});

/** Reports of a load, with two tasks of the pool: the tasks that count, and whether there is a place. */
const REPORTS: [
  tasks: number,
  max: number | "infinity",
  turn: boolean | undefined,
  load: number,
  canTake: boolean,
][] = [
  // The pool knows of its own tasks before the supervisor does.
  [0, 3, undefined, 2, true],
  [2, 3, undefined, 2, true],
  [3, 4, undefined, 3, true],
  [3, 3, undefined, 3, false],
  [5, 3, undefined, 5, false],
  // The place that is kept for the pool is one of them.
  [3, 3, true, 2, true],
  [4, 4, true, 3, true],
  [3, 3, false, 3, false],
  [2, 2, undefined, 2, false],
  [100, "infinity", undefined, 100, true],
];

test("a supervisor's load is what it says, and the pool's own tasks at least", () => {
  for (const [tasks, max, turn, load, canTake] of REPORTS) {
    const scene = new Scene();
    scene.report(0, "infinity");
    for (let n = 0; n < 2; n++) scene.member.answered(scene.send());
    scene.report(tasks, max, turn);
    assertEquals(
      [scene.member.load, scene.canTake],
      [load, canTake],
      `${tasks} of ${max}, turn ${turn}`,
    );
  }
});

test("a place is free again when its task is over, and not before", () => {
  const scene = new Scene();
  scene.report(0, 2);
  const [first, second] = [scene.send(), scene.send()];
  assertEquals(scene.canTake, false);
  scene.member.answered(first);
  scene.member.answered(second);
  assertEquals(scene.canTake, false, "they have started");
  // It is asked to end one.
  scene.member.asked(first, scene.now);
  scene.member.answered(first);
  assertEquals(scene.canTake, false, "it is ending");
  scene.member.ended(first);
  assertEquals([scene.canTake, scene.member.load], [true, 1]);
  scene.member.ended(first);
  assertEquals(scene.member.load, 1, "it ended once");
});

test("the part of the places that is taken counts; without a limit, of many", () => {
  const scene = new Scene();
  scene.report(3, 12);
  assertEquals(scene.member.use, 0.25);
  scene.report(3, "infinity");
  assertEquals([scene.member.use, scene.member.max], [3 / PLACES, Infinity]);
});

test("a supervisor that has not answered for more than a second is passed over until it answers", () => {
  const scene = new Scene();
  scene.report(0, 10);
  const first = scene.send();
  scene.timeline.pass(PATIENCE - 400);
  const second = scene.send();
  scene.timeline.pass(400);
  assertEquals([scene.canTake, scene.member.mayWantTurn(scene.now)], [
    true,
    true,
  ]);
  scene.timeline.pass(1);
  assertEquals([scene.canTake, scene.member.mayWantTurn(scene.now)], [
    false,
    false,
  ]);
  scene.member.answered(first);
  assertEquals(scene.canTake, true, "the other one was asked later");
  scene.timeline.pass(600);
  assertEquals(scene.canTake, false);
  // It was asked again: the later question counts.
  scene.member.asked(second, scene.now);
  scene.timeline.pass(1000);
  assertEquals(scene.canTake, true);
  scene.member.ended(second);
  scene.timeline.pass(10_000);
  assertEquals(scene.canTake, true);
});

test("a supervisor that refuses and tells no load is passed over ever longer, up to a second", () => {
  const scene = new Scene();
  const pauses = [1, 2, 4, 8, 16, 32, 64].map((times) =>
    Math.min(times * FIRST_PAUSE, LONGEST_PAUSE)
  );
  for (const pause of pauses) {
    scene.member.pause(scene.clock);
    const { changed } = scene;
    scene.timeline.pass(pause - 1);
    assertEquals([scene.canTake, scene.changed], [false, changed], `${pause}`);
    scene.timeline.pass(1);
    assertEquals([scene.canTake, scene.changed], [true, changed + 1]);
  }
  scene.member.tookOne();
  scene.member.pause(scene.clock);
  scene.timeline.pass(50);
  assertEquals(scene.canTake, true, "it has taken one since");
});

test("a supervisor that gives turns is passed over until its next turn, or a place, or a second", () => {
  for (
    const [resume, changed] of [
      [(scene: Scene) => scene.report(5, 5, true), 0],
      [(scene: Scene) => scene.report(4, 5), 0],
      [(scene: Scene) => scene.timeline.pass(1000), 1],
    ] as const
  ) {
    const scene = new Scene();
    scene.report(0, 5);
    assertEquals(scene.member.mayWantTurn(scene.now), true);
    scene.member.pause(scene.clock);
    const { member } = scene;
    assertEquals([scene.canTake, member.waitsForTurn], [false, true]);
    assertEquals(member.mayWantTurn(scene.now), false, "it has asked already");
    scene.report(5, 5);
    assertEquals(scene.canTake, false, "no place, and no turn");
    scene.report(5, 5, false);
    scene.timeline.pass(999);
    scene.timeline.time -= 999;
    assertEquals([scene.canTake, scene.changed], [false, 0]);
    resume(scene);
    assertEquals(member.waitsForTurn, false);
    assertEquals(scene.changed, changed);
    scene.timeline.pass(10_000);
    assertEquals(scene.changed, changed, "the timer is stopped");
  }
});

test("a supervisor that is down or drains takes nothing, and is asked for no turn", () => {
  for (const state of ["isDown", "isDraining"] as const) {
    const scene = new Scene();
    scene.report(0, 5);
    scene.member[state] = true;
    assertEquals([scene.canTake, scene.member.mayWantTurn(0)], [false, false]);
  }
  const scene = new Scene();
  assertEquals(scene.member.mayWantTurn(0), false, "it tells no load");
  scene.member.report({ type: "load", tasks: 0, max: 5, draining: true });
  assertEquals([scene.canTake, scene.member.isDraining], [false, true]);
});

/** Values, and whether each is the load of a supervisor. */
const LOADS: [value: unknown, isLoad: boolean][] = [
  [{ type: "load", tasks: 0, max: 0, draining: false }, true],
  [{ type: "load", tasks: 3, max: "infinity", draining: true }, true],
  [{ type: "load", tasks: 3, max: 5, draining: true, turn: false }, true],
  [{ type: "loads", tasks: 0, max: 0, draining: false }, false],
  [{ type: "load", tasks: -1, max: 0, draining: false }, false],
  [{ type: "load", tasks: 0.5, max: 0, draining: false }, false],
  [{ type: "load", tasks: "0", max: 0, draining: false }, false],
  [{ type: "load", tasks: 2 ** 53, max: 0, draining: false }, false],
  [{ type: "load", tasks: 0, max: -1, draining: false }, false],
  [{ type: "load", tasks: 0, max: "many", draining: false }, false],
  [{ type: "load", tasks: 0, max: Infinity, draining: false }, false],
  [{ type: "load", tasks: 0, max: 0, draining: 0 }, false],
  [{ type: "load", tasks: 0, max: 0, draining: false, turn: 1 }, false],
  [null, false],
  ["load", false],
  [undefined, false],
];

test("isLoadReport() takes loads only", () => {
  for (const [value, isLoad] of LOADS) {
    assertEquals(isLoadReport(value), isLoad, JSON.stringify(value));
  }
});

/** Failures of a task's start, and the fate of its run. */
const FATES: [error: Error, fate: string][] = [
  [new QueueFullError("kate@localhost", 2, 1), "elsewhere"],
  [new Refused({ reason: "max_children" }), "elsewhere"],
  [new Refused({ reason: "draining" }), "elsewhere"],
  [new Refused({ reason: "limit" }), "elsewhere"],
  [new Refused({ reason: "system_limit" }), "elsewhere"],
  [new Refused({ reason: "undef", message: "no such function" }), "fails"],
  [new Refused({ reason: "undef" }), "lost"],
  [new Refused({ message: "no such function" }), "lost"],
  [new Refused(undefined), "lost"],
  [new Refused(null), "lost"],
  [new Refused("limit"), "lost"],
  [new NotStarted("noproc"), "elsewhere"],
  [new NotStarted("system_limit"), "lost"],
  [new NotStarted({ type: "nodedown", node: "kate@localhost" }), "lost"],
  [new TypeError("not a function"), "fails"],
];

test("a run whose task was not started goes elsewhere, is lost, or fails", () => {
  for (const [error, fate] of FATES) assertEquals(fateOf(error), fate);
  const lost = ["noconnection", "shutdown", "killed", "kill", "normal", 1];
  assertEquals(lost.map(isLost), [true, true, true, false, false, false]);
});

// Runs, in a simulated cluster.

const Work = {
  /** Works for that long; after an exit signal, goes on for `more` milliseconds, and returns. */
  async work(ms: number, more: number): Promise<string> {
    Process.trapExit(true);
    const end = await receive((m) => m?.type === "EXIT", {
      timeout: ms,
      after: "done",
    });
    if (end === "done") return "done";
    await Process.sleep(more);
    return "late";
  },
};

/** Runs on a node, alex, with a pool of one place on another one, in virtual time. */
async function withPool(
  fn: (cluster: SimulatedCluster) => Promise<void>,
  options: Partial<TaskPoolOptions> = {},
): Promise<void> {
  await using cluster = await SimulatedCluster.start({
    nodes: ["alex", "kate"],
    modules: { Work },
    delay: { min: 0, max: 0 },
  });
  await cluster.run("kate", async () => {
    await pg.start();
    Process.unlink(
      await TaskSupervisor.startLink({ group: "work", maxChildren: 1 }),
    );
  });
  await cluster.run("alex", async () => {
    await Node.connect("kate@localhost");
    await pg.start();
    Process.unlink(
      await TaskPool.startLink({ group: "work", name: "pool", ...options }),
    );
    await TaskPool.run("pool", ["Work", "work"], [0, 0]);
  });
  await fn(cluster);
}

/** A run on alex: its outcome, when it has one. */
function run(
  cluster: SimulatedCluster,
  args: [ms: number, more: number],
  options: Parameters<typeof TaskPool.run>[3] = {},
): { outcome: unknown } {
  const run: { outcome: unknown } = { outcome: "none" };
  void cluster.run("alex", async () => {
    run.outcome = await TaskPool.run("pool", ["Work", "work"], args, options)
      .catch((error) => error instanceof PoolError ? error.code : error);
  });
  return run;
}

/** How a task ends when its run's time is up, and when its place is free: its run began 1000 ms before. */
const STOPS: [
  what: string,
  more: number,
  shutdown: number | "brutal_kill" | "infinity",
  free: number,
][] = [
  ["ends in time", 300, 500, 300],
  ["is killed when its time to stop is up", 5000, 500, 500],
  ["is killed at once", 5000, "brutal_kill", 0],
  ["has as long as it needs", 100_000, "infinity", 100_000],
];

for (const [what, more, shutdown, free] of STOPS) {
  test(`a task whose run's time is up ${what}, and its place is free then; a late result is dropped`, async () => {
    await withPool(async (cluster) => {
      // safe: virtual time
      const first = run(cluster, [1e9, more], { timeout: 1000, shutdown });
      await cluster.advance(1);
      const next = run(cluster, [0, 0], { timeout: Infinity });
      await cluster.advance(998);
      assertEquals([first.outcome, next.outcome], ["none", "none"]);
      await cluster.advance(1);
      assertEquals(first.outcome, "deadline");
      if (free > 0) {
        await cluster.advance(free - 1);
        assertEquals(next.outcome, "none");
      }
      await cluster.advance(2);
      assertEquals([first.outcome, next.outcome], ["deadline", "done"]);
      const { counts, running, queued } = await cluster.run(
        "alex",
        () => TaskPool.info("pool"),
      );
      assertEquals(
        [counts.runs, counts.done, counts.deadline, counts.exited],
        [3, 2, 1, 0],
      );
      assertEquals([running, queued], [0, 0]);
    });
  });
}

test("a result that comes in time counts, and ends the timer of its run", async () => {
  await withPool(async (cluster) => {
    // safe: virtual time
    const first = run(cluster, [999, 0], { timeout: 1000 });
    await cluster.advance(998);
    assertEquals(first.outcome, "none");
    await cluster.advance(1);
    assertEquals(first.outcome, "done");
    await cluster.advance(10_000);
    const { counts } = await cluster.run("alex", () => TaskPool.info("pool"));
    assertEquals([counts.done, counts.deadline], [2, 0]);
  });
});

test("a run whose caller stops waiting keeps its place until its task has exited", async () => {
  await withPool(async (cluster) => {
    const gone = new AbortController();
    const first = run(cluster, [1e9, 700], { signal: gone.signal });
    await cluster.advance(10);
    const next = run(cluster, [0, 0]);
    gone.abort("gone");
    await cluster.advance(699);
    assertEquals([first.outcome, next.outcome], ["gone", "none"]);
    await cluster.advance(2);
    assertEquals(next.outcome, "done");
  });
});

test("a run waits as long for a supervisor as waitForNode says", async () => {
  await withPool(async (cluster) => {
    cluster.partition(["alex"], ["kate"], { mode: "cut" });
    await cluster.settle();
    await cluster.advance(50_000);
    const lone = run(cluster, [0, 0]);
    await cluster.advance(1999);
    assertEquals(lone.outcome, "none");
    await cluster.advance(1);
    assertEquals(lone.outcome, "no_node");
  }, { waitForNode: 2000 });
});

test("a run of a process that exits is over, and its place free when its task has ended", async () => {
  await withPool(async (cluster) => {
    await cluster.run("alex", async () => {
      const caller = spawn(() =>
        TaskPool.run("pool", ["Work", "work"], [1e9, 400])
      );
      // safe: virtual time
      await Process.sleep(10);
      Process.exit(caller, "kill");
    });
    const next = run(cluster, [0, 0]);
    await cluster.advance(399);
    assertEquals(next.outcome, "none");
    await cluster.advance(2);
    assertEquals(next.outcome, "done");
  });
});
