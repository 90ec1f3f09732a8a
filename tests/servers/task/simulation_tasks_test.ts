/**
 * Lives of tasks: `TaskSupervisor.async`, `asyncNolink` and streams across nodes.
 *
 * Each node has a task supervisor. Actors start tasks on any node, wait for a short time, and shut down those
 * that take longer; tasks return, throw, or never end. The races: the result of a task arrives with its
 * shutdown; a supervisor or a node exits while it starts a task; the owner exits while its task begins.
 *
 * An owner gets the result of its own task. A task runs once at most. An owner survives the exit of tasks that are not
 * linked to it, and no message of a task stays in its mailbox. A stream has one result for each element, in
 * order. At rest, no task is left: linked tasks exit with their owner, or when the connection to it is lost, and the
 * others when their signal is aborted.
 */

import {
  ExitError,
  ProcessExited,
} from "../../../packages/processes/errors.ts";
import {
  Process,
  receive,
  self,
  spawn,
} from "../../../packages/processes/process.ts";
import type { Pid } from "../../../packages/processes/process.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import { Task, type TaskResult } from "../../../packages/servers/task/task.ts";
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
const TIMEOUTS = [1, 30, 400];

/** The reason of the signals. */
const ABORTED = Symbol("aborted");

type End = "return" | "throw" | "hang";

interface Job {
  id: number;
  ms: number;
  end: End;
}

/** The scene of the running tasks: nodes of one program share its memory. */
let scene: TasksScene;

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

class TasksScene implements Scene {
  readonly #world: World;
  readonly #began = new Map<number, Pid>();
  /** The owners of linked jobs. */
  readonly #linked = new Map<number, Actor>();
  /** The jobs of each stream, and the number of them that may run at a time. */
  readonly #groups = new Map<
    number,
    { by: Actor; group: number[]; most: number }
  >();
  /** The owners of jobs that are not linked, and whose signal is aborted. */
  readonly #aborted = new Map<number, Actor>();
  #jobs = 0;

  constructor(world: World) {
    this.#world = world;
    scene = this;
  }

  began(id: number, pid: Pid): void {
    if (this.#began.has(id)) this.#world.wrong.push(`job ${id} ran twice`);
    this.#began.set(id, pid);
    const { by, group, most } = this.#groups.get(id) ?? {};
    if (by === undefined) return;
    const { runtime } = this.#runtime(pid.node);
    const running = group!.filter((each) => {
      const other = this.#began.get(each);
      return other !== undefined && runtime.find(other) !== undefined;
    });
    const home = this.#world.home(pid.node);
    const isParted = by.home !== home &&
      this.#world.wasParted(by.home, home, home.startedAt, Infinity);
    if (running.length > most! && !isParted) {
      this.#world.wrong.push(`jobs ${running} ran at once`);
    }
  }

  begin(home: Incarnation): void {
    this.#supervise(home.node);
    this.#world.actor(home);
    this.#world.actor(home);
  }

  #supervise(node: string): void {
    this.#world.cluster.spawn(node, async () => {
      await TaskSupervisor.startLink({ name: "Tasks" });
      await receive(() => false);
    });
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const supervisor = { name: "Tasks", node: pick(world.nodes, b)! };
    const timeout = pick(TIMEOUTS, b + c)!;
    switch (what) {
      case "async":
      case "nolink": {
        const job = this.#job(c, what === "async");
        return by.order(what, async () => {
          const isLinked = what === "async";
          if (isLinked) this.#linked.set(job.id, by);
          const start = isLinked
            ? TaskSupervisor.async
            : TaskSupervisor.asyncNolink;
          const task = await orUndefined(start(supervisor, Work.run, [job]));
          if (task === undefined) return;
          // It may be over before anyone waits for it.
          // safe: virtual time
          await Process.sleep(pick([0, 0, 60], b + c)!);
          // As in Elixir, the loss of a task's node makes the process that awaits it exit.
          const result = await orUndefined(
            Task.yield(task, timeout).then((result) =>
              result ?? Task.shutdown(task, c % 2 === 0 ? "brutal_kill" : 100)
            ),
          );
          this.#checkResult(job, result);
        });
      }
      case "stream": {
        const isLinked = c % 2 === 0;
        const jobs = [0, 1, 2, 3, 4].map((i) => this.#job(c + i, isLinked));
        // A stream that is left early ends the tasks that still run.
        const wanted = a % 2 === 0 ? jobs.length : 2;
        const most = 1 + b % 3;
        const group = jobs.map(({ id }) => id);
        for (const id of group) this.#groups.set(id, { by, group, most });
        return by.order(what, async () => {
          const results: TaskResult<number>[] = [];
          const start = isLinked
            ? TaskSupervisor.asyncStream
            : TaskSupervisor.asyncStreamNolink;
          const stream = start(
            supervisor,
            jobs,
            Work.run,
            { maxConcurrency: most, timeout, onTimeout: "kill_task" },
          );
          const collect = async () => {
            for await (const result of stream) {
              results.push(result);
              if (results.length === wanted) break;
            }
            return true;
          };
          if (await orUndefined(collect()) === undefined) return;
          if (results.length !== wanted) {
            world.wrong.push(`${results.length} results for ${wanted} jobs`);
          }
          for (const [i, result] of results.entries()) {
            this.#checkResult(jobs[i], result);
          }
        });
      }
      case "abort": {
        const isLinked = c % 2 === 0;
        const job = this.#job(c, true);
        if (isLinked) this.#linked.set(job.id, by);
        else this.#aborted.set(job.id, by);
        return by.order(what, async () => {
          const controller = new AbortController();
          const { signal } = controller;
          const start = isLinked
            ? TaskSupervisor.async
            : TaskSupervisor.asyncNolink;
          spawn(async () => {
            // safe: virtual time
            await Process.sleep(pick(DELAYS, a + b)!);
            controller.abort(ABORTED);
          });
          try {
            const task = await start(supervisor, Work.run, [job], { signal });
            // safe: virtual time
            await Process.sleep(pick([0, 0, 60], b + c)!);
            const value = await Task.await(task, Infinity);
            this.#checkResult(job, { type: "ok", value });
          } catch (error) {
            if (error instanceof ProcessExited) throw error;
            const isOwn = error === ABORTED || error instanceof ExitError;
            if (!isOwn) world.wrong.push(`job ${job.id} failed: ${error}`);
          }
        });
      }
      case "spawn":
        world.actor(world.home(world.liveNode(b)));
        return;
      case "killSupervisor":
        return by.order(what, () => {
          const pid = Process.whereis("Tasks");
          if (pid !== undefined) Process.exit(pid, "kill");
          this.#supervise(by.home.node);
        });
    }
  }

  #job(c: number, isLinked: boolean): Job {
    const ends: End[] = ["return", "return", "return", "throw"];
    if (isLinked) ends.push("hang");
    return {
      id: ++this.#jobs,
      ms: pick(DELAYS, c)!,
      end: pick(ends, this.#jobs + c)!,
    };
  }

  #checkResult({ id, end }: Job, result: TaskResult<number> | undefined): void {
    if (result?.type !== "ok") return;
    if (result.value !== 2 * id || end !== "return") {
      this.#world.wrong.push(`job ${id} (${end}) gave ${result.value}`);
    }
  }

  /** Whether the signal of a job could not end it: its owner had exited, or had lost the connection to it. */
  #mayRun(by: Actor, pid: Pid): boolean {
    const home = this.#world.home(pid.node);
    return !by.isAlive ||
      this.#world.wasParted(by.home, home, home.startedAt, Infinity);
  }

  /** No message of a task that is over is left. */
  #checkMail({ home, pid, id }: Actor): void {
    const { runtime } = this.#runtime(home.node);
    const left = runtime.find(pid)?.mailbox.length ?? 0;
    if (left > 0) {
      this.#world.wrong.push(`${id} has ${left} messages of its tasks left`);
    }
  }

  #runtime(node: string) {
    return { runtime: internalsOf(this.#world.cluster.node(node)).runtime };
  }

  async check(): Promise<string[]> {
    const wrong: string[] = [];
    const world = this.#world;
    for (const actor of world.actors) {
      if (actor.isAlive) this.#checkMail(actor);
      const isOver = actor.endedAt < Infinity &&
        actor.home.endedAt === Infinity && actor.doing === "nolink";
      if (isOver) {
        wrong.push(`${actor.id} ended with a task that is not linked`);
      }
    }
    const spared: Pid[] = [];
    for (const [id, pid] of this.#began) {
      const { runtime } = this.#runtime(pid.node);
      if (runtime.find(pid) === undefined) continue;
      const owner = this.#linked.get(id);
      const by = this.#aborted.get(id);
      if (by !== undefined && this.#mayRun(by, pid)) {
        spared.push(pid);
        continue;
      }
      wrong.push(
        `job ${id} still runs${owner ? `, linked to ${owner.id}` : ""}`,
      );
    }
    for (const node of world.live) {
      const children = await world.cluster.run(
        node,
        () => TaskSupervisor.children("Tasks"),
      );
      const left = children.filter((pid) =>
        !spared.some((each) => each.equals(pid))
      );
      if (left.length > 0) {
        wrong.push(`the supervisor of ${node} has ${inspect(left)}`);
      }
    }
    return wrong;
  }
}

/** The value of a promise; `undefined` if the supervisor is missing or exits meanwhile. */
async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ExitError) return undefined;
    throw error;
  }
}

/** The property of tasks under supervisors of any node. */
const TASKS: Property = {
  actions: {
    async: 8,
    nolink: 12,
    stream: 5,
    abort: 10,
    spawn: 3,
    killSupervisor: 2,
  },
  options: { modules: { Work } },
  scene: (world) => new TasksScene(world),
};

livesTest("tasks", TASKS, 40);
