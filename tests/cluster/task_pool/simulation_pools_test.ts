/**
 * Lives of pools: `TaskPool.run` from all nodes, to supervisors on all nodes.
 *
 * Each node has a scope, a supervisor with two places, and a pool whose queue holds four. Actors run jobs, several
 * at a time; jobs return, throw, or never end, and some may run twice. The races: supervisors, pools and scopes
 * are killed, supervisors stop or drain; a caller exits, or aborts; pools compete for places.
 *
 * A job begins once at most, or as often as `maxRuns` if it may run twice. A run that fails before its job has
 * possibly begun says so, and then the job never begins. A run gets the result of its own job. Each run ends, and with
 * an end that is documented: it is "lost" only if a node, a supervisor or a connection was. A supervisor never runs
 * more than its places, and no queue is longer than it may be. At rest no job is left, all queues are empty, and
 * each pool knows every supervisor, and that it is idle.
 */

import { ExitError } from "../../../packages/processes/errors.ts";
import { pg } from "../../../packages/node/pg/pg.ts";
import { Process, receive, self } from "../../../packages/processes/process.ts";
import type { Pid } from "../../../packages/processes/process.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import { poolOf } from "../../../packages/cluster/task_pool/task_pool_server.ts";
import {
  PoolError,
  type PoolInfo,
  TaskPool,
} from "../../../packages/cluster/task_pool/task_pool.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import {
  type Actor,
  type Incarnation,
  livesTest,
  pick,
  type Property,
  type Scene,
  type World,
} from "../../_simulated_lives.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";

const DELAYS = [0, 1, 30, 300];
const TIMEOUTS = [30, 400, 3000];
const PLACES = 2;
const MAX_QUEUE = 4;
const MAX_RUNS = 2;

type End = "return" | "throw" | "hang";

interface Job {
  id: number;
  ms: number;
  end: End;
  mayRunTwice: boolean;
}

/** The scene of the running jobs: nodes of one program share its memory. */
let scene: PoolsScene;

const Work = {
  async run({ id, ms, end }: Job): Promise<number> {
    scene.began(id, self());
    // safe: virtual time
    await Process.sleep(ms);
    if (end === "throw") throw new Error(`job ${id}`);
    if (end === "hang") await receive(() => false);
    return 2 * id;
  },
};

class PoolsScene implements Scene {
  readonly #world: World;
  readonly #began = new Map<number, Pid[]>();
  readonly #jobs: Job[] = [];
  /** The jobs whose run says that they have not begun. */
  readonly #notBegun = new Map<number, unknown>();
  /** The number of kills of supervisors, and of drains. */
  #losses = 0;

  constructor(world: World) {
    this.#world = world;
    scene = this;
  }

  began(id: number, pid: Pid): void {
    const { wrong } = this.#world;
    const began = this.#began.get(id) ?? [];
    this.#began.set(id, began);
    began.push(pid);
    const job = this.#jobs[id];
    const most = job.mayRunTwice ? MAX_RUNS : 1;
    if (began.length > most) wrong.push(`${inspect(job)} ran at ${began}`);
    const running = [...this.#began.values()].flat().filter((each) =>
      each.node === pid.node && this.#isAlive(each)
    );
    if (running.length > PLACES) {
      wrong.push(`${pid.node} runs ${running.length} jobs`);
    }
  }

  #isAlive(pid: Pid): boolean {
    return this.#runtime(pid.node).find(pid) !== undefined;
  }

  begin(home: Incarnation): void {
    const { cluster } = this.#world;
    cluster.spawn(home.node, async () => {
      await pg.start();
      this.#supervise(home.node);
      this.#pool(home.node);
    });
    this.#world.actor(home);
    this.#world.actor(home);
    this.#world.actor(home);
  }

  #supervise(node: string): void {
    this.#keep(node, "Tasks", () =>
      TaskSupervisor.startLink({
        name: "Tasks",
        group: "work",
        maxChildren: PLACES,
      }));
  }

  #pool(node: string): void {
    this.#keep(node, "pool", () =>
      TaskPool.startLink({
        name: "pool",
        group: "work",
        maxQueue: MAX_QUEUE,
        maxRuns: MAX_RUNS,
        waitForNode: 200,
      }));
  }

  /** Starts a server under a name, again if its scope does not run just now, as a supervisor would. */
  #keep(node: string, name: string, start: () => Promise<Pid>): void {
    this.#world.cluster.spawn(node, async () => {
      Process.trapExit(true);
      while (Process.whereis(name) === undefined) {
        try {
          await start();
        } catch {
          // safe: virtual time
          await Process.sleep(50);
        }
      }
      await receive(() => false);
    });
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const { node } = by.home;
    const kill = (name: string, reason = "kill") => {
      const pid = Process.whereis(name);
      if (pid !== undefined) Process.exit(pid, reason);
    };
    switch (what) {
      case "run":
      case "abort":
        return this.#run(by, what, b, c);
      case "leave":
        return by.order(what, () => {
          for (let i = 0; i < 3; i++) this.#start(by, b + i, c, {});
          throw new ExitError("normal");
        });
      case "spawn":
        world.actor(world.home(world.liveNode(b)));
        return;
      case "killSupervisor":
      case "stopSupervisor":
        return by.order(what, async () => {
          this.#losses++;
          if (what === "killSupervisor") kill("Tasks");
          else await TaskSupervisor.stop("Tasks").catch(() => {});
          this.#supervise(node);
        });
      case "drain":
        return by.order(what, async () => {
          await TaskSupervisor.drain("Tasks", { timeout: 50 }).catch(() => {});
          this.#losses++;
          await TaskSupervisor.stop("Tasks").catch(() => {});
          this.#supervise(node);
        });
      case "killPool":
        return by.order(what, () => {
          kill("pool");
          this.#pool(node);
        });
      case "killScope":
        return by.order(what, async () => {
          kill("pg");
          await pg.start().catch(() => {});
        });
    }
  }

  #run(by: Actor, what: string, b: number, c: number): void {
    by.order(what, async () => {
      const gone = new AbortController();
      const signal = what === "abort" ? gone.signal : undefined;
      const runs: Promise<unknown>[] = [];
      for (let i = 0; i < 1 + b % 5; i++) {
        runs.push(this.#start(by, b + i, c, { signal }));
      }
      this.#checkQueue(by.home.node);
      if (what === "abort") {
        // safe: virtual time
        await Process.sleep(pick([0, 5, 100], c)!);
        gone.abort("aborted");
      }
      await Promise.all(runs);
    });
  }

  async #start(
    by: Actor,
    b: number,
    c: number,
    options: { signal?: AbortSignal },
  ): Promise<void> {
    const id = this.#jobs.length;
    const ends: End[] = ["return", "return", "return", "throw", "hang"];
    const job: Job = {
      id,
      ms: pick(DELAYS, b + c)!,
      end: pick(ends, id + c)!,
      mayRunTwice: (b + id) % 3 === 0,
    };
    this.#jobs.push(job);
    const at = this.#world.tick();
    const losses = this.#losses;
    try {
      const value = await TaskPool.run("pool", ["Work", "run"], [job], {
        mayRunTwice: job.mayRunTwice,
        timeout: pick(TIMEOUTS, c + id)!,
        shutdown: pick([0, 100, "brutal_kill"] as const, id),
        ...options,
      });
      const isOwn = value === 2 * id && job.end === "return" &&
        this.#began.has(id);
      if (!isOwn) this.#world.wrong.push(`${inspect(job)} gave ${value}`);
    } catch (error) {
      this.#checkFailure(by, job, error, at, losses);
    }
  }

  #checkFailure(
    by: Actor,
    job: Job,
    error: unknown,
    at: number,
    losses: number,
  ): void {
    const { wrong } = this.#world;
    // The caller has exited.
    if (!by.isAlive) return;
    if (error instanceof PoolError) {
      if (!error.mayHaveRun) this.#notBegun.set(job.id, error);
      if (error.code === "lost") {
        if (!error.mayHaveRun) wrong.push(`${error} says that it has not run`);
        if (!this.#wasDisturbed(by, at) && this.#losses === losses) {
          wrong.push(`${inspect(job)} was lost without a loss: ${error}`);
        }
      } else if (error.code === "queue_full" && error.mayHaveRun) {
        if (!job.mayRunTwice) wrong.push(`${error} says that it may have run`);
      }
      return;
    }
    const isExpected = error === "aborted" || error instanceof ExitError;
    if (!isExpected) wrong.push(`${inspect(job)} failed with ${error}`);
  }

  /** Whether some node was lost to the actor's since a moment, or stopped. */
  #wasDisturbed({ home }: Actor, from: number): boolean {
    return this.#world.incarnations.some((other) =>
      this.#world.wasParted(home, other, from, Infinity)
    );
  }

  #runtime(node: string) {
    return internalsOf(this.#world.cluster.node(node)).runtime;
  }

  #checkQueue(node: string): PoolInfo | undefined {
    const process = this.#runtime(node).names.get("pool");
    const info = process &&
      poolOf(process)?.call({ type: "info" }) as PoolInfo | undefined;
    if (info !== undefined && info.queued > MAX_QUEUE) {
      this.#world.wrong.push(`${info.queued} runs wait on ${node}`);
    }
    return info;
  }

  async check(): Promise<string[]> {
    const wrong: string[] = [];
    const { cluster, live } = this.#world;
    // Tasks that were told to end may take their time, and loads and turns theirs.
    await cluster.advance(3000);
    for (const [id, error] of this.#notBegun) {
      if (!this.#began.has(id)) continue;
      wrong.push(`${inspect(this.#jobs[id])} has begun, despite ${error}`);
    }
    for (const [id, pids] of this.#began) {
      const left = pids.filter((pid) => this.#isAlive(pid));
      if (left.length > 0) wrong.push(`job ${id} still runs at ${left}`);
    }
    for (const node of live) {
      const info = this.#checkQueue(node);
      const { queued, running, members } = info ?? {};
      if (queued !== 0 || running !== 0) {
        wrong.push(`the pool of ${node} has ${queued} and ${running} runs`);
      }
      const states = members?.map(({ pid, own, tasks, max, state }) => (
        `${pid.node}: ${own} ${tasks} ${max} ${state}`
      )).sort();
      const ready = live.map((each) => `${each}: 0 0 ${PLACES} ready`).sort();
      if (inspect(states) !== inspect(ready)) {
        wrong.push(`the pool of ${node} knows ${inspect(states)}`);
      }
    }
    return wrong;
  }
}

/** The property of pools that share the supervisors of all nodes. */
const POOLS: Property = {
  actions: {
    run: 22,
    abort: 5,
    leave: 2,
    spawn: 2,
    killSupervisor: 2,
    stopSupervisor: 1,
    drain: 1,
    killPool: 2,
    killScope: 1,
  },
  options: { modules: { Work } },
  scene: (world) => new PoolsScene(world),
};

livesTest("pools", POOLS, 40);
