/**
 * Streams of tasks: a function that runs on each element of an enumerable, a limited number at a time.
 *
 * As in Elixir, an intermediate process is linked to the owner of the stream and to its tasks. It times the tasks,
 * and ends them when the owner leaves the stream or exits. Outcomes of the tasks never wait in the owner's mailbox.
 */

import { ExitError } from "@otp/processes/errors";
import {
  type CancelOptions,
  isOver,
  remaining,
  TIME_LIMITS,
} from "../server/cancellation.ts";
import {
  ARRAY,
  countFrom,
  FLAG,
  oneOf,
} from "@otp/processes/values/check_arguments";
import { Fifo } from "@otp/processes/collections/fifo";
import {
  type Abortable,
  cancelTogether,
  watchSignal,
} from "@otp/processes/scheduling/abort_watch";
import type { Deadline, Expiring } from "@otp/processes/scheduling/deadlines";
import { inspect } from "@otp/processes/values/inspect";
import { never, waitingProcess } from "@otp/processes/runtime/current_process";
import type { Pid } from "@otp/processes/values/pid";
import { ignore } from "@otp/processes/promises/promises";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { callExit, describeTimeout } from "../server/server_ref.ts";
import { onDown } from "../server/on_exit.ts";
import { takeExit } from "../server/server.ts";
import {
  StreamMonitor,
  StreamTask,
  type TaskStarter,
} from "./stream_monitor.ts";
import { callersOf } from "./task_process.ts";
import type { TaskEnd } from "./task_state.ts";
import type { OptionChecks } from "@otp/processes/values/options";

/** How a stream runs its tasks. */
export interface StreamLimits extends CancelOptions {
  maxConcurrency: number;
  ordered: boolean;
  timeout: number;
  onTimeout: "exit" | "kill_task";
  zipInputOnExit: boolean;
}

export const STREAM_OPTIONS: OptionChecks<
  StreamLimits & { args: unknown[] }
> = {
  ...TIME_LIMITS,
  args: ARRAY,
  maxConcurrency: countFrom(1),
  ordered: FLAG,
  onTimeout: oneOf("exit", "kill_task"),
  zipInputOnExit: FLAG,
};

/** The result of a stream for each element: the task's value, or its exit reason. */
export type StreamItem =
  | { type: "ok"; value: unknown }
  | { type: "exit"; reason: unknown; input?: unknown };

/** Returns the limits, with the defaults filled in. */
export function streamLimits(
  {
    maxConcurrency = navigator.hardwareConcurrency,
    ordered = true,
    timeout = 5000,
    onTimeout = "exit",
    zipInputOnExit = false,
    signal,
    deadline,
  }: Partial<StreamLimits>,
): StreamLimits {
  return {
    ...{ maxConcurrency, ordered, timeout, onTimeout, zipInputOnExit },
    ...{ signal, deadline },
  };
}

/** A stream of tasks; each iteration runs the tasks anew, for the iterating process. */
export class TaskStream implements AsyncIterable<StreamItem> {
  readonly #elements: Iterable<unknown> | AsyncIterable<unknown>;
  readonly #starter: TaskStarter;
  readonly #limits: StreamLimits;

  constructor(
    elements: Iterable<unknown> | AsyncIterable<unknown>,
    starter: TaskStarter,
    limits: StreamLimits,
  ) {
    assertEnumerable(elements);
    this.#elements = elements;
    this.#starter = starter;
    this.#limits = limits;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamItem, void, void> {
    const owner = waitingProcess() ?? await never<LocalProcess>();
    const { maxConcurrency, ordered, signal, deadline } = this.#limits;
    signal?.throwIfAborted();
    if (isOver(deadline)) throw exitOf("timeout", this.#limits);
    const run = new StreamRun(owner, this.#starter, this.#limits);
    const input = new StreamInput(this.#elements);
    const done = new Map<number, StreamItem>();
    let started = 0;
    let delivered = 0;
    try {
      for (let ended = 0;; ended++) {
        while (!input.done && started - ended < maxConcurrency) {
          const pulled = input.next();
          const next = pulled instanceof Promise
            ? await run.orCancelled(pulled)
            : pulled;
          if (next.done) break;
          const lost = run.lost();
          if (lost !== undefined) await lost;
          const starting = run.start(started++, next.value);
          if (starting !== undefined) await starting;
        }
        if (ended === started) return;
        const { position, item } = run.take() ?? await run.next();
        done.set(ordered ? position : delivered, item);
        for (
          let next = done.get(delivered);
          next !== undefined;
          next = done.get(delivered)
        ) {
          done.delete(delivered++);
          const turn = owner.turn();
          if (turn !== undefined) await turn;
          yield next;
          const lost = run.lost();
          if (lost !== undefined) await lost;
        }
      }
    } finally {
      try {
        await run.close();
      } finally {
        await input.close();
      }
    }
  }
}

/** How one task of a stream ended. */
interface Ended {
  position: number;
  item: StreamItem;
}

/** One iteration over a stream, at the owner. */
class StreamRun implements Abortable, Expiring {
  readonly #owner: LocalProcess;
  readonly #callers: Pid[];
  readonly #limits: StreamLimits;
  readonly #starter: TaskStarter;
  readonly #host: StreamMonitor;
  /** Ended tasks that are not delivered yet; an exit marks where the owner must exit. */
  readonly #events = new Fifo<Ended | ExitError>();
  /** The reason why the stream's process has exited unexpectedly. */
  #lost: ExitError | undefined;
  /** Resolves when a task has changed; may settle outside the owner's turn, so the owner checks first. */
  #pulse: PromiseWithResolvers<void> | undefined;
  #over = false;
  /** Cancels the signal and the deadline of the stream. */
  #watch: Deadline | undefined;
  /** The error for the owner, when the signal or the deadline has ended the stream. */
  #cancelled: { error: unknown } | undefined;
  /** Ends the wait for an element. */
  #interrupt: ((error: unknown) => void) | undefined;

  constructor(owner: LocalProcess, starter: TaskStarter, limits: StreamLimits) {
    this.#owner = owner;
    this.#callers = callersOf(owner);
    this.#limits = limits;
    this.#starter = starter;
    this.#host = new StreamMonitor(owner, starter.link);
    onDown(
      owner,
      this.#host.process.pid,
      (reason) => this.#ended(reason),
      (error) => this.#abandon(error),
    );
    const { signal, deadline } = limits;
    const ms = remaining(Infinity, deadline);
    if (ms !== Infinity) this.#watch = owner.runtime.deadlines.add(ms, this);
    if (signal === undefined) return;
    this.#watch = cancelTogether(this.#watch, watchSignal(signal, this));
  }

  aborted(reason: unknown): void {
    this.#cancel(reason);
  }

  expire(): void {
    this.#cancel(exitOf("timeout", this.#limits));
  }

  /** Kills the tasks, even while the owner is busy with a result, and makes the owner's next step fail. */
  #cancel(error: unknown): void {
    this.#watch?.cancel();
    this.#cancelled = { error };
    this.#over = true;
    this.#host.stop();
    this.#interrupt?.(error);
    this.#pulse?.resolve();
  }

  /** Waits for an element, until the stream is cancelled. */
  orCancelled<T>(element: Promise<T>): Promise<T> {
    if (this.#watch === undefined) return element;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#interrupt = reject;
    element.then(resolve, reject);
    return promise;
  }

  /** Starts a task on an element; returns a promise if the element is not available at once. */
  start(position: number, element: unknown): Promise<void> | undefined {
    if (this.#cancelled !== undefined) throw this.#cancelled.error;
    if (this.#lost !== undefined) this.#exit(this.#lost);
    const task = new StreamTask(this.#host, position, element, {
      timeout: this.#limits.timeout,
      changed: () => this.#pulse?.resolve(),
      ended: (task, outcome, isLate) => this.#end(task, outcome, isLate),
    });
    this.#starter.start(task, this.#callers);
    return task.isStarting ? this.#started(task) : undefined;
  }

  async #started(task: StreamTask): Promise<void> {
    while (task.isStarting) {
      if (this.#cancelled !== undefined) throw this.#cancelled.error;
      if (this.#lost !== undefined) this.#exit(this.#lost);
      if (task.refusal !== undefined) throw task.refusal.error;
      await this.#wait();
    }
  }

  #end(task: StreamTask, outcome: TaskEnd, isLate: boolean): void {
    const { position, input } = task;
    const { onTimeout, zipInputOnExit } = this.#limits;
    if (isLate && onTimeout === "exit") {
      this.#events.push(exitOf("timeout", this.#limits));
    } else {
      const item = outcome.type === "exit" && zipInputOnExit
        ? { ...outcome, input }
        : outcome;
      this.#events.push({ position, item });
    }
    this.#pulse?.resolve();
  }

  /** Returns the next task that has exited, if there is one. */
  take(): Ended | undefined {
    if (this.#cancelled !== undefined) throw this.#cancelled.error;
    const event = this.#events.shift();
    if (event instanceof ExitError) this.#exit(event);
    return event;
  }

  /** Waits for the end of the next task. */
  async next(): Promise<Ended> {
    let ended = this.take();
    while (ended === undefined) {
      await this.#wait();
      ended = this.take();
    }
    return ended;
  }

  async #wait(): Promise<void> {
    this.#pulse = Promise.withResolvers();
    await this.#pulse.promise;
    this.#pulse = undefined;
  }

  /** Makes the owner exit. If the owner catches the exit, the tasks still run to their end. */
  #exit(error: ExitError): never {
    this.#over = true;
    this.#host.endWhenIdle();
    throw error;
  }

  /** Throws if the caller is not the owner: outcomes reach only the owner. */
  lost(): Promise<never> | undefined {
    const owner = this.#owner;
    if (!owner.alive) {
      if (owner.shell) throw owner.exitError();
      return never();
    }
    if (this.#cancelled !== undefined) throw this.#cancelled.error;
    const caller = waitingProcess();
    if (caller === owner) return undefined;
    throw new TypeError(
      `Cannot go on with a stream of tasks: ${owner.pid} began to iterate over it, and the caller is ${caller?.pid}; iterate over it in one process`,
    );
  }

  /** Ends the running tasks, and the stream's process. */
  async close(): Promise<void> {
    this.#watch?.cancel();
    if (this.#over || !this.#owner.alive) return;
    this.#over = true;
    if (this.#lost === undefined) {
      this.#pulse = Promise.withResolvers();
      this.#host.stop();
      await this.#pulse.promise;
    }
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Called when the stream's process has exited. */
  #ended(reason: unknown): void {
    if (!this.#over || reason !== "normal") {
      takeExit(this.#owner, this.#host.process.pid);
      this.#lost = exitOf(reason, this.#limits);
      this.#events.push(this.#lost);
    }
    this.#pulse?.resolve();
  }

  /** Called when the owner has exited. */
  #abandon(error: () => unknown): void {
    this.#watch?.cancel();
    const pulse = this.#pulse;
    if (pulse === undefined) return;
    // Nobody handles the rejection of a dead process's wait.
    pulse.promise.catch(ignore);
    pulse.reject(error());
  }
}

function exitOf(reason: unknown, { timeout }: StreamLimits): ExitError {
  const limit = describeTimeout(timeout);
  return callExit(reason, ["Task.Supervised", "stream", [limit]]);
}

/** @throws {TypeError} If a value is not iterable. */
function assertEnumerable(elements: unknown): void {
  const given = elements as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  const isEnumerable = elements !== undefined && elements !== null &&
    (typeof given[Symbol.iterator] === "function" ||
      typeof given[Symbol.asyncIterator] === "function");
  if (isEnumerable) return;
  throw new TypeError(
    `Cannot stream ${
      inspect(elements)
    }: give an iterable, such as an array or a generator`,
  );
}

/** The elements of an iterable or async iterable. */
class StreamInput {
  /** Whether the source has ended or failed. */
  done = false;
  #isPulling = false;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #isAsync: boolean;

  constructor(elements: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#isAsync = Symbol.asyncIterator in Object(elements);
    this.#iterator = this.#isAsync
      ? (elements as AsyncIterable<unknown>)[Symbol.asyncIterator]()
      : (elements as Iterable<unknown>)[Symbol.iterator]();
  }

  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    if (this.#isAsync) return this.#nextAsync();
    // A source that throws has ended.
    this.done = true;
    const next = this.#iterator.next() as IteratorResult<unknown>;
    this.done = next.done === true;
    return next;
  }

  async #nextAsync(): Promise<IteratorResult<unknown>> {
    try {
      this.#isPulling = true;
      const next = await this.#iterator.next();
      this.done = next.done === true;
      return next;
    } catch (error) {
      this.done = true;
      throw error;
    } finally {
      this.#isPulling = false;
    }
  }

  async close(): Promise<void> {
    if (this.done) return;
    const returned = this.#iterator.return?.();
    // A generator returns only after its next yield, and a cancelled stream does not wait for it.
    if (this.#isPulling) Promise.resolve(returned).catch(ignore);
    else await returned;
  }
}
