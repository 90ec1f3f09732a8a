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

import type { NameOnNode } from "./process.ts";
import { call, locate, type Place, startCall } from "./protocol/call.ts";
import type {
  ChildRestart,
  ChildShutdown,
  ChildSpec,
} from "./protocol/child.ts";
import type { StartTask } from "./protocol/messages.ts";
import { serverRef, startServer, stopServer } from "./protocol/server.ts";
import {
  type TaskRefusal,
  TaskSupervisorServer,
} from "./protocol/task_supervisor.ts";
import { TaskState } from "./protocol/task.ts";
import { never, waitingProcess } from "./runtime/current.ts";
import { inspect } from "./runtime/inspect.ts";
import { spawnError } from "./runtime/modules.ts";
import { type Atom, nameOf, type Pid } from "./runtime/pid.ts";
import type { Process } from "./runtime/process.ts";
import type { Runnable } from "./runtime/signal.ts";
import { Task } from "./task.ts";

export type { ChildRestart, ChildShutdown, ChildSpec };

/** A Task.Supervisor: its pid, its name on this node, or `{ name, node }`. */
export type TaskSupervisorRef = Pid | string | Atom | NameOnNode;

/**
 * What a task runs: a function, or the name of one, `[module, function]`, as its node exports it.
 */
export type TaskFunction<A extends unknown[], T> =
  | ((...args: A) => T)
  | readonly [module: string, function: string];

/** Options for {@linkcode TaskSupervisor.startLink}. */
export interface TaskSupervisorOptions {
  /**
   * The name that the supervisor is registered under.
   *
   * @default {undefined}
   */
  name?: string | Atom;
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
   * The time within which restarts are counted, in seconds.
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

/** What {@linkcode TaskSupervisor.startChild} gives. */
export type StartChildResult =
  | { type: "ok"; pid: Pid }
  | { type: "error"; reason: "max_children" };

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
    const { maxChildren = Infinity, maxRestarts = 3, maxSeconds = 5 } = options;
    const name = options.name === undefined ? undefined : nameOf(options.name);
    const limits = { maxChildren, maxRestarts, maxSeconds };
    for (const [key, value] of Object.entries(limits)) {
      if (typeof value === "number" && value >= 0) continue;
      throw new RangeError(
        `Cannot start a Task.Supervisor: ${key} is ${
          inspect(value)
        }; give a number, 0 or more`,
      );
    }
    return await startServer(
      (process) => new TaskSupervisorServer(process, limits),
      { name, label: name ?? "Task.Supervisor" },
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
  static childSpec(options: TaskSupervisorOptions = {}): ChildSpec {
    return {
      id: options.name === undefined ? "Task.Supervisor" : nameOf(options.name),
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
   * @throws {RangeError} If the supervisor has as many tasks as it may have.
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
    supervisor: TaskSupervisorRef,
    fn: TaskFunction<A, T>,
    args?: NoInfer<A>,
    options: TaskOptions = {},
  ): Promise<Task<Awaited<T>>> {
    return startAwaited(supervisor, fn, args ?? [], options, true);
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
   * @throws {RangeError} If the supervisor has as many tasks as it may have.
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
    supervisor: TaskSupervisorRef,
    fn: TaskFunction<A, T>,
    args?: NoInfer<A>,
    options: TaskOptions = {},
  ): Promise<Task<Awaited<T>>> {
    return startAwaited(supervisor, fn, args ?? [], options, false);
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
   * @returns The task's pid, or that the supervisor has as many tasks as it may have.
   * @throws {ExitError} If the supervisor is not there or its node cannot be reached.
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
    supervisor: TaskSupervisorRef,
    fn: TaskFunction<A, unknown>,
    args?: NoInfer<A>,
    options: StartChildOptions = {},
  ): Promise<StartChildResult> {
    const process = waitingProcess();
    if (process === undefined) return never();
    const place = locate(serverRef(supervisor), process);
    const { restart = "temporary", shutdown = 5000 } = options;
    const run = describe(process, place, fn, args ?? []);
    const request = startTask(process, run, { link: false, restart, shutdown });
    const answer = await startCall<StartChildResult | TaskRefusal>(
      process,
      place,
      request,
      { timeout: Infinity, as: callOf(place, request) },
    ).promise.finally(() => forget(process, run));
    if (answer.type === "ok" || answer.reason === "max_children") {
      return answer as StartChildResult;
    }
    throw refused(place, answer);
  }

  /**
   * The tasks under a supervisor.
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
  static children(supervisor: TaskSupervisorRef): Promise<Pid[]> {
    return request(supervisor, { type: "which_children" });
  }

  /**
   * Ends a task of a supervisor, and waits for its end.
   *
   * Follows
   * [Task.Supervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#terminate_child/2).
   *
   * @param supervisor The supervisor.
   * @param pid The task's process.
   * @returns `"ok"`, or that the supervisor has no such task.
   * @throws {ExitError} If the supervisor is not there or its node cannot be reached.
   *
   * @example Usage
   * ```ts
   * import { self, TaskSupervisor } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const sup = await TaskSupervisor.startLink();
   * assertEquals(await TaskSupervisor.terminateChild(sup, self()), {
   *   type: "error",
   *   reason: "not_found",
   * });
   * await TaskSupervisor.stop(sup);
   * ```
   */
  static terminateChild(
    supervisor: TaskSupervisorRef,
    pid: Pid,
  ): Promise<"ok" | { type: "error"; reason: "not_found" }> {
    return request(supervisor, { type: "terminate_child", pid });
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
    supervisor: TaskSupervisorRef,
    reason: unknown = "normal",
    timeout = Infinity,
  ): Promise<"ok"> {
    return stopServer(serverRef(supervisor), reason, timeout);
  }
}

function request<T>(
  supervisor: TaskSupervisorRef,
  asked: unknown,
): Promise<T> {
  const server = serverRef(supervisor);
  return call(server, asked, {
    timeout: Infinity,
    as: () => ["GenServer", "call", [server, asked, "infinity"]],
  });
}

async function startAwaited<A extends unknown[], T>(
  supervisor: TaskSupervisorRef,
  fn: TaskFunction<A, T>,
  args: unknown[],
  { shutdown = 5000 }: TaskOptions,
  link: boolean,
): Promise<Task<Awaited<T>>> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const place = locate(serverRef(supervisor), process);
  const run = describe(process, place, fn, args);
  const state = new TaskState(process, place.node, process.runtime.makeRef());
  state.open();
  const message = startTask(process, run, {
    link,
    task: state.ref,
    restart: "temporary",
    shutdown,
  });
  const { promise, resolve, reject } = Promise.withResolvers<
    Task<Awaited<T>>
  >();
  const asked = startCall<TaskRefusal>(process, place, message, {
    timeout: Infinity,
    as: callOf(place, message),
  });
  state.onSpawned = (pid) => {
    asked.cancel();
    resolve(Task._of<Awaited<T>>(pid, state, process));
  };
  asked.promise.then(
    (refusal) => reject(refused(place, refusal)),
    reject,
  );
  try {
    return await promise;
  } catch (error) {
    if (process.alive) state.close();
    forget(process, run);
    throw error;
  }
}

function describe(
  process: Process,
  { node }: Place,
  // deno-lint-ignore no-explicit-any
  fn: TaskFunction<any, unknown>,
  args: unknown[],
): Runnable {
  const { runtime } = process;
  return runtime.modules.describe(fn, args, node === runtime.node);
}

/** Drops a function that was kept for a request that came to nothing. */
function forget(process: Process, run: Runnable): void {
  if ("parked" in run) process.runtime.modules.unpark(run.parked);
}

function startTask(
  process: Process,
  run: Runnable,
  rest: Pick<StartTask, "link" | "task" | "restart" | "shutdown">,
): StartTask {
  const message: StartTask = {
    type: "start_task",
    run,
    callers: [process.pid, ...process.callers ?? []],
    ...rest,
  };
  return message;
}

/** What was called, as Elixir says it, for the reason of a call that failed. */
function callOf(
  { node, target }: Place,
  { run, restart }: StartTask,
): () => [string, string, unknown[]] {
  const server = typeof target === "string" ? { name: target, node } : target;
  const what = "module" in run
    ? [run.module, run.function, run.args]
    : ["(function)", run.args];
  return () => [
    "GenServer",
    "call",
    [server, ["start_task", what, restart], "infinity"],
  ];
}

function refused({ node }: Place, refusal: TaskRefusal): Error {
  if (refusal.reason === "max_children") {
    return new RangeError(
      `Cannot start a task: the supervisor has as many as it may have (maxChildren)`,
    );
  }
  return "message" in refusal
    ? spawnError(node, { error: refusal.reason, message: refusal.message })
    : new TypeError(
      `Cannot start a task: its supervisor answered ${inspect(refusal)}`,
    );
}
