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

import {
  runTask,
  taskExit,
  type TaskOutcome,
  TaskState,
} from "./protocol/task.ts";
import { currentProcess, never, waitingProcess } from "./runtime/current.ts";
import { assertFunction } from "./runtime/modules.ts";
import type { Pid, Ref } from "./runtime/pid.ts";
import type { Process } from "./runtime/process.ts";
import { isReason } from "./runtime/reason.ts";
import { copyTerm } from "./runtime/term.ts";

/** A task's result, or the reason that it exited with. */
export type TaskResult<T> =
  | { type: "ok"; value: T }
  | { type: "exit"; reason: unknown };

const states = new WeakMap<Task<unknown>, TaskState>();

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
export class Task<T = unknown> {
  /** Never set: it keeps T. */
  declare readonly gives?: T;
  /** The task's process. */
  readonly pid: Pid;
  /** The reference of its monitor, and the alias of its result. */
  readonly ref: Ref;
  /** Who may await it. */
  readonly owner: Pid;

  /** @ignore */
  constructor(pid: Pid, ref: Ref, owner: Pid) {
    this.pid = pid;
    this.ref = ref;
    this.owner = owner;
  }

  /** @ignore */
  static _of<T>(pid: Pid, state: TaskState, owner: Process): Task<T> {
    const task = new Task<T>(pid, state.ref, owner.pid);
    states.set(task, state);
    return task;
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
    const owner = currentProcess();
    const { runtime } = owner;
    const state = new TaskState(owner, runtime.node, runtime.makeRef());
    const copy =
      (args === undefined ? [] : copyTerm(args, runtime.maxDepth)) as A;
    const process: Process = runtime.spawn(
      () => runTask(process, () => fn(...copy), state.ref),
      {
        label: fn.name,
        parent: owner.pid,
        groupLeader: owner.groupLeader,
        callers: [owner.pid, ...owner.callers ?? []],
        linkParent: owner,
        monitor: { pid: owner.pid, ref: state.ref },
      },
    );
    state.open();
    owner.addMonitor(state.ref, process.pid, runtime.node);
    return Task._of(process.pid, state, owner);
  }

  /**
   * Waits for a task's result.
   *
   * Follows [Task.await/2](https://hexdocs.pm/elixir/1.18/Task.html#await/2). A task is awaited
   * once, by its owner. If it exits instead, so does the caller, unless it catches the rejection; a
   * task on a node whose connection is lost gives the reason `{ type: "nodedown", node }`.
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @param timeout Milliseconds to wait, or `Infinity`; 5000 if it is left out.
   * @returns What the task's function returned.
   * @throws {ExitError} If the task exits, or does not end in time (`"timeout"`; it runs on).
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
  static async await<T>(task: Task<T>, timeout = 5000): Promise<T> {
    const state = ownState(task, "await");
    if (state === undefined) return never();
    const outcome = await state.wait(timeout);
    if (outcome?.type === "ok") return outcome.value as T;
    if (outcome === undefined) state.close();
    throw taskExit(
      outcome === undefined ? "timeout" : state.reasonOf(outcome.reason),
      "await",
      describe(task, timeout),
    );
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
   * import { sleep } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const task = Task.async(() => sleep(20));
   * assertEquals(await Task.yield(task, 1), undefined);
   * assertEquals(await Task.yield(task), { type: "ok", value: "ok" });
   * ```
   */
  static async yield<T>(
    task: Task<T>,
    timeout = 5000,
  ): Promise<TaskResult<T> | undefined> {
    const state = ownState(task, "yield");
    if (state === undefined) return never();
    const outcome = await state.wait(timeout);
    return checked<T>(outcome, state, () => ["yield", describe(task, timeout)]);
  }

  /**
   * Ends a task and waits for its end; a result that came before is not lost.
   *
   * Follows [Task.shutdown/2](https://hexdocs.pm/elixir/1.18/Task.html#shutdown/2): the link is
   * taken away, the task is sent an exit signal `"shutdown"`, and killed if it takes longer.
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @param timeout Milliseconds until it is killed, `Infinity`, or `"brutal_kill"` for at once;
   *   5000 if it is left out.
   * @returns The result, or the reason if it exited otherwise than it was told to, or `undefined`.
   * @throws {ExitError} If the connection to its node is lost.
   * @throws {TypeError} If the caller is not the task's owner.
   *
   * @example Usage
   * ```ts
   * import { Task } from "@otp/distribution/task";
   * import { sleep } from "@otp/distribution/process";
   * import { assertEquals } from "@std/assert";
   *
   * const task = Task.async(() => sleep(60_000));
   * assertEquals(await Task.shutdown(task), undefined);
   * ```
   */
  static async shutdown<T>(
    task: Task<T>,
    timeout: number | "brutal_kill" = 5000,
  ): Promise<TaskResult<T> | undefined> {
    const state = ownState(task, "shutdown");
    if (state === undefined) return never();
    const process = currentProcess();
    const early = state.claim();
    process.unlink(task.pid);
    const signals = process.runtime.route(task.pid.node);
    let outcome = early;
    if (early === undefined) {
      const isBrutal = timeout === "brutal_kill";
      signals.exit(process.pid, task.pid, isBrutal ? "kill" : "shutdown");
      outcome = await state.wait(isBrutal ? Infinity : timeout);
      if (outcome === undefined) {
        signals.exit(process.pid, task.pid, "kill");
        outcome = await state.wait(Infinity);
        if (isExit(outcome, "killed")) return undefined;
      }
      if (isExit(outcome, isBrutal ? "killed" : "shutdown")) return undefined;
    }
    if (isExit(outcome, "noproc")) return undefined;
    return checked<T>(outcome, state, () => [
      "shutdown",
      describe(task, timeout),
    ]);
  }

  /**
   * Lets a task run on without its owner: no link, no monitor, and its result is dropped.
   *
   * Follows [Task.ignore/1](https://hexdocs.pm/elixir/1.18/Task.html#ignore/1).
   *
   * @typeParam T What the task gives.
   * @param task The task.
   * @returns The result or exit, if it had come already; else `undefined`.
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
  static ignore<T>(task: Task<T>): TaskResult<T> | undefined {
    const process = currentProcess();
    const state = ownState(task, "ignore")!;
    process.unlink(task.pid);
    const outcome = state.claim();
    state.close();
    return checked<T>(outcome, state, () => ["ignore", [brief(task)]]);
  }
}

/** The state of a task that the calling process owns; nothing if that process has exited. */
function ownState(task: Task<unknown>, fn: string): TaskState | undefined {
  const process = waitingProcess();
  if (process === undefined) return undefined;
  const state = states.get(task);
  if (state === undefined || !task.owner.equals(process.pid)) {
    throw new TypeError(
      `Cannot ${fn} the task ${task.pid}: its owner is ${task.owner}, and the caller is ${process.pid}; only the process that started a task can ${fn} it`,
    );
  }
  return state;
}

function isExit(outcome: TaskOutcome | undefined, reason: string): boolean {
  return outcome?.type === "exit" && isReason(outcome.reason, reason);
}

function checked<T>(
  outcome: TaskOutcome | undefined,
  state: TaskState,
  call: () => [string, unknown[]],
): TaskResult<T> | undefined {
  if (isExit(outcome, "noconnection")) {
    throw taskExit({ type: "nodedown", node: state.node }, ...call());
  }
  return outcome as TaskResult<T> | undefined;
}

function brief({ pid, ref, owner }: Task<unknown>): unknown {
  return { pid, ref, owner };
}

function describe(task: Task<unknown>, timeout: number | string): unknown[] {
  return [brief(task), timeout === Infinity ? "infinity" : timeout];
}
