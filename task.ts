/**
 * Tasks: processes that do one thing and give its result.
 *
 * Follows Elixir's [Task](https://hexdocs.pm/elixir/1.18/Task.html).
 *
 * @example Do something beside, and wait for it
 * ```ts
 * import { Task } from "@otp/distribution/task";
 * import { assertEquals } from "@std/assert";
 *
 * const task = Task.async((n: number) => n * 2, [21]);
 * assertEquals(await Task.await(task), 42);
 * ```
 *
 * @module
 */

import type {
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
  ChildType,
} from "./servers/supervisor/child_spec.ts";
import {
  awaitTask,
  awaitTasks,
  ignoreTask,
  shutdownTask,
  yieldTask,
  yieldTasks,
} from "./servers/task/await_task.ts";
import {
  completedTask,
  localStarter,
  startAwaited,
  startUnawaited,
} from "./servers/task/start_local_task.ts";
import type { TaskState } from "./servers/task/task_state.ts";
import { streamLimits, TaskStream } from "./servers/task/task_stream.ts";
import {
  checkArgs,
  checkCount,
  checkList,
  checkOptions,
  checkTimeout,
} from "./runtime/values/check_arguments.ts";
import {
  currentProcess,
  never,
  waitingProcess,
} from "./runtime/context/current_process.ts";
import { inspect } from "./runtime/values/inspect.ts";
import {
  assertFunction,
  checkName,
  type ModuleFunction,
  type RemoteFunction,
} from "./runtime/spawning/exported_modules.ts";
import type { Pid, Ref } from "./runtime/values/pid.ts";

export type {
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
  ChildType,
  ModuleFunction,
  RemoteFunction,
};

/** A task's result, or the reason that it exited with. */
export type TaskResult<T> =
  | { type: "ok"; value: T }
  | { type: "exit"; reason: unknown };

/** A task, whether it has a process or is one by `Task.completed`. */
export type AnyTask<T = unknown> = Task<T, Pid | undefined>;

/** The value of a task. */
export type TaskValue<K> = K extends AnyTask<infer T> ? T : never;

/** The result of {@linkcode Task.awaitMany}: the value of each task, at its place. */
export type TaskValues<K extends readonly AnyTask[]> = {
  -readonly [I in keyof K]: TaskValue<K[I]>;
};

/** The result of {@linkcode Task.yieldMany}: each task, with its result if it has one. */
export type TaskYields<K extends readonly AnyTask[]> = {
  -readonly [I in keyof K]: [
    task: K[I],
    result: TaskResult<TaskValue<K[I]>> | undefined,
  ];
};

/** Options for {@linkcode Task.yieldMany}. */
export interface YieldManyOptions {
  /**
   * How many results to wait for; `onTimeout` does not apply when they are there in time.
   *
   * @default {the number of tasks}
   */
  limit?: number;
  /**
   * Milliseconds to wait, or `Infinity`.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * How tasks are treated that have no result when the time runs out: `"nothing"`, so that they can still
   * be awaited; `"ignore"` them as by `Task.ignore`; or `"kill_task"`, as by `Task.shutdown` with
   * `"brutal_kill"`.
   *
   * @default {"nothing"}
   */
  onTimeout?: "nothing" | "ignore" | "kill_task";
}

/** Options for {@linkcode Task.asyncStream}. */
export interface AsyncStreamOptions<A extends unknown[] = unknown[]> {
  /**
   * The arguments of the function after the element.
   *
   * @default {[]}
   */
  args?: [...A];
  /**
   * How many tasks run at a time.
   *
   * @default {the number of processors}
   */
  maxConcurrency?: number;
  /**
   * Whether results come in the order of the elements; those that are there before their turn wait.
   *
   * @default {true}
   */
  ordered?: boolean;
  /**
   * Milliseconds that each task may run, or `Infinity`.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * The reaction when a task takes longer: the process that iterates exits, or the task is killed and
   * gives `{ type: "exit", reason: "timeout" }`.
   *
   * @default {"exit"}
   */
  onTimeout?: "exit" | "kill_task";
  /**
   * Whether the result of a task that exits has its element, as `input`.
   *
   * @default {false}
   */
  zipInputOnExit?: boolean;
}

/**
 * The result of one element in a stream of tasks.
 *
 * @typeParam T What the task gives.
 * @typeParam E The element.
 */
export type StreamResult<T, E = unknown> =
  | { type: "ok"; value: T }
  | {
    type: "exit";
    /** Why the task exited. */
    reason: unknown;
    /** The element; only there with `zipInputOnExit`. */
    input?: E;
  };

const states = new WeakMap<AnyTask, TaskState>();

/**
 * A task: its process, its reference, and its owner, the process that started it and that alone
 * can await it.
 *
 * The owner is monitoring the task, and, unless it was started by `asyncNolink`, linked to it: if
 * one crashes, so does the other. The result goes to an alias of the owner: it never waits behind
 * other messages, and a late one is dropped. If nobody awaits when it comes, it is a message
 * `{ type: "reply", ref, value }`, followed by a DOWN, as in Elixir.
 *
 * @typeParam T What the task gives.
 * @typeParam P The type of its pid: `undefined` for one by `Task.completed`, which has no process.
 *
 * @example Usage
 * ```ts
 * import { Task } from "@otp/distribution/task";
 * import { self } from "@otp/distribution/process";
 * import { assert } from "@std/assert";
 *
 * const task = Task.async(() => "done");
 * assert(task.owner.equals(self()));
 * await Task.await(task);
 * ```
 */
export class Task<T = unknown, P extends Pid | undefined = Pid> {
  /** Never set: it keeps T. */
  declare readonly gives?: T;
  /** The task's process. */
  readonly pid: P;
  /** The reference of its monitor, and the alias of its result. */
  readonly ref: Ref;
  /** The process that may await it. */
  readonly owner: Pid;

  /** @ignore */
  constructor(pid: P, ref: Ref, owner: Pid) {
    this.pid = pid;
    this.ref = ref;
    this.owner = owner;
  }

  /** @ignore */
  static _of<T, P extends Pid | undefined = Pid>(
    pid: P,
    state: TaskState,
  ): Task<T, P> {
    const task = new Task<T, P>(pid, state.ref, state.owner.pid);
    states.set(task, state);
    return task;
  }

  /**
   * Starts a task that nobody awaits: it is neither linked to the caller nor monitored.
   *
   * Follows [Task.start/1](https://hexdocs.pm/elixir/1.18/Task.html#start/1). It is for side effects
   * whose success is of no interest: its crash is told to the log and to nobody else, and it is lost
   * with its node. A task by `TaskSupervisor.startChild` is given time to end when its node stops.
   *
   * @typeParam A The function's arguments.
   * @param fn What the task does.
   * @param args The function's arguments; they are copied.
   * @returns Its pid.
   * @throws {ProcessExited} If the calling process has exited.
   *
   * @example Usage
   * ```ts
   * import { receive, self, send } from "@otp/distribution/process";
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const parent = self();
   * Task.start(() => void send(parent, "done"));
   * assertEquals(await receive(), "done");
   * ```
   */
  static start<A extends unknown[]>(
    fn: (...args: A) => unknown,
    args?: A,
  ): Pid {
    return startTask(fn, args, false);
  }

  /**
   * Starts a task that nobody awaits, linked to the caller: as a child of a supervisor, for one.
   *
   * Follows [Task.start_link/1](https://hexdocs.pm/elixir/1.18/Task.html#start_link/1). If it crashes,
   * so does the caller, unless it traps exits, and the reverse. It does not wait: a supervisor goes on
   * with its next child while the task runs.
   *
   * @typeParam A The function's arguments.
   * @param fn What the task does.
   * @param args The function's arguments; they are copied.
   * @returns Its pid.
   * @throws {ProcessExited} If the calling process has exited.
   *
   * @example Usage
   * ```ts
   * import { exit, isExit, Process, receive } from "@otp/distribution/process";
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * Process.trapExit(true);
   * const pid = Task.startLink(() => exit("shutdown"));
   * assertEquals(await receive(isExit), { type: "EXIT", from: pid, reason: "shutdown" });
   * ```
   */
  static startLink<A extends unknown[]>(
    fn: (...args: A) => unknown,
    args?: A,
  ): Pid {
    return startTask(fn, args, true);
  }

  /**
   * A task as the child of a supervisor: `[Task, fn]`.
   *
   * Follows [Task.child_spec/1](https://hexdocs.pm/elixir/1.18/Task.html#child_spec/1): its id is
   * `"Task"`, and it is `"temporary"`, so that it is not started again. Several tasks of one supervisor
   * need ids of their own: `Supervisor.childSpec([Task, fn], { id: "warm up" })`.
   *
   * @param fn What the task does.
   * @returns The specification.
   * @throws {TypeError} If it is no function.
   *
   * @example Usage
   * ```ts
   * import { receive, self, send, Supervisor, Task } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const parent = self();
   * const sup = await Supervisor.startLink(
   *   [[Task, () => void send(parent, "warm")]],
   *   { strategy: "one_for_one" },
   * );
   * assertEquals(await receive(), "warm");
   * await Supervisor.stop(sup);
   * ```
   */
  static childSpec(fn: () => unknown): ChildSpec<() => Pid> {
    assertFunction(fn);
    return {
      id: "Task",
      start: () => Task.startLink(fn),
      restart: "temporary",
    };
  }

  /**
   * A task that is done already: it has a result, and no process.
   *
   * Follows [Task.completed/1](https://hexdocs.pm/elixir/1.18/Task.html#completed/1): for lists of
   * tasks of which some have nothing to do. It is awaited, yielded and shut down as any other.
   *
   * @typeParam T What the task gives.
   * @param value Its result; it is copied.
   * @returns The task; its `pid` is `undefined`.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const tasks = [Task.completed(1), Task.async(() => 2)];
   * assertEquals(await Task.awaitMany(tasks), [1, 2]);
   * ```
   */
  static completed<T>(value: T): Task<T, undefined> {
    return Task._of<T, undefined>(undefined, completedTask(value));
  }

  /**
   * Starts a task on this node, linked to the caller, to be awaited.
   *
   * Follows [Task.async/1](https://hexdocs.pm/elixir/1.18/Task.html#async/1). For a task under a
   * supervisor, here or on another node: `TaskSupervisor.async`.
   *
   * @typeParam A The function's arguments.
   * @typeParam T What it gives.
   * @param fn What the task does.
   * @param args The function's arguments; they are copied.
   * @returns The task.
   * @throws {ProcessExited} If the calling process has exited.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const tasks = [1, 2, 3].map((n) => Task.async(() => n * n));
   * assertEquals(await Promise.all(tasks.map((task) => Task.await(task))), [1, 4, 9]);
   * ```
   */
  static async<A extends unknown[], T>(
    fn: (...args: A) => T,
    args?: A,
  ): Task<Awaited<T>> {
    assertFunction(fn);
    checkArgs(args);
    const state = startAwaited(fn, args);
    return Task._of(state.by!, state);
  }

  /**
   * Waits for a task's result.
   *
   * Follows [Task.await/2](https://hexdocs.pm/elixir/1.18/Task.html#await/2). A task is awaited
   * once, by its owner: what has been taken, by this or by `receive`, does not come again. If the task
   * exits instead, so does the caller, unless it catches the rejection; a task on a node whose
   * connection is lost gives the reason `{ type: "nodedown", node }`.
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @param timeout Milliseconds to wait, or `Infinity`; 5000 if it is left out.
   * @returns What the task's function returned.
   * @throws {ExitError} If the task exits, or does not end in time (`"timeout"`; it runs on).
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   * @throws {TypeError} If the caller is not the task's owner.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Task.await(Task.async(() => "result"), 1000), "result");
   * ```
   */
  static async await<T>(task: AnyTask<T>, timeout = 5000): Promise<T> {
    const state = ownState(task, "await");
    if (state === undefined) return never();
    checkTimeout(timeout, "await a task");
    return await awaitTask(state, timeout) as T;
  }

  /**
   * Waits for the results of several tasks.
   *
   * Follows [Task.await_many/2](https://hexdocs.pm/elixir/1.18/Task.html#await_many/2). The time is
   * that of all of them. The first that exits, in the order in which results and exits come, ends the
   * wait, and so does the end of the time: the others are then no longer awaited, and run on unless
   * they are linked to a caller that exits. To have what is there in time: `Task.yieldMany`.
   *
   * @typeParam K The tasks.
   * @param tasks The tasks.
   * @param timeout Milliseconds to wait, or `Infinity`; 5000 if it is left out.
   * @returns What each of them gives, in the order of the tasks.
   * @throws {ExitError} If one exits, or not all end in time (`"timeout"`).
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   * @throws {TypeError} If the caller is not the owner of all.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const tasks = [Task.async(() => 1 + 1), Task.async(() => 2 + 3)];
   * assertEquals(await Task.awaitMany(tasks), [2, 5]);
   * ```
   */
  static async awaitMany<const K extends readonly AnyTask[]>(
    tasks: K,
    timeout = 5000,
  ): Promise<TaskValues<K>> {
    const all = ownStates(tasks, "await");
    if (all === undefined) return never();
    checkTimeout(timeout, "await tasks");
    return await awaitTasks(all, timeout) as TaskValues<K>;
  }

  /**
   * Waits for a task's result for some time; it can be asked again.
   *
   * Follows [Task.yield/2](https://hexdocs.pm/elixir/1.18/Task.html#yield/2).
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @param timeout Milliseconds to wait, or `Infinity`; 5000 if it is left out.
   * @returns The result, or the reason that the task exited with, or `undefined` if it still runs.
   * @throws {ExitError} If the connection to its node is lost.
   * @throws {TypeError} If the caller is not the task's owner.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { Process } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const task = Task.async(() => Process.sleep(20));
   * assertEquals(await Task.yield(task, 1), undefined);
   * assertEquals(await Task.yield(task), { type: "ok", value: "ok" });
   * ```
   */
  static async yield<T>(
    task: AnyTask<T>,
    timeout = 5000,
  ): Promise<TaskResult<T> | undefined> {
    const state = ownState(task, "yield");
    if (state === undefined) return never();
    checkTimeout(timeout, "yield to a task");
    return await yieldTask(state, timeout) as TaskResult<T> | undefined;
  }

  /**
   * Waits for the results of several tasks for some time.
   *
   * Follows [Task.yield_many/2](https://hexdocs.pm/elixir/1.18/Task.html#yield_many/2). It gives what
   * has come when all have ended, when `limit` of them have, or when the time is over; only then
   * `onTimeout` says what becomes of those that still run.
   *
   * @typeParam K The tasks.
   * @param tasks The tasks.
   * @param options Milliseconds to wait, or how long, for how many, and what then.
   * @returns Each task with its result, as `Task.yield` gives it, in the order of the tasks.
   * @throws {ExitError} If the connection to the node of one is lost.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If the caller is not the owner of all.
   *
   * @example Only what is there in time
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const tasks = [Task.async(() => "fast"), Task.async(() => Process.sleep(60_000))];
   * const results = await Task.yieldMany(tasks, { timeout: 20, onTimeout: "kill_task" });
   * assertEquals(results.map(([_task, result]) => result), [{ type: "ok", value: "fast" }, undefined]);
   * ```
   */
  static async yieldMany<const K extends readonly AnyTask[]>(
    tasks: K,
    options: number | YieldManyOptions = {},
  ): Promise<TaskYields<K>> {
    const all = ownStates(tasks, "yield to");
    if (all === undefined) return never();
    const outcomes = await yieldTasks(all, yieldOptions(options));
    return tasks.map((task, i) => [task, outcomes[i]]) as TaskYields<K>;
  }

  /**
   * Ends a task and waits for its end; a result that came before is not lost.
   *
   * Follows [Task.shutdown/2](https://hexdocs.pm/elixir/1.18/Task.html#shutdown/2): the link is
   * taken away, the task is sent an exit signal `"shutdown"`, and killed if it takes longer. It has
   * ended when this is done, and can no longer be awaited. A task of which nothing more can come, as it
   * was awaited before, gives the exit `"noproc"`.
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @param timeout Milliseconds until it is killed, `Infinity`, or `"brutal_kill"` for at once;
   *   5000 if it is left out.
   * @returns The result, or the reason if it exited otherwise than it was told to, or `undefined`; if it
   *   did not do as it was told and was killed, that is `"killed"`.
   * @throws {ExitError} If the connection to its node is lost.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   * @throws {TypeError} If the caller is not the task's owner.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { Process } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const task = Task.async(() => Process.sleep(60_000));
   * assertEquals(await Task.shutdown(task), undefined);
   * ```
   */
  static async shutdown<T>(
    task: AnyTask<T>,
    timeout: number | "brutal_kill" = 5000,
  ): Promise<TaskResult<T> | undefined> {
    const state = ownState(task, "shutdown");
    if (state === undefined) return never();
    if (timeout !== "brutal_kill") checkTimeout(timeout, "shut a task down");
    return await shutdownTask(state, timeout) as TaskResult<T> | undefined;
  }

  /**
   * Lets a task run on without its owner: no link, no monitor, and its result is dropped.
   *
   * Follows [Task.ignore/1](https://hexdocs.pm/elixir/1.18/Task.html#ignore/1).
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @returns The result or exit, if it had come already; else `undefined`.
   * @throws {ExitError} If the connection to its node is lost.
   * @throws {TypeError} If the caller is not the task's owner.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Task.ignore(Task.async(() => 1)), undefined);
   * ```
   */
  static ignore<T>(task: AnyTask<T>): TaskResult<T> | undefined {
    currentProcess();
    const state = ownState(task, "ignore")!;
    return ignoreTask(state) as TaskResult<T> | undefined;
  }

  /**
   * Runs a function on each element of an enumerable, each in a task of its own, so many at a time.
   *
   * Follows [Task.async_stream/3](https://hexdocs.pm/elixir/1.18/Task.html#async_stream/3). Nothing runs
   * before the stream is iterated over, and each iteration runs all anew. Elements are taken while fewer
   * than `maxConcurrency` tasks run; the next one when the result of a task has been taken, so that an
   * endless source is no problem. The source is asked by the process that iterates: while that waits for
   * a slow source, results wait too.
   *
   * The tasks are linked to a process between them and the process that iterates, and it to that one. So
   * if a task exits, so does the process that iterates, unless it traps exits: then it gets
   * `{ type: "exit", reason }` for the element. And if it exits, so do the tasks. Leaving the loop, by
   * `break` or a throw, kills the tasks that run, waits for their end, and closes the source. For tasks
   * that do not take their owner along: `TaskSupervisor.asyncStreamNolink`.
   *
   * @typeParam E The elements.
   * @typeParam T What the function gives.
   * @typeParam A What it gets besides the element.
   * @param enumerable The elements: of any iterable, or async iterable. They are copied to the tasks.
   * @param fn What is run on each; it gets the element, and then `args`.
   * @param options How many at a time, how long, in which order.
   * @returns The results; iterating over them exits, with `{ type: "call", reason: "timeout", … }`, when
   *   a task takes longer than `timeout`.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If it is no enumerable, or no function.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const words = ["long string", "longer string", "there are many of these"];
   * let sum = 0;
   * for await (const result of Task.asyncStream(words, (word) => word.length)) {
   *   if (result.type === "ok") sum += result.value;
   * }
   * assertEquals(sum, 47);
   * ```
   *
   * @example The first two to be done
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const done: unknown[] = [];
   * const options = { ordered: false, maxConcurrency: 3 };
   * for await (const result of Task.asyncStream([60_000, 20, 0], sleepFor, options)) {
   *   if (result.type === "ok") done.push(result.value);
   *   if (done.length === 2) break;
   * }
   * assertEquals(done, [0, 20]);
   *
   * async function sleepFor(ms: number): Promise<number> {
   *   await Process.sleep(ms);
   *   return ms;
   * }
   * ```
   */
  static asyncStream<E, T, A extends unknown[]>(
    enumerable: Iterable<E> | AsyncIterable<E>,
    fn: RemoteFunction<[element: E, ...args: A], T>,
    options: AsyncStreamOptions<A> = {},
  ): AsyncIterable<StreamResult<Awaited<T>, E>> {
    if (Array.isArray(fn)) checkName(fn);
    else assertFunction(fn);
    checkOptions(options, "make a stream by Task.asyncStream");
    const { args = [], ...rest } = options;
    checkArgs(args);
    return new TaskStream(
      enumerable,
      localStarter(fn, args),
      streamLimits("Task.asyncStream", rest),
    ) as AsyncIterable<StreamResult<Awaited<T>, E>>;
  }
}

function startTask(
  // deno-lint-ignore no-explicit-any
  fn: (...args: any[]) => unknown,
  args: unknown[] | undefined,
  link: boolean,
): Pid {
  assertFunction(fn);
  checkArgs(args);
  return startUnawaited(fn, args, link);
}

/** The states of tasks that the calling process owns; nothing if that process has exited. */
function ownStates(
  tasks: readonly AnyTask[],
  fn: string,
): TaskState[] | undefined {
  if (waitingProcess() === undefined) return undefined;
  checkList(tasks, `${fn} the tasks`);
  return tasks.map((task) => ownState(task, fn)!);
}

/** The state of a task that the calling process owns; nothing if that process has exited. */
function ownState(task: AnyTask, fn: string): TaskState | undefined {
  const process = waitingProcess();
  if (process === undefined) return undefined;
  const state = states.get(task);
  if (!(task instanceof Task)) {
    throw new TypeError(
      `Cannot ${fn} the task ${inspect(task)}: give a task${
        task as unknown instanceof Promise
          ? "; await the start of it"
          : ", such as Task.async returns"
      }`,
    );
  }
  if (
    state === undefined || !task.owner.equals(process.pid) &&
      !task.owner.equals(process.standsFor?.pid)
  ) {
    const which = task.pid ?? "that is completed";
    throw new TypeError(
      `Cannot ${fn} the task ${which}: its owner is ${task.owner}, and the caller is ${process.pid}; only the process that started a task can ${fn} it`,
    );
  }
  return state;
}

const ON_TIMEOUT: readonly unknown[] = ["nothing", "ignore", "kill_task"];

function yieldOptions(
  options: number | YieldManyOptions,
): Required<YieldManyOptions> {
  if (typeof options === "object") checkOptions(options, "yield to tasks");
  const { timeout = 5000, limit = Infinity, onTimeout = "nothing" } =
    typeof options === "object" ? options : { timeout: options };
  checkTimeout(timeout, "yield to tasks");
  checkCount(limit, "yield to tasks", "the limit");
  if (!ON_TIMEOUT.includes(onTimeout)) {
    throw new TypeError(
      `Cannot yield to tasks: onTimeout is ${
        inspect(onTimeout)
      }; give "nothing", "ignore" or "kill_task"`,
    );
  }
  return { timeout, limit, onTimeout };
}
