/**
 * Supervised tasks, on this node or a chosen one.
 *
 * Follows Elixir's [Task.Supervisor](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html).
 *
 * @example A task under a supervisor
 * ```ts
 * import { Task } from "@otp/distribution/task";
 * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * await TaskSupervisor.startLink({ name: "My.TaskSupervisor" });
 * const task = await TaskSupervisor.async("My.TaskSupervisor", (n: number) => n + 1, [1]);
 * assertEquals(await Task.await(task), 2);
 * await TaskSupervisor.stop("My.TaskSupervisor");
 * ```
 *
 * @module
 */

import type { Failure } from "./servers/supervisor/child_lifecycle.ts";
import type {
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
  ChildType,
} from "./servers/supervisor/child_spec.ts";
import {
  type DynamicLimits,
  dynamicLimits,
} from "./servers/supervisor/dynamic_children.ts";
import type { DynamicChildInfo } from "./servers/supervisor/dynamic_supervisor_server.ts";
import {
  type GlobalName,
  type NameOnNode,
  type NameRegistry,
  nameText,
  type ServerName,
  type ServerRef,
  type ViaName,
} from "./gen/server_names.ts";
import { serverRef } from "./gen/server.ts";
import { startServer } from "./gen/start.ts";
import { stopServer } from "./gen/stop.ts";
import { askSupervisor } from "./servers/supervisor/supervisor_client.ts";
import {
  startSupervised,
  supervisedStarter,
} from "./servers/task/start_supervised_task.ts";
import { TaskSupervisorServer } from "./servers/task/task_supervisor_server.ts";
import { TaskState } from "./servers/task/task_state.ts";
import { streamLimits, TaskStream } from "./servers/task/task_stream.ts";
import {
  checkArgs,
  checkOptions,
  checkPid,
  checkTimeout,
} from "./runtime/values/check_arguments.ts";
import { atAwait } from "./runtime/promises/answer.ts";
import { never, waitingProcess } from "./runtime/context/current_process.ts";
import { promised } from "./runtime/promises/promised.ts";
import {
  assertFunction,
  checkName,
  type ModuleFunction,
} from "./runtime/spawning/exported_modules.ts";
import type { Pid } from "./runtime/values/pid.ts";
import {
  type AsyncStreamOptions,
  type RemoteFunction,
  type StreamResult,
  Task,
} from "./task.ts";

export type {
  AsyncStreamOptions,
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
  ChildType,
  GlobalName,
  ModuleFunction,
  NameOnNode,
  NameRegistry,
  RemoteFunction,
  ServerName,
  ServerRef,
  StreamResult,
  ViaName,
};

/** Options for {@linkcode TaskSupervisor.startLink}. */
export interface TaskSupervisorOptions {
  /**
   * The name that the supervisor has: on its node, in a registry, or in the cluster.
   *
   * @default {undefined}
   */
  name?: ServerName;
  /**
   * How many tasks may run at a time.
   *
   * @default {Infinity}
   */
  maxChildren?: number;
  /**
   * How many restarts of children are made within `maxSeconds`; one more, and the supervisor ends
   * all tasks and exits.
   *
   * @default {3}
   */
  maxRestarts?: number;
  /**
   * The time within which restarts are counted: whole seconds, 1 or more. As in OTP, the clock is read
   * in whole seconds, so that a restart counts for up to one second more.
   *
   * @default {5}
   */
  maxSeconds?: number;
}

/** Options for {@linkcode TaskSupervisor.async} and {@linkcode TaskSupervisor.asyncNolink}. */
export interface TaskOptions {
  /**
   * How the task is ended when its supervisor ends: milliseconds, `"brutal_kill"` or
   * `"infinity"`.
   *
   * @default {5000}
   */
  shutdown?: ChildShutdown;
}

/** Options for {@linkcode TaskSupervisor.startChild}. */
export interface StartChildOptions extends TaskOptions {
  /**
   * When the task is started again: never, if it ended by an error, or always.
   *
   * @default {"temporary"}
   */
  restart?: ChildRestart;
}

/**
 * Options for {@linkcode TaskSupervisor.asyncStream} and {@linkcode TaskSupervisor.asyncStreamNolink}.
 */
export interface SupervisedStreamOptions<A extends unknown[] = unknown[]>
  extends AsyncStreamOptions<A> {
  /**
   * How each task is ended when its supervisor ends: milliseconds, or `"brutal_kill"`.
   *
   * @default {5000}
   */
  shutdown?: number | "brutal_kill";
}

/**
 * Starts supervisors of tasks, and tasks under them.
 *
 * The supervisor may be on another node: the task then runs there, and what it prints comes out
 * there, as the supervisor is its spawner.
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
   * Follows
   * [Task.Supervisor.start_link/1](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#start_link/1).
   * When it ends, it tells its tasks to exit with `"shutdown"` and kills those that take longer
   * than their `shutdown`.
   *
   * @param options Name and limits.
   * @returns The supervisor's pid.
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`.
   *
   * @example Usage
   * ```ts
   * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
   *
   * const sup = await TaskSupervisor.startLink({ maxChildren: 10 });
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static async startLink(options: TaskSupervisorOptions = {}): Promise<Pid> {
    const limits = checkLimits(options);
    const { name } = options;
    return await startServer(
      (process) => new TaskSupervisorServer(process, limits),
      { name, label: labelOf(name) },
    );
  }

  /**
   * A Task.Supervisor as the child of a supervisor: `[TaskSupervisor, { name }]`.
   *
   * @param options Name and limits.
   * @returns The specification.
   *
   * @example Usage
   * ```ts
   * import { Supervisor, TaskSupervisor } from "@otp/distribution";
   *
   * const sup = await Supervisor.startLink(
   *   [[TaskSupervisor, { name: "Some.TaskSupervisor" }]],
   *   { strategy: "one_for_one" },
   * );
   * await Supervisor.stop(sup);
   * ```
   */
  static childSpec(
    options: TaskSupervisorOptions = {},
  ): ChildSpec<() => Promise<Pid>> {
    checkLimits(options);
    return {
      id: labelOf(options.name),
      start: () => TaskSupervisor.startLink(options),
      type: "supervisor",
    };
  }

  /**
   * Starts a task under a supervisor, linked to the caller and to be awaited by it.
   *
   * Follows
   * [Task.Supervisor.async/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async/5). If the
   * caller exits, so does the task, and the reverse. If the connection is lost, both ends get
   * `"noconnection"`.
   *
   * @typeParam A The function's arguments.
   * @typeParam T What it gives.
   * @param supervisor The supervisor: by name here, by `{ name, node }` anywhere.
   * @param fn What the task runs. On another node, a function that both export under one name,
   *   `[module, function]`, or a closure if the node allows them.
   * @param args Its arguments.
   * @param options How it is ended with its supervisor.
   * @returns The task, for `Task.await`.
   * @throws {ExitError} If the supervisor is not there (`"noproc"`) or its node cannot be reached
   *   (`{ type: "nodedown", node }`), with what was called.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses it; `code` says why.
   * @throws {Error} If the supervisor has as many tasks as it may have.
   *
   * @example Usage
   * ```ts
   * import { Task, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const task = await TaskSupervisor.async(sup, () => "done");
   * assertEquals(await Task.await(task), "done");
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static async<A extends unknown[], T>(
    supervisor: ServerRef,
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: TaskOptions = {},
  ): Promise<Task<Awaited<T>>> {
    return startAwaited(supervisor, fn, args, options, true);
  }

  /**
   * Starts a task under a supervisor, to be awaited by the caller but not linked to it.
   *
   * Follows
   * [Task.Supervisor.async_nolink/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_nolink/5):
   * a crash of the task only fails its await, and the caller's end does not end the task.
   *
   * @typeParam A The function's arguments.
   * @typeParam T What it gives.
   * @param supervisor The supervisor: by name here, by `{ name, node }` anywhere.
   * @param fn What the task runs.
   * @param args Its arguments.
   * @param options How it is ended with its supervisor.
   * @returns The task, for `Task.await` or `Task.yield`.
   * @throws {ExitError} If the supervisor is not there or its node cannot be reached.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses it; `code` says why.
   * @throws {Error} If the supervisor has as many tasks as it may have.
   *
   * @example Usage
   * ```ts
   * import { exit, Task, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * const task = await TaskSupervisor.asyncNolink(sup, () => exit("oops"));
   * assertEquals(await Task.yield(task), { type: "exit", reason: "oops" });
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static asyncNolink<A extends unknown[], T>(
    supervisor: ServerRef,
    fn: RemoteFunction<A, T>,
    args?: NoInfer<A>,
    options: TaskOptions = {},
  ): Promise<Task<Awaited<T>>> {
    return startAwaited(supervisor, fn, args, options, false);
  }

  /**
   * Runs a function on each element of an enumerable, each in a task of its own under a supervisor, so
   * many at a time.
   *
   * Follows
   * [Task.Supervisor.async_stream/4](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_stream/4).
   * It is `Task.asyncStream` with the tasks under a supervisor, here or on another node: they are
   * linked to the caller all the same, through the process between, so that a crash of one ends the
   * process that iterates, unless it traps exits. If the connection to the supervisor's node is lost, they
   * end with `"noconnection"`, at both ends.
   *
   * @typeParam E The elements.
   * @typeParam T What the function gives.
   * @typeParam A What it gets besides the element.
   * @param supervisor The supervisor: by name here, by `{ name, node }` anywhere.
   * @param enumerable The elements: of any iterable, or async iterable.
   * @param fn What is run on each; it gets the element, and then `args`. On another node, a function that
   *   both export under one name, `[module, function]`, or a closure if the node allows them.
   * @param options How many at a time, how long, in which order.
   * @returns The results. Iterating over them exits when a task takes longer than `timeout`, and when the
   *   supervisor is not there; it throws an `Error` when the supervisor has as many tasks as it may
   *   have, and what refuses the function, as {@linkcode TaskSupervisor.async} does.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If it is no enumerable, or no function.
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
   * await TaskSupervisor.stop(sup);
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
   * Runs a function on each element of an enumerable as {@linkcode TaskSupervisor.asyncStream} does, but
   * the tasks are not linked to the caller.
   *
   * Follows
   * [Task.Supervisor.async_stream_nolink/4](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_stream_nolink/4).
   * A task that exits gives `{ type: "exit", reason }` for its element, one on a node whose connection is
   * lost `"noconnection"`, and the process that iterates lives on. Leaving the loop ends the tasks that
   * run; but if the process that iterates exits, they run on.
   *
   * @typeParam E The elements.
   * @typeParam T What the function gives.
   * @typeParam A What it gets besides the element.
   * @param supervisor The supervisor: by name here, by `{ name, node }` anywhere.
   * @param enumerable The elements: of any iterable, or async iterable.
   * @param fn What is run on each; it gets the element, and then `args`.
   * @param options How many at a time, how long, in which order.
   * @returns The results; as {@linkcode TaskSupervisor.asyncStream} gives them.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If it is no enumerable, or no function.
   *
   * @example A task that crashes gives an exit
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
   * await TaskSupervisor.stop(sup);
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
   * Starts a task under a supervisor that nobody awaits.
   *
   * Follows
   * [Task.Supervisor.start_child/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#start_child/5).
   *
   * @typeParam A The function's arguments.
   * @param supervisor The supervisor: by name here, by `{ name, node }` anywhere.
   * @param fn What the task runs.
   * @param args Its arguments.
   * @param options When it is restarted, and how it is ended.
   * @returns The task's pid.
   * @throws {ExitError} If there are as many tasks as there may be, with `"max_children"`; if the supervisor is
   *   not there or its node cannot be reached, with what was called.
   * @throws {UndefinedFunctionError} If the node does not export the function.
   * @throws {SpawnRefusedError} If the node refuses it; `code` says why.
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
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static async startChild<A extends unknown[]>(
    supervisor: ServerRef,
    fn: RemoteFunction<A, unknown>,
    args?: NoInfer<A>,
    options: StartChildOptions = {},
  ): Promise<Pid> {
    checkArgs(args);
    checkOptions(options, "start a task", '{ restart: "transient" }');
    const process = waitingProcess();
    if (process === undefined) return never();
    const { restart = "temporary", shutdown = 5000 } = options;
    return await startSupervised(process, {
      server: serverRef(supervisor),
      api: "startChild",
      fn,
      args: args ?? [],
      link: false,
      restart,
      shutdown,
    });
  }

  /**
   * The tasks under a supervisor.
   *
   * Follows
   * [Task.Supervisor.children/1](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#children/1).
   *
   * @param supervisor The supervisor.
   * @returns Their pids.
   * @throws {ExitError} If the supervisor is not there or its node cannot be reached.
   *
   * @example Usage
   * ```ts
   * import { TaskSupervisor } from "@otp/distribution/task-supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * assertEquals(await TaskSupervisor.children(sup), []);
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static async children(supervisor: ServerRef): Promise<Pid[]> {
    const children = await askSupervisor<DynamicChildInfo[]>(
      "TaskSupervisor",
      "children",
      serverRef(supervisor),
      { type: "which_children" },
    );
    return children.flatMap(({ pid }) => pid === "restarting" ? [] : [pid]);
  }

  /**
   * Ends a task of a supervisor, and waits for its end.
   *
   * Follows
   * [Task.Supervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#terminate_child/2):
   * within its `shutdown`, and for good, also if it is one that is started again.
   *
   * @param supervisor The supervisor.
   * @param pid The task's process.
   * @returns `"ok"`, or `"not_found"` if the supervisor has no such task.
   * @throws {ExitError} If the supervisor is not there or its node cannot be reached.
   *
   * @example Usage
   * ```ts
   * import { self, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * assertEquals(await TaskSupervisor.terminateChild(sup, self()), "not_found");
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static async terminateChild(
    supervisor: ServerRef,
    pid: Pid,
  ): Promise<"ok" | "not_found"> {
    checkPid(pid, "terminate the child");
    const answer = await askSupervisor<"ok" | Failure>(
      "TaskSupervisor",
      "terminateChild",
      serverRef(supervisor),
      { type: "terminate_child", pid },
    );
    return answer === "ok" ? answer : "not_found";
  }

  /**
   * Stops a supervisor and its tasks.
   *
   * @param supervisor The supervisor.
   * @param reason The reason that it exits with; `"normal"` if it is left out.
   * @param timeout Milliseconds to wait, `Infinity` if it is left out.
   * @returns `"ok"`.
   * @throws {ExitError} If it is not there, or does not end in time.
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
    return promised(() => stopServer(serverRef(supervisor), reason, timeout));
  }
}

function checkLimits(options: TaskSupervisorOptions): DynamicLimits {
  checkOptions(options, "start a Task.Supervisor", "{ maxChildren: 10 }");
  return dynamicLimits("Task.Supervisor", options);
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
  checkOptions(options, "start a task", "{ shutdown: 1000 }");
  const { shutdown = 5000 } = options;
  const process = waitingProcess();
  if (process === undefined) return never();
  const server = serverRef(supervisor);
  const state = new TaskState(process);
  const api = link ? "async" : "asyncNolink";
  try {
    const pid = await startSupervised(
      process,
      { server, api, fn, args, link, restart: "temporary", shutdown },
      state,
    );
    return Task._of<Awaited<T>>(pid, state);
  } catch (error) {
    throw atAwait(error, startAwaited);
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
  const what = `TaskSupervisor.${name}`;
  checkOptions(options, `make a stream by ${what}`);
  const { args = [], shutdown = 5000, ...rest } = options;
  checkArgs(args);
  // As in Elixir, "infinity" is for children only.
  if (shutdown !== "brutal_kill") {
    checkTimeout(shutdown, `make a stream by ${what} whose tasks end`);
  }
  const link = name === "asyncStream";
  return new TaskStream(
    enumerable,
    supervisedStarter({
      server: serverRef(supervisor),
      api: name,
      fn,
      args,
      link,
      shutdown,
    }),
    streamLimits(what, rest),
  ) as AsyncIterable<StreamResult<Awaited<T>, E>>;
}
