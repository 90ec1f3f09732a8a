/**
 * Tasks wherever there is room: at the least busy of a group of task supervisors, on this node and others.
 *
 * A pool is a process of a node that sends work. It finds the supervisors by their group (`pg`), and each run
 * goes to the supervisor with the smallest fraction of its places taken. If all are full, the run waits in a bounded
 * queue. If the run's node is lost, the pool starts the run elsewhere, provided that the caller allows it.
 *
 * @module
 */

import { call, timeoutOf } from "@otp/servers/server/call";
import {
  callExit,
  describeServer,
  nameText,
  type ServerName,
  type ServerRef,
  serverRef,
  whenLocated,
} from "@otp/servers/server/server_ref";
import type { Mfa, Place } from "@otp/processes/signals/signal";
import {
  CANCEL_OPTIONS,
  type CancelOptions,
  locateUntil,
  TIME_LIMITS,
} from "@otp/servers/server/cancellation";
import {
  SERVER_START_OPTIONS,
  type ServerStartOptions,
  startServer,
} from "@otp/servers/server/start";
import { stopServer } from "@otp/servers/server/stop";
import {
  currentRuntime,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import {
  assertFunction,
  checkName,
  type RemoteFunction,
} from "@otp/processes/remote/exported_modules";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import {
  checkArgs,
  checkOptions,
  countFrom,
  FLAG,
  integerFrom,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import { OwnRequest } from "@otp/processes/values/server_message";
import { copyTerm } from "@otp/processes/values/term";
import { groupKey } from "@otp/node/pg/pg_groups";
import {
  CHILD_SHUTDOWN,
  type ChildShutdown,
  type ChildSpec,
} from "@otp/servers/server/child_spec";
import { callersOf } from "@otp/servers/task/task_process";
import { serveTaskLoad } from "./task_load.ts";
import { PoolError } from "./pool_error.ts";
import type { PoolInfo, PoolSettings } from "./pool_info.ts";
import type { PoolJob } from "./pool_run.ts";
import { poolOf, TaskPoolServer } from "./task_pool_server.ts";
import type { OptionChecks } from "@otp/processes/values/options";

export type { ServerStartOptions } from "@otp/servers/server/start";

export type { NameOnNode, NameRegistry } from "@otp/servers/server/server_ref";
export type { ModuleFunction } from "@otp/processes/remote/exported_modules";
export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";
export type { ChildRestart, ChildStart } from "@otp/servers/server/child_spec";

export type { PoolCounts, PoolMemberInfo } from "./pool_info.ts";
export {
  type CancelOptions,
  type ChildShutdown,
  type ChildSpec,
  PoolError,
  type PoolInfo,
  type RemoteFunction,
  type ServerName,
  type ServerRef,
};

/**
 * Options for {@linkcode TaskPool.startLink}. An invalid option throws a `TypeError`, a number out of bounds a
 * `RangeError`.
 */
export interface TaskPoolOptions extends ServerStartOptions {
  /** The group of the supervisors, any value that can be sent; they join it by their option `group`. */
  group: unknown;
  /**
   * The scope of the group; it must run on this node.
   *
   * @default {"pg"}
   */
  scope?: string | Atom;
  /**
   * The maximum number of runs that wait for a place; with `0`, no run waits.
   *
   * @default {1000}
   */
  maxQueue?: number;
  /**
   * How long runs wait while the group has no members, in milliseconds, or `Infinity`: since the run was requested, or
   * since the last member left.
   *
   * @default {5000}
   */
  waitForNode?: number;
  /**
   * How often the task of one run is started at most, if it may run twice and its nodes are lost. The bound limits the
   * damage of a task that ends every node that runs it.
   *
   * @default {3}
   */
  maxRuns?: number;
}

const TASK_POOL_OPTIONS: OptionChecks<TaskPoolOptions> = {
  group: {
    accepts: (group) => group !== undefined,
    give: 'the group of its supervisors, as in { group: "thumbs" }',
    isRequired: true,
  },
  ...SERVER_START_OPTIONS,
  scope: true,
  maxQueue: countFrom(0),
  waitForNode: TIMEOUT,
  maxRuns: integerFrom(1),
};

const START_OPTIONS: OptionChecks<TaskPoolOptions & CancelOptions> = {
  ...TASK_POOL_OPTIONS,
  ...CANCEL_OPTIONS,
};

/**
 * Options for {@linkcode TaskPool.run}. The signal and the deadline end the run, in the queue or at work; a task
 * that has started is then ended as `shutdown` says. An invalid option throws a `TypeError`, a time out of bounds a
 * `RangeError`.
 */
export interface PoolRunOptions extends CancelOptions {
  /**
   * How long the run may take in the queue and at work, in milliseconds, or `Infinity`.
   *
   * @default {5000, or Infinity with a deadline}
   */
  timeout?: number;
  /**
   * Whether the task may be started again elsewhere if its node or its supervisor is lost: it may then run more
   * than once, even at the same time.
   *
   * @default {false}
   */
  mayRunTwice?: boolean;
  /**
   * How long the task may take to exit when the run is ended or its supervisor stops, in milliseconds; or
   * `"brutal_kill"`, or `"infinity"`.
   *
   * @default {5000}
   */
  shutdown?: ChildShutdown;
}

const RUN_OPTIONS: OptionChecks<PoolRunOptions> = {
  ...TIME_LIMITS,
  mayRunTwice: FLAG,
  shutdown: CHILD_SHUTDOWN,
};

/**
 * Runs tasks at the least busy of a group of task supervisors.
 *
 * **Places.** Supervisors join the group by `TaskSupervisor.startLink({ group, maxChildren })`, or by `pg.join`, on
 * the pool's node and any node that is connected to it. `maxChildren` is the number of places, and only the
 * supervisor decides: when several pools or callers send too many tasks at once, it refuses some, and a refused run
 * goes elsewhere or waits. Supervisors tell the pools how many tasks they have, at most ten times a second. When a
 * supervisor is full, the pools that wait for a place get the next ones in rotation. A supervisor that has not
 * answered for a second is passed over until it does. At most 64 supervisors of one node are used.
 *
 * **Queue.** Runs that find no place wait, in the order of the calls. A run that a full supervisor refuses, or whose
 * supervisor is lost, returns to its old position in the queue; if the queue then exceeds `maxQueue`, the latest run
 * fails with `"queue_full"`.
 *
 * **How often a task runs.** Without `mayRunTwice`: at most once. If its node or its supervisor is lost before the
 * result has arrived, the run fails with `"lost"`, and the task has run not at all, in part, or completely. Only
 * a task that certainly has not started is sent elsewhere: one that the supervisor has refused, or that was sent to a
 * supervisor that had exited. With `mayRunTwice`: at least once, if the run succeeds, and up to `maxRuns` times. A
 * task whose connection was lost is ended when its node notices the loss, which can be after the task has started
 * again elsewhere. A task that exits by itself or throws is not started again. A task that exits with `"shutdown"`
 * or `"killed"` counts as lost, since stopping supervisors and nodes end tasks with these reasons.
 *
 * **Ends.** The promise of a run rejects with a {@linkcode PoolError} whose `code` says why, with an `ExitError`
 * if the task or the pool exits, or with the reason of the signal. When the time is up, when the signal fires, or
 * when the calling process exits, a queued run leaves the queue, and a task is ended as `shutdown` says. It keeps
 * its place until it has exited. If the pool's process exits, its runs fail, and its tasks are ended. A supervisor
 * restarts the pool.
 *
 * **Trust.** Any node of the cluster can join the group, and then receives arguments and returns results. A node
 * reports only its own load: with a false report it attracts more tasks than others, or fewer.
 *
 * @example Places, and a deadline
 * ```ts
 * import { pg, TaskSupervisor } from "@otp/distribution";
 * import { PoolError, TaskPool } from "@otp/distribution/task-pool";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await pg.startLink();
 * const sup = await TaskSupervisor.startLink({ group: "reports", maxChildren: 1 });
 * const pool = await TaskPool.startLink({ group: "reports" });
 * const paper = Promise.withResolvers<string>();
 * const first = TaskPool.run(pool, () => paper.promise);
 * const second = TaskPool.run(pool, () => "second"); // waits for the first
 * const error = await assertRejects(
 *   () => TaskPool.run(pool, () => "late", [], { deadline: Date.now() + 5 }),
 *   PoolError,
 * );
 * assertEquals([error.code, error.mayHaveRun], ["deadline", false]);
 * paper.resolve("first");
 * assertEquals(await first, "first");
 * assertEquals(await second, "second");
 * await TaskPool.stop(pool);
 * await TaskSupervisor.stop(sup);
 * ```
 */
export class TaskPool {
  private constructor() {}

  /**
   * Starts a pool, linked to the caller.
   *
   * When the promise resolves, the pool knows the members that the scope on this node knows.
   *
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`; if the scope does not run on
   *   this node, with a `NoProcessError` as reason; if the start takes too long (`"timeout"`).
   * @throws {TypeError} If the group cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { pg } from "@otp/distribution/pg";
   * import { TaskPool } from "@otp/distribution/task-pool";
   *
   * await pg.startLink();
   * await TaskPool.startLink({ group: "thumbs", maxQueue: 100 });
   * ```
   */
  static async startLink(
    options: TaskPoolOptions & CancelOptions,
  ): Promise<Pid> {
    const settings = settingsOf(options, START_OPTIONS);
    if (waitingProcess() === undefined) return never();
    return await startServer(
      (process) => {
        serveTaskLoad(process.runtime);
        return new TaskPoolServer(process, settings).open();
      },
      { ...options, label: settings.label },
    );
  }

  /**
   * Returns the child specification of a pool; `[TaskPool, { name, group }]` is a shorthand.
   *
   * Start it after the scope of `pg`.
   *
   * @example Usage
   * ```ts
   * import { pg, Supervisor } from "@otp/distribution";
   * import { TaskPool } from "@otp/distribution/task-pool";
   *
   * await Supervisor.startLink(
   *   [pg, [TaskPool, { name: "thumbs", group: "thumbs" }]],
   *   { strategy: "rest_for_one" },
   * );
   * ```
   */
  static childSpec(options: TaskPoolOptions): ChildSpec<() => Promise<Pid>> {
    const { label: id } = settingsOf(options, TASK_POOL_OPTIONS);
    return { id, start: () => TaskPool.startLink(options) };
  }

  /**
   * Runs a function in a task, at the least busy supervisor of the pool's group.
   *
   * {@linkcode TaskPool} describes the queue, how often the task runs, and how it ends. The task is not linked to the
   * caller. The arguments are copied when `run` is called.
   *
   * @param pool The pool: its pid, or its name, on this node.
   * @param fn The function: `[module, function]`, which all nodes of the group export, or a function if they
   *   allow closures.
   * @throws {PoolError} If the queue is full, the time is up, the group has no members, or the task is lost.
   * @throws {ExitError} If the task exits without a result, with `{ type: "call", reason, … }`; if the pool does
   *   not run (`"noproc"`), or exits.
   * @throws {UndefinedFunctionError} If the chosen node does not export the function.
   * @throws {SpawnRefusedError} If the chosen node refuses the function.
   * @throws {TypeError} If the pool is on another node.
   *
   * @example Usage
   * ```ts
   * import { pg, TaskSupervisor } from "@otp/distribution";
   * import { TaskPool } from "@otp/distribution/task-pool";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * const sup = await TaskSupervisor.startLink({ group: "sums", maxChildren: 2 });
   * const pool = await TaskPool.startLink({ group: "sums" });
   * const add = (a: number, b: number) => a + b;
   * assertEquals(await TaskPool.run(pool, add, [1, 2], { mayRunTwice: true }), 3);
   * await TaskPool.stop(pool);
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static async run<A extends unknown[], T>(
    pool: ServerRef,
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: PoolRunOptions = {},
  ): Promise<Awaited<T>> {
    if (Array.isArray(fn)) checkName(fn);
    else assertFunction(fn);
    checkArgs(args);
    const limits = limitsOf(options);
    const server = serverRef(pool);
    const process = waitingProcess();
    if (process === undefined) return await never();
    limits.signal?.throwIfAborted();
    const { signal } = options;
    // The pool counts the runs whose deadline has passed already.
    const deadline = limits.timeout === 0 ? undefined : options.deadline;
    const job = {
      fn,
      args: args ?? [],
      callers: callersOf(process),
      ...limits,
    };
    return await whenLocated(
      locateUntil(server, process, { signal, deadline }, late),
      process,
      (place) => runAt(process, place, server, job),
    ) as Awaited<T>;
  }

  /**
   * Describes a pool, on any node: its queue, its supervisors with their load, and counts of its runs.
   *
   * @throws {ExitError} If the pool does not run, or its node cannot be reached, with the call.
   *
   * @example Usage
   * ```ts
   * import { pg } from "@otp/distribution/pg";
   * import { TaskPool } from "@otp/distribution/task-pool";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * const pool = await TaskPool.startLink({ group: "thumbs" });
   * const { queued, maxQueue, members } = await TaskPool.info(pool);
   * assertEquals({ queued, maxQueue, members }, { queued: 0, maxQueue: 1000, members: [] });
   * ```
   */
  static async info(pool: ServerRef): Promise<PoolInfo> {
    const server = serverRef(pool);
    return await call<PoolInfo>(server, new OwnRequest({ type: "info" }), {
      timeout: 5000,
      as: () => ["TaskPool", "info", [describeServer(server)]],
    });
  }

  /**
   * Stops a pool: its runs fail, and its tasks are ended.
   *
   * @param timeout The timeout in milliseconds; `Infinity` by default.
   * @throws {ExitError} If the pool does not exist, or does not exit in time.
   *
   * @example Usage
   * ```ts
   * import { pg } from "@otp/distribution/pg";
   * import { TaskPool } from "@otp/distribution/task-pool";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * assertEquals(await TaskPool.stop(await TaskPool.startLink({ group: "thumbs" })), "ok");
   * ```
   */
  static stop(
    pool: ServerRef,
    reason: unknown = "normal",
    timeout = Infinity,
  ): Promise<"ok"> {
    return stopServer(pool, reason, timeout);
  }
}

function settingsOf<O extends TaskPoolOptions & CancelOptions>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): PoolSettings {
  checkOptions(options, "start a TaskPool", checks, '{ group: "thumbs" }');
  const {
    name,
    group,
    scope = "pg",
    maxQueue = 1000,
    waitForNode = 5000,
    maxRuns = 3,
  } = options;
  // An invalid group must fail in the caller, not in the scope.
  groupKey(group, currentRuntime());
  const label = name === undefined ? "TaskPool" : nameText(name);
  return { label, group, scope: nameOf(scope), maxQueue, waitForNode, maxRuns };
}

function limitsOf(
  options: PoolRunOptions,
): Omit<PoolJob, "fn" | "args" | "callers"> {
  const doing = "run a task in a pool";
  const timeout = timeoutOf(options, 5000, doing, RUN_OPTIONS);
  const { signal, mayRunTwice = false, shutdown = 5000 } = options;
  return { timeout, signal, mayRunTwice, shutdown };
}

function runAt(
  process: LocalProcess,
  place: Place,
  server: ServerRef,
  job: PoolJob,
): Promise<unknown> {
  const { runtime } = process;
  if (!(place instanceof Pid) || place.node !== runtime.node) {
    throw notAPool(
      server,
      `it is on another node; start one on ${runtime.node}`,
    );
  }
  const found = runtime.find(place);
  const as = (): Mfa => [
    "TaskPool",
    "run",
    [describeServer(server)],
  ];
  if (found === undefined) throw callExit("noproc", as());
  const pool = poolOf(found);
  if (pool !== undefined) return pool.run(process, job);
  if (found.lineage?.starting) return runWhenReady(process, found, job, as);
  throw notAPool(
    server,
    "that process is no pool; give what TaskPool.startLink returned",
  );
}

/** Waits for a pool that is registered but still starting, as after a restart, and runs a task in it. */
async function runWhenReady(
  process: LocalProcess,
  found: LocalProcess,
  job: PoolJob,
  as: () => Mfa,
): Promise<unknown> {
  const args = copyTerm(job.args, process.runtime.maxDepth) as unknown[];
  await call(found.pid, new OwnRequest({ type: "info" }), {
    timeout: job.timeout,
    signal: job.signal,
    as,
    failed: (reason) => reason === "timeout" ? late() : callExit(reason, as()),
  });
  const pool = poolOf(found);
  if (pool === undefined) throw callExit("noproc", as());
  return await pool.run(process, { ...job, args });
}

/** Returns the error of a run whose deadline passes before the pool is found. */
function late(): PoolError {
  return new PoolError(
    "deadline",
    false,
    "Cannot run a task in a pool: time is up, and the pool was not found yet",
  );
}

function notAPool(server: ServerRef, why: string): TypeError {
  const described = inspect(describeServer(server));
  return new TypeError(`Cannot run a task in the pool ${described}: ${why}`);
}
