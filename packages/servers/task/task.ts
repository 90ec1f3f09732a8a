/**
 * Tasks: processes that run one function and return its result.
 *
 * Each function follows the function of the same name in Elixir's
 * [Task](https://hexdocs.pm/elixir/1.18/Task.html): `awaitMany` is `await_many`.
 *
 * @module
 */

import type { ChildSpec } from "../server/child_spec.ts";
import { timeoutOf } from "../server/call.ts";
import { callExit, describeFunction } from "../server/server_ref.ts";
import {
  CANCEL_OPTIONS,
  type CancelOptions,
  isOver,
  TIME_LIMITS,
} from "../server/cancellation.ts";
import {
  awaitTask,
  awaitTasks,
  ignoreTask,
  shutdownTask,
  type WaitLimits,
  type YieldLimits,
  yieldTask,
  yieldTasks,
} from "./await_task.ts";
import {
  completedTask,
  localStarter,
  startAwaited,
  startUnawaited,
} from "./task_process.ts";
import { HiddenState, type TaskState, withState } from "./task_state.ts";
import { STREAM_OPTIONS, streamLimits, TaskStream } from "./task_stream.ts";
import {
  checkArgs,
  checkList,
  checkOptions,
  checkValue,
  countFrom,
  oneOf,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import { inspect } from "@otp/processes/values/inspect";
import {
  assertFunction,
  checkName,
  type RemoteFunction,
} from "@otp/processes/remote/exported_modules";
import type { Pid, Ref } from "@otp/processes/values/pid";
import type { OptionChecks } from "@otp/processes/values/options";

export type { ModuleFunction } from "@otp/processes/remote/exported_modules";
export type { Atom } from "@otp/processes/values/atom";
export type { Pid, Ref } from "@otp/processes/values/pid";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
} from "../server/child_spec.ts";

export type { CancelOptions, ChildSpec, RemoteFunction };

/** A task's result, or its exit reason. */
export type TaskResult<T> =
  | { type: "ok"; value: T }
  | { type: "exit"; reason: unknown };

/** Any task, including one made by `Task.completed`, which has no process. */
export type AnyTask<T = unknown> = Task<T, Pid | undefined>;

/** The type that awaiting a task resolves with. */
export type TaskValue<K> = K extends AnyTask<infer T> ? T : never;

/** The result of {@linkcode Task.awaitMany}: the value of each task, in the order of the tasks. */
export type TaskValues<K extends readonly AnyTask[]> = {
  -readonly [I in keyof K]: TaskValue<K[I]>;
};

/** The result of {@linkcode Task.yieldMany}: each task, with its result if it has finished. */
export type TaskYields<K extends readonly AnyTask[]> = {
  -readonly [I in keyof K]: [
    task: K[I],
    result: TaskResult<TaskValue<K[I]>> | undefined,
  ];
};

/**
 * Options for {@linkcode Task.async}. A value of the wrong type throws a `TypeError`, and a deadline of `NaN` a
 * `RangeError`.
 */
export interface AsyncOptions {
  /**
   * Ends the task when it is aborted. The task is unlinked from its owner and receives an exit signal `"shutdown"`, as
   * by `Task.shutdown`; so do the processes that are linked to it. If it traps exits and takes longer than 5 s, it is
   * killed. A wait for the task rejects with `signal.reason`: a pending wait at once, else the next one. The signal does
   * not affect a task that has ended, or a task whose owner has exited.
   *
   * @default {undefined}
   */
  signal?: AbortSignal;
  /**
   * The moment that ends the task as the signal does, in milliseconds since 1970, like `Date.now()`. A wait for the task
   * then ends as if by its timeout: `Task.await` exits with `"timeout"`, and `Task.yield` returns
   * `{ type: "exit", reason: "timeout" }`.
   *
   * @default {Infinity}
   */
  deadline?: number;
}

/**
 * Options for {@linkcode Task.await}, {@linkcode Task.awaitMany} and {@linkcode Task.yield}. They end the wait, and the
 * task continues to run: after `Task.await` and `Task.awaitMany` it can no longer be awaited, after `Task.yield` it can.
 * To end the task, use {@linkcode AsyncOptions}.
 *
 * A timeout of the wrong type throws a `TypeError`, one that is negative or `NaN` a `RangeError`, also if the number is
 * given in place of the options.
 */
export interface AwaitOptions extends CancelOptions {
  /**
   * How long to wait, in milliseconds, or `Infinity`.
   *
   * @default {5000}
   */
  timeout?: number;
}

/** Options for {@linkcode Task.yieldMany}. They end the wait, as {@linkcode AwaitOptions} do for `Task.yield`. */
export interface YieldManyOptions extends AwaitOptions {
  /**
   * How many results to wait for. If they arrive in time, `onTimeout` does not apply.
   *
   * @default {the number of tasks}
   */
  limit?: number;
  /**
   * How to treat tasks that have no result when the timeout expires: `"nothing"` leaves them running, and
   * they can still be awaited; `"ignore"` ignores them like `Task.ignore`; `"kill_task"` kills them like
   * `Task.shutdown` with `"brutal_kill"`.
   *
   * @default {"nothing"}
   */
  onTimeout?: "nothing" | "ignore" | "kill_task";
}

const YIELD_MANY_OPTIONS: OptionChecks<YieldManyOptions> = {
  ...TIME_LIMITS,
  limit: countFrom(0),
  onTimeout: oneOf("nothing", "ignore", "kill_task"),
};

/** Options for {@linkcode Task.asyncStream}. */
export interface AsyncStreamOptions<A extends unknown[] = unknown[]> {
  /**
   * The arguments of the function that follow the element.
   *
   * @default {[]}
   */
  args?: [...A];
  /**
   * The maximum number of tasks that run at a time.
   *
   * @default {the number of processors}
   */
  maxConcurrency?: number;
  /**
   * Whether results are returned in the order of the elements. If so, earlier results of later elements wait.
   *
   * @default {true}
   */
  ordered?: boolean;
  /**
   * The time limit for each task in milliseconds, or `Infinity`.
   *
   * @default {5000}
   */
  timeout?: number;
  /**
   * How to react when a task exceeds its time limit: the iterating process exits, or the task is killed and
   * its result is `{ type: "exit", reason: "timeout" }`.
   *
   * @default {"exit"}
   */
  onTimeout?: "exit" | "kill_task";
  /**
   * Whether the result of a task that exits contains its element, as `input`.
   *
   * @default {false}
   */
  zipInputOnExit?: boolean;
  /**
   * Ends the stream when it is aborted: its tasks are killed at once, and the iteration rejects with `signal.reason`,
   * even if some results were not consumed yet. It does not wait for a slow source.
   *
   * @default {undefined}
   */
  signal?: AbortSignal;
  /**
   * The moment that ends the stream as the signal does, in milliseconds since 1970, like `Date.now()`; the iteration
   * exits as if a task had exceeded its `timeout`, which applies as well.
   *
   * @default {Infinity}
   */
  deadline?: number;
}

/** The result for one element in a stream of tasks. */
export type StreamResult<T, E = unknown> =
  | { type: "ok"; value: T }
  | {
    type: "exit";
    /** The exit reason of the task. */
    reason: unknown;
    /** The element; only present with `zipInputOnExit`. */
    input?: E;
  };

// The key of a property that only types have: completion does not show it.
/** @ignore */
declare const gives: unique symbol;

/**
 * A task: its process, its reference, and its owner. The owner is the process that started the task; only the owner can
 * await it, yield to it, shut it down or ignore it: these functions throw a `TypeError` in other processes. If the
 * connection to the node of a task is lost, they throw an `ExitError` with the reason `{ type: "nodedown", node }`.
 *
 * The owner monitors the task, and is linked to it unless it was started by `asyncNolink`: if one crashes, so
 * does the other. The result is sent to an alias of the owner: it never waits behind other messages, and a
 * late one is dropped. If the owner is not awaiting the task when the result arrives, the result is a message
 * `{ type: "reply", ref, value }`, followed by a DOWN, as in Elixir.
 *
 * @example Usage
 * ```ts
 * import { self, Task } from "@otp/distribution";
 * import { assert } from "@std/assert";
 *
 * const task = Task.async(() => "done");
 * assert(task.owner.equals(self()));
 * await Task.await(task);
 * ```
 */
export class Task<T = unknown, P extends Pid | undefined = Pid> {
  /** Never set: it keeps T in declarations. */
  declare readonly [gives]?: T;
  /** The task's process; `undefined` for a task made by `Task.completed`. */
  readonly pid: P;
  /** The reference of its monitor, which is also the alias for its result. */
  readonly ref: Ref;
  /** The process that can await it. */
  readonly owner: Pid;

  /** @ignore */
  constructor(pid: P, ref: Ref, owner: Pid) {
    this.pid = pid;
    this.ref = ref;
    this.owner = owner;
  }

  /**
   * Starts a task that is not awaited, without a link or monitor.
   *
   * Use it for side effects whose success does not matter: a crash is only logged, and the task is lost when its
   * node stops. A task started by `TaskSupervisor.startChild` has time to finish when its node stops.
   *
   * @param args The function's arguments; they are copied.
   * @throws {ProcessExited} If the calling process has exited.
   *
   * @example Usage
   * ```ts
   * import { receive, self, send, Task } from "@otp/distribution";
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
    return startUnawaited(fn, args, false);
  }

  /**
   * Starts a task that is not awaited, linked to the caller, for example as a child of a supervisor.
   *
   * If the task crashes, so does the caller, unless it traps exits, and vice versa. The caller does not wait for the
   * task: a supervisor starts its next child while the task runs.
   *
   * @param args The function's arguments; they are copied.
   * @throws {ProcessExited} If the calling process has exited.
   *
   * @example Usage
   * ```ts
   * import { exit, isExit, Process, receive, Task } from "@otp/distribution";
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
    return startUnawaited(fn, args, true);
  }

  /**
   * Returns the child specification of a task; `[Task, fn]` is a shorthand.
   *
   * Its id is `"Task"`, and it is `"temporary"`, so it is not restarted. Several tasks under one supervisor need
   * different ids: `Supervisor.childSpec([Task, fn], { id: "warm up" })`.
   *
   * @throws {TypeError} If `fn` is not a function.
   *
   * @example Usage
   * ```ts
   * import { receive, self, send, Supervisor, Task } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const parent = self();
   * await Supervisor.startLink(
   *   [[Task, () => void send(parent, "warm")]],
   *   { strategy: "one_for_one" },
   * );
   * assertEquals(await receive(), "warm");
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
   * Returns a task that has already finished: it has a result, and no process.
   *
   * Use it in lists of tasks in which some results are already known. It can be awaited, yielded and shut down like
   * any other task.
   *
   * @param value The result; it is copied.
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
    const state = completedTask(value);
    return withState(
      new Task<T, undefined>(undefined, state.ref, state.pid),
      state,
    );
  }

  /**
   * Starts a task on this node, linked to the caller, to be awaited.
   *
   * To start a task under a supervisor, on this node or another, use `TaskSupervisor.async`.
   *
   * @param args The function's arguments; they are copied.
   * @throws {ProcessExited} If the calling process has exited.
   * @throws {ExitError} If the deadline has passed (`"timeout"`). Then, and if the signal is aborted already, which
   *   throws its reason, no task is started.
   *
   * @example End a task with an AbortSignal
   * ```ts
   * import { Process, Task } from "@otp/distribution";
   * import { assertRejects } from "@std/assert";
   *
   * const gone = new AbortController();
   * const task = Task.async(() => Process.sleep(60_000), [], { signal: gone.signal });
   * gone.abort(new Error("the client is gone"));
   * await assertRejects(() => Task.await(task), Error, "the client is gone");
   * ```
   */
  static async<A extends unknown[], T>(
    fn: (...args: A) => T,
    args?: A,
    options?: AsyncOptions,
  ): Task<Awaited<T>> {
    assertFunction(fn);
    checkArgs(args);
    if (options !== undefined) checkAsync(fn, args, options);
    const state = startAwaited(fn, args, options);
    return withState(new Task(state.by!, state.ref, state.pid), state);
  }

  /**
   * Waits for a task's result.
   *
   * A task can be awaited only once, by its owner: a result that `await` or `receive` has taken does not arrive
   * again. If the task exits instead, so does the caller, unless it catches the rejection.
   *
   * @param options The timeout in milliseconds, 5000 by default, or {@linkcode AwaitOptions}.
   * @throws {ExitError} If the task exits, or does not finish in time (`"timeout"`; it continues to run).
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await Task.await(Task.async(() => "result"), 1000), "result");
   * ```
   */
  static await<T>(
    task: AnyTask<T>,
    options: number | AwaitOptions = 5000,
  ): Promise<T> {
    try {
      const state = ownState(task, "await");
      if (state === undefined) return never();
      const limits = limitsIn(options, "await a task");
      return awaitTask(state, limits) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Waits for the results of several tasks.
   *
   * The timeout applies to all tasks together. The wait ends when all have finished, when one exits, or when the
   * timeout expires. After an exit or a timeout, the other tasks can no longer be awaited, and continue to run
   * unless they are linked to a caller that exits. To get the results that arrive in time, use `Task.yieldMany`.
   *
   * @param options The timeout in milliseconds, 5000 by default, or {@linkcode AwaitOptions}.
   * @returns The result of each task, in the order of the tasks.
   * @throws {ExitError} If one exits, or not all finish in time (`"timeout"`).
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
    options: number | AwaitOptions = 5000,
  ): Promise<TaskValues<K>> {
    const all = ownStates(tasks, "await");
    if (all === undefined) return never();
    const limits = limitsIn(options, "await tasks");
    return await awaitTasks(all, limits) as TaskValues<K>;
  }

  /**
   * Waits for a task's result for a limited time; it can be called again.
   *
   * @param options The timeout in milliseconds, 5000 by default, or {@linkcode AwaitOptions}.
   * @returns The result, or the task's exit reason, or `undefined` if the task is still running.
   *
   * @example Usage
   * ```ts
   * import { receive, send, Task } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const task = Task.async(() => receive<string>());
   * assertEquals(await Task.yield(task, 1), undefined);
   * send(task.pid, "go on");
   * assertEquals(await Task.yield(task, Infinity), { type: "ok", value: "go on" });
   * ```
   */
  static async yield<T>(
    task: AnyTask<T>,
    options: number | AwaitOptions = 5000,
  ): Promise<TaskResult<T> | undefined> {
    const state = ownState(task, "yield");
    if (state === undefined) return never();
    const limits = limitsIn(options, "yield to a task");
    const outcome = await yieldTask(state, limits);
    return outcome as TaskResult<T> | undefined;
  }

  /**
   * Waits for the results of several tasks for a limited time.
   *
   * Returns when all tasks have finished, when `limit` of them have, or when the timeout expires. Only after the
   * timeout does `onTimeout` apply to the tasks that are still running.
   *
   * @param options The timeout in milliseconds, or {@linkcode YieldManyOptions}.
   * @returns Each task with its result, as returned by `Task.yield`, in the order of the tasks.
   * @throws {RangeError} If an option is out of bounds.
   *
   * @example Use only the results that arrive in time
   * ```ts
   * import { Process, Task } from "@otp/distribution";
   * import { assertEquals } from "@std/assert";
   *
   * const tasks = [Task.completed("fast"), Task.async(() => Process.sleep(60_000))];
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
   * Ends a task and waits until it has exited; a result that arrived earlier is returned.
   *
   * The task is unlinked, receives an exit signal `"shutdown"`, and is killed if it takes longer than the timeout.
   * When the promise resolves, the task has exited, and can no longer be awaited. The result for a task that was
   * already awaited is the exit `"noproc"`.
   *
   * @param timeout Milliseconds until the task is killed, `Infinity`, or `"brutal_kill"` to kill it at once;
   *   5000 by default.
   * @returns The result; the exit reason, if the task exited with a reason other than the requested one, or
   *   `"killed"` if it did not exit in time and was killed; otherwise `undefined`.
   * @throws {TypeError} If the timeout is not a number.
   * @throws {RangeError} If the timeout is negative or `NaN`.
   *
   * @example Usage
   * ```ts
   * import { Process, Task } from "@otp/distribution";
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
    if (timeout !== "brutal_kill") {
      checkValue(timeout, "shut a task down", "the timeout", TIMEOUT);
    }
    return await shutdownTask(state, timeout) as TaskResult<T> | undefined;
  }

  /**
   * Ignores a task: it continues to run without a link or monitor, and its result is dropped.
   *
   * @returns The result or exit, if it has already arrived; otherwise `undefined`.
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
   * Runs a function on each element of an iterable, each in a task of its own, with limited concurrency.
   *
   * The stream is lazy, and each iteration runs all tasks again. Elements are taken while fewer than
   * `maxConcurrency` tasks run; after that, one element is taken each time a result is consumed, so the source can
   * be endless. The iterating process reads the source: while it waits for a slow source, results wait as well.
   *
   * The tasks are linked to an intermediate process, which is linked to the iterating process. If a task
   * exits, so does the iterating process, unless it traps exits: then the result for the element is
   * `{ type: "exit", reason }`. If the iterating process exits, so do the tasks. Leaving the loop, by `break`
   * or an error, kills the running tasks, waits until they have exited, and closes the source. If a task's
   * exit must not end the iterating process, use `TaskSupervisor.asyncStreamNolink`.
   *
   * @param enumerable The elements: an iterable or async iterable. They are copied to the tasks.
   * @returns The results. Iterating over them exits with `{ type: "call", reason: "timeout", … }` if a task
   *   exceeds `timeout`.
   * @throws {RangeError} If an option is out of bounds.
   * @throws {TypeError} If `enumerable` is not iterable or `fn` is not a function.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { assertEquals } from "@std/assert";
   *
   * const words = ["gather", "the", "lengths"];
   * let sum = 0;
   * for await (const result of Task.asyncStream(words, (word) => word.length)) {
   *   if (result.type === "ok") sum += result.value;
   * }
   * assertEquals(sum, 16);
   * ```
   */
  static asyncStream<E, T, A extends unknown[]>(
    enumerable: Iterable<E> | AsyncIterable<E>,
    fn: RemoteFunction<[element: E, ...args: A], T>,
    options: AsyncStreamOptions<A> = {},
  ): AsyncIterable<StreamResult<Awaited<T>, E>> {
    if (Array.isArray(fn)) checkName(fn);
    else assertFunction(fn);
    checkOptions(options, "make a stream by Task.asyncStream", STREAM_OPTIONS);
    return new TaskStream(
      enumerable,
      localStarter(fn, options.args ?? []),
      streamLimits(options),
    ) as AsyncIterable<StreamResult<Awaited<T>, E>>;
  }
}

/** Returns the states of tasks that the calling process owns; `undefined` if that process has exited. */
function ownStates(
  tasks: readonly AnyTask[],
  fn: string,
): TaskState[] | undefined {
  if (waitingProcess() === undefined) return undefined;
  checkList(tasks, `${fn} the tasks`);
  return tasks.map((task) => ownState(task, fn)!);
}

/** Returns the state of a task that the calling process owns; `undefined` if that process has exited. */
function ownState(task: AnyTask, fn: string): TaskState | undefined {
  const process = waitingProcess();
  if (process === undefined) return undefined;
  if (!(task instanceof Task)) {
    throw new TypeError(
      `Cannot ${fn} the task ${inspect(task)}: give a task${
        task as unknown instanceof Promise
          ? "; await the start of it"
          : ", such as Task.async returns"
      }`,
    );
  }
  const state = HiddenState.of(task);
  if (state?.process === process) return state;
  if (
    state === undefined || !task.owner.equals(process.pid) &&
      !task.owner.equals(process.cold?.standsFor?.pid)
  ) {
    const which = task.pid ?? "that is completed";
    throw new TypeError(
      `Cannot ${fn} the task ${which}: its owner is ${task.owner}, and the caller is ${process.pid}; only the process that started a task can ${fn} it`,
    );
  }
  return state;
}

function yieldOptions(options: number | YieldManyOptions): YieldLimits {
  const given: YieldManyOptions = typeof options === "object"
    ? options
    : { timeout: options };
  const timeout = timeoutOf(given, 5000, "yield to tasks", YIELD_MANY_OPTIONS);
  const { limit = Infinity, onTimeout = "nothing", signal } = given;
  return { timeout, limit, onTimeout, signal };
}

/** Checks the limits of a wait: the timeout as a number, or options. */
function limitsIn(options: number | AwaitOptions, doing: string): WaitLimits {
  if (typeof options === "object") {
    const timeout = timeoutOf(options, 5000, doing, TIME_LIMITS);
    return { timeout, signal: options.signal };
  }
  checkValue(options, doing, "the timeout", TIMEOUT);
  return { timeout: options };
}

function checkAsync(
  // deno-lint-ignore no-explicit-any
  fn: (...args: any[]) => unknown,
  args: unknown[] = [],
  options: AsyncOptions,
): void {
  checkOptions(options, "start a task", CANCEL_OPTIONS, "{ signal }");
  options.signal?.throwIfAborted();
  if (!isOver(options.deadline)) return;
  throw callExit("timeout", ["Task", "async", [describeFunction(fn), args]]);
}
