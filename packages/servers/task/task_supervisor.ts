/**
 * Supervised tasks, on this node or on another one.
 *
 * Each function follows the function of the same name in Elixir's
 * [Task.Supervisor](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html): `startChild` is `start_child`.
 *
 * @module
 */

import {
  CANCEL_OPTIONS,
  type CancelOptions,
  NO_OPTIONS,
  TIME_LIMITS,
  type TimeLimits,
} from "../server/cancellation.ts";
import {
  CHILD_RESTART,
  CHILD_SHUTDOWN,
  type ChildRestart,
  type ChildShutdown,
  type ChildSpec,
} from "../server/child_spec.ts";
import {
  DYNAMIC_LIMITS,
  dynamicLimits,
} from "../supervisor/dynamic_children.ts";
import type { DynamicChildInfo } from "../supervisor/dynamic_supervisor_server.ts";
import {
  nameText,
  type ServerName,
  type ServerRef,
  serverRef,
} from "../server/server_ref.ts";
import {
  SERVER_START_OPTIONS,
  type ServerStartOptions,
  startServer,
} from "../server/start.ts";
import { stopServer } from "../server/stop.ts";
import {
  askSupervisor,
  askToTerminate,
} from "../supervisor/supervisor_client.ts";
import {
  startSupervised,
  startSupervisedChild,
  supervisedStarter,
  type SupervisedTask,
} from "./start_supervised_task.ts";
import { TaskSupervisorServer } from "./task_supervisor_server.ts";
import { askToDrain, type DrainOutcome } from "./task_drain.ts";
import { taskSlots } from "../server/task_slots.ts";
import { TaskState, withState } from "./task_state.ts";
import { STREAM_OPTIONS, streamLimits, TaskStream } from "./task_stream.ts";
import {
  checkArgs,
  checkOptions,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { atAwait } from "@otp/processes/promises/promises";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import {
  assertFunction,
  checkName,
} from "@otp/processes/remote/exported_modules";
import { inspect } from "@otp/processes/values/inspect";
import { termKey } from "@otp/processes/values/term_key";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import type { Pid } from "@otp/processes/values/pid";
import {
  type AsyncOptions,
  type AsyncStreamOptions,
  type RemoteFunction,
  type StreamResult,
  Task,
} from "./task.ts";
import type { OptionChecks } from "@otp/processes/values/options";
import type { RestartLimits } from "../supervisor/restart_intensity.ts";

export type { ServerStartOptions } from "../server/start.ts";

export type { RestartLimits } from "../supervisor/restart_intensity.ts";

export type { ModuleFunction } from "@otp/processes/remote/exported_modules";
export type { Atom } from "@otp/processes/values/atom";
export type { Pid } from "@otp/processes/values/pid";
export type { ChildStart, ChildType, Started } from "../server/child_spec.ts";

export type { NameOnNode, NameRegistry } from "../server/server_ref.ts";
export type {
  AsyncOptions,
  AsyncStreamOptions,
  CancelOptions,
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  DrainOutcome,
  RemoteFunction,
  ServerName,
  ServerRef,
  StreamResult,
  TimeLimits,
};

/** Options for {@linkcode TaskSupervisor.startLink}. */
export interface TaskSupervisorOptions
  extends ServerStartOptions, RestartLimits {
  /**
   * The maximum number of tasks at a time.
   *
   * @default {Infinity}
   */
  maxChildren?: number;
  /**
   * A group that the supervisor joins when it starts: any value that can be sent. A `TaskPool` of the group sends
   * tasks to the supervisor. The supervisor joins again if the scope of the group restarts.
   *
   * @default {undefined}
   */
  group?: unknown;
  /**
   * The scope of the group; it must run on this node.
   *
   * @default {"pg"}
   */
  scope?: string | Atom;
}

const TASK_SUPERVISOR_OPTIONS: OptionChecks<TaskSupervisorOptions> = {
  ...SERVER_START_OPTIONS,
  ...DYNAMIC_LIMITS,
  group: true,
  scope: true,
};

const START_OPTIONS: OptionChecks<TaskSupervisorOptions & CancelOptions> = {
  ...TASK_SUPERVISOR_OPTIONS,
  ...CANCEL_OPTIONS,
};

/**
 * Options for {@linkcode TaskSupervisor.async} and {@linkcode TaskSupervisor.asyncNolink}. The signal and the deadline
 * end the task on whichever node it runs. While the task is being started, the start rejects with `signal.reason` at
 * once, and a task that starts later is ended; with an aborted signal, nothing is sent. An idle supervisor of the
 * caller's node starts the task at once, so that only `Task.await` rejects. The owner's clock measures the
 * time until the deadline, so the clocks of two nodes may differ.
 */
export interface TaskOptions extends AsyncOptions {
  /**
   * How long the task may take to exit when its supervisor, the signal or the deadline ends it, in milliseconds; or
   * `"brutal_kill"`, or `"infinity"`.
   *
   * @default {5000}
   */
  shutdown?: ChildShutdown;
}

const TASK_OPTIONS: OptionChecks<TaskOptions> = {
  ...CANCEL_OPTIONS,
  shutdown: CHILD_SHUTDOWN,
};

/** Options for {@linkcode TaskSupervisor.startChild}. */
export interface StartChildOptions extends TimeLimits {
  /**
   * How long the task may take to exit when it is ended, in milliseconds; or `"brutal_kill"`, or `"infinity"`.
   *
   * @default {5000}
   */
  shutdown?: ChildShutdown;
  /**
   * When to restart the task: never (`"temporary"`), after an error (`"transient"`), or always (`"permanent"`).
   *
   * @default {"temporary"}
   */
  restart?: ChildRestart;
}

const START_CHILD_OPTIONS: OptionChecks<StartChildOptions> = {
  ...TIME_LIMITS,
  shutdown: CHILD_SHUTDOWN,
  restart: CHILD_RESTART,
};

/** Options for {@linkcode TaskSupervisor.drain}. */
export interface TaskDrainOptions {
  /**
   * How long to wait for the running tasks, in milliseconds, or `Infinity`.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

const DRAIN_OPTIONS: OptionChecks<TaskDrainOptions> = { timeout: TIMEOUT };

/** Options for {@linkcode TaskSupervisor.asyncStream} and {@linkcode TaskSupervisor.asyncStreamNolink}. */
export interface SupervisedStreamOptions<A extends unknown[] = unknown[]>
  extends AsyncStreamOptions<A> {
  /**
   * How long each task may take to exit when its supervisor ends it, in milliseconds; or `"brutal_kill"`.
   *
   * @default {5000}
   */
  shutdown?: number | "brutal_kill";
}

const SUPERVISED_STREAM_OPTIONS: OptionChecks<SupervisedStreamOptions> = {
  ...STREAM_OPTIONS,
  // As in Elixir, "infinity" is for children only.
  shutdown: {
    accepts: (value) => value === "brutal_kill" || TIMEOUT.accepts(value),
    give: `${TIMEOUT.give}, or "brutal_kill"`,
    isNumber: true,
  },
};

/**
 * Starts task supervisors, and tasks under them.
 *
 * The supervisor may be on another node. The task then runs on that node, and its output appears there, because the
 * supervisor spawns the task. A function for another node is one that both nodes export under the same name,
 * `[module, function]`, or a closure if the node allows closures.
 *
 * If the supervisor does not exist, or its node cannot be reached, each function throws an `ExitError` with the call
 * and the reason: `"noproc"`, or `{ type: "nodedown", node }`.
 *
 * @example Under a supervisor of another node
 * ```ts ignore
 * import { Task, TaskSupervisor } from "@otp/distribution";
 *
 * const sup = { name: "Chat.TaskSupervisor", node: "kate@localhost" };
 * await Task.await(await TaskSupervisor.async(sup, ["Chat", "receiveMessage"], ["hi"]));
 * ```
 */
export class TaskSupervisor {
  private constructor() {}

  /**
   * Starts a Task.Supervisor, linked to the caller.
   *
   * When it exits, it sends the exit signal `"shutdown"` to its tasks, and kills tasks that take longer than their
   * `shutdown`.
   *
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`; if the scope of its group does
   *   not run on this node, with a `NoProcessError` as reason; if the start takes too long (`"timeout"`).
   * @throws {TypeError} If the group cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
   *
   * await TaskSupervisor.startLink({ maxChildren: 10 });
   * ```
   */
  static async startLink(
    options: TaskSupervisorOptions & CancelOptions = {},
  ): Promise<Pid> {
    checkStart(options, START_OPTIONS);
    const limits = dynamicLimits(options);
    const { name, group, scope = "pg" } = options;
    const starter = waitingProcess();
    if (starter === undefined) return never();
    // An invalid group must fail in the caller, not in the scope.
    if (group !== undefined) {
      const { runtime } = starter;
      const { groups } = taskSlots(runtime);
      if (groups === undefined) termKey(group, runtime.maxDepth);
      else groups.check(group, runtime);
    }
    return await startServer(
      (process) => {
        const server = new TaskSupervisorServer(process, limits);
        return group === undefined ? server : server.join(group, nameOf(scope));
      },
      { ...options, label: labelOf(name) },
    );
  }

  /**
   * Returns the child specification of a Task.Supervisor; `[TaskSupervisor, { name }]` is a shorthand.
   *
   * @example Usage
   * ```ts
   * import { Supervisor, TaskSupervisor } from "@otp/distribution";
   *
   * await Supervisor.startLink(
   *   [[TaskSupervisor, { name: "Some.TaskSupervisor" }]],
   *   { strategy: "one_for_one" },
   * );
   * ```
   */
  static childSpec(
    options: TaskSupervisorOptions = {},
  ): ChildSpec<() => Promise<Pid>> {
    checkStart(options, TASK_SUPERVISOR_OPTIONS);
    return {
      id: labelOf(options.name),
      start: () => TaskSupervisor.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Starts a task under a supervisor, linked to the caller, which awaits it.
   *
   * If the caller exits, so does the task, and vice versa. If the connection is lost, both ends receive
   * `"noconnection"`.
   *
   * @returns The task, for `Task.await`.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses the function, or the supervisor is draining; `code` is the reason.
   * @throws {Error} If the supervisor has reached `maxChildren`.
   *
   * @example Usage
   * ```ts
   * import { Task, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const task = await TaskSupervisor.async(sup, () => "done");
   * assertEquals(await Task.await(task), "done");
   * ```
   */
  static async<A extends unknown[], T>(
    supervisor: ServerRef,
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: TaskOptions = NO_OPTIONS,
  ): Promise<Task<Awaited<T>>> {
    return startAwaited(supervisor, fn, args, options, true);
  }

  /**
   * Starts a task under a supervisor, not linked to the caller, which awaits it.
   *
   * If the task crashes, only `Task.await` fails, and if the caller exits, the task continues.
   *
   * @returns The task, for `Task.await` or `Task.yield`.
   * @throws The errors of {@linkcode TaskSupervisor.async}.
   *
   * @example Usage
   * ```ts
   * import { exit, Task, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const task = await TaskSupervisor.asyncNolink(sup, () => exit("oops"));
   * assertEquals(await Task.yield(task), { type: "exit", reason: "oops" });
   * ```
   */
  static asyncNolink<A extends unknown[], T>(
    supervisor: ServerRef,
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: TaskOptions = NO_OPTIONS,
  ): Promise<Task<Awaited<T>>> {
    return startAwaited(supervisor, fn, args, options, false);
  }

  /**
   * Runs a function on each element of an iterable, each in a task of its own under a supervisor, with
   * limited concurrency.
   *
   * Works like {@linkcode Task.asyncStream}, but the tasks run under a supervisor, on this node or another. They are
   * still linked to the caller through the intermediate process, so a crash of one ends the iterating process, unless
   * it traps exits. If the connection to the supervisor's node is lost, the tasks exit with `"noconnection"` at both
   * ends.
   *
   * @returns The results. Iterating over them exits if a task exceeds `timeout` or the supervisor does not
   *   exist. It throws an `Error` if the supervisor has reached `maxChildren`, and the errors of
   *   {@linkcode TaskSupervisor.async} if the node refuses the function.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If `enumerable` is not iterable or `fn` is not a function.
   *
   * @example Usage
   * ```ts
   * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const squares: unknown[] = [];
   * for await (const result of TaskSupervisor.asyncStream(sup, [1, 2, 3], (n) => n * n)) {
   *   squares.push(result);
   * }
   * assertEquals(squares, [1, 4, 9].map((value) => ({ type: "ok", value })));
   * ```
   */
  static asyncStream<E, T, A extends unknown[]>(
    supervisor: ServerRef,
    enumerable: Iterable<E> | AsyncIterable<E>,
    fn: RemoteFunction<[element: E, ...args: A], T>,
    options: SupervisedStreamOptions<A> = {},
  ): AsyncIterable<StreamResult<Awaited<T>, E>> {
    return streamOf("asyncStream", supervisor, enumerable, fn, options);
  }

  /**
   * Runs a function on each element of an iterable like {@linkcode TaskSupervisor.asyncStream}, but without a
   * link between the tasks and the caller.
   *
   * If a task exits, the result for its element is `{ type: "exit", reason }`, with the reason `"noconnection"` if
   * the connection to its node is lost, and the iterating process continues. Leaving the loop ends the running
   * tasks; if the iterating process exits, they continue to run.
   *
   * @returns The results, as {@linkcode TaskSupervisor.asyncStream} returns them.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If `enumerable` is not iterable or `fn` is not a function.
   *
   * @example A crashed task results in an exit
   * ```ts
   * import { exit, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const check = (n: number) => n === 2 ? exit("oops") : n;
   * const results: unknown[] = [];
   * for await (
   *   const result of TaskSupervisor.asyncStreamNolink(sup, [1, 2], check, { zipInputOnExit: true })
   * ) results.push(result);
   * assertEquals(results, [
   *   { type: "ok", value: 1 },
   *   { type: "exit", reason: "oops", input: 2 },
   * ]);
   * ```
   */
  static asyncStreamNolink<E, T, A extends unknown[]>(
    supervisor: ServerRef,
    enumerable: Iterable<E> | AsyncIterable<E>,
    fn: RemoteFunction<[element: E, ...args: A], T>,
    options: SupervisedStreamOptions<A> = {},
  ): AsyncIterable<StreamResult<Awaited<T>, E>> {
    return streamOf("asyncStreamNolink", supervisor, enumerable, fn, options);
  }

  /**
   * Starts a task that is not awaited, under a supervisor.
   *
   * @param options When the task is restarted, how the supervisor ends it, and limits of the start, which do not end
   *   the task.
   * @returns The task's pid.
   * @throws {ExitError} If the supervisor has reached `maxChildren`, with `"max_children"`; if a limit is reached, with
   *   the call and `"timeout"`. The supervisor does not notice the limit: it may still start the task, as
   *   {@linkcode TaskSupervisor.children} then shows.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses the function, or the supervisor is draining; `code` is the reason.
   *
   * @example Usage
   * ```ts
   * import { receive, self, send, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const parent = self();
   * const sup = await TaskSupervisor.startLink();
   * await TaskSupervisor.startChild(sup, () => void send(parent, "done"));
   * assertEquals(await receive(), "done");
   * ```
   */
  static async startChild<A extends unknown[]>(
    supervisor: ServerRef,
    fn: RemoteFunction<A, unknown>,
    args?: NoInfer<A>,
    options: StartChildOptions = {},
  ): Promise<Pid> {
    checkArgs(args);
    checkOptions(
      options,
      "start a task",
      START_CHILD_OPTIONS,
      '{ restart: "transient" }',
    );
    const process = waitingProcess();
    if (process === undefined) return never();
    const { restart = "temporary", shutdown = 5000 } = options;
    const { timeout = Infinity, signal, deadline } = options;
    const end = process.runtime.clock.now() + timeout;
    return await startSupervisedChild(process, {
      server: supervisor,
      api: "startChild",
      fn,
      args: args ?? [],
      link: false,
      restart,
      shutdown,
    }, { signal, deadline, end });
  }

  /**
   * Returns the tasks under a supervisor.
   *
   * @example Usage
   * ```ts
   * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * assertEquals(await TaskSupervisor.children(sup), []);
   * ```
   */
  static async children(supervisor: ServerRef): Promise<Pid[]> {
    const children = await askSupervisor<DynamicChildInfo[]>(
      "TaskSupervisor",
      "children",
      supervisor,
      { type: "which_children" },
    );
    return children.flatMap(({ pid }) => pid === "restarting" ? [] : [pid]);
  }

  /**
   * Ends a task of a supervisor, and waits until it has exited.
   *
   * The task has its `shutdown` time to exit, and is not restarted, whatever its `restart`.
   *
   * @returns `"ok"`, or `"not_found"` if the supervisor has no such task.
   *
   * @example Usage
   * ```ts
   * import { self, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * assertEquals(await TaskSupervisor.terminateChild(sup, self()), "not_found");
   * ```
   */
  static terminateChild(
    supervisor: ServerRef,
    pid: Pid,
  ): Promise<"ok" | "not_found"> {
    return askToTerminate("TaskSupervisor", supervisor, pid);
  }

  /**
   * Makes a supervisor refuse new tasks, and waits until its running tasks have ended.
   *
   * OTP has no such function. From now on, until the supervisor stops, each start of a task under it fails:
   * {@linkcode TaskSupervisor.async}, {@linkcode TaskSupervisor.startChild} and the streams reject with a
   * `SpawnRefusedError` whose `code` is `"draining"`, and a process of Erlang or Elixir gets
   * `{:error, :draining}`. A refused task has run no code, so it can be started under another supervisor. The
   * supervisor also leaves all its groups of `pg`, so that no process finds it there any more.
   *
   * Running tasks continue. A `"transient"` task that fails is restarted to finish its work, and the drain waits for it.
   * A `"permanent"` task never ends for good, so the drain does not wait for it. The supervisor also refuses tasks that
   * its own tasks start; to let tasks start tasks, drain the node ({@linkcode Node.drain}).
   *
   * After a timeout the tasks continue, and the supervisor still refuses new ones: drain it again to wait longer, or
   * stop it, which ends its tasks. Several callers may drain a supervisor at once, each with its own timeout.
   *
   * @returns `"drained"` if only permanent tasks are left, `"timeout"` if other tasks still run.
   * @throws {ExitError} If the supervisor exits during the drain, with the call.
   * @throws {TypeError} If the timeout is not a number, or the supervisor does not know this request: supervisors of
   *   Elixir and of earlier versions do not.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Finish what runs
   * ```ts
   * import { receive, self, send, SpawnRefusedError, Task, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const parent = self();
   * const task = await TaskSupervisor.async(sup, async () => {
   *   send(parent, self());
   *   return await receive<string>();
   * });
   * const pid = await receive();
   *
   * assertEquals(await TaskSupervisor.drain(sup, { timeout: 0 }), "timeout");
   * const refused = await assertRejects(() => TaskSupervisor.async(sup, () => 1), SpawnRefusedError);
   * assertEquals(refused.code, "draining");
   *
   * send(pid, "done");
   * assertEquals(await TaskSupervisor.drain(sup), "drained");
   * assertEquals(await Task.await(task), "done");
   * ```
   */
  static async drain(
    supervisor: ServerRef,
    options: TaskDrainOptions = {},
  ): Promise<DrainOutcome> {
    checkOptions(options, "drain a Task.Supervisor", DRAIN_OPTIONS);
    const outcome = await askToDrain(supervisor, options.timeout ?? Infinity);
    if (outcome === "drained" || outcome === "timeout") return outcome;
    throw new TypeError(
      `Cannot drain a Task.Supervisor: it answered ${
        inspect(outcome)
      }; give one that a node of this version has started`,
    );
  }

  /**
   * Stops a supervisor and its tasks.
   *
   * @param timeout The timeout in milliseconds; `Infinity` by default.
   * @throws {ExitError} If the supervisor does not exist, or does not exit in time.
   *
   * @example Usage
   * ```ts
   * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await TaskSupervisor.stop(await TaskSupervisor.startLink()), "ok");
   * ```
   */
  static stop(
    supervisor: ServerRef,
    reason: unknown = "normal",
    timeout = Infinity,
  ): Promise<"ok"> {
    return stopServer(supervisor, reason, timeout);
  }
}

function checkStart<O extends TaskSupervisorOptions>(
  options: O,
  checks: OptionChecks<NoInfer<O>>,
): void {
  checkOptions(
    options,
    "start a Task.Supervisor",
    checks,
    "{ maxChildren: 10 }",
  );
  if (options.scope !== undefined) nameOf(options.scope);
}

function labelOf(name: ServerName | undefined): string {
  return name === undefined ? "Task.Supervisor" : nameText(name);
}

async function startAwaited<A extends unknown[], T>(
  supervisor: ServerRef,
  fn: RemoteFunction<A, T>,
  args: unknown[] = [],
  options: TaskOptions,
  link: boolean,
): Promise<Task<Awaited<T>>> {
  checkArgs(args);
  if (options !== NO_OPTIONS) {
    checkOptions(options, "start a task", TASK_OPTIONS, "{ shutdown: 1000 }");
  }
  const { shutdown = 5000, signal, deadline } = options;
  const process = waitingProcess();
  if (process === undefined) return never();
  const state = new TaskState(process);
  const api = link ? "async" : "asyncNolink";
  const asked: SupervisedTask = {
    server: supervisor,
    api,
    fn,
    args,
    link,
    restart: "temporary",
    shutdown,
  };
  if (signal !== undefined || deadline !== undefined) {
    asked.cancel = { signal, deadline };
  }
  try {
    const located = startSupervised(state, asked);
    if (located !== undefined) await located;
    const pid = state.by ?? await state.starting!;
    const task = new Task<Awaited<T>>(pid, state.ref, process.pid);
    return withState(task, state);
  } catch (error) {
    // The reason of the signal is the program's own, and keeps its stack.
    const isOwn = signal?.aborted && error === signal.reason;
    throw isOwn ? error : atAwait(error, startAwaited);
  }
}

function streamOf<E, T, A extends unknown[]>(
  name: string,
  supervisor: ServerRef,
  enumerable: Iterable<E> | AsyncIterable<E>,
  fn: RemoteFunction<[element: E, ...args: A], T>,
  options: SupervisedStreamOptions<A>,
): AsyncIterable<StreamResult<Awaited<T>, E>> {
  if (Array.isArray(fn)) checkName(fn);
  else assertFunction(fn);
  const doing = `make a stream by TaskSupervisor.${name}`;
  checkOptions(options, doing, SUPERVISED_STREAM_OPTIONS);
  const { args = [], shutdown = 5000 } = options;
  const link = name === "asyncStream";
  return new TaskStream(
    enumerable,
    supervisedStarter({
      server: serverRef(supervisor),
      api: name,
      fn,
      args,
      link,
      restart: "temporary",
      shutdown,
      advice: "; give the stream a maxConcurrency that is not above it",
    }),
    streamLimits(options),
  ) as AsyncIterable<StreamResult<Awaited<T>, E>>;
}
